/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sums that follow a change. Workers run it for headers that actions change, in rewrite.c.
 */
#include "checksum.h"
#include "wire.h"

/* x^32 + x^28 + ... + 1 of CRC32c, the highest power at the lowest bit and the 33rd left out */
#define CASTAGNOLI 0x82f63b78u

uint32_t dp_sum_growth(const uint8_t *was, const uint8_t *is, uint32_t n, bool odd)
{
	/* Enough times zero, which is 0xffff, for the sum to stay above zero whatever is taken. */
	int64_t sum = 0xffff * (DP_SUM_CHANGE_MAX + 1);

	for (uint32_t i = 0; i < n; i++) {
		int32_t weight = (i + odd) & 1 ? 1 : 256;

		sum += weight * (is[i] - was[i]);
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

void dp_sum_grow(uint8_t *sum, uint32_t growth)
{
	uint32_t v = dp_load_be16(sum) + growth;

	dp_store_be16(sum, (v & 0xffff) + (v >> 16));
}

void dp_checksum_grow(uint8_t *checksum, uint32_t growth)
{
	uint32_t v = (~dp_load_be16(checksum) & 0xffffu) + growth;

	dp_store_be16(checksum, ~((v & 0xffff) + (v >> 16)));
}

/* Product of two polynomials over GF(2), modulo CRC32c's. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (uint32_t bit = 1u << 31; bit; bit >>= 1) {
		product ^= a & bit ? b : 0;
		b = b >> 1 ^ (b & 1 ? CASTAGNOLI : 0);
	}
	return product;
}

/* The CRC when n zero bytes follow: times x^(8n). */
static uint32_t shift(uint32_t crc, uint32_t n)
{
	/* x^8, and each the square of the one before it */
	static const uint32_t powers[] = { 0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c,
		0x18b8ea18, 0x510ac59a, 0xb82be955, 0xb8fdb1e7, 0x88e56f72, 0x74c360a4, 0xe4172b16,
		0x0d65762a, 0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc, 0xfe7740e6 };

	for (unsigned i = 0; n && i < sizeof(powers) / sizeof(powers[0]); i++, n >>= 1)
		if (n & 1)
			crc = multiply(powers[i], crc);
	return crc;
}

uint32_t dp_crc32c_change(const uint8_t *was, const uint8_t *is, uint32_t n, uint32_t n_behind)
{
	uint32_t crc = 0;

	for (uint32_t i = 0; i < n; i++) {
		crc ^= was[i] ^ is[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? CASTAGNOLI : 0);
	}
	return shift(crc, n_behind);
}
