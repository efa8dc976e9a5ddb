/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A blocking client of a JSON-RPC socket: connect, call, call again, close. Used by `shunt`; not
 * by the daemon.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"

struct api_client;

/** Called for each progress notification before the reply. */
typedef void api_progress_fn(void *ctx, int done, int total, const char *text);

/**
 * Connect to the socket at path.
 *
 * errors:  -ENOENT, -ECONNREFUSED with "shuntd is not running (no socket at PATH): start it with
 *          ...", -EACCES (neither root nor of the group), -errno
 * thread:  any, one at a time for a client
 */
int api_client_new(const char *path, struct sh_err *err, struct api_client **ret);
void api_client_free(struct api_client *client);
static inline void api_client_freep(struct api_client **client)
{
	api_client_free(*client);
}

/**
 * Call a method and wait for its reply. params is borrowed and may be NULL; progress may be NULL.
 *
 * return:  0 and a new reference in *ret
 * errors:  an error reply: the -errno it names, or -EPROTO; its message is err's sentence.
 *          -EPIPE when shuntd closed the connection
 * thread:  any, one at a time for a client
 */
int api_client_call(struct api_client *client, const char *method, const json_t *params,
	api_progress_fn *progress, void *ctx, struct sh_err *err, json_t **ret);
