/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Uplinks of several devices as they are configured: which team a device belongs to, and in which
 * order a port wants its devices. Pure.
 */
#pragma once

#include "conf/conf.h"

#define CONF_DEVICE_LEN 64 /* bytes of a device's text, with its 0 */

/** The port of the bridge that has this device among others, or NULL. */
const struct conf_item *conf_team_of(
	const struct conf *conf, const char *bridge, const char *device);

/** Take the first text off a list with commas. return: the rest, NULL when the list was empty. */
const char *conf_list_next(const char *list, char ret[CONF_DEVICE_LEN]);
