/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The whole truth table of VLAN handling: what each ingress mode makes of each kind of tag, and
 * what each egress mode does with the frame then. Expected values are Open vSwitch's.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"
#include "vlan_rules.h"

#define NONE VLAN_NOT_THERE
#define PCP5 0xa000

enum {
	ACCESS_10,
	TRUNK_10_20,
	TRUNK_ALL,
	NATIVE_U_10,
	NATIVE_T_10,
	N_PORTS
};

static void make(struct dp_vlan_policy *p, int which)
{
	static const enum dp_vlan_mode modes[] = { DP_VLAN_ACCESS, DP_VLAN_TRUNK, DP_VLAN_TRUNK,
		DP_VLAN_NATIVE_UNTAGGED, DP_VLAN_NATIVE_TAGGED };
	static const char *const trunks[] = { NULL, "10,20", "all", "20", "20" };

	memset(p, 0, sizeof(*p));
	p->mode = modes[which];
	p->vlan = p->mode == DP_VLAN_TRUNK ? 0 : 10;
	if (trunks[which])
		assert_int_equal(dp_vlan_set_parse(trunks[which], p->trunk), 0);
}

static void ingress_mode_and_tag_decide_the_vlan(void **state)
{
	/* Frame:                    untagged  VID 0   10      20      30 */
	static const uint16_t tcis[] = { 0, PCP5, PCP5 | 10, PCP5 | 20, PCP5 | 30 };
	static const uint16_t want[N_PORTS][5] = {
		[ACCESS_10] = { 10, 10, NONE, NONE, NONE },
		[TRUNK_10_20] = { NONE, NONE, 10, 20, NONE },
		[TRUNK_ALL] = { 0, 0, 10, 20, 30 },
		[NATIVE_U_10] = { 10, 10, 10, 20, NONE },
		[NATIVE_T_10] = { 10, 10, 10, 20, NONE },
	};

	for (int port = 0; port < N_PORTS; port++) {
		struct dp_vlan_policy p;

		make(&p, port);
		for (int i = 0; i < 5; i++)
			assert_int_equal(dp_vlan_ingress(&p, tcis[i]), want[port][i]);
	}
}

static void egress_mode_decides_whether_the_vlan_is_carried(void **state)
{
	static const uint16_t vlans[] = { 0, 10, 20, 30 };
	static const bool want[N_PORTS][4] = {
		[ACCESS_10] = { false, true, false, false },
		[TRUNK_10_20] = { false, true, true, false },
		[TRUNK_ALL] = { true, true, true, true },
		[NATIVE_U_10] = { false, true, true, false },
		[NATIVE_T_10] = { false, true, true, false },
	};

	for (int port = 0; port < N_PORTS; port++) {
		struct dp_vlan_policy p;

		make(&p, port);
		for (int i = 0; i < 4; i++)
			assert_int_equal(dp_vlan_carries(&p, vlans[i]), want[port][i]);
	}
}

/* The tag on the wire after an operation, -1 for none. */
static int tag_after(bool tagged, uint16_t tci, enum dp_tag_op op, uint16_t out_tci)
{
	switch (op) {
	case DP_TAG_KEEP:
		return tagged ? tci : -1;
	case DP_TAG_POP:
		assert_true(tagged);
		return -1;
	case DP_TAG_PUSH:
		assert_false(tagged);
		return out_tci;
	case DP_TAG_SET:
		assert_true(tagged);
		return out_tci;
	}
	return -2;
}

/* A frame of VLAN 10 or 20 with priority 5 or untagged, out of each mode. */
static void egress_mode_decides_the_tag_on_the_wire(void **state)
{
	static const struct {
		bool tagged;
		uint16_t tci, vlan;
	} frames[] = {
		{ false, 0, 10 },        /* came in untagged by an access or native port */
		{ true, PCP5, 10 },      /* priority-tagged there */
		{ true, PCP5 | 10, 10 }, /* tagged on a trunk */
		{ true, PCP5 | 20, 20 }, { true, PCP5, 0 }, /* priority-tagged on a trunk of all */
	};
	static const int want[N_PORTS][5] = {
		[ACCESS_10] = { -1, -1, -1, -3, -3 },
		[TRUNK_10_20] = { 10, PCP5 | 10, PCP5 | 10, PCP5 | 20, -3 },
		[TRUNK_ALL] = { 10, PCP5 | 10, PCP5 | 10, PCP5 | 20, -1 },
		[NATIVE_U_10] = { -1, -1, -1, PCP5 | 20, -3 },
		[NATIVE_T_10] = { 10, PCP5 | 10, PCP5 | 10, PCP5 | 20, -3 },
	};

	for (int port = 0; port < N_PORTS; port++) {
		struct dp_vlan_policy p;

		make(&p, port);
		for (int i = 0; i < 5; i++) {
			uint16_t out_tci = 0;
			enum dp_tag_op op;

			if (!dp_vlan_carries(&p, frames[i].vlan)) {
				assert_int_equal(want[port][i], -3);
				continue;
			}
			op = dp_vlan_egress(
				&p, frames[i].vlan, frames[i].tagged, frames[i].tci, &out_tci);
			assert_int_equal(tag_after(frames[i].tagged, frames[i].tci, op, out_tci),
				want[port][i]);
		}
	}
}

static void vlan_list_takes_numbers_and_ranges(void **state)
{
	uint64_t set[DP_VLAN_WORDS];

	assert_int_equal(dp_vlan_set_parse("0,10,20-29,4094", set), 0);
	assert_true(dp_vlan_set_has(set, 0));
	assert_true(dp_vlan_set_has(set, 20) && dp_vlan_set_has(set, 29));
	assert_false(dp_vlan_set_has(set, 19) || dp_vlan_set_has(set, 30));
	assert_true(dp_vlan_set_has(set, 4094));
}

static void vlan_list_refuses_what_is_no_list(void **state)
{
	static const char *const bad[] = { "", ",", "10,", ",10", "10--20", "20-10", "x", "10;20",
		"-1", "10-", "1 2", "all,1" };
	uint64_t set[DP_VLAN_WORDS] = { 42 };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(dp_vlan_set_parse(bad[i], set), -EINVAL);
	assert_int_equal(dp_vlan_set_parse("4095", set), -ERANGE);
	assert_int_equal(dp_vlan_set_parse("1-99999999999999999999", set), -ERANGE);
	assert_int_equal(set[0], 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ingress_mode_and_tag_decide_the_vlan),
		cmocka_unit_test(egress_mode_decides_whether_the_vlan_is_carried),
		cmocka_unit_test(egress_mode_decides_the_tag_on_the_wire),
		cmocka_unit_test(vlan_list_takes_numbers_and_ranges),
		cmocka_unit_test(vlan_list_refuses_what_is_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
