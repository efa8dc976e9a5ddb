/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A match as ovs-ofctl prints one: the protocol by its name, then the other fields in the order
 * that ovs-ofctl has them, under the names that it gives them. Pure; any thread.
 */
#include <inttypes.h>
#include <string.h>

#include "format.h"
#include "ofproto/match.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

struct text {
	const struct of_match *match;
	struct of_buf *out;
	uint32_t held; /* prerequisites, to tell fields of one place apart */
};

/* clang-format off */
const struct of_protocol of_protocols[OF_N_PROTOCOLS] = {
	{ 0x0800, 1, "icmp" }, { 0x0800, 6, "tcp" }, { 0x0800, 17, "udp" }, { 0x0800, 132, "sctp" },
	{ 0x0800, -1, "ip" },
	{ 0x86dd, 58, "icmp6" }, { 0x86dd, 6, "tcp6" }, { 0x86dd, 17, "udp6" },
	{ 0x86dd, 132, "sctp6" }, { 0x86dd, -1, "ipv6" }, { 0x86dd, -1, "ip6" }, /* the first is printed */
	{ 0x0806, -1, "arp" }, { 0x8035, -1, "rarp" },
	{ 0x8847, -1, "mpls" }, { 0x8848, -1, "mplsm" },
};
/* clang-format on */

static bool has(const struct text *t, enum of_field_id id)
{
	const struct of_field *f = of_field(id);
	const uint8_t *mask = (const uint8_t *)&t->match->mask + f->offset;
	bool is_used = false;

	for (unsigned i = 0; i < f->n_bytes; i++)
		is_used |= mask[i] != 0;
	return is_used && (!f->prereq || f->prereq & t->held);
}

static const struct of_protocol *protocol_of(const struct text *t)
{
	unsigned type = of_get_u16(t->match->value.eth_type);

	for (unsigned i = 0; has(t, OF_FIELD_ETH_TYPE) && i < OF_N_PROTOCOLS; i++)
		if (of_protocols[i].eth_type == type &&
			(of_protocols[i].ip_proto < 0 ||
				(has(t, OF_FIELD_IP_PROTO) &&
					of_protocols[i].ip_proto == t->match->value.ip_proto)))
			return &of_protocols[i];
	return NULL;
}

static void put_named(const struct text *t, enum of_field_id id, const char *name)
{
	const struct of_field *f = of_field(id);

	if (!has(t, id))
		return;
	of_buf_printf(t->out, "%s=", name);
	of_format_value(t->out, id, (const uint8_t *)&t->match->value + f->offset,
		(const uint8_t *)&t->match->mask + f->offset);
	of_buf_put_u8(t->out, ',');
}

static void put(const struct text *t, enum of_field_id id)
{
	put_named(t, id, of_field(id)->name);
}

/* Numbers that are in decimal when they are whole, and both in hexadecimal else. */
static void put_port(const struct text *t, enum of_field_id id, const char *name)
{
	const struct of_field *f = of_field(id);
	unsigned value = of_get_u16((const uint8_t *)&t->match->value + f->offset);
	unsigned mask = of_get_u16((const uint8_t *)&t->match->mask + f->offset);

	if (!has(t, id))
		return;
	if (mask == 0xffff)
		of_buf_printf(t->out, "%s=%u,", name, value);
	else
		of_buf_printf(t->out, "%s=0x%x/0x%x,", name, value, mask);
}

/* C's "%#x": a number that is 0 has no "0x". */
static void put_hex(const struct text *t, enum of_field_id id)
{
	const struct of_field *f = of_field(id);
	uint64_t value = of_number((const uint8_t *)&t->match->value + f->offset, f->n_bytes);
	uint64_t mask = of_number((const uint8_t *)&t->match->mask + f->offset, f->n_bytes);

	if (!has(t, id))
		return;
	of_buf_printf(t->out, "%s=%#" PRIx64, f->name, value);
	if (mask != UINT64_MAX >> (64 - f->n_bits))
		of_buf_printf(t->out, "/%#" PRIx64, mask);
	of_buf_put_u8(t->out, ',');
}

/* A tag that is there, with a whole VID or a whole PCP, is dl_vlan and dl_vlan_pcp; all else is
 * the TCI, whose bit 12 says that a tag is there. */
static void put_vlan(const struct text *t)
{
	const struct sh_flow_key *value = &t->match->value, *mask = &t->match->mask;
	unsigned tci = of_get_u16(value->vlan_vid) | (unsigned)value->vlan_pcp << 13;
	unsigned tci_mask = of_get_u16(mask->vlan_vid) | (unsigned)mask->vlan_pcp << 13;
	unsigned vid_mask = tci_mask & 0xfff, pcp_mask = tci_mask >> 13;

	if (tci & SH_VLAN_THERE && (vid_mask || pcp_mask) && (!vid_mask || vid_mask == 0xfff)) {
		if (vid_mask)
			of_buf_printf(t->out, "dl_vlan=%u,", tci & 0xfff);
		if (pcp_mask)
			of_buf_printf(t->out, "dl_vlan_pcp=%u,", tci >> 13);
	} else if (tci_mask) {
		of_buf_printf(t->out, "vlan_tci=0x%04x/0x%04x,", tci, tci_mask);
	}
}

static void put_protocol(const struct text *t, const struct of_protocol *protocol)
{
	if (protocol)
		of_buf_printf(t->out, "%s,", protocol->name);
}

static void put_ipv6_label(const struct text *t)
{
	uint32_t value = of_get_u32(t->match->value.ipv6_flabel);
	uint32_t mask = of_get_u32(t->match->mask.ipv6_flabel);

	if (!has(t, OF_FIELD_IPV6_FLABEL))
		return;
	of_buf_printf(t->out, "ipv6_label=0x%05" PRIx32, value);
	if (mask != 0xfffff)
		of_buf_printf(t->out, "/0x%05" PRIx32, mask);
	of_buf_put_u8(t->out, ',');
}

static void put_pipeline_fields(const struct text *t)
{
	for (int i = OF_FIELD_REG0; i < OF_N_FIELDS; i++)
		put_hex(t, (enum of_field_id)i);
	put_hex(t, OF_FIELD_TUNNEL_ID);
	put_hex(t, OF_FIELD_METADATA);
	put(t, OF_FIELD_IN_PORT);
	put(t, OF_FIELD_IN_PHY_PORT);
}

static void put_ethernet(const struct text *t, const struct of_protocol *protocol)
{
	put_vlan(t);
	put_named(t, OF_FIELD_ETH_SRC, "dl_src");
	put_named(t, OF_FIELD_ETH_DST, "dl_dst");
	if (!protocol && has(t, OF_FIELD_ETH_TYPE))
		of_buf_printf(t->out, "dl_type=0x%04x,", of_get_u16(t->match->value.eth_type));
	put(t, OF_FIELD_PBB_ISID);
	put(t, OF_FIELD_PBB_UCA);
}

static void put_ip(const struct text *t, const struct of_protocol *protocol)
{
	put(t, OF_FIELD_IPV6_SRC);
	put(t, OF_FIELD_IPV6_DST);
	put_ipv6_label(t);
	put(t, OF_FIELD_IPV6_EXTHDR);
	put(t, OF_FIELD_ARP_SPA);
	put(t, OF_FIELD_ARP_TPA);
	put_named(t, OF_FIELD_IPV4_SRC, "nw_src");
	put_named(t, OF_FIELD_IPV4_DST, "nw_dst");
	if (!protocol || protocol->ip_proto < 0)
		put(t, OF_FIELD_IP_PROTO);
	put(t, OF_FIELD_ARP_OP);
	put(t, OF_FIELD_ARP_SHA);
	put(t, OF_FIELD_ARP_THA);
	if (has(t, OF_FIELD_IP_DSCP))
		of_buf_printf(t->out, "nw_tos=%d,", t->match->value.ip_dscp << 2);
	put(t, OF_FIELD_IP_ECN);
	put(t, OF_FIELD_IP_TTL);
	put(t, OF_FIELD_MPLS_LABEL);
	put(t, OF_FIELD_MPLS_TC);
	put(t, OF_FIELD_MPLS_BOS);
	put_named(t, OF_FIELD_IP_FRAG, "nw_frag");
}

static void put_l4(const struct text *t)
{
	static const enum of_field_id src[] = { OF_FIELD_TCP_SRC, OF_FIELD_UDP_SRC,
		OF_FIELD_SCTP_SRC };
	static const enum of_field_id dst[] = { OF_FIELD_TCP_DST, OF_FIELD_UDP_DST,
		OF_FIELD_SCTP_DST };

	put(t, OF_FIELD_ICMPV4_TYPE);
	put(t, OF_FIELD_ICMPV4_CODE);
	put_named(t, OF_FIELD_ICMPV6_TYPE, "icmp_type");
	put_named(t, OF_FIELD_ICMPV6_CODE, "icmp_code");
	put(t, OF_FIELD_IPV6_ND_TARGET);
	put(t, OF_FIELD_IPV6_ND_SLL);
	put(t, OF_FIELD_IPV6_ND_TLL);
	for (unsigned i = 0; i < N(src); i++)
		put_port(t, src[i], "tp_src");
	for (unsigned i = 0; i < N(dst); i++)
		put_port(t, dst[i], "tp_dst");
	put(t, OF_FIELD_TCP_FLAGS);
}

void of_match_format(const struct of_match *match, struct of_buf *out)
{
	struct text t = { match, out, of_match_prereqs(match) };
	const struct of_protocol *protocol = protocol_of(&t);
	size_t start = out->len;

	put_hex(&t, OF_FIELD_PKT_MARK);
	put(&t, OF_FIELD_CONJ_ID);
	put(&t, OF_FIELD_ACTSET_OUTPUT);
	put_protocol(&t, protocol);
	put_pipeline_fields(&t);
	put_ethernet(&t, protocol);
	put_ip(&t, protocol);
	put_l4(&t);
	of_buf_chomp(out, start, ',');
}
