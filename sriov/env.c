/* SPDX-License-Identifier: BSD-3-Clause
 *
 * This host as the environment: the real roots and sockets, the driver's word for its firmware, and
 * a look into other network namespaces.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "sriov/host.h"
#include "sriov/msg.h"
#include "sriov/nl.h"
#include "sriov/sysfs.h"

#define NAMED_NAMESPACES "/run/netns"

static int read_firmware(const char *netdev, char *ret, size_t size)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { 0 };

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", netdev);
	request.ifr_data = (char *)&info;
	if (ioctl(fd, SIOCETHTOOL, &request) < 0)
		return -errno;
	info.fw_version[sizeof(info.fw_version) - 1] = '\0';
	if (strcmp(info.fw_version, "N/A") != 0)
		snprintf(ret, size, "%s", info.fw_version);
	return 0;
}

/* Other network namespaces */

struct visit {
	const struct sriov_env *env;
	sriov_found *found;
	void *ctx;
	const char *who;
	ino_t *seen; /* namespaces that were looked into, this one first */
	size_t n_seen;
	int r; /* what kept from looking into one */
};

struct other_socket {
	int ns, fd;
};

static int note_link(const struct nlmsghdr *reply, void *ctx)
{
	const struct visit *visit = ctx;
	struct sriov_link link;

	if (sriov_link_parse(reply, &link) == 0 && *link.parent)
		visit->found(link.parent, visit->who, visit->ctx);
	return 0;
}

/* A thread of its own changes its namespace, not the program's. */
static void *open_there(void *ctx)
{
	struct other_socket *other = ctx;

	other->fd = setns(other->ns, CLONE_NEWNET) < 0
			    ? -errno
			    : socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	return NULL;
}

static int ask_there(struct visit *visit, int ns)
{
	struct other_socket other = { .ns = ns };
	struct sriov_nl *nl;
	struct sriov_msg msg;
	pthread_t thread;
	int r = -pthread_create(&thread, NULL, open_there, &other);

	if (r < 0)
		return r;
	pthread_join(thread, NULL);
	if (other.fd < 0)
		return other.fd;
	r = sriov_nl_from_fd(other.fd, &nl);
	if (r < 0) {
		close(other.fd);
		return r;
	}
	r = sriov_nl_ask(nl, sriov_msg_get_link(&msg, 0, 0), note_link, visit, NULL);
	sriov_nl_free(nl);
	return r;
}

/* return: whether it was not seen before; -ENOMEM */
static int is_new(struct visit *visit, ino_t ino)
{
	ino_t *seen;

	for (size_t i = 0; i < visit->n_seen; i++)
		if (visit->seen[i] == ino)
			return 0;
	seen = realloc(visit->seen, (visit->n_seen + 1) * sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	visit->seen = seen;
	seen[visit->n_seen++] = ino;
	return 1;
}

static int look_into(struct visit *visit, const char *path, const char *who)
{
	_cleanup_close_ int ns = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int r;

	/* What ended meanwhile needs no look. */
	if (ns < 0 || fstat(ns, &st) < 0)
		return errno == ENOENT || errno == ESRCH ? 0 : -errno;
	r = is_new(visit, st.st_ino);
	if (r <= 0)
		return r;
	visit->who = who;
	return ask_there(visit, ns);
}

static int look_at_name(const char *name, void *ctx)
{
	char path[PATH_MAX], who[PATH_MAX];
	struct visit *visit = ctx;
	int r;

	snprintf(path, sizeof(path), NAMED_NAMESPACES "/%s", name);
	snprintf(who, sizeof(who), "netns %s", name);
	r = look_into(visit, path, who);
	visit->r = r < 0 ? r : visit->r;
	return r == -ENOMEM ? r : 0;
}

static int look_at_process(const char *name, void *ctx)
{
	char path[PATH_MAX], who[128], comm[32] = "process";
	struct visit *visit = ctx;
	int r;

	if (!isdigit((unsigned char)*name))
		return 0;
	sriov_sysfs_read(visit->env->proc, comm, sizeof(comm), NULL, "%s/comm", name);
	snprintf(path, sizeof(path), "%s/%s/ns/net", visit->env->proc, name);
	snprintf(who, sizeof(who), "%s (%s)", comm, name);
	r = look_into(visit, path, who);
	visit->r = r < 0 ? r : visit->r;
	return r == -ENOMEM ? r : 0;
}

static int each_foreign(const struct sriov_env *env, sriov_found *found, void *ctx)
{
	struct visit visit = { .env = env, .found = found, .ctx = ctx };
	char path[PATH_MAX];
	struct stat st;
	int r;

	snprintf(path, sizeof(path), "%s/self/ns/net", env->proc);
	if (stat(path, &st) < 0)
		return -errno;
	r = is_new(&visit, st.st_ino);
	/* Names say more than processes: first. */
	if (r >= 0)
		r = sriov_sysfs_each(NAMED_NAMESPACES, look_at_name, &visit, NULL, ".");
	if (r != -ENOMEM)
		r = sriov_sysfs_each(env->proc, look_at_process, &visit, NULL, ".");
	free(visit.seen);
	return r < 0 ? r : visit.r;
}

int sriov_env_init(struct sriov_env *ret, struct sh_err *err)
{
	struct sriov_env env = {
		.sysfs = "/sys",
		.proc = "/proc",
		.dev = "/dev",
		.firmware = read_firmware,
		.foreign = each_foreign,
	};
	int r = sriov_nl_new(NETLINK_ROUTE, &env.route, err);

	if (r < 0)
		return r;
	r = sriov_nl_new(NETLINK_GENERIC, &env.generic, err);
	if (r < 0 && r != -EPROTONOSUPPORT) {
		sriov_nl_free(env.route);
		return r;
	}
	*ret = env;
	return 0;
}

void sriov_env_done(struct sriov_env *env)
{
	sriov_nl_free(env->route);
	sriov_nl_free(env->generic);
	*env = (struct sriov_env){ 0 };
}
