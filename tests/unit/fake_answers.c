/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the fake kernel answers on rtnetlink and devlink: as Linux does, VF by VF and attribute by
 * attribute, and with the faults that a test ordered.
 */
#include "fake_kernel_inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "attrs.h"

#define LINK_BYTES        (256u << 10)
#define SMALL_BYTES       1024
#define MAX_MESSAGES      2048
#define BYTES_A_S_OF_MBPS 125000u

struct answer {
	struct fake_kernel *k;
	const struct nlmsghdr *request;
	uint8_t *bytes; /* all messages */
	size_t n_bytes;
	size_t sizes[MAX_MESSAGES];
	unsigned n;
	const char *sentence; /* of the error */
};

/* Putting messages together */

static struct nlmsghdr *begin(struct answer *a, uint16_t type, size_t room)
{
	struct nlmsghdr *nlh;

	a->bytes = realloc(a->bytes, a->n_bytes + room);
	if (!a->bytes || a->n == MAX_MESSAGES)
		abort();
	memset(a->bytes + a->n_bytes, 0, room);
	nlh = mnl_nlmsg_put_header(a->bytes + a->n_bytes);
	nlh->nlmsg_type = type;
	nlh->nlmsg_seq = a->request->nlmsg_seq;
	nlh->nlmsg_pid = a->request->nlmsg_pid;
	if (a->request->nlmsg_flags & NLM_F_DUMP)
		nlh->nlmsg_flags |= NLM_F_MULTI;
	return nlh;
}

static void end(struct answer *a, const struct nlmsghdr *nlh)
{
	a->sizes[a->n++] = nlh->nlmsg_len;
	a->n_bytes += NLMSG_ALIGN(nlh->nlmsg_len);
}

static struct nlmsghdr *begin_devlink(struct answer *a, uint8_t command, const char *address)
{
	struct nlmsghdr *nlh = begin(a, FAKE_DEVLINK, SMALL_BYTES);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));

	genl->cmd = command;
	genl->version = 1;
	mnl_attr_put_strz(nlh, DEVLINK_ATTR_BUS_NAME, "pci");
	mnl_attr_put_strz(nlh, DEVLINK_ATTR_DEV_NAME, address);
	return nlh;
}

/* Reading requests */

static void sort_nested(const struct nlattr *nest, const struct nlattr **ret, uint16_t max)
{
	attrs_parse(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), ret, max);
}

/* The attribute behind one in a nest; the first behind NULL. */
static const struct nlattr *next_in(const struct nlattr *nest, const struct nlattr *attr)
{
	const uint8_t *end =
		(const uint8_t *)mnl_attr_get_payload(nest) + mnl_attr_get_payload_len(nest);

	attr = attr ? mnl_attr_next(attr) : mnl_attr_get_payload(nest);
	return mnl_attr_ok(attr, (int)(end - (const uint8_t *)attr)) ? attr : NULL;
}

/* Links */

static void put_stats(struct nlmsghdr *nlh, const struct sriov_vf_stats *s)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, IFLA_VF_STATS);

	mnl_attr_put_u64(nlh, IFLA_VF_STATS_RX_PACKETS, s->rx_packets);
	mnl_attr_put_u64(nlh, IFLA_VF_STATS_TX_PACKETS, s->tx_packets);
	mnl_attr_put_u64(nlh, IFLA_VF_STATS_RX_BYTES, s->rx_bytes);
	mnl_attr_put_u64(nlh, IFLA_VF_STATS_TX_BYTES, s->tx_bytes);
	mnl_attr_put_u64(nlh, IFLA_VF_STATS_BROADCAST, s->broadcast);
	mnl_attr_put_u64(nlh, IFLA_VF_STATS_MULTICAST, s->multicast);
	mnl_attr_put_u64(nlh, IFLA_VF_STATS_RX_DROPPED, s->rx_dropped);
	mnl_attr_put_u64(nlh, IFLA_VF_STATS_TX_DROPPED, s->tx_dropped);
	mnl_attr_nest_end(nlh, nest);
}

/* What the driver does not tell is all ones, as the kernel has it. */
static void put_setting(struct nlmsghdr *nlh, uint16_t type, const struct sriov_vf *vf,
	enum sriov_attr attr, uint32_t value)
{
	struct ifla_vf_spoofchk setting = { vf->index,
		vf->known & 1u << attr ? value : UINT32_MAX };

	mnl_attr_put(nlh, type, sizeof(setting), &setting);
}

static void put_vlan(struct nlmsghdr *nlh, const struct sriov_vf *vf)
{
	struct ifla_vf_vlan plain = { vf->index, vf->vlan, vf->qos };
	struct ifla_vf_vlan_info info = { vf->index, vf->vlan, vf->qos, htons(vf->vlan_proto) };
	struct nlattr *nest;

	mnl_attr_put(nlh, IFLA_VF_VLAN, sizeof(plain), &plain);
	nest = mnl_attr_nest_start(nlh, IFLA_VF_VLAN_LIST);
	mnl_attr_put(nlh, IFLA_VF_VLAN_INFO, sizeof(info), &info);
	mnl_attr_nest_end(nlh, nest);
}

static void put_vf(struct nlmsghdr *nlh, const struct sriov_vf *vf, bool with_stats)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, IFLA_VF_INFO);
	struct ifla_vf_mac mac = { .vf = vf->index };
	struct ifla_vf_rate rate = { vf->index, vf->min_tx_rate, vf->max_tx_rate };
	struct ifla_vf_tx_rate old = { vf->index, vf->max_tx_rate };

	memcpy(mac.mac, vf->mac, sizeof(vf->mac));
	mnl_attr_put(nlh, IFLA_VF_MAC, sizeof(mac), &mac);
	put_vlan(nlh, vf);
	mnl_attr_put(nlh, IFLA_VF_RATE, sizeof(rate), &rate);
	mnl_attr_put(nlh, IFLA_VF_TX_RATE, sizeof(old), &old);
	put_setting(nlh, IFLA_VF_SPOOFCHK, vf, SRIOV_SPOOFCHK, vf->spoofchk);
	put_setting(nlh, IFLA_VF_LINK_STATE, vf, SRIOV_LINK_STATE, vf->link_state);
	put_setting(nlh, IFLA_VF_RSS_QUERY_EN, vf, SRIOV_QUERY_RSS, vf->query_rss);
	put_setting(nlh, IFLA_VF_TRUST, vf, SRIOV_TRUST, vf->trust);
	if (vf->known & 1u << SRIOV_GUIDS) {
		struct ifla_vf_guid node = { .vf = vf->index, .guid = vf->node_guid };
		struct ifla_vf_guid port = { .vf = vf->index, .guid = vf->port_guid };

		mnl_attr_put(nlh, IFLA_VF_IB_NODE_GUID, sizeof(node), &node);
		mnl_attr_put(nlh, IFLA_VF_IB_PORT_GUID, sizeof(port), &port);
	}
	if (with_stats)
		put_stats(nlh, &vf->stats);
	mnl_attr_nest_end(nlh, nest);
}

static void tell_link(struct answer *a, const struct fake_pf *pf, uint32_t mask)
{
	struct nlmsghdr *nlh = begin(a, RTM_NEWLINK, LINK_BYTES);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	struct nlattr *nest;

	ifi->ifi_index = (int)pf->ifindex;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, pf->netdev);
	mnl_attr_put_u32(nlh, IFLA_MTU, pf->mtu);
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(pf->mac), pf->mac);
	mnl_attr_put_u8(nlh, IFLA_CARRIER, !pf->no_carrier);
	if (mask & RTEXT_FILTER_VF)
		mnl_attr_put_u32(nlh, IFLA_NUM_VF, pf->n_vfs);
	if (mask & RTEXT_FILTER_VF && pf->n_vfs) {
		/* Its length wraps above 64 KiB, as that of Linux did for long. */
		nest = mnl_attr_nest_start(nlh, IFLA_VFINFO_LIST);
		for (uint32_t i = 0; i < pf->n_vfs; i++)
			put_vf(nlh, &pf->vfs[i], !(mask & RTEXT_FILTER_SKIP_STATS));
		mnl_attr_nest_end(nlh, nest);
	}
	mnl_attr_put_strz(nlh, IFLA_PARENT_DEV_NAME, pf->address);
	end(a, nlh);
}

static struct fake_pf *find_ifindex(struct fake_kernel *k, int ifindex)
{
	for (uint32_t i = 0; i < k->n_pfs; i++)
		if (ifindex > 0 && k->pfs[i].ifindex == (uint32_t)ifindex)
			return &k->pfs[i];
	return NULL;
}

static int get_link(struct answer *a)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(a->request);
	const struct nlattr *tb[IFLA_EXT_MASK + 1];
	struct fake_pf *pf = find_ifindex(a->k, ifi->ifi_index);
	uint32_t mask;

	attrs_parse_msg(a->request, sizeof(*ifi), tb, IFLA_EXT_MASK);
	mask = tb[IFLA_EXT_MASK] ? mnl_attr_get_u32(tb[IFLA_EXT_MASK]) : 0;
	if (a->request->nlmsg_flags & NLM_F_DUMP) {
		for (uint32_t i = 0; i < a->k->n_pfs; i++)
			if (a->k->pfs[i].ifindex)
				tell_link(a, &a->k->pfs[i], mask);
		return 0;
	}
	if (!pf)
		return -ENODEV;
	tell_link(a, pf, mask);
	return 0;
}

/* Setting VFs */

static int refuses(struct answer *a, const struct fake_pf *pf, uint32_t vf, enum sriov_attr attr)
{
	for (unsigned i = 0; i < FAKE_MAX_REFUSALS; i++) {
		struct fake_refusal *refusal = &a->k->refusals[i];

		if (!(refusal->attrs & 1u << attr) ||
			(refusal->vf != UINT32_MAX && refusal->vf != vf))
			continue;
		a->sentence = refusal->sentence;
		if (refusal->n && --refusal->n == 0)
			refusal->attrs = 0;
		return refusal->code;
	}
	return pf->has & 1u << attr ? 0 : -EOPNOTSUPP;
}

static int set_mac(struct answer *a, struct sriov_vf *vf, const struct nlattr *attr)
{
	const struct ifla_vf_mac *mac = mnl_attr_get_payload(attr);

	if (mac->mac[0] & 1) {
		a->sentence = "Invalid MAC address";
		return -EINVAL;
	}
	memcpy(vf->mac, mac->mac, sizeof(vf->mac));
	return 0;
}

static int set_vlan(struct sriov_vf *vf, uint32_t vlan, uint32_t qos, uint16_t proto)
{
	if (vlan > 4095 || qos > 7)
		return -EINVAL;
	vf->vlan = (uint16_t)vlan;
	vf->qos = (uint8_t)qos;
	vf->vlan_proto = proto;
	return 0;
}

static int set_plain_vlan(struct sriov_vf *vf, const struct nlattr *attr)
{
	const struct ifla_vf_vlan *plain = mnl_attr_get_payload(attr);

	return set_vlan(vf, plain->vlan, plain->qos, 0x8100);
}

static int set_vlans(struct sriov_vf *vf, const struct nlattr *list)
{
	const struct ifla_vf_vlan_info *info = NULL;
	unsigned n = 0;

	for (const struct nlattr *attr = NULL; (attr = next_in(list, attr));) {
		info = mnl_attr_get_payload(attr);
		n++;
	}
	if (n != 1)
		return n ? -EOPNOTSUPP : -EINVAL;
	return set_vlan(vf, info->vlan, info->qos, ntohs(info->vlan_proto));
}

static int set_rate(const struct fake_pf *pf, struct sriov_vf *vf, const struct nlattr *attr)
{
	const struct ifla_vf_rate *rate = mnl_attr_get_payload(attr);

	if (rate->max_tx_rate > pf->mbps ||
		(rate->max_tx_rate && rate->min_tx_rate > rate->max_tx_rate))
		return -EINVAL;
	vf->min_tx_rate = rate->min_tx_rate;
	vf->max_tx_rate = rate->max_tx_rate;
	return 0;
}

static int set_setting(struct sriov_vf *vf, uint16_t type, const struct nlattr *attr)
{
	const struct ifla_vf_spoofchk *setting = mnl_attr_get_payload(attr);

	if (type == IFLA_VF_SPOOFCHK)
		vf->spoofchk = setting->setting;
	else if (type == IFLA_VF_TRUST)
		vf->trust = setting->setting;
	else if (type == IFLA_VF_RSS_QUERY_EN)
		vf->query_rss = setting->setting;
	else
		vf->link_state = (enum sriov_link_state)setting->setting;
	return 0;
}

static int set_guid(struct sriov_vf *vf, uint16_t type, const struct nlattr *attr)
{
	struct ifla_vf_guid value;

	memcpy(&value, mnl_attr_get_payload(attr), sizeof(value));
	*(type == IFLA_VF_IB_NODE_GUID ? &vf->node_guid : &vf->port_guid) = value.guid;
	return 0;
}

static int set_one(struct answer *a, struct fake_pf *pf, struct sriov_vf *vf, uint16_t type,
	const struct nlattr *attr)
{
	switch (type) {
	case IFLA_VF_MAC:
		return set_mac(a, vf, attr);
	case IFLA_VF_VLAN:
		return set_plain_vlan(vf, attr);
	case IFLA_VF_VLAN_LIST:
		return set_vlans(vf, attr);
	case IFLA_VF_RATE:
		return set_rate(pf, vf, attr);
	case IFLA_VF_IB_NODE_GUID:
	case IFLA_VF_IB_PORT_GUID:
		return set_guid(vf, type, attr);
	default:
		return set_setting(vf, type, attr);
	}
}

/* The index is the first word of each; of a list, of its first. */
static uint32_t index_of(uint16_t type, const struct nlattr *attr)
{
	uint32_t vf;

	if (type == IFLA_VF_VLAN_LIST)
		attr = mnl_attr_get_payload(attr);
	memcpy(&vf, mnl_attr_get_payload(attr), sizeof(vf));
	return vf;
}

/* In the order of Linux, ending at the first that is refused. */
static int set_vf(struct answer *a, struct fake_pf *pf, const struct nlattr *info)
{
	static const struct {
		uint16_t type;
		enum sriov_attr attr;
	} order[] = {
		{ IFLA_VF_MAC, SRIOV_MAC },
		{ IFLA_VF_VLAN, SRIOV_VLAN },
		{ IFLA_VF_VLAN_LIST, SRIOV_VLAN },
		{ IFLA_VF_RATE, SRIOV_RATE },
		{ IFLA_VF_SPOOFCHK, SRIOV_SPOOFCHK },
		{ IFLA_VF_LINK_STATE, SRIOV_LINK_STATE },
		{ IFLA_VF_RSS_QUERY_EN, SRIOV_QUERY_RSS },
		{ IFLA_VF_TRUST, SRIOV_TRUST },
		{ IFLA_VF_IB_NODE_GUID, SRIOV_GUIDS },
		{ IFLA_VF_IB_PORT_GUID, SRIOV_GUIDS },
	};
	const struct nlattr *tb[IFLA_VF_MAX + 1];
	int r = 0;

	sort_nested(info, tb, IFLA_VF_MAX);
	for (unsigned i = 0; r == 0 && i < sizeof(order) / sizeof(order[0]); i++) {
		const struct nlattr *attr = tb[order[i].type];
		uint32_t vf;

		if (!attr)
			continue;
		vf = index_of(order[i].type, attr);
		fake_log(a->k, "vf %s %u %x", pf->netdev, vf, 1u << order[i].attr);
		r = vf >= pf->n_vfs ? -EINVAL : refuses(a, pf, vf, order[i].attr);
		if (r == 0)
			r = set_one(a, pf, &pf->vfs[vf], order[i].type, attr);
	}
	return r;
}

static int set_link(struct answer *a)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(a->request);
	const struct nlattr *tb[IFLA_VFINFO_LIST + 1], *info = NULL;
	struct fake_pf *pf = find_ifindex(a->k, ifi->ifi_index);
	int r = 0;

	if (!pf)
		return -ENODEV;
	attrs_parse_msg(a->request, sizeof(*ifi), tb, IFLA_VFINFO_LIST);
	if (tb[IFLA_MTU])
		pf->mtu = mnl_attr_get_u32(tb[IFLA_MTU]);
	if (!tb[IFLA_VFINFO_LIST])
		return 0;
	a->k->n_vf_requests++;
	while (r == 0 && (info = next_in(tb[IFLA_VFINFO_LIST], info)))
		r = set_vf(a, pf, info);
	return r;
}

/* devlink */

static int tell_family(struct answer *a)
{
	const struct nlattr *tb[CTRL_ATTR_FAMILY_NAME + 1];
	struct nlmsghdr *nlh;
	struct genlmsghdr *genl;

	attrs_parse_msg(a->request, sizeof(*genl), tb, CTRL_ATTR_FAMILY_NAME);
	if (a->k->no_devlink || !tb[CTRL_ATTR_FAMILY_NAME] ||
		strcmp(mnl_attr_get_str(tb[CTRL_ATTR_FAMILY_NAME]), "devlink") != 0)
		return -ENOENT;
	nlh = begin(a, GENL_ID_CTRL, SMALL_BYTES);
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = CTRL_CMD_NEWFAMILY;
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, FAKE_DEVLINK);
	end(a, nlh);
	return 0;
}

static const char *const inline_words[] = { "none", "link", "network", "transport" };
static const char *const encap_words[] = { "none", "basic" };

static uint8_t word_index(const char *const *words, uint8_t n, const char *word)
{
	for (uint8_t i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return 0;
}

static int eswitch(struct answer *a, struct fake_pf *pf, const struct nlattr *const *tb, bool set)
{
	struct sriov_eswitch_modes *modes = &pf->modes;
	struct nlmsghdr *nlh;

	if (a->k->no_rights)
		return -EPERM;
	if (!pf->has_eswitch)
		return -EOPNOTSUPP;
	if (set) {
		if (tb[DEVLINK_ATTR_ESWITCH_MODE])
			modes->mode = mnl_attr_get_u16(tb[DEVLINK_ATTR_ESWITCH_MODE])
					      ? SRIOV_ESWITCH_SWITCHDEV
					      : SRIOV_ESWITCH_LEGACY;
		if (tb[DEVLINK_ATTR_ESWITCH_INLINE_MODE])
			strcpy(modes->inline_mode,
				inline_words[mnl_attr_get_u8(tb[DEVLINK_ATTR_ESWITCH_INLINE_MODE]) &
					     3]);
		if (tb[DEVLINK_ATTR_ESWITCH_ENCAP_MODE])
			strcpy(modes->encap_mode,
				encap_words[mnl_attr_get_u8(tb[DEVLINK_ATTR_ESWITCH_ENCAP_MODE]) &
					    1]);
		return 0;
	}
	nlh = begin_devlink(a, DEVLINK_CMD_ESWITCH_GET, pf->address);
	mnl_attr_put_u16(nlh, DEVLINK_ATTR_ESWITCH_MODE, modes->mode == SRIOV_ESWITCH_SWITCHDEV);
	mnl_attr_put_u8(nlh, DEVLINK_ATTR_ESWITCH_INLINE_MODE,
		word_index(inline_words, 4, modes->inline_mode));
	mnl_attr_put_u8(nlh, DEVLINK_ATTR_ESWITCH_ENCAP_MODE,
		word_index(encap_words, 2, modes->encap_mode));
	end(a, nlh);
	return 0;
}

static void tell_port(struct answer *a, const struct fake_pf *pf, const struct sriov_vf *vf)
{
	struct nlmsghdr *nlh = begin_devlink(a, DEVLINK_CMD_PORT_GET, pf->address);
	struct nlattr *nest;
	char name[IFNAMSIZ];

	snprintf(name, sizeof(name), "%.10sr%u", pf->netdev, vf->index);
	mnl_attr_put_u32(nlh, DEVLINK_ATTR_PORT_INDEX, vf->port);
	mnl_attr_put_u16(nlh, DEVLINK_ATTR_PORT_FLAVOUR, DEVLINK_PORT_FLAVOUR_PCI_VF);
	mnl_attr_put_u16(nlh, DEVLINK_ATTR_PORT_PCI_PF_NUMBER, 0);
	mnl_attr_put_u16(nlh, DEVLINK_ATTR_PORT_PCI_VF_NUMBER, (uint16_t)vf->index);
	mnl_attr_put_strz(nlh, DEVLINK_ATTR_PORT_NETDEV_NAME, name);
	nest = mnl_attr_nest_start(nlh, DEVLINK_ATTR_PORT_FUNCTION);
	mnl_attr_put(nlh, DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, 6, vf->fn_hw_addr);
	if (pf->has & 1u << SRIOV_FN_STATE)
		mnl_attr_put_u8(nlh, DEVLINK_PORT_FN_ATTR_STATE, vf->fn_active);
	mnl_attr_nest_end(nlh, nest);
	end(a, nlh);
}

static void tell_rate(struct answer *a, const struct fake_pf *pf, const struct sriov_vf *vf)
{
	struct nlmsghdr *nlh = begin_devlink(a, DEVLINK_CMD_RATE_GET, pf->address);

	mnl_attr_put_u16(nlh, DEVLINK_ATTR_RATE_TYPE, DEVLINK_RATE_TYPE_LEAF);
	mnl_attr_put_u32(nlh, DEVLINK_ATTR_PORT_INDEX, vf->port);
	mnl_attr_put_u64(
		nlh, DEVLINK_ATTR_RATE_TX_SHARE, (uint64_t)vf->fn_tx_share * BYTES_A_S_OF_MBPS);
	mnl_attr_put_u64(
		nlh, DEVLINK_ATTR_RATE_TX_MAX, (uint64_t)vf->fn_tx_max * BYTES_A_S_OF_MBPS);
	end(a, nlh);
}

static int tell_all(struct answer *a,
	void (*tell)(struct answer *a, const struct fake_pf *pf, const struct sriov_vf *vf))
{
	for (uint32_t i = 0; i < a->k->n_pfs; i++) {
		const struct fake_pf *pf = &a->k->pfs[i];

		if (!pf->has_eswitch || pf->modes.mode != SRIOV_ESWITCH_SWITCHDEV)
			continue;
		for (uint32_t vf = 0; vf < pf->n_vfs; vf++)
			tell(a, pf, &pf->vfs[vf]);
	}
	return 0;
}

static int set_function(
	struct answer *a, struct fake_pf *pf, struct sriov_vf *vf, const struct nlattr *nest)
{
	const struct nlattr *tb[DEVLINK_PORT_FN_ATTR_STATE + 1];
	int r = 0;

	sort_nested(nest, tb, DEVLINK_PORT_FN_ATTR_STATE);
	if (tb[DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR]) {
		r = refuses(a, pf, vf->index, SRIOV_FN_HW_ADDR);
		if (r < 0)
			return r;
		memcpy(vf->fn_hw_addr, mnl_attr_get_payload(tb[DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR]),
			sizeof(vf->fn_hw_addr));
	}
	if (tb[DEVLINK_PORT_FN_ATTR_STATE]) {
		r = refuses(a, pf, vf->index, SRIOV_FN_STATE);
		if (r == 0)
			vf->fn_active = mnl_attr_get_u8(tb[DEVLINK_PORT_FN_ATTR_STATE]);
	}
	return r;
}

static int set_fn_rate(
	struct answer *a, struct fake_pf *pf, struct sriov_vf *vf, const struct nlattr *const *tb)
{
	int r = refuses(a, pf, vf->index, SRIOV_FN_RATE);

	if (r < 0)
		return r;
	if (tb[DEVLINK_ATTR_RATE_TX_SHARE])
		vf->fn_tx_share = (uint32_t)(mnl_attr_get_u64(tb[DEVLINK_ATTR_RATE_TX_SHARE]) /
					     BYTES_A_S_OF_MBPS);
	if (tb[DEVLINK_ATTR_RATE_TX_MAX])
		vf->fn_tx_max = (uint32_t)(mnl_attr_get_u64(tb[DEVLINK_ATTR_RATE_TX_MAX]) /
					   BYTES_A_S_OF_MBPS);
	return 0;
}

static struct fake_pf *find_address(struct fake_kernel *k, const struct nlattr *name)
{
	for (uint32_t i = 0; name && i < k->n_pfs; i++)
		if (strcmp(k->pfs[i].address, mnl_attr_get_str(name)) == 0)
			return &k->pfs[i];
	return NULL;
}

static int set_port(
	struct answer *a, struct fake_pf *pf, const struct nlattr *const *tb, uint8_t command)
{
	uint32_t port = mnl_attr_get_u32(tb[DEVLINK_ATTR_PORT_INDEX]);
	struct sriov_vf *vf = port && port <= pf->n_vfs ? &pf->vfs[port - 1] : NULL;

	if (!vf)
		return -ENODEV;
	a->k->n_vf_requests++;
	fake_log(a->k, "port %s %u %u", pf->netdev, vf->index, command);
	return command == DEVLINK_CMD_PORT_SET
		       ? set_function(a, pf, vf, tb[DEVLINK_ATTR_PORT_FUNCTION])
		       : set_fn_rate(a, pf, vf, tb);
}

static int answer_devlink(struct answer *a)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(a->request);
	const struct nlattr *tb[DEVLINK_ATTR_MAX + 1];
	struct fake_pf *pf;

	if (a->request->nlmsg_type == GENL_ID_CTRL)
		return tell_family(a);
	if (a->request->nlmsg_flags & NLM_F_DUMP)
		return tell_all(a, genl->cmd == DEVLINK_CMD_PORT_GET ? tell_port : tell_rate);
	attrs_parse_msg(a->request, sizeof(*genl), tb, DEVLINK_ATTR_MAX);
	pf = find_address(a->k, tb[DEVLINK_ATTR_DEV_NAME]);
	if (!pf)
		return -ENODEV;
	switch (genl->cmd) {
	case DEVLINK_CMD_GET:
		return pf->has_eswitch ? 0 : -ENODEV;
	case DEVLINK_CMD_ESWITCH_GET:
	case DEVLINK_CMD_ESWITCH_SET:
		return eswitch(a, pf, tb, genl->cmd == DEVLINK_CMD_ESWITCH_SET);
	case DEVLINK_CMD_PORT_SET:
	case DEVLINK_CMD_RATE_SET:
		return set_port(a, pf, tb, genl->cmd);
	default:
		return -EOPNOTSUPP;
	}
}

/* The end of an answer, and its way */

/* Behind a dump NLMSG_DONE, else NLMSG_ERROR, with the header of the request and the sentence. */
static void acknowledge(struct answer *a, int code)
{
	bool is_dump = a->request->nlmsg_flags & NLM_F_DUMP;
	struct nlmsghdr *nlh = begin(a, is_dump ? NLMSG_DONE : NLMSG_ERROR, SMALL_BYTES);

	if (is_dump) {
		*(int32_t *)mnl_nlmsg_put_extra_header(nlh, sizeof(int32_t)) = code;
	} else {
		struct nlmsgerr *e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));

		e->error = code;
		e->msg = *a->request;
		nlh->nlmsg_flags |= NLM_F_CAPPED;
	}
	if (a->sentence) {
		nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, a->sentence);
	}
	end(a, nlh);
}

static void send_stray(const struct answer *a, int fd)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr e;
	} stray = { .nlh = { sizeof(stray), NLMSG_ERROR, 0, a->request->nlmsg_seq - 1, 0 },
		.e = { .error = -EPERM } };

	(void)!send(fd, &stray, sizeof(stray), MSG_NOSIGNAL);
}

static void send_messages(const struct answer *a, int fd, enum fake_fault fault)
{
	size_t at = 0;

	for (unsigned i = 0; i < a->n; i++) {
		struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)(a->bytes + at);
		size_t n = a->sizes[i];

		if (fault == FAKE_INTERRUPTED)
			nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
		if (fault == FAKE_TRUNCATED && i + 1 == a->n)
			n /= 2;
		(void)!send(fd, nlh, n, MSG_NOSIGNAL);
		at += NLMSG_ALIGN(a->sizes[i]);
	}
}

static void deliver(struct answer *a, int fd)
{
	struct fake_kernel *k = a->k;
	enum fake_fault fault = k->n_faults ? k->fault : FAKE_NO_FAULT;
	uint8_t mark = FAKE_LOST_MARK;

	if (k->n_faults)
		k->n_faults--;
	switch (fault) {
	case FAKE_SILENT:
		return;
	case FAKE_GONE:
		shutdown(fd, SHUT_RDWR);
		return;
	case FAKE_LOST:
		(void)!send(fd, &mark, sizeof(mark), MSG_NOSIGNAL);
		return;
	case FAKE_WRONG_SEQ:
	case FAKE_ONLY_WRONG:
		send_stray(a, fd);
		break;
	default:
		break;
	}
	if (fault != FAKE_ONLY_WRONG)
		send_messages(a, fd, fault);
}

void fake_answer(struct fake_kernel *k, int fd, bool is_generic, const struct nlmsghdr *request)
{
	struct answer *a = calloc(1, sizeof(*a));
	int code;

	if (!a)
		abort();
	a->k = k;
	a->request = request;
	k->n_requests++;
	if (is_generic)
		code = answer_devlink(a);
	else
		code = request->nlmsg_type == RTM_GETLINK ? get_link(a) : set_link(a);
	acknowledge(a, code);
	deliver(a, fd);
	free(a->bytes);
	free(a);
}
