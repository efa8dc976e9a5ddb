/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Clients of the API socket, in the main thread's loop. A client that does not read its replies is
 * closed, so that none holds up the machine.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api_socket.h"
#include "base/cleanup.h"
#include "base/paths.h"

static void close_files(struct vmm_files *files)
{
	while (files->n)
		close(files->fds[--files->n]);
}

static void close_client(struct vmm_api_client *client)
{
	if (client->fd < 0)
		return;
	close_files(&client->files);
	vmm_loop_del(&client->api->machine->loop, &client->source);
	close(client->fd);
	api_lines_done(&client->lines);
	client->fd = -1;
}

static bool send_line(int fd, const char *line)
{
	size_t n = strlen(line);

	return send(fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n;
}

/* return: whether the client may stay */
static bool serve_lines(struct vmm_api_client *client)
{
	const char *line;
	size_t n;
	int r;

	while ((r = api_lines_next(&client->lines, &line, &n)) == 1) {
		_cleanup_free_ char *reply =
			vmm_api_answer(client->api->machine, line, n, &client->files);

		close_files(&client->files);
		if (!reply || !send_line(client->fd, reply))
			return false;
	}
	return r == 0;
}

/* More files than a request can need are the kernel's to close. */
static void take_files(struct msghdr *message, struct vmm_files *files)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		close_files(files);
		files->n = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(files->fds, CMSG_DATA(c), files->n * sizeof(int));
	}
}

static ssize_t receive(struct vmm_api_client *client, char *bytes, size_t n_bytes)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(VMM_SNAPSHOT_FILES * sizeof(int))];
	} control;
	struct iovec iov = { bytes, n_bytes };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(VMM_SNAPSHOT_FILES * sizeof(int)),
	};
	ssize_t n = recvmsg(client->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n >= 0)
		take_files(&message, &client->files);
	return n;
}

static void on_readable(void *ctx)
{
	struct vmm_api_client *client = ctx;
	char bytes[4096];
	ssize_t n = receive(client, bytes, sizeof(bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || api_lines_push(&client->lines, bytes, (size_t)n) < 0 || !serve_lines(client))
		close_client(client);
}

static void on_client(void *ctx)
{
	struct vmm_api *api = ctx;
	_cleanup_close_ int fd = accept4(api->fd, NULL, NULL, SOCK_CLOEXEC);
	struct vmm_api_client *client = api->clients;

	while (client < api->clients + VMM_API_CLIENTS && client->fd >= 0)
		client++;
	if (fd < 0 || client == api->clients + VMM_API_CLIENTS)
		return;
	*client = (struct vmm_api_client){ .api = api, .fd = fd };
	client->source = (struct vmm_source){ fd, on_readable, client };
	api_lines_init(&client->lines);
	if (vmm_loop_add(&api->machine->loop, &client->source, EPOLLIN) < 0) {
		client->fd = -1;
		return;
	}
	fd = -1;
}

static bool is_served(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
}

static int bind_socket(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0117);
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	umask(before);
	return r;
}

static int set_path(struct sockaddr_un *address, const char *path, const char *end)
{
	int n = snprintf(address->sun_path, sizeof(address->sun_path), "%s%s", path, end);

	return n < (int)sizeof(address->sun_path) ? 0 : -ENAMETOOLONG;
}

/* Members of the group may use it, where there is the group and we may say so. */
static void give_to_group(const char *path)
{
	const struct group *group = getgrnam(sh_group());

	if (group && chown(path, (uid_t)-1, group->gr_gid) < 0)
		errno = 0;
}

/* Under another name first, so that a socket under its own name is one that is served. */
static int make_socket(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r = set_path(&address, path, ".new");

	if (r < 0)
		return r;
	(void)unlink(address.sun_path);
	r = bind_socket(fd, &address);
	if (r == 0 && listen(fd, SOMAXCONN) < 0)
		r = -errno;
	if (r == 0)
		give_to_group(address.sun_path);
	if (r == 0 && rename(address.sun_path, path) < 0)
		r = -errno;
	return r;
}

int vmm_api_listen(struct vmm_api *api, const char *path, struct sh_err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r = fd < 0 ? -errno : set_path(&address, path, "");

	if (r == 0 && is_served(&address))
		return sh_err_set(err, -EADDRINUSE, "%s: another machine serves this socket", path);
	if (r == 0)
		r = make_socket(fd, path);
	if (r < 0)
		return sh_err_set(err, r, "%s: %s", path, strerror(-r));
	*api = (struct vmm_api){ .path = path, .fd = TAKE_FD(fd) };
	for (unsigned i = 0; i < VMM_API_CLIENTS; i++)
		api->clients[i].fd = -1;
	return 0;
}

int vmm_api_attach(struct vmm_api *api, struct vmm_machine *machine)
{
	api->machine = machine;
	api->source = (struct vmm_source){ api->fd, on_client, api };
	return vmm_loop_add(&machine->loop, &api->source, EPOLLIN);
}

void vmm_api_close(struct vmm_api *api)
{
	if (!api->path)
		return;
	for (unsigned i = 0; i < VMM_API_CLIENTS; i++)
		close_client(&api->clients[i]);
	close(api->fd);
	(void)unlink(api->path);
	api->path = NULL;
}
