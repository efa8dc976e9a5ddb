/* SPDX-License-Identifier: BSD-3-Clause
 *
 * JSON-RPC as a client, on the event loop. A request is one small line, which a UNIX socket takes
 * at once or not at all, so nothing is queued on the way out. Control thread.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "api/rpc.h"
#include "base/cleanup.h"
#include "vm_link.h"

#define READ_BYTES 65536

struct request {
	STAILQ_ENTRY(request) next;
	json_int_t id;
	uint64_t asked_us;
	bool may_last; /* it writes files */
	vm_reply_fn *fn;
	void *ctx;
};

struct vm_link {
	struct vm_link_owner owner;
	sd_event_source *source;
	int fd;
	struct api_lines in;
	json_int_t last_id;
	STAILQ_HEAD(, request) requests;
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static void finish(struct vm_link *link, struct request *request, int r, const json_t *result,
	const struct sh_err *err)
{
	STAILQ_REMOVE(&link->requests, request, request, next);
	request->fn(request->ctx, r, result, err);
	free(request);
}

static struct request *find(struct vm_link *link, const json_t *id)
{
	struct request *request;

	STAILQ_FOREACH (request, &link->requests, next)
		if (json_is_integer(id) && json_integer_value(id) == request->id)
			return request;
	return NULL;
}

static void take_error(struct vm_link *link, struct request *request, const json_t *error)
{
	const char *text = json_string_value(json_object_get(error, "message"));
	const char *name =
		json_string_value(json_object_get(json_object_get(error, "data"), "errno"));
	struct sh_err err = { "" };
	int r = sh_err_set(&err, name ? api_errno_value(name) : -EPROTO, "%s",
		text ? text : "the virtual machine refused");

	finish(link, request, r < 0 ? r : -EPROTO, NULL, &err);
}

/* return: false for what is no JSON. A reply that comes too late finds no one who waits. */
static bool take_line(struct vm_link *link, const char *line, size_t len)
{
	json_t *reply = json_loadb(line, len, 0, NULL);
	bool is_json = reply != NULL;
	struct request *request = is_json ? find(link, json_object_get(reply, "id")) : NULL;
	const json_t *result = json_object_get(reply, "result");

	if (request && result)
		finish(link, request, 0, result, NULL);
	else if (request)
		take_error(link, request, json_object_get(reply, "error"));
	json_decref(reply);
	return is_json;
}

static bool take_lines(struct vm_link *link)
{
	const char *line;
	size_t len;
	int r;

	while ((r = api_lines_next(&link->in, &line, &len)) > 0)
		if (!take_line(link, line, len))
			return false;
	return r == 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct vm_link *link = ctx;
	char bytes[READ_BYTES];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0 || api_lines_push(&link->in, bytes, (size_t)n) < 0 || !take_lines(link))
		link->owner.closed(link->owner.ctx);
	return 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int vm_link_new(
	sd_event *event, const char *path, const struct vm_link_owner *owner, struct vm_link **ret)
{
	_cleanup_close_ int fd = connect_to(path);
	struct vm_link *link;
	int r;

	if (fd < 0)
		return fd;
	link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	r = sd_event_add_io(event, &link->source, fd, EPOLLIN, on_io, link);
	if (r < 0) {
		free(link);
		return r;
	}
	link->fd = TAKE_FD(fd);
	link->owner = *owner;
	api_lines_init(&link->in);
	STAILQ_INIT(&link->requests);
	*ret = link;
	return 0;
}

void vm_link_free(struct vm_link *link, int code, const struct sh_err *err)
{
	if (!link)
		return;
	while (!STAILQ_EMPTY(&link->requests))
		finish(link, STAILQ_FIRST(&link->requests), code, NULL, err);
	sd_event_source_disable_unref(link->source);
	close(link->fd);
	api_lines_done(&link->in);
	free(link);
}

pid_t vm_link_pid(const struct vm_link *link)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);

	if (getsockopt(link->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return 0;
	return peer.pid;
}

static void attach(struct msghdr *message, const struct vm_link_files *files)
{
	struct cmsghdr *head = message->msg_control;

	message->msg_controllen = CMSG_SPACE(files->n * sizeof(int));
	*head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(files->n * sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(head), files->fds, files->n * sizeof(int));
}

static int send_line(struct vm_link *link, const char *line, const struct vm_link_files *files)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(VM_LINK_FILES * sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { (char *)(uintptr_t)line, strlen(line) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	ssize_t n;

	if (files)
		attach(&message, files);
	n = sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	/* A part of a line leaves nothing to go on with: the other side will say so and close. */
	return n == (ssize_t)strlen(line) ? 0 : -EPIPE;
}

int vm_link_call(struct vm_link *link, const struct vm_link_call *what, vm_reply_fn *fn, void *ctx,
	struct sh_err *err)
{
	_cleanup_free_ char *line = api_request_line(++link->last_id, what->method, what->params);
	struct request *request = calloc(1, sizeof(*request));
	int r = line && request ? send_line(link, line, what->files) : -ENOMEM;

	json_decref(what->params);
	if (r < 0) {
		free(request);
		return sh_err_set(err, r, "its process cannot be asked: %s", strerror(-r));
	}
	*request = (struct request){ .id = link->last_id,
		.asked_us = now_us(),
		.may_last = what->files,
		.fn = fn,
		.ctx = ctx };
	STAILQ_INSERT_TAIL(&link->requests, request, next);
	return 0;
}

void vm_link_tick(struct vm_link *link, uint64_t max_us)
{
	uint64_t now = now_us();
	struct sh_err err = { "" };

	/* Oldest first; what may last is answered, or the process ends. */
	while (!STAILQ_EMPTY(&link->requests) && !STAILQ_FIRST(&link->requests)->may_last &&
		now - STAILQ_FIRST(&link->requests)->asked_us >= max_us) {
		sh_err_set(&err, -ETIMEDOUT, "its process does not answer");
		finish(link, STAILQ_FIRST(&link->requests), -ETIMEDOUT, NULL, &err);
	}
}
