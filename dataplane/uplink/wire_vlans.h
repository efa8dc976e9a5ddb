/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which VLAN IDs on an uplink's wire lead to any other port of the bridge, and which the host uses.
 * Pure; any thread.
 */
#pragma once

#include "dataplane/vlan.h"

/** Add the VLANs that a port carries to a set. */
void dp_vlans_add(const struct dp_vlan_policy *port, uint64_t used[DP_VLAN_WORDS]);

/**
 * The tags that an uplink's frames may have to belong to one of the VLANs; bit 0 is untagged.
 *
 * shape:   used: VLANs of the bridge's other ports
 */
void dp_vlans_on_wire(const struct dp_vlan_policy *uplink, const uint64_t used[DP_VLAN_WORDS],
	uint64_t ret[DP_VLAN_WORDS]);

/**
 * The VLANs of the host's VLAN interfaces on an interface, and 0 for untagged frames.
 *
 * shape:   text is /proc/net/vlan/config, NULL where there is none
 */
void dp_vlans_of_host(const char *text, const char *name, uint64_t ret[DP_VLAN_WORDS]);
