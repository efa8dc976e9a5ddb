/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The configuration's key `sriov:` as what is wanted, and what a VF takes from its port group.
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/yaml.h"
#include "want_conf.h"

#define BIT(n) (1u << (n))

static int read_text(const char *text, struct sriov_want *ret, struct sh_err *err)
{
	struct conf_env env;
	struct conf conf;
	int r;

	conf_env_init_reader(&env, "/run/shunt");
	if (conf_load_text(text, strlen(text), "x.yaml", &env, &conf, err) < 0)
		fail_msg("%s", err->text);
	r = want_from_conf(&conf, ret, err);
	conf_done(&conf);
	return r;
}

static struct sriov_want want_of(const char *text)
{
	struct sriov_want want = { 0 };
	struct sh_err err = { "" };

	if (read_text(text, &want, &err) < 0)
		fail_msg("%s", err.text);
	return want;
}

/* One VF that names group g. */
static struct sriov_want_vf vf_of_group(const char *group, const char *line)
{
	struct sriov_want_vf vf;
	struct sriov_want want;
	char text[512];

	snprintf(text, sizeof(text),
		"bridges: [ { name: br0 } ]\nportgroups: [ { name: g, bridge: br0%s } ]\n"
		"sriov: [ { pf: eth0, vfs: [ { vf: 0, portgroup: g%s } ] } ]\n",
		group, line);
	want = want_of(text);
	vf = want.pfs[0].vfs[0];
	want_done(&want);
	return vf;
}

static void every_field_arrives(void **state)
{
	struct sriov_want want = want_of(
		"sriov:\n"
		"  - pf: 8086:10c9 igb\n"
		"    num_vfs: 4\n"
		"    drivers_autoprobe: false\n"
		"    eswitch: switchdev\n"
		"    inline_mode: transport\n"
		"    encap_mode: basic\n"
		"    mtu: 9000\n"
		"    vfs:\n"
		"      - { vf: 0-3, mac: auto, vlan: 5, qos: 3, vlan_proto: 802.1ad, spoofchk: "
		"true,\n"
		"          trust: true, link_state: disable, min_tx_rate: 1, max_tx_rate: 2,\n"
		"          query_rss: true, msix_vectors: 8, driver: vfio-pci, trunk: 10-12,\n"
		"          hw_addr: 02:00:00:00:00:02, state: active, fn_tx_max: 4, fn_tx_share: 3 "
		"}\n"
		"      - { vf: 2, mac: 02:00:00:00:00:01, driver: none, link_state: enable }\n");
	const struct sriov_want_pf *pf = &want.pfs[0];
	const struct sriov_want_vf *vf = &pf->vfs[0];

	assert_int_equal(want.n_pfs, 1);
	assert_string_equal(pf->name, "8086:10c9 igb");
	assert_int_equal(pf->given, 0x3f);
	assert_int_equal(pf->num_vfs, 4);
	assert_false(pf->drivers_autoprobe);
	assert_int_equal(pf->eswitch, SRIOV_ESWITCH_SWITCHDEV);
	assert_string_equal(pf->inline_mode, "transport");
	assert_string_equal(pf->encap_mode, "basic");
	assert_int_equal(pf->mtu, 9000);
	assert_int_equal(pf->n_vfs, 2);
	assert_int_equal(vf->first, 0);
	assert_int_equal(vf->last, 3);
	assert_int_equal(vf->given, (BIT(SRIOV_VF_FN_TX_SHARE + 1) - 1));
	assert_true(vf->mac_auto && vf->spoofchk && vf->trust && vf->query_rss && vf->fn_active);
	assert_int_equal(vf->vlan, 5);
	assert_int_equal(vf->qos, 3);
	assert_int_equal(vf->vlan_proto, 0x88a8);
	assert_string_equal(vf->trunk, "10-12");
	assert_int_equal(vf->link_state, SRIOV_LINK_DISABLE);
	assert_int_equal(vf->min_tx_rate, 1);
	assert_int_equal(vf->max_tx_rate, 2);
	assert_int_equal(vf->msix_vectors, 8);
	assert_string_equal(vf->driver, "vfio-pci");
	assert_memory_equal(vf->hw_addr, ((uint8_t[]){ 2, 0, 0, 0, 0, 2 }), 6);
	assert_int_equal(vf->fn_tx_max, 4);
	assert_int_equal(vf->fn_tx_share, 3);
	vf = &pf->vfs[1];
	assert_int_equal(
		vf->given, BIT(SRIOV_VF_MAC) | BIT(SRIOV_VF_DRIVER) | BIT(SRIOV_VF_LINK_STATE));
	assert_memory_equal(vf->mac, ((uint8_t[]){ 2, 0, 0, 0, 0, 1 }), 6);
	assert_string_equal(vf->driver, "");
	assert_int_equal(vf->link_state, SRIOV_LINK_ENABLE);
	want_done(&want);
}

static void what_is_not_given_is_not_wanted(void **state)
{
	struct sriov_want want = want_of("sriov: [ { pf: eth0, vfs: [ { vf: 3 } ] } ]\n");

	assert_int_equal(want.pfs[0].given, 0);
	assert_int_equal(want.pfs[0].vfs[0].given, 0);
	want_done(&want);
	want = want_of("bridges: [ { name: br0 } ]\n");
	assert_int_equal(want.n_pfs, 0);
	want_done(&want);
}

static void a_port_group_gives_its_vlan_and_mac_policy(void **state)
{
	struct sriov_want_vf vf =
		vf_of_group(", vlan: 100, forged_transmits: reject, mac_changes: reject", "");

	assert_int_equal(
		vf.given, BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_SPOOFCHK) | BIT(SRIOV_VF_TRUST));
	assert_int_equal(vf.vlan, 100);
	assert_true(vf.spoofchk);
	assert_false(vf.trust);
}

static void to_accept_changes_of_addresses_is_no_trust(void **state)
{
	struct sriov_want_vf vf =
		vf_of_group(", vlan: 100, forged_transmits: accept, mac_changes: accept", "");

	assert_int_equal(vf.given, BIT(SRIOV_VF_VLAN) | BIT(SRIOV_VF_SPOOFCHK));
	assert_false(vf.spoofchk);
}

static void a_group_that_says_nothing_of_addresses_changes_nothing_of_them(void **state)
{
	assert_int_equal(vf_of_group(", vlan: 100", "").given, BIT(SRIOV_VF_VLAN));
}

static void what_a_vf_says_itself_wins_over_its_group(void **state)
{
	struct sriov_want_vf vf =
		vf_of_group(", vlan: 100, forged_transmits: reject, mac_changes: reject",
			", spoofchk: false, trust: true");

	assert_false(vf.spoofchk);
	assert_true(vf.trust);
}

static void a_trunk_of_all_is_a_vf_without_vlan(void **state)
{
	struct sriov_want_vf vf = vf_of_group(", trunk: all", "");

	assert_int_equal(vf.given, BIT(SRIOV_VF_VLAN));
	assert_int_equal(vf.vlan, 0);
}

static void a_group_with_several_vlans_is_refused(void **state)
{
	struct sriov_want want;
	struct sh_err err = { "" };

	assert_int_equal(
		read_text("bridges: [ { name: br0 } ]\n"
			  "portgroups: [ { name: g, bridge: br0, trunk: 10-20 } ]\n"
			  "sriov: [ { pf: eth0, vfs: [ { vf: 0 }, { vf: 1, portgroup: g } ] "
			  "} ]\n",
			&want, &err),
		-EINVAL);
	assert_string_equal(err.text,
		"PF 'eth0': vfs[1]: port group 'g' carries several VLANs, and a VF has one, or all "
		"with 'trunk: all'; name another group, or give the VF a vlan");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_arrives),
		cmocka_unit_test(what_is_not_given_is_not_wanted),
		cmocka_unit_test(a_port_group_gives_its_vlan_and_mac_policy),
		cmocka_unit_test(to_accept_changes_of_addresses_is_no_trust),
		cmocka_unit_test(a_group_that_says_nothing_of_addresses_changes_nothing_of_them),
		cmocka_unit_test(what_a_vf_says_itself_wins_over_its_group),
		cmocka_unit_test(a_trunk_of_all_is_a_vf_without_vlan),
		cmocka_unit_test(a_group_with_several_vlans_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
