/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The machine: memory, vCPUs, bus, ports and devices made from a definition, and its life from the
 * first instruction to the last. The main thread owns it; vCPUs come in through their accesses.
 */
#pragma once

#include "base/log.h"
#include "confine.h"
#include "console.h"
#include "definition.h"
#include "devices.h"
#include "mem_fill.h"
#include "pm.h"
#include "vcpu.h"

#define VMM_EXIT_OFF    0
#define VMM_EXIT_FAILED 1
#define VMM_EXIT_USAGE  2
#define VMM_EXIT_RESET  3 /* with --no-reboot */

enum vmm_state {
	VMM_RUNNING,
	VMM_PAUSED,
	VMM_ENDED,
};

struct vmm_machine_conf {
	const struct vmm_definition *def;
	struct vmm_confine_conf confine;
	bool slow_kvm;
	bool no_reboot;
};

struct vmm_machine {
	struct vmm_machine_conf conf;
	struct vmm_kvm kvm;
	struct vmm_kvm_chips chips; /* as after reset */
	struct vmm_mem mem;
	struct vmm_pci *pci;
	struct vmm_pm pm;
	struct vmm_console consoles[VMM_SERIALS];
	struct vmm_devices devices;
	bool is_complete; /* the guest may run: see vmm_devices_start */
	struct vmm_vcpus *vcpus;
	struct vmm_loop loop; /* the main thread's */
	int statm_fd, ksm_fd; /* of /proc/self; -1 where the kernel has none */
	struct vmm_boot_conf boot;
	enum vmm_state state;
	int exit_status;
	unsigned n_resets;
	struct sh_log_limit reset_limit;

	/* Out of a snapshot. */
	struct vmm_snapshot *restored; /* until it is put in */
	struct vmm_mem_fill fill;
	struct vmm_source whole_source;
	uint64_t opened_ns;

	/* From vCPUs to the main thread. */
	pthread_mutex_t lock;
	bool has_event;
	enum vmm_vcpu_event event;
	char event_text[256];
	int event_fd;
	struct vmm_source event_source;
};

/**
 * Make a machine: open all that it needs, then give up what the process does not need any more.
 * machine stays where it is.
 *
 * errors:  -errno, with the sentence for the user; half a machine is freed by vmm_machine_done
 * thread:  main
 */
int vmm_machine_open(
	struct vmm_machine *machine, const struct vmm_machine_conf *conf, struct sh_err *err);
int vmm_machine_start(struct vmm_machine *machine, struct sh_err *err);
void vmm_machine_done(struct vmm_machine *machine);

/* Life. thread: main. */

/** errors: -EALREADY */
int vmm_machine_pause(struct vmm_machine *machine, struct sh_err *err);
int vmm_machine_resume(struct vmm_machine *machine, struct sh_err *err);

/** Whether the guest has asked for an end or a reset that has not been served yet. */
bool vmm_machine_has_event(struct vmm_machine *machine);

/** Press the power button. errors: -ENOTCONN: the guest does not listen to it. */
int vmm_machine_press_button(struct vmm_machine *machine, struct sh_err *err);
void vmm_machine_end(struct vmm_machine *machine, int exit_status);

struct vmm_machine_usage {
	uint64_t resident; /* bytes of memory that the host has given */
	uint64_t merged;   /* of these, shared with others (KSM) */
};
void vmm_machine_usage(const struct vmm_machine *machine, struct vmm_machine_usage *ret);

/* machine_io.c: what vCPUs ask of it. ctx is the machine. */
extern const struct vmm_vcpu_ops vmm_machine_vcpu_ops;
