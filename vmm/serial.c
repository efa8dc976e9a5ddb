/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A 16550 UART (National Semiconductor, PC16550D). The line is infinitely fast: the transmitter is
 * always empty, so a byte written is a byte sent. Runs in the vCPUs' threads, and receives in the
 * main thread, under its lock.
 */
#include "serial.h"

#include <errno.h>
#include <linux/serial_reg.h>
#include <string.h>

static bool is_divisor(const struct vmm_serial *serial)
{
	return serial->lcr & UART_LCR_DLAB;
}

/* The reason of the interrupt, the most urgent first (PC16550D, table IV). */
static uint8_t reason(const struct vmm_serial *serial)
{
	if ((serial->ier & UART_IER_RDI) && serial->n)
		return UART_IIR_RDI;
	if ((serial->ier & UART_IER_THRI) && serial->sent)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void update_irq(struct vmm_serial *serial)
{
	bool level = reason(serial) != UART_IIR_NO_INT;

	if (level != serial->level)
		serial->host->irq(serial->ctx, level);
	serial->level = level;
}

static void tell_room(struct vmm_serial *serial)
{
	if (!serial->is_full || serial->n > VMM_SERIAL_FIFO / 2)
		return;
	serial->is_full = false;
	serial->host->room(serial->ctx);
}

static uint8_t take_byte(struct vmm_serial *serial)
{
	uint8_t byte;

	if (!serial->n)
		return 0;
	byte = serial->received[serial->first];
	serial->first = (serial->first + 1) % VMM_SERIAL_FIFO;
	serial->n--;
	tell_room(serial);
	return byte;
}

static void put_byte(struct vmm_serial *serial, uint8_t byte)
{
	if (serial->n == VMM_SERIAL_FIFO)
		return;
	serial->received[(serial->first + serial->n) % VMM_SERIAL_FIFO] = byte;
	serial->n++;
}

/* Loopback shows the outputs at the inputs; else the line is there and willing. */
static uint8_t modem_status(const struct vmm_serial *serial)
{
	uint8_t status = 0;

	if (!(serial->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	if (serial->mcr & UART_MCR_DTR)
		status |= UART_MSR_DSR;
	if (serial->mcr & UART_MCR_RTS)
		status |= UART_MSR_CTS;
	if (serial->mcr & UART_MCR_OUT1)
		status |= UART_MSR_RI;
	if (serial->mcr & UART_MCR_OUT2)
		status |= UART_MSR_DCD;
	return status;
}

static uint8_t identify(struct vmm_serial *serial)
{
	uint8_t value = reason(serial);

	if (value == UART_IIR_THRI)
		serial->sent = false;
	if (serial->fcr & UART_FCR_ENABLE_FIFO)
		value |= 0xc0;
	return value;
}

static uint8_t read_port(struct vmm_serial *serial, unsigned port)
{
	switch (port) {
	case UART_RX:
		return is_divisor(serial) ? serial->divisor_low : take_byte(serial);
	case UART_IER:
		return is_divisor(serial) ? serial->divisor_high : serial->ier;
	case UART_IIR:
		return identify(serial);
	case UART_LCR:
		return serial->lcr;
	case UART_MCR:
		return serial->mcr;
	case UART_LSR:
		return (uint8_t)(UART_LSR_THRE | UART_LSR_TEMT | (serial->n ? UART_LSR_DR : 0));
	case UART_MSR:
		return modem_status(serial);
	default:
		return serial->scratch;
	}
}

static void transmit(struct vmm_serial *serial, uint8_t byte)
{
	if (serial->mcr & UART_MCR_LOOP)
		put_byte(serial, byte);
	else
		serial->host->out(serial->ctx, byte);
	serial->sent = true;
}

static void write_port(struct vmm_serial *serial, unsigned port, uint8_t value)
{
	switch (port) {
	case UART_TX:
		if (is_divisor(serial))
			serial->divisor_low = value;
		else
			transmit(serial, value);
		break;
	case UART_IER:
		if (is_divisor(serial)) {
			serial->divisor_high = value;
		} else {
			/* Asking for the interrupt while the transmitter is empty raises it. */
			serial->sent |= !(serial->ier & UART_IER_THRI) && (value & UART_IER_THRI);
			serial->ier = value & 0x0f;
		}
		break;
	case UART_FCR:
		serial->fcr = value;
		if (value & UART_FCR_CLEAR_RCVR) {
			serial->n = 0;
			tell_room(serial);
		}
		break;
	case UART_LCR:
		serial->lcr = value;
		break;
	case UART_MCR:
		serial->mcr = value & 0x1f;
		break;
	case UART_SCR:
		serial->scratch = value;
		break;
	default:
		break; /* LSR and MSR are read only */
	}
}

void vmm_serial_init(struct vmm_serial *serial, const struct vmm_serial_host *host, void *ctx)
{
	*serial = (struct vmm_serial){ .host = host, .ctx = ctx };
	pthread_mutex_init(&serial->lock, NULL);
}

uint8_t vmm_serial_in(struct vmm_serial *serial, unsigned port)
{
	uint8_t value;

	pthread_mutex_lock(&serial->lock);
	value = read_port(serial, port);
	update_irq(serial);
	pthread_mutex_unlock(&serial->lock);
	return value;
}

void vmm_serial_out(struct vmm_serial *serial, unsigned port, uint8_t value)
{
	pthread_mutex_lock(&serial->lock);
	write_port(serial, port, value);
	update_irq(serial);
	pthread_mutex_unlock(&serial->lock);
}

unsigned vmm_serial_room(struct vmm_serial *serial)
{
	unsigned n;

	pthread_mutex_lock(&serial->lock);
	n = VMM_SERIAL_FIFO - serial->n;
	serial->is_full = n == 0;
	pthread_mutex_unlock(&serial->lock);
	return n;
}

void vmm_serial_receive(struct vmm_serial *serial, const uint8_t *bytes, unsigned n)
{
	pthread_mutex_lock(&serial->lock);
	for (unsigned i = 0; i < n; i++)
		put_byte(serial, bytes[i]);
	update_irq(serial);
	pthread_mutex_unlock(&serial->lock);
}

void vmm_serial_reset(struct vmm_serial *serial)
{
	pthread_mutex_lock(&serial->lock);
	serial->ier = serial->fcr = serial->lcr = serial->mcr = serial->scratch = 0;
	serial->divisor_low = serial->divisor_high = 0;
	serial->sent = false;
	serial->n = 0;
	tell_room(serial);
	update_irq(serial);
	pthread_mutex_unlock(&serial->lock);
}

int vmm_serial_restore(struct vmm_serial *serial, const uint8_t *state)
{
	struct vmm_serial s;

	memcpy(&s.ier, state, VMM_SERIAL_STATE);
	if (s.first >= VMM_SERIAL_FIFO || s.n > VMM_SERIAL_FIFO)
		return -EINVAL;
	pthread_mutex_lock(&serial->lock);
	memcpy(&serial->ier, state, VMM_SERIAL_STATE);
	update_irq(serial);
	pthread_mutex_unlock(&serial->lock);
	return 0;
}
