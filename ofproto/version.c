/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The versions that are spoken: one row each. Any thread.
 */
#include "ofproto/version.h"

static const struct of_version *const versions[] = { &of13_version };

#define N_VERSIONS (sizeof(versions) / sizeof(versions[0]))

const struct of_version *of_version_by_wire(uint8_t wire)
{
	for (unsigned i = 0; i < N_VERSIONS; i++)
		if (versions[i]->wire == wire)
			return versions[i];
	return NULL;
}

uint32_t of_versions_spoken(void)
{
	uint32_t map = 0;

	for (unsigned i = 0; i < N_VERSIONS; i++)
		map |= UINT32_C(1) << versions[i]->wire;
	return map;
}
