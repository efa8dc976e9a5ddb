/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Numbers of the protocols that headers are read and changed of, and big-endian bytes of any
 * alignment. IANA's registries and IEEE 802.1Q name them.
 */
#pragma once

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define ETHERTYPE_IPV4    0x0800
#define ETHERTYPE_ARP     0x0806
#define ETHERTYPE_RARP    0x8035
#define ETHERTYPE_VLAN    0x8100
#define ETHERTYPE_IPV6    0x86dd
#define ETHERTYPE_MPLS    0x8847
#define ETHERTYPE_MPLS_MC 0x8848
#define ETHERTYPE_SLOW    0x8809 /* LACP and its like */
#define ETHERTYPE_QINQ    0x88a8
#define ETHERTYPE_LLDP    0x88cc
#define ETHERTYPE_PBB     0x88e7
#define ETHERTYPE_MIN     0x0600 /* below: IEEE 802.3's length */
#define ETHERTYPE_NONE    0x05ff /* OpenFlow's for a frame that has a length */

#define PROTO_HOPOPTS  0
#define PROTO_ICMP     1
#define PROTO_TCP      6
#define PROTO_UDP      17
#define PROTO_ROUTING  43
#define PROTO_FRAGMENT 44
#define PROTO_ESP      50
#define PROTO_AH       51
#define PROTO_ICMPV6   58
#define PROTO_NONE     59
#define PROTO_DSTOPTS  60
#define PROTO_SCTP     132

#define ND_SOLICIT 135
#define ND_ADVERT  136

#define ETH_BYTES  14
#define VLAN_BYTES 4
#define MPLS_BYTES 4
#define IPV4_BYTES 20
#define IPV6_BYTES 40

static inline uint16_t dp_load_be16(const void *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return be16toh(v);
}

static inline uint32_t dp_load_be32(const void *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return be32toh(v);
}

static inline void dp_store_be16(void *at, uint32_t v)
{
	uint16_t be = htobe16((uint16_t)v);

	memcpy(at, &be, sizeof(be));
}

static inline void dp_store_be32(void *at, uint32_t v)
{
	uint32_t be = htobe32(v);

	memcpy(at, &be, sizeof(be));
}
