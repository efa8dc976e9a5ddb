/* SPDX-License-Identifier: BSD-3-Clause
 *
 * PFs and VFs as JSON: the configuration's field names; what is not known is null.
 */
#include <stdio.h>

#include "program.h"

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *mac_json(const uint8_t mac[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
	return json_string(text);
}

static json_t *guid_json(uint64_t guid)
{
	char text[24];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x:%02x:%02x",
		(unsigned)(guid >> 56 & 0xff), (unsigned)(guid >> 48 & 0xff),
		(unsigned)(guid >> 40 & 0xff), (unsigned)(guid >> 32 & 0xff),
		(unsigned)(guid >> 24 & 0xff), (unsigned)(guid >> 16 & 0xff),
		(unsigned)(guid >> 8 & 0xff), (unsigned)(guid & 0xff));
	return json_string(text);
}

static json_t *stats_json(const struct sriov_vf_stats *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "rx_packets",
		(json_int_t)s->rx_packets, "rx_bytes", (json_int_t)s->rx_bytes, "tx_packets",
		(json_int_t)s->tx_packets, "tx_bytes", (json_int_t)s->tx_bytes, "broadcast",
		(json_int_t)s->broadcast, "multicast", (json_int_t)s->multicast, "rx_dropped",
		(json_int_t)s->rx_dropped, "tx_dropped", (json_int_t)s->tx_dropped);
}

static const char *link_state_name(enum sriov_link_state state)
{
	static const char *const names[] = { "auto", "enable", "disable" };

	return names[state];
}

/* One field, whether it is known; value is not evaluated when it is not. */
#define SET_KNOWN(object, vf, attr, key, value)                                                    \
	json_object_set_new(object, key, (vf)->known & 1u << (attr) ? (value) : json_null())

static void set_attrs(json_t *object, const struct sriov_vf *vf)
{
	SET_KNOWN(object, vf, SRIOV_MAC, "mac", mac_json(vf->mac));
	SET_KNOWN(object, vf, SRIOV_VLAN, "vlan", json_integer(vf->vlan));
	SET_KNOWN(object, vf, SRIOV_VLAN, "qos", json_integer(vf->qos));
	SET_KNOWN(object, vf, SRIOV_VLAN, "vlan_proto",
		json_string(vf->vlan_proto == 0x88a8 ? "802.1ad" : "802.1q"));
	SET_KNOWN(object, vf, SRIOV_SPOOFCHK, "spoofchk", json_boolean(vf->spoofchk));
	SET_KNOWN(object, vf, SRIOV_TRUST, "trust", json_boolean(vf->trust));
	SET_KNOWN(object, vf, SRIOV_LINK_STATE, "link_state",
		json_string(link_state_name(vf->link_state)));
	SET_KNOWN(object, vf, SRIOV_RATE, "min_tx_rate", json_integer(vf->min_tx_rate));
	SET_KNOWN(object, vf, SRIOV_RATE, "max_tx_rate", json_integer(vf->max_tx_rate));
	SET_KNOWN(object, vf, SRIOV_QUERY_RSS, "query_rss", json_boolean(vf->query_rss));
	SET_KNOWN(object, vf, SRIOV_MSIX, "msix_vectors",
		vf->msix_vectors ? json_integer(vf->msix_vectors) : json_null());
	SET_KNOWN(object, vf, SRIOV_STATS, "stats", stats_json(&vf->stats));
}

/* What only InfiniBand, or only an eswitch, has. */
static void set_rare(json_t *object, const struct sriov_vf *vf)
{
	if (vf->known & 1u << SRIOV_GUIDS) {
		json_object_set_new(object, "node_guid", guid_json(vf->node_guid));
		json_object_set_new(object, "port_guid", guid_json(vf->port_guid));
	}
	if (!vf->has_port)
		return;
	SET_KNOWN(object, vf, SRIOV_FN_HW_ADDR, "hw_addr", mac_json(vf->fn_hw_addr));
	SET_KNOWN(object, vf, SRIOV_FN_STATE, "state",
		json_string(vf->fn_active ? "active" : "inactive"));
	SET_KNOWN(object, vf, SRIOV_FN_RATE, "fn_tx_share", json_integer(vf->fn_tx_share));
	SET_KNOWN(object, vf, SRIOV_FN_RATE, "fn_tx_max", json_integer(vf->fn_tx_max));
}

json_t *program_vf_json(const struct sriov_vf *vf)
{
	json_t *object = json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "vf",
		(json_int_t)vf->index, "address", text_or_null(vf->address), "driver",
		text_or_null(vf->driver), "driver_override", text_or_null(vf->driver_override),
		"netdev", text_or_null(vf->netdev), "representor", text_or_null(vf->representor),
		"iommu_group", vf->iommu_group < 0 ? json_null() : json_integer(vf->iommu_group),
		"iommu_others", text_or_null(vf->iommu_others), "users", text_or_null(vf->users));

	if (!object)
		return NULL;
	set_attrs(object, vf);
	set_rare(object, vf);
	return object;
}

static json_t *eswitch_json(const struct sriov_pf *pf)
{
	static const char *const names[] = { NULL, "legacy", "switchdev" };

	return text_or_null(names[pf->eswitch]);
}

static int set_vfs(json_t *object, const struct sriov_pf *pf)
{
	json_t *vfs = json_array();

	for (uint32_t i = 0; vfs && i < pf->n_vfs; i++)
		json_array_append_new(vfs, program_vf_json(&pf->vfs[i]));
	return json_object_set_new(object, "vfs", vfs);
}

json_t *program_pf_json(const struct sriov_pf *pf, bool with_vfs)
{
	char model[16];
	json_t *object = json_object();

	if (!object)
		return NULL;
	snprintf(model, sizeof(model), "%04x:%04x", pf->vendor, pf->device);
	json_object_set_new(object, "pf", json_string(*pf->netdev ? pf->netdev : pf->address));
	json_object_set_new(object, "address", json_string(pf->address));
	json_object_set_new(object, "netdev", text_or_null(pf->netdev));
	json_object_set_new(object, "mac", *pf->netdev ? mac_json(pf->mac) : json_null());
	json_object_set_new(object, "model", json_string(model));
	json_object_set_new(object, "driver", text_or_null(pf->driver));
	json_object_set_new(object, "firmware", text_or_null(pf->firmware));
	json_object_set_new(
		object, "numa_node", pf->numa_node < 0 ? json_null() : json_integer(pf->numa_node));
	json_object_set_new(object, "link",
		*pf->netdev ? json_string(pf->link_up ? "up" : "down") : json_null());
	json_object_set_new(
		object, "link_mbps", pf->link_mbps ? json_integer(pf->link_mbps) : json_null());
	json_object_set_new(object, "mtu", pf->mtu ? json_integer(pf->mtu) : json_null());
	json_object_set_new(object, "total_vfs", json_integer(pf->total_vfs));
	json_object_set_new(object, "num_vfs", json_integer(pf->n_vfs));
	json_object_set_new(object, "eswitch", eswitch_json(pf));
	json_object_set_new(object, "inline_mode", text_or_null(pf->inline_mode));
	json_object_set_new(object, "encap_mode", text_or_null(pf->encap_mode));
	json_object_set_new(object, "drivers_autoprobe", json_boolean(pf->drivers_autoprobe));
	json_object_set_new(object, "default_route", json_boolean(pf->has_default_route));
	if (with_vfs && set_vfs(object, pf) < 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}
