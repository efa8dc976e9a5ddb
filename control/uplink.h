/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The devices by which a port leads out of the host. Control thread.
 */
#pragma once

#include "conf/conf.h"
#include "dataplane/dp.h"

#define UPLINK_MAX_DEVICES DP_MAX_MEMBERS

struct uplink_device {
	unsigned slot;  /* as dp_protocol_send takes it */
	char name[64];  /* as configured: packet:eth1 */
	uint8_t mac[6]; /* its own address; zero: unknown */
	bool link_up;
	uint32_t speed_mbps; /* 0: unknown */
};

/**
 * return:  how many devices; 0 of a port that is no uplink
 * shape:   ret[UPLINK_MAX_DEVICES]
 */
unsigned uplink_devices(
	const struct conf_item *port, const struct dp_port *dp, struct uplink_device *ret);
