/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One VF as it is wanted: lines folded, what cannot be refused, settings completed by what is
 * there. Pure; the planner's other half.
 */
#include "plan_vf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "sriov/plan.h"

#define VLAN_MAX     4094
#define QOS_MAX      7
#define PROTO_8021Q  0x8100
#define PROTO_8021AD 0x88a8

#define BIT(n) (UINT32_C(1) << (n))

#define FUNCTION_FIELDS                                                                            \
	(BIT(SRIOV_VF_HW_ADDR) | BIT(SRIOV_VF_FN_STATE) | BIT(SRIOV_VF_FN_TX_MAX) |                \
		BIT(SRIOV_VF_FN_TX_SHARE))

const char *sriov_pf_label(const struct sriov_pf *pf)
{
	return pf->netdev[0] ? pf->netdev : pf->address;
}

static void fold_rate(const struct sriov_want_vf *line, struct sriov_want_vf *vf)
{
	if (line->given & BIT(SRIOV_VF_MIN_RATE))
		vf->min_tx_rate = line->min_tx_rate;
	if (line->given & BIT(SRIOV_VF_MAX_RATE))
		vf->max_tx_rate = line->max_tx_rate;
}

static void fold_vlan(const struct sriov_want_vf *line, struct sriov_want_vf *vf)
{
	if (line->given & BIT(SRIOV_VF_VLAN)) {
		vf->vlan = line->vlan;
		/* No VLAN has no priority and no protocol, unless they are asked for after it. */
		if (!line->vlan)
			vf->given &= ~(BIT(SRIOV_VF_QOS) | BIT(SRIOV_VF_PROTO));
	}
	if (line->given & BIT(SRIOV_VF_QOS))
		vf->qos = line->qos;
	if (line->given & BIT(SRIOV_VF_PROTO))
		vf->vlan_proto = line->vlan_proto;
}

static void fold_mac(const struct sriov_want_vf *line, struct sriov_want_vf *vf)
{
	if (!(line->given & BIT(SRIOV_VF_MAC)))
		return;
	vf->mac_auto = line->mac_auto;
	memcpy(vf->mac, line->mac, sizeof(vf->mac));
}

static void fold_function(const struct sriov_want_vf *line, struct sriov_want_vf *vf)
{
	if (line->given & BIT(SRIOV_VF_HW_ADDR))
		memcpy(vf->hw_addr, line->hw_addr, sizeof(vf->hw_addr));
	if (line->given & BIT(SRIOV_VF_FN_STATE))
		vf->fn_active = line->fn_active;
	if (line->given & BIT(SRIOV_VF_FN_TX_MAX))
		vf->fn_tx_max = line->fn_tx_max;
	if (line->given & BIT(SRIOV_VF_FN_TX_SHARE))
		vf->fn_tx_share = line->fn_tx_share;
}

static void fold_line(const struct sriov_want_vf *line, struct sriov_want_vf *vf)
{
	fold_mac(line, vf);
	fold_vlan(line, vf);
	fold_rate(line, vf);
	fold_function(line, vf);
	if (line->given & BIT(SRIOV_VF_SPOOFCHK))
		vf->spoofchk = line->spoofchk;
	if (line->given & BIT(SRIOV_VF_TRUST))
		vf->trust = line->trust;
	if (line->given & BIT(SRIOV_VF_LINK_STATE))
		vf->link_state = line->link_state;
	if (line->given & BIT(SRIOV_VF_QUERY_RSS))
		vf->query_rss = line->query_rss;
	if (line->given & BIT(SRIOV_VF_MSIX))
		vf->msix_vectors = line->msix_vectors;
	if (line->given & BIT(SRIOV_VF_DRIVER))
		memcpy(vf->driver, line->driver, sizeof(vf->driver));
	vf->given |= line->given;
}

int sriov_want_fold(const struct sriov_pf *pf, const struct sriov_want_pf *want, uint32_t n_vfs,
	struct sriov_want_vf **ret, struct sh_err *err)
{
	_cleanup_free_ struct sriov_want_vf *vfs = calloc(n_vfs ? n_vfs : 1, sizeof(*vfs));
	const char *label = sriov_pf_label(pf);

	if (!vfs)
		return sh_err_set(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < n_vfs; i++)
		vfs[i].first = vfs[i].last = i;
	for (uint32_t k = 0; k < want->n_vfs; k++) {
		const struct sriov_want_vf *line = &want->vfs[k];

		if (line->first > line->last)
			return sh_err_set(err, -EINVAL, "%s: vf %u-%u: the first is after the last",
				label, line->first, line->last);
		if (n_vfs == 0)
			return sh_err_set(err, -ERANGE, "%s: vf %u: there are no VFs; give num_vfs",
				label, line->first);
		if (line->last >= n_vfs)
			return sh_err_set(err, -ERANGE, "%s: vf %u: the last of %u VFs is vf %u",
				label, line->last, n_vfs, n_vfs - 1);
		for (uint32_t i = line->first; i <= line->last; i++)
			fold_line(line, &vfs[i]);
	}
	*ret = TAKE_PTR(vfs);
	return 0;
}

static int check_mac(
	const char *label, uint32_t i, const char *key, const uint8_t mac[6], struct sh_err *err)
{
	static const uint8_t zero[6];

	if (mac[0] & 1)
		return sh_err_set(err, -EINVAL,
			"%s: vf %u: %s %02x:%02x:%02x:%02x:%02x:%02x is a multicast address; "
			"the first byte must be even",
			label, i, key, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	if (memcmp(mac, zero, sizeof(zero)) == 0)
		return sh_err_set(err, -EINVAL,
			"%s: vf %u: %s 00:00:00:00:00:00 is no address; give one, or auto", label,
			i, key);
	return 0;
}

static int check_macs(const char *label, const struct sriov_want_vf *vf, struct sh_err *err)
{
	int r = 0;

	if ((vf->given & BIT(SRIOV_VF_MAC)) && !vf->mac_auto)
		r = check_mac(label, vf->first, "mac", vf->mac, err);
	if (r == 0 && (vf->given & BIT(SRIOV_VF_HW_ADDR)))
		r = check_mac(label, vf->first, "hw_addr", vf->hw_addr, err);
	return r;
}

/* Linux's interface carries a list, and every driver of Linux takes one VLAN of it. */
static int check_trunk(const char *label, const struct sriov_want_vf *vf, struct sh_err *err)
{
	if (!(vf->given & BIT(SRIOV_VF_TRUNK)))
		return 0;
	return sh_err_set(err, -EOPNOTSUPP,
		"%s: vf %u: trunk '%s': Linux gives a VF one VLAN or none; leave vlan at 0 and "
		"tag in the guest, or give 'vlan' with vlan_proto 802.1ad",
		label, vf->first, vf->trunk);
}

static int check_function(const struct sriov_pf *pf, const struct sriov_want_pf *want,
	const struct sriov_want_vf *vf, struct sh_err *err)
{
	enum sriov_eswitch mode = want->given & BIT(SRIOV_PF_ESWITCH) ? want->eswitch : pf->eswitch;

	if (!(vf->given & FUNCTION_FIELDS) || mode == SRIOV_ESWITCH_SWITCHDEV)
		return 0;
	return sh_err_set(err, -EOPNOTSUPP,
		"%s: vf %u: hw_addr, state and rates of a function need 'eswitch: switchdev'",
		sriov_pf_label(pf), vf->first);
}

static int check_vlan(const char *label, const struct sriov_want_vf *vf, struct sh_err *err)
{
	if ((vf->given & BIT(SRIOV_VF_VLAN)) && vf->vlan > VLAN_MAX)
		return sh_err_set(err, -EINVAL, "%s: vf %u: vlan %u: allowed is 0 to %d", label,
			vf->first, vf->vlan, VLAN_MAX);
	if ((vf->given & BIT(SRIOV_VF_QOS)) && vf->qos > QOS_MAX)
		return sh_err_set(err, -EINVAL, "%s: vf %u: qos %u: allowed is 0 to %d", label,
			vf->first, vf->qos, QOS_MAX);
	if ((vf->given & BIT(SRIOV_VF_PROTO)) && vf->vlan_proto != PROTO_8021Q &&
		vf->vlan_proto != PROTO_8021AD)
		return sh_err_set(err, -EINVAL,
			"%s: vf %u: vlan_proto 0x%04x: allowed are 802.1q and 802.1ad", label,
			vf->first, vf->vlan_proto);
	return 0;
}

static int check_rate(const struct sriov_pf *pf, const struct sriov_want_vf *vf, struct sh_err *err)
{
	const char *label = sriov_pf_label(pf);
	struct sriov_vf none = { 0 }, to;
	const struct sriov_vf *from = vf->first < pf->n_vfs ? &pf->vfs[vf->first] : &none;

	if (!(vf->given & (BIT(SRIOV_VF_MIN_RATE) | BIT(SRIOV_VF_MAX_RATE))))
		return 0;
	sriov_want_apply(pf, vf, from, &to);
	if (to.max_tx_rate && to.min_tx_rate > to.max_tx_rate)
		return sh_err_set(err, -EINVAL,
			"%s: vf %u: min_tx_rate %u Mb/s is above max_tx_rate %u Mb/s", label,
			vf->first, to.min_tx_rate, to.max_tx_rate);
	if (pf->link_mbps && to.max_tx_rate > pf->link_mbps)
		return sh_err_set(err, -ERANGE,
			"%s: vf %u: max_tx_rate %u Mb/s is above the link's %u Mb/s", label,
			vf->first, to.max_tx_rate, pf->link_mbps);
	if (pf->link_mbps && to.min_tx_rate > pf->link_mbps)
		return sh_err_set(err, -ERANGE,
			"%s: vf %u: min_tx_rate %u Mb/s is above the link's %u Mb/s", label,
			vf->first, to.min_tx_rate, pf->link_mbps);
	return 0;
}

/* Attributes go through the PF's netdev. */
static int check_netdev(
	const struct sriov_pf *pf, const struct sriov_want_vf *vf, struct sh_err *err)
{
	uint32_t without = BIT(SRIOV_VF_DRIVER) | BIT(SRIOV_VF_MSIX) | FUNCTION_FIELDS;

	if (pf->ifindex || !(vf->given & ~without))
		return 0;
	return sh_err_set(err, -ENODEV,
		"%s: vf %u: driver '%s' makes no network interface for the PF here, so its VFs "
		"have only 'driver' and 'msix_vectors'",
		sriov_pf_label(pf), vf->first, pf->driver);
}

static int check_macs_differ(const struct sriov_pf *pf, const struct sriov_want_vf *vfs,
	uint32_t n_vfs, struct sh_err *err)
{
	for (uint32_t i = 0; i < n_vfs; i++)
		for (uint32_t k = 0; k < i; k++)
			if ((vfs[i].given & vfs[k].given & BIT(SRIOV_VF_MAC)) && !vfs[i].mac_auto &&
				!vfs[k].mac_auto && memcmp(vfs[i].mac, vfs[k].mac, 6) == 0)
				return sh_err_set(err, -EINVAL,
					"%s: vf %u and vf %u would have one MAC; give each its "
					"own, or auto",
					sriov_pf_label(pf), k, i);
	return 0;
}

int sriov_want_check(const struct sriov_pf *pf, const struct sriov_want_pf *want,
	const struct sriov_want_vf *vfs, uint32_t n_vfs, struct sh_err *err)
{
	const char *label = sriov_pf_label(pf);
	int r;

	if (!pf->driver[0])
		return sh_err_set(err, -ENODEV,
			"%s: the PF has no driver, and has no VFs without one; load its module",
			label);
	if ((want->given & BIT(SRIOV_PF_MTU)) && !pf->ifindex)
		return sh_err_set(
			err, -EOPNOTSUPP, "%s: mtu: the PF has no network interface here", label);
	if ((want->given & (BIT(SRIOV_PF_ESWITCH) | BIT(SRIOV_PF_INLINE_MODE) |
				   BIT(SRIOV_PF_ENCAP_MODE))) &&
		pf->eswitch == SRIOV_ESWITCH_UNKNOWN &&
		!((want->given & BIT(SRIOV_PF_ESWITCH)) && want->eswitch == SRIOV_ESWITCH_LEGACY))
		return sh_err_set(err, -EOPNOTSUPP,
			"%s: eswitch: driver '%s' has no devlink eswitch; remove the key", label,
			pf->driver);
	for (uint32_t i = 0; i < n_vfs; i++) {
		r = check_macs(label, &vfs[i], err);
		if (r == 0)
			r = check_vlan(label, &vfs[i], err);
		if (r == 0)
			r = check_rate(pf, &vfs[i], err);
		if (r == 0)
			r = check_trunk(label, &vfs[i], err);
		if (r == 0)
			r = check_function(pf, want, &vfs[i], err);
		if (r == 0)
			r = check_netdev(pf, &vfs[i], err);
		if (r < 0)
			return r;
	}
	return check_macs_differ(pf, vfs, n_vfs, err);
}

/* Fowler, Noll and Vo's hash, 64 bits, variant 1a. */
static uint64_t hash_mac(const uint8_t mac[6])
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (unsigned i = 0; i < 6; i++)
		hash = (hash ^ mac[i]) * UINT64_C(0x100000001b3);
	return hash;
}

void sriov_mac_auto(const uint8_t pf_mac[6], uint32_t vf, uint8_t ret[6])
{
	/* The last byte is the index: VFs of a PF differ for certain, PFs by their hash. */
	uint64_t hash = hash_mac(pf_mac);

	hash ^= hash >> 40;
	for (unsigned i = 0; i < 5; i++)
		ret[i] = (uint8_t)(hash >> (8 * i));
	ret[0] = (uint8_t)((ret[0] & 0xfc) | 0x02);
	ret[5] = (uint8_t)vf;
}

static bool apply_vlan(const struct sriov_want_vf *want, struct sriov_vf *to)
{
	if (!(want->given & (BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_QOS) | BIT(SRIOV_VF_PROTO))))
		return false;
	if (!to->vlan_proto)
		to->vlan_proto = PROTO_8021Q;
	if (want->given & BIT(SRIOV_VF_VLAN)) {
		to->vlan = want->vlan;
		if (!want->vlan) {
			to->qos = 0;
			to->vlan_proto = PROTO_8021Q;
		}
	}
	if (want->given & BIT(SRIOV_VF_QOS))
		to->qos = want->qos;
	if (want->given & BIT(SRIOV_VF_PROTO))
		to->vlan_proto = want->vlan_proto;
	return true;
}

static bool apply_rate(const struct sriov_want_vf *want, struct sriov_vf *to)
{
	if (want->given & BIT(SRIOV_VF_MIN_RATE))
		to->min_tx_rate = want->min_tx_rate;
	if (want->given & BIT(SRIOV_VF_MAX_RATE))
		to->max_tx_rate = want->max_tx_rate;
	return want->given & (BIT(SRIOV_VF_MIN_RATE) | BIT(SRIOV_VF_MAX_RATE));
}

static bool apply_mac(
	const struct sriov_pf *pf, const struct sriov_want_vf *want, struct sriov_vf *to)
{
	if (!(want->given & BIT(SRIOV_VF_MAC)))
		return false;
	if (want->mac_auto)
		sriov_mac_auto(pf->mac, want->first, to->mac);
	else
		memcpy(to->mac, want->mac, sizeof(to->mac));
	return true;
}

static uint32_t apply_function(const struct sriov_want_vf *want, struct sriov_vf *to)
{
	uint32_t spoken = 0;

	if (want->given & BIT(SRIOV_VF_HW_ADDR)) {
		memcpy(to->fn_hw_addr, want->hw_addr, sizeof(to->fn_hw_addr));
		spoken |= BIT(SRIOV_FN_HW_ADDR);
	}
	if (want->given & BIT(SRIOV_VF_FN_STATE)) {
		to->fn_active = want->fn_active;
		spoken |= BIT(SRIOV_FN_STATE);
	}
	if (want->given & BIT(SRIOV_VF_FN_TX_SHARE))
		to->fn_tx_share = want->fn_tx_share;
	if (want->given & BIT(SRIOV_VF_FN_TX_MAX))
		to->fn_tx_max = want->fn_tx_max;
	if (want->given & (BIT(SRIOV_VF_FN_TX_SHARE) | BIT(SRIOV_VF_FN_TX_MAX)))
		spoken |= BIT(SRIOV_FN_RATE);
	return spoken;
}

uint32_t sriov_want_apply(const struct sriov_pf *pf, const struct sriov_want_vf *want,
	const struct sriov_vf *from, struct sriov_vf *to)
{
	uint32_t spoken;

	*to = *from;
	to->index = want->first;
	spoken = apply_function(want, to);
	if (apply_mac(pf, want, to))
		spoken |= BIT(SRIOV_MAC);
	if (apply_vlan(want, to))
		spoken |= BIT(SRIOV_VLAN);
	if (apply_rate(want, to))
		spoken |= BIT(SRIOV_RATE);
	if (want->given & BIT(SRIOV_VF_SPOOFCHK)) {
		to->spoofchk = want->spoofchk;
		spoken |= BIT(SRIOV_SPOOFCHK);
	}
	if (want->given & BIT(SRIOV_VF_TRUST)) {
		to->trust = want->trust;
		spoken |= BIT(SRIOV_TRUST);
	}
	if (want->given & BIT(SRIOV_VF_LINK_STATE)) {
		to->link_state = want->link_state;
		spoken |= BIT(SRIOV_LINK_STATE);
	}
	if (want->given & BIT(SRIOV_VF_QUERY_RSS)) {
		to->query_rss = want->query_rss;
		spoken |= BIT(SRIOV_QUERY_RSS);
	}
	to->known |= spoken;
	return spoken;
}
