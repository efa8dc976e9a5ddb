/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The one hash step of the dataplane, for flows, frames and what is learned of them.
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
