/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The Internet checksum over pieces of any length, RFC 1071. Runs in workers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <rte_byteorder.h>
#include <rte_ip.h>

struct sum {
	uint64_t sum;
	bool odd; /* the next byte is at an odd place */
};

static inline void sum_add(struct sum *s, const uint8_t *at, uint32_t n)
{
	uint16_t part = rte_raw_cksum(at, n);

	s->sum += s->odd ? rte_bswap16(part) : part;
	s->odd ^= n & 1;
}

/** The pseudo header of TCP and UDP, RFC 793 and RFC 8200, 8.1. */
static inline void sum_add_pseudo(
	struct sum *s, const uint8_t *ip, bool is_v4, uint8_t protocol, uint32_t len)
{
	const uint8_t rest[4] = { 0, protocol, (uint8_t)(len >> 8), (uint8_t)len };

	sum_add(s, is_v4 ? ip + 12 : ip + 8, is_v4 ? 8 : 32);
	sum_add(s, rest, sizeof(rest));
}

/** As it lies in memory, not complemented. 0xffff over something that holds its own checksum. */
static inline uint16_t sum_fold(const struct sum *s)
{
	uint64_t sum = s->sum;

	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/** The checksum. To UDP zero would mean that there is none, and its complement says the same (RFC
 * 768); elsewhere zero is what everybody else writes. */
static inline void sum_store(const struct sum *s, uint8_t *at, bool is_udp)
{
	uint16_t v = (uint16_t)~sum_fold(s);

	if (v == 0 && is_udp)
		v = 0xffff;
	memcpy(at, &v, sizeof(v));
}
