/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages, byte by byte beside those that ip(8) and devlink(8) of iproute2 6.1 sent for the same
 * change: tests/golden/sriov, a message a file, its sequence number zeroed. And what parsers make
 * of answers.
 */
#include "unit.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attrs.h"
#include "sriov/msg.h"

#define GOLD0   500 /* the link of the files */
#define FAMILY  0x17
#define ADDRESS "0000:01:00.0"

struct golden {
	union {
		struct nlmsghdr nlh;
		uint8_t bytes[1024];
	};
};

static void read_golden(const char *name, struct golden *ret)
{
	char path[512], line[512];
	size_t n = 0;
	FILE *f;

	memset(ret, 0, sizeof(*ret));
	snprintf(path, sizeof(path), "%s/%s.hex", GOLDEN, name);
	f = fopen(path, "re");
	if (!f)
		fail_msg("%s is missing", path);
	while (fgets(line, sizeof(line), f)) {
		char *at = line, *end;

		if (*line == '#')
			continue;
		for (unsigned long byte = strtoul(at, &end, 16); end != at;
			byte = strtoul(at, &end, 16)) {
			ret->bytes[n++] = (uint8_t)byte;
			at = end;
		}
	}
	fclose(f);
	assert_int_equal(n, ret->nlh.nlmsg_len);
}

/* devlink(8) pads its attributes with what its stack held. */
static void clear_padding(uint8_t *at, size_t n)
{
	while (n >= sizeof(struct nlattr)) {
		const struct nlattr *attr = (const struct nlattr *)(const void *)at;
		size_t len = attr->nla_len, padded = NLMSG_ALIGN(len);

		assert_true(len >= sizeof(*attr) && len <= n);
		if (attr->nla_type & NLA_F_NESTED)
			clear_padding(at + sizeof(*attr), len - sizeof(*attr));
		memset(at + len, 0, (padded < n ? padded : n) - len);
		at += padded < n ? padded : n;
		n -= padded < n ? padded : n;
	}
}

static void assert_same(const struct nlmsghdr *ours, const char *name)
{
	struct golden golden;

	assert_non_null(ours);
	read_golden(name, &golden);
	if (golden.nlh.nlmsg_type == FAMILY)
		clear_padding(
			golden.bytes + NLMSG_HDRLEN + 4, golden.nlh.nlmsg_len - NLMSG_HDRLEN - 4);
	assert_int_equal(ours->nlmsg_len, golden.nlh.nlmsg_len);
	assert_memory_equal(ours, golden.bytes, golden.nlh.nlmsg_len);
}

static const struct sriov_vf vf3 = { .index = 3,
	.mac = { 2, 0, 0, 0, 0, 7 },
	.vlan = 100,
	.qos = 3,
	.vlan_proto = 0x8100,
	.spoofchk = true,
	.trust = true,
	.query_rss = true,
	.link_state = SRIOV_LINK_DISABLE,
	.min_tx_rate = 100,
	.max_tx_rate = 1000,
	.node_guid = 0x0011223344556677,
	.port_guid = 0x0011223344556688 };

static void an_attribute_of_a_vf_is_set_as_ip_does(void **state)
{
	static const struct {
		const char *file;
		enum sriov_attr attr;
	} rows[] = {
		{ "ip_mac", SRIOV_MAC },
		{ "ip_vlan", SRIOV_VLAN },
		{ "ip_spoofchk", SRIOV_SPOOFCHK },
		{ "ip_trust", SRIOV_TRUST },
		{ "ip_link_state", SRIOV_LINK_STATE },
		{ "ip_rate", SRIOV_RATE },
		{ "ip_query_rss", SRIOV_QUERY_RSS },
	};
	struct sriov_msg msg;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_same(sriov_msg_set_vf(&msg, GOLD0, &vf3, 1u << rows[i].attr), rows[i].file);
}

static void vlans_are_set_as_ip_does(void **state)
{
	static const struct sriov_vlan two[] = { { 100, 3, 0x88a8 }, { 200, 0, 0x8100 } };
	struct sriov_vf vf = vf3;
	struct sriov_msg msg;

	(void)state;
	vf.vlan_proto = 0x88a8;
	assert_same(sriov_msg_set_vf(&msg, GOLD0, &vf, 1u << SRIOV_VLAN), "ip_vlan_ad");
	vf = (struct sriov_vf){ .index = 3, .vlan_proto = 0x8100 };
	assert_same(sriov_msg_set_vf(&msg, GOLD0, &vf, 1u << SRIOV_VLAN), "ip_vlan_none");
	assert_same(sriov_msg_set_vf_vlans(&msg, GOLD0, 3, two, 2), "ip_vlan_two");
}

static void the_mtu_is_set_as_ip_does(void **state)
{
	struct sriov_msg msg;

	(void)state;
	assert_same(sriov_msg_set_mtu(&msg, GOLD0, 9000), "ip_mtu");
}

/* The attributes within IFLA_VFINFO_LIST and IFLA_VF_INFO, by type. */
static void sort_vf(const struct nlmsghdr *nlh, const struct nlattr **ret)
{
	const struct nlattr *link[IFLA_VFINFO_LIST + 1], *list[IFLA_VF_INFO + 1];

	assert_true(attrs_parse_msg(nlh, sizeof(struct ifinfomsg), link, IFLA_VFINFO_LIST));
	assert_non_null(link[IFLA_VFINFO_LIST]);
	assert_true(attrs_parse(mnl_attr_get_payload(link[IFLA_VFINFO_LIST]),
		mnl_attr_get_payload_len(link[IFLA_VFINFO_LIST]), list, IFLA_VF_INFO));
	assert_non_null(list[IFLA_VF_INFO]);
	assert_true(attrs_parse(mnl_attr_get_payload(list[IFLA_VF_INFO]),
		mnl_attr_get_payload_len(list[IFLA_VF_INFO]), ret, IFLA_VF_MAX));
}

static void all_attributes_go_in_one_message_each_as_ip_sends_it(void **state)
{
	const uint32_t attrs = 1u << SRIOV_MAC | 1u << SRIOV_VLAN | 1u << SRIOV_SPOOFCHK |
			       1u << SRIOV_TRUST | 1u << SRIOV_LINK_STATE | 1u << SRIOV_RATE |
			       1u << SRIOV_QUERY_RSS;
	const struct nlattr *ours[IFLA_VF_MAX + 1], *theirs[IFLA_VF_MAX + 1];
	const struct nlmsghdr *nlh;
	struct golden golden;
	struct sriov_msg msg;
	unsigned n = 0;

	(void)state;
	nlh = sriov_msg_set_vf(&msg, GOLD0, &vf3, attrs);
	read_golden("ip_many", &golden);
	assert_int_equal(nlh->nlmsg_len, golden.nlh.nlmsg_len);
	sort_vf(nlh, ours);
	sort_vf(&golden.nlh, theirs);
	for (unsigned i = 0; i <= IFLA_VF_MAX; i++) {
		assert_int_equal(!ours[i], !theirs[i]);
		if (!ours[i])
			continue;
		assert_int_equal(ours[i]->nla_len, theirs[i]->nla_len);
		assert_memory_equal(ours[i], theirs[i], ours[i]->nla_len);
		n++;
	}
	assert_int_equal(n, 7);
}

static void guids_are_set_as_ip_does(void **state)
{
	static const char *const files[] = { "ip_node_guid", "ip_port_guid" };
	static const uint16_t types[] = { IFLA_VF_IB_NODE_GUID, IFLA_VF_IB_PORT_GUID };
	const struct nlattr *ours[IFLA_VF_MAX + 1], *theirs[IFLA_VF_MAX + 1];
	struct golden golden;
	struct sriov_msg msg;

	(void)state;
	sort_vf(sriov_msg_set_vf(&msg, GOLD0, &vf3, 1u << SRIOV_GUIDS), ours);
	for (unsigned i = 0; i < 2; i++) {
		read_golden(files[i], &golden);
		sort_vf(&golden.nlh, theirs);
		assert_non_null(ours[types[i]]);
		assert_memory_equal(ours[types[i]], theirs[types[i]], theirs[types[i]]->nla_len);
	}
}

static void the_eswitch_is_asked_for_and_set_as_devlink_does(void **state)
{
	static const struct sriov_eswitch_modes all = { SRIOV_ESWITCH_SWITCHDEV, "transport",
		"basic" };
	static const struct sriov_eswitch_modes mode = { .mode = SRIOV_ESWITCH_SWITCHDEV };
	static const struct sriov_eswitch_modes legacy = { .mode = SRIOV_ESWITCH_LEGACY };
	static const struct sriov_eswitch_modes wrong = { .inline_mode = "sideways" };
	struct sriov_msg msg;

	(void)state;
	assert_same(sriov_msg_get_eswitch(&msg, FAMILY, ADDRESS), "devlink_eswitch_get");
	assert_same(sriov_msg_set_eswitch(&msg, FAMILY, ADDRESS, &mode), "devlink_eswitch_mode");
	assert_same(
		sriov_msg_set_eswitch(&msg, FAMILY, ADDRESS, &legacy), "devlink_eswitch_legacy");
	assert_same(sriov_msg_set_eswitch(&msg, FAMILY, ADDRESS, &all), "devlink_eswitch_all");
	assert_null(sriov_msg_set_eswitch(&msg, FAMILY, ADDRESS, &wrong));
}

static void functions_and_rates_are_set_as_devlink_does(void **state)
{
	const bool active = true, inactive = false;
	const uint32_t share = 100, max = 1000;
	struct sriov_msg msg;

	(void)state;
	assert_same(sriov_msg_set_port_fn(&msg, FAMILY, ADDRESS, 3, vf3.mac, NULL),
		"devlink_fn_hw_addr");
	assert_same(
		sriov_msg_set_port_fn(&msg, FAMILY, ADDRESS, 3, NULL, &active), "devlink_fn_state");
	assert_same(sriov_msg_set_port_fn(&msg, FAMILY, ADDRESS, 3, vf3.mac, &inactive),
		"devlink_fn_both");
	assert_same(sriov_msg_set_rate(&msg, FAMILY, ADDRESS, 3, &share, &max), "devlink_rate");
}

static void what_is_set_is_what_an_answer_tells(void **state)
{
	struct sriov_vf vfs[4] = { 0 };
	struct nlmsghdr *nlh;
	struct sriov_msg msg;

	(void)state;
	nlh = sriov_msg_set_vf(&msg, GOLD0, &vf3, ~(1u << SRIOV_STATS));
	assert_int_equal(sriov_link_parse_vfs(nlh, vfs, 4), 1);
	assert_memory_equal(vfs[3].mac, vf3.mac, 6);
	assert_int_equal(vfs[3].vlan, 100);
	assert_int_equal(vfs[3].node_guid, vf3.node_guid);
	assert_int_equal(vfs[3].min_tx_rate, 100);
	assert_int_equal(vfs[3].link_state, SRIOV_LINK_DISABLE);
	assert_int_equal(vfs[0].known, 0);
	/* One that is not asked for is passed over. */
	assert_int_equal(sriov_link_parse_vfs(nlh, vfs, 3), 0);
}

static void each_end_of_an_answer_before_its_end_is_refused(void **state)
{
	struct sriov_vf vfs[4];
	struct nlmsghdr *nlh;
	struct sriov_msg msg;
	struct sriov_link link;
	uint32_t whole;

	(void)state;
	nlh = sriov_msg_set_vf(&msg, GOLD0, &vf3, ~(1u << SRIOV_STATS));
	whole = nlh->nlmsg_len;
	for (uint32_t n = NLMSG_HDRLEN; n < whole; n++) {
		uint8_t *copy = malloc(n);

		assert_non_null(copy);
		memcpy(copy, nlh, n);
		((struct nlmsghdr *)(void *)copy)->nlmsg_len = n;
		memset(vfs, 0, sizeof(vfs));
		if (n != NLMSG_HDRLEN + sizeof(struct ifinfomsg))
			assert_int_equal(sriov_link_parse_vfs((void *)copy, vfs, 4), -EPROTO);
		assert_int_equal(sriov_link_parse((void *)copy, &link), -EPROTO);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_attribute_of_a_vf_is_set_as_ip_does),
		cmocka_unit_test(vlans_are_set_as_ip_does),
		cmocka_unit_test(the_mtu_is_set_as_ip_does),
		cmocka_unit_test(all_attributes_go_in_one_message_each_as_ip_sends_it),
		cmocka_unit_test(guids_are_set_as_ip_does),
		cmocka_unit_test(the_eswitch_is_asked_for_and_set_as_devlink_does),
		cmocka_unit_test(functions_and_rates_are_set_as_devlink_does),
		cmocka_unit_test(what_is_set_is_what_an_answer_tells),
		cmocka_unit_test(each_end_of_an_answer_before_its_end_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
