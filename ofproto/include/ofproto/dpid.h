/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Datapath ids: 64 bits that tell one OpenFlow switch from all others (OpenFlow 1.3.5, 7.3.1).
 */
#pragma once

#include <stdint.h>

#define OF_DPID_LEN 17 /* 16 hex digits and a 0 */

/** errors: -EINVAL (not 16 hex digits, or all 0). thread: any. */
int of_dpid_parse(const char *text, uint64_t *ret);

void of_dpid_format(uint64_t dpid, char ret[OF_DPID_LEN]);

/**
 * The id of a bridge that was given none: the same after every start on the same host, another on
 * every other host.
 *
 * shape:   machine_id is the text of /etc/machine-id, or any other name of the host
 * return:  never 0
 * thread:  any
 */
uint64_t of_dpid_derive(const char *bridge, const char *machine_id);
