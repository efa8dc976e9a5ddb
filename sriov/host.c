/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading the host: which PFs there are, then source by source what is known of them. Changes
 * nothing; keeps nothing.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "reader.h"
#include "sriov/sysfs.h"

int reader_unread(struct sriov_reader *reader, const char *fmt, ...)
{
	struct sriov_host *host = reader->host;
	char text[sizeof(reader->err->text)], **unread;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (uint32_t i = 0; i < host->n_unread; i++)
		if (strcmp(host->unread[i], text) == 0)
			return 0;
	unread = realloc(host->unread, (host->n_unread + 1) * sizeof(*unread));
	if (!unread)
		return -ENOMEM;
	host->unread = unread;
	unread[host->n_unread] = strdup(text);
	if (!unread[host->n_unread])
		return -ENOMEM;
	host->n_unread++;
	return 0;
}

const char *reader_pf_name(const struct sriov_pf *pf)
{
	return *pf->netdev ? pf->netdev : pf->address;
}

static void free_pf(struct sriov_pf *pf)
{
	for (uint32_t i = 0; i < pf->n_vfs; i++) {
		free(pf->vfs[i].iommu_others);
		free(pf->vfs[i].users);
	}
	free(pf->vfs);
}

void sriov_host_free(struct sriov_host *host)
{
	if (!host)
		return;
	for (uint32_t i = 0; i < host->n_pfs; i++)
		free_pf(&host->pfs[i]);
	for (uint32_t i = 0; i < host->n_unread; i++)
		free(host->unread[i]);
	free(host->pfs);
	free(host->unread);
	free(host);
}

/* Finding PFs */

static int add_pf(const char *name, void *ctx)
{
	struct sriov_reader *reader = ctx;
	struct sriov_host *host = reader->host;
	struct sriov_pf *pfs;

	if (strlen(name) >= SRIOV_ADDRESS_LEN ||
		!sriov_sysfs_exists(reader->env->sysfs, "bus/pci/devices/%s/sriov_totalvfs", name))
		return 0;
	pfs = realloc(host->pfs, (host->n_pfs + 1) * sizeof(*pfs));
	if (!pfs)
		return -ENOMEM;
	host->pfs = pfs;
	pfs[host->n_pfs] = (struct sriov_pf){ .numa_node = -1 };
	strcpy(pfs[host->n_pfs++].address, name);
	return 0;
}

/* Domains have four digits, or more. */
static int by_address(const void *a, const void *b)
{
	const struct sriov_pf *x = a, *y = b;
	size_t nx = strlen(x->address), ny = strlen(y->address);

	return nx != ny ? (nx < ny ? -1 : 1) : strcmp(x->address, y->address);
}

static int find_pfs(struct sriov_reader *reader)
{
	struct sriov_host *host = reader->host;
	int r = sriov_sysfs_each(
		reader->env->sysfs, add_pf, reader, reader->err, "bus/pci/devices");

	/* No such folder: no PCI bus, and no PF. */
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (host->n_pfs)
		qsort(host->pfs, host->n_pfs, sizeof(*host->pfs), by_address);
	return 0;
}

/* Go over the PFs, and leave out those that go away meanwhile. */
static int each_pf(
	struct sriov_reader *reader, int (*read)(struct sriov_reader *reader, struct sriov_pf *pf))
{
	struct sriov_host *host = reader->host;
	uint32_t n = 0;
	int r = 0;

	for (uint32_t i = 0; i < host->n_pfs; i++) {
		struct sriov_pf *pf = &host->pfs[i];

		if (r == 0)
			r = read(reader, pf);
		if (r == -ENOENT) {
			r = reader_unread(reader, "PF %s went away while it was read", pf->address);
			free_pf(pf);
			continue;
		}
		host->pfs[n++] = *pf;
	}
	host->n_pfs = n;
	return r;
}

/* One PF by its name */

static bool is_address(const struct sriov_pf *pf, const char *name)
{
	if (strcasecmp(pf->address, name) == 0)
		return true;
	return strncmp(pf->address, "0000:", 5) == 0 && strcasecmp(pf->address + 5, name) == 0;
}

static bool is_mac(const struct sriov_pf *pf, const char *name)
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", pf->mac[0], pf->mac[1],
		pf->mac[2], pf->mac[3], pf->mac[4], pf->mac[5]);
	return strcasecmp(text, name) == 0;
}

/* "8086:10c9 igb" */
static bool is_model(const struct sriov_pf *pf, const char *name)
{
	char text[16 + SRIOV_DRIVER_LEN];

	snprintf(text, sizeof(text), "%04x:%04x %s", pf->vendor, pf->device, pf->driver);
	return strcasecmp(text, name) == 0;
}

static bool is_meant(const struct sriov_pf *pf, const char *name)
{
	return is_address(pf, name) || (*pf->netdev && strcmp(pf->netdev, name) == 0) ||
	       is_mac(pf, name) || is_model(pf, name);
}

/* "0000:01:00.0 (eth0), ..." of the PFs that are meant, or of all. */
static void list_names(const struct sriov_host *host, const char *meant, char *ret, size_t size)
{
	size_t n = 0;

	*ret = '\0';
	for (uint32_t i = 0; i < host->n_pfs && n < size; i++) {
		const struct sriov_pf *pf = &host->pfs[i];

		if (meant && !is_meant(pf, meant))
			continue;
		n += (size_t)snprintf(ret + n, size - n, "%s%s%s%s%s", n ? ", " : "", pf->address,
			*pf->netdev ? " (" : "", pf->netdev, *pf->netdev ? ")" : "");
	}
}

struct sriov_pf *sriov_host_find(struct sriov_host *host, const char *name, struct sh_err *err)
{
	struct sriov_pf *found = NULL;
	char names[256];
	uint32_t n = 0;

	for (uint32_t i = 0; i < host->n_pfs; i++) {
		if (!is_meant(&host->pfs[i], name))
			continue;
		found = &host->pfs[i];
		n++;
	}
	if (n == 1)
		return found;
	list_names(host, n ? name : NULL, names, sizeof(names));
	if (n > 1)
		sh_err_set(err, -EINVAL, "'%s' means %u PFs: name one of %s", name, n, names);
	else if (*names)
		sh_err_set(err, -ENOENT, "no such PF '%s': there are %s", name, names);
	else
		sh_err_set(err, -ENOENT,
			"no such PF '%s': no device here has SR-IOV; see that it is on in the "
			"firmware's setup",
			name);
	return NULL;
}

/* The device behind a name that is no PF's. return: whether there is one */
static bool find_device(const struct sriov_env *env, const char *name, char *ret, size_t size)
{
	if (!*name || strchr(name, '/') || *name == '.')
		return false;
	if (sriov_sysfs_exists(env->sysfs, "bus/pci/devices/%s", name))
		return snprintf(ret, size, "bus/pci/devices/%s", name) < (int)size;
	if (sriov_sysfs_exists(env->sysfs, "bus/pci/devices/0000:%s", name))
		return snprintf(ret, size, "bus/pci/devices/0000:%s", name) < (int)size;
	if (sriov_sysfs_exists(env->sysfs, "class/net/%s", name))
		return snprintf(ret, size, "class/net/%s/device", name) < (int)size;
	return false;
}

/* A name that means no PF, but something: say what. return: -ENOENT */
static int explain(const struct sriov_env *env, const char *name, struct sh_err *err)
{
	char device[128], pf[SRIOV_ADDRESS_LEN];

	if (!find_device(env, name, device, sizeof(device)))
		return -ENOENT;
	if (sriov_sysfs_read_link(env->sysfs, pf, sizeof(pf), NULL, "%s/physfn", device) == 0)
		return sh_err_set(
			err, -ENOENT, "no such PF '%s': it is a VF of %s; name that", name, pf);
	return sh_err_set(err, -ENOENT,
		"no such PF '%s': the device has no SR-IOV, or its driver does not offer it", name);
}

static int keep_one(struct sriov_reader *reader, const char *name)
{
	struct sriov_host *host = reader->host;
	const struct sriov_pf *found = sriov_host_find(host, name, reader->err);

	if (!found)
		return explain(reader->env, name, reader->err);
	host->pfs[0] = *found;
	host->n_pfs = 1;
	return 0;
}

static int read_all(struct sriov_reader *reader, const char *pf)
{
	int r = find_pfs(reader);

	if (r == 0)
		r = each_pf(reader, reader_pf_identity);
	if (r == 0 && pf)
		r = keep_one(reader, pf);
	if (r == 0)
		r = each_pf(reader, reader_pf_sysfs);
	if (r == 0)
		r = reader_links(reader);
	if (r == 0)
		r = reader_devlink(reader);
	if (r == 0)
		r = reader_routes(reader);
	if (r == 0)
		r = reader_users(reader);
	return r;
}

int sriov_host_read(
	const struct sriov_env *env, const char *pf, struct sriov_host **ret, struct sh_err *err)
{
	struct sriov_reader reader = { env, calloc(1, sizeof(*reader.host)), err };
	int r = reader.host ? read_all(&reader, pf) : -ENOMEM;

	if (r < 0) {
		sriov_host_free(reader.host);
		return r == -ENOMEM ? sh_err_set(err, r, "out of memory") : r;
	}
	*ret = reader.host;
	return 0;
}
