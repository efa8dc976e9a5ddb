/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Of parse.c and parse_ipv6.c alone: a frame while it is read, header by header.
 */
#pragma once

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "parse.h"
#include "wire.h"

struct dp_walk {
	const uint8_t *head;
	uint32_t n, len; /* bytes that can be read, and of the frame */
	uint32_t end;    /* of the IP packet, offset; padding may follow */
	struct sh_flow_key *key;
	struct dp_layers *layers;
};

/* All are true unless the header is cut or makes no sense. */
bool dp_walk_ipv6(struct dp_walk *w, uint32_t at);
bool dp_walk_l4(struct dp_walk *w, uint32_t at, bool is_ipv6);
bool dp_walk_nd(struct dp_walk *w, uint32_t at);
