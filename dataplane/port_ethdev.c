/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Port kinds that are DPDK devices: a NIC by its PCI address, and pcap files. A NIC spreads what it
 * receives over as many queues as the port asks for (RSS); send queues for as many workers as the
 * device has room for. A NIC's link is told by its interrupt, and looked at once a second by the
 * control thread for drivers that have none; files are always up.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_spinlock.h>

#include "base/cleanup.h"
#include "dp_private.h"
#include "frame.h"
#include "uplink/pci.h"

#define RING_SLOTS 1024
#define ANY_SOCKET ((unsigned)SOCKET_ID_ANY)
#define RSS_OF     (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP)

struct ethdev {
	uint16_t id;
	bool is_file;
	bool lsc; /* the driver reports link changes */
	char bus[8], name[256];
	uint16_t n_rxq, n_txq;
	rte_spinlock_t tx_locks[DP_MAX_QUEUES]; /* where workers share a send queue */
	int rx_fds[DP_MAX_QUEUES];
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

	for (uint16_t q = 0; r == 0 && q < e->n_rxq; q++)
		r = rte_eth_rx_queue_setup(e->id, q, n_rxd, ANY_SOCKET, NULL, dp_port_pool(port));
	for (uint16_t q = 0; r == 0 && q < e->n_txq; q++)
		r = rte_eth_tx_queue_setup(e->id, q, n_txd, ANY_SOCKET, NULL);
	return r;
}

/* Drivers of DPDK's that take receive interrupts on, and none ever comes: em does not tell the NIC
 * which of its MSI-X vectors is theirs, and igb's virtual functions were seen to be as silent. */
static bool is_mute(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_e1000_em") == 0 ||
	       strcmp(info->driver_name, "net_e1000_igb_vf") == 0;
}

/* How much of what is asked for the device has. A device that spreads without being told how (a
 * virtio one does) is left to it. */
static void choose(struct dp_port *port, struct ethdev *e, const struct rte_eth_dev_info *info,
	struct rte_eth_conf *conf)
{
	uint16_t most = (uint16_t)RTE_MIN(info->max_rx_queues, DP_MAX_QUEUES);

	e->n_rxq = (uint16_t)(e->is_file ? 1 : RTE_MIN(port->conf.n_queues, (unsigned)most));
	e->n_txq = (uint16_t)(e->is_file ? 1 : RTE_MIN(info->max_tx_queues, DP_MAX_QUEUES));
	if (!e->is_file && e->n_rxq < port->conf.n_queues)
		snprintf(port->fallback, sizeof(port->fallback),
			"the device has %u receive queues, not %u", most, port->conf.n_queues);
	if (e->n_rxq > 1 && (info->flow_type_rss_offloads & RSS_OF)) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf->rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & RSS_OF;
	}
	e->lsc = info->dev_flags && (*info->dev_flags & RTE_ETH_DEV_INTR_LSC);
	conf->intr_conf.lsc = e->lsc;
	conf->intr_conf.rxq = !e->is_file && !is_mute(info);
	if (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
		conf->txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER)
		conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	conf->rxmode.mtu = RTE_MIN((uint32_t)port->policy.mtu, (uint32_t)info->max_mtu);
}

/* The guests' addresses are not the NIC's. A virtual function may not be allowed to hear them. */
static void listen_to_all(struct dp_port *port, const struct ethdev *e)
{
	int r = rte_eth_promiscuous_enable(e->id);

	(void)rte_eth_allmulticast_enable(e->id);
	if (r == 0)
		return;
	snprintf(port->fallback, sizeof(port->fallback),
		"not promiscuous (%s): it receives for the device's own address alone",
		strerror(-r));
	sh_log_warn("port '%s': %s", port->conf.name, port->fallback);
}

static int configure(struct dp_port *port, struct ethdev *e)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	int r = rte_eth_dev_info_get(e->id, &info);

	if (r < 0)
		return r;
	choose(port, e, &info, &conf);
	r = rte_eth_dev_configure(e->id, e->n_rxq, e->n_txq, &conf);
	if (r < 0 && conf.intr_conf.rxq) {
		conf.intr_conf.rxq = 0; /* a driver without receive interrupts is polled */
		r = rte_eth_dev_configure(e->id, e->n_rxq, e->n_txq, &conf);
	}
	if (r < 0)
		return r;
	if (e->lsc)
		rte_eth_dev_callback_register(e->id, RTE_ETH_EVENT_INTR_LSC, on_link, port);
	r = start_queues(port, e, &info);
	if (r == 0)
		r = rte_eth_dev_start(e->id);
	if (r == 0 && !e->is_file)
		listen_to_all(port, e);
	for (uint16_t q = 0; r == 0 && conf.intr_conf.rxq && q < e->n_rxq; q++)
		e->rx_fds[q] = rte_eth_dev_rx_intr_ctl_q_get_fd(e->id, q);
	return r;
}

static bool is_up(const struct ethdev *e)
{
	struct rte_eth_link link = { 0 };

	return e->is_file || (rte_eth_link_get_nowait(e->id, &link) == 0 && link.link_status);
}

static void eth_event(struct dp_port *port)
{
	struct ethdev *e = port->kind;
	bool up = is_up(e);

	for (unsigned q = 0; q < e->n_rxq; q++)
		atomic_store(&port->rxq_ready[q], up);
	for (unsigned q = 0; q < e->n_txq; q++)
		atomic_store(&port->txq_ready[q], up);
}

/* Not every driver tells of its link, nor of every change. */
static void eth_tick(struct dp_port *port)
{
	if (is_up(port->kind) != atomic_load(&port->rxq_ready[0]))
		dp_port_notify(port);
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

static int refused(const struct dp_port *port, int r, struct sh_err *err)
{
	char why[320];

	pci_explain("/sys", port->conf.target, why, sizeof(why));
	return sh_err_set(err, r, "device '%s': %s", port->conf.target, why);
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
				  : refused(port, r, err);
	r = rte_eth_dev_get_port_by_name(e->name, &e->id);
	return r < 0 ? dev_error(port, r, "is no network device", err) : 0;
}

static int eth_open(struct dp_port *port, struct sh_err *err)
{
	struct ethdev *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return sh_err_set(err, -ENOMEM, "no memory for a port");
	for (unsigned q = 0; q < DP_MAX_QUEUES; q++) {
		rte_spinlock_init(&e->tx_locks[q]);
		e->rx_fds[q] = -1;
	}
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

/* A device may have hundreds. */
static int eth_foreach_hw(const struct dp_port *port,
	void (*fn)(void *ctx, const char *name, uint64_t value), void *ctx)
{
	const struct ethdev *e = port->kind;
	int n = rte_eth_xstats_get(e->id, NULL, 0), n_names = 0;
	_cleanup_free_ struct rte_eth_xstat_name *names = NULL;
	_cleanup_free_ struct rte_eth_xstat *values = NULL;

	if (n <= 0)
		return n;
	names = calloc((size_t)n, sizeof(*names));
	values = calloc((size_t)n, sizeof(*values));
	if (!names || !values)
		return -ENOMEM;
	n_names = rte_eth_xstats_get_names(e->id, names, (unsigned)n);
	n = rte_eth_xstats_get(e->id, values, (unsigned)n);
	for (int i = 0; i < n; i++)
		if (values[i].id < (uint64_t)RTE_MAX(n_names, 0))
			fn(ctx, names[values[i].id].name, values[i].value);
	return RTE_MIN(n, 0);
}

static int eth_rx_fd(const struct dp_port *port, unsigned queue)
{
	return ((const struct ethdev *)port->kind)->rx_fds[queue];
}

static void eth_rx_arm(struct dp_port *port, unsigned queue, bool on)
{
	const struct ethdev *e = port->kind;

	if (e->rx_fds[queue] < 0)
		return;
	if (on)
		rte_eth_dev_rx_intr_enable(e->id, (uint16_t)queue);
	else
		rte_eth_dev_rx_intr_disable(e->id, (uint16_t)queue);
}

static uint16_t eth_rx(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	const struct ethdev *e = port->kind;

	dp_burst_from_mbufs(
		burst, rte_eth_rx_burst(e->id, (uint16_t)queue, burst->mbufs, DP_BURST));
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
		rte_spinlock_lock(&e->tx_locks[queue]);
	sent = rte_eth_tx_burst(e->id, (uint16_t)queue, mbufs, n_mbufs);
	if (port->dp->shares_queues)
		rte_spinlock_unlock(&e->tx_locks[queue]);
	for (uint16_t i = 0; i < n_mbufs; i++)
		items[at[i]].drop = i < sent ? DP_N_DROPS : DP_DROP_TX_FULL;
	rte_pktmbuf_free_bulk(mbufs + sent, (unsigned)(n_mbufs - sent));
	return sent;
}

const struct dp_port_ops dp_port_ethdev_ops = {
	.open = eth_open,
	.close = eth_close,
	.event = eth_event,
	.tick = eth_tick,
	.missed = eth_missed,
	.foreach_hw = eth_foreach_hw,
	.info = eth_info,
	.rx_fd = eth_rx_fd,
	.rx = eth_rx,
	.rx_done = dp_port_free_burst,
	.tx = eth_tx,
	.rx_arm = eth_rx_arm,
};
