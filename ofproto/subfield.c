/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bits of fields: their names on the wire and as text. Pure; any thread.
 */
#include <stdio.h>
#include <string.h>

#include "oxm.h"
#include "subfield.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

#define VID_BITS 12

/* Where NXM's own fields lie in the key's. */
static const struct cut {
	int nxm;
	uint32_t header;
	uint8_t first, n_bits; /* of the NXM field */
	uint8_t field;         /* bit 0 of it is bit `first` of the NXM field */
	const char *name;
	uint8_t nxm_bits;
} cuts[] = {
	{ OF_NXM_IN_PORT, 0u << 9 | 2, 0, 16, OF_FIELD_IN_PORT, "NXM_OF_IN_PORT", 16 },
	{ OF_NXM_VLAN_TCI, 4u << 9 | 2, 0, VID_BITS, OF_FIELD_VLAN_VID, "NXM_OF_VLAN_TCI", 16 },
	{ OF_NXM_VLAN_TCI, 4u << 9 | 2, 13, 3, OF_FIELD_VLAN_PCP, "NXM_OF_VLAN_TCI", 16 },
	{ OF_NXM_IP_TOS, 5u << 9 | 1, 2, 6, OF_FIELD_IP_DSCP, "NXM_OF_IP_TOS", 8 },
};

/* clang-format off */
static const char *const names[OF_FIELD_REG0] = {
	[OF_FIELD_IN_PORT] = "OXM_OF_IN_PORT", [OF_FIELD_IN_PHY_PORT] = "OXM_OF_IN_PHY_PORT",
	[OF_FIELD_METADATA] = "OXM_OF_METADATA", [OF_FIELD_ETH_DST] = "NXM_OF_ETH_DST",
	[OF_FIELD_ETH_SRC] = "NXM_OF_ETH_SRC", [OF_FIELD_ETH_TYPE] = "NXM_OF_ETH_TYPE",
	[OF_FIELD_VLAN_VID] = "OXM_OF_VLAN_VID", [OF_FIELD_VLAN_PCP] = "OXM_OF_VLAN_PCP",
	[OF_FIELD_IP_DSCP] = "OXM_OF_IP_DSCP", [OF_FIELD_IP_ECN] = "NXM_NX_IP_ECN",
	[OF_FIELD_IP_PROTO] = "NXM_OF_IP_PROTO", [OF_FIELD_IPV4_SRC] = "NXM_OF_IP_SRC",
	[OF_FIELD_IPV4_DST] = "NXM_OF_IP_DST", [OF_FIELD_TCP_SRC] = "NXM_OF_TCP_SRC",
	[OF_FIELD_TCP_DST] = "NXM_OF_TCP_DST", [OF_FIELD_UDP_SRC] = "NXM_OF_UDP_SRC",
	[OF_FIELD_UDP_DST] = "NXM_OF_UDP_DST", [OF_FIELD_SCTP_SRC] = "OXM_OF_SCTP_SRC",
	[OF_FIELD_SCTP_DST] = "OXM_OF_SCTP_DST", [OF_FIELD_ICMPV4_TYPE] = "NXM_OF_ICMP_TYPE",
	[OF_FIELD_ICMPV4_CODE] = "NXM_OF_ICMP_CODE", [OF_FIELD_ARP_OP] = "NXM_OF_ARP_OP",
	[OF_FIELD_ARP_SPA] = "NXM_OF_ARP_SPA", [OF_FIELD_ARP_TPA] = "NXM_OF_ARP_TPA",
	[OF_FIELD_ARP_SHA] = "NXM_NX_ARP_SHA", [OF_FIELD_ARP_THA] = "NXM_NX_ARP_THA",
	[OF_FIELD_IPV6_SRC] = "NXM_NX_IPV6_SRC", [OF_FIELD_IPV6_DST] = "NXM_NX_IPV6_DST",
	[OF_FIELD_IPV6_FLABEL] = "NXM_NX_IPV6_LABEL",
	[OF_FIELD_ICMPV6_TYPE] = "NXM_NX_ICMPV6_TYPE",
	[OF_FIELD_ICMPV6_CODE] = "NXM_NX_ICMPV6_CODE",
	[OF_FIELD_IPV6_ND_TARGET] = "NXM_NX_ND_TARGET", [OF_FIELD_IPV6_ND_SLL] = "NXM_NX_ND_SLL",
	[OF_FIELD_IPV6_ND_TLL] = "NXM_NX_ND_TLL", [OF_FIELD_MPLS_LABEL] = "OXM_OF_MPLS_LABEL",
	[OF_FIELD_MPLS_TC] = "OXM_OF_MPLS_TC", [OF_FIELD_MPLS_BOS] = "OXM_OF_MPLS_BOS",
	[OF_FIELD_PBB_ISID] = "OXM_OF_PBB_ISID", [OF_FIELD_TUNNEL_ID] = "NXM_NX_TUN_ID",
	[OF_FIELD_IPV6_EXTHDR] = "OXM_OF_IPV6_EXTHDR", [OF_FIELD_PBB_UCA] = "OXM_OF_PBB_UCA",
	[OF_FIELD_TCP_FLAGS] = "NXM_NX_TCP_FLAGS",
	[OF_FIELD_ACTSET_OUTPUT] = "OXM_OF_ACTSET_OUTPUT", [OF_FIELD_IP_TTL] = "NXM_NX_IP_TTL",
	[OF_FIELD_IP_FRAG] = "NXM_NX_IP_FRAG", [OF_FIELD_PKT_MARK] = "NXM_NX_PKT_MARK",
	[OF_FIELD_CONJ_ID] = "NXM_NX_CONJ_ID",
};
/* clang-format on */

static int refuse(struct of_err *reterr_of, enum of_bad_action code)
{
	return of_err_set(reterr_of, OF_ET_BAD_ACTION, code);
}

unsigned of_subfield_bits(enum of_field_id id)
{
	return id == OF_FIELD_VLAN_VID ? VID_BITS : of_field(id)->n_bits;
}

static int decode_cut(int nxm, unsigned offset, unsigned n_bits, struct of_subfield *ret,
	struct of_err *reterr_of)
{
	for (unsigned i = 0; i < N(cuts); i++) {
		const struct cut *cut = &cuts[i];

		if (cut->nxm != nxm || offset < cut->first ||
			offset + n_bits > (unsigned)cut->first + cut->n_bits)
			continue;
		*ret = (struct of_subfield){ .field = cut->field,
			.offset = (uint8_t)(offset - cut->first),
			.n_bits = (uint8_t)n_bits,
			.is_nxm = true };
		return 0;
	}
	return refuse(reterr_of, OF_BA_BAD_SET_LEN);
}

int of_subfield_decode(uint32_t header, unsigned offset, unsigned n_bits, struct of_subfield *ret,
	struct of_err *reterr_of)
{
	int id = of_oxm_id_by_header(header);

	if (id < 0 || header & OF_OXM_HAS_MASK)
		return refuse(reterr_of, OF_BA_BAD_SET_TYPE);
	if (n_bits == 0 || n_bits > 128 || offset > 127)
		return refuse(reterr_of, OF_BA_BAD_SET_LEN);
	if (id >= OF_N_FIELDS)
		return decode_cut(id, offset, n_bits, ret, reterr_of);
	if (offset + n_bits > of_subfield_bits((enum of_field_id)id))
		return refuse(reterr_of, OF_BA_BAD_SET_LEN);
	*ret = (struct of_subfield){
		.field = (uint8_t)id, .offset = (uint8_t)offset, .n_bits = (uint8_t)n_bits
	};
	return 0;
}

static const struct cut *cut_of(const struct of_subfield *sf)
{
	for (unsigned i = 0; sf->is_nxm && i < N(cuts); i++)
		if (cuts[i].field == sf->field)
			return &cuts[i];
	return NULL;
}

/* All of a port number stands for all of NXM's 16-bit one. */
static unsigned n_in_cut(const struct cut *cut, const struct of_subfield *sf)
{
	return sf->n_bits > cut->n_bits ? cut->n_bits : sf->n_bits;
}

uint32_t of_subfield_header(const struct of_subfield *sf, unsigned *ret_offset, unsigned *ret_n)
{
	const struct cut *cut = cut_of(sf);
	const struct of_field *f = of_field(sf->field);

	*ret_offset = sf->offset + (cut ? cut->first : 0u);
	*ret_n = cut ? n_in_cut(cut, sf) : sf->n_bits;
	return cut ? cut->header : f->nxm ? f->nxm : f->header;
}

void of_subfield_format(struct of_buf *out, const struct of_subfield *sf)
{
	const struct cut *cut = cut_of(sf);
	unsigned offset, n_bits, all = cut ? cut->nxm_bits : of_subfield_bits(sf->field);

	of_subfield_header(sf, &offset, &n_bits);
	if (sf->field >= OF_FIELD_REG0)
		of_buf_printf(out, "NXM_NX_REG%d", sf->field - OF_FIELD_REG0);
	else
		of_buf_puts(out, cut ? cut->name : names[sf->field]);
	if (offset == 0 && n_bits == all)
		of_buf_puts(out, "[]");
	else if (n_bits == 1)
		of_buf_printf(out, "[%u]", offset);
	else
		of_buf_printf(out, "[%u..%u]", offset, offset + n_bits - 1);
}

static int id_by_name(const char *name)
{
	unsigned reg;
	char rest;

	for (int i = 0; i < OF_FIELD_REG0; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	if (sscanf(name, "NXM_NX_REG%2u%c", &reg, &rest) != 1 || reg >= SH_N_REGS)
		return -1;
	return OF_FIELD_REG0 + (int)reg;
}

uint32_t of_subfield_by_name(const char *name, unsigned *ret_bits)
{
	int id = id_by_name(name);
	const struct of_field *f;

	for (unsigned i = 0; i < N(cuts); i++) {
		if (strcmp(cuts[i].name, name) != 0)
			continue;
		*ret_bits = cuts[i].nxm_bits;
		return cuts[i].header;
	}
	if (id < 0)
		return 0;
	f = of_field((enum of_field_id)id);
	*ret_bits = of_subfield_bits((enum of_field_id)id);
	return f->nxm ? f->nxm : f->header;
}

bool of_subfield_equal(const struct of_subfield *a, const struct of_subfield *b)
{
	return a->field == b->field && a->offset == b->offset && a->n_bits == b->n_bits &&
	       a->is_nxm == b->is_nxm;
}
