/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The vCPUs of a machine: a thread each, which runs the guest until an access must be served, and
 * parks when the machine is paused, reset or ended.
 */
#pragma once

#include <sched.h>

#include "boot.h"
#include "kvm.h"

#define VMM_VCPUS 64

enum vmm_vcpu_event {
	VMM_VCPU_OFF,
	VMM_VCPU_RESET,
	VMM_VCPU_FAILED, /* KVM cannot go on; text says why */
};

/* What vCPUs need of their machine. All are called in the threads of vCPUs. */
struct vmm_vcpu_ops {
	/* First in each thread. */
	int (*enter)(void *ctx, struct sh_err *err);
	void (*port_in)(void *ctx, uint16_t port, unsigned n, uint32_t *ret);
	/* return: whether this ends or resets the machine, and then how in *ret */
	bool (*port_out)(
		void *ctx, uint16_t port, unsigned n, uint32_t value, enum vmm_vcpu_event *ret);
	void (*read)(void *ctx, uint64_t gpa, unsigned n, uint64_t *ret);
	void (*write)(void *ctx, uint64_t gpa, unsigned n, uint64_t value);
	/* All vCPUs are parking; the machine does what follows. */
	void (*event)(void *ctx, enum vmm_vcpu_event event, const char *text);
};

struct vmm_vcpus;

struct vmm_vcpu_info {
	int tid;
	uint64_t run_ns;  /* on a CPU */
	uint64_t wait_ns; /* ready, but other threads had the CPU: what the guest misses */
	cpu_set_t cpus;
};

/**
 * Make vCPUs, with CPUID and what reset gives them. kvm stays the caller's.
 *
 * errors:  -errno, with what KVM refused
 * thread:  main
 */
int vmm_vcpus_new(struct vmm_kvm *kvm, unsigned n, const struct vmm_vcpu_ops *ops, void *ctx,
	struct vmm_vcpus **ret, struct sh_err *err);

/** End their threads. thread: main. */
void vmm_vcpus_free(struct vmm_vcpus *vcpus);

/** Put back what reset gives them. From then on KVM writes nothing into memory. thread: main. */
int vmm_vcpus_reset(struct vmm_vcpus *vcpus, struct sh_err *err);

/** The same, and let the first begin at the kernel's entry. */
int vmm_vcpus_boot(struct vmm_vcpus *vcpus, const struct vmm_boot *boot, struct sh_err *err);

struct vmm_vcpu_state;

/** Of the vCPU; -errno where KVM refuses. thread: main, while it is parked. */
int vmm_vcpus_save(struct vmm_vcpus *vcpus, unsigned vcpu, struct vmm_vcpu_state *ret);
int vmm_vcpus_restore(struct vmm_vcpus *vcpus, unsigned vcpu, const struct vmm_vcpu_state *state);

/** What the guest sees of the CPU, as a checksum, and how fast its counter is; 0 if KVM cannot say.
 */
uint64_t vmm_vcpus_cpu(const struct vmm_vcpus *vcpus);
unsigned vmm_vcpus_tsc_khz(const struct vmm_vcpus *vcpus);

/** Start the threads, parked. task_fd: of /proc/self/task, for their statistics; -1 for none. */
int vmm_vcpus_start(struct vmm_vcpus *vcpus, int task_fd, struct sh_err *err);

/** The vCPUs run; or they park, and have when this returns. thread: main. */
void vmm_vcpus_run(struct vmm_vcpus *vcpus);
void vmm_vcpus_park(struct vmm_vcpus *vcpus);

/** errors: -EINVAL (no such vCPU), -errno (none of the CPUs may be used). thread: main. */
int vmm_vcpus_pin(struct vmm_vcpus *vcpus, unsigned vcpu, const cpu_set_t *cpus);

/** thread: main. */
void vmm_vcpus_info(struct vmm_vcpus *vcpus, unsigned vcpu, struct vmm_vcpu_info *ret);
unsigned vmm_vcpus_count(const struct vmm_vcpus *vcpus);
