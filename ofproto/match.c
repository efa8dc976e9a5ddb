/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Matches off the wire, with the rules of OpenFlow 1.3.5, 7.2.3.3 to 7.2.3.6, and back. The error
 * codes are those of the standard, in the order in which Open vSwitch looks for them. Any thread.
 */
#include <errno.h>
#include <string.h>

#include "ofproto/match.h"
#include "oxm.h"

#define MATCH_OXM 1 /* OFPMT_OXM */

#define TCI_VID 0x1fff /* with "is there" */
#define TCI_PCP 0xe000

static int refuse(struct of_err *reterr_of, enum of_bad_match code)
{
	return of_err_set(reterr_of, OF_ET_BAD_MATCH, code);
}

static bool all_are(const uint8_t *bytes, unsigned n, uint8_t b)
{
	for (unsigned i = 0; i < n; i++)
		if (bytes[i] != b)
			return false;
	return true;
}

void of_match_set(
	struct of_match *match, enum of_field_id id, const uint8_t *value, const uint8_t *mask)
{
	const struct of_field *f = of_field(id);
	uint8_t *to = (uint8_t *)&match->value + f->offset;
	uint8_t *to_mask = (uint8_t *)&match->mask + f->offset;
	uint8_t ones[16];

	of_field_ones(id, ones);
	for (unsigned i = 0; i < f->n_bytes; i++) {
		to_mask[i] = mask ? mask[i] & ones[i] : ones[i];
		to[i] = value[i] & to_mask[i];
	}
}

/* A code that is not 0 takes from neighbour discovery what came before it. */
static bool breaks_nd(const struct of_match *match, enum of_field_id id, uint8_t code)
{
	return id == OF_FIELD_ICMPV6_CODE && code &&
	       (!all_are(match->mask.nd_target, 16, 0) || !all_are(match->mask.nd_sll, 6, 0) ||
		       !all_are(match->mask.nd_tll, 6, 0));
}

/* A field of a match that is being read: what came before counts. mask may be NULL. */
static int add(struct of_match *match, enum of_field_id id, const uint8_t *value,
	const uint8_t *mask, struct of_err *reterr_of)
{
	const struct of_field *f = of_field(id);
	bool is_wild = mask && all_are(mask, f->n_bytes, 0);

	if (mask && !f->maskable && !is_wild && !all_are(mask, f->n_bytes, 0xff))
		return refuse(reterr_of, OF_BM_BAD_MASK);
	if (!of_oxm_value_ok(id, value))
		return refuse(reterr_of, OF_BM_BAD_VALUE);
	if (f->prereq && !(f->prereq & of_prereqs_held(&match->value, &match->mask)))
		return refuse(reterr_of, OF_BM_BAD_PREREQ);
	if (breaks_nd(match, id, value[0]))
		return refuse(reterr_of, OF_BM_BAD_PREREQ);
	if (!all_are((uint8_t *)&match->mask + f->offset, f->n_bytes, 0))
		return refuse(reterr_of, OF_BM_DUP_FIELD);
	if (!is_wild)
		of_match_set(match, id, value, mask);
	return 0;
}

/* NXM_OF_IN_PORT: exact, or not at all. */
static int add_port_16(struct of_match *match, const struct of_oxm *oxm, struct of_err *reterr_of)
{
	uint32_t port = of_port_from_16(of_get_u16(oxm->value));
	uint8_t value[] = { (uint8_t)(port >> 24), (uint8_t)(port >> 16), (uint8_t)(port >> 8),
		(uint8_t)port };

	if (oxm->mask && all_are(oxm->mask, 2, 0))
		return 0;
	if (oxm->mask && !all_are(oxm->mask, 2, 0xff))
		return refuse(reterr_of, OF_BM_BAD_MASK);
	return add(match, OF_FIELD_IN_PORT, value, NULL, reterr_of);
}

/* NXM_OF_VLAN_TCI: two fields at once. A PCP is asked for whole, and of a tag that is there; that
 * it is 0 without a tag goes without saying. */
static int add_tci(struct of_match *match, const struct of_oxm *oxm, struct of_err *reterr_of)
{
	uint16_t value = of_get_u16(oxm->value);
	uint16_t mask = oxm->mask ? of_get_u16(oxm->mask) : 0xffff;
	uint8_t vid[] = { (uint8_t)((value & TCI_VID) >> 8), (uint8_t)value };
	uint8_t vid_mask[] = { (uint8_t)((mask & TCI_VID) >> 8), (uint8_t)mask };
	uint8_t pcp = (uint8_t)(value >> 13), pcp_mask = (uint8_t)(mask >> 13);

	if (match->mask.vlan_vid[0] || match->mask.vlan_vid[1])
		return refuse(reterr_of, OF_BM_DUP_FIELD);
	if (pcp_mask && pcp_mask != TCI_PCP >> 13)
		return refuse(reterr_of, OF_BM_BAD_MASK);
	of_match_set(match, OF_FIELD_VLAN_VID, vid, vid_mask);
	if (!pcp_mask || (!(value & SH_VLAN_THERE) && mask & SH_VLAN_THERE && pcp == 0))
		return 0;
	return add(match, OF_FIELD_VLAN_PCP, &pcp, NULL, reterr_of);
}

/* NXM_OF_IP_TOS: the two bits of ECN must be 0 and do not count. */
static int add_tos(struct of_match *match, const struct of_oxm *oxm, struct of_err *reterr_of)
{
	uint8_t dscp = oxm->value[0] >> 2;
	uint8_t mask = oxm->mask && !oxm->mask[0] ? 0 : 0xff;

	if (oxm->mask && oxm->mask[0] && oxm->mask[0] != 0xff)
		return refuse(reterr_of, OF_BM_BAD_MASK);
	if (oxm->value[0] & 3)
		return refuse(reterr_of, OF_BM_BAD_VALUE);
	return add(match, OF_FIELD_IP_DSCP, &dscp, &mask, reterr_of);
}

static int add_entry(struct of_match *match, const struct of_oxm *oxm, struct of_err *reterr_of)
{
	if (oxm->id < 0)
		return refuse(reterr_of, OF_BM_BAD_FIELD);
	if (!oxm->fits)
		return refuse(reterr_of, OF_BM_BAD_LEN);
	switch (oxm->id) {
	case OF_NXM_IN_PORT:
		return add_port_16(match, oxm, reterr_of);
	case OF_NXM_VLAN_TCI:
		return add_tci(match, oxm, reterr_of);
	case OF_NXM_IP_TOS:
		return add_tos(match, oxm, reterr_of);
	default:
		return add(match, (enum of_field_id)oxm->id, oxm->value, oxm->mask, reterr_of);
	}
}

int of_oxm_decode(const uint8_t *oxm, size_t n, struct of_match *ret, struct of_err *reterr_of)
{
	struct of_cursor c = { oxm, n };
	struct of_match match = { 0 };
	struct of_oxm entry;

	while (c.left > 0) {
		int r = of_oxm_take(&c, &entry, reterr_of);

		if (r == 0)
			r = add_entry(&match, &entry, reterr_of);
		if (r < 0)
			return r;
	}
	*ret = match;
	return 0;
}

int of_match_decode(struct of_cursor *c, struct of_match *ret, struct of_err *reterr_of)
{
	const uint8_t *at = c->at;
	size_t n;

	if (c->left < 4 || of_get_u16(at + 2) < 4)
		return refuse(reterr_of, OF_BM_BAD_LEN);
	if (of_get_u16(at) != MATCH_OXM)
		return refuse(reterr_of, OF_BM_BAD_TYPE);
	n = of_get_u16(at + 2);
	if (!of_take(c, (n + 7) / 8 * 8))
		return refuse(reterr_of, OF_BM_BAD_LEN);
	return of_oxm_decode(at + 4, n - 4, ret, reterr_of);
}

uint32_t of_match_prereqs(const struct of_match *match)
{
	struct sh_flow_key value = match->value;

	value.ip_frag = 0;
	return of_prereqs_held(&value, &match->mask);
}

static void encode_field(const struct of_match *match, enum of_field_id id, struct of_buf *out)
{
	const struct of_field *f = of_field(id);
	const uint8_t *value = (const uint8_t *)&match->value + f->offset;
	const uint8_t *mask = (const uint8_t *)&match->mask + f->offset;
	uint8_t ones[16];

	of_field_ones(id, ones);
	of_oxm_put(out, id, value, memcmp(mask, ones, f->n_bytes) ? mask : NULL);
}

void of_oxm_encode(const struct of_match *match, struct of_buf *out)
{
	uint32_t held = of_match_prereqs(match);

	for (int i = 0; i < OF_N_FIELDS; i++) {
		const struct of_field *f = of_field((enum of_field_id)i);
		const uint8_t *mask = (const uint8_t *)&match->mask + f->offset;

		if (f->name && !all_are(mask, f->n_bytes, 0) && (!f->prereq || f->prereq & held))
			encode_field(match, (enum of_field_id)i, out);
	}
}

void of_match_encode(const struct of_match *match, struct of_buf *out)
{
	size_t start = out->len;

	of_buf_put_u16(out, MATCH_OXM);
	of_buf_put_u16(out, 0);
	of_oxm_encode(match, out);
	of_buf_set_u16(out, start + 2, (uint16_t)(out->len - start));
	of_buf_pad8(out, start);
}
