/* SPDX-License-Identifier: BSD-3-Clause
 *
 * CPUID of a vCPU. All vCPUs are cores of one socket without hyper-threads, each with the id of its
 * APIC. Taken away: virtualization in the guest, performance counters, and power states, which
 * this machine does not have.
 */
#include <stdint.h>

#include "cpuid.h"

#define LEAF1_C_VMX          (1u << 5)
#define LEAF1_C_MONITOR      (1u << 3)
#define LEAF1_C_X2APIC       (1u << 21)
#define LEAF1_C_TSC_DEADLINE (1u << 24)
#define LEAF1_C_HYPERVISOR   (1u << 31)
#define LEAF1_D_HTT          (1u << 28)
#define AMD_C_CMP_LEGACY     (1u << 1)
#define AMD_C_SVM            (1u << 2)

static unsigned bits_for(unsigned n)
{
	unsigned bits = 0;

	while ((1u << bits) < n)
		bits++;
	return bits;
}

static void filter_features(struct kvm_cpuid_entry2 *e, const struct vmm_cpuid_conf *conf)
{
	unsigned logical = 1u << bits_for(conf->n_vcpus);

	e->ebx = (e->ebx & 0xffff) | logical << 16 | conf->vcpu << 24;
	e->ecx &= ~(LEAF1_C_VMX | LEAF1_C_MONITOR);
	e->ecx |= LEAF1_C_HYPERVISOR;
	if (conf->tsc_deadline)
		e->ecx |= LEAF1_C_TSC_DEADLINE;
	e->edx = conf->n_vcpus > 1 ? e->edx | LEAF1_D_HTT : e->edx & ~LEAF1_D_HTT;
}

/* Deterministic cache parameters: the last level is shared by all, the others are a core's own. */
static void filter_cache(struct kvm_cpuid_entry2 *e, const struct vmm_cpuid_conf *conf)
{
	unsigned level = (e->eax >> 5) & 7;
	unsigned sharing = level >= 3 ? (1u << bits_for(conf->n_vcpus)) - 1 : 0;

	if (!(e->eax & 0x1f))
		return;
	e->eax = (e->eax & 0x3fff) | sharing << 14;
	if (e->function == 4)
		e->eax |= ((1u << bits_for(conf->n_vcpus)) - 1) << 26;
}

/* Extended topology: one thread a core, all cores in one package. */
static void filter_topology(struct kvm_cpuid_entry2 *e, const struct vmm_cpuid_conf *conf)
{
	const unsigned smt = 1, core = 2;

	e->eax = e->ebx = 0;
	e->ecx = e->index & 0xff;
	if (e->index == 0) {
		e->ebx = 1;
		e->ecx |= smt << 8;
	} else if (e->index == 1) {
		e->eax = bits_for(conf->n_vcpus);
		e->ebx = conf->n_vcpus;
		e->ecx |= core << 8;
	}
	e->edx = conf->vcpu;
}

static void clear(struct kvm_cpuid_entry2 *e)
{
	e->eax = e->ebx = e->ecx = e->edx = 0;
}

static void filter_amd(struct kvm_cpuid_entry2 *e, const struct vmm_cpuid_conf *conf)
{
	switch (e->function) {
	case 0x80000001:
		e->ecx &= ~AMD_C_SVM;
		if (conf->n_vcpus > 1)
			e->ecx |= AMD_C_CMP_LEGACY;
		break;
	case 0x80000008:
		e->ecx = (conf->n_vcpus - 1) | bits_for(conf->n_vcpus) << 12;
		break;
	case 0x8000000a: /* SVM */
	case 0x80000022: /* performance counters */
	case 0x80000026: /* a topology that 0xb tells already */
		clear(e);
		break;
	case 0x8000001d:
		filter_cache(e, conf);
		break;
	case 0x8000001e:
		e->eax = conf->vcpu;
		e->ebx = conf->vcpu; /* core's id; one thread each */
		e->ecx = 0;
		e->edx = 0;
		break;
	default:
		break;
	}
}

static bool is_amd(const struct vmm_cpuid *cpuid)
{
	for (unsigned i = 0; i < cpuid->head.nent; i++)
		if (cpuid->entries[i].function == 0)
			/* "Auth" or "Hygo" */
			return cpuid->entries[i].ebx == 0x68747541 ||
			       cpuid->entries[i].ebx == 0x6f677948;
	return false;
}

static void filter_basic(struct kvm_cpuid_entry2 *e, const struct vmm_cpuid_conf *conf)
{
	switch (e->function) {
	case 1:
		filter_features(e, conf);
		break;
	case 4:
		filter_cache(e, conf);
		break;
	case 5:    /* MONITOR */
	case 6:    /* power */
	case 0xa:  /* performance counters */
	case 0x12: /* SGX */
	case 0x14: /* processor trace */
		clear(e);
		break;
	case 0xb:
	case 0x1f:
		filter_topology(e, conf);
		break;
	default:
		break;
	}
}

/* KVM may give fewer levels of the topology than there are. */
static void add_topology(struct vmm_cpuid *cpuid, unsigned function)
{
	bool has[2] = { false, false };

	for (unsigned i = 0; i < cpuid->head.nent; i++)
		if (cpuid->entries[i].function == function && cpuid->entries[i].index < 2)
			has[cpuid->entries[i].index] = true;
	for (unsigned i = 0; i < 2; i++)
		if (has[0] && !has[i] && cpuid->head.nent < VMM_CPUID_MAX)
			cpuid->entries[cpuid->head.nent++] = (struct kvm_cpuid_entry2){
				.function = function,
				.index = i,
				.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			};
}

void vmm_cpuid_filter(struct vmm_cpuid *cpuid, const struct vmm_cpuid_conf *conf)
{
	bool amd = is_amd(cpuid);

	add_topology(cpuid, 0xb);
	add_topology(cpuid, 0x1f);
	for (unsigned i = 0; i < cpuid->head.nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		filter_basic(e, conf);
		if (amd)
			filter_amd(e, conf);
	}
}
