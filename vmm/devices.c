/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Making a machine's devices. Main thread; their order on the bus is that of the definition,
 * disks first, so that the guest's names for them stay.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "devices.h"
#include "virtio_console.h"
#include "virtio_rng.h"

static int add_disk(
	struct vmm_devices *d, const struct vmm_definition *machine, unsigned i, struct sh_err *err)
{
	const struct vmm_def_disk *def = &machine->disks[i];
	char *name = d->disk_names[i], content[4096];
	struct vmm_disk_conf conf = {
		.file = def->file,
		.size = def->size,
		.read_only = def->readonly,
		.discard = def->discard,
	};
	struct vmm_disk disk;
	int r;

	if (machine->restore && !def->readonly) {
		snprintf(content, sizeof(content), "%s/disk%u", machine->restore, i);
		conf.content = content;
	}
	r = vmm_disk_open(&conf, &disk, err);
	if (r < 0)
		return r;
	snprintf(name, VMM_DEVICE_NAME, "disk%u", i);
	r = vmm_blk_new(&d->set, name, disk, &d->disks[i], err);
	if (r == 0)
		d->n_disks++;
	return r;
}

/* One of the machine's own, the same at each start: FNV-1a of its name and the NIC's number. */
static void make_mac(const char *machine, unsigned nic, uint8_t ret[6])
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ nic;

	for (const char *c = machine; *c; c++)
		hash = (hash ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
	ret[0] = 0x02; /* local, of one station */
	memcpy(ret + 1, &hash, 5);
}

_Static_assert(VMM_NICS <= VMM_VFIO_FUNCTIONS, "each may be a VF");

static int add_vf(struct vmm_devices *d, const struct vmm_kvm *kvm, const char *vf, unsigned i,
	struct sh_err *err)
{
	struct vmm_vfio_device device = { .fd = -1 };
	int r = vmm_vfio_open(&d->vfio, vf, d->set.mem, kvm, &device, err);

	for (unsigned k = 0; r == 0 && k < i; k++)
		if (d->vfs[k] &&
			strcmp(vmm_vfio_function_device(d->vfs[k])->address, device.address) == 0)
			r = sh_err_set(err, -EEXIST, "it is given twice");
	if (r == 0)
		r = vmm_vfio_function_new(d->set.pci, d->nic_names[i], &device, &d->vfs[i], err);
	if (r < 0 && device.fd >= 0)
		close(device.fd);
	return r < 0 ? sh_err_prefix(err, r, "vf '%s'", vf) : 0;
}

static int add_nic(struct vmm_devices *d, const struct vmm_definition *def,
	const struct vmm_kvm *kvm, unsigned i, struct sh_err *err)
{
	const struct vmm_def_nic *nic = &def->nics[i];
	struct vmm_net_conf conf = {
		.name = d->nic_names[i],
		.socket = nic->socket,
		.mtu = (uint16_t)nic->mtu,
		.n_pairs = nic->queues,
	};

	d->n_nics = i + 1;
	snprintf(d->nic_names[i], VMM_DEVICE_NAME, "net%u", i);
	if (nic->vf)
		return add_vf(d, kvm, nic->vf, i, err);
	make_mac(def->name, i, conf.mac);
	if (nic->has_mac)
		memcpy(conf.mac, nic->mac, sizeof(conf.mac));
	return vmm_net_new(&d->set, &conf, &d->nics[i], err);
}

static int add_console(struct vmm_devices *d, const char *what, struct sh_err *err)
{
	struct vmm_virtio_console_conf conf;
	int r = vmm_console_open(what, &d->console, err);

	if (r < 0)
		return r;
	conf = (struct vmm_virtio_console_conf){ d->console.in_fd, d->console.out_fd };
	return conf.out_fd < 0 ? 0 : vmm_virtio_console_new(&d->set, &conf, err);
}

int vmm_devices_open(struct vmm_devices *d, const struct vmm_definition *def,
	const struct vmm_kvm *kvm, struct vmm_pci *pci, const struct vmm_mem *mem,
	struct sh_err *err)
{
	int r;

	*d = (struct vmm_devices){
		.console = { .in_fd = -1, .out_fd = -1, .slave_fd = -1 },
	};
	if (vmm_loop_init(&d->loop) < 0)
		return sh_err_set(err, -EMFILE, "no more files can be opened: raise the limit");
	d->is_open = true;
	d->set = (struct vmm_virtio_set){ .pci = pci, .mem = mem, .loop = &d->loop };
	r = add_console(d, def->console, err);
	for (unsigned i = 0; r == 0 && i < def->n_disks; i++)
		r = add_disk(d, def, i, err);
	for (unsigned i = 0; r == 0 && i < def->n_nics; i++)
		r = add_nic(d, def, kvm, i, err);
	/* A VF writes to memory that the guest has given away as well: none of it may go. */
	if (r == 0 && def->balloon && !vmm_devices_have_vf(d))
		r = vmm_balloon_new(&d->set, &d->balloon, err);
	if (r == 0 && def->rng)
		r = vmm_rng_new(&d->set, err);
	return r;
}

bool vmm_devices_have_vf(const struct vmm_devices *d)
{
	return d->vfio.container;
}

static void on_missing(void *ctx)
{
	struct vmm_devices *d = ctx;

	/* Which one it is, the descriptors tell: each is readable for good. */
	for (unsigned i = 0; i < d->n_nics; i++) {
		struct vmm_source *source = &d->missing[i];

		if (!source->fn || !vmm_net_has_been_ready(d->nics[i]))
			continue;
		vmm_loop_del(d->main, source);
		source->fn = NULL;
		d->n_missing--;
	}
	if (d->n_missing == 0)
		d->on_complete(d->ctx);
}

static int wait_for_nics(struct vmm_devices *d, struct sh_err *err)
{
	for (unsigned i = 0; i < d->n_nics; i++) {
		int r;

		if (!d->nics[i]) {
			r = vmm_vfio_function_start(d->vfs[i], d->main);
			if (r < 0)
				return sh_err_set(err, r, "%s: %s", d->nic_names[i], strerror(-r));
			continue;
		}
		d->missing[i] = (struct vmm_source){ vmm_net_ready_fd(d->nics[i]), on_missing, d };
		r = vmm_loop_add(d->main, &d->missing[i], EPOLLIN);
		if (r < 0)
			return sh_err_set(err, r, "events cannot be waited for: %s", strerror(-r));
		d->n_missing++;
	}
	return 0;
}

int vmm_devices_start(struct vmm_devices *d, struct vmm_loop *main, void (*on_complete)(void *ctx),
	void *ctx, struct sh_err *err)
{
	int r = vmm_loop_start(&d->loop, "devices", vmm_confine_device_thread);

	if (r < 0)
		return sh_err_set(err, r, "no thread for devices: %s", strerror(-r));
	d->main = main;
	d->on_complete = on_complete;
	d->ctx = ctx;
	r = vmm_virtio_start_all(&d->set, vmm_confine_device_thread, err);
	if (r == 0)
		r = wait_for_nics(d, err);
	if (r == 0 && d->n_missing == 0)
		on_complete(ctx);
	return r;
}

void vmm_devices_done(struct vmm_devices *d)
{
	if (!d->is_open)
		return;
	vmm_loop_done(&d->loop);
	vmm_virtio_free_all(&d->set);
	for (unsigned i = 0; i < d->n_nics; i++)
		vmm_vfio_function_free(d->vfs[i]);
	vmm_vfio_close(&d->vfio);
	vmm_console_close(&d->console);
	d->is_open = false;
}
