/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a flow can match on, as one fixed struct: the key of a frame, and the value and the mask of
 * a match. OpenFlow's side and the dataplane share this layout, so a match needs no translation on
 * its way to the tables, and neither includes the other.
 *
 * Every field is its OXM value: big endian, at a byte of its own. A field that the frame does not
 * have is 0. Fields that never occur in one frame (ARP's and IPv4's addresses) share their place.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define SH_N_REGS     16
#define SH_VLAN_THERE 0x1000 /* in vlan_vid: the frame has a tag (OFPVID_PRESENT) */

/* ip_frag, as Nicira's NXM_NX_IP_FRAG */
#define SH_FRAG_ANY   0x1
#define SH_FRAG_LATER 0x2

typedef uint8_t sh_be16[2];
typedef uint8_t sh_be24[3];
typedef uint8_t sh_be32[4];
typedef uint8_t sh_be64[8];
typedef uint8_t sh_be128[16];
typedef uint8_t sh_mac[6];

struct sh_flow_key {
	union {
		struct {
			sh_be32 in_port;
			sh_be32 actset_output; /* of OpenFlow 1.5; the action set's output port */
			sh_be64 metadata;
			sh_mac eth_dst;
			sh_be16 eth_type; /* behind all VLAN tags; below 0x0600: 0x05ff */
			sh_mac eth_src;
			sh_be16 vlan_vid; /* outermost tag; 0 without, else | SH_VLAN_THERE */
			uint8_t vlan_pcp;
			uint8_t ip_proto;
			uint8_t ip_dscp; /* 6 bits, at the low end */
			uint8_t ip_ecn;
			uint8_t ip_ttl;
			uint8_t ip_frag; /* SH_FRAG_* */
			uint8_t mpls_tc; /* outermost label stack entry */
			uint8_t mpls_bos;
			union {
				sh_be32 ipv4_src;
				sh_be32 arp_spa;
			};
			union {
				sh_be32 ipv4_dst;
				sh_be32 arp_tpa;
			};
			union {
				sh_be16 l4_src;    /* TCP, UDP, SCTP */
				uint8_t icmp_type; /* v4 and v6 */
			};
			union {
				sh_be16 l4_dst;
				uint8_t icmp_code;
			};
			sh_be16 tcp_flags; /* 12 bits */
			sh_be16 arp_op;
			sh_be32 mpls_label; /* 20 bits */
			sh_be24 pbb_isid;
			uint8_t pbb_uca;
			sh_be32 ipv6_flabel; /* 20 bits */
			sh_be16 ipv6_exthdr; /* OFPIEH_* */
			sh_be16 pad_;
			sh_be128 ipv6_src;
			sh_be128 ipv6_dst;
			sh_be128 nd_target;
			union {
				sh_mac arp_sha;
				sh_mac nd_sll;
			};
			sh_be16 pad2_;
			union {
				sh_mac arp_tha;
				sh_mac nd_tll;
			};
			sh_be16 pad3_;
			sh_be64 tunnel_id;
			sh_be32 pkt_mark;
			sh_be32 conj_id;
			sh_be32 in_phy_port;
			sh_be32 pad4_;
			sh_be32 regs[SH_N_REGS];
		};
		uint64_t words[28];
	};
};

#define SH_KEY_WORDS 28

static_assert(sizeof(struct sh_flow_key) == 8 * SH_KEY_WORDS, "words cover the key");
static_assert(offsetof(struct sh_flow_key, ipv4_src) == 40, "no hidden padding");
static_assert(offsetof(struct sh_flow_key, ipv6_src) == 72, "no hidden padding");
static_assert(offsetof(struct sh_flow_key, regs) == 160, "no hidden padding");

/** The words of which a mask uses any bit, as a bit map. thread: any. */
static inline uint32_t sh_flow_key_used(const struct sh_flow_key *mask)
{
	uint32_t used = 0;

	for (unsigned i = 0; i < SH_KEY_WORDS; i++)
		used |= (uint32_t)(mask->words[i] != 0) << i;
	return used;
}
