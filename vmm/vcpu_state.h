/* SPDX-License-Identifier: BSD-3-Clause
 *
 * All that a vCPU is, as KVM tells it: taken once before its first instruction, it is what a reset
 * puts back.
 */
#pragma once

#include <linux/kvm.h>
#include <stdint.h>

#define VMM_VCPU_MSRS        512
#define VMM_VCPU_XSAVE_BYTES 4096 /* of all but AMX, which the guest is not shown */

struct vmm_vcpu_msrs {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[VMM_VCPU_MSRS];
};

struct vmm_vcpu_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
	struct kvm_mp_state mp_state;
	struct vmm_vcpu_msrs msrs;
	uint64_t tsc; /* set by vmm_vcpu_tsc_set alone: after a reset the clock goes on */
};

/**
 * Read the state of a vCPU. fd is the vCPU's, kvm_fd that of /dev/kvm.
 *
 * errors:  -errno
 * thread:  any while the vCPU does not run
 */
int vmm_vcpu_state_get(int fd, int kvm_fd, struct vmm_vcpu_state *ret);
int vmm_vcpu_state_set(int fd, const struct vmm_vcpu_state *state);

/** The counter as it was; before the rest, which has deadlines in it. */
int vmm_vcpu_tsc_set(int fd, const struct vmm_vcpu_state *state);
