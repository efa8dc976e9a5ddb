/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Port kind uplink with device xdp:IFNAME: an interface that the host goes on using. An XDP program
 * sorts the frames; those for the switch come by an AF_XDP socket a queue, and those that the host
 * gets as well by a packet socket, which is the port's last receive queue (doc/uplinks.md). What
 * the driver cannot do is done by generic XDP, and where that fails too by AF_PACKET: the functions
 * of port_packet.c stand in then, until the interface is another one or is set up otherwise.
 */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "dp_private.h"
#include "packet_ring.h"
#include "uplink/interface.h"
#include "uplink/wire_vlans.h"
#include "uplink/xdp_program.h"
#include "uplink/xsk.h"

#define MAX_SOCKETS (DP_MAX_QUEUES - 1)

struct xdp {
	struct interface opened; /* as it was then; its ifindex is 0 while there is nothing open */
	struct interface tried;  /* as it was when XDP failed; its ifindex is 0 if it did not */
	struct xdp_program *program;
	struct xsk *sockets[MAX_SOCKETS];
	struct packet_ring shared;
	unsigned n_sockets;
	bool generic, segmented, restores_rx_vlan;
	/* of what was open before */
	struct xdp_counter counted[XDP_N_COUNTS];
	uint64_t missed;
};

static bool needs_segments(const struct interface *i)
{
	return dp_max_frame((uint16_t)RTE_MIN(i->mtu, 9000u)) + XSK_HEADROOM > XSK_FRAME_BYTES;
}

static uint32_t max_frame(const struct interface *i)
{
	return dp_max_frame((uint16_t)RTE_MIN(i->mtu, 9000u));
}

static void close_sockets(struct xdp *x)
{
	xdp_program_detach(x->program);
	packet_ring_close(&x->shared);
	while (x->n_sockets) {
		struct xsk *socket = x->sockets[--x->n_sockets];

		x->missed += xsk_missed(socket);
		xsk_free(socket);
	}
}

static void stop(struct xdp *x)
{
	struct xdp_counter counted[XDP_N_COUNTS];
	char name[IF_NAMESIZE];

	if (!x->opened.ifindex)
		return;
	close_sockets(x);
	xdp_program_counters(x->program, counted);
	for (unsigned i = 0; i < XDP_N_COUNTS; i++) {
		x->counted[i].packets += counted[i].packets;
		x->counted[i].bytes += counted[i].bytes;
	}
	xdp_program_free(x->program);
	x->program = NULL;
	/* It may have another name by now. */
	if (x->restores_rx_vlan && if_indextoname((unsigned)x->opened.ifindex, name))
		(void)interface_set_rx_vlan(name, true);
	x->opened.ifindex = 0;
}

static int open_sockets(struct xdp *x, const struct interface *now)
{
	int r = packet_ring_open(&x->shared, now->ifindex, xdp_program_filter(x->program));

	while (r == 0 && x->n_sockets < now->n_queues) {
		const struct xsk_conf conf = { .ifindex = now->ifindex,
			.queue = x->n_sockets,
			.by_copy = x->generic,
			.segmented = x->segmented,
			.max_frame = max_frame(now) };

		r = xsk_new(&conf, &x->sockets[x->n_sockets]);
		if (r < 0)
			break;
		r = xdp_program_set_socket(
			x->program, x->n_sockets, xsk_fd(x->sockets[x->n_sockets]));
		x->n_sockets++;
	}
	return r;
}

/* The program is attached first, since drivers that copy nothing want it so; until a queue has its
 * socket the host gets everything. */
static int attach(struct xdp *x, const struct interface *now, bool generic)
{
	int r = xdp_program_attach(x->program, now->ifindex, generic);

	if (r < 0)
		return r;
	x->generic = generic;
	r = open_sockets(x, now);
	if (r < 0)
		close_sockets(x);
	return r;
}

static void tell_policy(const struct dp_port *port, struct xdp *x)
{
	xdp_program_set_host(x->program, (enum xdp_host)port->policy.host);
	xdp_program_set_slow(x->program, port->policy.takes_protocols & DP_TAKES_SLOW);
}

static void tell_own(struct dp_port *port, struct xdp *x, const struct interface *now)
{
	uint64_t vlans[DP_VLAN_WORDS];

	interface_read_host_vlans(port->conf.target, vlans);
	xdp_program_set_own(x->program, now->mac, vlans);
}

static int load(
	struct dp_port *port, struct xdp *x, const struct interface *now, struct sh_err *why)
{
	int r;

	if (now->n_queues > MAX_SOCKETS)
		return sh_err_set(why, -E2BIG,
			"it receives on %u queues, more than %d: 'ethtool -L %s combined %d'",
			now->n_queues, MAX_SOCKETS, port->conf.target, MAX_SOCKETS);
	r = xdp_program_new(&x->program);
	if (r < 0)
		return sh_err_set(why, r, "the XDP program cannot be loaded: %s%s", strerror(-r),
			r == -EPERM || r == -EACCES ? " (needs CAP_BPF and CAP_NET_ADMIN)" : "");
	/* The program looks for tags in the frame. */
	r = interface_set_rx_vlan(port->conf.target, false);
	if (r < 0)
		return sh_err_set(
			why, r, "its rx-vlan-offload cannot be turned off: %s", strerror(-r));
	x->restores_rx_vlan = r;
	return 0;
}

/* What a driver most often means, which says no more than a number. */
static const char *hint(int error)
{
	switch (error) {
	case -EOPNOTSUPP:
		return " (by its driver)";
	case -ENOSPC:
		return " (the other end of a veth pair may send on more queues than this end has)";
	case -EINVAL:
	case -ERANGE:
		return " (its MTU may be too long for its driver's XDP)";
	default:
		return "";
	}
}

/* The better way first; *why is what was wrong with it. */
static int attach_any(
	struct dp_port *port, struct xdp *x, const struct interface *now, struct sh_err *why)
{
	int native, generic;

	tell_policy(port, x);
	tell_own(port, x, now);
	x->segmented = needs_segments(now);
	native = attach(x, now, false);
	if (native == 0)
		return 0;
	generic = attach(x, now, true);
	if (generic == 0) {
		(void)sh_err_set(why, 0, "no native XDP: %s%s", strerror(-native), hint(native));
		return 0;
	}
	return sh_err_set(why, generic, "no native XDP: %s%s; no generic XDP: %s",
		strerror(-native), hint(native), strerror(-generic));
}

static int start(
	struct dp_port *port, struct xdp *x, const struct interface *now, struct sh_err *why)
{
	int r;

	why->text[0] = '\0';
	x->opened = *now;
	r = load(port, x, now, why);
	if (r == 0)
		r = attach_any(port, x, now, why);
	if (r < 0) {
		if (x->program)
			stop(x);
		x->opened.ifindex = 0;
		return r;
	}
	snprintf(port->fallback, sizeof(port->fallback), "%.255s", why->text);
	if (x->generic)
		sh_log_warn("port '%s': interface '%s' by generic XDP, which is slower: %s",
			port->conf.name, port->conf.target, port->fallback);
	else
		sh_log_notice("port '%s': interface '%s' by native XDP, %u queue%s, %s",
			port->conf.name, port->conf.target, x->n_sockets,
			x->n_sockets == 1 ? "" : "s",
			xsk_is_zero_copy(x->sockets[0]) ? "zero-copy" : "with a copy");
	dp_port_tell_addresses(port);
	return 0;
}

static void set_ready(struct dp_port *port, const struct xdp *x, bool ready)
{
	for (unsigned q = 0; q < DP_MAX_QUEUES; q++) {
		atomic_store(&port->txq_ready[q], ready && q < x->n_sockets);
		atomic_store(&port->rxq_ready[q], ready && x->n_sockets && q <= x->n_sockets);
	}
}

/* What sockets and buffers were made for. */
static bool is_as(const struct interface *before, const struct interface *now)
{
	return now->ifindex == before->ifindex && now->n_queues == before->n_queues &&
	       needs_segments(now) == needs_segments(before);
}

/* To try is an event in itself, as drivers tell of their settings: not again for nothing. One that
 * was down may be up now. */
static bool was_tried(const struct xdp *x, const struct interface *now)
{
	return is_as(&x->tried, now) && x->tried.is_running >= now->is_running;
}

/* Another one's program may do anything. */
static int find_interface(const struct dp_port *port, struct interface *ret, struct sh_err *err)
{
	const char *name = port->conf.target;
	struct xdp_other other;
	int r = interface_find(name, ret, err);

	if (r < 0)
		return r;
	if (xdp_program_other(ret->ifindex, &other) == 0 && other.id)
		return sh_err_set(err, -EBUSY,
			"interface '%s' has an XDP program of somebody else (id %" PRIu32
			"%s%s): end that, or 'ip link set dev %s %s off', or use packet:%s",
			name, other.id, other.name[0] ? ", " : "", other.name, name, other.how,
			name);
	return 0;
}

static const struct dp_port_ops by_packet_ops;

/* *why: what is wrong with XDP */
static int by_packet(
	struct dp_port *port, struct xdp *x, const struct sh_err *why, struct sh_err *err)
{
	int r;

	snprintf(port->fallback, sizeof(port->fallback), "%.255s", why->text);
	sh_log_warn(
		"port '%s': interface '%s' by packet:, which is slower and shares no frame out: %s",
		port->conf.name, port->conf.target, port->fallback);
	port->kind = NULL;
	r = dp_port_packet_ops.open(port, err);
	if (r < 0) {
		port->kind = x;
		return r;
	}
	port->beside = x;
	port->ops = &by_packet_ops;
	return 0;
}

/* Native, generic or AF_PACKET, whichever works. */
static int open_any(
	struct dp_port *port, struct xdp *x, const struct interface *now, struct sh_err *err)
{
	struct sh_err why;

	x->tried.ifindex = 0;
	if (start(port, x, now, &why) < 0) {
		x->tried = *now;
		return by_packet(port, x, &why, err);
	}
	set_ready(port, x, now->is_running);
	return 0;
}

/* No worker is in the port. */
static void open_again(struct dp_port *port, struct xdp *x)
{
	struct interface now;
	struct sh_err err = { "" };
	int r = find_interface(port, &now, &err);

	if (r == 0 && was_tried(x, &now))
		return;
	if (r == 0)
		r = open_any(port, x, &now, &err);
	dp_port_set_trouble(port, r < 0 ? err.text : "");
}

static void restart(struct dp_port *port, struct xdp *x)
{
	set_ready(port, x, false);
	/* From here on no worker is in the sockets. */
	if (dp_commit(port->dp, NULL) < 0)
		return;
	stop(x);
	open_again(port, x);
}

static void xdp_event(struct dp_port *port)
{
	struct xdp *x = port->kind;
	struct interface now;

	(void)interface_get(port->conf.target, &now);
	if (!x->opened.ifindex && !now.ifindex)
		return;
	if (!is_as(&x->opened, &now)) {
		restart(port, x);
		return;
	}
	tell_own(port, x, &now);
	for (unsigned i = 0; i < x->n_sockets; i++)
		xsk_set_max_frame(x->sockets[i], max_frame(&now));
	set_ready(port, x, now.is_running);
}

static int xdp_open(struct dp_port *port, struct sh_err *err)
{
	struct interface now;
	struct xdp *x;
	int r = find_interface(port, &now, err);

	if (r < 0)
		return r;
	x = calloc(1, sizeof(*x));
	if (!x)
		return sh_err_set(err, -ENOMEM, "no memory for a port");
	x->shared.fd = -1;
	port->kind = x;
	r = open_any(port, x, &now, err);
	if (r < 0) {
		free(x);
		port->kind = NULL;
	}
	return r;
}

static void xdp_close(struct dp_port *port)
{
	stop(port->kind);
	free(port->kind);
}

static int xdp_changed(struct dp_port *port, struct sh_err *err)
{
	struct xdp *x = port->kind;

	if (!x->program)
		return 0;
	tell_policy(port, x);
	if (port->policy.host == DP_HOST_ALL_BUT_VMS)
		dp_port_tell_addresses(port);
	else
		xdp_program_forget_vms(x->program);
	return 0;
}

/* With flow tables VLANs are the flows' business. */
static void used_vlans(const struct dp_port *port, uint64_t used[DP_VLAN_WORDS])
{
	const struct dp_port *other;

	memset(used, port->bridge->uses_tables ? 0xff : 0, DP_VLAN_WORDS * sizeof(*used));
	LIST_FOREACH (other, &port->dp->ports, link)
		if (other->bridge == port->bridge && other != dp_port_outside(port) &&
			!other->team && !other->is_controller && !other->is_mirror_output &&
			other->policy.admin_up)
			dp_vlans_add(&other->policy.vlan, used);
}

static void xdp_committed(struct dp_port *port)
{
	const struct dp_vlan_policy *own = &port->policy.vlan;
	struct xdp *x = port->kind;
	uint64_t used[DP_VLAN_WORDS], wire[DP_VLAN_WORDS];

	if (!x->program)
		return;
	used_vlans(port, used);
	dp_vlans_on_wire(own, used, wire);
	if (!port->policy.admin_up)
		memset(wire, 0, sizeof(wire));
	xdp_program_set_switch_vlans(x->program, wire, own->mode == DP_VLAN_TRUNK ? 0 : own->vlan);
}

static void xdp_learned(struct dp_port *port, uint64_t key, bool there)
{
	struct xdp *x = port->kind;

	if (x->program && port->policy.host == DP_HOST_ALL_BUT_VMS)
		xdp_program_set_vm(x->program, key, there);
}

static uint64_t xdp_missed(const struct dp_port *port)
{
	struct xdp *x = port->kind;
	uint64_t n = x->missed + packet_ring_missed(&x->shared);

	for (unsigned i = 0; i < x->n_sockets; i++)
		n += xsk_missed(x->sockets[i]);
	return n;
}

/* What the program drops came in here and was not delivered, as what a worker drops. */
static void add_counted(const struct xdp *x, struct dp_port_stats *stats)
{
	struct xdp_counter c[XDP_N_COUNTS] = { 0 };

	if (x->program)
		xdp_program_counters(x->program, c);
	for (unsigned i = 0; i < XDP_N_COUNTS; i++) {
		c[i].packets += x->counted[i].packets;
		c[i].bytes += x->counted[i].bytes;
	}
	stats->host_packets = c[XDP_COUNT_HOST].packets;
	stats->shared_packets = c[XDP_COUNT_SHARED].packets;
	stats->rx_packets += c[XDP_COUNT_UNUSED].packets;
	stats->rx_bytes += c[XDP_COUNT_UNUSED].bytes;
	stats->drops[DP_DROP_VLAN_UNUSED] += c[XDP_COUNT_UNUSED].packets;
}

static void xdp_count(const struct dp_port *port, struct dp_port_stats *stats)
{
	add_counted(port->kind, stats);
}

static void xdp_info(const struct dp_port *port, struct dp_port_info *ret)
{
	const struct xdp *x = port->kind;

	dp_port_interface_info(port, ret);
	ret->xdp = x->generic ? DP_XDP_GENERIC : DP_XDP_NATIVE;
	ret->zero_copy = x->n_sockets && xsk_is_zero_copy(x->sockets[0]);
}

static int xdp_rx_fd(const struct dp_port *port, unsigned queue)
{
	const struct xdp *x = port->kind;

	return queue < x->n_sockets ? xsk_fd(x->sockets[queue]) : x->shared.fd;
}

static uint16_t xdp_rx(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	struct xdp *x = port->kind;
	uint16_t n;

	if (queue == x->n_sockets)
		return packet_ring_rx(&x->shared, burst);
	n = xsk_rx(x->sockets[queue], burst);
	if (n == 0)
		xsk_flush(x->sockets[queue], port->dp->shares_queues);
	return n;
}

static void xdp_rx_done(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	struct xdp *x = port->kind;

	if (queue == x->n_sockets)
		packet_ring_rx_done(&x->shared);
	else
		xsk_rx_done(x->sockets[queue]);
}

static uint16_t xdp_tx(struct dp_port *port, unsigned queue, struct dp_item *items, uint16_t n)
{
	const struct xdp *x = port->kind;

	return xsk_tx(x->sockets[queue], items, n, port->dp->shares_queues);
}

const struct dp_port_ops dp_port_xdp_ops = {
	.open = xdp_open,
	.close = xdp_close,
	.changed = xdp_changed,
	.event = xdp_event,
	.missed = xdp_missed,
	.count = xdp_count,
	.info = xdp_info,
	.committed = xdp_committed,
	.learned = xdp_learned,
	.rx_fd = xdp_rx_fd,
	.rx = xdp_rx,
	.rx_done = xdp_rx_done,
	.tx = xdp_tx,
};

static void by_packet_event(struct dp_port *port)
{
	struct xdp *x = port->beside;
	struct interface now;

	(void)interface_get(port->conf.target, &now);
	if (!now.ifindex || was_tried(x, &now)) {
		dp_port_packet_ops.event(port);
		return;
	}
	for (unsigned q = 0; q < DP_MAX_QUEUES; q++) {
		atomic_store(&port->txq_ready[q], false);
		atomic_store(&port->rxq_ready[q], false);
	}
	if (dp_commit(port->dp, NULL) < 0)
		return;
	x->missed += dp_port_packet_ops.missed(port);
	dp_port_packet_ops.close(port);
	atomic_store(&port->takes, 0);
	port->kind = x;
	port->beside = NULL;
	port->ops = &dp_port_xdp_ops;
	open_again(port, x);
	dp_port_watch_addresses(port->bridge);
}

static void by_packet_close(struct dp_port *port)
{
	dp_port_packet_ops.close(port);
	free(port->beside);
}

static uint64_t by_packet_missed(const struct dp_port *port)
{
	return ((const struct xdp *)port->beside)->missed + dp_port_packet_ops.missed(port);
}

static void by_packet_count(const struct dp_port *port, struct dp_port_stats *stats)
{
	add_counted(port->beside, stats);
}

static int by_packet_rx_fd(const struct dp_port *port, unsigned queue)
{
	return dp_port_packet_ops.rx_fd(port, queue);
}

static uint16_t by_packet_rx(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	return dp_port_packet_ops.rx(port, queue, burst);
}

static void by_packet_rx_done(struct dp_port *port, unsigned queue, struct dp_burst *burst)
{
	dp_port_packet_ops.rx_done(port, queue, burst);
}

static uint16_t by_packet_tx(
	struct dp_port *port, unsigned queue, struct dp_item *items, uint16_t n)
{
	return dp_port_packet_ops.tx(port, queue, items, n);
}

static const struct dp_port_ops by_packet_ops = {
	.open = xdp_open,
	.close = by_packet_close,
	.event = by_packet_event,
	.missed = by_packet_missed,
	.count = by_packet_count,
	.info = dp_port_interface_info,
	.rx_fd = by_packet_rx_fd,
	.rx = by_packet_rx,
	.rx_done = by_packet_rx_done,
	.tx = by_packet_tx,
};
