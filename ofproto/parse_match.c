/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Matches from text: protocols by their names, fields under all of the names that ovs-fields(7)
 * has for them. A word that needs another one waits for it, so their order does not matter. Pure;
 * any thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "format.h"
#include "parse.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

/* The fields that one name may mean: the first whose prerequisite holds. */
struct alias {
	const char *name;
	uint8_t n, ids[5];
};

/* clang-format off */
static const struct alias aliases[] = {
	{ "dl_src", 1, { OF_FIELD_ETH_SRC } },
	{ "dl_dst", 1, { OF_FIELD_ETH_DST } },
	{ "dl_type", 1, { OF_FIELD_ETH_TYPE } },
	{ "nw_src", 2, { OF_FIELD_IPV4_SRC, OF_FIELD_ARP_SPA } },
	{ "nw_dst", 2, { OF_FIELD_IPV4_DST, OF_FIELD_ARP_TPA } },
	{ "ipv4_src", 1, { OF_FIELD_IPV4_SRC } },
	{ "ipv4_dst", 1, { OF_FIELD_IPV4_DST } },
	{ "nw_proto", 2, { OF_FIELD_IP_PROTO, OF_FIELD_ARP_OP } },
	{ "ip_proto", 1, { OF_FIELD_IP_PROTO } },
	{ "ip_ecn", 1, { OF_FIELD_IP_ECN } },
	{ "ip_ttl", 1, { OF_FIELD_IP_TTL } },
	{ "nw_frag", 1, { OF_FIELD_IP_FRAG } },
	{ "tp_src", 5, { OF_FIELD_TCP_SRC, OF_FIELD_UDP_SRC, OF_FIELD_SCTP_SRC,
		OF_FIELD_ICMPV4_TYPE, OF_FIELD_ICMPV6_TYPE } },
	{ "tp_dst", 5, { OF_FIELD_TCP_DST, OF_FIELD_UDP_DST, OF_FIELD_SCTP_DST,
		OF_FIELD_ICMPV4_CODE, OF_FIELD_ICMPV6_CODE } },
	{ "icmp_type", 2, { OF_FIELD_ICMPV4_TYPE, OF_FIELD_ICMPV6_TYPE } },
	{ "icmp_code", 2, { OF_FIELD_ICMPV4_CODE, OF_FIELD_ICMPV6_CODE } },
	{ "icmpv4_type", 1, { OF_FIELD_ICMPV4_TYPE } },
	{ "icmpv4_code", 1, { OF_FIELD_ICMPV4_CODE } },
	{ "ipv6_flabel", 1, { OF_FIELD_IPV6_FLABEL } },
	{ "ipv6_nd_target", 1, { OF_FIELD_IPV6_ND_TARGET } },
	{ "ipv6_nd_sll", 1, { OF_FIELD_IPV6_ND_SLL } },
	{ "ipv6_nd_tll", 1, { OF_FIELD_IPV6_ND_TLL } },
	{ "tunnel_id", 1, { OF_FIELD_TUNNEL_ID } },
};

/* What a user writes so that a prerequisite holds. */
static const struct { uint32_t prereq; const char *word; } needs[] = {
	{ OF_PREREQ_VLAN, "dl_vlan" }, { OF_PREREQ_IPV4, "ip" }, { OF_PREREQ_IPV6, "ipv6" },
	{ OF_PREREQ_ARP, "arp" }, { OF_PREREQ_MPLS, "mpls" }, { OF_PREREQ_PBB, "dl_type=0x88e7" },
	{ OF_PREREQ_TCP, "tcp" }, { OF_PREREQ_UDP, "udp" }, { OF_PREREQ_SCTP, "sctp" },
	{ OF_PREREQ_ICMPV4, "icmp" }, { OF_PREREQ_ICMPV6, "icmp6" },
	{ OF_PREREQ_ND, "icmp6,icmp_type=135 or 136" }, { OF_PREREQ_ND_NS, "icmp6,icmp_type=135" },
	{ OF_PREREQ_ND_NA, "icmp6,icmp_type=136" }, { OF_PREREQ_IN_PORT, "in_port" },
};
/* clang-format on */

int of_prereq_lacks(struct sh_err *err, const char *key, uint32_t prereq)
{
	struct of_buf words = { 0 };

	for (unsigned i = 0; i < N(needs); i++)
		if (needs[i].prereq & prereq)
			of_buf_printf(&words, "%s'%s'", words.len ? " or " : "", needs[i].word);
	sh_err_set(err, -EINVAL, "%.64s: the match must say %.*s too", key, (int)words.len,
		words.data ? (const char *)words.data : "more");
	of_buf_done(&words);
	return -EINVAL;
}

int of_parse_field(const char *name)
{
	for (int i = 0; i < OF_N_FIELDS; i++)
		if (of_field((enum of_field_id)i)->name &&
			strcmp(of_field((enum of_field_id)i)->name, name) == 0)
			return i;
	return -1;
}

static const struct of_protocol *find_protocol(const char *name)
{
	for (unsigned i = 0; i < OF_N_PROTOCOLS; i++)
		if (strcmp(of_protocols[i].name, name) == 0)
			return &of_protocols[i];
	return NULL;
}

static struct alias find_alias(const char *name)
{
	int id = of_parse_field(name);

	for (unsigned i = 0; i < N(aliases); i++)
		if (strcmp(aliases[i].name, name) == 0)
			return aliases[i];
	return (struct alias){ .n = id >= 0, .ids = { (uint8_t)(id >= 0 ? id : 0) } };
}

int of_field_pick(const char *name, uint32_t held)
{
	struct alias alias = find_alias(name);

	for (unsigned i = 0; i < alias.n; i++) {
		uint32_t prereq = of_field(alias.ids[i])->prereq;

		if (!prereq || prereq & held)
			return alias.ids[i];
	}
	return alias.n ? alias.ids[0] : -1;
}

static bool is_set(const struct of_match *match, enum of_field_id id)
{
	const struct of_field *f = of_field(id);
	const uint8_t *mask = (const uint8_t *)&match->mask + f->offset;

	for (unsigned i = 0; i < f->n_bytes; i++)
		if (mask[i])
			return true;
	return false;
}

static int set_twice(struct sh_err *err, const char *key)
{
	return sh_err_set(err, -EINVAL, "%.64s: the match says that already", key);
}

/* A protocol's word; what it says may have been said before, but not otherwise. */
static int set_number(struct of_match *match, const char *key, enum of_field_id id, unsigned number,
	struct sh_err *err)
{
	const struct of_field *f = of_field(id);
	uint8_t value[2] = { (uint8_t)(number >> 8), (uint8_t)number };
	const uint8_t *v = value + sizeof(value) - f->n_bytes;

	if (is_set(match, id) && memcmp((uint8_t *)&match->value + f->offset, v, f->n_bytes))
		return sh_err_set(err, -EINVAL, "%.64s: the match names another protocol", key);
	of_match_set(match, id, v, NULL);
	return 0;
}

static int set_protocol(struct of_match *match, const struct of_word *word,
	const struct of_protocol *protocol, struct sh_err *err)
{
	int r = word->mark ? of_parse_refuse(err, word->key, word->value, "nothing") : 0;

	if (r == 0)
		r = set_number(match, word->key, OF_FIELD_ETH_TYPE, protocol->eth_type, err);
	if (r == 0 && protocol->ip_proto >= 0)
		r = set_number(
			match, word->key, OF_FIELD_IP_PROTO, (unsigned)protocol->ip_proto, err);
	return r;
}

/* Words that are no field as it is: VLANs as OpenFlow 1.0 had them, and the octet of DSCP. */

#define NO_TAG 0xffff

static void set_vid(struct of_match *match, unsigned value, unsigned mask)
{
	uint8_t v[] = { (uint8_t)(value >> 8), (uint8_t)value };
	uint8_t m[] = { (uint8_t)(mask >> 8), (uint8_t)mask };

	of_match_set(match, OF_FIELD_VLAN_VID, v, m);
}

static int dl_vlan(struct of_match *match, struct of_word *word, struct sh_err *err)
{
	uint64_t v;

	if (is_set(match, OF_FIELD_VLAN_VID) &&
		memcmp(match->mask.vlan_vid, (uint8_t[]){ SH_VLAN_THERE >> 8, 0 }, 2) != 0)
		return set_twice(err, word->key);
	if (of_parse_number(word->key, word->value, NO_TAG, &v, err) < 0)
		return -EINVAL;
	if (v > 4095 && v != NO_TAG)
		return of_parse_refuse(
			err, word->key, word->value, "0 to 4095, or 0xffff for no tag");
	set_vid(match, v == NO_TAG ? 0 : SH_VLAN_THERE | (unsigned)v, 0x1fff);
	return 0;
}

static int dl_vlan_pcp(struct of_match *match, struct of_word *word, struct sh_err *err)
{
	uint64_t v;
	uint8_t pcp;

	if (is_set(match, OF_FIELD_VLAN_PCP))
		return set_twice(err, word->key);
	if (of_parse_number(word->key, word->value, 7, &v, err) < 0)
		return -EINVAL;
	if (!is_set(match, OF_FIELD_VLAN_VID))
		set_vid(match, SH_VLAN_THERE, SH_VLAN_THERE);
	else if (!(match->value.vlan_vid[0] & SH_VLAN_THERE >> 8))
		return of_prereq_lacks(err, word->key, OF_PREREQ_VLAN);
	pcp = (uint8_t)v;
	of_match_set(match, OF_FIELD_VLAN_PCP, &pcp, NULL);
	return 0;
}

/* A PCP counts as a whole, and of a tag that is there: that it is 0 without one goes without
 * saying. */
static int set_tci_pcp(struct of_match *match, const struct of_word *word, unsigned value,
	unsigned mask, struct sh_err *err)
{
	uint8_t pcp = (uint8_t)(value >> 13);

	if (!(mask >> 13) || (!(value & SH_VLAN_THERE) && mask & SH_VLAN_THERE && !pcp))
		return 0;
	if (mask >> 13 != 7)
		return sh_err_set(err, -EINVAL,
			"%.64s: the mask must take in all of the priority, "
			"0xe000, or nothing of it",
			word->key);
	if (!(value & mask & SH_VLAN_THERE))
		return sh_err_set(err, -EINVAL,
			"%.64s: a priority needs a tag, 0x1000 in value and mask", word->key);
	of_match_set(match, OF_FIELD_VLAN_PCP, &pcp, NULL);
	return 0;
}

static int vlan_tci(struct of_match *match, struct of_word *word, struct sh_err *err)
{
	char *slash = strchr(word->value, '/');
	uint64_t value, mask = UINT16_MAX;
	int r;

	if (is_set(match, OF_FIELD_VLAN_VID) || is_set(match, OF_FIELD_VLAN_PCP))
		return set_twice(err, word->key);
	if (slash)
		*slash = '\0';
	r = of_parse_number(word->key, word->value, UINT16_MAX, &value, err);
	if (r == 0 && slash)
		r = of_parse_number(word->key, slash + 1, UINT16_MAX, &mask, err);
	if (r < 0)
		return r;
	set_vid(match, (unsigned)value, (unsigned)mask);
	return set_tci_pcp(match, word, (unsigned)(value & mask), (unsigned)mask, err);
}

static int nw_tos(struct of_match *match, struct of_word *word, struct sh_err *err)
{
	uint64_t v;
	uint8_t dscp;

	if (is_set(match, OF_FIELD_IP_DSCP))
		return set_twice(err, word->key);
	if (of_parse_number(word->key, word->value, UINT8_MAX, &v, err) < 0)
		return -EINVAL;
	if (v & 3)
		return of_parse_refuse(err, word->key, word->value,
			"a multiple of 4; nw_ecn is for the two bits below");
	dscp = (uint8_t)(v >> 2);
	of_match_set(match, OF_FIELD_IP_DSCP, &dscp, NULL);
	return 0;
}

static const struct special {
	const char *name;
	uint32_t prereq, kept; /* before it; in the end */
	int (*set)(struct of_match *match, struct of_word *word, struct sh_err *err);
} specials[] = {
	{ "dl_vlan", 0, 0, dl_vlan },
	{ "dl_vlan_pcp", 0, OF_PREREQ_VLAN, dl_vlan_pcp },
	{ "vlan_tci", 0, 0, vlan_tci },
	{ "nw_tos", OF_PREREQ_IPV4 | OF_PREREQ_IPV6, 0, nw_tos },
};

static const struct special *find_special(const char *name)
{
	for (unsigned i = 0; i < N(specials); i++)
		if (strcmp(specials[i].name, name) == 0)
			return &specials[i];
	return NULL;
}

static int set_field(struct of_match *match, struct of_word *word, enum of_field_id id,
	const struct of_text_names *names, struct sh_err *err)
{
	uint8_t value[16], mask[16];
	int r;

	if (!word->mark)
		return sh_err_set(err, -EINVAL, "%.64s: a value is missing", word->key);
	if (is_set(match, id))
		return set_twice(err, word->key);
	r = of_parse_value(names, id, word->key, word->value, value, mask, err);
	if (r == 0)
		of_match_set(match, id, value, mask);
	return r;
}

/* What of the match there is decides what the word means. return: 1 done, 0 not yet */
static int try_alias(struct of_match *match, struct of_term *term, const struct alias *alias,
	const struct of_text_names *names, struct sh_err *err)
{
	uint32_t held = of_match_prereqs(match);

	term->prereq = 0;
	for (unsigned i = 0; i < alias->n; i++) {
		uint32_t prereq = of_field(alias->ids[i])->prereq;

		term->prereq |= prereq;
		if (prereq && !(prereq & held))
			continue;
		term->prereq = prereq;
		return set_field(match, &term->word, alias->ids[i], names, err) < 0 ? -EINVAL : 1;
	}
	return 0;
}

static int try_term(struct of_match *match, struct of_term *term, const struct of_text_names *names,
	struct sh_err *err)
{
	const struct of_protocol *protocol = find_protocol(term->word.key);
	const struct special *special = find_special(term->word.key);
	struct alias alias = find_alias(term->word.key);

	if (protocol)
		return set_protocol(match, &term->word, protocol, err) < 0 ? -EINVAL : 1;
	if (!special && !alias.n)
		return sh_err_set(err, -EINVAL, "'%.64s' is no field", term->word.key);
	if (strcmp(term->word.value, "*") == 0)
		return 1;
	if (!special)
		return try_alias(match, term, &alias, names, err);
	term->prereq = special->prereq;
	if (special->prereq && !(special->prereq & of_match_prereqs(match)))
		return 0;
	term->prereq |= special->kept;
	return special->set(match, &term->word, err) < 0 ? -EINVAL : 1;
}

int of_terms_add(struct of_terms *terms, const struct of_word *word, struct sh_err *err)
{
	if (terms->n == OF_MAX_TERMS)
		return sh_err_set(err, -EINVAL, "'%.64s' is one word too many", word->key);
	terms->list[terms->n++] = (struct of_term){ .word = *word };
	return 0;
}

/* What came later may have taken away what a field needs. */
static int check_prereqs(
	const struct of_terms *terms, const struct of_match *match, struct sh_err *err)
{
	uint32_t held = of_match_prereqs(match);

	for (unsigned i = 0; i < terms->n; i++) {
		const struct of_term *t = &terms->list[i];

		if (!t->is_done || (t->prereq && !(t->prereq & held)))
			return of_prereq_lacks(err, t->word.key, t->prereq);
	}
	return 0;
}

int of_terms_match(struct of_terms *terms, const struct of_text_names *names, struct of_match *ret,
	struct sh_err *err)
{
	struct of_match match = { 0 };
	bool goes_on = true;
	int r;

	while (goes_on) {
		goes_on = false;
		for (unsigned i = 0; i < terms->n; i++) {
			struct of_term *t = &terms->list[i];

			r = t->is_done ? 0 : try_term(&match, t, names, err);
			if (r < 0)
				return r;
			t->is_done |= r > 0;
			goes_on |= r > 0;
		}
	}
	r = check_prereqs(terms, &match, err);
	if (r == 0)
		*ret = match;
	return r;
}

int of_match_parse(const char *text, const struct of_text_names *names, struct of_match *ret,
	struct sh_err *err)
{
	_cleanup_free_ char *copy = strdup(text);
	struct of_terms terms = { .n = 0 };
	struct of_word word;
	char *at = copy;
	int r;

	if (!copy)
		return sh_err_set(err, -ENOMEM, "out of memory");
	while ((r = of_word_next(&at, &word, err)) > 0) {
		r = of_terms_add(&terms, &word, err);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : of_terms_match(&terms, names, ret, err);
}
