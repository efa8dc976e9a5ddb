/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Of rewrite*.c alone: bytes of the head change together with the sums over them.
 */
#pragma once

#include "rewrite.h"

/* Which sums cover some bytes of a header. */
enum dp_sum {
	DP_SUM_NONE,
	DP_SUM_IPV4,        /* the header's own */
	DP_SUM_IPV4_PSEUDO, /* and the upper layer's, through the pseudo header */
	DP_SUM_IPV6_SRC,    /* the upper layer's */
	DP_SUM_IPV6_DST,    /* the same, unless a routing header has the last address */
	DP_SUM_IPV6_PROTO,  /* the upper layer's, where it is the second of two bytes */
	DP_SUM_L4,          /* the upper layer's own */
};

/** Write bytes[n] at an offset of the head. shape: they are whole in the head, n <= 16. */
void dp_edit_write(
	struct dp_edit *e, uint32_t at, const uint8_t *bytes, uint32_t n, enum dp_sum sum);

/** Fill in key and layers anew from the head. */
void dp_edit_parse(struct dp_edit *e);
