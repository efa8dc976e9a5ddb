/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as what a guest does to a machine's virtio devices: registers of every width in all of
 * their BARs and in configuration space, its memory with whatever rings it likes, kicks, resets, a
 * pause at any moment, and a snapshot that was changed. The memory is an allocation of its own, so
 * that the sanitizer sees a byte beside it; the disk's size may not change.
 */
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "virtio_balloon.h"
#include "virtio_blk.h"
#include "virtio_console.h"
#include "virtio_rng.h"
#include "vmm_rig.h"

#define DISK_BYTES   (UINT64_C(256) << 10)
#define N_DEVICES    4
#define BAR_BYTES    0x4000u
#define MAX_TURNS    64
#define MAX_QUEUES   4
#define QUEUE_SIZE   8
#define CONFIG_BYTES 256u

struct guest {
	struct rig rig;
	struct driver drivers[N_DEVICES];
	struct vmm_balloon *balloon;
	int disk_fd, null_fd;
	const uint8_t *data; /* what is left of the input */
	size_t n_data;
};

static uint8_t take_u8(struct guest *g)
{
	if (g->n_data == 0)
		return 0;
	g->n_data--;
	return *g->data++;
}

static uint64_t take(struct guest *g, unsigned n)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < n; i++)
		value = value << 8 | take_u8(g);
	return value;
}

static void open_guest(struct guest *g)
{
	struct vmm_virtio_console_conf console;
	char path[] = "/tmp/fuzz_vmm_device.XXXXXX";
	struct vmm_disk_conf conf = { .file = path, .size = DISK_BYTES, .discard = true };
	struct vmm_disk disk;
	struct vmm_blk *blk;
	int fd = mkstemp(path);

	sh_log_set_level(SH_LOG_ERR);
	CHECK(fd >= 0);
	close(fd);
	CHECK(vmm_disk_open(&conf, &disk, NULL) == 0);
	unlink(path);
	g->disk_fd = disk.fd;
	rig_open(&g->rig, false);
	g->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	console = (struct vmm_virtio_console_conf){ g->null_fd, g->null_fd };
	CHECK(vmm_blk_new(&g->rig.set, "disk0", disk, &blk, NULL) == 0);
	CHECK(vmm_balloon_new(&g->rig.set, &g->balloon, NULL) == 0);
	CHECK(vmm_rng_new(&g->rig.set, NULL) == 0);
	CHECK(vmm_virtio_console_new(&g->rig.set, &console, NULL) == 0);
	for (unsigned i = 0; i < N_DEVICES; i++)
		driver_find(&g->rig, i + 1, &g->drivers[i]);
}

static void close_guest(struct guest *g)
{
	struct stat st;

	CHECK(fstat(g->disk_fd, &st) == 0 && st.st_size == (off_t)DISK_BYTES);
	rig_close(&g->rig);
	close(g->null_fd);
}

/* A guest that never ends has its turns counted. */
static void turn(struct guest *g)
{
	for (unsigned i = 0; i < MAX_TURNS && rig_turn(&g->rig, 0); i++)
		;
}

static void register_step(struct guest *g, struct driver *d)
{
	unsigned n = 1u << (take_u8(g) & 3);
	uint64_t offset = take(g, 2) % BAR_BYTES / n * n;

	if (take_u8(g) & 1)
		(void)driver_read(d, d->common + offset, n);
	else
		driver_write(d, d->common + offset, n, take(g, n));
}

static void config_step(struct guest *g, struct driver *d)
{
	unsigned n = 1u << (take_u8(g) % 3);
	uint64_t at = take_u8(g) % CONFIG_BYTES / n * n;

	if (take_u8(g) & 1)
		(void)driver_read(d, d->config + at, n);
	/* Not the command and the BARs: where those go is pci.c's. */
	else if (at >= 0x40)
		driver_write(d, d->config + at, n, take(g, n));
}

/* A device as a decent driver starts it, so that rings are reached. */
static void start_step(struct guest *g, struct driver *d)
{
	uint64_t features = VMM_BIT(VIRTIO_F_VERSION_1) | take(g, 8);
	unsigned n_queues = 1 + take_u8(g) % MAX_QUEUES;

	if (!driver_negotiate(d, features & driver_features(d)))
		return;
	for (unsigned i = 0; i < n_queues; i++)
		driver_queue(d, i, QUEUE_SIZE);
	driver_ready(d);
}

/* Descriptors that point at something, more or less. */
static void offer_step(struct guest *g, struct driver *d)
{
	struct rig_buffer buffers[4];
	unsigned queue = take_u8(g) % MAX_QUEUES, n = 1 + take_u8(g) % 4;

	if (d->queues[queue].size == 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		buffers[i].gpa = RIG_BUFFERS + take(g, 2);
		buffers[i].n = (uint32_t)take(g, 2);
		buffers[i].is_in = take_u8(g) & 1;
	}
	driver_offer(d, queue, buffers, n);
	driver_kick(d, queue);
}

static void memory_step(struct guest *g)
{
	uint64_t at = take(g, 3) % RIG_MEMORY;
	unsigned n = take_u8(g);

	for (unsigned i = 0; i < n && at + i < RIG_MEMORY && g->n_data; i++)
		*(uint8_t *)rig_at(&g->rig, at + i, 1) = take_u8(g);
}

/* A snapshot that somebody has changed. */
static void restore_step(struct guest *g)
{
	struct vmm_virtio *dev = g->rig.set.first;
	struct vmm_virtio_state state;

	for (unsigned i = take_u8(g) % N_DEVICES; i; i--)
		dev = dev->next;
	vmm_virtio_pause_all(&g->rig.set);
	vmm_virtio_save(dev, &state);
	for (unsigned n = take_u8(g) % 8; n; n--)
		((uint8_t *)&state)[take(g, 2) % sizeof(state)] = take_u8(g);
	(void)vmm_virtio_restore(dev, &state, NULL);
	vmm_virtio_resume_all(&g->rig.set);
}

static void host_step(struct guest *g)
{
	struct vmm_balloon_info info;

	switch (take_u8(g) % 5) {
	case 0:
		vmm_virtio_pause_all(&g->rig.set);
		turn(g);
		vmm_virtio_resume_all(&g->rig.set);
		break;
	case 1:
		vmm_balloon_get(g->balloon, &info);
		break;
	case 2:
		(void)vmm_balloon_set(g->balloon, take(g, 3), NULL);
		break;
	case 3:
		restore_step(g);
		break;
	default:
		vmm_pci_reset(g->rig.pci);
		for (unsigned i = 0; i < N_DEVICES; i++)
			driver_find(&g->rig, i + 1, &g->drivers[i]);
	}
}

static void step(struct guest *g)
{
	uint8_t what = take_u8(g);
	struct driver *d = &g->drivers[what / 8 % N_DEVICES];

	switch (what % 8) {
	case 0:
	case 1:
		register_step(g, d);
		break;
	case 2:
		config_step(g, d);
		break;
	case 3:
		start_step(g, d);
		break;
	case 4:
		offer_step(g, d);
		break;
	case 5:
		memory_step(g);
		return;
	case 6:
		driver_kick(d, take_u8(g) % MAX_QUEUES);
		break;
	default:
		host_step(g);
	}
	/* The upper half lets more happen before devices look. */
	if (what < 128)
		turn(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest *g = calloc(1, sizeof(*g));

	CHECK(g);
	open_guest(g);
	g->data = data;
	g->n_data = size;
	while (g->n_data)
		step(g);
	close_guest(g);
	free(g);
	return 0;
}
