/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading the host: what is found, what is named when it is not there, what could not be read, and
 * what it costs.
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake_kernel.h"
#include "reader.h"

#define MAX_LIST_MS 50 /* 256 VFs on one PF */

static int start(void **state)
{
	*state = fake_kernel_new();
	return 0;
}

static int stop(void **state)
{
	fake_kernel_free(*state);
	return 0;
}

static struct sriov_host *read_host(struct fake_kernel *k, const char *pf)
{
	struct sriov_host *host = NULL;
	struct sh_err err = { "" };

	if (sriov_host_read(&k->env, pf, &host, &err) < 0)
		fail_msg("%s", err.text);
	return host;
}

static void assert_read_fails(struct fake_kernel *k, const char *pf, const char *sentence)
{
	struct sriov_host *host = NULL;
	struct sh_err err = { "" };

	assert_true(sriov_host_read(&k->env, pf, &host, &err) < 0);
	assert_string_equal(err.text, sentence);
	assert_null(host);
}

static void pfs_are_listed_by_address(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;

	fake_kernel_add_pf(k, &(struct fake_pf){ .address = "10000:01:00.0" });
	fake_kernel_add_pf(k, &(struct fake_pf){ .address = "0000:81:00.0" });
	fake_kernel_add_pf(k, &(struct fake_pf){ .address = "0000:03:00.1" });
	host = read_host(k, NULL);
	assert_int_equal(host->n_pfs, 3);
	assert_string_equal(host->pfs[0].address, "0000:03:00.1");
	assert_string_equal(host->pfs[1].address, "0000:81:00.0");
	assert_string_equal(host->pfs[2].address, "10000:01:00.0");
	assert_int_equal(host->n_unread, 0);
	sriov_host_free(host);
}

static void a_host_without_pci_has_no_pfs(void **state)
{
	struct sriov_host *host = read_host(*state, NULL);

	assert_int_equal(host->n_pfs, 0);
	assert_int_equal(host->n_unread, 0);
	sriov_host_free(host);
}

static void a_pf_is_told_whole(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;
	const struct sriov_pf *pf;

	fake_kernel_add_pf(k, &(struct fake_pf){ .mtu = 9000, .mbps = 25000, .total_msix = 64 });
	fake_kernel_set_vfs(k, &k->pfs[0], 2);
	host = read_host(k, "pf0");
	pf = host->pfs;
	assert_string_equal(pf->netdev, "pf0");
	assert_string_equal(pf->driver, "igb");
	assert_int_equal(pf->ifindex, 10);
	assert_int_equal(pf->vendor, 0x8086);
	assert_int_equal(pf->device, 0x10c9);
	assert_int_equal(pf->numa_node, 0);
	assert_int_equal(pf->mtu, 9000);
	assert_int_equal(pf->link_mbps, 25000);
	assert_int_equal(pf->total_vfs, 7);
	assert_int_equal(pf->total_msix, 64);
	assert_int_equal(pf->n_vfs, 2);
	assert_true(pf->link_up);
	assert_true(pf->drivers_autoprobe);
	assert_int_equal(pf->eswitch, SRIOV_ESWITCH_UNKNOWN);
	assert_memory_equal(pf->mac, k->pfs[0].mac, 6);
	sriov_host_free(host);
}

static void a_vf_is_told_whole(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;
	const struct sriov_vf *vf;

	fake_kernel_add_pf(k, &(struct fake_pf){ .vfs_a_group = 2 });
	fake_kernel_set_vfs(k, &k->pfs[0], 3);
	k->pfs[0].vfs[1] = (struct sriov_vf){ .index = 1,
		.known = k->pfs[0].has,
		.mac = { 2, 0, 0, 0, 0, 9 },
		.vlan = 100,
		.qos = 3,
		.vlan_proto = 0x88a8,
		.trust = true,
		.link_state = SRIOV_LINK_DISABLE,
		.min_tx_rate = 10,
		.max_tx_rate = 200,
		.stats = { 1, 2, 3, 4, 5, 6, 7, 8 } };
	host = read_host(k, NULL);
	vf = &host->pfs[0].vfs[1];
	assert_int_equal(vf->index, 1);
	assert_string_equal(vf->address, "0000:01:10.2");
	assert_string_equal(vf->driver, "igbvf");
	assert_string_equal(vf->driver_override, "");
	assert_string_equal(vf->netdev, "pf0v1");
	assert_int_equal(vf->iommu_group, 100);
	assert_string_equal(vf->iommu_others, "0000:01:10.0");
	assert_null(host->pfs[0].vfs[2].iommu_others);
	assert_null(vf->users);
	assert_int_equal(vf->known, k->pfs[0].has | 1u << SRIOV_MSIX);
	assert_int_equal(vf->mac[5], 9);
	assert_int_equal(vf->vlan, 100);
	assert_int_equal(vf->qos, 3);
	assert_int_equal(vf->vlan_proto, 0x88a8);
	assert_true(vf->trust);
	assert_false(vf->spoofchk);
	assert_int_equal(vf->link_state, SRIOV_LINK_DISABLE);
	assert_int_equal(vf->min_tx_rate, 10);
	assert_int_equal(vf->max_tx_rate, 200);
	assert_int_equal(vf->msix_vectors, 3);
	assert_memory_equal(&vf->stats, &k->pfs[0].vfs[1].stats, sizeof(vf->stats));
	sriov_host_free(host);
}

static void what_a_driver_does_not_tell_is_not_known(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;

	fake_kernel_add_pf(k, &(struct fake_pf){ .has = 1u << SRIOV_MAC });
	fake_kernel_set_vfs(k, &k->pfs[0], 1);
	host = read_host(k, NULL);
	assert_false(host->pfs[0].vfs[0].known & 1u << SRIOV_TRUST);
	assert_false(host->pfs[0].vfs[0].known & 1u << SRIOV_QUERY_RSS);
	assert_false(host->pfs[0].vfs[0].known & 1u << SRIOV_SPOOFCHK);
	sriov_host_free(host);
}

static void a_switchdev_pf_has_representors_and_functions(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;
	const struct sriov_vf *vf;

	fake_kernel_add_pf(k, &(struct fake_pf){ .has_eswitch = true,
				      .modes = { SRIOV_ESWITCH_SWITCHDEV, "link", "basic" } });
	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_set_vfs(k, &k->pfs[0], 2);
	fake_kernel_set_vfs(k, &k->pfs[1], 2);
	k->pfs[0].vfs[1].fn_hw_addr[5] = 7;
	k->pfs[0].vfs[1].fn_tx_max = 2000;
	host = read_host(k, NULL);
	assert_int_equal(host->pfs[0].eswitch, SRIOV_ESWITCH_SWITCHDEV);
	assert_string_equal(host->pfs[0].inline_mode, "link");
	assert_string_equal(host->pfs[0].encap_mode, "basic");
	vf = &host->pfs[0].vfs[1];
	assert_string_equal(vf->representor, "pf0r1");
	assert_true(vf->has_port);
	assert_int_equal(vf->port, 2);
	assert_int_equal(vf->fn_hw_addr[5], 7);
	assert_true(vf->known & 1u << SRIOV_FN_HW_ADDR);
	assert_int_equal(vf->fn_tx_max, 2000);
	assert_false(host->pfs[1].vfs[1].has_port);
	assert_string_equal(host->pfs[1].vfs[1].representor, "");
	assert_int_equal(host->n_unread, 0);
	sriov_host_free(host);
}

static void only_an_eswitch_that_is_there_is_missed_without_rights(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;

	k->no_rights = true;
	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	host = read_host(k, NULL);
	assert_int_equal(host->n_unread, 0);
	sriov_host_free(host);
	fake_kernel_add_pf(k, &(struct fake_pf){ .has_eswitch = true });
	host = read_host(k, NULL);
	assert_int_equal(host->n_unread, 1);
	assert_string_equal(host->unread[0], "eswitch modes: only root may ask for them");
	sriov_host_free(host);
}

static void a_kernel_without_devlink_is_read(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;

	k->no_devlink = true;
	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	host = read_host(k, NULL);
	assert_int_equal(host->n_pfs, 1);
	assert_int_equal(host->n_unread, 0);
	sriov_host_free(host);
}

static void each_name_of_a_pf_finds_it(void **state)
{
	static const char *const names[] = { "0000:11:00.0", "11:00.0", "pf1", "52:54:00:00:00:02",
		"8086:10c9 ixgbe" };
	struct fake_kernel *k = *state;

	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_add_pf(k, &(struct fake_pf){ .driver = "ixgbe" });
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct sriov_host *host = read_host(k, names[i]);

		assert_int_equal(host->n_pfs, 1);
		assert_string_equal(host->pfs[0].netdev, "pf1");
		sriov_host_free(host);
	}
}

static void what_is_no_pf_is_explained(void **state)
{
	struct fake_kernel *k = *state;

	assert_read_fails(k, "eth9",
		"no such PF 'eth9': no device here has SR-IOV; see that it is on in the firmware's "
		"setup");
	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_set_vfs(k, &k->pfs[0], 1);
	fake_kernel_put(k, "sys/class/net/dummy0/ifindex", "3\n");
	assert_read_fails(
		k, "eth9", "no such PF 'eth9': there are 0000:01:00.0 (pf0), 0000:11:00.0 (pf1)");
	assert_read_fails(k, "pf0v0", "no such PF 'pf0v0': it is a VF of 0000:01:00.0; name that");
	assert_read_fails(
		k, "01:10.0", "no such PF '01:10.0': it is a VF of 0000:01:00.0; name that");
	assert_read_fails(k, "dummy0",
		"no such PF 'dummy0': the device has no SR-IOV, or its driver does not offer it");
	assert_read_fails(k, "8086:10c9 igb",
		"'8086:10c9 igb' means 2 PFs: name one of 0000:01:00.0 (pf0), 0000:11:00.0 (pf1)");
	assert_read_fails(k, "../../..",
		"no such PF '../../..': there are 0000:01:00.0 (pf0), 0000:11:00.0 (pf1)");
}

static void a_process_with_the_group_open_is_the_user(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;

	fake_kernel_add_pf(k, &(struct fake_pf){ .vf_driver = "vfio-pci" });
	fake_kernel_set_vfs(k, &k->pfs[0], 2);
	fake_kernel_add_process(k, 77, "qemu-system-x86", "dev/vfio/101");
	fake_kernel_add_process(k, 78, "cat", "dev/vfio/vfio");
	fake_kernel_add_process(k, 79, "other", "dev/vfio/10");
	host = read_host(k, NULL);
	assert_null(host->pfs[0].vfs[0].users);
	assert_string_equal(host->pfs[0].vfs[1].users, "qemu-system-x86 (77)");
	sriov_host_free(host);
}

static void a_vm_is_named(void **state)
{
	static const char arguments[] = "qemu\0-m\0001G\0-name\0guest=web1,debug-threads=on";
	struct fake_kernel *k = *state;
	char path[256];
	struct sriov_host *host;
	FILE *f;

	fake_kernel_add_pf(k, &(struct fake_pf){ .vf_driver = "vfio-pci" });
	fake_kernel_set_vfs(k, &k->pfs[0], 1);
	fake_kernel_add_process(k, 77, "qemu-system-x86", "dev/vfio/100");
	snprintf(path, sizeof(path), "%s/proc/77/cmdline", k->root);
	f = fopen(path, "we");
	assert_non_null(f);
	fwrite(arguments, 1, sizeof(arguments), f);
	fclose(f);
	host = read_host(k, NULL);
	assert_string_equal(host->pfs[0].vfs[0].users, "qemu-system-x86 (77), vm web1");
	sriov_host_free(host);
}

static int find_two(const struct sriov_env *env, sriov_found *found, void *ctx)
{
	(void)env;
	found("0000:01:10.2", "netns blue", ctx);
	found("0000:09:00.0", "netns red", ctx);
	return 0;
}

static int find_nothing(const struct sriov_env *env, sriov_found *found, void *ctx)
{
	(void)env;
	(void)found;
	(void)ctx;
	return -EPERM;
}

static void a_netdev_elsewhere_has_its_namespace_as_user(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;

	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_set_vfs(k, &k->pfs[0], 2);
	/* Its netdev is seen from here no more. */
	assert_int_equal(k->pfs[0].n_vfs, 2);
	fake_kernel_hide_netdev(k, &k->pfs[0], 1);
	k->env.foreign = find_two;
	host = read_host(k, NULL);
	assert_null(host->pfs[0].vfs[0].users);
	assert_string_equal(host->pfs[0].vfs[1].users, "netns blue");
	sriov_host_free(host);
	k->env.foreign = find_nothing;
	host = read_host(k, NULL);
	assert_int_equal(host->n_unread, 1);
	assert_string_equal(
		host->unread[0], "VFs in other network namespaces: only root may look into those");
	sriov_host_free(host);
}

static void the_pf_under_the_default_route_is_marked(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;

	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_put(k, "proc/self/net/route",
		"Iface Destination Gateway Flags RefCnt Use Metric Mask\n"
		"pf1 0000A8C0 00000000 0001 0 0 0 00FFFFFF\n"
		"pf0 00000000 0100A8C0 0003 0 0 0 00000000\n");
	host = read_host(k, NULL);
	assert_true(host->pfs[0].has_default_route);
	assert_false(host->pfs[1].has_default_route);
	sriov_host_free(host);
}

static void the_pf_under_a_bridge_with_the_default_route_is_marked(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;

	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_put(k, "sys/class/net/bond0/upper_br0", "");
	fake_kernel_put(k, "sys/class/net/pf1/upper_bond0", "");
	fake_kernel_put(k, "proc/self/net/ipv6_route",
		"00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
		"fe800000000000000000000000000001 00000400 00000001 00000000 00000003      br0\n");
	host = read_host(k, NULL);
	assert_false(host->pfs[0].has_default_route);
	assert_true(host->pfs[1].has_default_route);
	sriov_host_free(host);
}

/* Counters of 256 VFs are longer than an attribute can be: the rest is read all the same. */
static void the_attributes_of_256_vfs_are_read(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;

	fake_kernel_add_pf(k, &(struct fake_pf){ .total_vfs = SRIOV_MAX_VFS });
	fake_kernel_set_vfs(k, &k->pfs[0], SRIOV_MAX_VFS);
	for (uint32_t i = 0; i < SRIOV_MAX_VFS; i++)
		k->pfs[0].vfs[i].vlan = (uint16_t)(i + 1);
	host = read_host(k, "pf0");
	assert_int_equal(host->pfs[0].n_vfs, SRIOV_MAX_VFS);
	for (uint32_t i = 0; i < SRIOV_MAX_VFS; i++) {
		assert_int_equal(host->pfs[0].vfs[i].vlan, i + 1);
		assert_true(host->pfs[0].vfs[i].known & 1u << SRIOV_TRUST);
	}
	assert_int_equal(host->n_unread, 1);
	assert_string_equal(host->unread[0],
		"counters of some VFs of pf0: there are more than the kernel's answer holds");
	sriov_host_free(host);
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The fastest of many: what the work takes, not what else the machine does. */
static void a_list_of_256_vfs_is_quick(void **state)
{
	struct fake_kernel *k = *state;
	double best = 1e9;

	fake_kernel_add_pf(k, &(struct fake_pf){ .total_vfs = SRIOV_MAX_VFS });
	fake_kernel_set_vfs(k, &k->pfs[0], SRIOV_MAX_VFS);
	for (unsigned i = 0; i < 20 && best >= MAX_LIST_MS; i++) {
		double began = now_ms();

		sriov_host_free(read_host(k, NULL));
		if (now_ms() - began < best)
			best = now_ms() - began;
	}
	print_message("256 VFs read in %.1f ms\n", best);
	assert_true(best < MAX_LIST_MS);
}

static void a_pf_that_is_pulled_out_is_a_sentence(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_host *host;

	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_set_vfs(k, &k->pfs[0], 2);
	/* netlink has no such link any more; then sysfs lost a VF. */
	k->pfs[0].ifindex = 99;
	host = read_host(k, NULL);
	assert_int_equal(host->n_pfs, 2);
	assert_int_equal(host->n_unread, 1);
	assert_string_equal(host->unread[0], "pf0 went away while it was read");
	sriov_host_free(host);
	k->pfs[0].ifindex = 10;
	fake_kernel_put(k, "sys/bus/pci/devices/0000:01:00.0/sriov_numvfs", "3\n");
	host = read_host(k, NULL);
	assert_int_equal(host->n_unread, 1);
	assert_string_equal(host->unread[0], "VF 2 of pf0 went away while it was read");
	sriov_host_free(host);
	fake_kernel_unplug(k, &k->pfs[0]);
	host = read_host(k, NULL);
	assert_int_equal(host->n_pfs, 1);
	sriov_host_free(host);
}

static void a_broken_answer_is_the_error(void **state)
{
	struct fake_kernel *k = *state;

	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_order(k, FAKE_TRUNCATED, 1);
	assert_read_fails(k, NULL,
		"pf0: the kernel's answer is cut short; try again, and if it stays so, tell its "
		"makers");
}

static void vectors_are_counted_by_the_capability(void **state)
{
	uint8_t config[256] = { [0x06] = 0x10,
		[0x34] = 0x40,
		[0x40] = 0x05,
		[0x41] = 0x70,
		[0x70] = 0x11,
		[0x72] = 0x3f,
		[0x73] = 0x80 };

	(void)state;
	assert_int_equal(sriov_msix_vectors(config, sizeof(config)), 64);
	assert_int_equal(sriov_msix_vectors(config, 64), -EACCES);
	assert_int_equal(sriov_msix_vectors(config, 0), -EACCES);
	config[0x41] = 0x40;
	assert_int_equal(sriov_msix_vectors(config, sizeof(config)), 0);
	config[0x06] = 0;
	assert_int_equal(sriov_msix_vectors(config, sizeof(config)), 0);
}

#define WITH_KERNEL(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KERNEL(pfs_are_listed_by_address),
		WITH_KERNEL(a_host_without_pci_has_no_pfs),
		WITH_KERNEL(a_pf_is_told_whole),
		WITH_KERNEL(a_vf_is_told_whole),
		WITH_KERNEL(what_a_driver_does_not_tell_is_not_known),
		WITH_KERNEL(a_switchdev_pf_has_representors_and_functions),
		WITH_KERNEL(only_an_eswitch_that_is_there_is_missed_without_rights),
		WITH_KERNEL(a_kernel_without_devlink_is_read),
		WITH_KERNEL(each_name_of_a_pf_finds_it),
		WITH_KERNEL(what_is_no_pf_is_explained),
		WITH_KERNEL(a_process_with_the_group_open_is_the_user),
		WITH_KERNEL(a_vm_is_named),
		WITH_KERNEL(a_netdev_elsewhere_has_its_namespace_as_user),
		WITH_KERNEL(the_pf_under_the_default_route_is_marked),
		WITH_KERNEL(the_pf_under_a_bridge_with_the_default_route_is_marked),
		WITH_KERNEL(the_attributes_of_256_vfs_are_read),
		WITH_KERNEL(a_list_of_256_vfs_is_quick),
		WITH_KERNEL(a_pf_that_is_pulled_out_is_a_sentence),
		WITH_KERNEL(a_broken_answer_is_the_error),
		cmocka_unit_test(vectors_are_counted_by_the_capability),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
