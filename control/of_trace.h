/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What would become of a frame on a bridge, told as JSON in the words of flows and ports. Control
 * thread.
 */
#pragma once

#include <jansson.h>

#include "switch.h"

struct of_trace_conf {
	const char *in_port; /* its name; NULL: it comes from the controller */
	uint32_t number;     /* of that port in OpenFlow */
	const uint8_t *frame;
	uint32_t n_frame; /* bytes */
};

/**
 * Follow a frame.
 *
 * return:  0 and {bridge, in_port, frame, match, steps, outputs, drop, reason} in *ret
 * errors:  -ENOMEM, -ENODEV with a sentence
 */
int of_trace(const struct switch_bridge *bridge, const struct of_trace_conf *conf, json_t **ret,
	struct sh_err *err);
