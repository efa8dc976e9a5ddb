/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Fields of up to 128 bits as numbers, as actions move and load them; in memory they are
 * big-endian.
 */
#pragma once

#include <stdint.h>

typedef unsigned __int128 sh_u128;

/** shape: p[n], n <= 16 */
static inline sh_u128 sh_load_be(const uint8_t *p, unsigned n)
{
	sh_u128 v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/** shape: p[n], n <= 16 */
static inline void sh_store_be(uint8_t *p, unsigned n, sh_u128 v)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

/** The lowest n bits. shape: n <= 128 */
static inline sh_u128 sh_ones(unsigned n)
{
	return n >= 128 ? ~(sh_u128)0 : ((sh_u128)1 << n) - 1;
}
