/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where the guest's accesses go: ports to the serial ports, power management and PCI's
 * configuration; memory that is none to the PCI bus. What nobody owns reads as ones. In the vCPUs'
 * threads.
 */
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "machine.h"

static int enter(void *ctx, struct sh_err *err)
{
	return vmm_confine_thread(VMM_THREAD_VCPU, err);
}

static struct vmm_serial *serial_at(struct vmm_machine *machine, uint16_t port)
{
	for (unsigned i = 0; i < VMM_SERIALS; i++) {
		uint16_t first = vmm_serial_port(i);

		if (port >= first && port < first + VMM_SERIAL_PORTS)
			return &machine->consoles[i].serial;
	}
	return NULL;
}

static bool is_pci_port(uint16_t port)
{
	return port >= VMM_PCI_PORT && port < VMM_PCI_PORT + 8;
}

static void port_in(void *ctx, uint16_t port, unsigned n, uint32_t *ret)
{
	struct vmm_machine *machine = ctx;
	struct vmm_serial *serial = serial_at(machine, port);

	*ret = UINT32_MAX;
	if (serial)
		*ret = 0xffffff00u | vmm_serial_in(serial, port % VMM_SERIAL_PORTS);
	else if (vmm_pm_has_port(port, n))
		*ret = vmm_pm_in(&machine->pm, port, n);
	else if (is_pci_port(port))
		*ret = vmm_pci_in(machine->pci, port - VMM_PCI_PORT, n);
}

static bool wishes(enum vmm_pm_wish wish, enum vmm_vcpu_event *ret)
{
	if (wish == VMM_PM_NOTHING)
		return false;
	*ret = wish == VMM_PM_OFF ? VMM_VCPU_OFF : VMM_VCPU_RESET;
	return true;
}

static bool port_out(void *ctx, uint16_t port, unsigned n, uint32_t value, enum vmm_vcpu_event *ret)
{
	struct vmm_machine *machine = ctx;
	struct vmm_serial *serial = serial_at(machine, port);

	if (serial)
		vmm_serial_out(serial, port % VMM_SERIAL_PORTS, (uint8_t)value);
	else if (vmm_pm_has_port(port, n))
		return wishes(vmm_pm_out(&machine->pm, port, n, value), ret);
	else if (is_pci_port(port))
		vmm_pci_out(machine->pci, port - VMM_PCI_PORT, n, value);
	return false;
}

static void read_memory(void *ctx, uint64_t gpa, unsigned n, uint64_t *ret)
{
	struct vmm_machine *machine = ctx;

	(void)vmm_pci_read(machine->pci, gpa, n, ret);
}

static void write_memory(void *ctx, uint64_t gpa, unsigned n, uint64_t value)
{
	struct vmm_machine *machine = ctx;

	(void)vmm_pci_write(machine->pci, gpa, n, value);
}

/* The first event counts; all vCPUs are parking by it. */
static void event(void *ctx, enum vmm_vcpu_event what, const char *text)
{
	struct vmm_machine *machine = ctx;

	pthread_mutex_lock(&machine->lock);
	if (!machine->has_event) {
		machine->has_event = true;
		machine->event = what;
		snprintf(machine->event_text, sizeof(machine->event_text), "%s", text);
	}
	pthread_mutex_unlock(&machine->lock);
	(void)eventfd_write(machine->event_fd, 1);
}

const struct vmm_vcpu_ops vmm_machine_vcpu_ops = {
	.enter = enter,
	.port_in = port_in,
	.port_out = port_out,
	.read = read_memory,
	.write = write_memory,
	.event = event,
};
