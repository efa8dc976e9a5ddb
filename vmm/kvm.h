/* SPDX-License-Identifier: BSD-3-Clause
 *
 * KVM: the virtual machine as the kernel has it, without its vCPUs. Interrupt routes and memory
 * slots change while the guest runs; they are under a lock of their own.
 */
#pragma once

#include <linux/kvm.h>
#include <pthread.h>

#include "mem.h"
#include "pci_bus.h"

#define VMM_KVM_ROUTES (64 + VMM_PCI_SLOTS * VMM_MSIX_MAX)
#define VMM_KVM_SLOTS  64 /* memory slots: the guest's memory and mapped BARs */
#define VMM_IRQ_PINS   24 /* of the IOAPIC */

struct vmm_kvm_slot {
	uint64_t gpa, size; /* size 0: free */
};

struct vmm_kvm {
	int fd; /* /dev/kvm */
	int vm;
	size_t run_size; /* bytes of a vCPU's shared page(s) */
	pthread_mutex_t lock;
	struct vmm_kvm_slot slots[VMM_KVM_SLOTS];
	struct kvm_irq_routing *routing; /* room for VMM_KVM_ROUTES */
};

/* Interrupt controllers and the timer, as they are after reset. */
struct vmm_kvm_chips {
	struct kvm_irqchip chips[3];
	struct kvm_pit_state2 pit;
};

/**
 * Open /dev/kvm and make a machine with interrupt controllers and a timer.
 *
 * slow_ok: run even where KVM interprets the guest, which takes hours for a kernel
 * errors:  -ENOENT, -EACCES, -ENODEV, -ENOTSUP, -errno; each with what to do
 * thread:  main
 */
int vmm_kvm_open(bool slow_ok, struct vmm_kvm *ret, struct sh_err *err);
void vmm_kvm_close(struct vmm_kvm *kvm);

/** Give the guest its memory. */
int vmm_kvm_add_memory(struct vmm_kvm *kvm, const struct vmm_mem *mem, struct sh_err *err);

/** Set a pin of the interrupt controllers. thread: any. */
void vmm_kvm_irq(struct vmm_kvm *kvm, unsigned gsi, bool level);

int vmm_kvm_chips_get(struct vmm_kvm *kvm, struct vmm_kvm_chips *ret);
int vmm_kvm_chips_set(struct vmm_kvm *kvm, const struct vmm_kvm_chips *chips);

/** kvm-clock, in ns. */
int vmm_kvm_clock_get(struct vmm_kvm *kvm, uint64_t *ret_ns);
int vmm_kvm_clock_set(struct vmm_kvm *kvm, uint64_t ns);

/* What the PCI bus needs; ctx is the struct vmm_kvm. */
extern const struct vmm_pci_host vmm_kvm_pci_host;

/** return: whether the words of /proc/cpuinfo have vmx or svm. Pure, but for tests. */
bool vmm_kvm_cpu_can(const char *cpuinfo);

/* Starts the routes with those of the pins: kvm_irq.c. */
int vmm_kvm_irq_init(struct vmm_kvm *kvm);
