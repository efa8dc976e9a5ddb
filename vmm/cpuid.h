/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the guest's CPUID instruction says: what KVM supports, less what this machine does not give,
 * with the topology of this machine.
 */
#pragma once

#include <linux/kvm.h>
#include <stdbool.h>

#define VMM_CPUID_MAX 256 /* entries */

/* Room for VMM_CPUID_MAX entries follows the header. */
struct vmm_cpuid {
	struct kvm_cpuid2 head;
	struct kvm_cpuid_entry2 entries[VMM_CPUID_MAX];
};

struct vmm_cpuid_conf {
	unsigned vcpu, n_vcpus;
	bool tsc_deadline; /* KVM has this timer of the APIC */
};

/** Make of what KVM supports what one vCPU shows. Pure. */
void vmm_cpuid_filter(struct vmm_cpuid *cpuid, const struct vmm_cpuid_conf *conf);
