/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A netlink socket on which one question is asked at a time: sequence numbers checked, the time
 * bounded, the kernel's own sentence read (extended acknowledgement). What is asked and what an
 * answer means is msg.h's.
 */
#pragma once

#include <linux/netlink.h>
#include <stdint.h>

#include "base/err.h"

#define SRIOV_NL_TIMEOUT_MS 10000 /* of one question, until it is set otherwise */

struct sriov_nl;

/** One message of an answer. return: 0, or -errno that ends the answer and is sriov_nl_ask's. */
typedef int sriov_nl_reply(const struct nlmsghdr *reply, void *ctx);

/**
 * Open a socket to the kernel.
 *
 * shape:   protocol is NETLINK_ROUTE or NETLINK_GENERIC
 * errors:  -EPROTONOSUPPORT and others of socket(2), with a sentence
 * thread:  whoever uses it, one at a time
 */
int sriov_nl_new(int protocol, struct sriov_nl **ret, struct sh_err *err);

/** The same on a socket of datagrams that is there; it is taken over. errors: -ENOMEM. */
int sriov_nl_from_fd(int fd, struct sriov_nl **ret);
void sriov_nl_free(struct sriov_nl *nl);

void sriov_nl_set_timeout(struct sriov_nl *nl, unsigned timeout_ms);

/**
 * Ask, and hand each message of the answer to reply once the answer is whole: an answer that was
 * interrupted by a change (NLM_F_DUMP_INTR), or of which the socket lost a part (ENOBUFS), is asked
 * for again and nobody sees the part. Requests say what shall be, so that asking again is harmless.
 * Messages of other questions are passed over. Sets NLM_F_ACK (without NLM_F_DUMP), the sequence
 * number and the port of request.
 *
 * shape:   reply may be NULL
 * errors:  the kernel's, with its sentence; -ETIMEDOUT (whether it was done is not known),
 * -ENOBUFS, -EAGAIN (changed all the time while it was read), -EPROTO (an answer cut short or of no
 *          sense), -ENOMEM; reply's own
 * thread:  the owner's; a child does the sending, since the kernel works, and a driver may block,
 *          in that call
 */
int sriov_nl_ask(struct sriov_nl *nl, struct nlmsghdr *request, sriov_nl_reply *reply, void *ctx,
	struct sh_err *err);

/**
 * The number of a family of generic netlink ("devlink"), asked for once.
 *
 * errors:  -ENOENT: this kernel has none; those of sriov_nl_ask
 * thread:  the owner's
 */
int sriov_nl_family(struct sriov_nl *nl, const char *name, uint16_t *ret, struct sh_err *err);
