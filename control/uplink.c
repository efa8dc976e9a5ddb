/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is true of the devices of an uplink, from the configuration and the dataplane. Control
 * thread.
 */
#include <stdio.h>
#include <string.h>

#include "uplink.h"

unsigned uplink_devices(
	const struct conf_item *port, const struct dp_port *dp, struct uplink_device *ret)
{
	const char *device = conf_get(port, API_PORT, "device");
	struct dp_port_info info;

	if (strcmp(conf_get_or_default(port, API_PORT, "type"), "uplink") != 0 || !device)
		return 0;
	dp_port_get_info(dp, &info);
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->name, sizeof(ret->name), "%.63s", device);
	memcpy(ret->mac, info.device_mac, sizeof(ret->mac));
	ret->link_up = info.link_up;
	ret->speed_mbps = info.speed_mbps;
	return 1;
}
