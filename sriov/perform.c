/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The steps: a write below sysfs or a netlink message each, and waiting until the kernel has done
 * it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "perform.h"
#include "sriov/msg.h"
#include "sriov/nl.h"
#include "sriov/sysfs.h"

#define BIT(n) (UINT32_C(1) << (n))

#define LINK_TIMEOUT_MS 10000 /* for a link to come back after a reset */

struct awaited_vfs {
	const struct sriov_hands *hands;
	const char *address;
	uint32_t n;
};

/* The last VF is there when it should be, and the first gone when none should. */
static int has_vfs(void *ctx)
{
	const struct awaited_vfs *awaited = ctx;
	const char *root = awaited->hands->env->sysfs;
	uint32_t last = awaited->n ? awaited->n - 1 : 0;
	int64_t n = 0;
	bool there;

	if (sriov_sysfs_read_number(
		    root, &n, NULL, "bus/pci/devices/%s/sriov_numvfs", awaited->address) < 0)
		return -ENODEV;
	there = sriov_sysfs_exists(
		root, "bus/pci/devices/%s/virtfn%u/vendor", awaited->address, last);
	return n == awaited->n && there == (awaited->n > 0);
}

static int perform_num_vfs(
	const struct sriov_hands *hands, const struct sriov_step *step, struct sh_err *err)
{
	struct awaited_vfs awaited = { hands, step->address, step->number_to };
	char text[16];
	int r;

	snprintf(text, sizeof(text), "%u", step->number_to);
	r = sriov_sysfs_write(hands->env->sysfs, text, hands->timeout_ms, err,
		"bus/pci/devices/%s/sriov_numvfs", step->address);
	if (r < 0)
		return r;
	r = sriov_events_wait(hands->events, hands->timeout_ms, has_vfs, &awaited);
	if (r < 0)
		return sh_err_set(err, r, "waiting for the VFs: %s", strerror(-r));
	return 1;
}

static int perform_autoprobe(
	const struct sriov_hands *hands, const struct sriov_step *step, struct sh_err *err)
{
	return sriov_sysfs_write(hands->env->sysfs, step->number_to ? "1" : "0", hands->timeout_ms,
		err, "bus/pci/devices/%s/sriov_drivers_autoprobe", step->address);
}

static int perform_msix(const struct sriov_hands *hands, const struct sriov_vf *vf,
	const struct sriov_step *step, struct sh_err *err)
{
	char text[16];

	if ((vf->known & BIT(SRIOV_MSIX)) && vf->msix_vectors == step->number_to)
		return 0;
	snprintf(text, sizeof(text), "%u", step->number_to);
	return sriov_sysfs_write(hands->env->sysfs, text, hands->timeout_ms, err,
		"bus/pci/devices/%s/sriov_vf_msix_count", vf->address);
}

static int perform_mtu(const struct sriov_hands *hands, const struct sriov_pf *pf,
	const struct sriov_step *step, struct sh_err *err)
{
	struct sriov_msg msg;

	return sriov_nl_ask(hands->env->route,
		sriov_msg_set_mtu(&msg, pf->ifindex, step->number_to), NULL, NULL, err);
}

static int need_devlink(const struct sriov_hands *hands, uint16_t *ret, struct sh_err *err)
{
	if (!hands->env->generic)
		return sh_err_set(err, -EOPNOTSUPP, "this kernel has no devlink");
	return sriov_nl_family(hands->env->generic, "devlink", ret, err);
}

static int perform_modes(
	const struct sriov_hands *hands, const struct sriov_step *step, struct sh_err *err)
{
	struct sriov_eswitch_modes modes = { 0 };
	struct sriov_msg msg;
	struct nlmsghdr *request;
	uint16_t family;
	int r = need_devlink(hands, &family, err);

	if (r < 0)
		return r;
	if (step->op == SRIOV_OP_ESWITCH)
		modes.mode = strcmp(step->word_to, "legacy") == 0 ? SRIOV_ESWITCH_LEGACY
								  : SRIOV_ESWITCH_SWITCHDEV;
	else if (step->op == SRIOV_OP_INLINE_MODE)
		snprintf(modes.inline_mode, sizeof(modes.inline_mode), "%.15s", step->word_to);
	else
		snprintf(modes.encap_mode, sizeof(modes.encap_mode), "%.15s", step->word_to);
	request = sriov_msg_set_eswitch(&msg, family, step->address, &modes);
	if (!request)
		return sh_err_set(err, -EINVAL, "'%s' is no mode that devlink has", step->word_to);
	r = sriov_nl_ask(hands->env->generic, request, NULL, NULL, err);
	return r < 0 ? r : 1;
}

struct awaited_link {
	const char *sysfs, *netdev;
};

static int has_carrier(void *ctx)
{
	const struct awaited_link *awaited = ctx;
	int64_t carrier = 0;

	/* Of an interface that is down there is nothing to read, and nothing to wait for. */
	if (sriov_sysfs_read_number(
		    awaited->sysfs, &carrier, NULL, "class/net/%s/carrier", awaited->netdev) < 0)
		return 1;
	return carrier == 1;
}

/* Making VFs resets some NICs, and their drivers take rates only while the link is up. */
static void wait_for_link(const struct sriov_hands *hands, const struct sriov_pf *pf)
{
	struct awaited_link awaited = { hands->env->sysfs, pf->netdev };

	sriov_events_wait(hands->events, LINK_TIMEOUT_MS, has_carrier, &awaited);
}

static int send_attrs(const struct sriov_hands *hands, const struct sriov_pf *pf,
	const struct sriov_step *step, uint32_t sets, struct sh_err *err)
{
	struct sriov_msg msg;

	return sriov_nl_ask(hands->env->route,
		sriov_msg_set_vf(&msg, pf->ifindex, &step->vf_to, sets), NULL, NULL, err);
}

/* return: the attributes that a VF made by this plan does not already have as they should be */
static uint32_t still_to_set(const struct sriov_vf *vf, const struct sriov_step *step)
{
	uint32_t sets = step->sets;

	for (unsigned attr = 0; attr < SRIOV_N_ATTRS; attr++)
		if ((vf->known >> attr & 1) && sriov_attr_equal(attr, vf, &step->vf_to))
			sets &= ~BIT(attr);
	return sets;
}

/* A rate refused may be for want of a link, which may be on its way: once more, or say so. */
static int send_rate_again(const struct sriov_hands *hands, const struct sriov_pf *pf,
	const struct sriov_step *step, struct sh_err *err)
{
	struct awaited_link awaited = { hands->env->sysfs, pf->netdev };
	int64_t carrier = 0;
	int r = sriov_sysfs_read_number(
		awaited.sysfs, &carrier, NULL, "class/net/%s/carrier", awaited.netdev);

	if (r == 0 && carrier == 1)
		return -EINVAL;
	if (r == 0 && sriov_events_wait(hands->events, LINK_TIMEOUT_MS, has_carrier, &awaited) == 0)
		return send_attrs(hands, pf, step, BIT(SRIOV_RATE), err);
	return sh_err_set(err, -ENETDOWN,
		"refused without a link, which '%s' has not; see its cable, and 'ip link set %s "
		"up'",
		pf->netdev, pf->netdev);
}

/*
 * The kernel takes the attributes of a message one by one and does not say at which it stopped. So
 * when it refuses the message, each goes alone, and the one that is refused has a name.
 */
static int perform_attrs(const struct sriov_hands *hands, const struct sriov_pf *pf,
	const struct sriov_vf *vf, const struct sriov_step *step, struct sh_err *err)
{
	uint32_t sets = still_to_set(vf, step);
	int r;

	if (!sets)
		return 0;
	if (step->wait_link)
		wait_for_link(hands, pf);
	r = send_attrs(hands, pf, step, sets, err);
	if (r != -EOPNOTSUPP && r != -EINVAL && r != -ERANGE && r != -EBUSY)
		return r;
	for (unsigned attr = 0; attr < SRIOV_N_ATTRS; attr++) {
		if (!(sets >> attr & 1))
			continue;
		r = send_attrs(hands, pf, step, BIT(attr), err);
		if (r == -EINVAL && attr == SRIOV_RATE)
			r = send_rate_again(hands, pf, step, err);
		if (r < 0)
			return sh_err_prefix(err, r, "%s", sriov_attr_name(attr));
	}
	return 0;
}

static int perform_function(const struct sriov_hands *hands, const struct sriov_vf *vf,
	const struct sriov_step *step, struct sh_err *err)
{
	const struct sriov_vf *to = &step->vf_to;
	uint32_t sets = still_to_set(vf, step);
	struct sriov_msg msg;
	struct nlmsghdr *request;
	uint16_t family;
	int r = need_devlink(hands, &family, err);

	if (r < 0 || !sets)
		return r;
	if (!vf->has_port)
		return sh_err_set(err, -EOPNOTSUPP, "the eswitch has no port for this VF");
	if (step->op == SRIOV_OP_FN_RATE)
		request = sriov_msg_set_rate(
			&msg, family, step->address, vf->port, &to->fn_tx_share, &to->fn_tx_max);
	else
		request = sriov_msg_set_port_fn(&msg, family, step->address, vf->port,
			sets & BIT(SRIOV_FN_HW_ADDR) ? to->fn_hw_addr : NULL,
			sets & BIT(SRIOV_FN_STATE) ? &to->fn_active : NULL);
	return sriov_nl_ask(hands->env->generic, request, NULL, NULL, err);
}

static int perform_vf(const struct sriov_hands *hands, const struct sriov_pf *pf,
	const struct sriov_step *step, struct sh_err *err)
{
	const struct sriov_vf *vf;

	if ((uint32_t)step->vf >= pf->n_vfs)
		return sh_err_set(err, -ENODEV, "the VF is gone");
	vf = &pf->vfs[step->vf];
	switch (step->op) {
	case SRIOV_OP_UNBIND:
		return sriov_unbind(hands, vf->address, err);
	case SRIOV_OP_BIND:
		return sriov_bind(hands, vf->address, step->word_to, err);
	case SRIOV_OP_MSIX:
		return perform_msix(hands, vf, step, err);
	case SRIOV_OP_ATTRS:
		return perform_attrs(hands, pf, vf, step, err);
	default:
		return perform_function(hands, vf, step, err);
	}
}

static int perform(const struct sriov_hands *hands, const struct sriov_pf *pf,
	const struct sriov_step *step, struct sh_err *err)
{
	switch (step->op) {
	case SRIOV_OP_NUM_VFS:
		return perform_num_vfs(hands, step, err);
	case SRIOV_OP_AUTOPROBE:
		return perform_autoprobe(hands, step, err);
	case SRIOV_OP_MTU:
		return perform_mtu(hands, pf, step, err);
	case SRIOV_OP_ESWITCH:
	case SRIOV_OP_INLINE_MODE:
	case SRIOV_OP_ENCAP_MODE:
		return perform_modes(hands, step, err);
	default:
		return perform_vf(hands, pf, step, err);
	}
}

int sriov_step_perform(const struct sriov_hands *hands, const struct sriov_pf *pf,
	const struct sriov_step *step, struct sh_err *err)
{
	char text[512];
	int r = perform(hands, pf, step, err);

	if (r >= 0)
		return r;
	sriov_step_print(step, text, sizeof(text));
	/* Of binding the sentence names the driver that it is about. */
	if (step->op == SRIOV_OP_BIND || step->op == SRIOV_OP_UNBIND)
		return sh_err_prefix(err, r, "%s", text);
	return sh_err_prefix(err, r, "%s: driver '%s'", text, step->pf_driver);
}

static int differs(const struct sriov_step *step, const char *is, struct sh_err *err)
{
	char text[512];

	sriov_step_print(step, text, sizeof(text));
	return sh_err_set(err, -EIO, "%s: driver '%s' took it, but read back it is %s", text,
		step->pf_driver, is);
}

static int verify_number(const struct sriov_step *step, uint32_t is, struct sh_err *err)
{
	char text[16];

	if (is == step->number_to)
		return 0;
	snprintf(text, sizeof(text), "%u", is);
	return differs(step, text, err);
}

static int verify_word(const struct sriov_step *step, const char *is, struct sh_err *err)
{
	/* Which driver the kernel chooses, if any, is the kernel's. */
	if (strcmp(is, step->word_to) == 0 || (step->op == SRIOV_OP_BIND && !step->word_to[0]))
		return 0;
	return differs(step, is[0] ? is : "none", err);
}

static int verify_attrs(
	const struct sriov_vf *vf, const struct sriov_step *step, struct sh_err *err)
{
	char text[512];

	sriov_step_print(step, text, sizeof(text));
	for (unsigned attr = 0; attr < SRIOV_N_ATTRS; attr++) {
		if (!(step->sets >> attr & 1))
			continue;
		if (!(vf->known >> attr & 1))
			return sh_err_set(err, -EOPNOTSUPP,
				"%s: driver '%s' took %s but does not tell it, so that it cannot "
				"be "
				"verified",
				text, step->pf_driver, sriov_attr_name(attr));
		if (!sriov_attr_equal(attr, vf, &step->vf_to))
			return sh_err_set(err, -EIO,
				"%s: driver '%s' took %s, but it reads back as another value", text,
				step->pf_driver, sriov_attr_name(attr));
	}
	return 0;
}

static int verify_vf(const struct sriov_pf *pf, const struct sriov_step *step, struct sh_err *err)
{
	const struct sriov_vf *vf;

	if ((uint32_t)step->vf >= pf->n_vfs)
		return differs(step, "gone", err);
	vf = &pf->vfs[step->vf];
	if (step->op == SRIOV_OP_UNBIND || step->op == SRIOV_OP_BIND)
		return verify_word(step, vf->driver, err);
	if (step->op == SRIOV_OP_MSIX)
		return verify_number(step, vf->msix_vectors, err);
	return verify_attrs(vf, step, err);
}

int sriov_step_verify(const struct sriov_pf *pf, const struct sriov_step *step, struct sh_err *err)
{
	switch (step->op) {
	case SRIOV_OP_NUM_VFS:
		return verify_number(step, pf->n_vfs, err);
	case SRIOV_OP_AUTOPROBE:
		return verify_number(step, pf->drivers_autoprobe, err);
	case SRIOV_OP_MTU:
		return verify_number(step, pf->mtu, err);
	case SRIOV_OP_ESWITCH:
		return verify_word(step, sriov_eswitch_name(pf->eswitch), err);
	case SRIOV_OP_INLINE_MODE:
		return verify_word(step, pf->inline_mode, err);
	case SRIOV_OP_ENCAP_MODE:
		return verify_word(step, pf->encap_mode, err);
	default:
		return verify_vf(pf, step, err);
	}
}
