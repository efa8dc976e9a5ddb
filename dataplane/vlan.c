/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Parsing of VLAN lists. Touches nothing but its arguments; any thread.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/vlan.h"

static int parse_vlan(const char **text, uint16_t *ret)
{
	unsigned value = 0;
	const char *p = *text;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		value = value * 10 + (unsigned)(*p - '0');
		if (value > DP_VLAN_MAX)
			return -ERANGE;
	}
	*text = p;
	*ret = (uint16_t)value;
	return 0;
}

static int parse_range(const char **text, uint64_t *set)
{
	uint16_t first, last;
	int r = parse_vlan(text, &first);

	if (r < 0)
		return r;
	last = first;
	if (**text == '-') {
		(*text)++;
		r = parse_vlan(text, &last);
		if (r < 0)
			return r;
	}
	if (last < first)
		return -EINVAL;
	for (uint16_t vlan = first; vlan <= last; vlan++)
		dp_vlan_set_add(set, vlan);
	return 0;
}

int dp_vlan_set_parse(const char *text, uint64_t ret[DP_VLAN_WORDS])
{
	uint64_t set[DP_VLAN_WORDS] = { 0 };

	if (strcmp(text, "all") == 0) {
		const char *all = "0-4094";

		(void)parse_range(&all, set);
		memcpy(ret, set, sizeof(set));
		return 0;
	}
	for (;;) {
		int r = parse_range(&text, set);

		if (r < 0)
			return r;
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return -EINVAL;
	}
	memcpy(ret, set, sizeof(set));
	return 0;
}
