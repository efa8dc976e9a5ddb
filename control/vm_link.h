/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A connection to one virtual machine's API socket: requests go out, each reply comes back to who
 * asked. Nothing here waits. Control thread.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/err.h"

struct vm_link;

/* The reply: result is borrowed, valid for r == 0; else r is an -errno and err has its sentence. */
typedef void vm_reply_fn(void *ctx, int r, const json_t *result, const struct sh_err *err);

struct vm_link_owner {
	/* The other side has closed, or speaks nonsense. The link may be freed in it. */
	void (*closed)(void *ctx);
	void *ctx;
};

/**
 * Connect to a socket.
 *
 * errors:  -ENOENT, -ECONNREFUSED (nobody serves it), -errno
 */
int vm_link_new(
	sd_event *event, const char *path, const struct vm_link_owner *owner, struct vm_link **ret);

/** Requests without a reply get err and its code. */
void vm_link_free(struct vm_link *link, int code, const struct sh_err *err);

/** The process at the other side, as the kernel knows it. */
pid_t vm_link_pid(const struct vm_link *link);

#define VM_LINK_FILES 17

struct vm_link_files {
	const int *fds;
	unsigned n; /* up to VM_LINK_FILES */
};

struct vm_link_call {
	const char *method;
	json_t *params;                    /* consumed */
	const struct vm_link_files *files; /* go with it; NULL: none */
};

/**
 * Ask. fn is called once, later: with the reply, or with an error.
 *
 * errors:  -ENOMEM, -EPIPE, -EAGAIN (the other side reads nothing); fn is then not called
 */
int vm_link_call(struct vm_link *link, const struct vm_link_call *what, vm_reply_fn *fn, void *ctx,
	struct sh_err *err);

/** Give up on requests that have waited for max_us, but for those with files, and behind them. */
void vm_link_tick(struct vm_link *link, uint64_t max_us);
