/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One connection to the API. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "api/rpc.h"
#include "change.h"

struct server_client {
	LIST_ENTRY(server_client) link;
	struct ctl *ctl;
	sd_event_source *source;
	int fd;
	bool closing; /* nothing is read any more; closed once all is sent */
	bool broken;  /* nothing can be sent any more */
	bool busy;    /* its requests are being answered */
	struct api_lines in;
	char *out;
	size_t out_len, out_start, out_size;
	uint64_t n_sent, n_sent_before;
	unsigned n_stalled_s;
	LIST_HEAD(, client_later) laters; /* answers that come later */
	unsigned n_laters;
	void (*on_close)(void *ctx, struct server_client *client);
	void *ctx;
};

/** Take over fd. errors: -errno; fd is then still the caller's. */
int client_new(sd_event *event, struct ctl *ctl, int fd,
	void (*on_close)(void *ctx, struct server_client *client), void *ctx,
	struct server_client **ret);
void client_free(struct server_client *client);

/** Send as much as the socket takes now. */
void client_flush(struct server_client *client);

/** Called once a second. return: true when more waits for the client than may, and none is read. */
bool client_is_stalled(struct server_client *client);
