/* SPDX-License-Identifier: BSD-3-Clause
 *
 * FNV-1a (Fowler, Noll, Vo), 64 bits: for what is compared, not for what is secret.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint64_t vmm_checksum(const void *data, size_t n)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (const uint8_t *byte = data; n; n--)
		hash = (hash ^ *byte++) * UINT64_C(0x100000001b3);
	return hash;
}
