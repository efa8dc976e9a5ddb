/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The blocking client: one socket, one call at a time. Runs in `shunt`, on its only thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "api/client.h"
#include "api/rpc.h"
#include "base/cleanup.h"

#define READ_BYTES 65536

/* A reply may be longer than a request: a list of thousands of ports is. */
struct api_client {
	int fd;
	json_int_t last_id;
	char *data;
	size_t len, size;
};

static int connect_error(const char *path, int error, struct sh_err *err)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return sh_err_set(err, -error,
			"shuntd is not running (no socket at %s): start it with 'systemctl start "
			"shuntd', or run 'shuntd'",
			path);
	case ECONNREFUSED:
		return sh_err_set(err, -error,
			"shuntd is not running (nobody listens at %s): start it with 'systemctl "
			"start shuntd', or run 'shuntd'",
			path);
	case EACCES:
	case EPERM:
		return sh_err_set(err, -error,
			"no permission for %s: be root or a member of its group", path);
	default:
		return sh_err_set(err, -error, "cannot connect to %s: %s", path, strerror(error));
	}
}

int api_client_new(const char *path, struct sh_err *err, struct api_client **ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	struct api_client *client;

	if (strlen(path) >= sizeof(address.sun_path))
		return sh_err_set(err, -ENAMETOOLONG, "socket path '%s' is too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sh_err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return connect_error(path, errno, err);
	client = calloc(1, sizeof(*client));
	if (!client)
		return sh_err_set(err, -ENOMEM, "out of memory");
	client->fd = TAKE_FD(fd);
	*ret = client;
	return 0;
}

void api_client_free(struct api_client *client)
{
	if (!client)
		return;
	close(client->fd);
	free(client->data);
	free(client);
}

/* shuntd may have answered and closed before it read all: its answer is worth reading. */
static int send_all(struct api_client *client, const char *line, struct sh_err *err)
{
	size_t left = strlen(line);

	while (left > 0) {
		ssize_t n = send(client->fd, line, left, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n < 0)
			return sh_err_set(err, -errno, "cannot send: %s", strerror(errno));
		line += n;
		left -= (size_t)n;
	}
	return 0;
}

static int make_room(struct api_client *client)
{
	size_t size = client->size ? client->size * 2 : READ_BYTES * 2;
	char *data;

	if (client->size - client->len >= READ_BYTES)
		return 0;
	data = realloc(client->data, size);
	if (!data)
		return -ENOMEM;
	client->data = data;
	client->size = size;
	return 0;
}

static int receive(struct api_client *client, struct sh_err *err)
{
	ssize_t n;

	if (make_room(client) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	do
		n = recv(client->fd, client->data + client->len, client->size - client->len, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ECONNRESET)
		return sh_err_set(err, -errno, "cannot receive: %s", strerror(errno));
	if (n <= 0)
		return sh_err_set(err, -EPIPE, "shuntd closed the connection before its reply");
	client->len += (size_t)n;
	return 0;
}

/* Wait for one line and take it out of the buffer as JSON. */
static int next_object(struct api_client *client, struct sh_err *err, json_t **ret)
{
	json_error_t error;
	size_t scanned = 0;
	char *end;
	json_t *root;

	for (;;) {
		end = client->len > scanned
			      ? memchr(client->data + scanned, '\n', client->len - scanned)
			      : NULL;
		if (end)
			break;
		scanned = client->len;
		int r = receive(client, err);

		if (r < 0)
			return r;
	}
	root = json_loadb(client->data, (size_t)(end - client->data), 0, &error);
	client->len -= (size_t)(end + 1 - client->data);
	memmove(client->data, end + 1, client->len);
	if (!root)
		return sh_err_set(err, -EPROTO, "shuntd sent what is not JSON: %s", error.text);
	*ret = root;
	return 0;
}

static void report_progress(const json_t *message, api_progress_fn *progress, void *ctx)
{
	const json_t *params = json_object_get(message, "params");
	const char *text = json_string_value(json_object_get(params, "text"));

	if (progress)
		progress(ctx, (int)json_integer_value(json_object_get(params, "done")),
			(int)json_integer_value(json_object_get(params, "total")),
			text ? text : "");
}

static int take_reply(json_t *message, struct sh_err *err, json_t **ret)
{
	json_t *error = json_object_get(message, "error");
	json_t *result = json_object_get(message, "result");
	const char *text, *name;

	if (!error && result) {
		*ret = json_incref(result);
		return 0;
	}
	text = json_string_value(json_object_get(error, "message"));
	name = json_string_value(json_object_get(json_object_get(error, "data"), "errno"));
	return sh_err_set(err, name ? api_errno_value(name) : -EPROTO, "%s",
		text ? text : "shuntd sent neither a result nor an error");
}

int api_client_call(struct api_client *client, const char *method, const json_t *params,
	api_progress_fn *progress, void *ctx, struct sh_err *err, json_t **ret)
{
	_cleanup_free_ char *line = api_request_line(++client->last_id, method, params);
	int r;

	if (!line)
		return sh_err_set(err, -ENOMEM, "out of memory, or a value is not UTF-8");
	r = send_all(client, line, err);
	while (r == 0) {
		json_t *message = NULL;

		r = next_object(client, err, &message);
		if (r < 0)
			break;
		if (json_object_get(message, "method")) {
			report_progress(message, progress, ctx);
			json_decref(message);
			continue;
		}
		r = take_reply(message, err, ret);
		json_decref(message);
		break;
	}
	return r;
}
