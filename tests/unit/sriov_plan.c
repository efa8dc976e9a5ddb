/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The planner of SR-IOV: which steps, in which order, and what is refused.
 */
#include "unit.h"

#include <errno.h>

#include "sriov/plan.h"
#include "sriov_host_by_hand.h"

#define BIT(n) (1u << (n))

static struct sriov_want_pf want_vfs(struct sriov_want_vf *lines, uint32_t n)
{
	return (struct sriov_want_pf){ .name = "eth0", .vfs = lines, .n_vfs = n };
}

static int plan_of(const struct hand_host *hand, const struct sriov_want_pf *pf,
	struct sriov_plan **ret, struct sh_err *err)
{
	struct sriov_want_pf copy = *pf;
	struct sriov_want want = { &copy, 1 };

	return sriov_plan_new(&hand->host, &want, ret, err);
}

static void assert_plan(
	const struct hand_host *hand, const struct sriov_want_pf *want, const char *expected)
{
	struct sriov_plan *plan = NULL;
	struct sh_err err = { "" };
	char text[4096] = "";

	assert_int_equal(plan_of(hand, want, &plan, &err), 0);
	for (uint32_t i = 0; i < plan->n; i++) {
		size_t n = strlen(text);

		if (i)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "\n");
		sriov_step_print(&plan->steps[i], text + n, sizeof(text) - n);
	}
	assert_string_equal(text, expected);
	sriov_plan_free(plan);
}

static void assert_refused(const struct hand_host *hand, const struct sriov_want_pf *want, int code,
	const char *sentence)
{
	struct sriov_plan *plan = NULL;
	struct sh_err err = { "" };

	assert_int_equal(plan_of(hand, want, &plan, &err), code);
	assert_string_equal(err.text, sentence);
	assert_null(plan);
}

static void assert_line_refused(
	const struct hand_host *hand, struct sriov_want_vf line, int code, const char *sentence)
{
	struct sriov_want_pf want = want_vfs(&line, 1);

	assert_refused(hand, &want, code, sentence);
}

static void what_is_already_so_makes_an_empty_plan(void **state)
{
	struct sriov_want_vf line = { .last = 3,
		.given = BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_SPOOFCHK) | BIT(SRIOV_VF_DRIVER),
		.spoofchk = true,
		.driver = "igbvf" };
	struct sriov_want_pf want = want_vfs(&line, 1);
	struct hand_host hand;

	hand_init(&hand);
	hand_enable(&hand, 0, 4);
	want.given = BIT(SRIOV_PF_NUM_VFS) | BIT(SRIOV_PF_AUTOPROBE) | BIT(SRIOV_PF_MTU);
	want.num_vfs = 4;
	want.drivers_autoprobe = true;
	want.mtu = 1500;
	assert_plan(&hand, &want, "");
}

static void a_vf_is_configured_before_a_driver_binds(void **state)
{
	struct sriov_want_vf lines[] = { { .given = BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_TRUST),
						 .last = 1,
						 .vlan = 100,
						 .trust = true },
		{ .first = 1,
			.last = 1,
			.given = BIT(SRIOV_VF_DRIVER) | BIT(SRIOV_VF_VLAN),
			.vlan = 200,
			.driver = "vfio-pci" } };
	struct sriov_want_pf want = want_vfs(lines, 2);
	struct hand_host hand;

	hand_init(&hand);
	want.given = BIT(SRIOV_PF_NUM_VFS);
	want.num_vfs = 2;
	assert_plan(&hand, &want,
		"eth0: drivers_autoprobe on -> off\n"
		"eth0: num_vfs 0 -> 2\n"
		"eth0 vf 0: vlan 100, trust on\n"
		"eth0 vf 1: vlan 200, trust on\n"
		"eth0: drivers_autoprobe off -> on\n"
		"eth0 vf 0: driver none -> the kernel's choice\n"
		"eth0 vf 1: driver none -> vfio-pci");
}

static void vfs_without_settings_are_left_to_the_kernel(void **state)
{
	struct sriov_want_pf want = want_vfs(NULL, 0);
	struct hand_host hand;

	hand_init(&hand);
	want.given = BIT(SRIOV_PF_NUM_VFS);
	want.num_vfs = 2;
	assert_plan(&hand, &want, "eth0: num_vfs 0 -> 2");
}

static void another_number_of_vfs_goes_through_zero_and_keeps_what_was(void **state)
{
	struct sriov_want_pf want = want_vfs(NULL, 0);
	struct sriov_plan *plan = NULL;
	struct hand_host hand;
	struct sh_err err;

	hand_init(&hand);
	hand.pfs[0].drivers_autoprobe = false;
	hand_enable(&hand, 0, 1);
	hand.vfs[0][0].vlan = 7;
	hand.vfs[0][0].known = BIT(SRIOV_VLAN);
	strcpy(hand.vfs[0][0].driver, "vfio-pci");
	want.given = BIT(SRIOV_PF_NUM_VFS);
	want.num_vfs = 2;
	assert_plan(&hand, &want,
		"eth0: num_vfs 1 -> 0\n"
		"eth0: num_vfs 0 -> 2\n"
		"eth0 vf 0: vlan 7\n"
		"eth0 vf 0: driver none -> vfio-pci");
	assert_int_equal(plan_of(&hand, &want, &plan, &err), 0);
	assert_int_equal(plan->steps[0].disturbs, SRIOV_DISTURBS_OWNER);
	assert_string_equal(plan->steps[0].users, "vf 0: driver vfio-pci");
	assert_int_equal(sriov_plan_check(plan, 0, &err), -EBUSY);
	assert_string_equal(err.text,
		"eth0: num_vfs 1 -> 0: disturbs vf 0: driver vfio-pci; give --allow-disruptive to "
		"do it");
	assert_int_equal(sriov_plan_check(plan, SRIOV_ALLOW_TRAFFIC, &err), -EBUSY);
	assert_int_equal(sriov_plan_check(plan, SRIOV_ALLOW_DISRUPTIVE, &err), 0);
	sriov_plan_free(plan);
}

static void a_change_names_old_and_new_values(void **state)
{
	struct sriov_want_vf line = { .first = 2,
		.last = 2,
		.given = BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_QOS) | BIT(SRIOV_VF_PROTO) |
			 BIT(SRIOV_VF_SPOOFCHK) | BIT(SRIOV_VF_MAX_RATE) |
			 BIT(SRIOV_VF_LINK_STATE) | BIT(SRIOV_VF_MAC) | BIT(SRIOV_VF_QUERY_RSS),
		.mac = { 2, 0, 0, 0, 0, 1 },
		.vlan = 100,
		.qos = 3,
		.vlan_proto = 0x88a8,
		.max_tx_rate = 500,
		.query_rss = true,
		.link_state = SRIOV_LINK_ENABLE };
	struct sriov_want_pf want = want_vfs(&line, 1);
	struct hand_host hand;

	hand_init(&hand);
	hand_enable(&hand, 0, 4);
	assert_plan(&hand, &want,
		"eth0 vf 2: mac 0a:00:00:00:00:02 -> 02:00:00:00:00:01, vlan 0 -> 100 qos 3 "
		"vlan_proto 802.1ad, spoofchk on -> off, link_state auto -> enable, max_tx_rate 0 "
		"-> 500, "
		"query_rss off -> on");
}

static void the_rate_not_given_goes_along_as_it_is(void **state)
{
	struct sriov_want_vf line = { .given = BIT(SRIOV_VF_MAX_RATE), .max_tx_rate = 500 };
	struct sriov_want_pf want = want_vfs(&line, 1);
	struct sriov_plan *plan = NULL;
	struct hand_host hand;
	struct sh_err err;

	hand_init(&hand);
	hand_enable(&hand, 0, 1);
	hand.vfs[0][0].min_tx_rate = 100;
	assert_int_equal(plan_of(&hand, &want, &plan, &err), 0);
	assert_int_equal(plan->n, 1);
	assert_int_equal(plan->steps[0].vf_to.min_tx_rate, 100);
	assert_int_equal(plan->steps[0].vf_to.max_tx_rate, 500);
	assert_string_equal(plan->steps[0].text, "max_tx_rate 0 -> 500");
	sriov_plan_free(plan);
	line.max_tx_rate = 50;
	assert_line_refused(&hand, line, -EINVAL,
		"eth0: vf 0: min_tx_rate 100 Mb/s is above max_tx_rate 50 Mb/s");
}

static void vlan_zero_takes_priority_and_protocol_away(void **state)
{
	struct sriov_want_vf line = { .given = BIT(SRIOV_VF_VLAN) };
	struct sriov_want_pf want = want_vfs(&line, 1);
	struct hand_host hand;

	hand_init(&hand);
	hand_enable(&hand, 0, 1);
	hand.vfs[0][0].vlan = 5;
	hand.vfs[0][0].qos = 3;
	assert_plan(&hand, &want, "eth0 vf 0: vlan 5 qos 3 -> 0");
}

static void the_eswitch_changes_while_there_are_no_vfs(void **state)
{
	struct sriov_want_pf want = want_vfs(NULL, 0);
	struct hand_host hand;

	hand_init(&hand);
	hand.pfs[0].drivers_autoprobe = false;
	hand.pfs[0].eswitch = SRIOV_ESWITCH_LEGACY;
	strcpy(hand.pfs[0].inline_mode, "none");
	strcpy(hand.pfs[0].encap_mode, "none");
	hand_enable(&hand, 0, 1);
	hand.vfs[0][0].known = 0;
	want.given = BIT(SRIOV_PF_ESWITCH) | BIT(SRIOV_PF_INLINE_MODE) | BIT(SRIOV_PF_ENCAP_MODE) |
		     BIT(SRIOV_PF_MTU);
	want.eswitch = SRIOV_ESWITCH_SWITCHDEV;
	strcpy(want.inline_mode, "transport");
	strcpy(want.encap_mode, "basic");
	want.mtu = 9000;
	assert_plan(&hand, &want,
		"eth0: num_vfs 1 -> 0\n"
		"eth0: eswitch legacy -> switchdev\n"
		"eth0: inline_mode none -> transport\n"
		"eth0: encap_mode none -> basic\n"
		"eth0: mtu 1500 -> 9000\n"
		"eth0: num_vfs 0 -> 1");
}

static void vectors_change_while_no_driver_is_bound(void **state)
{
	struct sriov_want_vf line = { .given = BIT(SRIOV_VF_MSIX), .msix_vectors = 8 };
	struct sriov_want_pf want = want_vfs(&line, 1);
	struct hand_host hand;

	hand_init(&hand);
	hand_enable(&hand, 0, 1);
	assert_plan(&hand, &want,
		"eth0 vf 0: driver igbvf -> none\n"
		"eth0 vf 0: msix_vectors 3 -> 8\n"
		"eth0 vf 0: driver none -> igbvf");
}

static void a_driver_is_changed_by_unbinding_first(void **state)
{
	struct sriov_want_vf lines[] = {
		{ .given = BIT(SRIOV_VF_DRIVER), .driver = "vfio-pci" },
		{ .first = 1, .last = 1, .given = BIT(SRIOV_VF_DRIVER) },
	};
	struct sriov_want_pf want = want_vfs(lines, 2);
	struct hand_host hand;

	hand_init(&hand);
	hand_enable(&hand, 0, 2);
	assert_plan(&hand, &want,
		"eth0 vf 0: driver igbvf -> none\n"
		"eth0 vf 1: driver igbvf -> none\n"
		"eth0 vf 0: driver none -> vfio-pci");
}

static void a_vf_in_use_is_not_changed_without_leave(void **state)
{
	struct sriov_want_vf line = { .given = BIT(SRIOV_VF_VLAN), .vlan = 9 };
	struct sriov_want_pf want = want_vfs(&line, 1);
	struct sriov_plan *plan = NULL;
	struct hand_host hand;
	struct sh_err err;
	char users[] = "qemu-system-x86 (1234)";

	hand_init(&hand);
	hand_enable(&hand, 0, 1);
	hand.vfs[0][0].users = users;
	assert_int_equal(plan_of(&hand, &want, &plan, &err), 0);
	assert_int_equal(sriov_plan_check(plan, 0, &err), -EBUSY);
	assert_string_equal(err.text,
		"eth0 vf 0: vlan 0 -> 9: disturbs qemu-system-x86 (1234); give --allow-disruptive "
		"to do it");
	assert_int_equal(sriov_plan_check(plan, SRIOV_ALLOW_TRAFFIC, &err), 0);
	sriov_plan_free(plan);
	line.given = BIT(SRIOV_VF_DRIVER);
	assert_int_equal(plan_of(&hand, &want, &plan, &err), 0);
	assert_int_equal(sriov_plan_check(plan, SRIOV_ALLOW_TRAFFIC, &err), -EBUSY);
	assert_int_equal(sriov_plan_check(plan, SRIOV_ALLOW_DISRUPTIVE, &err), 0);
	sriov_plan_free(plan);
}

static void the_nic_of_the_default_route_needs_force(void **state)
{
	struct sriov_want_vf line = { .given = BIT(SRIOV_VF_DRIVER) };
	struct sriov_want_pf want = want_vfs(NULL, 0);
	struct sriov_plan *plan = NULL;
	struct hand_host hand;
	struct sh_err err;

	hand_init(&hand);
	hand.pfs[0].has_default_route = true;
	want.given = BIT(SRIOV_PF_NUM_VFS);
	want.num_vfs = 1;
	assert_int_equal(plan_of(&hand, &want, &plan, &err), 0);
	assert_int_equal(sriov_plan_check(plan, SRIOV_ALLOW_DISRUPTIVE, &err), -EBUSY);
	assert_string_equal(err.text,
		"eth0: num_vfs 0 -> 1: interrupts the NIC that carries the default route; give "
		"--force to do it");
	assert_int_equal(sriov_plan_check(plan, SRIOV_ALLOW_FORCE, &err), 0);
	sriov_plan_free(plan);
	want.given = BIT(SRIOV_PF_MTU);
	want.mtu = 9000;
	assert_int_equal(plan_of(&hand, &want, &plan, &err), 0);
	assert_int_equal(sriov_plan_check(plan, SRIOV_ALLOW_DISRUPTIVE, &err), -EBUSY);
	sriov_plan_free(plan);
	hand_enable(&hand, 0, 1);
	hand.vfs[0][0].has_default_route = true;
	want = want_vfs(&line, 1);
	assert_int_equal(plan_of(&hand, &want, &plan, &err), 0);
	assert_int_equal(sriov_plan_check(plan, SRIOV_ALLOW_DISRUPTIVE, &err), -EBUSY);
	sriov_plan_free(plan);
}

static void a_group_with_a_device_in_use_is_not_given_away(void **state)
{
	struct sriov_want_vf lines[] = {
		{ .given = BIT(SRIOV_VF_DRIVER), .driver = "vfio-pci" },
		{ .first = 1, .last = 1, .given = BIT(SRIOV_VF_DRIVER), .driver = "vfio-pci" },
	};
	struct sriov_want_pf want = want_vfs(lines, 1);
	char others[] = "0000:00:01.0, 0000:01:10.1", pf_too[] = "0000:01:00.0";
	struct hand_host hand;

	hand_init(&hand);
	hand_enable(&hand, 0, 2);
	hand.vfs[0][0].iommu_others = others;
	assert_refused(&hand, &want, -EBUSY,
		"eth0 vf 0: driver vfio-pci: IOMMU group 0 also holds 0000:01:10.1, in use "
		"(igbvf); unbind that first");
	/* When the other goes the same way, nothing is in the way. */
	want.n_vfs = 2;
	assert_plan(&hand, &want,
		"eth0 vf 0: driver igbvf -> none\n"
		"eth0 vf 1: driver igbvf -> none\n"
		"eth0 vf 0: driver none -> vfio-pci\n"
		"eth0 vf 1: driver none -> vfio-pci");
	hand.vfs[0][0].iommu_others = pf_too;
	assert_refused(&hand, &want, -EBUSY,
		"eth0 vf 0: driver vfio-pci: IOMMU group 0 also holds eth0, in use (igb); unbind "
		"that first");
}

static void bad_input_is_one_clear_line(void **state)
{
	struct hand_host hand;

	hand_init(&hand);
	hand_enable(&hand, 0, 4);
	assert_line_refused(&hand, (struct sriov_want_vf){ .first = 2, .last = 4 }, -ERANGE,
		"eth0: vf 4: the last of 4 VFs is vf 3");
	assert_line_refused(&hand, (struct sriov_want_vf){ .first = 2, .last = 1 }, -EINVAL,
		"eth0: vf 2-1: the first is after the last");
	assert_line_refused(&hand,
		(struct sriov_want_vf){
			.given = BIT(SRIOV_VF_MAC), .mac = { 1, 0, 0x5e, 0, 0, 1 } },
		-EINVAL,
		"eth0: vf 0: mac 01:00:5e:00:00:01 is a multicast address; the first byte must be "
		"even");
	assert_line_refused(&hand, (struct sriov_want_vf){ .given = BIT(SRIOV_VF_MAC) }, -EINVAL,
		"eth0: vf 0: mac 00:00:00:00:00:00 is no address; give one, or auto");
	assert_line_refused(&hand,
		(struct sriov_want_vf){ .last = 1, .given = BIT(SRIOV_VF_MAC), .mac = { 2 } },
		-EINVAL, "eth0: vf 0 and vf 1 would have one MAC; give each its own, or auto");
	assert_line_refused(&hand,
		(struct sriov_want_vf){ .given = BIT(SRIOV_VF_VLAN), .vlan = 4095 }, -EINVAL,
		"eth0: vf 0: vlan 4095: allowed is 0 to 4094");
	assert_line_refused(&hand, (struct sriov_want_vf){ .given = BIT(SRIOV_VF_QOS), .qos = 8 },
		-EINVAL, "eth0: vf 0: qos 8: allowed is 0 to 7");
	assert_line_refused(&hand,
		(struct sriov_want_vf){ .given = BIT(SRIOV_VF_PROTO), .vlan_proto = 0x9100 },
		-EINVAL, "eth0: vf 0: vlan_proto 0x9100: allowed are 802.1q and 802.1ad");
	assert_line_refused(&hand,
		(struct sriov_want_vf){ .given = BIT(SRIOV_VF_MAX_RATE), .max_tx_rate = 1001 },
		-ERANGE, "eth0: vf 0: max_tx_rate 1001 Mb/s is above the link's 1000 Mb/s");
	assert_line_refused(&hand,
		(struct sriov_want_vf){ .given = BIT(SRIOV_VF_MIN_RATE), .min_tx_rate = 1001 },
		-ERANGE, "eth0: vf 0: min_tx_rate 1001 Mb/s is above the link's 1000 Mb/s");
	hand.pfs[0].ifindex = 0;
	assert_line_refused(&hand, (struct sriov_want_vf){ .given = BIT(SRIOV_VF_TRUST) }, -ENODEV,
		"eth0: vf 0: driver 'igb' makes no network interface for the PF here, so its VFs "
		"have only 'driver' and 'msix_vectors'");
}

static void a_pf_is_held_to_what_it_can(void **state)
{
	struct sriov_want_pf want = want_vfs(NULL, 0), both[2];
	struct sriov_want twice = { both, 2 };
	struct sriov_plan *plan = NULL;
	struct hand_host hand;
	struct sh_err err;

	hand_init(&hand);
	want.given = BIT(SRIOV_PF_NUM_VFS);
	want.num_vfs = HAND_VFS + 1;
	assert_refused(&hand, &want, -ERANGE, "eth0: num_vfs 17: the device can have 16");
	want.given = BIT(SRIOV_PF_ESWITCH);
	want.eswitch = SRIOV_ESWITCH_SWITCHDEV;
	assert_refused(&hand, &want, -EOPNOTSUPP,
		"eth0: eswitch: driver 'igb' has no devlink eswitch; remove the key");
	/* Without an eswitch it is what legacy means. */
	want.eswitch = SRIOV_ESWITCH_LEGACY;
	assert_plan(&hand, &want, "");
	strcpy(want.name, "eth9");
	assert_int_equal(plan_of(&hand, &want, &plan, &err), -ENOENT);
	both[0] = both[1] = want_vfs(NULL, 0);
	strcpy(both[1].name, "0000:01:00.0");
	assert_int_equal(sriov_plan_new(&hand.host, &twice, &plan, &err), -EINVAL);
	assert_string_equal(err.text,
		"'eth0' and '0000:01:00.0' are the same PF 0000:01:00.0; make one entry of them");
}

static void a_function_is_told_apart_and_activated_last(void **state)
{
	struct sriov_want_vf line = { .given = BIT(SRIOV_VF_HW_ADDR) | BIT(SRIOV_VF_FN_STATE) |
					       BIT(SRIOV_VF_FN_TX_MAX) | BIT(SRIOV_VF_TRUST),
		.hw_addr = { 2, 0, 0, 0, 0, 9 },
		.fn_active = true,
		.fn_tx_max = 500,
		.trust = true };
	struct sriov_want_pf want = want_vfs(&line, 1);
	struct hand_host hand;

	hand_init(&hand);
	hand_enable(&hand, 0, 1);
	assert_refused(&hand, &want, -EOPNOTSUPP,
		"eth0: vf 0: hw_addr, state and rates of a function need 'eswitch: switchdev'");
	hand.pfs[0].eswitch = SRIOV_ESWITCH_SWITCHDEV;
	hand.vfs[0][0].known |= BIT(SRIOV_FN_HW_ADDR) | BIT(SRIOV_FN_STATE) | BIT(SRIOV_FN_RATE);
	assert_plan(&hand, &want,
		"eth0 vf 0: trust off -> on\n"
		"eth0 vf 0: function rate 0-0 Mb/s -> 0-500 Mb/s\n"
		"eth0 vf 0: hw_addr 00:00:00:00:00:00 -> 02:00:00:00:00:09, state inactive -> "
		"active");
	line.hw_addr[0] = 1;
	assert_refused(&hand, &want, -EINVAL,
		"eth0: vf 0: hw_addr 01:00:00:00:00:09 is a multicast address; the first byte must "
		"be even");
}

static void automatic_macs_are_local_unicast_and_all_different(void **state)
{
	uint8_t seen[4 * 256][6];
	unsigned n = 0;

	for (unsigned pf = 0; pf < 4; pf++)
		for (uint32_t vf = 0; vf < 256; vf++, n++) {
			uint8_t again[6];
			const uint8_t mac[6] = { 0x52, 0x54, 0, 0, 0, (uint8_t)pf };

			sriov_mac_auto(mac, vf, seen[n]);
			sriov_mac_auto(mac, vf, again);
			assert_memory_equal(seen[n], again, 6);
			assert_int_equal(seen[n][0] & 3, 2);
			for (unsigned k = 0; k < n; k++)
				assert_memory_not_equal(seen[n], seen[k], 6);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_already_so_makes_an_empty_plan),
		cmocka_unit_test(a_vf_is_configured_before_a_driver_binds),
		cmocka_unit_test(vfs_without_settings_are_left_to_the_kernel),
		cmocka_unit_test(another_number_of_vfs_goes_through_zero_and_keeps_what_was),
		cmocka_unit_test(a_change_names_old_and_new_values),
		cmocka_unit_test(the_rate_not_given_goes_along_as_it_is),
		cmocka_unit_test(vlan_zero_takes_priority_and_protocol_away),
		cmocka_unit_test(the_eswitch_changes_while_there_are_no_vfs),
		cmocka_unit_test(vectors_change_while_no_driver_is_bound),
		cmocka_unit_test(a_driver_is_changed_by_unbinding_first),
		cmocka_unit_test(a_vf_in_use_is_not_changed_without_leave),
		cmocka_unit_test(the_nic_of_the_default_route_needs_force),
		cmocka_unit_test(a_group_with_a_device_in_use_is_not_given_away),
		cmocka_unit_test(bad_input_is_one_clear_line),
		cmocka_unit_test(a_pf_is_held_to_what_it_can),
		cmocka_unit_test(a_function_is_told_apart_and_activated_last),
		cmocka_unit_test(automatic_macs_are_local_unicast_and_all_different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
