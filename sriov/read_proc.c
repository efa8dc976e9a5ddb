/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What procfs tells: which PF carries a default route, which process has a VF open through VFIO,
 * and in whose network namespace a VF's netdev is.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "reader.h"
#include "sriov/sysfs.h"

#define MAX_STACKED 8 /* netdevs on top of each other: bond, VLAN, bridge */

/* Default routes */

struct stack {
	const struct sriov_env *env;
	const char *top;
	unsigned depth;
};

static int is_below(
	const char *top, const char *netdev, const struct sriov_env *env, unsigned depth);

static int look_above(const char *name, void *ctx)
{
	struct stack *stack = ctx;

	if (strncmp(name, "upper_", 6) != 0)
		return 0;
	return is_below(stack->top, name + 6, stack->env, stack->depth + 1);
}

/* Whether top is netdev, or a bond, VLAN or bridge above it. */
static int is_below(
	const char *top, const char *netdev, const struct sriov_env *env, unsigned depth)
{
	struct stack stack = { env, top, depth };

	if (strcmp(top, netdev) == 0)
		return 1;
	if (depth == MAX_STACKED)
		return 0;
	return sriov_sysfs_each(env->sysfs, look_above, &stack, NULL, "class/net/%s", netdev) > 0;
}

static bool carries(struct sriov_reader *reader, const char *nic, const char *netdev)
{
	return *nic && is_below(netdev, nic, reader->env, 0) > 0;
}

static void mark_nics(struct sriov_reader *reader, const char *netdev)
{
	struct sriov_host *host = reader->host;

	for (uint32_t k = 0; k < host->n_pfs; k++) {
		struct sriov_pf *pf = &host->pfs[k];

		pf->has_default_route |= carries(reader, pf->netdev, netdev);
		for (uint32_t i = 0; i < pf->n_vfs; i++)
			pf->vfs[i].has_default_route |= carries(reader, pf->vfs[i].netdev, netdev);
	}
}

/* Destination and mask, or prefix length, of a default route are 0. */
static bool is_default4(char *line, char *ret)
{
	unsigned long destination, mask;

	return sscanf(line, "%15s %lx %*x %*x %*d %*d %*d %lx", ret, &destination, &mask) == 3 &&
	       destination == 0 && mask == 0;
}

static bool is_default6(char *line, char *ret)
{
	char destination[33];
	unsigned length;

	if (sscanf(line, "%32s %x %*s %*x %*s %*x %*x %*x %*x %15s", destination, &length, ret) !=
		3)
		return false;
	return length == 0 && strspn(destination, "0") == 32;
}

static int read_routes(
	struct sriov_reader *reader, const char *file, bool (*is_default)(char *line, char *ret))
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX], line[512], netdev[IFNAMSIZ];

	snprintf(path, sizeof(path), "%s/%s", reader->env->proc, file);
	f = fopen(path, "re");
	/* A kernel without IPv6 has no such routes. */
	if (!f && errno != ENOENT)
		return reader_unread(reader, "default routes: %s: %s", path, strerror(errno));
	while (f && fgets(line, sizeof(line), f))
		if (is_default(line, netdev))
			mark_nics(reader, netdev);
	return 0;
}

int reader_routes(struct sriov_reader *reader)
{
	int r = read_routes(reader, "self/net/route", is_default4);

	return r < 0 ? r : read_routes(reader, "self/net/ipv6_route", is_default6);
}

/* Users */

struct scan {
	struct sriov_reader *reader;
	char self[16]; /* this process; it uses no VF, whatever it was given at its start */
	const char *pid;
	unsigned n_closed; /* processes that may not be looked into */
	int r;
};

static bool is_vfio(const struct sriov_vf *vf)
{
	return strncmp(vf->driver, "vfio", 4) == 0 || strstr(vf->driver, "_vfio_") ||
	       strstr(vf->driver, "-vfio-");
}

static int add_user(struct sriov_vf *vf, const char *who)
{
	char *text = NULL;

	if (vf->users && strstr(vf->users, who))
		return 0;
	if (asprintf(&text, "%s%s%s", vf->users ? vf->users : "", vf->users ? ", " : "", who) < 0)
		return -ENOMEM;
	free(vf->users);
	vf->users = text;
	return 0;
}

static int take_first(const char *name, void *ctx)
{
	if (strlen(name) >= SRIOV_DRIVER_LEN)
		return 0;
	strcpy(ctx, name);
	return 1;
}

/* "/dev/vfio/11", or by iommufd "/dev/vfio/devices/vfio3". */
static bool is_file_of(const struct sriov_env *env, const struct sriov_vf *vf, const char *file)
{
	char path[PATH_MAX], device[SRIOV_DRIVER_LEN] = "";

	snprintf(path, sizeof(path), "%s/vfio/%d", env->dev, vf->iommu_group);
	if (strcmp(file, path) == 0)
		return true;
	if (!strstr(file, "/vfio/devices/"))
		return false;
	sriov_sysfs_each(
		env->sysfs, take_first, device, NULL, "bus/pci/devices/%s/vfio-dev", vf->address);
	snprintf(path, sizeof(path), "%s/vfio/devices/%s", env->dev, device);
	return *device && strcmp(file, path) == 0;
}

/* The VM's name in the arguments of a VMM: QEMU's "-name guest=web1,...", "--name web1". */
static void find_vm_name(char *arguments, size_t n, char *ret, size_t size)
{
	const char *end = arguments + n, *name = NULL;

	*ret = '\0';
	for (const char *at = arguments; at < end && !name; at += strlen(at) + 1)
		if ((strcmp(at, "-name") == 0 || strcmp(at, "--name") == 0) &&
			at + strlen(at) + 1 < end)
			name = at + strlen(at) + 1;
	if (!name)
		return;
	if (strncmp(name, "guest=", 6) == 0)
		name += 6;
	snprintf(ret, size, ", vm %.*s", (int)strcspn(name, ","), name);
}

static void describe_process(const struct sriov_env *env, const char *pid, char *ret, size_t size)
{
	char comm[32] = "process", arguments[4096], vm[128];
	int n;

	sriov_sysfs_read(env->proc, comm, sizeof(comm), NULL, "%s/comm", pid);
	n = sriov_sysfs_read_bytes(
		env->proc, arguments, sizeof(arguments) - 1, NULL, "%s/cmdline", pid);
	n = n < 0 ? 0 : n;
	arguments[n] = '\0';
	find_vm_name(arguments, (size_t)n, vm, sizeof(vm));
	snprintf(ret, size, "%s (%s)%s", comm, pid, vm);
}

static int note_file(struct scan *scan, const char *file)
{
	struct sriov_host *host = scan->reader->host;
	char who[256] = "";

	for (uint32_t i = 0; i < host->n_pfs; i++)
		for (uint32_t k = 0; k < host->pfs[i].n_vfs; k++) {
			struct sriov_vf *vf = &host->pfs[i].vfs[k];

			if (!is_vfio(vf) || !is_file_of(scan->reader->env, vf, file))
				continue;
			if (!*who)
				describe_process(scan->reader->env, scan->pid, who, sizeof(who));
			if (add_user(vf, who) < 0)
				return -ENOMEM;
		}
	return 0;
}

static int look_at_fd(const char *name, void *ctx)
{
	struct scan *scan = ctx;
	const struct sriov_env *env = scan->reader->env;
	char path[PATH_MAX], file[PATH_MAX], prefix[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%s/fd/%s", env->proc, scan->pid, name);
	n = readlink(path, file, sizeof(file) - 1);
	if (n < 0)
		return 0;
	file[n] = '\0';
	n = snprintf(prefix, sizeof(prefix), "%s/vfio/", env->dev);
	if (strncmp(file, prefix, (size_t)n) != 0)
		return 0;
	return note_file(scan, file);
}

static int look_at_process(const char *name, void *ctx)
{
	struct scan *scan = ctx;
	int r;

	if (!isdigit((unsigned char)*name) || strcmp(name, scan->self) == 0)
		return 0;
	scan->pid = name;
	r = sriov_sysfs_each(scan->reader->env->proc, look_at_fd, scan, NULL, "%s/fd", name);
	if (r == -EACCES || r == -EPERM)
		scan->n_closed++;
	return r == -ENOMEM ? r : 0;
}

static int read_openers(struct sriov_reader *reader)
{
	struct scan scan = { .reader = reader };
	int r;

	sriov_sysfs_read_link(reader->env->proc, scan.self, sizeof(scan.self), NULL, "self");
	r = sriov_sysfs_each(reader->env->proc, look_at_process, &scan, NULL, ".");
	if (r == -ENOMEM)
		return r;
	if (scan.n_closed || r < 0)
		return reader_unread(
			reader, "who has VFs open: only root may look into other users' processes");
	return 0;
}

static void note_foreign(const char *address, const char *who, void *ctx)
{
	struct scan *scan = ctx;
	struct sriov_host *host = scan->reader->host;

	for (uint32_t i = 0; i < host->n_pfs; i++)
		for (uint32_t k = 0; scan->r == 0 && k < host->pfs[i].n_vfs; k++)
			if (strcmp(host->pfs[i].vfs[k].address, address) == 0)
				scan->r = add_user(&host->pfs[i].vfs[k], who);
}

static int read_foreign(struct sriov_reader *reader)
{
	struct scan scan = { .reader = reader };
	int r = reader->env->foreign(reader->env, note_foreign, &scan);

	if (scan.r < 0 || r == -ENOMEM)
		return -ENOMEM;
	if (r < 0)
		return reader_unread(
			reader, "VFs in other network namespaces: only root may look into those");
	return 0;
}

int reader_users(struct sriov_reader *reader)
{
	struct sriov_host *host = reader->host;
	bool any_vfio = false, any_hidden = false;
	int r = 0;

	for (uint32_t i = 0; i < host->n_pfs; i++)
		for (uint32_t k = 0; k < host->pfs[i].n_vfs; k++) {
			const struct sriov_vf *vf = &host->pfs[i].vfs[k];

			any_vfio |= is_vfio(vf);
			any_hidden |=
				*vf->driver && !is_vfio(vf) && !*vf->netdev && *host->pfs[i].netdev;
		}
	if (any_vfio)
		r = read_openers(reader);
	if (r == 0 && any_hidden && reader->env->foreign)
		r = read_foreign(reader);
	return r;
}
