/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a vCPU is before its first instruction: CPUID, a few registers that firmware would have set,
 * and for the first vCPU the mode and registers of the kernel's entry (Linux's 64-bit boot
 * protocol; PVH).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "checksum.h"
#include "cpuid.h"
#include "vcpu_inside.h"

#define CR0_PE           (1u << 0)
#define CR0_ET           (1u << 4)
#define CR0_PG           (1u << 31)
#define CR4_PAE          (1u << 5)
#define EFER_LME         (1u << 8)
#define EFER_LMA         (1u << 10)
#define MSR_MISC_ENABLE  0x1a0
#define FAST_STRING      1
#define MSR_MTRR_DEFAULT 0x2ff
#define WRITE_BACK       (1u << 11 | 6) /* on, and all of memory is cached */
#define CODE_SELECTOR    0x10
#define DATA_SELECTOR    0x18
#define TASK_SELECTOR    0x20

int vcpu_set_cpuid(const struct vcpu *vcpu, struct sh_err *err)
{
	const struct vmm_kvm *kvm = vcpu->set->kvm;
	_cleanup_free_ struct vmm_cpuid *cpuid = calloc(1, sizeof(*cpuid));
	const struct vmm_cpuid_conf conf = {
		.vcpu = vcpu->index,
		.n_vcpus = vcpu->set->n_vcpus,
		.tsc_deadline = ioctl(kvm->fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0,
	};

	if (!cpuid)
		return sh_err_set(err, -ENOMEM, "out of memory");
	cpuid->head.nent = VMM_CPUID_MAX - 4; /* the filter may add some */
	if (ioctl(kvm->fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0)
		return sh_err_set(err, -errno, "KVM tells no CPUID: %s", strerror(errno));
	vmm_cpuid_filter(cpuid, &conf);
	if (vcpu->index == 0)
		vcpu->set->cpu =
			vmm_checksum(cpuid->entries, cpuid->head.nent * sizeof(cpuid->entries[0]));
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) < 0)
		return sh_err_set(err, -errno, "KVM takes no CPUID: %s", strerror(errno));
	return 0;
}

int vcpu_set_defaults(const struct vcpu *vcpu, struct sh_err *err)
{
	struct vmm_vcpu_msrs msrs = {
		.head.nmsrs = 2,
		.entries = { { .index = MSR_MTRR_DEFAULT, .data = WRITE_BACK },
			{ .index = MSR_MISC_ENABLE, .data = FAST_STRING } },
	};

	/* A CPU without the second takes the first alone. */
	if (ioctl(vcpu->fd, KVM_SET_MSRS, &msrs) < 1)
		return sh_err_set(err, -EIO, "KVM takes no registers of the CPU");
	return 0;
}

static struct kvm_segment flat(uint16_t selector, uint8_t type, bool long_mode)
{
	return (struct kvm_segment){
		.limit = UINT32_MAX,
		.selector = selector,
		.type = type,
		.present = 1,
		.db = !long_mode,
		.s = 1,
		.l = long_mode,
		.g = 1,
	};
}

static void set_segments(struct kvm_sregs *sregs, bool long_mode)
{
	const struct kvm_segment data = flat(DATA_SELECTOR, 3, false);

	sregs->cs = flat(CODE_SELECTOR, 11, long_mode);
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = data;
	sregs->tr = (struct kvm_segment){
		.limit = 0x67, .selector = TASK_SELECTOR, .type = 11, .present = 1
	};
	sregs->gdt.base = VMM_BOOT_GDT;
	sregs->gdt.limit = 5 * 8 - 1;
	sregs->idt.base = 0;
	sregs->idt.limit = 0;
}

void vcpu_state_for(struct vmm_vcpu_state *state, const struct vmm_boot *boot)
{
	bool long_mode = boot->entry == VMM_ENTRY_LINUX64;

	set_segments(&state->sregs, long_mode);
	state->sregs.cr0 = CR0_PE | CR0_ET;
	state->sregs.cr4 = 0;
	if (long_mode) {
		state->sregs.cr0 |= CR0_PG;
		state->sregs.cr3 = VMM_BOOT_PAGE_TABLES;
		state->sregs.cr4 = CR4_PAE;
		state->sregs.efer |= EFER_LME | EFER_LMA;
	}
	memset(&state->regs, 0, sizeof(state->regs));
	state->regs.rflags = 2;
	state->regs.rip = boot->start;
	state->regs.rsp = VMM_BOOT_STACK;
	if (long_mode)
		state->regs.rsi = boot->info;
	else
		state->regs.rbx = boot->info;
}
