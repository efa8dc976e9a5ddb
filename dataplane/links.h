/* SPDX-License-Identifier: BSD-3-Clause
 *
 * News of the host's network interfaces: any change makes the ports that use one look again.
 */
#pragma once

#include "dataplane/dp.h"

int dp_links_start(struct dp *dp);
void dp_links_dispatch(struct dp *dp);
