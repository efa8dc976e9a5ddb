/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A snapshot that somebody else has written. The first byte says what the rest is: a file's header
 * and state; or changes (3 bytes where, 1 byte what) of the state of a machine whose devices run,
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

static void read_file(const uint8_t *data, size_t size)
{
	static const char *const tags[] = { "shap", "time", "chip", "vcpu", "pci ", "virt", "uart",
		"acpi" };
	struct vmm_snapshot_header header = { 0 };
	struct vmm_sections s;
	uint8_t small[32];

	memcpy(&header, data, size < sizeof(header) ? size : sizeof(header));
	if (vmm_snapshot_check(&header, VMM_SNAPSHOT_MEMORY + header.memory_bytes, NULL) < 0)
		return;
	CHECK(vmm_sections_init(&s) == 0);
	s.n = size > sizeof(header) ? size - sizeof(header) : 0;
	if (s.n > VMM_SNAPSHOT_MEMORY - VMM_SNAPSHOT_STATE)
		s.n = VMM_SNAPSHOT_MEMORY - VMM_SNAPSHOT_STATE;
	/* As long as it is, so that what lies behind is seen. */
	s.bytes = realloc(s.bytes, s.n ? s.n : 1);
	CHECK(s.bytes);
	memcpy(s.bytes, data + (size - s.n), s.n);
	(void)vmm_sections_check(&s, &header, NULL);
	for (unsigned i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		for (unsigned n = 0; n < sizeof(small); n++)
			(void)vmm_sections_get(&s, tags[i], n % 2, small, n, NULL);
	vmm_sections_done(&s);
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

static void change(struct vmm_sections *s, const uint8_t *data, size_t size)
{
	for (; size >= 4; data += 4, size -= 4) {
		size_t at = (size_t)(data[0] << 16 | data[1] << 8 | data[2]);

		s->bytes[at % s->n] ^= data[3];
	}
}

static void put_ports(struct vmm_sections *s, struct vmm_serial *serial, struct vmm_pm *pm)
{
	uint8_t state[VMM_SERIAL_STATE];
	uint16_t registers[3];

	vmm_serial_save(serial, state);
	vmm_sections_put(s, "uart", 0, state, sizeof(state));
	vmm_pm_save(pm, registers);
	vmm_sections_put(s, "acpi", 0, registers, sizeof(registers));
}

static void get_ports(const struct vmm_sections *s, struct vmm_serial *serial, struct vmm_pm *pm)
{
	uint8_t state[VMM_SERIAL_STATE];
	uint16_t registers[3];

	if (vmm_sections_get(s, "uart", 0, state, sizeof(state), NULL) == 0)
		(void)vmm_serial_restore(serial, state);
	if (vmm_sections_get(s, "acpi", 0, registers, sizeof(registers), NULL) == 0)
		vmm_pm_restore(pm, registers);
	vmm_serial_receive(serial, (const uint8_t *)"fuzz", 4);
	for (unsigned port = 0; port < VMM_SERIAL_PORTS; port++)
		(void)vmm_serial_in(serial, port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vmm_serial serial;
	struct rig *rig = calloc(1, sizeof(*rig));
	struct vmm_sections s;
	struct vmm_pm pm;

	CHECK(rig);
	if (size == 0 || data[0] == 0) {
		read_file(data + (size > 0), size - (size > 0));
		free(rig);
		return 0;
	}
	CHECK(vmm_sections_init(&s) == 0);
	vmm_serial_init(&serial, &serial_host, NULL);
	vmm_pm_init(&pm, level, NULL);
	open_machine(rig);
	put_ports(&s, &serial, &pm);
	vmm_snapshot_put_devices(&s, rig->pci, &rig->set);
	change(&s, data + 1, size - 1);
	if (vmm_snapshot_get_devices(&s, rig->pci, &rig->set, NULL) == 0)
		vmm_virtio_resume_all(&rig->set);
	for (unsigned i = 0; i < MAX_TURNS && rig_turn(rig, 0); i++)
		;
	get_ports(&s, &serial, &pm);
	rig_close(rig);
	vmm_sections_done(&s);
	free(rig);
	return 0;
}
