/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Power management: the ports by which the guest turns itself off or resets itself, and the power
 * button (ACPI 6.5, 4.8.3).
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum vmm_pm_wish {
	VMM_PM_NOTHING,
	VMM_PM_RESET,
	VMM_PM_OFF,
};

struct vmm_pm {
	pthread_mutex_t lock;
	uint16_t status, enable, control;
	void (*sci)(void *ctx, bool level);
	void *ctx;
};

void vmm_pm_init(struct vmm_pm *pm, void (*sci)(void *ctx, bool level), void *ctx);
void vmm_pm_reset(struct vmm_pm *pm);

/** Status, enable and control as they were. thread: main, while no vCPU runs. */
void vmm_pm_restore(struct vmm_pm *pm, const uint16_t state[3]);

/** The ports that are ours; one of them lies inside of a wider one of PCI. */
bool vmm_pm_has_port(uint16_t port, unsigned n);

/** n: 1, 2 or 4 bytes. thread: any vCPU's. */
uint32_t vmm_pm_in(struct vmm_pm *pm, uint16_t port, unsigned n);
/** return: what the guest asks for by it */
enum vmm_pm_wish vmm_pm_out(struct vmm_pm *pm, uint16_t port, unsigned n, uint32_t value);

/** thread: any. return: false when the guest does not listen to it */
bool vmm_pm_press_button(struct vmm_pm *pm);
