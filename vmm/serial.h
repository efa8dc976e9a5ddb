/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A 16550 UART, the PC's serial port. It owns its registers and what has come in and not yet been
 * read; where bytes go and how the interrupt is raised are functions of its owner.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMM_SERIALS      2
#define VMM_SERIAL_PORTS 8
#define VMM_SERIAL_FIFO  1024 /* bytes received; a real one has 16 */

struct vmm_serial_host {
	void (*out)(void *ctx, uint8_t byte);
	void (*irq)(void *ctx, bool level);
	/* There is room again for what could not be received. */
	void (*room)(void *ctx);
};

struct vmm_serial {
	pthread_mutex_t lock;
	const struct vmm_serial_host *host;
	void *ctx;
	bool is_full; /* somebody waits for room */
	bool level;   /* of the interrupt */
	/* From here on it is plain data, which a snapshot keeps. */
	uint8_t ier, fcr, lcr, mcr, scratch, divisor_low, divisor_high;
	uint8_t sent; /* the transmitter became empty, and nobody has been told */
	unsigned first, n;
	uint8_t received[VMM_SERIAL_FIFO];
};

#define VMM_SERIAL_STATE (sizeof(struct vmm_serial) - offsetof(struct vmm_serial, ier))

void vmm_serial_init(struct vmm_serial *serial, const struct vmm_serial_host *host, void *ctx);

/** port: 0 to 7. thread: any vCPU's. */
uint8_t vmm_serial_in(struct vmm_serial *serial, unsigned port);
void vmm_serial_out(struct vmm_serial *serial, unsigned port, uint8_t value);

/** How many bytes may be received. After 0 host->room is called when there may be more. */
unsigned vmm_serial_room(struct vmm_serial *serial);

/** Bytes for the guest; what there is no room for is lost, as on a wire. */
void vmm_serial_receive(struct vmm_serial *serial, const uint8_t *bytes, unsigned n);
void vmm_serial_reset(struct vmm_serial *serial);

/** As VMM_SERIAL_STATE bytes from `ier` on were. errors: -EINVAL. thread: main, no vCPU runs. */
int vmm_serial_restore(struct vmm_serial *serial, const uint8_t *state);

/* Where the PC has them. */
static inline uint16_t vmm_serial_port(unsigned i)
{
	return i == 0 ? 0x3f8 : 0x2f8;
}

static inline unsigned vmm_serial_irq(unsigned i)
{
	return i == 0 ? 4 : 3;
}
