/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Datapath ids: as text, and the one that a bridge gets without being given one.
 */
#include "unit.h"

#include <errno.h>

#include "ofproto/dpid.h"

static void text_and_number_are_the_same_id(void **state)
{
	char text[OF_DPID_LEN];
	uint64_t dpid;

	assert_int_equal(of_dpid_parse("00000000000000aB", &dpid), 0);
	assert_true(dpid == 0xab);
	of_dpid_format(dpid, text);
	assert_string_equal(text, "00000000000000ab");
}

static void what_is_not_16_hex_digits_is_refused(void **state)
{
	static const char *const bad[] = { "", "1", "000000000000001", "00000000000000001",
		"000000000000000g", "0000000000000000", "0x00000000000001" };
	uint64_t dpid;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(of_dpid_parse(bad[i], &dpid), -EINVAL);
}

static void derived_id_depends_on_bridge_and_host_alone(void **state)
{
	uint64_t dpid = of_dpid_derive("br0", "one");

	assert_true(dpid == of_dpid_derive("br0", "one"));
	assert_true(dpid != of_dpid_derive("br1", "one"));
	assert_true(dpid != of_dpid_derive("br0", "two"));
	assert_true(of_dpid_derive("b", "xa") != of_dpid_derive("ab", "x"));
	/* Locally administered and unicast, as an address. */
	assert_true((dpid >> 40 & 3) == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_number_are_the_same_id),
		cmocka_unit_test(what_is_not_16_hex_digits_is_refused),
		cmocka_unit_test(derived_id_depends_on_bridge_and_host_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
