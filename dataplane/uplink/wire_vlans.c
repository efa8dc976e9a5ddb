/* SPDX-License-Identifier: BSD-3-Clause
 *
 * VLANs of ports as tags on a wire, by the same rules as the fast path's (vlan_rules.h), and those
 * of the host. Pure; any thread.
 */
#include <stdio.h>
#include <string.h>

#include "uplink/wire_vlans.h"
#include "vlan_rules.h"

#define NAME_BYTES 16 /* of an interface, with its end */

void dp_vlans_add(const struct dp_vlan_policy *port, uint64_t used[DP_VLAN_WORDS])
{
	for (unsigned i = 0; port->mode != DP_VLAN_ACCESS && i < DP_VLAN_WORDS; i++)
		used[i] |= port->trunk[i];
	if (port->mode != DP_VLAN_TRUNK)
		dp_vlan_set_add(used, port->vlan);
}

void dp_vlans_on_wire(const struct dp_vlan_policy *uplink, const uint64_t used[DP_VLAN_WORDS],
	uint64_t ret[DP_VLAN_WORDS])
{
	memset(ret, 0, DP_VLAN_WORDS * sizeof(*ret));
	for (uint16_t vid = 0; vid < DP_N_VLANS; vid++) {
		uint16_t vlan = dp_vlan_ingress(uplink, vid);

		if (vlan != VLAN_NOT_THERE && dp_vlan_set_has(used, vlan))
			dp_vlan_set_add(ret, vid);
	}
}

/* A line is "eth1.50        | 50  | eth1". */
static void take_line(const char *line, const char *name, uint64_t *set)
{
	const char *bar = strchr(line, '|'), *last = bar ? strchr(bar + 1, '|') : NULL;
	unsigned vlan;
	char device[NAME_BYTES];

	if (last && sscanf(bar + 1, "%u", &vlan) == 1 && vlan <= DP_VLAN_MAX &&
		sscanf(last + 1, "%15s", device) == 1 && strcmp(device, name) == 0)
		dp_vlan_set_add(set, (uint16_t)vlan);
}

void dp_vlans_of_host(const char *text, const char *name, uint64_t ret[DP_VLAN_WORDS])
{
	memset(ret, 0, DP_VLAN_WORDS * sizeof(*ret));
	dp_vlan_set_add(ret, 0);
	while (text && *text) {
		size_t n = strcspn(text, "\n");
		char line[128];

		snprintf(line, sizeof(line), "%.*s", (int)(n < sizeof(line) ? n : sizeof(line) - 1),
			text);
		take_line(line, name, ret);
		text += n + (text[n] == '\n');
	}
}
