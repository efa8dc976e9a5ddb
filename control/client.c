/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading requests of one client, answering them, and bearing with one that misbehaves: it may be
 * slow for ever, but it is closed when it sends what is no request or lets 4 MiB of answers wait.
 * Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "client.h"
#include "method.h"

#define READ_BYTES     65536
#define MAX_OUT        (4u << 20)
#define PROGRESS_AFTER 1.0 /* seconds */
#define PROGRESS_EVERY 0.2
#define STALL_S        10
#define MAX_LATERS     64

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

void client_flush(struct server_client *client)
{
	while (!client->broken && client->out_start < client->out_len) {
		ssize_t n = send(client->fd, client->out + client->out_start,
			client->out_len - client->out_start, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			client->broken = true;
		else
			client->out_start += (size_t)n;
		if (n > 0)
			client->n_sent += (uint64_t)n;
	}
	client->out_len = client->out_start = 0;
}

static int make_room(struct server_client *client, size_t n)
{
	size_t size = client->out_size ? client->out_size : 4096;
	char *out;

	if (client->out_start) {
		client->out_len -= client->out_start;
		memmove(client->out, client->out + client->out_start, client->out_len);
		client->out_start = 0;
	}
	while (size < client->out_len + n)
		size *= 2;
	if (size == client->out_size)
		return 0;
	out = realloc(client->out, size);
	if (!out)
		return -ENOMEM;
	client->out = out;
	client->out_size = size;
	return 0;
}

static size_t waiting(const struct server_client *client)
{
	return client->out_len - client->out_start;
}

/* What the socket does not take now waits. */
static void send_line(struct server_client *client, char *line)
{
	size_t n = line ? strlen(line) : 0;

	if (!line || make_room(client, n) < 0) {
		client->broken = true;
	} else {
		memcpy(client->out + client->out_len, line, n);
		client->out_len += n;
		client_flush(client);
	}
	free(line);
}

struct report {
	struct server_client *client;
	double next_s;
};

static void on_progress(void *ctx, unsigned done, unsigned total, const char *text)
{
	struct report *report = ctx;
	double now = now_s();

	if (now < report->next_s || done == total)
		return;
	report->next_s = now + PROGRESS_EVERY;
	sd_notify(0, "WATCHDOG=1");
	send_line(report->client, api_progress_line((int)done, (int)total, text));
}

struct client_later {
	struct later later;
	LIST_ENTRY(client_later) next;
	struct server_client *client; /* NULL: it has left */
	json_t *id;                   /* NULL: a notification */
};

/* May free the client. */
static void settle(struct server_client *client);

static void send_answer(struct server_client *client, const json_t *id, int r, int code,
	const json_t *result, const struct sh_err *err)
{
	/* A request without id is a notification, which has no answer (JSON-RPC 2.0, 4.1). */
	if (id)
		send_line(client, r < 0 ? api_error_line(id, code, r == -ENOSYS ? 0 : r, err->text)
					: api_reply_line(id, result));
}

static void finish_later(struct later *later, int r, json_t *result, const struct sh_err *err)
{
	struct client_later *own = (struct client_later *)later;
	struct server_client *client = own->client;

	if (client) {
		LIST_REMOVE(own, next);
		client->n_laters--;
		send_answer(client, own->id, r, method_code(r), result, err);
	}
	json_decref(result);
	json_decref(own->id);
	free(own);
	if (client)
		settle(client);
}

struct asked {
	struct server_client *client;
	json_t *id;
};

static struct later *defer(void *ctx)
{
	const struct asked *asked = ctx;
	struct client_later *own = NULL;

	if (asked->client->n_laters < MAX_LATERS)
		own = calloc(1, sizeof(*own));
	if (!own)
		return NULL;
	own->later.finish = finish_later;
	own->client = asked->client;
	own->id = json_incref(asked->id);
	LIST_INSERT_HEAD(&asked->client->laters, own, next);
	asked->client->n_laters++;
	return &own->later;
}

static void answer(struct server_client *client, const struct api_request *request)
{
	struct report report = { client, now_s() + PROGRESS_AFTER };
	const struct reconcile_watch watch = { on_progress, &report };
	struct asked asked = { client, request->id };
	const struct method_caller caller = { &watch, defer, &asked };
	struct sh_err err = { "" };
	json_t *result = NULL;
	int code, r = method_call(client->ctl, request->method, request->params, &caller, &result,
			  &code, &err);

	if (r == METHOD_LATER)
		return;
	if (r < 0)
		sh_log_info("%s: %s", request->method, err.text);
	else
		sh_log_debug("%s: done", request->method);
	send_answer(client, request->id, r, code, result, &err);
	json_decref(result);
}

static void take_line(struct server_client *client, const char *line, size_t len)
{
	struct api_request request;
	struct sh_err err = { "" };
	int code = api_request_parse(line, len, &request, &err);

	if (code == 0) {
		answer(client, &request);
	} else {
		send_line(client, api_error_line(request.id, code, 0, err.text));
		client->closing = true;
	}
	api_request_done(&request);
}

/* A single answer may be longer than what may wait, but then no further request is taken. */
static void take_lines(struct server_client *client)
{
	const char *line;
	size_t len;
	int r = 1;

	while (!client->closing && !client->broken) {
		r = api_lines_next(&client->in, &line, &len);
		if (r <= 0)
			break;
		if (waiting(client) > MAX_OUT) {
			sh_log_info("API: a client that does not read its answers is closed");
			client->broken = true;
			break;
		}
		take_line(client, line, len);
	}
	if (r < 0) {
		send_line(client,
			api_error_line(NULL, API_RPC_PARSE, 0, "a line is at most 1 MiB long"));
		client->closing = true;
	}
}

static void receive(struct server_client *client)
{
	char bytes[READ_BYTES];
	ssize_t n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client->closing = true;
		return;
	}
	if (api_lines_push(&client->in, bytes, (size_t)n) < 0)
		client->broken = true;
	else
		take_lines(client);
}

bool client_is_stalled(struct server_client *client)
{
	if (waiting(client) <= MAX_OUT || client->n_sent != client->n_sent_before)
		client->n_stalled_s = 0;
	else
		client->n_stalled_s++;
	client->n_sent_before = client->n_sent;
	return client->n_stalled_s >= STALL_S;
}

static bool is_finished(const struct server_client *client)
{
	return client->broken || (client->closing && client->out_len == 0 && client->n_laters == 0);
}

static void settle(struct server_client *client)
{
	uint32_t want = client->closing ? 0 : EPOLLIN;

	/* Inside on_io, which settles in the end. */
	if (client->busy)
		return;
	if (is_finished(client)) {
		client->on_close(client->ctx, client);
		return;
	}
	if (client->out_len)
		want |= EPOLLOUT;
	(void)sd_event_source_set_io_events(client->source, want);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct server_client *client = ctx;

	client->busy = true;
	if (events & EPOLLOUT)
		client_flush(client);
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !client->closing)
		receive(client);
	else if (events & (EPOLLHUP | EPOLLERR))
		client->broken = true;
	client->busy = false;
	settle(client);
	return 0;
}

int client_new(sd_event *event, struct ctl *ctl, int fd,
	void (*on_close)(void *ctx, struct server_client *client), void *ctx,
	struct server_client **ret)
{
	struct server_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	client->ctl = ctl;
	client->fd = fd;
	client->on_close = on_close;
	client->ctx = ctx;
	api_lines_init(&client->in);
	LIST_INIT(&client->laters);
	r = sd_event_add_io(event, &client->source, fd, EPOLLIN, on_io, client);
	if (r < 0) {
		free(client);
		return r;
	}
	*ret = client;
	return 0;
}

void client_free(struct server_client *client)
{
	if (!client)
		return;
	client_flush(client);
	while (!LIST_EMPTY(&client->laters)) {
		LIST_FIRST(&client->laters)->client = NULL;
		LIST_REMOVE(LIST_FIRST(&client->laters), next);
	}
	sd_event_source_disable_unref(client->source);
	close(client->fd);
	api_lines_done(&client->in);
	free(client->out);
	free(client);
}
