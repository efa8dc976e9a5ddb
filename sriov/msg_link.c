/* SPDX-License-Identifier: BSD-3-Clause
 *
 * rtnetlink's messages: a link and the VFs behind it. Pure. The type of a request that sets is
 * RTM_NEWLINK without NLM_F_CREATE, as ip(8) has it: the kernel sets and makes nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "attrs.h"
#include "sriov/msg.h"

static struct nlmsghdr *put_link(struct sriov_msg *msg, uint16_t type, uint32_t ifindex)
{
	struct nlmsghdr *nlh;
	struct ifinfomsg *ifi;

	/* What pads attributes goes to the kernel, and shall be nobody's stack. */
	memset(msg, 0, sizeof(*msg));
	nlh = mnl_nlmsg_put_header(msg->bytes);
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	ifi->ifi_index = (int)ifindex;
	return nlh;
}

struct nlmsghdr *sriov_msg_get_link(struct sriov_msg *msg, uint32_t ifindex, unsigned with)
{
	struct nlmsghdr *nlh = put_link(msg, RTM_GETLINK, ifindex);
	uint32_t mask = 0;

	nlh->nlmsg_flags |= ifindex ? NLM_F_ACK : NLM_F_DUMP;
	if (with & SRIOV_WITH_VFS)
		mask |= RTEXT_FILTER_VF;
	if (!(with & SRIOV_WITH_STATS))
		mask |= RTEXT_FILTER_SKIP_STATS;
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, mask);
	return nlh;
}

struct nlmsghdr *sriov_msg_set_mtu(struct sriov_msg *msg, uint32_t ifindex, uint32_t mtu)
{
	struct nlmsghdr *nlh = put_link(msg, RTM_NEWLINK, ifindex);

	nlh->nlmsg_flags |= NLM_F_ACK;
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return nlh;
}

/* Without the flag that says so, as ip(8) has it. */
static struct nlattr *begin_nest(struct nlmsghdr *nlh, uint16_t type)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	nest->nla_type = type;
	return nest;
}

static void put_vlans(struct nlmsghdr *nlh, uint32_t vf, const struct sriov_vlan *vlans, unsigned n)
{
	struct nlattr *list = begin_nest(nlh, IFLA_VF_VLAN_LIST);

	for (unsigned i = 0; i < n; i++) {
		struct ifla_vf_vlan_info info;

		/* Its padding goes to the kernel too. */
		memset(&info, 0, sizeof(info));
		info.vf = vf;
		info.vlan = vlans[i].vlan;
		info.qos = vlans[i].qos;
		info.vlan_proto = htons(vlans[i].proto ? vlans[i].proto : ETH_P_8021Q);
		mnl_attr_put(nlh, IFLA_VF_VLAN_INFO, sizeof(info), &info);
	}
	mnl_attr_nest_end(nlh, list);
}

/* 802.1Q goes the way that every kernel has; only 802.1ad needs the list (Linux 4.9). */
static void put_vlan(struct nlmsghdr *nlh, const struct sriov_vf *vf)
{
	struct ifla_vf_vlan plain = { vf->index, vf->vlan, vf->qos };
	struct sriov_vlan vlan = { vf->vlan, vf->qos, vf->vlan_proto };

	if (vf->vlan_proto == ETH_P_8021AD)
		put_vlans(nlh, vf->index, &vlan, 1);
	else
		mnl_attr_put(nlh, IFLA_VF_VLAN, sizeof(plain), &plain);
}

/* ifla_vf_spoofchk, _trust, _link_state and _rss_query_en are alike. */
static void put_setting(struct nlmsghdr *nlh, uint16_t type, uint32_t vf, uint32_t setting)
{
	struct ifla_vf_spoofchk value = { vf, setting };

	mnl_attr_put(nlh, type, sizeof(value), &value);
}

static void put_guid(struct nlmsghdr *nlh, uint16_t type, uint32_t vf, uint64_t guid)
{
	struct ifla_vf_guid value;

	memset(&value, 0, sizeof(value));
	value.vf = vf;
	value.guid = guid;
	mnl_attr_put(nlh, type, sizeof(value), &value);
}

static void put_mac(struct nlmsghdr *nlh, const struct sriov_vf *vf)
{
	struct ifla_vf_mac mac = { .vf = vf->index };

	memcpy(mac.mac, vf->mac, sizeof(vf->mac));
	mnl_attr_put(nlh, IFLA_VF_MAC, sizeof(mac), &mac);
}

static void put_rate(struct nlmsghdr *nlh, const struct sriov_vf *vf)
{
	struct ifla_vf_rate rate = { vf->index, vf->min_tx_rate, vf->max_tx_rate };

	mnl_attr_put(nlh, IFLA_VF_RATE, sizeof(rate), &rate);
}

static void put_attrs(struct nlmsghdr *nlh, const struct sriov_vf *vf, uint32_t attrs)
{
	if (attrs & 1u << SRIOV_MAC)
		put_mac(nlh, vf);
	if (attrs & 1u << SRIOV_VLAN)
		put_vlan(nlh, vf);
	if (attrs & 1u << SRIOV_RATE)
		put_rate(nlh, vf);
	if (attrs & 1u << SRIOV_SPOOFCHK)
		put_setting(nlh, IFLA_VF_SPOOFCHK, vf->index, vf->spoofchk);
	if (attrs & 1u << SRIOV_LINK_STATE)
		put_setting(nlh, IFLA_VF_LINK_STATE, vf->index, vf->link_state);
	if (attrs & 1u << SRIOV_QUERY_RSS)
		put_setting(nlh, IFLA_VF_RSS_QUERY_EN, vf->index, vf->query_rss);
	if (attrs & 1u << SRIOV_TRUST)
		put_setting(nlh, IFLA_VF_TRUST, vf->index, vf->trust);
	if (attrs & 1u << SRIOV_GUIDS) {
		put_guid(nlh, IFLA_VF_IB_NODE_GUID, vf->index, vf->node_guid);
		put_guid(nlh, IFLA_VF_IB_PORT_GUID, vf->index, vf->port_guid);
	}
}

struct nlmsghdr *sriov_msg_set_vf(
	struct sriov_msg *msg, uint32_t ifindex, const struct sriov_vf *vf, uint32_t attrs)
{
	struct nlmsghdr *nlh = put_link(msg, RTM_NEWLINK, ifindex);
	struct nlattr *list = begin_nest(nlh, IFLA_VFINFO_LIST);
	struct nlattr *info = begin_nest(nlh, IFLA_VF_INFO);

	nlh->nlmsg_flags |= NLM_F_ACK;
	put_attrs(nlh, vf, attrs);
	mnl_attr_nest_end(nlh, info);
	mnl_attr_nest_end(nlh, list);
	return nlh;
}

struct nlmsghdr *sriov_msg_set_vf_vlans(struct sriov_msg *msg, uint32_t ifindex, uint32_t vf,
	const struct sriov_vlan *vlans, unsigned n)
{
	struct nlmsghdr *nlh = put_link(msg, RTM_NEWLINK, ifindex);
	struct nlattr *list = begin_nest(nlh, IFLA_VFINFO_LIST);
	struct nlattr *info = begin_nest(nlh, IFLA_VF_INFO);

	nlh->nlmsg_flags |= NLM_F_ACK;
	put_vlans(nlh, vf, vlans, n < SRIOV_MAX_VLANS ? n : SRIOV_MAX_VLANS);
	mnl_attr_nest_end(nlh, info);
	mnl_attr_nest_end(nlh, list);
	return nlh;
}

int sriov_link_parse(const struct nlmsghdr *reply, struct sriov_link *ret)
{
	const struct nlattr *tb[IFLA_PARENT_DEV_BUS_NAME + 1];
	struct sriov_link link = { 0 };
	uint8_t carrier = 0;
	bool whole;

	if (reply->nlmsg_type != RTM_NEWLINK)
		return -EPROTO;
	/* A list of VFs that is longer than its length can say makes nonsense of what follows. */
	whole = attrs_parse_msg(reply, sizeof(struct ifinfomsg), tb, IFLA_PARENT_DEV_BUS_NAME);
	if (!tb[IFLA_IFNAME] || (!whole && !tb[IFLA_VFINFO_LIST]))
		return -EPROTO;
	link.ifindex =
		(uint32_t)((const struct ifinfomsg *)mnl_nlmsg_get_payload(reply))->ifi_index;
	attrs_text(tb[IFLA_IFNAME], link.name, sizeof(link.name));
	if (tb[IFLA_ADDRESS] && mnl_attr_get_payload_len(tb[IFLA_ADDRESS]) == sizeof(link.mac))
		memcpy(link.mac, mnl_attr_get_payload(tb[IFLA_ADDRESS]), sizeof(link.mac));
	attrs_u32(tb[IFLA_MTU], &link.mtu);
	attrs_u8(tb[IFLA_CARRIER], &carrier);
	link.carrier = carrier;
	link.has_n_vfs = attrs_u32(tb[IFLA_NUM_VF], &link.n_vfs);
	attrs_text(tb[IFLA_PARENT_DEV_NAME], link.parent, sizeof(link.parent));
	*ret = link;
	return 0;
}

/* What a driver does not tell is all ones. return: whether it is told */
static bool get_setting(const struct nlattr *attr, uint32_t *ret)
{
	const struct ifla_vf_spoofchk *value = attrs_bytes(attr, sizeof(*value));

	if (!value || value->setting == UINT32_MAX)
		return false;
	*ret = value->setting;
	return true;
}

static void get_vlan(const struct nlattr *const *tb, struct sriov_vf *vf)
{
	const struct ifla_vf_vlan *plain = attrs_bytes(tb[IFLA_VF_VLAN], sizeof(*plain));
	const struct nlattr *list = tb[IFLA_VF_VLAN_LIST], *infos[IFLA_VF_VLAN_INFO + 1] = { 0 };
	const struct ifla_vf_vlan_info *info;

	if (plain) {
		vf->vlan = (uint16_t)plain->vlan;
		vf->qos = (uint8_t)plain->qos;
		vf->vlan_proto = ETH_P_8021Q;
		vf->known |= 1u << SRIOV_VLAN;
	}
	if (list)
		attrs_parse(mnl_attr_get_payload(list), mnl_attr_get_payload_len(list), infos,
			IFLA_VF_VLAN_INFO);
	info = attrs_bytes(infos[IFLA_VF_VLAN_INFO], sizeof(*info));
	if (info) {
		vf->vlan = (uint16_t)info->vlan;
		vf->qos = (uint8_t)info->qos;
		vf->vlan_proto = ntohs(info->vlan_proto);
		vf->known |= 1u << SRIOV_VLAN;
	}
}

static void get_rate(const struct nlattr *const *tb, struct sriov_vf *vf)
{
	const struct ifla_vf_rate *rate = attrs_bytes(tb[IFLA_VF_RATE], sizeof(*rate));
	const struct ifla_vf_tx_rate *old = attrs_bytes(tb[IFLA_VF_TX_RATE], sizeof(*old));

	if (rate) {
		vf->min_tx_rate = rate->min_tx_rate;
		vf->max_tx_rate = rate->max_tx_rate;
	} else if (old) {
		vf->max_tx_rate = old->rate;
	}
	if (rate || old)
		vf->known |= 1u << SRIOV_RATE;
}

static void get_settings(const struct nlattr *const *tb, struct sriov_vf *vf)
{
	static const struct {
		uint16_t type;
		enum sriov_attr attr;
	} rows[] = {
		{ IFLA_VF_SPOOFCHK, SRIOV_SPOOFCHK },
		{ IFLA_VF_TRUST, SRIOV_TRUST },
		{ IFLA_VF_LINK_STATE, SRIOV_LINK_STATE },
		{ IFLA_VF_RSS_QUERY_EN, SRIOV_QUERY_RSS },
	};
	uint32_t values[SRIOV_N_ATTRS] = { 0 };

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (get_setting(tb[rows[i].type], &values[rows[i].attr]))
			vf->known |= 1u << rows[i].attr;
	vf->spoofchk = values[SRIOV_SPOOFCHK] != 0;
	vf->trust = values[SRIOV_TRUST] != 0;
	vf->query_rss = values[SRIOV_QUERY_RSS] != 0;
	vf->link_state = (enum sriov_link_state)values[SRIOV_LINK_STATE];
	if (vf->link_state > SRIOV_LINK_DISABLE)
		vf->known &= ~(1u << SRIOV_LINK_STATE);
}

static void get_guids(const struct nlattr *const *tb, struct sriov_vf *vf)
{
	const struct ifla_vf_guid *node = attrs_bytes(tb[IFLA_VF_IB_NODE_GUID], sizeof(*node));
	const struct ifla_vf_guid *port = attrs_bytes(tb[IFLA_VF_IB_PORT_GUID], sizeof(*port));

	if (!node || !port)
		return;
	memcpy(&vf->node_guid, &node->guid, sizeof(node->guid));
	memcpy(&vf->port_guid, &port->guid, sizeof(port->guid));
	vf->known |= 1u << SRIOV_GUIDS;
}

static void get_stats(const struct nlattr *nest, struct sriov_vf *vf)
{
	const struct nlattr *tb[IFLA_VF_STATS_MAX + 1];
	struct sriov_vf_stats *stats = &vf->stats;

	if (!nest)
		return;
	attrs_parse(
		mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), tb, IFLA_VF_STATS_MAX);
	attrs_u64(tb[IFLA_VF_STATS_RX_PACKETS], &stats->rx_packets);
	attrs_u64(tb[IFLA_VF_STATS_TX_PACKETS], &stats->tx_packets);
	attrs_u64(tb[IFLA_VF_STATS_RX_BYTES], &stats->rx_bytes);
	attrs_u64(tb[IFLA_VF_STATS_TX_BYTES], &stats->tx_bytes);
	attrs_u64(tb[IFLA_VF_STATS_BROADCAST], &stats->broadcast);
	attrs_u64(tb[IFLA_VF_STATS_MULTICAST], &stats->multicast);
	attrs_u64(tb[IFLA_VF_STATS_RX_DROPPED], &stats->rx_dropped);
	attrs_u64(tb[IFLA_VF_STATS_TX_DROPPED], &stats->tx_dropped);
	vf->known |= 1u << SRIOV_STATS;
}

/* return: 1 when it told of a VF, 0 when of none below n; -EPROTO */
static int get_vf(const struct nlattr *info, struct sriov_vf *vfs, uint32_t n)
{
	const struct nlattr *tb[IFLA_VF_MAX + 1];
	bool whole = attrs_parse(
		mnl_attr_get_payload(info), mnl_attr_get_payload_len(info), tb, IFLA_VF_MAX);
	const struct ifla_vf_mac *mac = attrs_bytes(tb[IFLA_VF_MAC], sizeof(*mac));
	struct sriov_vf *vf;

	if (!whole || !mac)
		return -EPROTO;
	if (mac->vf >= n)
		return 0;
	vf = &vfs[mac->vf];
	memcpy(vf->mac, mac->mac, sizeof(vf->mac));
	vf->known |= 1u << SRIOV_MAC;
	get_vlan(tb, vf);
	get_rate(tb, vf);
	get_settings(tb, vf);
	get_guids(tb, vf);
	get_stats(tb[IFLA_VF_STATS], vf);
	return 1;
}

int sriov_link_parse_vfs(const struct nlmsghdr *reply, struct sriov_vf *vfs, uint32_t n)
{
	const struct nlattr *tb[IFLA_VFINFO_LIST + 1], *list;
	bool whole = attrs_parse_msg(reply, sizeof(struct ifinfomsg), tb, IFLA_VFINFO_LIST);
	const uint8_t *at, *end;
	int n_told = 0;

	list = tb[IFLA_VFINFO_LIST];
	if (!list)
		return whole ? 0 : -EPROTO;
	at = mnl_attr_get_payload(list);
	end = at + mnl_attr_get_payload_len(list);
	while (at < end) {
		const struct nlattr *info = (const struct nlattr *)(const void *)at;
		size_t len;
		int r;

		if (!mnl_attr_ok(info, (int)(end - at)))
			return -EPROTO;
		r = mnl_attr_get_type(info) == IFLA_VF_INFO ? get_vf(info, vfs, n) : 0;
		if (r < 0)
			return r;
		n_told += r;
		len = NLMSG_ALIGN((size_t)info->nla_len);
		at += len < (size_t)(end - at) ? len : (size_t)(end - at);
	}
	return whole ? n_told : -EPROTO;
}
