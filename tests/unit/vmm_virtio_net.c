/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-net as a vhost-user front end, between a driver and a back end that the test plays.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_pci.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"
#include "vhost_back_end.h"
#include "virtio_net.h"
#include "vmm_rig.h"

#define F(name)   VMM_BIT(VIRTIO_NET_F_##name)
#define PROTOCOLS 0x1f /* MQ, LOG_SHMFD, RARP, REPLY_ACK, NET_MTU */
#define OFFERS                                                                                     \
	(VMM_BIT(VIRTIO_F_VERSION_1) | VMM_BIT(30) | VMM_BIT(VIRTIO_RING_F_EVENT_IDX) |            \
		VMM_BIT(VIRTIO_RING_F_INDIRECT_DESC) | F(CSUM) | F(GUEST_CSUM) | F(HOST_TSO4) |    \
		F(MRG_RXBUF) | F(MQ))
#define ALL     UINT64_MAX
#define COMMAND RIG_BUFFERS
#define ACK     (RIG_BUFFERS + 0x100)

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0x2a };

static struct {
	char folder[32], socket[64];
	struct rig rig;
	struct driver d;
	struct vmm_net *net;
	struct back_end b;
	bool is_served;
} t;

static void serve(void)
{
	back_end_start(&t.b);
	t.is_served = true;
}

static void leave(void)
{
	back_end_stop(&t.b);
	t.is_served = false;
}

static int setup(void **state)
{
	memset(&t, 0, sizeof(t));
	sh_log_set_level(SH_LOG_ERR);
	snprintf(t.folder, sizeof(t.folder), "/tmp/vmm_net.XXXXXX");
	assert_non_null(mkdtemp(t.folder));
	snprintf(t.socket, sizeof(t.socket), "%s/net.sock", t.folder);
	t.b = (struct back_end){
		.path = t.socket, .offers = OFFERS, .protocol_offers = PROTOCOLS, .n_pairs = 2
	};
	rig_open(&t.rig, true);
	return 0;
}

static int teardown(void **state)
{
	rig_close(&t.rig);
	if (t.is_served)
		leave();
	rmdir(t.folder);
	return 0;
}

static void make_net(unsigned n_pairs, uint16_t mtu)
{
	struct vmm_net_conf conf = {
		.name = "net0", .socket = t.socket, .mtu = mtu, .n_pairs = n_pairs
	};

	memcpy(conf.mac, mac, sizeof(mac));
	assert_int_equal(vmm_net_new(&t.rig.set, &conf, &t.net, NULL), 0);
	driver_find(&t.rig, 1, &t.d);
}

static bool is_offered(void)
{
	eventfd_t n;

	return eventfd_read(vmm_net_ready_fd(t.net), &n) == 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#define TURN_UNTIL(condition)                                                                      \
	do {                                                                                       \
		int64_t deadline_ = now_ms() + RIG_WAIT_MS;                                        \
		while (!(condition)) {                                                             \
			assert_true(now_ms() < deadline_);                                         \
			(void)rig_turn(&t.rig, 10);                                                \
		}                                                                                  \
	} while (0)

/* How often the back end has had a request. */
static unsigned seen(uint32_t request)
{
	unsigned n;

	pthread_mutex_lock(&t.b.lock);
	n = t.b.n_seen[request];
	pthread_mutex_unlock(&t.b.lock);
	return n;
}

static bool has_ring(unsigned i, bool enabled)
{
	bool is;

	pthread_mutex_lock(&t.b.lock);
	is = t.b.rings[i].kick_fd >= 0 && t.b.rings[i].enabled == enabled;
	pthread_mutex_unlock(&t.b.lock);
	return is;
}

static void start_net(unsigned n_pairs, uint16_t mtu, uint64_t features, unsigned n_queues)
{
	make_net(n_pairs, mtu);
	serve();
	TURN_UNTIL(is_offered());
	driver_start(&t.d, features, n_queues);
}

static uint16_t link_status(void)
{
	return (uint16_t)driver_read(&t.d, t.d.device + 6, 2);
}

static unsigned control(unsigned queue, uint8_t class, uint8_t cmd, const void *data, uint32_t n)
{
	const struct rig_buffer buffers[] = { { COMMAND, 2, false }, { COMMAND + 2, n, false },
		{ ACK, 1, true } };
	uint8_t *at = rig_at(&t.rig, COMMAND, 2 + n);

	at[0] = class;
	at[1] = cmd;
	memcpy(at + 2, data, n);
	assert_int_equal(driver_do(&t.d, queue, buffers, 3), 1);
	return *(uint8_t *)rig_at(&t.rig, ACK, 1);
}

static void back_end_that_comes_later_is_found(void **state)
{
	make_net(1, 0);
	rig_settle(&t.rig);
	assert_false(is_offered());
	assert_false(vmm_net_link_is_up(t.net));
	serve();
	TURN_UNTIL(is_offered());
	assert_true(vmm_net_link_is_up(t.net));
}

/* As it is under --chroot: the folder is there, its path is not. */
static void back_end_is_found_by_its_folder_when_the_path_leads_nowhere(void **state)
{
	char moved[64], path[96];

	make_net(1, 0);
	snprintf(moved, sizeof(moved), "%s.moved", t.folder);
	snprintf(path, sizeof(path), "%s/net.sock", moved);
	assert_int_equal(rename(t.folder, moved), 0);
	t.b.path = path;
	serve();
	TURN_UNTIL(is_offered());
	leave();
	assert_int_equal(rename(moved, t.folder), 0);
}

static void guest_is_offered_what_both_sides_can(void **state)
{
	const uint64_t theirs = F(CSUM) | F(GUEST_CSUM) | F(HOST_TSO4) | F(MRG_RXBUF) | F(MQ);
	const uint64_t ours = F(MAC) | F(STATUS) | F(CTRL_VQ) | F(MTU);
	uint64_t offered;

	t.b.offers &= ~VMM_BIT(VIRTIO_RING_F_INDIRECT_DESC);
	make_net(2, 9000);
	serve();
	TURN_UNTIL(is_offered());
	offered = driver_features(&t.d);
	assert_int_equal(offered & (theirs | ours), theirs | ours);
	assert_int_equal(offered & (F(HOST_TSO6) | F(GUEST_TSO4)), 0);
	assert_false(offered & VMM_BIT(VIRTIO_RING_F_INDIRECT_DESC));
	assert_true(offered & VMM_BIT(VIRTIO_RING_F_EVENT_IDX));
	assert_int_equal(driver_read(&t.d, t.d.device + 8, 2), 2);
	assert_int_equal(driver_read(&t.d, t.d.device + 10, 2), 9000);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(driver_read(&t.d, t.d.device + i, 1), mac[i]);
}

static void pairs_that_the_back_end_has_not_are_not_offered(void **state)
{
	t.b.n_pairs = 1;
	make_net(4, 0);
	serve();
	TURN_UNTIL(is_offered());
	assert_false(driver_features(&t.d) & F(MQ));
	assert_int_equal(driver_read(&t.d, t.d.device + 8, 2), 1);
}

static void back_end_is_told_of_memory_and_rings_as_the_driver_set_them(void **state)
{
	const struct back_end_ring *rx = &t.b.rings[0];

	start_net(1, 1500, ALL, 3);
	assert_true(has_ring(0, true) && has_ring(1, true));
	assert_int_equal(t.b.features & ~t.b.offers, 0);
	assert_true(t.b.features & F(CSUM) && t.b.features & VMM_BIT(30));
	assert_int_equal(t.b.mtu, 1500);
	assert_int_equal(t.b.mem.n, 1);
	assert_int_equal(t.b.mem.regions[0].size, RIG_MEMORY);
	assert_int_equal(rx->size, 16);
	assert_int_equal(rx->base, 0);
	assert_int_equal(rx->addr.desc, t.d.queues[0].desc);
	assert_int_equal(rx->addr.avail, t.d.queues[0].avail);
	assert_int_equal(rx->addr.used, t.d.queues[0].used);
	assert_true(rx->call_fd >= 0);
	(void)driver_interrupts(&t.d, 1);
	assert_int_equal(eventfd_write(rx->call_fd, 1), 0);
	assert_int_equal(driver_interrupts(&t.d, 1), 1);
}

static void kicks_go_to_the_back_end_alone(void **state)
{
	eventfd_t n;

	start_net(1, 0, ALL, 3);
	assert_int_equal(eventfd_read(t.b.rings[1].kick_fd, &n), 0);
	driver_kick(&t.d, 1);
	rig_settle(&t.rig);
	assert_int_equal(eventfd_read(t.b.rings[1].kick_fd, &n), 0);
	assert_int_equal(n, 1);
}

static void pairs_are_enabled_when_the_driver_asks(void **state)
{
	const uint16_t two = 2, three = 3, none = 0;

	start_net(2, 0, ALL, 5);
	assert_true(has_ring(0, true) && has_ring(2, false) && has_ring(3, false));
	assert_int_equal(control(4, VIRTIO_NET_CTRL_MQ, 0, &two, 2), VIRTIO_NET_OK);
	assert_true(has_ring(2, true) && has_ring(3, true));
	assert_int_equal(control(4, VIRTIO_NET_CTRL_MQ, 0, &three, 2), VIRTIO_NET_ERR);
	assert_int_equal(control(4, VIRTIO_NET_CTRL_MQ, 0, &none, 2), VIRTIO_NET_ERR);
	assert_int_equal(control(4, VIRTIO_NET_CTRL_MQ, 0, &two, 1), VIRTIO_NET_ERR);
}

static void control_queue_is_the_third_without_multiqueue(void **state)
{
	const uint8_t on = 1, other[6] = { 2, 9, 9, 9, 9, 9 };

	start_net(2, 0, ALL & ~F(MQ), 3);
	assert_int_equal(control(2, VIRTIO_NET_CTRL_RX, 0, &on, 1), VIRTIO_NET_OK);
	assert_int_equal(control(2, VIRTIO_NET_CTRL_MAC, 1, other, 6), VIRTIO_NET_OK);
	assert_int_equal(driver_read(&t.d, t.d.device + 1, 1), 9);
	assert_int_equal(control(2, VIRTIO_NET_CTRL_MAC, 1, other, 5), VIRTIO_NET_ERR);
	assert_int_equal(control(2, 77, 0, &on, 1), VIRTIO_NET_ERR);
}

static void reset_stops_rings_before_it_returns(void **state)
{
	start_net(1, 0, ALL, 3);
	driver_write(&t.d, t.d.common + VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_int_equal(seen(VHOST_USER_GET_VRING_BASE), 2);
	assert_int_equal(t.b.rings[0].n_stops, 1);
	assert_int_equal(t.b.rings[1].n_stops, 1);
	driver_start(&t.d, ALL, 3);
	assert_int_equal(seen(VHOST_USER_SET_VRING_KICK), 4);
}

static void restarted_back_end_goes_on_where_the_used_rings_are(void **state)
{
	eventfd_t n;

	start_net(1, 0, ALL, 3);
	((struct vring_used *)rig_at(&t.rig, t.d.queues[0].used, 4))->idx = 7;
	((struct vring_used *)rig_at(&t.rig, t.d.queues[1].used, 4))->idx = 0xfffe;
	leave();
	(void)driver_interrupts(&t.d, 1);
	serve();
	TURN_UNTIL(seen(VHOST_USER_SEND_RARP) == 1);
	assert_true(has_ring(0, true) && has_ring(1, true));
	assert_int_equal(t.b.rings[0].base, 7);
	assert_int_equal(t.b.rings[1].base, 0xfffe);
	assert_memory_equal(&t.b.rarp, mac, 6);
	/* What may have been lost between the two. */
	assert_int_equal(eventfd_read(t.b.rings[1].kick_fd, &n), 0);
	assert_true(driver_interrupts(&t.d, 1) > 0);
}

static void guest_sees_no_link_change_when_the_back_end_is_back_soon(void **state)
{
	start_net(1, 0, ALL, 3);
	(void)driver_interrupts(&t.d, 0);
	leave();
	rig_settle(&t.rig);
	assert_true(link_status() & VIRTIO_NET_S_LINK_UP);
	serve();
	TURN_UNTIL(seen(VHOST_USER_SEND_RARP) == 1);
	assert_true(link_status() & VIRTIO_NET_S_LINK_UP);
	assert_int_equal(driver_interrupts(&t.d, 0), 0);
}

static void link_goes_down_when_the_back_end_stays_away_and_up_with_it(void **state)
{
	start_net(1, 0, ALL, 3);
	leave();
	TURN_UNTIL(!(link_status() & VIRTIO_NET_S_LINK_UP));
	assert_true(driver_interrupts(&t.d, 0) > 0);
	serve();
	TURN_UNTIL(link_status() & VIRTIO_NET_S_LINK_UP);
	assert_true(driver_interrupts(&t.d, 0) > 0);
}

static void driver_starts_while_no_back_end_is_there(void **state)
{
	make_net(1, 0);
	serve();
	TURN_UNTIL(is_offered());
	leave();
	rig_settle(&t.rig);
	driver_start(&t.d, ALL, 3);
	serve();
	TURN_UNTIL(has_ring(0, true) && has_ring(1, true));
}

static void back_end_that_offers_less_than_is_used_is_left_again(void **state)
{
	start_net(1, 0, ALL, 3);
	leave();
	t.b.offers &= ~F(CSUM);
	sh_log_set_level(SH_LOG_ERR);
	serve();
	TURN_UNTIL(seen(VHOST_USER_GET_QUEUE_NUM) >= 1);
	TURN_UNTIL(!t.b.is_connected);
	assert_int_equal(seen(VHOST_USER_SET_MEM_TABLE), 0);
}

static void refused_memory_hangs_up_and_is_tried_again(void **state)
{
	t.b.refuses = VHOST_USER_SET_MEM_TABLE;
	start_net(1, 0, ALL, 3);
	assert_int_equal(seen(VHOST_USER_SET_VRING_KICK), 0);
	t.b.refuses = 0;
	TURN_UNTIL(has_ring(0, true) && has_ring(1, true));
}

static void answers_that_make_no_sense_are_hung_up_on(void **state)
{
	static const uint32_t requests[] = { VHOST_USER_GET_FEATURES,
		VHOST_USER_GET_PROTOCOL_FEATURES, VHOST_USER_GET_QUEUE_NUM };

	for (unsigned i = 0; i < 3; i++) {
		unsigned before;

		if (i)
			setup(state);
		t.b.spoils = requests[i];
		make_net(1, 0);
		serve();
		TURN_UNTIL(seen(requests[i]) >= 1);
		before = seen(requests[i]);
		assert_false(is_offered());
		t.b.spoils = 0;
		TURN_UNTIL(is_offered());
		assert_true(seen(requests[i]) > before);
		if (i < 2)
			teardown(state);
	}
}

static void back_end_that_leaves_half_way_is_found_again(void **state)
{
	static const uint32_t requests[] = { VHOST_USER_SET_FEATURES, VHOST_USER_SET_MEM_TABLE,
		VHOST_USER_SET_VRING_ADDR, VHOST_USER_SET_VRING_ENABLE };

	for (unsigned i = 0; i < 4; i++) {
		if (i)
			setup(state);
		t.b.is_mute_at = requests[i];
		start_net(1, 0, ALL, 3);
		t.b.is_mute_at = 0;
		TURN_UNTIL(has_ring(0, true) && has_ring(1, true));
		if (i < 3)
			teardown(state);
	}
}

static void back_end_that_leaves_as_soon_as_it_came_is_not_asked_all_the_time(void **state)
{
	int64_t begin = now_ms();

	start_net(1, 0, ALL, 3);
	for (unsigned n = 0; n < 4; n++) {
		pthread_mutex_lock(&t.b.lock);
		if (t.b.is_connected)
			shutdown(t.b.fd, SHUT_RDWR);
		pthread_mutex_unlock(&t.b.lock);
		for (int64_t end = now_ms() + 50; now_ms() < end;)
			(void)rig_turn(&t.rig, 10);
	}
	assert_true(t.b.n_connections <= 2 + (now_ms() - begin) / 1000);
	TURN_UNTIL(has_ring(0, true) && has_ring(1, true));
}

static void paused_machine_has_no_ring_running_and_resumes_where_it_was(void **state)
{
	const uint16_t two = 2;

	start_net(2, 0, ALL, 5);
	assert_int_equal(control(4, VIRTIO_NET_CTRL_MQ, 0, &two, 2), VIRTIO_NET_OK);
	vmm_virtio_pause_all(&t.rig.set);
	assert_int_equal(seen(VHOST_USER_GET_VRING_BASE), 4);
	((struct vring_used *)rig_at(&t.rig, t.d.queues[2].used, 4))->idx = 5;
	vmm_virtio_resume_all(&t.rig.set);
	assert_true(has_ring(2, true) && has_ring(3, true));
	assert_int_equal(t.b.rings[2].base, 5);
}

/* A snapshot's way: the guest's memory and the device's state in another process, where memory
 * comes later than the back end. */
static void restored_machine_goes_on_at_the_same_rings_and_registers(void **state)
{
	const uint16_t two = 2;
	const uint8_t other[6] = { 2, 9, 9, 9, 9, 9 };
	struct vmm_virtio_state saved;
	struct rig before;

	start_net(2, 0, ALL, 5);
	assert_int_equal(control(4, VIRTIO_NET_CTRL_MQ, 0, &two, 2), VIRTIO_NET_OK);
	assert_int_equal(control(4, VIRTIO_NET_CTRL_MAC, 1, other, 6), VIRTIO_NET_OK);
	((struct vring_used *)rig_at(&t.rig, t.d.queues[2].used, 4))->idx = 5;
	vmm_virtio_pause_all(&t.rig.set);
	vmm_virtio_save(t.rig.set.first, &saved);
	before = t.rig;
	leave();
	rig_open(&t.rig, true);
	make_net(2, 0);
	memcpy(rig_at(&t.rig, 0, RIG_MEMORY), rig_at(&before, 0, RIG_MEMORY), RIG_MEMORY);
	rig_close(&before);
	serve();
	TURN_UNTIL(is_offered());
	t.rig.mem.is_partial = true;
	vmm_virtio_pause_all(&t.rig.set);
	assert_int_equal(vmm_virtio_restore(t.rig.set.first, &saved, NULL), 0);
	vmm_net_announce(t.net);
	vmm_virtio_resume_all(&t.rig.set);
	assert_int_equal(seen(VHOST_USER_SET_MEM_TABLE), 0);
	t.rig.mem.is_partial = false;
	vmm_net_memory_is_whole(t.net);
	assert_true(has_ring(0, true) && has_ring(3, true));
	assert_int_equal(t.b.rings[2].base, 5);
	assert_true(t.b.rings[2].call_fd >= 0);
	TURN_UNTIL(seen(VHOST_USER_SEND_RARP) == 1);
	assert_true(link_status() & VIRTIO_NET_S_ANNOUNCE);
	assert_int_equal(driver_read(&t.d, t.d.device + 1, 1), 9);
	assert_int_equal(driver_read(&t.d, t.d.common + VIRTIO_PCI_COMMON_STATUS, 1), 15);
	(void)driver_interrupts(&t.d, 3);
	assert_int_equal(eventfd_write(t.b.rings[2].call_fd, 1), 0);
	assert_int_equal(driver_interrupts(&t.d, 3), 1);
}

static void guest_is_asked_to_announce_itself_after_it_has_moved(void **state)
{
	start_net(1, 0, ALL, 3);
	vmm_net_announce(t.net);
	TURN_UNTIL(seen(VHOST_USER_SEND_RARP) == 1);
	assert_true(link_status() & VIRTIO_NET_S_ANNOUNCE);
	assert_true(driver_interrupts(&t.d, 0) > 0);
	assert_int_equal(control(2, VIRTIO_NET_CTRL_ANNOUNCE, 0, "", 0), VIRTIO_NET_OK);
	assert_false(link_status() & VIRTIO_NET_S_ANNOUNCE);
}

static void what_cannot_be_is_refused_with_a_word(void **state)
{
	char long_path[200];
	struct vmm_net_conf conf = { .name = "net0", .socket = t.socket, .n_pairs = 9 };
	struct sh_err err;
	int fd = t.rig.mem.fd;

	assert_int_equal(vmm_net_new(&t.rig.set, &conf, &t.net, &err), -EINVAL);
	memset(long_path, 'a', sizeof(long_path));
	long_path[0] = '/';
	long_path[199] = '\0';
	conf = (struct vmm_net_conf){ .name = "net0", .socket = long_path, .n_pairs = 1 };
	assert_int_equal(vmm_net_new(&t.rig.set, &conf, &t.net, &err), -ENAMETOOLONG);
	conf.socket = t.socket;
	t.rig.mem.fd = -1;
	assert_int_equal(vmm_net_new(&t.rig.set, &conf, &t.net, &err), -EINVAL);
	t.rig.mem.fd = fd;
	assert_non_null(strstr(err.text, "mergeable"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(back_end_that_comes_later_is_found),
		TEST(back_end_is_found_by_its_folder_when_the_path_leads_nowhere),
		TEST(guest_is_offered_what_both_sides_can),
		TEST(pairs_that_the_back_end_has_not_are_not_offered),
		TEST(back_end_is_told_of_memory_and_rings_as_the_driver_set_them),
		TEST(kicks_go_to_the_back_end_alone),
		TEST(pairs_are_enabled_when_the_driver_asks),
		TEST(control_queue_is_the_third_without_multiqueue),
		TEST(reset_stops_rings_before_it_returns),
		TEST(restarted_back_end_goes_on_where_the_used_rings_are),
		TEST(guest_sees_no_link_change_when_the_back_end_is_back_soon),
		TEST(link_goes_down_when_the_back_end_stays_away_and_up_with_it),
		TEST(driver_starts_while_no_back_end_is_there),
		TEST(back_end_that_offers_less_than_is_used_is_left_again),
		TEST(refused_memory_hangs_up_and_is_tried_again),
		TEST(answers_that_make_no_sense_are_hung_up_on),
		TEST(back_end_that_leaves_half_way_is_found_again),
		TEST(back_end_that_leaves_as_soon_as_it_came_is_not_asked_all_the_time),
		TEST(paused_machine_has_no_ring_running_and_resumes_where_it_was),
		TEST(restored_machine_goes_on_at_the_same_rings_and_registers),
		TEST(guest_is_asked_to_announce_itself_after_it_has_moved),
		TEST(what_cannot_be_is_refused_with_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
