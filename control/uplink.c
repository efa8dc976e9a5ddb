/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is true of the devices of an uplink, from the configuration and the dataplane. Control
 * thread.
 */
#include <stdio.h>
#include <string.h>

#include "uplink.h"

static const char *kind_word(int kind)
{
	return kind == DP_PORT_XDP ? "xdp" : kind == DP_PORT_PCI ? "pci" : "packet";
}

static unsigned team_devices(const struct dp_port *dp, struct uplink_device *ret)
{
	struct dp_member_info members[DP_MAX_MEMBERS];
	unsigned n = dp_team_members(dp, members);

	memset(ret, 0, n * sizeof(*ret));
	for (unsigned i = 0; i < n; i++) {
		const struct dp_member_info *m = &members[i];

		ret[i].slot = m->slot;
		snprintf(ret[i].name, sizeof(ret[i].name), "%s:%s", kind_word(m->kind), m->name);
		memcpy(ret[i].mac, m->mac, sizeof(ret[i].mac));
		ret[i].link_up = m->link_up;
		ret[i].speed_mbps = m->speed_mbps;
	}
	return n;
}

unsigned uplink_devices(
	const struct conf_item *port, const struct dp_port *dp, struct uplink_device *ret)
{
	const char *device = conf_get(port, API_PORT, "device");
	struct dp_port_info info;

	if (strcmp(conf_get_or_default(port, API_PORT, "type"), "uplink") != 0)
		return 0;
	if (!device)
		return team_devices(dp, ret);
	dp_port_get_info(dp, &info);
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->name, sizeof(ret->name), "%.63s", device);
	memcpy(ret->mac, info.device_mac, sizeof(ret->mac));
	ret->link_up = info.link_up;
	ret->speed_mbps = info.speed_mbps;
	return 1;
}
