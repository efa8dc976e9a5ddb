/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Captures of what goes in and out of a port, while it forwards. Workers copy frames that the
 * filter takes into a ring each, and the control thread takes them out; what finds no room there is
 * counted as lost. A port without a capture pays one flag a burst.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "dataplane/drop.h"

struct dp_port;
struct dp_capture;
struct dp_filter;

#define DP_CAPTURE_IN  0x1u /* what the port brings into the switch */
#define DP_CAPTURE_OUT 0x2u /* what the switch sends by the port, or would have sent */

struct dp_capture_conf {
	unsigned directions;      /* DP_CAPTURE_* */
	uint32_t snaplen;         /* bytes of a frame at the most */
	struct dp_filter *filter; /* NULL: all frames */
};

struct dp_captured {
	uint64_t when_ns;  /* since 1970 */
	const void *bytes; /* valid during the call */
	uint32_t n;        /* of them that were captured */
	uint32_t len;      /* of the frame as it was */
	uint8_t direction; /* DP_CAPTURE_IN or _OUT */
	uint8_t drop;      /* enum dp_drop: why it went nowhere; DP_N_DROPS: it did not */
};

/**
 * Compile a filter, as tcpdump takes it.
 *
 * errors:  -EINVAL with libpcap's sentence, -ENOMEM
 * thread:  any; it may wait for long, since a name in it is looked up
 */
int dp_filter_new(const char *text, uint32_t snaplen, struct dp_filter **ret, struct sh_err *err);
void dp_filter_free(struct dp_filter *filter);
const char *dp_filter_text(const struct dp_filter *filter);

/**
 * Begin to capture. The filter is the capture's then.
 *
 * errors:  -ENOMEM, -errno; the filter is still the caller's
 * thread:  control
 */
int dp_capture_new(struct dp_port *port, const struct dp_capture_conf *conf, struct sh_err *err,
	struct dp_capture **ret);

/** No frame is captured any more; what was can still be drained. thread: control. */
void dp_capture_stop(struct dp_capture *capture);

/** End it; what was not drained is gone. thread: control. */
void dp_capture_free(struct dp_capture *capture);

/**
 * Take out what was captured by now, in the order of time.
 *
 * return:  how many were taken out, thousands at the most; from the first for which fn returns
 *          false on they are lost
 * thread:  control
 */
unsigned dp_capture_drain(struct dp_capture *capture,
	bool (*fn)(void *ctx, const struct dp_captured *frame), void *ctx);

/** Frames that found no room in a ring, or were not taken. thread: control. */
uint64_t dp_capture_lost(const struct dp_capture *capture);

/** Whether the port is gone. thread: control. */
bool dp_capture_is_over(const struct dp_capture *capture);
