/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The pins of the interrupt controllers: where each goes, and their state; the clock. Interrupt 0
 * of the PC's timer is pin 2 of the IOAPIC, as the MADT says (acpi.c); all others are their own
 * numbers.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "kvm.h"

static void add_pin(struct kvm_irq_routing *all, unsigned gsi, unsigned chip, unsigned pin)
{
	all->entries[all->nr++] = (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

int vmm_kvm_irq_init(struct vmm_kvm *kvm)
{
	struct kvm_irq_routing *all =
		calloc(1, sizeof(*all) + (VMM_KVM_ROUTES + 1) * sizeof(all->entries[0]));

	if (!all)
		return -ENOMEM;
	kvm->routing = all;
	for (unsigned i = 0; i < 16; i++)
		if (i != 2)
			add_pin(all, i, i < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
				i % 8);
	for (unsigned i = 0; i < VMM_IRQ_PINS; i++)
		if (i != 2)
			add_pin(all, i, KVM_IRQCHIP_IOAPIC, i == 0 ? 2 : i);
	return ioctl(kvm->vm, KVM_SET_GSI_ROUTING, all) < 0 ? -errno : 0;
}

void vmm_kvm_irq(struct vmm_kvm *kvm, unsigned gsi, bool level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	/* Fails only for a pin that there is not. */
	(void)ioctl(kvm->vm, KVM_IRQ_LINE, &line);
}

int vmm_kvm_chips_get(struct vmm_kvm *kvm, struct vmm_kvm_chips *ret)
{
	for (unsigned i = 0; i < 3; i++) {
		ret->chips[i].chip_id = i;
		if (ioctl(kvm->vm, KVM_GET_IRQCHIP, &ret->chips[i]) < 0)
			return -errno;
	}
	return ioctl(kvm->vm, KVM_GET_PIT2, &ret->pit) < 0 ? -errno : 0;
}

int vmm_kvm_chips_set(struct vmm_kvm *kvm, const struct vmm_kvm_chips *chips)
{
	for (unsigned i = 0; i < 3; i++)
		if (ioctl(kvm->vm, KVM_SET_IRQCHIP, &chips->chips[i]) < 0)
			return -errno;
	return ioctl(kvm->vm, KVM_SET_PIT2, &chips->pit) < 0 ? -errno : 0;
}

int vmm_kvm_clock_get(struct vmm_kvm *kvm, uint64_t *ret_ns)
{
	struct kvm_clock_data clock = { 0 };

	if (ioctl(kvm->vm, KVM_GET_CLOCK, &clock) < 0)
		return -errno;
	*ret_ns = clock.clock;
	return 0;
}

int vmm_kvm_clock_set(struct vmm_kvm *kvm, uint64_t ns)
{
	struct kvm_clock_data clock = { .clock = ns };

	return ioctl(kvm->vm, KVM_SET_CLOCK, &clock) < 0 ? -errno : 0;
}
