/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The hash steps of the dataplane, for flows, frames and what is learned of them.
 */
#pragma once

#include <stdint.h>

/**
 * A word is mixed into a hash: a 64-bit multiplication, folded. All bits of the result depend on
 * all of both. Begin with a secret seed, or whoever sends frames can choose words that collide.
 */
static inline uint64_t dp_hash_mix(uint64_t h, uint64_t word)
{
	unsigned __int128 product = (unsigned __int128)(h ^ word) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/**
 * Two words in one multiplication. For sharing out frames, where nobody gains by a collision: who
 * chooses one word to be the constant's complement takes the other out of it.
 */
static inline uint64_t dp_hash_two(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)(a ^ UINT64_C(0x9e3779b97f4a7c15)) *
				    (b ^ UINT64_C(0xc2b2ae3d27d4eb4f));

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}
