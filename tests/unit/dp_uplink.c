/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What an uplink's XDP program is told of VLANs: those on the wire that lead to a port, and those
 * of the host's own interfaces. And what is said of a PCI device that DPDK cannot have.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"
#include "uplink/pci.h"
#include "uplink/wire_vlans.h"

static void make(struct dp_vlan_policy *p, enum dp_vlan_mode mode, uint16_t vlan, const char *trunk)
{
	memset(p, 0, sizeof(*p));
	p->mode = mode;
	p->vlan = vlan;
	if (trunk)
		assert_int_equal(dp_vlan_set_parse(trunk, p->trunk), 0);
}

static void assert_set(const uint64_t *set, const char *want)
{
	uint64_t expected[DP_VLAN_WORDS] = { 0 };

	if (*want)
		assert_int_equal(dp_vlan_set_parse(want, expected), 0);
	assert_memory_equal(set, expected, sizeof(expected));
}

static void used_by(uint64_t *used, enum dp_vlan_mode mode, uint16_t vlan, const char *trunk)
{
	struct dp_vlan_policy p;

	make(&p, mode, vlan, trunk);
	dp_vlans_add(&p, used);
}

static void ports_use_their_access_native_and_trunk_vlans(void **state)
{
	uint64_t used[DP_VLAN_WORDS] = { 0 };

	used_by(used, DP_VLAN_ACCESS, 10, NULL);
	assert_set(used, "10");
	used_by(used, DP_VLAN_TRUNK, 0, "0,20-21");
	assert_set(used, "0,10,20-21");
	used_by(used, DP_VLAN_NATIVE_TAGGED, 30, "40");
	assert_set(used, "0,10,20-21,30,40");
	used_by(used, DP_VLAN_ACCESS, 4094, "50"); /* an access port has no trunk */
	assert_set(used, "0,10,20-21,30,40,4094");
}

static void wire_has_tags_of_used_vlans_that_the_uplink_carries(void **state)
{
	static const struct {
		enum dp_vlan_mode mode;
		uint16_t vlan;
		const char *trunk, *want;
	} cases[] = {
		{ DP_VLAN_TRUNK, 0, "all", "0,10,20,30" },
		{ DP_VLAN_TRUNK, 0, "10,11,30", "10,30" },
		{ DP_VLAN_ACCESS, 10, NULL, "0" },
		{ DP_VLAN_ACCESS, 11, NULL, "" },
		{ DP_VLAN_NATIVE_UNTAGGED, 10, "20", "0,10,20" },
		{ DP_VLAN_NATIVE_TAGGED, 10, "20", "0,10,20" },
		{ DP_VLAN_NATIVE_UNTAGGED, 11, "20", "20" },
	};
	uint64_t used[DP_VLAN_WORDS], wire[DP_VLAN_WORDS];
	struct dp_vlan_policy uplink;

	assert_int_equal(dp_vlan_set_parse("0,10,20,30", used), 0);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make(&uplink, cases[i].mode, cases[i].vlan, cases[i].trunk);
		dp_vlans_on_wire(&uplink, used, wire);
		assert_set(wire, cases[i].want);
	}
}

static void host_uses_untagged_frames_and_its_vlan_interfaces(void **state)
{
	static const char text[] = "VLAN Dev name	 | VLAN ID\n"
				   "Name-Type: VLAN_NAME_TYPE_RAW_PLUS_VID_NO_PAD\n"
				   "eth1.50        | 50  | eth1\n"
				   "storage        | 4094  | eth1\n"
				   "eth10.60       | 60  | eth10\n"
				   "broken         | 70\n"
				   "broken         | 5000  | eth1\n"
				   "last           | 80  | eth1";
	uint64_t vlans[DP_VLAN_WORDS];

	dp_vlans_of_host(text, "eth1", vlans);
	assert_set(vlans, "0,50,80,4094");
	dp_vlans_of_host(text, "eth10", vlans);
	assert_set(vlans, "0,60");
	dp_vlans_of_host(NULL, "eth1", vlans);
	assert_set(vlans, "0");
	dp_vlans_of_host("", "eth1", vlans);
	assert_set(vlans, "0");
}

static void make_folder(const char *sysfs, const char *path)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s/%s", sysfs, path);
	assert_int_equal(mkdir(whole, 0700), 0);
}

/* A link of a device, that leads to a folder of this name. */
static void make_link(const char *sysfs, const char *address, const char *name, const char *to)
{
	char whole[256], target[128];

	snprintf(whole, sizeof(whole), "%s/bus/pci/devices/%s/%s", sysfs, address, name);
	snprintf(target, sizeof(target), "../somewhere/%s", to);
	assert_int_equal(symlink(target, whole), 0);
}

static void assert_explained(const char *sysfs, const char *address, const char *want)
{
	char why[320];

	pci_explain(sysfs, address, why, sizeof(why));
	assert_string_equal(why, want);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

static void what_has_a_pci_device_is_told_with_the_command_to_type(void **state)
{
	char sysfs[] = "pci-sysfs-XXXXXX";

	assert_non_null(mkdtemp(sysfs));
	make_folder(sysfs, "bus");
	make_folder(sysfs, "bus/pci");
	make_folder(sysfs, "bus/pci/devices");
	make_folder(sysfs, "bus/pci/devices/0000:01:00.0");
	make_folder(sysfs, "bus/pci/devices/0000:01:10.2");
	make_folder(sysfs, "bus/pci/devices/0000:02:00.0");
	assert_explained(sysfs, "0000:09:00.0",
		"there is no such PCI device: lspci -D lists those there are");
	assert_explained(sysfs, "0000:02:00.0",
		"no driver has it; bind it to vfio-pci: dpdk-devbind.py --bind=vfio-pci "
		"0000:02:00.0");
	make_link(sysfs, "0000:01:00.0", "driver", "igb");
	assert_explained(sysfs, "0000:01:00.0",
		"the kernel's driver igb has it; bind it to vfio-pci: dpdk-devbind.py "
		"--bind=vfio-pci 0000:01:00.0");
	make_link(sysfs, "0000:01:00.0", "virtfn0", "0000:01:10.0");
	make_link(sysfs, "0000:01:00.0", "virtfn1", "0000:01:10.2");
	make_link(sysfs, "0000:01:10.2", "physfn", "0000:01:00.0");
	make_link(sysfs, "0000:01:10.2", "driver", "igbvf");
	assert_explained(sysfs, "0000:01:10.2",
		"the kernel's driver igbvf has it; bind it to vfio-pci: shunt sriov bind "
		"0000:01:00.0 --vf 1 --driver vfio-pci");
	make_link(sysfs, "0000:02:00.0", "driver", "vfio-pci");
	assert_explained(sysfs, "0000:02:00.0",
		"vfio-pci has it, but there is no IOMMU: switch it on in the firmware, and boot "
		"with intel_iommu=on or amd_iommu=on");
	make_link(sysfs, "0000:02:00.0", "iommu_group", "17");
	assert_explained(sysfs, "0000:02:00.0",
		"vfio-pci has it, but DPDK cannot take it: another program may use it, or the "
		"kernel another device of IOMMU group 17; after 'shunt log set info' the log has "
		"DPDK's words");
	assert_int_equal(nftw(sysfs, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_use_their_access_native_and_trunk_vlans),
		cmocka_unit_test(wire_has_tags_of_used_vlans_that_the_uplink_carries),
		cmocka_unit_test(host_uses_untagged_frames_and_its_vlan_interfaces),
		cmocka_unit_test(what_has_a_pci_device_is_told_with_the_command_to_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
