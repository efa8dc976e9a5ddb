/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A frame that a match is true of, to follow it through the tables. Pure.
 */
#pragma once

#include "base/err.h"
#include "ofproto/match.h"

/**
 * Make the shortest whole frame that the match hits, with right lengths and checksums. What the
 * match leaves open is filled in: addresses 02:00:00:00:00:01 to ...02, 10.0.0.1 to 10.0.0.2,
 * fd00::1 to fd00::2, ports 1000 to 2000, a TTL of 64. in_port is not of the frame.
 *
 * shape:   out is appended to
 * errors:  -EINVAL with a sentence: the match asks for what is in no frame, such as a register, or
 *          for an IPv6 extension header; -ENOMEM
 * thread:  any
 */
int of_frame_compose(const struct of_match *match, struct of_buf *out, struct sh_err *err);
