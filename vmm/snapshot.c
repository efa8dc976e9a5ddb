/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a machine is, into a file and out of it. The order of putting it back matters: vCPUs first,
 * since an interrupt that waits in a controller goes into a vCPU's APIC, then what raises
 * interrupts. Guest time goes on where it stood. Main thread, all vCPUs parked, devices paused.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "checksum.h"
#include "snapshot.h"
#include "sparse.h"

#define TSC_TOLERANCE 4000 /* 250 ppm, as KVM's own */
#define HEAD_BYTES    offsetof(struct vmm_snapshot, memory_bytes)

static const char magic[8] = "SHUNT-VM";
static_assert(sizeof(struct vmm_snapshot) <= VMM_SNAPSHOT_MEMORY, "memory lies behind it");

static uint32_t bytes_of(unsigned n_vcpus)
{
	return (uint32_t)(offsetof(struct vmm_snapshot, vcpus) +
			  n_vcpus * sizeof(struct vmm_vcpu_state));
}

static uint64_t checksum(const struct vmm_snapshot *s)
{
	return vmm_checksum((const uint8_t *)s + HEAD_BYTES, bytes_of(s->n_vcpus) - HEAD_BYTES);
}

void vmm_snapshot_seal(struct vmm_snapshot *s)
{
	memcpy(s->magic, magic, sizeof(magic));
	s->version = VMM_SNAPSHOT_VERSION;
	s->bytes = bytes_of(s->n_vcpus);
	s->checksum = checksum(s);
}

int vmm_snapshot_check(const struct vmm_snapshot *s, uint64_t file_bytes, struct sh_err *err)
{
	if (memcmp(s->magic, magic, sizeof(magic)) != 0)
		return sh_err_set(err, -EINVAL, "it is none, or was not finished");
	if (s->version != VMM_SNAPSHOT_VERSION)
		return sh_err_set(err, -EINVAL, "it is of version %u, this program's are of %u",
			s->version, VMM_SNAPSHOT_VERSION);
	if (file_bytes < VMM_SNAPSHOT_MEMORY || s->n_vcpus > VMM_VCPUS ||
		s->bytes != bytes_of(s->n_vcpus) ||
		file_bytes - VMM_SNAPSHOT_MEMORY != s->memory_bytes)
		return sh_err_set(err, -EINVAL, "it is cut off, or longer than it says");
	if (s->checksum != checksum(s))
		return sh_err_set(err, -EINVAL, "it is damaged: its checksum is another one");
	return 0;
}

static void put_shape(struct vmm_snapshot *s, const struct vmm_machine *machine)
{
	const struct vmm_definition *def = machine->conf.def;

	s->memory_bytes = machine->mem.size;
	s->cpu = vmm_vcpus_cpu(machine->vcpus);
	s->tsc_khz = vmm_vcpus_tsc_khz(machine->vcpus);
	s->n_vcpus = def->vcpus;
	s->n_disks = def->n_disks;
	for (unsigned i = 0; i < def->n_disks; i++)
		s->read_only_disks |= (uint32_t)def->disks[i].readonly << i;
	s->n_nics = def->n_nics;
	s->balloon = def->balloon;
	s->rng = def->rng;
	s->console = strcmp(def->console, "off") != 0;
}

static int check_shape(
	const struct vmm_snapshot *was, const struct vmm_snapshot *is, struct sh_err *err)
{
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
	if (was->cpu != is->cpu ||
		labs((long)was->tsc_khz - (long)is->tsc_khz) > (long)is->tsc_khz / TSC_TOLERANCE)
		return sh_err_set(err, -EINVAL,
			"it is of another CPU, or of another kernel's KVM: the guest would miss "
			"what it found");
	return 0;
}

void vmm_snapshot_put_devices(
	struct vmm_snapshot *s, struct vmm_pci *pci, struct vmm_virtio_set *set)
{
	unsigned n = 0;

	for (unsigned slot = 0; slot < vmm_pci_count(pci); slot++)
		vmm_pci_save(pci, slot, &s->pci[slot]);
	for (struct vmm_virtio *dev = set->first; dev; dev = dev->next)
		vmm_virtio_save(dev, &s->virtio[n++]);
}

int vmm_snapshot_get_devices(const struct vmm_snapshot *s, struct vmm_pci *pci,
	struct vmm_virtio_set *set, struct sh_err *err)
{
	unsigned n = 0;
	int r = 0;

	for (unsigned slot = 0; r == 0 && slot < vmm_pci_count(pci); slot++)
		r = vmm_pci_restore(pci, slot, &s->pci[slot], err);
	for (struct vmm_virtio *dev = set->first; r == 0 && dev; dev = dev->next)
		r = vmm_virtio_restore(dev, &s->virtio[n++], err);
	return r;
}

static int put_state(struct vmm_snapshot *s, struct vmm_machine *machine, struct sh_err *err)
{
	const struct vmm_pm *pm = &machine->pm;
	int r = vmm_kvm_clock_get(&machine->kvm, &s->clock_ns);

	put_shape(s, machine);
	for (unsigned i = 0; r == 0 && i < s->n_vcpus; i++)
		r = vmm_vcpus_save(machine->vcpus, i, &s->vcpus[i]);
	if (r == 0)
		r = vmm_kvm_chips_get(&machine->kvm, &s->chips);
	if (r < 0)
		return sh_err_set(err, r, "KVM tells no state: %s", strerror(-r));
	vmm_snapshot_put_devices(s, machine->pci, &machine->devices.set);
	for (unsigned i = 0; i < VMM_SERIALS; i++)
		memcpy(s->serial[i], &machine->consoles[i].serial.ier, VMM_SERIAL_STATE);
	s->pm[0] = pm->status;
	s->pm[1] = pm->enable;
	s->pm[2] = pm->control;
	vmm_snapshot_seal(s);
	return 0;
}

static int get_state(const struct vmm_snapshot *s, struct vmm_machine *machine, struct sh_err *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < s->n_vcpus; i++)
		r = vmm_vcpus_restore(machine->vcpus, i, &s->vcpus[i]);
	if (r == 0)
		r = vmm_kvm_chips_set(&machine->kvm, &s->chips);
	if (r == 0)
		r = vmm_kvm_clock_set(&machine->kvm, s->clock_ns);
	if (r < 0)
		return sh_err_set(err, r, "KVM takes no such state: %s", strerror(-r));
	r = vmm_snapshot_get_devices(s, machine->pci, &machine->devices.set, err);
	for (unsigned i = 0; r == 0 && i < VMM_SERIALS; i++)
		if (vmm_serial_restore(&machine->consoles[i].serial, s->serial[i]) < 0)
			r = sh_err_set(err, -EINVAL, "its serial port cannot have been so");
	vmm_pm_restore(&machine->pm, s->pm);
	return r;
}

/* Taking one */

static int check(
	const struct vmm_machine *machine, const struct vmm_files *files, struct sh_err *err)
{
	const struct vmm_definition *def = machine->conf.def;
	unsigned n = 1;

	for (unsigned i = 0; i < def->n_nics; i++)
		if (def->nics[i].vf)
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
	struct vmm_snapshot *s, struct sh_err *err)
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
	r = vmm_mem_save(&machine->mem, files->fds[0], VMM_SNAPSHOT_MEMORY);
	return r < 0 ? sh_err_set(err, r, "its memory cannot be written: %s", strerror(-r)) : 0;
}

/* What it begins with comes when all the rest has come to stay. */
static int finish(const struct vmm_files *files, const struct vmm_snapshot *s, struct sh_err *err)
{
	bool done = true;

	for (unsigned i = 0; i < files->n; i++)
		done = done && fdatasync(files->fds[i]) == 0;
	if (!done || pwrite(files->fds[0], s, s->bytes, 0) != (ssize_t)s->bytes ||
		fdatasync(files->fds[0]) < 0)
		return sh_err_set(err, -EIO, "its files cannot be finished: %s", strerror(errno));
	return 0;
}

int vmm_snapshot_save(
	struct vmm_machine *machine, const struct vmm_files *files, struct sh_err *err)
{
	_cleanup_free_ struct vmm_snapshot *s = calloc(1, sizeof(*s));
	bool runs = machine->state == VMM_RUNNING;
	int r = s ? check(machine, files, err) : sh_err_set(err, -ENOMEM, "out of memory");

	if (r < 0)
		return r;
	if (runs)
		(void)vmm_machine_pause(machine, NULL);
	r = save_all(machine, files, s, err);
	if (runs)
		(void)vmm_machine_resume(machine, NULL);
	return r == 0 ? finish(files, s, err) : r;
}

/* Putting one back */

static int begin(struct vmm_machine *machine, int fd, struct sh_err *err)
{
	_cleanup_free_ struct vmm_snapshot *is = calloc(1, sizeof(*is));
	enum vmm_huge huge = machine->conf.def->memory.huge;
	struct stat st;
	int r;

	machine->restored = calloc(1, sizeof(*machine->restored));
	if (!is || !machine->restored)
		return sh_err_set(err, -ENOMEM, "out of memory");
	if (fstat(fd, &st) < 0 || pread(fd, machine->restored, sizeof(*machine->restored), 0) < 0)
		return sh_err_set(err, -errno, "%s", strerror(errno));
	put_shape(is, machine);
	r = vmm_snapshot_check(machine->restored, (uint64_t)st.st_size, err);
	if (r == 0)
		r = check_shape(machine->restored, is, err);
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
	r = get_state(machine->restored, machine, err);
	free(machine->restored);
	machine->restored = NULL;
	if (r < 0)
		return sh_err_prefix(err, r, "snapshot %s", machine->conf.def->restore);
	for (unsigned i = 0; i < d->n_nics; i++)
		if (d->nics[i])
			vmm_net_announce(d->nics[i]);
	if (machine->state == VMM_RUNNING)
		vmm_virtio_resume_all(&d->set);
	return 0;
}
