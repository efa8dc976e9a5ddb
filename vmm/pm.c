/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ACPI's fixed hardware: the PM1 event and control blocks, the reset register, and the keyboard
 * controller's reset, which kernels without ACPI use. Ports are read and written byte by byte, so
 * that any width works.
 */
#include "pm.h"

#include "acpi.h"

#define KEYBOARD_PORT  0x64
#define KEYBOARD_RESET 0xfe
#define POWER_BUTTON   0x0100 /* in status and enable */
#define SCI_EN         0x0001
#define SLP_TYP_SHIFT  10
#define SLP_EN         0x2000

void vmm_pm_init(struct vmm_pm *pm, void (*sci)(void *ctx, bool level), void *ctx)
{
	*pm = (struct vmm_pm){ .control = SCI_EN, .sci = sci, .ctx = ctx };
	pthread_mutex_init(&pm->lock, NULL);
}

static void update_sci(struct vmm_pm *pm)
{
	pm->sci(pm->ctx, pm->status & pm->enable);
}

void vmm_pm_reset(struct vmm_pm *pm)
{
	pthread_mutex_lock(&pm->lock);
	pm->status = pm->enable = 0;
	pm->control = SCI_EN;
	update_sci(pm);
	pthread_mutex_unlock(&pm->lock);
}

void vmm_pm_restore(struct vmm_pm *pm, const uint16_t state[3])
{
	pthread_mutex_lock(&pm->lock);
	pm->status = state[0];
	pm->enable = state[1];
	pm->control = state[2];
	update_sci(pm);
	pthread_mutex_unlock(&pm->lock);
}

bool vmm_pm_has_port(uint16_t port, unsigned n)
{
	return (port >= VMM_ACPI_PM1_EVENT && port < VMM_ACPI_PM1_CTL + 2) ||
	       (port == VMM_ACPI_RESET && n == 1) || port == KEYBOARD_PORT;
}

/* The six bytes from PM1_EVENT on, as one. */
static uint64_t registers(const struct vmm_pm *pm)
{
	return pm->status | (uint64_t)pm->enable << 16 | (uint64_t)pm->control << 32;
}

uint32_t vmm_pm_in(struct vmm_pm *pm, uint16_t port, unsigned n)
{
	uint64_t value = 0;

	if (port == VMM_ACPI_RESET || port == KEYBOARD_PORT)
		return 0;
	pthread_mutex_lock(&pm->lock);
	value = registers(pm) >> (8 * (port - VMM_ACPI_PM1_EVENT));
	pthread_mutex_unlock(&pm->lock);
	return n >= 4 ? (uint32_t)value : (uint32_t)value & ((1u << (8 * n)) - 1);
}

static uint16_t with_byte(uint16_t old, unsigned high, uint8_t value)
{
	return high ? (uint16_t)((old & 0x00ff) | value << 8) : (uint16_t)((old & 0xff00) | value);
}

static void write_byte(struct vmm_pm *pm, unsigned offset, uint8_t value)
{
	if (offset < 2) /* what is written as one is cleared */
		pm->status = (uint16_t)(pm->status & ~(value << (8 * offset)));
	else if (offset < 4)
		pm->enable = with_byte(pm->enable, offset & 1, value);
	else if (offset < 6)
		pm->control = with_byte(pm->control, offset & 1, value);
}

static enum vmm_pm_wish take_sleep(struct vmm_pm *pm)
{
	bool sleep = pm->control & SLP_EN;
	unsigned type = (pm->control >> SLP_TYP_SHIFT) & 7;

	pm->control = (uint16_t)((pm->control & ~SLP_EN) | SCI_EN);
	return sleep && type == VMM_ACPI_S5 ? VMM_PM_OFF : VMM_PM_NOTHING;
}

enum vmm_pm_wish vmm_pm_out(struct vmm_pm *pm, uint16_t port, unsigned n, uint32_t value)
{
	enum vmm_pm_wish wish;

	if (port == VMM_ACPI_RESET)
		return value & 4 ? VMM_PM_RESET : VMM_PM_NOTHING;
	if (port == KEYBOARD_PORT)
		return (value & 0xff) == KEYBOARD_RESET ? VMM_PM_RESET : VMM_PM_NOTHING;
	pthread_mutex_lock(&pm->lock);
	for (unsigned i = 0; i < n; i++)
		write_byte(pm, port - VMM_ACPI_PM1_EVENT + i, (uint8_t)(value >> (8 * i)));
	wish = take_sleep(pm);
	update_sci(pm);
	pthread_mutex_unlock(&pm->lock);
	return wish;
}

bool vmm_pm_press_button(struct vmm_pm *pm)
{
	bool listens;

	pthread_mutex_lock(&pm->lock);
	pm->status |= POWER_BUTTON;
	listens = pm->enable & POWER_BUTTON;
	update_sci(pm);
	pthread_mutex_unlock(&pm->lock);
	return listens;
}
