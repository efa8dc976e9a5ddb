/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Listening and accepting: who may come in, and how many. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "api/rpc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "client.h"
#include "peer.h"
#include "server.h"

#define MAX_CLIENTS 256
#define BACKLOG     128

struct server {
	sd_event *event;
	struct ctl *ctl;
	sd_event_source *source;
	int fd;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	unsigned n_clients;
	LIST_HEAD(, server_client) clients;
	struct sh_log_limit limit;
};

static void drop_client(void *ctx, struct server_client *client)
{
	struct server *server = ctx;

	LIST_REMOVE(client, link);
	server->n_clients--;
	client_free(client);
}

static void warn(struct server *server, const char *text)
{
	struct timespec ts;
	uint64_t n_suppressed;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (sh_log_limit(&server->limit, (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec,
		    &n_suppressed))
		sh_log_warn(
			"API: %s (%llu more not logged)", text, (unsigned long long)n_suppressed);
}

static void turn_away(struct server *server, int fd, int error, const char *text)
{
	_cleanup_free_ char *line = api_error_line(NULL, API_RPC_REFUSED, error, text);

	warn(server, text);
	if (line && send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		sh_log_debug("API: a client left before it was turned away");
}

static void take_client(struct server *server, int fd_taken)
{
	_cleanup_close_ int fd = fd_taken;
	struct server_client *client;

	if (!peer_is_allowed(fd)) {
		turn_away(server, fd, EACCES,
			"no permission: be root or a member of the group shunt");
		return;
	}
	if (server->n_clients >= MAX_CLIENTS) {
		turn_away(server, fd, EBUSY, "too many clients, at most 256: try again later");
		return;
	}
	if (client_new(server->event, server->ctl, fd, drop_client, server, &client) < 0) {
		warn(server, "no memory for a client");
		return;
	}
	(void)TAKE_FD(fd);
	LIST_INSERT_HEAD(&server->clients, client, link);
	server->n_clients++;
}

static int on_accept(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct server *server = ctx;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client >= 0) {
		take_client(server, client);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		/* It stays readable: wait for server_tick in place of spinning. */
		warn(server, "cannot accept a client: out of file descriptors or memory");
		return sd_event_source_set_enabled(source, SD_EVENT_OFF);
	}
	return 0;
}

void server_tick(struct server *server)
{
	struct server_client *client = LIST_FIRST(&server->clients);

	while (client) {
		struct server_client *next = LIST_NEXT(client, link);

		if (client_is_stalled(client))
			drop_client(server, client);
		client = next;
	}
	(void)sd_event_source_set_enabled(server->source, SD_EVENT_ON);
}

/* The run folder is locked, so a socket that is there has no owner. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	peer_set_mode(path);
	if (listen(fd, BACKLOG) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int server_new(
	sd_event *event, struct ctl *ctl, const char *path, struct sh_err *err, struct server **ret)
{
	struct server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return sh_err_set(err, -ENOMEM, "out of memory");
	server->event = event;
	server->ctl = ctl;
	LIST_INIT(&server->clients);
	strncpy(server->path, path, sizeof(server->path) - 1);
	server->fd = r = listen_at(path);
	if (r >= 0)
		r = sd_event_add_io(event, &server->source, server->fd, EPOLLIN, on_accept, server);
	if (r < 0) {
		server_free(server);
		return sh_err_set(err, r, "cannot listen at %s: %s", path, strerror(-r));
	}
	*ret = server;
	return 0;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	while (!LIST_EMPTY(&server->clients))
		drop_client(server, LIST_FIRST(&server->clients));
	sd_event_source_disable_unref(server->source);
	if (server->fd >= 0) {
		close(server->fd);
		unlink(server->path);
	}
	free(server);
}
