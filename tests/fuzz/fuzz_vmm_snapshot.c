/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A snapshot that somebody else has written. The first byte says what the rest is: what a file
 * begins with; or changes (3 bytes where, 1 byte what) of the state of a machine whose devices run,
 * which is then put back. The memory is an allocation of its own, so that the sanitizer sees a byte
 * beside it.
 */
#include <linux/virtio_config.h>
#include <string.h>

#include "fuzz.h"
#include "pm.h"
#include "snapshot.h"
#include "virtio_console.h"
#include "virtio_rng.h"
#include "vmm_rig.h"

#define N_DEVICES 3
#define MAX_TURNS 64

/* The file is as long as it says, and its checksum may fit. */
static void read_file(struct vmm_snapshot *s, const uint8_t *data, size_t size)
{
	const size_t head = offsetof(struct vmm_snapshot, clock_ns);
	uint32_t bytes;

	memcpy(s, data, size < head ? size : head);
	(void)vmm_snapshot_check(s, VMM_SNAPSHOT_MEMORY + s->memory_bytes, NULL);
	bytes = s->bytes;
	if (s->n_vcpus > VMM_VCPUS)
		return;
	vmm_snapshot_seal(s);
	CHECK(vmm_snapshot_check(s, VMM_SNAPSHOT_MEMORY + s->memory_bytes, NULL) == 0 ||
		s->memory_bytes > UINT64_MAX - VMM_SNAPSHOT_MEMORY);
	CHECK(s->bytes <= sizeof(*s));
	s->bytes = bytes;
	if (vmm_snapshot_check(s, VMM_SNAPSHOT_MEMORY + s->memory_bytes, NULL) == 0)
		CHECK(bytes <= sizeof(*s));
}

static void nothing(void *ctx)
{
}

static void level(void *ctx, bool on)
{
}

static void byte(void *ctx, uint8_t b)
{
}

static const struct vmm_serial_host serial_host = { byte, level, nothing };

static void open_machine(struct rig *rig)
{
	const struct vmm_virtio_console_conf console = { -1, -1 };
	struct vmm_balloon *balloon;
	struct driver d;

	sh_log_set_level(SH_LOG_ERR);
	rig_open(rig, false);
	CHECK(vmm_balloon_new(&rig->set, &balloon, NULL) == 0);
	CHECK(vmm_rng_new(&rig->set, NULL) == 0);
	CHECK(vmm_virtio_console_new(&rig->set, &console, NULL) == 0);
	for (unsigned i = 0; i < N_DEVICES; i++) {
		driver_find(rig, i + 1, &d);
		driver_start(&d, VMM_BIT(VIRTIO_RING_F_EVENT_IDX), 1);
	}
	rig_settle(rig);
	vmm_virtio_pause_all(&rig->set);
}

/* Where a change is made: in the state of one of the devices, or of the ports. */
static uint8_t *place(struct vmm_snapshot *s, unsigned which, unsigned offset)
{
	switch (which % 3) {
	case 0:
		return (uint8_t *)&s->pci[which / 3 % (N_DEVICES + 1)] + offset % sizeof(s->pci[0]);
	case 1:
		return (uint8_t *)&s->virtio[which / 3 % N_DEVICES] + offset % sizeof(s->virtio[0]);
	default:
		return (uint8_t *)&s->pm + offset % (sizeof(s->pm) + sizeof(s->serial[0]));
	}
}

static void change(struct vmm_snapshot *s, const uint8_t *data, size_t size)
{
	for (; size >= 4; data += 4, size -= 4)
		*place(s, data[0], (unsigned)(data[1] << 8 | data[2])) ^= data[3];
}

static void get_ports(const struct vmm_snapshot *s, struct vmm_serial *serial, struct vmm_pm *pm)
{
	(void)vmm_serial_restore(serial, s->serial[0]);
	vmm_pm_restore(pm, s->pm);
	vmm_serial_receive(serial, (const uint8_t *)"fuzz", 4);
	for (unsigned port = 0; port < VMM_SERIAL_PORTS; port++)
		(void)vmm_serial_in(serial, port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vmm_serial serial;
	struct vmm_snapshot *s = calloc(1, sizeof(*s));
	struct rig *rig = calloc(1, sizeof(*rig));
	struct vmm_pm pm;

	CHECK(rig && s);
	if (size == 0 || data[0] == 0) {
		read_file(s, data + (size > 0), size - (size > 0));
		free(rig);
		free(s);
		return 0;
	}
	vmm_serial_init(&serial, &serial_host, NULL);
	vmm_pm_init(&pm, level, NULL);
	open_machine(rig);
	vmm_snapshot_put_devices(s, rig->pci, &rig->set);
	change(s, data + 1, size - 1);
	if (vmm_snapshot_get_devices(s, rig->pci, &rig->set, NULL) == 0)
		vmm_virtio_resume_all(&rig->set);
	for (unsigned i = 0; i < MAX_TURNS && rig_turn(rig, 0); i++)
		;
	get_ports(s, &serial, &pm);
	rig_close(rig);
	free(rig);
	free(s);
	return 0;
}
