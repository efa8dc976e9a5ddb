/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio over PCI, by its registers: a device of the test's own, with two queues and a
 * configuration of eight bytes.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <sys/eventfd.h>

#include "unit.h"
#include "vmm_rig.h"

#define FEATURES (VMM_BIT(0) | VMM_BIT(35))
#define MODERN   VMM_BIT(VIRTIO_F_VERSION_1)

struct toy {
	struct rig rig;
	struct driver d;
	struct vmm_virtio virtio;
	uint8_t config[8];
	unsigned n_starts, n_stops, n_queue_starts, n_queue_stops, n_chains;
	bool refuses_queues; /* somebody else serves them */
};

static uint32_t one(void *ctx, const struct vmm_chain *chain)
{
	struct toy *toy = ctx;

	toy->n_chains++;
	return (uint32_t)chain->in_bytes;
}

static void start(void *ctx)
{
	((struct toy *)ctx)->n_starts++;
}

static void stop(void *ctx)
{
	((struct toy *)ctx)->n_stops++;
}

static bool queue_start(void *ctx, unsigned queue)
{
	struct toy *toy = ctx;

	toy->n_queue_starts++;
	return !toy->refuses_queues;
}

static void queue_stop(void *ctx, unsigned queue)
{
	((struct toy *)ctx)->n_queue_stops++;
}

static void queue_serve(void *ctx, unsigned queue)
{
	struct toy *toy = ctx;

	vmm_virtio_serve(&toy->virtio.queues[queue], one, toy);
}

static void config_write(void *ctx, unsigned offset, const void *from, unsigned n)
{
	memcpy(((struct toy *)ctx)->config + offset, from, n);
}

static void forget(void *ctx)
{
}

static const struct vmm_virtio_ops toy_ops = {
	.free = forget,
	.start = start,
	.stop = stop,
	.queue_start = queue_start,
	.queue_stop = queue_stop,
	.queue_serve = queue_serve,
	.config_write = config_write,
};

static struct toy toy;

static int setup(void **state)
{
	memset(&toy, 0, sizeof(toy));
	sh_log_set_level(SH_LOG_ERR);
	rig_open(&toy.rig, false);
	toy.virtio = (struct vmm_virtio){ .name = "toy",
		.ops = &toy_ops,
		.ctx = &toy,
		.type = 42,
		.n_queues = 2,
		.queue_size = 64,
		.features = FEATURES,
		.config = toy.config,
		.config_bytes = sizeof(toy.config) };
	assert_int_equal(vmm_virtio_add(&toy.rig.set, &toy.virtio, NULL), 0);
	driver_find(&toy.rig, 1, &toy.d);
	return 0;
}

static int teardown(void **state)
{
	rig_close(&toy.rig);
	return 0;
}

static uint64_t get(unsigned reg, unsigned n)
{
	return driver_read(&toy.d, toy.d.common + reg, n);
}

static void set(unsigned reg, unsigned n, uint64_t value)
{
	driver_write(&toy.d, toy.d.common + reg, n, value);
}

static uint64_t status(void)
{
	return get(VIRTIO_PCI_COMMON_STATUS, 1);
}

static const struct rig_buffer in16 = { RIG_BUFFERS, 16, true };

static void device_has_the_ids_and_capabilities_of_a_modern_one(void **state)
{
	assert_int_equal(driver_read(&toy.d, toy.d.config, 4), (0x1040u + 42) << 16 | 0x1af4);
	assert_int_not_equal(toy.d.common, 0);
	assert_int_not_equal(toy.d.device, 0);
	assert_int_equal(get(VIRTIO_PCI_COMMON_NUMQ, 2), 2);
	assert_int_equal(driver_features(&toy.d) & FEATURES, FEATURES);
	assert_true(driver_features(&toy.d) & MODERN);
}

static void features_that_were_not_offered_are_refused(void **state)
{
	assert_true(driver_negotiate(&toy.d, MODERN | VMM_BIT(35)));
	assert_int_equal(toy.virtio.accepted, MODERN | VMM_BIT(35));
	assert_false(driver_negotiate(&toy.d, MODERN | VMM_BIT(1)));
	assert_false(driver_negotiate(&toy.d, VMM_BIT(0)));
}

static void features_are_fixed_once_they_are_accepted(void **state)
{
	assert_true(driver_negotiate(&toy.d, MODERN));
	set(VIRTIO_PCI_COMMON_GFSELECT, 4, 0);
	set(VIRTIO_PCI_COMMON_GF, 4, 1);
	assert_int_equal(toy.virtio.accepted, MODERN);
}

static void device_does_not_start_before_its_features_are_agreed(void **state)
{
	set(VIRTIO_PCI_COMMON_STATUS, 1, VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK);
	assert_int_equal(toy.n_starts, 0);
	assert_false(status() & VIRTIO_CONFIG_S_DRIVER_OK);
}

static void chains_are_served_and_interrupt(void)
{
	uint16_t head;
	uint32_t n;

	driver_start(&toy.d, 0, 2);
	assert_int_equal(driver_do(&toy.d, 1, &in16, 1), 16);
	assert_int_equal(driver_interrupts(&toy.d, 2), 1);
	assert_int_equal(driver_interrupts(&toy.d, 1), 0);
	assert_int_equal(driver_read(&toy.d, toy.d.isr, 1), 1);
	assert_int_equal(driver_read(&toy.d, toy.d.isr, 1), 0);
	for (unsigned i = 0; i < 5; i++)
		driver_offer(&toy.d, 0, &in16, 1);
	driver_kick(&toy.d, 0);
	rig_settle(&toy.rig);
	for (unsigned i = 0; i < 5; i++)
		assert_true(driver_used(&toy.d, 0, &head, &n));
	assert_int_equal(driver_interrupts(&toy.d, 1), 1);
}

static void kick_by_ioeventfd_serves_the_queue(void **state)
{
	chains_are_served_and_interrupt();
}

static void kick_by_register_serves_the_queue(void **state)
{
	for (unsigned i = 0; i < RIG_MAX_EVENTS; i++)
		toy.rig.events[i].fd = -1;
	chains_are_served_and_interrupt();
}

static void what_was_offered_before_the_driver_was_ready_is_served(void **state)
{
	uint16_t head;
	uint32_t n;

	assert_true(driver_negotiate(&toy.d, MODERN));
	driver_queue(&toy.d, 0, 16);
	driver_offer(&toy.d, 0, &in16, 1);
	driver_ready(&toy.d);
	rig_settle(&toy.rig);
	assert_true(driver_used(&toy.d, 0, &head, &n));
}

static void reset_stops_queues_and_forgets_everything(void **state)
{
	driver_start(&toy.d, FEATURES, 2);
	assert_int_equal(toy.n_queue_starts, 2);
	set(VIRTIO_PCI_COMMON_STATUS, 1, 0);
	assert_int_equal(toy.n_queue_stops, 2);
	assert_int_equal(toy.n_stops, 1);
	assert_int_equal(status(), 0);
	assert_int_equal(toy.virtio.accepted, 0);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), 64);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_DESCLO, 8), 0);
	driver_offer(&toy.d, 0, &in16, 1);
	driver_kick(&toy.d, 0);
	rig_settle(&toy.rig);
	assert_int_equal(toy.n_chains, 0);
	driver_start(&toy.d, 0, 1);
	assert_int_equal(driver_do(&toy.d, 0, &in16, 1), 16);
}

static void reset_of_the_machine_resets_the_device(void **state)
{
	driver_start(&toy.d, 0, 2);
	vmm_pci_reset(toy.rig.pci);
	assert_int_equal(toy.n_queue_stops, 2);
	assert_int_equal(toy.virtio.status, 0);
}

static void queue_is_reset_alone_and_starts_again(void **state)
{
	driver_start(&toy.d, VMM_BIT(VIRTIO_F_RING_RESET), 2);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	set(VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_RESET, 2), 0);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	assert_int_equal(toy.n_queue_stops, 1);
	assert_int_equal(driver_do(&toy.d, 1, &in16, 1), 16);
	driver_queue(&toy.d, 0, 32);
	assert_int_equal(driver_do(&toy.d, 0, &in16, 1), 16);
}

static void queue_reset_does_nothing_unless_it_was_negotiated(void **state)
{
	driver_start(&toy.d, 0, 1);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	set(VIRTIO_PCI_COMMON_Q_RESET, 2, 1);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
}

static void enabled_queue_cannot_be_moved(void **state)
{
	driver_start(&toy.d, 0, 1);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	set(VIRTIO_PCI_COMMON_Q_DESCLO, 4, 0x100000);
	set(VIRTIO_PCI_COMMON_Q_SIZE, 2, 8);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_DESCLO, 4), toy.d.queues[0].desc);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), 16);
}

static void wrong_sizes_of_a_queue_are_not_taken(void **state)
{
	set(VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	set(VIRTIO_PCI_COMMON_Q_SIZE, 2, 128);
	set(VIRTIO_PCI_COMMON_Q_SIZE, 2, 24);
	set(VIRTIO_PCI_COMMON_Q_SIZE, 2, 0);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), 64);
}

static void queue_that_is_not_there_reads_as_none_and_takes_nothing(void **state)
{
	set(VIRTIO_PCI_COMMON_Q_SELECT, 2, 2);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
	set(VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	set(VIRTIO_PCI_COMMON_Q_MSIX, 2, 1);
	set(VIRTIO_PCI_COMMON_Q_DESCLO, 8, 0x1000);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 2, 0xffff);
	set(VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
}

static void vector_that_is_not_there_reads_as_none(void **state)
{
	set(VIRTIO_PCI_COMMON_MSIX, 2, 3);
	assert_int_equal(get(VIRTIO_PCI_COMMON_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	set(VIRTIO_PCI_COMMON_MSIX, 2, 2);
	assert_int_equal(get(VIRTIO_PCI_COMMON_MSIX, 2), 2);
}

static void broken_ring_asks_for_a_reset_and_says_so_by_interrupt(void **state)
{
	const struct rig_buffer outside = { RIG_MEMORY, 16, true };

	driver_start(&toy.d, 0, 1);
	driver_offer(&toy.d, 0, &outside, 1);
	driver_kick(&toy.d, 0);
	rig_settle(&toy.rig);
	assert_true(status() & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(driver_interrupts(&toy.d, 0), 1);
	assert_int_equal(toy.n_chains, 0);
	driver_start(&toy.d, 0, 1);
	assert_false(status() & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(driver_do(&toy.d, 0, &in16, 1), 16);
}

static void ring_outside_of_memory_asks_for_a_reset(void **state)
{
	assert_true(driver_negotiate(&toy.d, MODERN));
	set(VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	set(VIRTIO_PCI_COMMON_Q_DESCLO, 8, RIG_MEMORY);
	set(VIRTIO_PCI_COMMON_Q_ENABLE, 2, 1);
	driver_ready(&toy.d);
	assert_true(status() & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(toy.n_queue_starts, 0);
}

static void configuration_is_read_and_written_inside_of_it_alone(void **state)
{
	memcpy(toy.config, "\1\2\3\4\5\6\7\10", 8);
	assert_int_equal(driver_read(&toy.d, toy.d.device, 8), 0x0807060504030201);
	assert_int_equal(driver_read(&toy.d, toy.d.device + 6, 2), 0x0807);
	assert_int_equal(driver_read(&toy.d, toy.d.device + 8, 4), 0);
	driver_write(&toy.d, toy.d.device + 4, 4, 0);
	driver_write(&toy.d, toy.d.device + 8, 4, 1);
	assert_memory_equal(toy.config, "\1\2\3\4\0\0\0\0", 8);
}

static void change_of_the_configuration_is_announced_with_a_new_generation(void **state)
{
	uint64_t before = get(VIRTIO_PCI_COMMON_CFGGENERATION, 1);

	driver_start(&toy.d, 0, 1);
	vmm_virtio_config_changed(&toy.virtio);
	assert_int_equal(driver_interrupts(&toy.d, 0), 1);
	assert_int_not_equal(get(VIRTIO_PCI_COMMON_CFGGENERATION, 1), before);
	assert_int_equal(driver_read(&toy.d, toy.d.isr, 1), 2);
}

static void window_in_configuration_space_reaches_the_registers(void **state)
{
	uint64_t cap = toy.d.config + toy.d.window;

	driver_write(&toy.d, cap + offsetof(struct virtio_pci_cap, offset), 4,
		VIRTIO_PCI_COMMON_Q_SELECT);
	driver_write(&toy.d, cap + offsetof(struct virtio_pci_cap, length), 4, 2);
	driver_write(&toy.d, cap + sizeof(struct virtio_pci_cap), 2, 1);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_SELECT, 2), 1);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 2, 0);
	assert_int_equal(driver_read(&toy.d, cap + sizeof(struct virtio_pci_cap), 2), 0);
	driver_write(&toy.d, cap + offsetof(struct virtio_pci_cap, offset), 4, 0xffffffff);
	driver_write(&toy.d, cap + offsetof(struct virtio_pci_cap, length), 4, 4);
	driver_write(&toy.d, cap + sizeof(struct virtio_pci_cap), 4, 1);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_SELECT, 2), 0);
}

static void queue_that_others_serve_keeps_its_kicks_for_them(void **state)
{
	eventfd_t n;

	toy.refuses_queues = true;
	driver_start(&toy.d, 0, 1);
	driver_kick(&toy.d, 0);
	rig_settle(&toy.rig);
	assert_int_equal(eventfd_read(toy.virtio.queues[0].kick_fd, &n), 0);
	assert_int_equal(n, 1);
}

static void paused_device_touches_no_ring_until_it_is_resumed(void **state)
{
	uint16_t head;
	uint32_t n;

	driver_start(&toy.d, 0, 1);
	assert_int_equal(driver_do(&toy.d, 0, &in16, 1), 16);
	vmm_virtio_pause_all(&toy.rig.set);
	driver_offer(&toy.d, 0, &in16, 1);
	driver_kick(&toy.d, 0);
	rig_settle(&toy.rig);
	assert_false(driver_used(&toy.d, 0, &head, &n));
	vmm_virtio_resume_all(&toy.rig.set);
	rig_settle(&toy.rig);
	assert_true(driver_used(&toy.d, 0, &head, &n));
	assert_false(driver_used(&toy.d, 0, &head, &n));
}

static void reset_while_paused_leaves_nothing_to_resume(void **state)
{
	driver_start(&toy.d, 0, 1);
	vmm_virtio_pause_all(&toy.rig.set);
	set(VIRTIO_PCI_COMMON_STATUS, 1, 0);
	vmm_virtio_resume_all(&toy.rig.set);
	assert_int_equal(toy.n_starts, 1);
	assert_int_equal(toy.n_stops, 1);
}

static void state_that_no_driver_can_have_made_is_not_restored(void **state)
{
	struct vmm_virtio_state good, bad, now;

	driver_start(&toy.d, VMM_BIT(35), 2);
	vmm_virtio_pause_all(&toy.rig.set);
	vmm_virtio_save(&toy.virtio, &good);
	for (unsigned i = 0; i < 4; i++) {
		bad = good;
		switch (i) {
		case 0:
			bad.type = 1;
			break;
		case 1:
			bad.n_queues = 1;
			break;
		case 2:
			bad.accepted |= VMM_BIT(1);
			break;
		default:
			bad.accepted = 0;
		}
		assert_int_equal(vmm_virtio_restore(&toy.virtio, &bad, NULL), -EINVAL);
	}
	/* A ring that makes no sense is the guest's own fault, as when it says so by registers. */
	bad = good;
	bad.queues[0].desc_gpa = RIG_MEMORY;
	bad.queues[1].size = 12;
	bad.queues[1].vector = 99;
	assert_int_equal(vmm_virtio_restore(&toy.virtio, &bad, NULL), 0);
	assert_int_equal(toy.virtio.queues[1].ring.size, toy.virtio.queue_size);
	vmm_virtio_resume_all(&toy.rig.set);
	assert_true(status() & VIRTIO_CONFIG_S_NEEDS_RESET);
	set(VIRTIO_PCI_COMMON_Q_SELECT, 2, 1);
	assert_int_equal(get(VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	vmm_virtio_pause_all(&toy.rig.set);
	assert_int_equal(vmm_virtio_restore(&toy.virtio, &good, NULL), 0);
	vmm_virtio_save(&toy.virtio, &now);
	assert_memory_equal(&now, &good, sizeof(good));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(device_has_the_ids_and_capabilities_of_a_modern_one),
		TEST(features_that_were_not_offered_are_refused),
		TEST(features_are_fixed_once_they_are_accepted),
		TEST(device_does_not_start_before_its_features_are_agreed),
		TEST(kick_by_ioeventfd_serves_the_queue),
		TEST(kick_by_register_serves_the_queue),
		TEST(what_was_offered_before_the_driver_was_ready_is_served),
		TEST(reset_stops_queues_and_forgets_everything),
		TEST(reset_of_the_machine_resets_the_device),
		TEST(queue_is_reset_alone_and_starts_again),
		TEST(queue_reset_does_nothing_unless_it_was_negotiated),
		TEST(enabled_queue_cannot_be_moved),
		TEST(wrong_sizes_of_a_queue_are_not_taken),
		TEST(queue_that_is_not_there_reads_as_none_and_takes_nothing),
		TEST(vector_that_is_not_there_reads_as_none),
		TEST(broken_ring_asks_for_a_reset_and_says_so_by_interrupt),
		TEST(ring_outside_of_memory_asks_for_a_reset),
		TEST(configuration_is_read_and_written_inside_of_it_alone),
		TEST(change_of_the_configuration_is_announced_with_a_new_generation),
		TEST(window_in_configuration_space_reaches_the_registers),
		TEST(queue_that_others_serve_keeps_its_kicks_for_them),
		TEST(paused_device_touches_no_ring_until_it_is_resumed),
		TEST(state_that_no_driver_can_have_made_is_not_restored),
		TEST(reset_while_paused_leaves_nothing_to_resume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
