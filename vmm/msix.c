/* SPDX-License-Identifier: BSD-3-Clause
 *
 * MSI-X (PCI Local Bus 3.0, 6.8.2): a vector is an eventfd. While the vector may fire, the host
 * raises it when the eventfd is written; while it is masked nobody reads the eventfd, so its count
 * is the pending bit, and the host raises what it finds there when the vector is unmasked.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pci_device.h"

#define ENTRY_SIZE 16

static bool is_pending(const struct msix_vector *vector)
{
	struct pollfd p = { .fd = vector->fd, .events = POLLIN };

	return !vector->on && poll(&p, 1, 0) == 1;
}

static uint64_t pending_bits(const struct msix *msix)
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < msix->n; i++)
		bits |= (uint64_t)is_pending(&msix->vectors[i]) << i;
	return bits;
}

static uint32_t *table_word(struct msix_vector *vector, unsigned word)
{
	switch (word) {
	case 0:
		return &vector->address_low;
	case 1:
		return &vector->address_high;
	case 2:
		return &vector->data;
	default:
		return &vector->control;
	}
}

static bool in_table(const struct msix *msix, unsigned bar, uint64_t offset)
{
	return bar == msix->place.table_bar && offset >= msix->place.table_offset &&
	       offset - msix->place.table_offset < (uint64_t)msix->n * ENTRY_SIZE;
}

static bool in_pending_bits(const struct msix *msix, unsigned bar, uint64_t offset)
{
	return bar == msix->place.pba_bar && offset >= msix->place.pba_offset &&
	       offset - msix->place.pba_offset < sizeof(uint64_t);
}

bool msix_has(const struct vmm_pci_device *device, unsigned bar, uint64_t offset)
{
	const struct msix *msix = device->msix;

	return msix && ((msix->owns_bar && bar == msix->place.table_bar) ||
			       in_table(msix, bar, offset) || in_pending_bits(msix, bar, offset));
}

uint64_t msix_read(const struct vmm_pci_device *device, unsigned bar, uint64_t offset, unsigned n)
{
	struct msix *msix = device->msix;
	uint8_t bytes[VMM_MSIX_MAX * ENTRY_SIZE] = { 0 };

	if (in_pending_bits(msix, bar, offset)) {
		put_le(bytes, pending_bits(msix), 8);
		return get_le(bytes + offset - msix->place.pba_offset, n);
	}
	if (!in_table(msix, bar, offset))
		return 0;
	for (unsigned i = 0; i < msix->n; i++)
		for (unsigned word = 0; word < 4; word++)
			put_le(bytes + i * ENTRY_SIZE + 4 * word,
				*table_word(&msix->vectors[i], word), 4);
	return get_le(bytes + offset - msix->place.table_offset, n);
}

static void write_word(struct vmm_pci_device *device, uint64_t offset, uint32_t value)
{
	struct msix *msix = device->msix;
	struct msix_vector *vector;
	unsigned word = (unsigned)(offset % ENTRY_SIZE / 4);

	vector = &msix->vectors[offset / ENTRY_SIZE];
	if (word == 3)
		value &= PCI_MSIX_ENTRY_CTRL_MASKBIT;
	*table_word(vector, word) = value;
	/* A route that changes under an unmasked vector: taken over by msix_update. */
	if (word < 3 && vector->on)
		device->bus->host->route(device->bus->ctx,
			msix->first_gsi + (unsigned)(vector - msix->vectors),
			(uint64_t)vector->address_high << 32 | vector->address_low, vector->data);
}

/* The table takes whole words (4 or 8 bytes) alone. */
void msix_write(
	struct vmm_pci_device *device, unsigned bar, uint64_t offset, unsigned n, uint64_t value)
{
	if (n < 4 || !in_table(device->msix, bar, offset))
		return;
	offset -= device->msix->place.table_offset;
	write_word(device, offset, (uint32_t)value);
	if (n == 8)
		write_word(device, offset + 4, (uint32_t)(value >> 32));
	msix_update(device);
}

static void set_on(struct vmm_pci_device *device, unsigned i, bool on)
{
	struct msix_vector *vector = &device->msix->vectors[i];
	const struct vmm_pci_host *host = device->bus->host;
	unsigned gsi = device->msix->first_gsi + i;
	int r = 0;

	if (vector->on == on)
		return;
	if (on)
		r = host->route(device->bus->ctx, gsi,
			(uint64_t)vector->address_high << 32 | vector->address_low, vector->data);
	if (r == 0)
		r = host->irqfd(device->bus->ctx, gsi, vector->fd, on);
	/* A message that the host refuses is the guest's own fault: the vector stays silent. */
	vector->on = on && r == 0;
}

static void set_enabled(struct vmm_pci_device *device, bool enabled)
{
	bool was = device->msix->enabled;

	device->msix->enabled = enabled;
	if (enabled != was && device->ops->msix)
		device->ops->msix(device->ctx, enabled);
}

void msix_update(struct vmm_pci_device *device)
{
	struct msix *msix = device->msix;
	uint64_t control = get_le(device->config + msix->cap + PCI_MSIX_FLAGS, 2);
	bool may_fire = (control & PCI_MSIX_FLAGS_ENABLE) && !(control & PCI_MSIX_FLAGS_MASKALL);

	set_enabled(device, control & PCI_MSIX_FLAGS_ENABLE);
	for (unsigned i = 0; i < msix->n; i++)
		set_on(device, i,
			may_fire && !(msix->vectors[i].control & PCI_MSIX_ENTRY_CTRL_MASKBIT));
}

void msix_reset(struct vmm_pci_device *device)
{
	struct msix *msix = device->msix;

	set_enabled(device, false);
	for (unsigned i = 0; i < msix->n; i++) {
		struct msix_vector *vector = &msix->vectors[i];
		eventfd_t count;

		set_on(device, i, false);
		while (eventfd_read(vector->fd, &count) == 0)
			;
		vector->address_low = vector->address_high = vector->data = 0;
		vector->control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	}
}

void msix_save(const struct vmm_pci_device *device, uint32_t words[][4])
{
	for (unsigned i = 0; i < device->msix->n; i++)
		for (unsigned word = 0; word < 4; word++)
			words[i][word] = *table_word(&device->msix->vectors[i], word);
}

/* Each fires once: what was on its way when the machine was paused is in no register. */
void msix_restore(struct vmm_pci_device *device, const uint32_t words[][4])
{
	struct msix *msix = device->msix;

	for (unsigned i = 0; i < msix->n; i++)
		for (unsigned word = 0; word < 4; word++)
			*table_word(&msix->vectors[i], word) =
				words[i][word] & (word == 3 ? PCI_MSIX_ENTRY_CTRL_MASKBIT : ~0u);
	msix_update(device);
	for (unsigned i = 0; i < msix->n; i++)
		(void)eventfd_write(msix->vectors[i].fd, 1);
}

void msix_free(struct vmm_pci_device *device)
{
	for (unsigned i = 0; i < device->msix->n; i++)
		if (device->msix->vectors[i].fd >= 0)
			close(device->msix->vectors[i].fd);
	free(device->msix);
	device->msix = NULL;
}

static int add_cap(
	struct vmm_pci_device *device, const struct vmm_msix_place *place, unsigned n_vectors)
{
	static const uint8_t control_bits[] = { 0,
		(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8 };
	uint8_t body[10];
	int cap;

	put_le(body, n_vectors - 1, 2);
	put_le(body + 2, place->table_offset | place->table_bar, 4);
	put_le(body + 6, place->pba_offset | place->pba_bar, 4);
	cap = vmm_pci_cap_add(device, PCI_CAP_ID_MSIX, body, sizeof(body));
	if (cap > 0)
		vmm_pci_config_writable(
			device, (unsigned)cap + PCI_MSIX_FLAGS, control_bits, sizeof(control_bits));
	return cap;
}

int vmm_msix_add_at(struct vmm_pci_device *device, const struct vmm_msix_place *place,
	unsigned n_vectors, struct sh_err *err)
{
	struct msix *msix;
	int r;

	if (device->msix || n_vectors < 1 || n_vectors > VMM_MSIX_MAX)
		return sh_err_set(err, -EINVAL, "MSI-X of %u vectors", n_vectors);
	r = add_cap(device, place, n_vectors);
	if (r < 0)
		return sh_err_set(err, r, "no room for the MSI-X capability");
	msix = calloc(1, sizeof(*msix));
	if (!msix)
		return sh_err_set(err, -ENOMEM, "out of memory");
	msix->place = *place;
	msix->cap = (unsigned)r;
	msix->first_gsi = device->bus->next_gsi;
	device->msix = msix;
	for (; msix->n < n_vectors; msix->n++) {
		struct msix_vector *vector = &msix->vectors[msix->n];

		vector->control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
		vector->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (vector->fd < 0)
			return sh_err_set(err, -errno, "no eventfd for an interrupt");
	}
	device->bus->next_gsi += n_vectors;
	return 0;
}

int vmm_msix_add(
	struct vmm_pci_device *device, unsigned bar, unsigned n_vectors, struct sh_err *err)
{
	const struct vmm_msix_place place = {
		.table_bar = bar, .pba_bar = bar, .pba_offset = MSIX_PBA
	};
	int r = vmm_pci_bar_add(device, bar, MSIX_BAR_SIZE, false, err);

	if (r == 0)
		r = vmm_msix_add_at(device, &place, n_vectors, err);
	if (r == 0)
		device->msix->owns_bar = true;
	return r;
}

int vmm_msix_fd(struct vmm_pci_device *device, unsigned vector)
{
	if (!device->msix || vector >= device->msix->n)
		return -EINVAL;
	return device->msix->vectors[vector].fd;
}

void vmm_msix_raise(struct vmm_pci_device *device, unsigned vector)
{
	int fd = vmm_msix_fd(device, vector);

	/* Full means that it is raised already. */
	if (fd >= 0)
		(void)eventfd_write(fd, 1);
}
