/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The fields that a flow can match on and an action can write: one row each, with OXM and NXM
 * header, place in struct sh_flow_key and prerequisite (OpenFlow 1.3.5, 7.2.3.7).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/flow_key.h"

enum of_field_id {
	OF_FIELD_IN_PORT,
	OF_FIELD_IN_PHY_PORT,
	OF_FIELD_METADATA,
	OF_FIELD_ETH_DST,
	OF_FIELD_ETH_SRC,
	OF_FIELD_ETH_TYPE,
	OF_FIELD_VLAN_VID,
	OF_FIELD_VLAN_PCP,
	OF_FIELD_IP_DSCP,
	OF_FIELD_IP_ECN,
	OF_FIELD_IP_PROTO,
	OF_FIELD_IPV4_SRC,
	OF_FIELD_IPV4_DST,
	OF_FIELD_TCP_SRC,
	OF_FIELD_TCP_DST,
	OF_FIELD_UDP_SRC,
	OF_FIELD_UDP_DST,
	OF_FIELD_SCTP_SRC,
	OF_FIELD_SCTP_DST,
	OF_FIELD_ICMPV4_TYPE,
	OF_FIELD_ICMPV4_CODE,
	OF_FIELD_ARP_OP,
	OF_FIELD_ARP_SPA,
	OF_FIELD_ARP_TPA,
	OF_FIELD_ARP_SHA,
	OF_FIELD_ARP_THA,
	OF_FIELD_IPV6_SRC,
	OF_FIELD_IPV6_DST,
	OF_FIELD_IPV6_FLABEL,
	OF_FIELD_ICMPV6_TYPE,
	OF_FIELD_ICMPV6_CODE,
	OF_FIELD_IPV6_ND_TARGET,
	OF_FIELD_IPV6_ND_SLL,
	OF_FIELD_IPV6_ND_TLL,
	OF_FIELD_MPLS_LABEL,
	OF_FIELD_MPLS_TC,
	OF_FIELD_MPLS_BOS,
	OF_FIELD_PBB_ISID,
	OF_FIELD_TUNNEL_ID,
	OF_FIELD_IPV6_EXTHDR,
	OF_N_OXM_FIELDS, /* those of OpenFlow 1.3 end here */
	OF_FIELD_PBB_UCA = OF_N_OXM_FIELDS,
	OF_FIELD_TCP_FLAGS,
	OF_FIELD_ACTSET_OUTPUT,
	OF_FIELD_IP_TTL,
	OF_FIELD_IP_FRAG,
	OF_FIELD_PKT_MARK,
	OF_FIELD_CONJ_ID,
	OF_FIELD_REG0,
	OF_N_FIELDS = OF_FIELD_REG0 + SH_N_REGS,
};

/* An OXM header: class << 16 | field << 9 | has mask << 8 | bytes that follow. */
#define OF_OXM_CLASS_NXM_0        0x0000
#define OF_OXM_CLASS_NXM_1        0x0001
#define OF_OXM_CLASS_BASIC        0x8000
#define OF_OXM_CLASS_EXPERIMENTER 0xffff
#define OF_OXM_HAS_MASK           0x100u

struct of_field {
	const char *name; /* ovs-fields(7)'s, like "ip_src" */
	uint32_t header;  /* OXM; 0 when it has none */
	uint32_t nxm;     /* NXM of the same shape; 0 when it has none */
	uint8_t offset;   /* in struct sh_flow_key */
	uint8_t n_bytes, n_bits;
	bool maskable, writable;
	uint32_t prereq; /* OF_PREREQ_* of which one must hold; 0: none */
};

/* Prerequisites: what the match, or the frame's key, must say first. */
#define OF_PREREQ_VLAN    0x0001 /* a tag is there */
#define OF_PREREQ_IPV4    0x0002
#define OF_PREREQ_IPV6    0x0004
#define OF_PREREQ_ARP     0x0008 /* ARP and RARP */
#define OF_PREREQ_MPLS    0x0010
#define OF_PREREQ_PBB     0x0020
#define OF_PREREQ_TCP     0x0040 /* over either IP; not of a later fragment */
#define OF_PREREQ_UDP     0x0080
#define OF_PREREQ_SCTP    0x0100
#define OF_PREREQ_ICMPV4  0x0200
#define OF_PREREQ_ICMPV6  0x0400
#define OF_PREREQ_ND      0x0800 /* ICMPv6 135 or 136, code 0 */
#define OF_PREREQ_ND_NS   0x1000
#define OF_PREREQ_ND_NA   0x2000
#define OF_PREREQ_IN_PORT 0x4000

const struct of_field *of_field(enum of_field_id id);

/** By OXM or NXM header with or without the mask bit; -1 when there is none. thread: any. */
int of_field_by_header(uint32_t header);

/** The same whatever the length says. */
int of_field_by_number(uint16_t class, uint8_t number);

/** Ones in all bits that the field has. shape: ret[n_bytes] is written */
void of_field_ones(enum of_field_id id, uint8_t ret[16]);

/** What a key, or the exactly matched part of a match, satisfies: OF_PREREQ_*. mask may be NULL. */
uint32_t of_prereqs_held(const struct sh_flow_key *value, const struct sh_flow_key *mask);
