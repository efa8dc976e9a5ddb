/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Datapath ids as text, and their default. Pure; any thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ofproto/dpid.h"

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)((p - digits) & 15) : -1;
}

int of_dpid_parse(const char *text, uint64_t *ret)
{
	uint64_t dpid = 0;

	for (int i = 0; i < 16; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0)
			return -EINVAL;
		dpid = dpid << 4 | (uint64_t)digit;
	}
	if (text[16] != '\0' || dpid == 0)
		return -EINVAL;
	*ret = dpid;
	return 0;
}

void of_dpid_format(uint64_t dpid, char ret[OF_DPID_LEN])
{
	snprintf(ret, OF_DPID_LEN, "%016" PRIx64, dpid);
}

static uint64_t fnv1a(uint64_t hash, const char *text)
{
	/* The 0 at the end counts too, so that "ab" "c" is not "a" "bc". */
	for (;;) {
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
		if (!*text++)
			return hash;
	}
}

uint64_t of_dpid_derive(const char *bridge, const char *machine_id)
{
	uint64_t hash = fnv1a(fnv1a(UINT64_C(0xcbf29ce484222325), machine_id), bridge);

	/* The low 48 bits are an address by convention: locally administered, unicast. */
	hash = (hash & ~(UINT64_C(3) << 40)) | UINT64_C(2) << 40;
	return hash;
}
