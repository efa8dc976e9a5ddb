/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Generic netlink's messages to devlink: eswitch, functions behind ports, rates. Pure. The device
 * is "pci/ADDRESS" everywhere.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <string.h>

#include "attrs.h"
#include "sriov/msg.h"

#define BYTES_A_SECOND_OF_MBPS 125000u

static const char *const inline_modes[] = { "none", "link", "network", "transport" };
static const char *const encap_modes[] = { "none", "basic" };

static struct nlmsghdr *put_generic(
	struct sriov_msg *msg, uint16_t family, uint8_t command, uint16_t flags)
{
	struct nlmsghdr *nlh;
	struct genlmsghdr *genl;

	/* What pads attributes goes to the kernel, and shall be nobody's stack. */
	memset(msg, 0, sizeof(*msg));
	nlh = mnl_nlmsg_put_header(msg->bytes);
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	genl->cmd = command;
	/* Linux looks at nobody's; devlink(8) has these. */
	genl->version = family == GENL_ID_CTRL;
	return nlh;
}

static struct nlmsghdr *put_devlink(
	struct sriov_msg *msg, uint16_t family, uint8_t command, const char *address)
{
	struct nlmsghdr *nlh = put_generic(msg, family, command, NLM_F_ACK);

	mnl_attr_put_strz(nlh, DEVLINK_ATTR_BUS_NAME, "pci");
	mnl_attr_put_strz(nlh, DEVLINK_ATTR_DEV_NAME, address);
	return nlh;
}

struct nlmsghdr *sriov_msg_get_family(struct sriov_msg *msg, const char *name)
{
	struct nlmsghdr *nlh = put_generic(msg, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, name);
	return nlh;
}

int sriov_family_parse(const struct nlmsghdr *reply, uint16_t *ret)
{
	const struct nlattr *tb[CTRL_ATTR_FAMILY_ID + 1];

	if (!attrs_parse_msg(reply, sizeof(struct genlmsghdr), tb, CTRL_ATTR_FAMILY_ID) ||
		!attrs_u16(tb[CTRL_ATTR_FAMILY_ID], ret))
		return -EPROTO;
	return 0;
}

static int find_word(const char *const *words, unsigned n, const char *word)
{
	for (unsigned i = 0; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -EINVAL;
}

static bool put_word(
	struct nlmsghdr *nlh, uint16_t type, const char *const *words, unsigned n, const char *word)
{
	int value = find_word(words, n, word);

	if (*word && value < 0)
		return false;
	if (*word)
		mnl_attr_put_u8(nlh, type, (uint8_t)value);
	return true;
}

struct nlmsghdr *sriov_msg_get_devlink(struct sriov_msg *msg, uint16_t family, const char *address)
{
	return put_devlink(msg, family, DEVLINK_CMD_GET, address);
}

struct nlmsghdr *sriov_msg_get_eswitch(struct sriov_msg *msg, uint16_t family, const char *address)
{
	return put_devlink(msg, family, DEVLINK_CMD_ESWITCH_GET, address);
}

struct nlmsghdr *sriov_msg_set_eswitch(struct sriov_msg *msg, uint16_t family, const char *address,
	const struct sriov_eswitch_modes *modes)
{
	struct nlmsghdr *nlh = put_devlink(msg, family, DEVLINK_CMD_ESWITCH_SET, address);

	if (modes->mode != SRIOV_ESWITCH_UNKNOWN)
		mnl_attr_put_u16(nlh, DEVLINK_ATTR_ESWITCH_MODE,
			modes->mode == SRIOV_ESWITCH_SWITCHDEV ? DEVLINK_ESWITCH_MODE_SWITCHDEV
							       : DEVLINK_ESWITCH_MODE_LEGACY);
	if (!put_word(nlh, DEVLINK_ATTR_ESWITCH_INLINE_MODE, inline_modes,
		    MNL_ARRAY_SIZE(inline_modes), modes->inline_mode) ||
		!put_word(nlh, DEVLINK_ATTR_ESWITCH_ENCAP_MODE, encap_modes,
			MNL_ARRAY_SIZE(encap_modes), modes->encap_mode))
		return NULL;
	return nlh;
}

static void get_word(
	const struct nlattr *attr, const char *const *words, unsigned n, char *ret, size_t size)
{
	uint8_t value;

	*ret = '\0';
	if (attrs_u8(attr, &value) && value < n)
		strncat(ret, words[value], size - 1);
}

int sriov_eswitch_parse(const struct nlmsghdr *reply, struct sriov_eswitch_modes *ret)
{
	const struct nlattr *tb[DEVLINK_ATTR_MAX + 1];
	uint16_t mode;

	if (!attrs_parse_msg(reply, sizeof(struct genlmsghdr), tb, DEVLINK_ATTR_MAX))
		return -EPROTO;
	ret->mode = SRIOV_ESWITCH_UNKNOWN;
	if (attrs_u16(tb[DEVLINK_ATTR_ESWITCH_MODE], &mode))
		ret->mode = mode == DEVLINK_ESWITCH_MODE_SWITCHDEV ? SRIOV_ESWITCH_SWITCHDEV
								   : SRIOV_ESWITCH_LEGACY;
	get_word(tb[DEVLINK_ATTR_ESWITCH_INLINE_MODE], inline_modes, MNL_ARRAY_SIZE(inline_modes),
		ret->inline_mode, sizeof(ret->inline_mode));
	get_word(tb[DEVLINK_ATTR_ESWITCH_ENCAP_MODE], encap_modes, MNL_ARRAY_SIZE(encap_modes),
		ret->encap_mode, sizeof(ret->encap_mode));
	return 0;
}

struct nlmsghdr *sriov_msg_get_ports(struct sriov_msg *msg, uint16_t family)
{
	return put_generic(msg, family, DEVLINK_CMD_PORT_GET, NLM_F_DUMP);
}

static void get_function(const struct nlattr *nest, struct sriov_port *port)
{
	const struct nlattr *tb[DEVLINK_PORT_FN_ATTR_STATE + 1];
	const void *hw_addr;
	uint8_t state = 0;

	if (!nest)
		return;
	attrs_parse(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), tb,
		DEVLINK_PORT_FN_ATTR_STATE);
	hw_addr = attrs_bytes(tb[DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR], sizeof(port->hw_addr));
	port->has_hw_addr = hw_addr != NULL;
	if (hw_addr)
		memcpy(port->hw_addr, hw_addr, sizeof(port->hw_addr));
	port->has_state = attrs_u8(tb[DEVLINK_PORT_FN_ATTR_STATE], &state);
	port->active = state == DEVLINK_PORT_FN_STATE_ACTIVE;
}

int sriov_port_parse(const struct nlmsghdr *reply, struct sriov_port *ret)
{
	const struct nlattr *tb[DEVLINK_ATTR_MAX + 1];
	struct sriov_port port = { 0 };
	uint16_t flavour = 0;

	if (!attrs_parse_msg(reply, sizeof(struct genlmsghdr), tb, DEVLINK_ATTR_MAX) ||
		!attrs_u32(tb[DEVLINK_ATTR_PORT_INDEX], &port.index))
		return -EPROTO;
	attrs_text(tb[DEVLINK_ATTR_DEV_NAME], port.address, sizeof(port.address));
	attrs_text(tb[DEVLINK_ATTR_PORT_NETDEV_NAME], port.netdev, sizeof(port.netdev));
	attrs_u16(tb[DEVLINK_ATTR_PORT_FLAVOUR], &flavour);
	attrs_u16(tb[DEVLINK_ATTR_PORT_PCI_PF_NUMBER], &port.pf);
	port.is_vf = attrs_u16(tb[DEVLINK_ATTR_PORT_PCI_VF_NUMBER], &port.vf) &&
		     flavour == DEVLINK_PORT_FLAVOUR_PCI_VF;
	get_function(tb[DEVLINK_ATTR_PORT_FUNCTION], &port);
	*ret = port;
	return 0;
}

struct nlmsghdr *sriov_msg_set_port_fn(struct sriov_msg *msg, uint16_t family, const char *address,
	uint32_t port, const uint8_t *hw_addr, const bool *active)
{
	struct nlmsghdr *nlh = put_devlink(msg, family, DEVLINK_CMD_PORT_SET, address);
	struct nlattr *nest;

	mnl_attr_put_u32(nlh, DEVLINK_ATTR_PORT_INDEX, port);
	nest = mnl_attr_nest_start(nlh, DEVLINK_ATTR_PORT_FUNCTION);
	if (hw_addr)
		mnl_attr_put(nlh, DEVLINK_PORT_FUNCTION_ATTR_HW_ADDR, 6, hw_addr);
	if (active)
		mnl_attr_put_u8(nlh, DEVLINK_PORT_FN_ATTR_STATE,
			*active ? DEVLINK_PORT_FN_STATE_ACTIVE : DEVLINK_PORT_FN_STATE_INACTIVE);
	mnl_attr_nest_end(nlh, nest);
	return nlh;
}

struct nlmsghdr *sriov_msg_get_rates(struct sriov_msg *msg, uint16_t family)
{
	return put_generic(msg, family, DEVLINK_CMD_RATE_GET, NLM_F_DUMP);
}

static uint32_t get_mbps(const struct nlattr *attr)
{
	uint64_t value = 0;

	attrs_u64(attr, &value);
	value /= BYTES_A_SECOND_OF_MBPS;
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

int sriov_rate_parse(const struct nlmsghdr *reply, struct sriov_fn_rate *ret)
{
	const struct nlattr *tb[DEVLINK_ATTR_MAX + 1];
	struct sriov_fn_rate rate = { 0 };
	uint16_t type = 0;

	if (!attrs_parse_msg(reply, sizeof(struct genlmsghdr), tb, DEVLINK_ATTR_MAX))
		return -EPROTO;
	attrs_text(tb[DEVLINK_ATTR_DEV_NAME], rate.address, sizeof(rate.address));
	attrs_u16(tb[DEVLINK_ATTR_RATE_TYPE], &type);
	rate.is_leaf = attrs_u32(tb[DEVLINK_ATTR_PORT_INDEX], &rate.port) &&
		       type == DEVLINK_RATE_TYPE_LEAF;
	rate.tx_share = get_mbps(tb[DEVLINK_ATTR_RATE_TX_SHARE]);
	rate.tx_max = get_mbps(tb[DEVLINK_ATTR_RATE_TX_MAX]);
	*ret = rate;
	return 0;
}

struct nlmsghdr *sriov_msg_set_rate(struct sriov_msg *msg, uint16_t family, const char *address,
	uint32_t port, const uint32_t *tx_share, const uint32_t *tx_max)
{
	struct nlmsghdr *nlh = put_devlink(msg, family, DEVLINK_CMD_RATE_SET, address);

	mnl_attr_put_u32(nlh, DEVLINK_ATTR_PORT_INDEX, port);
	if (tx_share)
		mnl_attr_put_u64(nlh, DEVLINK_ATTR_RATE_TX_SHARE,
			(uint64_t)*tx_share * BYTES_A_SECOND_OF_MBPS);
	if (tx_max)
		mnl_attr_put_u64(
			nlh, DEVLINK_ATTR_RATE_TX_MAX, (uint64_t)*tx_max * BYTES_A_SECOND_OF_MBPS);
	return nlh;
}
