/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ports in the model, whatever their kind: making, changing and removing them, and adding up their
 * counters. Control thread, but for dp_port_notify.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "mirror.h"
#include "pipeline.h"
#include "protocol.h"
#include "uplink/interface.h"
#include "team.h"

static const struct dp_port_ops *const kinds[] = {
	[DP_PORT_VHOST_SERVER] = &dp_port_vhost_ops,
	[DP_PORT_VHOST_CLIENT] = &dp_port_vhost_ops,
	[DP_PORT_PACKET] = &dp_port_packet_ops,
#ifdef DP_WITH_XDP
	[DP_PORT_XDP] = &dp_port_xdp_ops,
#endif
	[DP_PORT_PCI] = &dp_port_ethdev_ops,
	[DP_PORT_TAP] = &dp_port_tap_ops,
	[DP_PORT_PCAP] = &dp_port_ethdev_ops,
	[DP_PORT_NULL] = &dp_port_null_ops,
	[DP_PORT_TEAM] = &dp_port_team_ops,
};

static uint64_t own_mac_of(const struct dp_port_policy *policy)
{
	uint8_t padded[8] = { 0 };

	memcpy(padded, policy->mac, 6);
	return dp_fdb_key(padded, 0);
}

void dp_port_forget_own_mac(struct dp_port *port)
{
	atomic_store(&port->own_mac, own_mac_of(&port->policy));
}

static int take_index(struct dp_port *port)
{
	struct dp *dp = port->dp;

	for (uint16_t i = 0; i < DP_MAX_PORTS; i++) {
		if (dp->by_index[i])
			continue;
		dp->by_index[i] = port;
		port->index = i;
		return 0;
	}
	return -ENOSPC;
}

static void port_release(struct dp_port *port)
{
	if (port->dp->by_index[port->index] == port)
		port->dp->by_index[port->index] = NULL;
	free(port->counters);
	free(port);
}

static struct dp_port *port_alloc(struct dp_bridge *bridge, const struct dp_port_conf *conf,
	const struct dp_port_policy *policy)
{
	size_t counters_bytes = DP_MAX_WORKERS * sizeof(struct dp_port_counters);
	struct dp_port *port = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*port), 64));

	if (!port)
		return NULL;
	memset(port, 0, sizeof(*port));
	memset(port->rxq_worker, DP_NO_WORKER, sizeof(port->rxq_worker));
	port->counters = aligned_alloc(64, counters_bytes);
	if (!port->counters) {
		free(port);
		return NULL;
	}
	memset(port->counters, 0, counters_bytes);
	port->dp = bridge->dp;
	port->bridge = bridge;
	port->conf = *conf;
	port->policy = *policy;
	port->ops = kinds[conf->kind];
	dp_port_forget_own_mac(port);
	return port;
}

static int port_make(struct dp_bridge *bridge, struct dp_port *team,
	const struct dp_port_conf *conf, const struct dp_port_policy *policy, struct sh_err *err,
	struct dp_port **ret)
{
	struct dp_port *port;
	int r;

	if (!kinds[conf->kind])
		return sh_err_set(err, -EOPNOTSUPP,
			"this shuntd was built without xdp: use packet:%s", conf->target);
	port = port_alloc(bridge, conf, policy);
	if (!port)
		return sh_err_set(err, -ENOMEM, "no memory for a port");
	port->team = team;
	r = take_index(port);
	if (r < 0) {
		port_release(port);
		return sh_err_set(err, r, "no more than %u ports", DP_MAX_PORTS);
	}
	r = port->ops->open(port, err);
	if (r < 0) {
		port_release(port);
		return r;
	}
	LIST_INSERT_HEAD(&bridge->dp->ports, port, link);
	dp_mirror_bind_port(port);
	dp_port_watch_addresses(bridge);
	dp_port_notify(port);
	*ret = port;
	return 0;
}

int dp_port_add(struct dp_bridge *bridge, const struct dp_port_conf *conf,
	const struct dp_port_policy *policy, struct sh_err *err, struct dp_port **ret)
{
	int r = port_make(bridge, NULL, conf, policy, err, ret);

	if (r == 0)
		bridge->n_ports++;
	return r;
}

int dp_member_add(struct dp_port *team, const struct dp_port_conf *conf,
	const struct dp_port_policy *policy, struct sh_err *err, struct dp_port **ret)
{
	return port_make(team->bridge, team, conf, policy, err, ret);
}

void dp_member_free(struct dp_port *member)
{
	dp_protocol_forget(member);
	dp_capture_port_gone(member);
	member->ops->close(member);
	port_release(member);
}

static int controller_open(struct dp_port *port, struct sh_err *err)
{
	atomic_store(&port->txq_ready[0], true);
	return 0;
}

static void controller_close(struct dp_port *port)
{
}

/* No flow and no learned address leads here: packet-ins go another way. */
static uint16_t controller_tx(
	struct dp_port *port, unsigned queue, struct dp_item *items, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		items[i].drop = DP_DROP_TX_ERROR;
	return 0;
}

const struct dp_port_ops dp_port_controller_ops = {
	.open = controller_open,
	.close = controller_close,
	.tx = controller_tx,
};

int dp_controller_port_new(struct dp_bridge *bridge, struct dp_port **ret)
{
	const struct dp_port_conf conf = { .name = "controller", .kind = DP_PORT_NULL };
	/* It learns no address: its own is none. */
	struct dp_port_policy policy = { .vlan.mode = DP_VLAN_TRUNK,
		.admin_up = true,
		.reject_mac_changes = true,
		.mtu = 9000,
		.ofport = DP_OFPORT_CONTROLLER };
	struct dp_port *port;
	int r;

	memset(policy.vlan.trunk, 0xff, sizeof(policy.vlan.trunk));
	port = port_alloc(bridge, &conf, &policy);
	if (!port)
		return -ENOMEM;
	r = take_index(port);
	if (r < 0) {
		port_release(port);
		return r;
	}
	port->ops = &dp_port_controller_ops;
	port->is_controller = true;
	port->was_up = true;
	(void)port->ops->open(port, NULL);
	LIST_INSERT_HEAD(&bridge->dp->ports, port, link);
	*ret = port;
	return 0;
}

void dp_controller_port_free(struct dp_port *port)
{
	LIST_REMOVE(port, link);
	port_release(port);
}

/* Addresses learned under a policy that would not have let them be learned must go. */
static bool forgets(const struct dp_port_policy *from, const struct dp_port_policy *to)
{
	return memcmp(&from->vlan, &to->vlan, sizeof(to->vlan)) != 0 ||
	       (to->reject_mac_changes && !from->reject_mac_changes) ||
	       memcmp(from->mac, to->mac, 6) != 0 ||
	       (to->mac_limit && (!from->mac_limit || to->mac_limit < from->mac_limit)) ||
	       (from->admin_up && !to->admin_up);
}

int dp_port_set_policy(
	struct dp_port *port, const struct dp_port_policy *policy, struct sh_err *err)
{
	struct dp_port_policy old = port->policy;

	port->policy = *policy;
	if (port->ops->changed) {
		int r = port->ops->changed(port, err);

		if (r < 0) {
			port->policy = old;
			dp_team_give_up(port);
			return r;
		}
	}
	if (memcmp(old.mac, policy->mac, 6) != 0)
		dp_port_forget_own_mac(port);
	if (forgets(&old, policy))
		dp_fdb_flush(port->bridge, port, -1);
	return 0;
}

void dp_port_del(struct dp_port *port)
{
	struct dp *dp = port->dp;

	/* What the control thread has said by it leaves first. */
	if (port->policy.takes_protocols)
		dp_barrier(dp);
	LIST_REMOVE(port, link);
	if (port->conf.kind == DP_PORT_TEAM)
		dp_team_unlink(port->kind);
	if (!port->team)
		port->bridge->n_ports--;
	dp_mirror_forget_port(port);
	dp_port_watch_addresses(port->bridge);
	/* Without a new snapshot workers go on using the port: better leak it than free it. */
	if (dp_commit(dp, NULL) < 0)
		return;
	/* Addresses that workers saw on it must not reach the next port of this number. */
	dp_learn_drain(dp);
	dp_learn_forget(port);
	dp_protocol_forget(port);
	dp_capture_port_gone(port);
	port->ops->close(port);
	port_release(port);
}

void dp_port_notify(struct dp_port *port)
{
	atomic_store(&port->notified, true);
	dp_wake_control(port->dp);
}

static void on_address(void *ctx, uint64_t key, uint16_t port_plus1)
{
	struct dp_bridge *bridge = ctx;
	struct dp_port *port;

	LIST_FOREACH (port, &bridge->dp->ports, link)
		if (port->bridge == bridge && port->ops->learned)
			port->ops->learned(port, key,
				port_plus1 && port_plus1 != dp_port_outside(port)->index + 1);
}

void dp_port_watch_addresses(struct dp_bridge *bridge)
{
	struct dp_port *port;

	bridge->fdb->changed = NULL;
	bridge->fdb->ctx = bridge;
	LIST_FOREACH (port, &bridge->dp->ports, link)
		if (port->bridge == bridge && port->ops->learned)
			bridge->fdb->changed = on_address;
}

static bool tell_line(void *ctx, const struct dp_fdb_line *line)
{
	struct dp_port *port = ctx;

	port->ops->learned(port, line->key, line->port != dp_port_outside(port)->index);
	return false;
}

void dp_port_tell_addresses(struct dp_port *port)
{
	struct dp_fdb *fdb = port->bridge->fdb;
	uint32_t at = 0;

	if (port->ops->learned)
		(void)dp_fdb_walk(fdb, &at, dp_fdb_n_buckets(fdb), tell_line, port);
}

struct rte_mempool *dp_port_pool(const struct dp_port *port)
{
	return port->dp->pool;
}

void dp_port_free_burst(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	rte_pktmbuf_free_bulk(burst->mbufs, burst->n);
}

void dp_port_set_trouble(struct dp_port *port, const char *text)
{
	if (strncmp(port->trouble, text, sizeof(port->trouble) - 1) == 0)
		return;
	snprintf(port->trouble, sizeof(port->trouble), "%.255s", text);
	if (*text)
		sh_log_warn("port '%s': %s", port->conf.name, text);
}

bool dp_port_link_up(const struct dp_port *port)
{
	for (unsigned i = 0; i < DP_MAX_QUEUES; i++)
		if (atomic_load_explicit(&port->rxq_ready[i], memory_order_relaxed) ||
			atomic_load_explicit(&port->txq_ready[i], memory_order_relaxed))
			return true;
	return false;
}

struct dp_bridge *dp_port_bridge(const struct dp_port *port)
{
	return port->bridge;
}

const struct dp_port_policy *dp_port_get_policy(const struct dp_port *port)
{
	return &port->policy;
}

void dp_port_interface_info(const struct dp_port *port, struct dp_port_info *ret)
{
	struct interface now;

	if (interface_get(port->conf.target, &now) < 0)
		return;
	memcpy(ret->device_mac, now.mac, sizeof(ret->device_mac));
	ret->speed_mbps = interface_speed(port->conf.target);
}

const char *dp_port_name(const struct dp_port *port)
{
	return port->conf.name;
}

void dp_port_get_info(const struct dp_port *port, struct dp_port_info *ret)
{
	uint64_t own = atomic_load(&port->own_mac);
	unsigned takes;

	memset(ret, 0, sizeof(*ret));
	ret->link_up = port->policy.admin_up && port->link_up;
	ret->peer_connected = atomic_load(&port->connected);
	ret->n_macs = atomic_load(&port->n_macs);
	for (unsigned i = 0; i < DP_MAX_QUEUES; i++) {
		ret->n_rx_queues += atomic_load(&port->rxq_ready[i]);
		ret->n_tx_queues += atomic_load(&port->txq_ready[i]);
	}
	for (int i = 0; i < 6; i++)
		ret->mac[i] = (uint8_t)(own >> (16 + 8 * i));
	ret->fallback = port->fallback;
	ret->trouble = port->trouble;
	takes = atomic_load(&port->takes) & dp_offload_mask(port->policy.offload);
	ret->takes_csum = takes & DP_OFFLOAD_CSUM;
	ret->takes_tso = takes & DP_OFFLOAD_TSO;
	ret->takes_uso = takes & DP_OFFLOAD_USO;
	if (port->conf.kind == DP_PORT_XDP)
		ret->xdp = DP_XDP_PACKET;
	if (port->ops->info)
		port->ops->info(port, ret);
}

int dp_port_foreach_hw(const struct dp_port *port,
	void (*fn)(void *ctx, const char *name, uint64_t value), void *ctx)
{
	return port->ops->foreach_hw ? port->ops->foreach_hw(port, fn, ctx) : -EOPNOTSUPP;
}

void dp_port_get_stats(const struct dp_port *port, struct dp_port_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned w = 0; w < DP_MAX_WORKERS; w++) {
		const struct dp_port_counters *c = &port->counters[w];

		ret->rx_packets += __atomic_load_n(&c->rx_packets, __ATOMIC_RELAXED);
		ret->rx_bytes += __atomic_load_n(&c->rx_bytes, __ATOMIC_RELAXED);
		ret->tx_packets += __atomic_load_n(&c->tx_packets, __ATOMIC_RELAXED);
		ret->tx_bytes += __atomic_load_n(&c->tx_bytes, __ATOMIC_RELAXED);
		ret->rx_copied += __atomic_load_n(&c->copied, __ATOMIC_RELAXED);
		for (unsigned i = 0; i < DP_N_DROPS; i++)
			ret->drops[i] += __atomic_load_n(&c->drops[i], __ATOMIC_RELAXED);
	}
	if (port->ops->missed)
		ret->rx_missed = port->ops->missed(port);
	if (port->ops->count)
		port->ops->count(port, ret);
}
