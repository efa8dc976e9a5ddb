/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The API's socket: clients, lines in, lines out. Control thread.
 */
#pragma once

#include <systemd/sd-event.h>

#include "change.h"

struct server;

/** Listen at path, in place of whatever socket a dead shuntd left there. errors: -errno. */
int server_new(sd_event *event, struct ctl *ctl, const char *path, struct sh_err *err,
	struct server **ret);

/** Send what is left to send, as far as it goes without waiting, and close everything. */
void server_free(struct server *server);

/** Once a second: take up again what a shortage stopped, give up clients that do not read. */
void server_tick(struct server *server);
