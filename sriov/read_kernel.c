/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What rtnetlink and devlink tell of PFs and VFs.
 */
#include <errno.h>
#include <string.h>

#include "reader.h"
#include "sriov/msg.h"
#include "sriov/nl.h"

/* So many VFs with counters are sure to fit the 64 KiB of one attribute. */
#define VFS_WITH_STATS 128

struct link_reply {
	struct sriov_pf *pf;
	int n_told;
};

static int take_link(const struct nlmsghdr *reply, void *ctx)
{
	struct link_reply *told = ctx;
	struct sriov_pf *pf = told->pf;
	struct sriov_link link;
	int r = sriov_link_parse(reply, &link);

	if (r < 0)
		return r;
	memcpy(pf->mac, link.mac, sizeof(pf->mac));
	pf->mtu = link.mtu;
	pf->link_up = link.carrier;
	told->n_told = sriov_link_parse_vfs(reply, pf->vfs, pf->n_vfs);
	return 0;
}

static int ask_link(struct sriov_reader *reader, struct sriov_pf *pf, unsigned with, int *n_told,
	struct sh_err *err)
{
	struct link_reply told = { .pf = pf };
	struct sriov_msg msg;
	int r = sriov_nl_ask(reader->env->route, sriov_msg_get_link(&msg, pf->ifindex, with),
		take_link, &told, err);

	if (r == -EPROTO && !*err->text)
		sh_err_set(err, r, "the kernel's answer makes no sense");
	*n_told = told.n_told;
	return r;
}

/* Counters of many VFs are more than an answer can hold. */
static int read_link(struct sriov_reader *reader, struct sriov_pf *pf)
{
	unsigned with = SRIOV_WITH_VFS | (pf->n_vfs <= VFS_WITH_STATS ? SRIOV_WITH_STATS : 0);
	struct sh_err err = { "" };
	int n_told = 0, r = ask_link(reader, pf, with, &n_told, &err);

	if (r == -ENODEV)
		return reader_unread(reader, "%s went away while it was read", reader_pf_name(pf));
	if (r < 0)
		return sh_err_set(reader->err, r, "%s: %s", reader_pf_name(pf), err.text);
	if (n_told < 0)
		return reader_unread(reader,
			"some VFs of %s: the kernel's answer does not hold all; Linux 6.5 does "
			"better",
			reader_pf_name(pf));
	if (with & SRIOV_WITH_STATS)
		return 0;
	r = ask_link(reader, pf, SRIOV_WITH_VFS | SRIOV_WITH_STATS, &n_told, &err);
	if (r < 0 || n_told < 0)
		return reader_unread(reader,
			"counters of some VFs of %s: there are more than the kernel's answer holds",
			reader_pf_name(pf));
	return 0;
}

int reader_links(struct sriov_reader *reader)
{
	struct sriov_host *host = reader->host;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < host->n_pfs; i++)
		if (host->pfs[i].ifindex)
			r = read_link(reader, &host->pfs[i]);
	return r;
}

/* devlink */

static int take_eswitch(const struct nlmsghdr *reply, void *ctx)
{
	return sriov_eswitch_parse(reply, ctx);
}

static bool has_devlink(struct sriov_reader *reader, uint16_t family, const struct sriov_pf *pf)
{
	struct sriov_msg msg;

	return sriov_nl_ask(reader->env->generic, sriov_msg_get_devlink(&msg, family, pf->address),
		       NULL, NULL, NULL) == 0;
}

static int read_eswitch(struct sriov_reader *reader, uint16_t family, struct sriov_pf *pf)
{
	struct sriov_eswitch_modes modes = { 0 };
	struct sh_err err = { "" };
	struct sriov_msg msg;
	int r = sriov_nl_ask(reader->env->generic, sriov_msg_get_eswitch(&msg, family, pf->address),
		take_eswitch, &modes, &err);

	if (r == -EPERM && has_devlink(reader, family, pf))
		return reader_unread(reader, "eswitch modes: only root may ask for them");
	/* Most drivers have no eswitch, or no devlink at all. */
	if (r == -EOPNOTSUPP || r == -ENODEV || r == -EPERM)
		return 0;
	if (r < 0)
		return reader_unread(reader, "eswitch of %s: %s", reader_pf_name(pf), err.text);
	pf->eswitch = modes.mode;
	strcpy(pf->inline_mode, modes.inline_mode);
	strcpy(pf->encap_mode, modes.encap_mode);
	return 0;
}

static struct sriov_pf *find_pf(struct sriov_host *host, const char *address)
{
	for (uint32_t i = 0; i < host->n_pfs; i++)
		if (strcmp(host->pfs[i].address, address) == 0)
			return &host->pfs[i];
	return NULL;
}

static int take_port(const struct nlmsghdr *reply, void *ctx)
{
	struct sriov_port port;
	struct sriov_pf *pf;
	struct sriov_vf *vf;

	if (sriov_port_parse(reply, &port) < 0 || !port.is_vf)
		return 0;
	pf = find_pf(ctx, port.address);
	if (!pf || port.vf >= pf->n_vfs)
		return 0;
	vf = &pf->vfs[port.vf];
	vf->has_port = true;
	vf->port = port.index;
	strcpy(vf->representor, port.netdev);
	memcpy(vf->fn_hw_addr, port.hw_addr, sizeof(vf->fn_hw_addr));
	vf->fn_active = port.active;
	if (port.has_hw_addr)
		vf->known |= 1u << SRIOV_FN_HW_ADDR;
	if (port.has_state)
		vf->known |= 1u << SRIOV_FN_STATE;
	return 0;
}

static struct sriov_vf *find_port(struct sriov_pf *pf, uint32_t port)
{
	for (uint32_t i = 0; pf && i < pf->n_vfs; i++)
		if (pf->vfs[i].has_port && pf->vfs[i].port == port)
			return &pf->vfs[i];
	return NULL;
}

static int take_rate(const struct nlmsghdr *reply, void *ctx)
{
	struct sriov_fn_rate rate;
	struct sriov_vf *vf;

	if (sriov_rate_parse(reply, &rate) < 0 || !rate.is_leaf)
		return 0;
	vf = find_port(find_pf(ctx, rate.address), rate.port);
	if (!vf)
		return 0;
	vf->fn_tx_share = rate.tx_share;
	vf->fn_tx_max = rate.tx_max;
	vf->known |= 1u << SRIOV_FN_RATE;
	return 0;
}

/* Rates are younger than ports (Linux 5.14): a kernel that knows none has none. */
static int read_ports(struct sriov_reader *reader, uint16_t family)
{
	struct sriov_nl *generic = reader->env->generic;
	struct sh_err err = { "" };
	struct sriov_msg msg;
	int r = sriov_nl_ask(
		generic, sriov_msg_get_ports(&msg, family), take_port, reader->host, &err);

	if (r == -EOPNOTSUPP)
		return 0;
	if (r < 0)
		return reader_unread(reader, "representors: %s", err.text);
	r = sriov_nl_ask(generic, sriov_msg_get_rates(&msg, family), take_rate, reader->host, &err);
	if (r < 0 && r != -EOPNOTSUPP)
		return reader_unread(reader, "devlink rates: %s", err.text);
	return 0;
}

int reader_devlink(struct sriov_reader *reader)
{
	struct sriov_host *host = reader->host;
	struct sh_err err = { "" };
	uint16_t family;
	int r;

	if (!reader->env->generic || !host->n_pfs)
		return 0;
	r = sriov_nl_family(reader->env->generic, "devlink", &family, &err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return reader_unread(reader, "eswitches: %s", err.text);
	for (uint32_t i = 0; r == 0 && i < host->n_pfs; i++)
		r = read_eswitch(reader, family, &host->pfs[i]);
	return r < 0 ? r : read_ports(reader, family);
}
