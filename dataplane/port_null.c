/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Port kind null: receives nothing and swallows what is sent. Its link is always up. For tests and
 * for measuring the way up to a port.
 */
#include "frame.h"

static int null_open(struct dp_port *port, struct sh_err *err)
{
	atomic_store(&port->txq_ready[0], true);
	return 0;
}

static void null_close(struct dp_port *port)
{
}

static int null_rx_fd(const struct dp_port *port, unsigned queue)
{
	return -1;
}

static uint16_t null_rx(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	return 0;
}

static uint16_t null_tx(struct dp_port *port, unsigned queue, struct dp_item *items, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		items[i].drop = DP_N_DROPS;
	return n;
}

const struct dp_port_ops dp_port_null_ops = {
	.open = null_open,
	.close = null_close,
	.rx_fd = null_rx_fd,
	.rx = null_rx,
	.tx = null_tx,
};
