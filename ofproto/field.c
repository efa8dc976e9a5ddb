/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The table of fields, one row each (OpenFlow 1.3.5, 7.2.3.7, table 12; ovs-fields(7)), and what a
 * key or a match says about prerequisites. Constant data; any thread.
 */
#include <string.h>

#include "ofproto/field.h"

#define HEADER(class, number, bytes) ((uint32_t)(class) << 16 | (number) << 9 | (bytes))
#define OXM(number, bytes)           HEADER(OF_OXM_CLASS_BASIC, number, bytes)
#define NXM_0(number, bytes)         HEADER(OF_OXM_CLASS_NXM_0, number, bytes)
#define NXM_1(number, bytes)         HEADER(OF_OXM_CLASS_NXM_1, number, bytes)

#define FIELD(id, name_, header_, nxm_, member, bits, maskable_, writable_, prereq_)               \
	[OF_FIELD_##id] = { .name = (name_),                                                       \
		.header = (header_),                                                               \
		.nxm = (nxm_),                                                                     \
		.offset = offsetof(struct sh_flow_key, member),                                    \
		.n_bytes = sizeof(((struct sh_flow_key *)NULL)->member),                           \
		.n_bits = (bits),                                                                  \
		.maskable = (maskable_),                                                           \
		.writable = (writable_),                                                           \
		.prereq = (prereq_) }
#define REG(i) FIELD(REG0 + (i), "reg" #i, 0, NXM_1(i, 4), regs[i], 32, 1, 1, 0)

#define IP (OF_PREREQ_IPV4 | OF_PREREQ_IPV6)

/* Name, OXM, NXM, place in the key, bits, maskable, writable, prerequisite. */
/* clang-format off */
static const struct of_field fields[OF_N_FIELDS] = {
	FIELD(IN_PORT, "in_port", OXM(0, 4), 0, in_port, 32, 0, 1, 0),
	FIELD(IN_PHY_PORT, "in_phy_port", OXM(1, 4), 0, in_phy_port, 32, 0, 0, OF_PREREQ_IN_PORT),
	FIELD(METADATA, "metadata", OXM(2, 8), 0, metadata, 64, 1, 1, 0),
	FIELD(ETH_DST, "eth_dst", OXM(3, 6), NXM_0(1, 6), eth_dst, 48, 1, 1, 0),
	FIELD(ETH_SRC, "eth_src", OXM(4, 6), NXM_0(2, 6), eth_src, 48, 1, 1, 0),
	FIELD(ETH_TYPE, "eth_type", OXM(5, 2), NXM_0(3, 2), eth_type, 16, 0, 1, 0),
	FIELD(VLAN_VID, "vlan_vid", OXM(6, 2), 0, vlan_vid, 13, 1, 1, 0),
	FIELD(VLAN_PCP, "vlan_pcp", OXM(7, 1), 0, vlan_pcp, 3, 0, 1, OF_PREREQ_VLAN),
	FIELD(IP_DSCP, "ip_dscp", OXM(8, 1), 0, ip_dscp, 6, 0, 1, IP),
	FIELD(IP_ECN, "nw_ecn", OXM(9, 1), NXM_1(28, 1), ip_ecn, 2, 0, 1, IP),
	FIELD(IP_PROTO, "nw_proto", OXM(10, 1), NXM_0(6, 1), ip_proto, 8, 0, 1, IP),
	FIELD(IPV4_SRC, "ip_src", OXM(11, 4), NXM_0(7, 4), ipv4_src, 32, 1, 1, OF_PREREQ_IPV4),
	FIELD(IPV4_DST, "ip_dst", OXM(12, 4), NXM_0(8, 4), ipv4_dst, 32, 1, 1, OF_PREREQ_IPV4),
	FIELD(TCP_SRC, "tcp_src", OXM(13, 2), NXM_0(9, 2), l4_src, 16, 1, 1, OF_PREREQ_TCP),
	FIELD(TCP_DST, "tcp_dst", OXM(14, 2), NXM_0(10, 2), l4_dst, 16, 1, 1, OF_PREREQ_TCP),
	FIELD(UDP_SRC, "udp_src", OXM(15, 2), NXM_0(11, 2), l4_src, 16, 1, 1, OF_PREREQ_UDP),
	FIELD(UDP_DST, "udp_dst", OXM(16, 2), NXM_0(12, 2), l4_dst, 16, 1, 1, OF_PREREQ_UDP),
	FIELD(SCTP_SRC, "sctp_src", OXM(17, 2), 0, l4_src, 16, 1, 1, OF_PREREQ_SCTP),
	FIELD(SCTP_DST, "sctp_dst", OXM(18, 2), 0, l4_dst, 16, 1, 1, OF_PREREQ_SCTP),
	FIELD(ICMPV4_TYPE, "icmp_type", OXM(19, 1), NXM_0(13, 1), icmp_type, 8, 0, 1,
		OF_PREREQ_ICMPV4),
	FIELD(ICMPV4_CODE, "icmp_code", OXM(20, 1), NXM_0(14, 1), icmp_code, 8, 0, 1,
		OF_PREREQ_ICMPV4),
	FIELD(ARP_OP, "arp_op", OXM(21, 2), NXM_0(15, 2), arp_op, 16, 0, 1, OF_PREREQ_ARP),
	FIELD(ARP_SPA, "arp_spa", OXM(22, 4), NXM_0(16, 4), arp_spa, 32, 1, 1, OF_PREREQ_ARP),
	FIELD(ARP_TPA, "arp_tpa", OXM(23, 4), NXM_0(17, 4), arp_tpa, 32, 1, 1, OF_PREREQ_ARP),
	FIELD(ARP_SHA, "arp_sha", OXM(24, 6), NXM_1(17, 6), arp_sha, 48, 1, 1, OF_PREREQ_ARP),
	FIELD(ARP_THA, "arp_tha", OXM(25, 6), NXM_1(18, 6), arp_tha, 48, 1, 1, OF_PREREQ_ARP),
	FIELD(IPV6_SRC, "ipv6_src", OXM(26, 16), NXM_1(19, 16), ipv6_src, 128, 1, 1,
		OF_PREREQ_IPV6),
	FIELD(IPV6_DST, "ipv6_dst", OXM(27, 16), NXM_1(20, 16), ipv6_dst, 128, 1, 1,
		OF_PREREQ_IPV6),
	FIELD(IPV6_FLABEL, "ipv6_label", OXM(28, 4), NXM_1(27, 4), ipv6_flabel, 20, 1, 1,
		OF_PREREQ_IPV6),
	FIELD(ICMPV6_TYPE, "icmpv6_type", OXM(29, 1), NXM_1(21, 1), icmp_type, 8, 0, 1,
		OF_PREREQ_ICMPV6),
	FIELD(ICMPV6_CODE, "icmpv6_code", OXM(30, 1), NXM_1(22, 1), icmp_code, 8, 0, 1,
		OF_PREREQ_ICMPV6),
	FIELD(IPV6_ND_TARGET, "nd_target", OXM(31, 16), NXM_1(23, 16), nd_target, 128, 1, 1,
		OF_PREREQ_ND),
	FIELD(IPV6_ND_SLL, "nd_sll", OXM(32, 6), NXM_1(24, 6), nd_sll, 48, 1, 1, OF_PREREQ_ND_NS),
	FIELD(IPV6_ND_TLL, "nd_tll", OXM(33, 6), NXM_1(25, 6), nd_tll, 48, 1, 1, OF_PREREQ_ND_NA),
	FIELD(MPLS_LABEL, "mpls_label", OXM(34, 4), 0, mpls_label, 20, 0, 1, OF_PREREQ_MPLS),
	FIELD(MPLS_TC, "mpls_tc", OXM(35, 1), 0, mpls_tc, 3, 0, 1, OF_PREREQ_MPLS),
	FIELD(MPLS_BOS, "mpls_bos", OXM(36, 1), 0, mpls_bos, 1, 0, 1, OF_PREREQ_MPLS),
	FIELD(PBB_ISID, "pbb_isid", OXM(37, 3), 0, pbb_isid, 24, 1, 1, OF_PREREQ_PBB),
	FIELD(TUNNEL_ID, "tun_id", OXM(38, 8), NXM_1(16, 8), tunnel_id, 64, 1, 1, 0),
	FIELD(IPV6_EXTHDR, "ipv6_exthdr", OXM(39, 2), 0, ipv6_exthdr, 9, 1, 0, OF_PREREQ_IPV6),
	FIELD(PBB_UCA, "pbb_uca", OXM(41, 1), 0, pbb_uca, 1, 0, 1, OF_PREREQ_PBB),
	FIELD(TCP_FLAGS, "tcp_flags", OXM(42, 2), NXM_1(34, 2), tcp_flags, 12, 1, 0,
		OF_PREREQ_TCP),
	FIELD(ACTSET_OUTPUT, "actset_output", OXM(43, 4), 0, actset_output, 32, 0, 0, 0),
	FIELD(IP_TTL, "nw_ttl", 0, NXM_1(29, 1), ip_ttl, 8, 0, 1, IP),
	FIELD(IP_FRAG, "ip_frag", 0, NXM_1(26, 1), ip_frag, 2, 1, 0, IP),
	FIELD(PKT_MARK, "pkt_mark", 0, NXM_1(33, 4), pkt_mark, 32, 1, 1, 0),
	FIELD(CONJ_ID, "conj_id", 0, NXM_1(37, 4), conj_id, 32, 0, 0, 0),
	REG(0), REG(1), REG(2), REG(3), REG(4), REG(5), REG(6), REG(7),
	REG(8), REG(9), REG(10), REG(11), REG(12), REG(13), REG(14), REG(15),
};

/* Prerequisites that an Ethernet type, or an IP protocol, fulfils. */
struct by_number { uint16_t number; uint32_t prereq; };
static const struct by_number by_eth_type[] = {
	{ 0x0800, OF_PREREQ_IPV4 }, { 0x86dd, OF_PREREQ_IPV6 }, { 0x0806, OF_PREREQ_ARP },
	{ 0x8035, OF_PREREQ_ARP }, { 0x8847, OF_PREREQ_MPLS }, { 0x8848, OF_PREREQ_MPLS },
	{ 0x88e7, OF_PREREQ_PBB },
};
static const struct by_number by_ipv4_proto[] = {
	{ 6, OF_PREREQ_TCP }, { 17, OF_PREREQ_UDP }, { 132, OF_PREREQ_SCTP },
	{ 1, OF_PREREQ_ICMPV4 },
};
static const struct by_number by_ipv6_proto[] = {
	{ 6, OF_PREREQ_TCP }, { 17, OF_PREREQ_UDP }, { 132, OF_PREREQ_SCTP },
	{ 58, OF_PREREQ_ICMPV6 },
};
/* clang-format on */

#define N(list) (sizeof(list) / sizeof(*(list)))

#define ND_SOLICIT 135
#define ND_ADVERT  136

const struct of_field *of_field(enum of_field_id id)
{
	return &fields[id];
}

static int find_nxm(uint32_t no_length)
{
	for (int i = 0; i < OF_N_FIELDS; i++)
		if (fields[i].nxm && (fields[i].nxm & ~0x1ffu) == no_length)
			return i;
	return -1;
}

int of_field_by_number(uint16_t class, uint8_t number)
{
	if (class != OF_OXM_CLASS_BASIC)
		return class <= OF_OXM_CLASS_NXM_1 ? find_nxm(HEADER(class, (uint32_t)number, 0))
						   : -1;
	if (number < OF_N_OXM_FIELDS)
		return number;
	for (int i = OF_N_OXM_FIELDS; i < OF_N_FIELDS; i++)
		if (fields[i].header && (fields[i].header & ~0x1ffu) == OXM((uint32_t)number, 0u))
			return i;
	return -1;
}

int of_field_by_header(uint32_t header)
{
	int id = of_field_by_number((uint16_t)(header >> 16), header >> 9 & 0x7f);
	unsigned n_bytes = header & 0xff;

	if (header & OF_OXM_HAS_MASK) {
		if (n_bytes % 2)
			return -1;
		n_bytes /= 2;
	}
	return id >= 0 && fields[id].n_bytes == n_bytes ? id : -1;
}

void of_field_ones(enum of_field_id id, uint8_t ret[16])
{
	const struct of_field *f = &fields[id];
	unsigned spare = f->n_bytes * 8u - f->n_bits;

	memset(ret, 0xff, f->n_bytes);
	for (unsigned i = 0; i < f->n_bytes && spare > 0; i++) {
		unsigned here = spare < 8 ? spare : 8;

		ret[i] = (uint8_t)(0xff >> here);
		spare -= here;
	}
}

static uint32_t look_up(const struct by_number *rows, size_t n, unsigned number)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].number == number)
			return rows[i].prereq;
	return 0;
}

/* Neighbour discovery: the code is 0 even if nothing says so. */
static uint32_t of_icmpv6(const struct sh_flow_key *v, const struct sh_flow_key *m)
{
	if ((m && !m->icmp_type) || v->icmp_code)
		return 0;
	if (v->icmp_type == ND_SOLICIT)
		return OF_PREREQ_ND | OF_PREREQ_ND_NS;
	return v->icmp_type == ND_ADVERT ? OF_PREREQ_ND | OF_PREREQ_ND_NA : 0;
}

static uint32_t of_ip(uint32_t ip, const struct sh_flow_key *v, const struct sh_flow_key *m)
{
	uint32_t held;

	if (m && !m->ip_proto)
		return 0;
	held = ip == OF_PREREQ_IPV4 ? look_up(by_ipv4_proto, N(by_ipv4_proto), v->ip_proto)
				    : look_up(by_ipv6_proto, N(by_ipv6_proto), v->ip_proto);
	if (v->ip_frag & SH_FRAG_LATER)
		held &= ~(uint32_t)(OF_PREREQ_TCP | OF_PREREQ_UDP | OF_PREREQ_SCTP);
	if (held & OF_PREREQ_ICMPV6)
		held |= of_icmpv6(v, m);
	return held;
}

uint32_t of_prereqs_held(const struct sh_flow_key *value, const struct sh_flow_key *mask)
{
	unsigned eth_type = (unsigned)value->eth_type[0] << 8 | value->eth_type[1];
	uint32_t held = 0;

	if (!mask || mask->in_port[3])
		held |= OF_PREREQ_IN_PORT;
	if (value->vlan_vid[0] & (SH_VLAN_THERE >> 8))
		held |= OF_PREREQ_VLAN;
	if (mask && !mask->eth_type[0])
		return held;
	held |= look_up(by_eth_type, N(by_eth_type), eth_type);
	if (held & IP)
		held |= of_ip(held & IP, value, mask);
	return held;
}
