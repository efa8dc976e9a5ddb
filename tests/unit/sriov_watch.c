/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A look of the service: what it puts back, what it leaves, and when it tries again. And the events
 * that make it look.
 */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "fake_kernel.h"
#include "watch.h"

#define BIT(n) (1u << (n))

struct rig {
	struct fake_kernel *k;
	struct fake_pf *pf;
	struct change_tools tools;
	struct watch watch;
};

/* PF pf0 with two VFs on VLAN 100. */
static void want(struct rig *rig, uint16_t vlan)
{
	struct sriov_want_vf line = { .last = 1, .given = BIT(SRIOV_VF_VLAN), .vlan = vlan };
	struct sriov_want want = { calloc(1, sizeof(*want.pfs)), 1 };

	want.pfs[0] = (struct sriov_want_pf){ .name = "pf0",
		.given = BIT(SRIOV_PF_NUM_VFS),
		.num_vfs = 2,
		.vfs = calloc(1, sizeof(line)),
		.n_vfs = 1 };
	want.pfs[0].vfs[0] = line;
	assert_int_equal(watch_set_want(&rig->watch, &want), 0);
}

static int start(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	sh_log_set_level(SH_LOG_ERR);
	rig->k = fake_kernel_new();
	rig->pf = fake_kernel_add_pf(rig->k, &(struct fake_pf){ 0 });
	rig->tools.events = (struct sriov_events){ -1, -1 };
	rig->tools.hands = (struct sriov_hands){
		.env = &rig->k->env, .events = &rig->tools.events, .timeout_ms = 20000
	};
	rig->watch.tools = &rig->tools;
	want(rig, 100);
	*state = rig;
	return 0;
}

static int stop(void **state)
{
	struct rig *rig = *state;

	watch_done(&rig->watch);
	fake_kernel_free(rig->k);
	free(rig);
	return 0;
}

static void set_vlan(struct rig *rig, uint32_t vf, uint16_t vlan)
{
	fake_kernel_lock(rig->k);
	rig->pf->vfs[vf].vlan = vlan;
	fake_kernel_unlock(rig->k);
}

static void what_changed_is_put_back(void **state)
{
	struct rig *rig = *state;

	assert_false(watch_is_settled(&rig->watch));
	assert_int_equal(watch_look(&rig->watch, 1), 0);
	assert_true(watch_is_settled(&rig->watch));
	assert_int_equal(rig->pf->n_vfs, 2);
	assert_int_equal(rig->pf->vfs[1].vlan, 100);
	set_vlan(rig, 1, 7);
	assert_int_equal(watch_look(&rig->watch, 2), 0);
	assert_int_equal(rig->pf->vfs[1].vlan, 100);
	/* All VFs gone, as after a driver's reload. */
	fake_kernel_set_vfs(rig->k, rig->pf, 0);
	assert_int_equal(watch_look(&rig->watch, 3), 0);
	assert_int_equal(rig->pf->vfs[1].vlan, 100);
}

static void a_look_at_what_is_as_wanted_changes_nothing(void **state)
{
	struct rig *rig = *state;
	unsigned n_writes, n_vf_requests;

	watch_look(&rig->watch, 1);
	n_writes = rig->k->n_writes;
	n_vf_requests = rig->k->n_vf_requests;
	assert_int_equal(watch_look(&rig->watch, 2), 0);
	assert_int_equal(rig->k->n_writes, n_writes);
	assert_int_equal(rig->k->n_vf_requests, n_vf_requests);
}

static void a_vf_in_use_gets_its_settings_back_but_is_not_taken_away(void **state)
{
	struct rig *rig = *state;
	char path[64];

	watch_look(&rig->watch, 1);
	assert_int_equal(sriov_unbind(&rig->tools.hands, rig->pf->vfs[0].address, NULL), 0);
	assert_int_equal(
		sriov_bind(&rig->tools.hands, rig->pf->vfs[0].address, "vfio-pci", NULL), 0);
	fake_kernel_lock(rig->k);
	snprintf(path, sizeof(path), "/dev/vfio/%d", rig->pf->vfs[0].iommu_group);
	fake_kernel_unlock(rig->k);
	fake_kernel_add_process(rig->k, 77, "qemu-system-x86", path);
	set_vlan(rig, 0, 7);
	assert_int_equal(watch_look(&rig->watch, 2), 0);
	assert_int_equal(rig->pf->vfs[0].vlan, 100);
	rig->watch.want.pfs[0].num_vfs = 3;
	assert_true(watch_look(&rig->watch, 3) > 0);
	assert_int_equal(rig->pf->n_vfs, 2);
	assert_non_null(strstr(rig->watch.pfs[0].said, "qemu-system-x86 (77)"));
	rig->watch.allow = SRIOV_ALLOW_DISRUPTIVE;
	assert_int_equal(watch_look(&rig->watch, 1000000), 0);
	assert_int_equal(rig->pf->n_vfs, 3);
}

static void only_reporting_changes_nothing(void **state)
{
	struct rig *rig = *state;

	rig->watch.report_only = true;
	assert_int_equal(watch_look(&rig->watch, 1), 0);
	assert_int_equal(rig->k->n_writes, 0);
	assert_int_equal(rig->pf->n_vfs, 0);
}

static void a_try_that_fails_is_repeated_later_and_later(void **state)
{
	struct rig *rig = *state;
	unsigned pause_ms, again_ms, n_writes;

	rig->k->refusals[0] =
		(struct fake_refusal){ .attrs = BIT(SRIOV_VLAN), .vf = UINT32_MAX, .code = -EPERM };
	pause_ms = watch_look(&rig->watch, 1000);
	assert_true(pause_ms > 0);
	/* The events of its own undoing do not make it try again. */
	n_writes = rig->k->n_writes;
	assert_int_equal(watch_look(&rig->watch, 1000 + pause_ms - 1), 1);
	assert_int_equal(rig->k->n_writes, n_writes);
	again_ms = watch_look(&rig->watch, 1000 + pause_ms);
	assert_true(again_ms > pause_ms);
	rig->k->refusals[0].attrs = 0;
	assert_int_equal(watch_look(&rig->watch, 1000 + pause_ms + again_ms), 0);
	assert_int_equal(rig->pf->vfs[0].vlan, 100);
}

static void a_pf_that_is_missing_is_taken_up_when_it_comes_and_hinders_no_other(void **state)
{
	struct rig *rig = *state;
	struct sriov_want_pf *pfs = rig->watch.want.pfs;
	struct sriov_want two = { calloc(2, sizeof(*two.pfs)), 2 };
	struct fake_pf *late;

	two.pfs[1] = pfs[0];
	two.pfs[0] = (struct sriov_want_pf){
		.name = "pf1", .given = BIT(SRIOV_PF_NUM_VFS), .num_vfs = 1
	};
	rig->watch.want.n_pfs = 0; /* its lines have a new owner */
	assert_int_equal(watch_set_want(&rig->watch, &two), 0);
	assert_int_equal(watch_look(&rig->watch, 1), 0);
	assert_int_equal(rig->pf->n_vfs, 2);
	assert_false(watch_is_settled(&rig->watch));
	late = fake_kernel_add_pf(rig->k, &(struct fake_pf){ 0 });
	assert_int_equal(watch_look(&rig->watch, 2), 0);
	assert_int_equal(late->n_vfs, 1);
	assert_true(watch_is_settled(&rig->watch));
}

/* Events */

struct counter {
	int n_looks, so_at;
	int tell_fd; /* gets a datagram at each look; -1: none */
};

static int count(void *ctx)
{
	struct counter *counter = ctx;

	if (counter->tell_fd >= 0)
		assert_true(send(counter->tell_fd, "add@/devices/pci0000:00/x", 25, 0) == 25);
	return ++counter->n_looks == counter->so_at;
}

static void waiting_looks_again_after_each_event_and_ends_in_time(void **state)
{
	struct sriov_events events = { -1, -1 };
	struct counter counter = { .so_at = 4 };
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	events.devices_fd = fds[0];
	counter.tell_fd = fds[1];
	assert_int_equal(sriov_events_wait(&events, 20000, count, &counter), 0);
	assert_int_equal(counter.n_looks, 4);
	sriov_events_take(&events, fds[0]);
	counter = (struct counter){ .tell_fd = -1 };
	assert_int_equal(sriov_events_wait(&events, 20, count, &counter), -ETIMEDOUT);
	assert_int_equal(counter.n_looks, 2);
	close(fds[0]);
	close(fds[1]);
}

static void every_message_of_a_link_counts_and_of_devices_those_of_pci(void **state)
{
	struct sriov_events events;
	int links[2], devices[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, links), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, devices), 0);
	events = (struct sriov_events){ devices[0], links[0] };
	assert_false(sriov_events_take(&events, links[0]));
	send(links[1], "\x40\0\0\0", 4, 0);
	assert_true(sriov_events_take(&events, links[0]));
	send(devices[1], "change@/devices/virtual/block/loop0", 35, 0);
	assert_false(sriov_events_take(&events, devices[0]));
	send(devices[1], "bind@/devices/pci0000:00/0000:01:10.0", 37, 0);
	assert_true(sriov_events_take(&events, devices[0]));
	for (unsigned i = 0; i < 2; i++) {
		close(links[i]);
		close(devices[i]);
	}
}

#define WITH_A_RIG(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_A_RIG(what_changed_is_put_back),
		WITH_A_RIG(a_look_at_what_is_as_wanted_changes_nothing),
		WITH_A_RIG(a_vf_in_use_gets_its_settings_back_but_is_not_taken_away),
		WITH_A_RIG(only_reporting_changes_nothing),
		WITH_A_RIG(a_try_that_fails_is_repeated_later_and_later),
		WITH_A_RIG(a_pf_that_is_missing_is_taken_up_when_it_comes_and_hinders_no_other),
		cmocka_unit_test(waiting_looks_again_after_each_event_and_ends_in_time),
		cmocka_unit_test(every_message_of_a_link_counts_and_of_devices_those_of_pci),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
