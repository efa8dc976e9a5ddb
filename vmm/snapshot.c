/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a machine is, into sections and out of them. The order of putting it back matters: vCPUs
 * first, since an interrupt that waits in a controller goes into a vCPU's APIC, then what raises
 * interrupts. Guest time goes on where it stood. Main thread, all vCPUs parked, devices paused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "snapshot.h"
#include "sparse.h"
#include "vcpu_state.h"

#define TSC_TOLERANCE 4000 /* 250 ppm, as KVM's own */

/* What the definition and the host must give for it. */
struct shape {
	uint64_t memory_bytes, cpu;
	uint32_t tsc_khz, n_vcpus, n_disks, n_nics, read_only_disks;
	uint8_t balloon, rng, console, padding;
};

static struct shape shape_of(const struct vmm_machine *machine)
{
	const struct vmm_definition *def = machine->conf.def;
	struct shape shape = {
		.memory_bytes = machine->mem.size,
		.cpu = vmm_vcpus_cpu(machine->vcpus),
		.tsc_khz = vmm_vcpus_tsc_khz(machine->vcpus),
		.n_vcpus = def->vcpus,
		.n_disks = def->n_disks,
		.n_nics = def->n_nics,
		.balloon = def->balloon,
		.rng = def->rng,
		.console = strcmp(def->console, "off") != 0,
	};

	for (unsigned i = 0; i < def->n_disks; i++)
		shape.read_only_disks |= (uint32_t)def->disks[i].readonly << i;
	return shape;
}

static int check_shape(const struct shape *was, const struct shape *is, struct sh_err *err)
{
	uint32_t apart = was->tsc_khz > is->tsc_khz ? was->tsc_khz - is->tsc_khz
						    : is->tsc_khz - was->tsc_khz;

	if (was->memory_bytes != is->memory_bytes || was->n_vcpus != is->n_vcpus)
		return sh_err_set(err, -EINVAL,
			"the machine had %llu MiB and %u vCPUs, its definition says %llu and %u",
			(unsigned long long)was->memory_bytes >> 20, was->n_vcpus,
			(unsigned long long)is->memory_bytes >> 20, is->n_vcpus);
	if (was->n_disks != is->n_disks || was->read_only_disks != is->read_only_disks ||
		was->n_nics != is->n_nics || was->balloon != is->balloon || was->rng != is->rng ||
		was->console != is->console)
		return sh_err_set(
			err, -EINVAL, "the machine had other devices than its definition");
	if (was->cpu != is->cpu)
		return sh_err_set(err, -EINVAL,
			"it is of another CPU, or of another kernel's KVM: the guest would miss "
			"what "
			"it found");
	if (apart > is->tsc_khz / TSC_TOLERANCE)
		return sh_err_set(err, -EINVAL, "it is of a CPU that counts %u kHz, here are %u",
			was->tsc_khz, is->tsc_khz);
	return 0;
}

void vmm_snapshot_put_devices(
	struct vmm_sections *s, struct vmm_pci *pci, struct vmm_virtio_set *set)
{
	struct vmm_virtio_state virtio;
	struct vmm_pci_state device;
	unsigned n = 0;

	for (unsigned slot = 0; slot < vmm_pci_count(pci); slot++) {
		vmm_pci_save(pci, slot, &device);
		vmm_sections_put(s, "pci ", slot, &device, sizeof(device));
	}
	for (struct vmm_virtio *dev = set->first; dev; dev = dev->next) {
		vmm_virtio_save(dev, &virtio);
		vmm_sections_put(s, "virt", n++, &virtio, sizeof(virtio));
	}
}

int vmm_snapshot_get_devices(const struct vmm_sections *s, struct vmm_pci *pci,
	struct vmm_virtio_set *set, struct sh_err *err)
{
	struct vmm_virtio_state virtio;
	struct vmm_pci_state device;
	unsigned n = 0;
	int r = 0;

	for (unsigned slot = 0; r == 0 && slot < vmm_pci_count(pci); slot++) {
		r = vmm_sections_get(s, "pci ", slot, &device, sizeof(device), err);
		if (r == 0)
			r = vmm_pci_restore(pci, slot, &device, err);
	}
	for (struct vmm_virtio *dev = set->first; r == 0 && dev; dev = dev->next) {
		r = vmm_sections_get(s, "virt", n++, &virtio, sizeof(virtio), err);
		if (r == 0)
			r = vmm_virtio_restore(dev, &virtio, err);
	}
	return r;
}

static int put_vcpus(struct vmm_sections *s, struct vmm_machine *machine, struct sh_err *err)
{
	_cleanup_free_ struct vmm_vcpu_state *state = calloc(1, sizeof(*state));
	int r = state ? 0 : -ENOMEM;

	for (unsigned i = 0; r == 0 && i < vmm_vcpus_count(machine->vcpus); i++) {
		r = vmm_vcpus_save(machine->vcpus, i, state);
		vmm_sections_put(s, "vcpu", i, state, sizeof(*state));
	}
	return r < 0 ? sh_err_set(err, r, "KVM tells no state of vCPUs: %s", strerror(-r)) : 0;
}

static int get_vcpus(const struct vmm_sections *s, struct vmm_machine *machine, struct sh_err *err)
{
	_cleanup_free_ struct vmm_vcpu_state *state = malloc(sizeof(*state));

	if (!state)
		return sh_err_set(err, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < vmm_vcpus_count(machine->vcpus); i++) {
		int r = vmm_sections_get(s, "vcpu", i, state, sizeof(*state), err);

		if (r < 0)
			return r;
		r = vmm_vcpus_restore(machine->vcpus, i, state);
		if (r < 0)
			return sh_err_set(
				err, r, "KVM takes no state of vCPU %u: %s", i, strerror(-r));
	}
	return 0;
}

static int put_state(struct vmm_sections *s, struct vmm_machine *machine, struct sh_err *err)
{
	const struct shape shape = shape_of(machine);
	struct vmm_kvm_chips chips = { 0 };
	uint8_t serial[VMM_SERIAL_STATE];
	uint16_t pm[3];
	uint64_t clock_ns = 0;
	int r = put_vcpus(s, machine, err);

	if (r < 0)
		return r;
	r = vmm_kvm_clock_get(&machine->kvm, &clock_ns);
	if (r == 0)
		r = vmm_kvm_chips_get(&machine->kvm, &chips);
	if (r < 0)
		return sh_err_set(err, r, "KVM tells no state of clocks and controllers");
	vmm_sections_put(s, "shap", 0, &shape, sizeof(shape));
	vmm_sections_put(s, "time", 0, &clock_ns, sizeof(clock_ns));
	vmm_sections_put(s, "chip", 0, &chips, sizeof(chips));
	vmm_snapshot_put_devices(s, machine->pci, &machine->devices.set);
	for (unsigned i = 0; i < VMM_SERIALS; i++) {
		vmm_serial_save(&machine->consoles[i].serial, serial);
		vmm_sections_put(s, "uart", i, serial, sizeof(serial));
	}
	vmm_pm_save(&machine->pm, pm);
	vmm_sections_put(s, "acpi", 0, pm, sizeof(pm));
	return s->is_full ? sh_err_set(err, -ENOSPC, "no room for the state") : 0;
}

static int get_ports(const struct vmm_sections *s, struct vmm_machine *machine, struct sh_err *err)
{
	uint8_t serial[VMM_SERIAL_STATE];
	uint16_t pm[3];
	int r = vmm_sections_get(s, "acpi", 0, pm, sizeof(pm), err);

	for (unsigned i = 0; r == 0 && i < VMM_SERIALS; i++) {
		r = vmm_sections_get(s, "uart", i, serial, sizeof(serial), err);
		if (r == 0 && vmm_serial_restore(&machine->consoles[i].serial, serial) < 0)
			r = sh_err_set(err, -EINVAL, "the state of its serial port makes no sense");
	}
	if (r == 0)
		vmm_pm_restore(&machine->pm, pm);
	return r;
}

static int get_state(const struct vmm_sections *s, struct vmm_machine *machine, struct sh_err *err)
{
	struct vmm_kvm_chips chips;
	uint64_t clock_ns;
	int r = get_vcpus(s, machine, err);

	if (r == 0)
		r = vmm_sections_get(s, "time", 0, &clock_ns, sizeof(clock_ns), err);
	if (r == 0)
		r = vmm_sections_get(s, "chip", 0, &chips, sizeof(chips), err);
	if (r < 0)
		return r;
	r = vmm_kvm_chips_set(&machine->kvm, &chips);
	if (r == 0)
		r = vmm_kvm_clock_set(&machine->kvm, clock_ns);
	if (r < 0)
		return sh_err_set(err, r, "KVM takes no state of clocks and controllers");
	r = vmm_snapshot_get_devices(s, machine->pci, &machine->devices.set, err);
	return r == 0 ? get_ports(s, machine, err) : r;
}

/* Taking one */

static int check(
	const struct vmm_machine *machine, const struct vmm_files *files, struct sh_err *err)
{
	const struct vmm_definition *def = machine->conf.def;
	unsigned n = 1;

	for (unsigned i = 0; i < def->n_nics; i++)
		if (def->nics[i].device)
			return sh_err_set(err, -EOPNOTSUPP,
				"nics[%u] is a VF, whose state nobody can read: take it away first",
				i);
	for (unsigned i = 0; i < def->n_disks; i++)
		n += !def->disks[i].readonly;
	if (files->n != n)
		return sh_err_set(err, -EINVAL,
			"%u files are needed, one and one a disk that is written to, not %u", n,
			files->n);
	if (!machine->is_complete)
		return sh_err_set(err, -EAGAIN, "it waits for its switch");
	if (!vmm_mem_is_whole(&machine->mem))
		return sh_err_set(
			err, -EAGAIN, "its memory still comes out of another snapshot: try again");
	return 0;
}

static int save_disks(
	const struct vmm_machine *machine, const struct vmm_files *files, struct sh_err *err)
{
	unsigned n = 1;

	for (unsigned i = 0; i < machine->devices.n_disks; i++) {
		const struct vmm_disk *disk = vmm_blk_disk(machine->devices.disks[i]);
		int r = disk->read_only ? 0 : vmm_copy_sparse(disk->fd, files->fds[n], disk->size);

		if (r < 0)
			return sh_err_set(err, r, "disk '%s': cannot be copied: %s",
				machine->conf.def->disks[i].file, strerror(-r));
		n += !disk->read_only;
	}
	return 0;
}

static int save_all(struct vmm_machine *machine, const struct vmm_files *files,
	struct vmm_sections *s, struct sh_err *err)
{
	int r;

	/* What it asks for is in no register any more. */
	if (vmm_machine_has_event(machine))
		return sh_err_set(err, -EAGAIN, "it is being reset or turned off");
	r = put_state(s, machine, err);
	if (r == 0)
		r = save_disks(machine, files, err);
	if (r < 0)
		return r;
	if (pwrite(files->fds[0], s->bytes, s->n, VMM_SNAPSHOT_STATE) != (ssize_t)s->n)
		r = errno ? -errno : -ENOSPC;
	else
		r = vmm_mem_save(&machine->mem, files->fds[0], VMM_SNAPSHOT_MEMORY);
	return r < 0 ? sh_err_set(err, r, "its memory cannot be written: %s", strerror(-r)) : 0;
}

/* What it begins with comes when all the rest has come to stay. */
static int finish(
	const struct vmm_files *files, const struct vmm_snapshot_header *header, struct sh_err *err)
{
	for (unsigned i = 0; i < files->n; i++)
		if (fdatasync(files->fds[i]) < 0)
			return sh_err_set(err, -errno, "its files: %s", strerror(errno));
	if (pwrite(files->fds[0], header, sizeof(*header), 0) != sizeof(*header) ||
		fdatasync(files->fds[0]) < 0)
		return sh_err_set(err, -EIO, "its files cannot be finished");
	return 0;
}

int vmm_snapshot_save(
	struct vmm_machine *machine, const struct vmm_files *files, struct sh_err *err)
{
	bool runs = machine->state == VMM_RUNNING;
	struct vmm_snapshot_header header;
	struct vmm_sections sections;
	int r = check(machine, files, err);

	if (r < 0)
		return r;
	if (vmm_sections_init(&sections) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	if (runs)
		(void)vmm_machine_pause(machine, NULL);
	r = save_all(machine, files, &sections, err);
	vmm_sections_seal(&sections, machine->mem.size, &header);
	vmm_sections_done(&sections);
	if (runs)
		(void)vmm_machine_resume(machine, NULL);
	return r == 0 ? finish(files, &header, err) : r;
}

/* Putting one back */

static int read_state(int fd, struct vmm_sections *s, struct sh_err *err)
{
	struct vmm_snapshot_header header = { 0 };
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0 || pread(fd, &header, sizeof(header), 0) < 0)
		return sh_err_set(err, -errno, "%s", strerror(errno));
	r = vmm_snapshot_check(&header, (uint64_t)st.st_size, err);
	if (r < 0)
		return r;
	if (vmm_sections_init(s) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	if (pread(fd, s->bytes, header.state_bytes, VMM_SNAPSHOT_STATE) !=
		(ssize_t)header.state_bytes)
		return sh_err_set(err, -EIO, "it cannot be read");
	s->n = header.state_bytes;
	return vmm_sections_check(s, &header, err);
}

static int begin(struct vmm_machine *machine, int fd, struct sh_err *err)
{
	const struct shape is = shape_of(machine);
	enum vmm_huge huge = machine->conf.def->memory.huge;
	struct shape was;
	int r = read_state(fd, &machine->restored, err);

	if (r == 0)
		r = vmm_sections_get(&machine->restored, "shap", 0, &was, sizeof(was), err);
	if (r == 0)
		r = check_shape(&was, &is, err);
	if (r < 0)
		return r;
	r = vmm_mem_fill_open(&machine->fill, &machine->mem, dup(fd), VMM_SNAPSHOT_MEMORY,
		huge == VMM_HUGE_AUTO || huge == VMM_HUGE_OFF);
	return r < 0 ? sh_err_set(err, r, "its memory cannot be read: %s", strerror(-r)) : 0;
}

int vmm_restore_open(struct vmm_machine *machine, struct sh_err *err)
{
	const char *folder = machine->conf.def->restore;
	_cleanup_close_ int fd = -1;
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/machine", folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? sh_err_set(err, -errno, "%s", strerror(errno)) : begin(machine, fd, err);
	return r < 0 ? sh_err_prefix(err, r, "snapshot %s", folder) : 0;
}

int vmm_restore_apply(struct vmm_machine *machine, struct sh_err *err)
{
	struct vmm_devices *d = &machine->devices;
	int r;

	vmm_virtio_pause_all(&d->set);
	r = get_state(&machine->restored, machine, err);
	vmm_sections_done(&machine->restored);
	if (r < 0)
		return sh_err_prefix(err, r, "snapshot %s", machine->conf.def->restore);
	for (unsigned i = 0; i < d->n_nics; i++)
		if (d->nics[i])
			vmm_net_announce(d->nics[i]);
	if (machine->state == VMM_RUNNING)
		vmm_virtio_resume_all(&d->set);
	return 0;
}
