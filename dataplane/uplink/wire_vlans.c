/* SPDX-License-Identifier: BSD-3-Clause
 *
 * VLANs of ports as tags on a wire, by the same rules as the fast path's (vlan_rules.h). Pure; any
 * thread.
 */
#include <string.h>

#include "uplink/wire_vlans.h"
#include "vlan_rules.h"

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
