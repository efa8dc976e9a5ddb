/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A machine's definition: one JSON object, as an item of `vms:` in shunt.yaml(5), with what shuntd
 * has found out for it (`socket` of a NIC). Reading is pure.
 */
#pragma once

#include <jansson.h>
#include <sched.h>
#include <stdbool.h>

#include "base/err.h"
#include "mem.h"

#define VMM_DISKS 16
#define VMM_NICS  8
#define VMM_PINS  64

struct vmm_def_disk {
	const char *file;
	uint64_t size; /* bytes; 0: that of the file */
	bool discard, readonly;
};

struct vmm_def_nic {
	const char *socket; /* of vhost-user; or */
	const char *vf;     /* as eth0/0, or a PCI address */
	uint8_t mac[6];
	bool has_mac;
	unsigned queues; /* pairs */
	unsigned mtu;    /* bytes; 0: that of the port */
};

struct vmm_def_pin {
	unsigned vcpu;
	cpu_set_t cpus;
};

struct vmm_definition {
	json_t *root; /* owner of all texts */
	const char *name, *kernel, *initrd, *cmdline, *serial[2], *console, *user, *chroot;
	const char
		*restore; /* folder of a snapshot to go on from; NULL: boot. No field: an option */
	unsigned vcpus;
	struct vmm_mem_conf memory;
	bool balloon, rng;
	unsigned n_disks, n_nics, n_pins;
	struct vmm_def_disk disks[VMM_DISKS];
	struct vmm_def_nic nics[VMM_NICS];
	struct vmm_def_pin pins[VMM_PINS];
};

/** What holds where nothing is said. */
void vmm_definition_init(struct vmm_definition *ret);

/**
 * Read a definition of n bytes.
 *
 * errors:  -EINVAL, naming the field and what is allowed; -ENOMEM
 * thread:  any
 */
int vmm_definition_parse(
	const char *text, size_t n, struct vmm_definition *ret, struct sh_err *err);
void vmm_definition_done(struct vmm_definition *def);

/** What only the whole can tell: that there is a kernel, that memory can be shared. */
int vmm_definition_check(const struct vmm_definition *def, struct sh_err *err);
