/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Texts of the model to fields of struct sriov_want. Every value has passed the configuration's own
 * checks; what is left to find here is what a VF cannot take from a port group.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/value.h"
#include "conf/policy.h"
#include "want_conf.h"

#define PF        API_SRIOV
#define VF        API_SRIOV_VF
#define GROUP     API_PORTGROUP
#define BIT(n)    (UINT32_C(1) << (n))
#define ETH_QINQ  0x88a8
#define ETH_DOT1Q 0x8100

/* return: whether the field is given; then its bit is set */
static bool take(const struct conf_item *item, enum api_noun noun, const char *field, unsigned bit,
	uint32_t *given, const char **ret)
{
	*ret = conf_get(item, noun, field);
	if (*ret)
		*given |= BIT(bit);
	return *ret != NULL;
}

static void take_number(const struct conf_item *item, const char *field, unsigned bit,
	uint32_t *given, uint32_t *ret)
{
	const char *text;
	uint64_t value = 0;

	if (take(item, VF, field, bit, given, &text) && api_parse_uint(text, &value) == 0)
		*ret = (uint32_t)value;
}

static void take_bool(const struct conf_item *item, enum api_noun noun, const char *field,
	unsigned bit, uint32_t *given, bool *ret)
{
	const char *text;

	if (take(item, noun, field, bit, given, &text))
		*ret = strcmp(text, "true") == 0;
}

static void take_macs(const struct conf_item *item, struct sriov_want_vf *vf)
{
	const char *text;

	if (take(item, VF, "mac", SRIOV_VF_MAC, &vf->given, &text)) {
		vf->mac_auto = strcmp(text, "auto") == 0;
		if (!vf->mac_auto)
			(void)api_parse_mac(text, vf->mac);
	}
	if (take(item, VF, "hw_addr", SRIOV_VF_HW_ADDR, &vf->given, &text))
		(void)api_parse_mac(text, vf->hw_addr);
}

static void take_vlan(const struct conf_item *item, struct sriov_want_vf *vf)
{
	uint32_t vlan = 0, qos = 0;
	const char *text;

	take_number(item, "vlan", SRIOV_VF_VLAN, &vf->given, &vlan);
	take_number(item, "qos", SRIOV_VF_QOS, &vf->given, &qos);
	vf->vlan = (uint16_t)vlan;
	vf->qos = (uint8_t)qos;
	if (take(item, VF, "vlan_proto", SRIOV_VF_PROTO, &vf->given, &text))
		vf->vlan_proto = strcmp(text, "802.1ad") == 0 ? ETH_QINQ : ETH_DOT1Q;
	if (take(item, VF, "trunk", SRIOV_VF_TRUNK, &vf->given, &text))
		snprintf(vf->trunk, sizeof(vf->trunk), "%s", text);
}

static void take_words(const struct conf_item *item, struct sriov_want_vf *vf)
{
	const char *text;

	if (take(item, VF, "link_state", SRIOV_VF_LINK_STATE, &vf->given, &text))
		vf->link_state = strcmp(text, "auto") == 0     ? SRIOV_LINK_AUTO
				 : strcmp(text, "enable") == 0 ? SRIOV_LINK_ENABLE
							       : SRIOV_LINK_DISABLE;
	if (take(item, VF, "driver", SRIOV_VF_DRIVER, &vf->given, &text))
		snprintf(vf->driver, sizeof(vf->driver), "%s",
			strcmp(text, "none") == 0 ? "" : text);
	if (take(item, VF, "state", SRIOV_VF_FN_STATE, &vf->given, &text))
		vf->fn_active = strcmp(text, "active") == 0;
}

static void take_numbers(const struct conf_item *item, struct sriov_want_vf *vf)
{
	take_number(item, "min_tx_rate", SRIOV_VF_MIN_RATE, &vf->given, &vf->min_tx_rate);
	take_number(item, "max_tx_rate", SRIOV_VF_MAX_RATE, &vf->given, &vf->max_tx_rate);
	take_number(item, "fn_tx_max", SRIOV_VF_FN_TX_MAX, &vf->given, &vf->fn_tx_max);
	take_number(item, "fn_tx_share", SRIOV_VF_FN_TX_SHARE, &vf->given, &vf->fn_tx_share);
	take_number(item, "msix_vectors", SRIOV_VF_MSIX, &vf->given, &vf->msix_vectors);
}

static int take_group_vlan(
	const struct conf_item *group, struct sriov_want_vf *vf, struct sh_err *err)
{
	const char *vlan = conf_get(group, GROUP, "vlan"), *blamed;
	const char *trunk = conf_get(group, GROUP, "trunk");
	enum conf_vlan_mode mode;
	uint64_t tag = 0;
	int r = conf_vlan_mode(
		vlan, trunk, conf_get(group, GROUP, "vlan_mode"), &mode, &blamed, err);

	if (r < 0)
		return r;
	/* A VF without a VLAN carries every tag: so it is a trunk of all, and no other. */
	if (mode != CONF_VLAN_ACCESS &&
		(mode != CONF_VLAN_TRUNK || (trunk && strcmp(trunk, "all") != 0)))
		return sh_err_set(err, -EINVAL,
			"port group '%s' carries several VLANs, and a VF has one, or all with "
			"'trunk: all'; name another group, or give the VF a vlan",
			conf_get(group, GROUP, "name"));
	if (mode == CONF_VLAN_ACCESS && api_parse_uint(vlan, &tag) == 0)
		vf->vlan = (uint16_t)tag;
	vf->given |= BIT(SRIOV_VF_VLAN);
	return 0;
}

/* What the VF's own line says wins, as a port's does over its group. */
static int take_group(const struct conf *conf, const struct conf_item *item,
	struct sriov_want_vf *vf, struct sh_err *err)
{
	const char *name = conf_get(item, VF, "portgroup");
	const struct conf_item *group = name ? conf_item(conf, GROUP, name) : NULL;
	const char *forged, *changes;

	if (!group)
		return 0;
	forged = conf_get(group, GROUP, "forged_transmits");
	changes = conf_get(group, GROUP, "mac_changes");
	if (forged && !(vf->given & BIT(SRIOV_VF_SPOOFCHK))) {
		vf->spoofchk = strcmp(forged, "reject") == 0;
		vf->given |= BIT(SRIOV_VF_SPOOFCHK);
	}
	/*
	 * Without trust a VF keeps the address it was given. To accept changes is no reason to
	 * trust it: trust is promiscuous mode as well.
	 */
	if (changes && strcmp(changes, "reject") == 0 && !(vf->given & BIT(SRIOV_VF_TRUST))) {
		vf->trust = false;
		vf->given |= BIT(SRIOV_VF_TRUST);
	}
	return take_group_vlan(group, vf, err);
}

static int take_line(const struct conf *conf, const struct conf_item *item,
	struct sriov_want_vf *vf, struct sh_err *err)
{
	uint64_t first = 0, last = 0;

	(void)api_parse_range(conf_get(item, VF, "vf"), &first, &last);
	*vf = (struct sriov_want_vf){ .first = (uint32_t)first, .last = (uint32_t)last };
	take_macs(item, vf);
	take_vlan(item, vf);
	take_words(item, vf);
	take_numbers(item, vf);
	take_bool(item, VF, "spoofchk", SRIOV_VF_SPOOFCHK, &vf->given, &vf->spoofchk);
	take_bool(item, VF, "trust", SRIOV_VF_TRUST, &vf->given, &vf->trust);
	take_bool(item, VF, "query_rss", SRIOV_VF_QUERY_RSS, &vf->given, &vf->query_rss);
	return take_group(conf, item, vf, err);
}

static void take_pf_fields(const struct conf_item *item, struct sriov_want_pf *pf)
{
	const char *text;

	snprintf(pf->name, sizeof(pf->name), "%s", conf_get(item, PF, "pf"));
	if (take(item, PF, "num_vfs", SRIOV_PF_NUM_VFS, &pf->given, &text))
		pf->num_vfs = (uint32_t)conf_get_uint(item, PF, "num_vfs", 0);
	take_bool(item, PF, "drivers_autoprobe", SRIOV_PF_AUTOPROBE, &pf->given,
		&pf->drivers_autoprobe);
	if (take(item, PF, "eswitch", SRIOV_PF_ESWITCH, &pf->given, &text))
		pf->eswitch = strcmp(text, "legacy") == 0 ? SRIOV_ESWITCH_LEGACY
							  : SRIOV_ESWITCH_SWITCHDEV;
	if (take(item, PF, "inline_mode", SRIOV_PF_INLINE_MODE, &pf->given, &text))
		snprintf(pf->inline_mode, sizeof(pf->inline_mode), "%s", text);
	if (take(item, PF, "encap_mode", SRIOV_PF_ENCAP_MODE, &pf->given, &text))
		snprintf(pf->encap_mode, sizeof(pf->encap_mode), "%s", text);
	if (take(item, PF, "mtu", SRIOV_PF_MTU, &pf->given, &text))
		pf->mtu = (uint32_t)conf_get_uint(item, PF, "mtu", 0);
}

static int take_pf(const struct conf *conf, const struct conf_item *item, struct sriov_want_pf *pf,
	struct sh_err *err)
{
	const struct conf_items *lines = conf_nested(item, PF, "vfs");

	take_pf_fields(item, pf);
	pf->vfs = calloc(lines->n ? lines->n : 1, sizeof(*pf->vfs));
	if (!pf->vfs)
		return sh_err_set(err, -ENOMEM, "out of memory");
	for (; pf->n_vfs < lines->n; pf->n_vfs++) {
		int r = take_line(conf, &lines->items[pf->n_vfs], &pf->vfs[pf->n_vfs], err);

		if (r < 0)
			return sh_err_prefix(err, r, "PF '%s': vfs[%u]", pf->name, pf->n_vfs);
	}
	return 0;
}

int want_from_conf(const struct conf *conf, struct sriov_want *ret, struct sh_err *err)
{
	const struct conf_items *items = &conf->of[PF];
	struct sriov_want want = { calloc(items->n ? items->n : 1, sizeof(*want.pfs)), 0 };
	int r = 0;

	if (!want.pfs)
		return sh_err_set(err, -ENOMEM, "out of memory");
	for (; r == 0 && want.n_pfs < items->n; want.n_pfs++)
		r = take_pf(conf, &items->items[want.n_pfs], &want.pfs[want.n_pfs], err);
	if (r < 0) {
		want_done(&want);
		return r;
	}
	*ret = want;
	return 0;
}

void want_done(struct sriov_want *want)
{
	for (uint32_t i = 0; i < want->n_pfs; i++)
		free(want->pfs[i].vfs);
	free(want->pfs);
	*want = (struct sriov_want){ 0 };
}
