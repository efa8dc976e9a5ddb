/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Frames as a test has them: from hex, as a key made of "field=hex" words, and whether all their
 * checksums hold, computed over the whole frame by nothing that the switch has.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/flow_key.h"
#include "golden_frames.h"
#include "unit.h"

#define N_GOLDEN  (sizeof(golden) / sizeof(golden[0]))
#define MAX_FRAME 2048

static inline unsigned hex_bytes(const char *hex, size_t n_hex, uint8_t *to)
{
	for (size_t i = 0; i < n_hex; i += 2) {
		unsigned v = 0;

		assert_int_equal(sscanf(hex + i, "%2x", &v), 1);
		to[i / 2] = (uint8_t)v;
	}
	return (unsigned)(n_hex / 2);
}

static inline uint32_t golden_bytes(const struct golden *g, uint8_t *to)
{
	assert_true(strlen(g->hex) <= 2 * MAX_FRAME);
	return hex_bytes(g->hex, strlen(g->hex), to);
}

static inline const struct golden *golden_named(const char *name)
{
	for (unsigned i = 0; i < N_GOLDEN; i++)
		if (strcmp(golden[i].name, name) == 0)
			return &golden[i];
	fail_msg("no frame %s", name);
	return NULL;
}

/* Every field that is of a frame. */
static const struct key_field {
	const char *name;
	uint8_t offset, n_bytes;
} key_fields[] = {
#define FIELD(f)                                                                                   \
	{                                                                                          \
#f, offsetof(struct sh_flow_key, f), sizeof(((struct sh_flow_key *)NULL)->f)       \
	}
	FIELD(eth_dst),
	FIELD(eth_src),
	FIELD(eth_type),
	FIELD(vlan_vid),
	FIELD(vlan_pcp),
	FIELD(ip_proto),
	FIELD(ip_dscp),
	FIELD(ip_ecn),
	FIELD(ip_ttl),
	FIELD(ip_frag),
	FIELD(mpls_tc),
	FIELD(mpls_bos),
	FIELD(ipv4_src),
	FIELD(ipv4_dst),
	FIELD(arp_spa),
	FIELD(arp_tpa),
	FIELD(l4_src),
	FIELD(l4_dst),
	FIELD(icmp_type),
	FIELD(icmp_code),
	FIELD(tcp_flags),
	FIELD(arp_op),
	FIELD(mpls_label),
	FIELD(pbb_isid),
	FIELD(pbb_uca),
	FIELD(ipv6_flabel),
	FIELD(ipv6_exthdr),
	FIELD(ipv6_src),
	FIELD(ipv6_dst),
	FIELD(nd_target),
	FIELD(arp_sha),
	FIELD(arp_tha),
	FIELD(nd_sll),
	FIELD(nd_tll),
#undef FIELD
};
#define N_KEY_FIELDS (sizeof(key_fields) / sizeof(key_fields[0]))

static inline const struct key_field *key_field_named(const char *name, size_t n)
{
	for (unsigned i = 0; i < N_KEY_FIELDS; i++)
		if (strlen(key_fields[i].name) == n && strncmp(key_fields[i].name, name, n) == 0)
			return &key_fields[i];
	fail_msg("no field %s", name);
	return NULL;
}

/* Write "name=hex name=hex" into a key. */
static inline void key_put(struct sh_flow_key *key, const char *words)
{
	while (*words) {
		size_t n_name = strcspn(words, "="), n_hex = strcspn(words + n_name, " ") - 1;
		const struct key_field *f = key_field_named(words, n_name);

		assert_int_equal(n_hex, 2 * f->n_bytes);
		hex_bytes(words + n_name + 1, n_hex, (uint8_t *)key + f->offset);
		words += n_name + 1 + n_hex;
		words += strspn(words, " ");
	}
}

static inline void keys_equal(
	const struct sh_flow_key *is, const struct sh_flow_key *want, const char *name)
{
	for (unsigned i = 0; i < N_KEY_FIELDS; i++) {
		const struct key_field *f = &key_fields[i];

		if (memcmp((const uint8_t *)is + f->offset, (const uint8_t *)want + f->offset,
			    f->n_bytes) != 0)
			fail_msg("%s: %s is another", name, f->name);
	}
	assert_memory_equal(is, want, sizeof(*is));
}

static inline uint32_t be16_at(const uint8_t *p)
{
	return (uint32_t)(p[0] << 8 | p[1]);
}

/* The sum of RFC 1071, not complemented. */
static inline uint32_t plain_sum(uint32_t sum, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline uint32_t plain_crc32c(const uint8_t *p, uint32_t n)
{
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* An upper layer as the sums see it. */
struct plain_l4 {
	uint8_t proto;
	const uint8_t *at, *src, *dst; /* addresses of the pseudo header */
	uint32_t n, n_address;
};

static inline uint32_t pseudo_sum(const struct plain_l4 *l4)
{
	uint8_t rest[4] = { 0, l4->proto, (uint8_t)(l4->n >> 8), (uint8_t)l4->n };
	uint32_t sum = plain_sum(0, l4->src, l4->n_address);

	return plain_sum(plain_sum(sum, l4->dst, l4->n_address), rest, 4);
}

static inline bool l4_sum_holds(const struct plain_l4 *l4)
{
	uint8_t copy[MAX_FRAME];

	switch (l4->proto) {
	case 6:
		return l4->n < 20 || plain_sum(pseudo_sum(l4), l4->at, l4->n) == 0xffff;
	case 17:
		return l4->n < 8 || be16_at(l4->at + 6) == 0 ||
		       plain_sum(pseudo_sum(l4), l4->at, l4->n) == 0xffff;
	case 58:
		return l4->n_address == 4 || l4->n < 8 ||
		       plain_sum(pseudo_sum(l4), l4->at, l4->n) == 0xffff;
	case 1:
		return l4->n_address == 16 || l4->n < 8 || plain_sum(0, l4->at, l4->n) == 0xffff;
	case 132:
		if (l4->n < 12)
			return true;
		memcpy(copy, l4->at, l4->n);
		memset(copy + 8, 0, 4);
		return plain_crc32c(copy, l4->n) ==
		       (l4->at[8] | (uint32_t)l4->at[9] << 8 | (uint32_t)l4->at[10] << 16 |
			       (uint32_t)l4->at[11] << 24);
	default:
		return true;
	}
}

/* return: false when the packet has no upper layer with a sum over what is here */
static inline bool find_l4_of_ipv6(const uint8_t *ip, struct plain_l4 *l4)
{
	const uint8_t *at = ip + 40, *end = at + be16_at(ip + 4);
	uint8_t proto = ip[6];

	*l4 = (struct plain_l4){ .src = ip + 8, .dst = ip + 24, .n_address = 16 };
	while (proto == 0 || proto == 43 || proto == 44 || proto == 51 || proto == 60) {
		uint32_t n = proto == 44 ? 8 : proto == 51 ? at[1] * 4u + 8 : at[1] * 8u + 8;

		if (at + 8 > end || at + n > end || (proto == 44 && be16_at(at + 2) != 0))
			return false;
		if (proto == 43 && at[3] != 0)
			l4->dst = at + n - 16;
		proto = at[0];
		at += n;
	}
	l4->proto = proto;
	l4->at = at;
	l4->n = (uint32_t)(end - at);
	return true;
}

static inline bool find_l4_of_ipv4(const uint8_t *ip, struct plain_l4 *l4)
{
	uint32_t n = (ip[0] & 15u) * 4;

	*l4 = (struct plain_l4){ ip[9], ip + n, ip + 12, ip + 16, be16_at(ip + 2) - n, 4 };
	return (be16_at(ip + 6) & 0x3fff) == 0;
}

/* Where IP begins, through tags, labels, I-TAG and SNAP; 0 when there is none, whole. */
static inline uint32_t find_ip(const uint8_t *frame, uint32_t len)
{
	uint32_t at = 12, type = 0;

	while (at + 2 <= len) {
		type = be16_at(frame + at);
		at += 2;
		if (type == 0x8100 || type == 0x88a8)
			at += 2;
		else if (type == 0x88e7)
			at += 16;
		else if (type < 0x600 && at + 8 <= len && be16_at(frame + at) == 0xaaaa)
			at += 6;
		else
			break;
	}
	if (at + 20 > len)
		return 0;
	if (type == 0x8847 || type == 0x8848) {
		while (at + 4 < len && !(frame[at + 2] & 1))
			at += 4;
		at += 4;
		type = frame[at] >> 4 == 4 ? 0x800 : frame[at] >> 4 == 6 ? 0x86dd : 0;
	}
	if (type == 0x800 && at + 20 <= len && (frame[at] & 15) >= 5)
		return at + be16_at(frame + at + 2) <= len &&
				       be16_at(frame + at + 2) >= (frame[at] & 15u) * 4
			       ? at
			       : 0;
	return type == 0x86dd && at + 40 + be16_at(frame + at + 4) <= len ? at : 0;
}

/* Whether the IPv4 header's checksum and the upper layer's hold. */
static inline bool frame_sums_hold(const uint8_t *frame, uint32_t len)
{
	uint32_t ip = find_ip(frame, len);
	struct plain_l4 l4;

	if (!ip)
		return true;
	if (frame[ip] >> 4 == 6)
		return !find_l4_of_ipv6(frame + ip, &l4) || l4_sum_holds(&l4);
	if (plain_sum(0, frame + ip, (frame[ip] & 15u) * 4) != 0xffff)
		return false;
	return !find_l4_of_ipv4(frame + ip, &l4) || l4_sum_holds(&l4);
}

static inline void put_sum(uint8_t *at, uint32_t sum)
{
	at[0] = (uint8_t)(~sum >> 8);
	at[1] = (uint8_t)~sum;
}

/* Compute the upper layer's checksum from nothing; at is its place in the frame. */
static inline void put_l4_sum(uint8_t *at, const struct plain_l4 *l4)
{
	static const uint8_t offsets[256] = { [1] = 2, [6] = 16, [17] = 6, [58] = 2, [132] = 8 };
	uint8_t *sum = at + offsets[l4->proto];
	uint32_t crc;

	if (offsets[l4->proto] == 0 || (l4->proto == 17 && be16_at(sum) == 0))
		return;
	if (l4->proto == 132) {
		memset(sum, 0, 4);
		crc = plain_crc32c(at, l4->n);
		for (int i = 0; i < 4; i++)
			sum[i] = (uint8_t)(crc >> 8 * i);
		return;
	}
	memset(sum, 0, 2);
	put_sum(sum, plain_sum(l4->proto == 1 ? 0 : pseudo_sum(l4), at, l4->n));
	if (l4->proto == 17 && be16_at(sum) == 0)
		memset(sum, 0xff, 2);
}

/* Compute all checksums of a frame from nothing. */
static inline void frame_put_sums(uint8_t *frame, uint32_t len)
{
	uint32_t ip = find_ip(frame, len);
	struct plain_l4 l4;
	bool has_l4;

	if (!ip)
		return;
	if (frame[ip] >> 4 == 6) {
		has_l4 = find_l4_of_ipv6(frame + ip, &l4);
	} else {
		has_l4 = find_l4_of_ipv4(frame + ip, &l4);
		memset(frame + ip + 10, 0, 2);
		put_sum(frame + ip + 10, plain_sum(0, frame + ip, (frame[ip] & 15u) * 4));
	}
	if (has_l4)
		put_l4_sum(frame + (l4.at - frame), &l4);
}
