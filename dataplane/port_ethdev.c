/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Port kinds that are DPDK devices: a NIC by its PCI address, and pcap files. One receive queue;
 * send queues for as many workers as the device has room for. A NIC's link is asked for once a
 * second by its interrupt; files are always up.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_spinlock.h>

#include "dp_private.h"
#include "frame.h"

#define RING_SLOTS 1024
#define ANY_SOCKET ((unsigned)SOCKET_ID_ANY)

struct ethdev {
	uint16_t id;
	bool is_file;
	bool lsc; /* the driver reports link changes */
	char bus[8], name[256];
	uint16_t n_txq;
	rte_spinlock_t tx_lock; /* where workers share the device's only send queue */
	int rx_fd;
};

static int dev_error(const struct dp_port *port, int r, const char *what, struct sh_err *err)
{
	return sh_err_set(err, r, "device '%s': %s: %s", port->conf.target, what, strerror(-r));
}

static int on_link(uint16_t id, enum rte_eth_event_type type, void *arg, void *ret)
{
	dp_port_notify(arg);
	return 0;
}

static int start_queues(struct dp_port *port, struct ethdev *e, struct rte_eth_dev_info *info)
{
	uint16_t n_rxd = RING_SLOTS, n_txd = RING_SLOTS;
	int r = rte_eth_dev_adjust_nb_rx_tx_desc(e->id, &n_rxd, &n_txd);

	if (r == 0)
		r = rte_eth_rx_queue_setup(e->id, 0, n_rxd, ANY_SOCKET, NULL, dp_port_pool(port));
	for (uint16_t q = 0; r == 0 && q < e->n_txq; q++)
		r = rte_eth_tx_queue_setup(e->id, q, n_txd, ANY_SOCKET, NULL);
	return r;
}

static int configure(struct dp_port *port, struct ethdev *e)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	int r = rte_eth_dev_info_get(e->id, &info);

	if (r < 0)
		return r;
	e->n_txq = (uint16_t)(e->is_file ? 1 : RTE_MIN(info.max_tx_queues, DP_MAX_QUEUES));
	e->lsc = info.dev_flags && (*info.dev_flags & RTE_ETH_DEV_INTR_LSC);
	conf.intr_conf.lsc = e->lsc;
	conf.intr_conf.rxq = !e->is_file;
	if (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	conf.rxmode.mtu = RTE_MIN((uint32_t)port->policy.mtu, (uint32_t)info.max_mtu);
	r = rte_eth_dev_configure(e->id, 1, e->n_txq, &conf);
	if (r < 0 && conf.intr_conf.rxq) {
		conf.intr_conf.rxq = 0; /* a driver without receive interrupts is polled */
		r = rte_eth_dev_configure(e->id, 1, e->n_txq, &conf);
	}
	if (r < 0)
		return r;
	if (e->lsc)
		rte_eth_dev_callback_register(e->id, RTE_ETH_EVENT_INTR_LSC, on_link, port);
	r = start_queues(port, e, &info);
	if (r == 0)
		r = rte_eth_dev_start(e->id);
	if (r == 0 && !e->is_file)
		r = rte_eth_promiscuous_enable(e->id);
	if (r == 0 && conf.intr_conf.rxq)
		e->rx_fd = rte_eth_dev_rx_intr_ctl_q_get_fd(e->id, 0);
	return r;
}

static void eth_event(struct dp_port *port)
{
	struct ethdev *e = port->kind;
	struct rte_eth_link link = { 0 };
	bool up = e->is_file || (rte_eth_link_get_nowait(e->id, &link) == 0 && link.link_status);

	atomic_store(&port->rxq_ready[0], up);
	for (unsigned q = 0; q < e->n_txq; q++)
		atomic_store(&port->txq_ready[q], up);
}

static void eth_close(struct dp_port *port)
{
	struct ethdev *e = port->kind;

	if (e->lsc)
		rte_eth_dev_callback_unregister(e->id, RTE_ETH_EVENT_INTR_LSC, on_link, port);
	rte_eth_dev_stop(e->id);
	rte_eth_dev_close(e->id);
	rte_eal_hotplug_remove(e->bus, e->name);
	free(e);
}

/* "IN,OUT"; a file left out receives nothing or swallows what is sent. */
static int pcap_args(const struct dp_port *port, char *args, size_t size, struct sh_err *err)
{
	const char *comma = strchr(port->conf.target, ',');
	int n_in = comma ? (int)(comma - port->conf.target) : (int)strlen(port->conf.target);
	const char *out = comma ? comma + 1 : "";
	int n = 0;

	if (n_in == 0 && *out == '\0')
		return sh_err_set(
			err, -EINVAL, "pcap port: give a file to read, to write, or both");
	args[0] = '\0';
	if (n_in)
		n = snprintf(args, size, "rx_pcap=%.*s", n_in, port->conf.target);
	if (*out)
		snprintf(args + n, size - (size_t)n, "%stx_pcap=%s", n ? "," : "", out);
	return 0;
}

static int plug(struct dp_port *port, struct ethdev *e, struct sh_err *err)
{
	char args[600] = "";
	int r = 0;

	e->is_file = port->conf.kind == DP_PORT_PCAP;
	snprintf(e->bus, sizeof(e->bus), "%s", e->is_file ? "vdev" : "pci");
	if (e->is_file) {
		snprintf(e->name, sizeof(e->name), "net_pcap%u", port->index);
		r = pcap_args(port, args, sizeof(args), err);
	} else {
		snprintf(e->name, sizeof(e->name), "%s", port->conf.target);
	}
	if (r < 0)
		return r;
	r = rte_eal_hotplug_add(e->bus, e->name, args);
	if (r < 0)
		return e->is_file ? dev_error(port, r, "cannot open the files", err)
				  : dev_error(port, r,
					    "no DPDK driver has it: bind it to vfio-pci first "
					    "(dpdk-devbind.py --bind=vfio-pci ADDRESS)",
					    err);
	r = rte_eth_dev_get_port_by_name(e->name, &e->id);
	return r < 0 ? dev_error(port, r, "is no network device", err) : 0;
}

static int eth_open(struct dp_port *port, struct sh_err *err)
{
	struct ethdev *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return sh_err_set(err, -ENOMEM, "no memory for a port");
	rte_spinlock_init(&e->tx_lock);
	e->rx_fd = -1;
	r = plug(port, e, err);
	if (r < 0) {
		free(e);
		return r;
	}
	port->kind = e;
	r = configure(port, e);
	if (r < 0) {
		eth_close(port);
		port->kind = NULL;
		return dev_error(port, r, "does not start", err);
	}
	eth_event(port);
	return 0;
}

static void eth_info(const struct dp_port *port, struct dp_port_info *ret)
{
	const struct ethdev *e = port->kind;
	struct rte_eth_link link = { 0 };
	struct rte_ether_addr mac;

	if (e->is_file)
		return;
	if (rte_eth_macaddr_get(e->id, &mac) == 0)
		memcpy(ret->device_mac, mac.addr_bytes, sizeof(ret->device_mac));
	if (rte_eth_link_get_nowait(e->id, &link) == 0 &&
		link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		ret->speed_mbps = link.link_speed;
}

static uint64_t eth_missed(const struct dp_port *port)
{
	const struct ethdev *e = port->kind;
	struct rte_eth_stats stats;

	if (e->is_file || rte_eth_stats_get(e->id, &stats) < 0)
		return 0;
	return stats.imissed + stats.rx_nombuf + stats.ierrors;
}

static int eth_rx_fd(const struct dp_port *port, unsigned queue)
{
	return ((const struct ethdev *)port->kind)->rx_fd;
}

static void eth_rx_arm(struct dp_port *port, unsigned queue, bool on)
{
	const struct ethdev *e = port->kind;

	if (e->rx_fd < 0)
		return;
	if (on)
		rte_eth_dev_rx_intr_enable(e->id, 0);
	else
		rte_eth_dev_rx_intr_disable(e->id, 0);
}

static uint16_t eth_rx(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	const struct ethdev *e = port->kind;

	dp_burst_from_mbufs(burst, rte_eth_rx_burst(e->id, 0, burst->mbufs, DP_BURST));
	return burst->n;
}

static uint16_t eth_tx(struct dp_port *port, unsigned queue, struct dp_item *items, uint16_t n)
{
	struct ethdev *e = port->kind;
	struct rte_mbuf *mbufs[DP_BURST];
	uint16_t at[DP_BURST], n_mbufs = 0, sent;

	for (uint16_t i = 0; i < n; i++) {
		mbufs[n_mbufs] = dp_item_mbuf(&items[i], dp_port_pool(port));
		items[i].drop = DP_DROP_NO_COPY;
		if (likely(mbufs[n_mbufs]))
			at[n_mbufs++] = i;
	}
	if (port->dp->shares_queues)
		rte_spinlock_lock(&e->tx_lock);
	sent = rte_eth_tx_burst(e->id, (uint16_t)queue, mbufs, n_mbufs);
	if (port->dp->shares_queues)
		rte_spinlock_unlock(&e->tx_lock);
	for (uint16_t i = 0; i < n_mbufs; i++)
		items[at[i]].drop = i < sent ? DP_N_DROPS : DP_DROP_TX_FULL;
	rte_pktmbuf_free_bulk(mbufs + sent, (unsigned)(n_mbufs - sent));
	return sent;
}

const struct dp_port_ops dp_port_ethdev_ops = {
	.open = eth_open,
	.close = eth_close,
	.event = eth_event,
	.missed = eth_missed,
	.info = eth_info,
	.rx_fd = eth_rx_fd,
	.rx = eth_rx,
	.rx_done = dp_port_free_burst,
	.tx = eth_tx,
	.rx_arm = eth_rx_arm,
};
