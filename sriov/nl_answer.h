/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An answer of the kernel, put together from datagrams. No socket: a fuzzer and tests call it.
 */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct nl_answer {
	uint32_t seq;
	uint32_t port;    /* of the socket; 0: messages for any are taken */
	bool interrupted; /* a change came between; the whole is to be asked for again */
	bool done;
	uint8_t *bytes; /* messages so far, each at a multiple of NLMSG_ALIGNTO */
	size_t n_bytes, n_room;
};

/**
 * Add a datagram; answer->done says whether it was the last.
 *
 * return:  0
 * errors:  the kernel's, and its sentence; -EPROTO, -EMSGSIZE, -ENOMEM
 * thread:  the answer's owner; pure but for memory
 */
int nl_answer_add(struct nl_answer *answer, const void *bytes, size_t n, struct sh_err *err);
void nl_answer_done(struct nl_answer *answer);
