/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Drawing a snapshot from the model: every port and bridge as the fast path wants them, and which
 * worker polls which queue. One allocation. Control thread only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp_private.h"
#include "fresh.h"
#include "mirror.h"
#include "offload.h"
#include "team.h"

#define MIN_BURST_BYTES 65536

/* Where the parts of the one allocation begin. */
struct layout {
	size_t ports, table, bridges, teams, mirrors, indexes, ofports, queues, total;
	unsigned n_ports, n_bridges, n_teams, n_queues;
	uint32_t table_len;
};

/* One more than the highest OpenFlow number of a bridge's ports. */
static uint32_t n_ofports(const struct dp *dp, const struct dp_bridge *bridge)
{
	const struct dp_port *port;
	uint32_t n = 0;

	LIST_FOREACH (port, &dp->ports, link)
		if (port->bridge == bridge && port->policy.ofport <= DP_MAX_OFPORT)
			n = RTE_MAX(n, port->policy.ofport + 1);
	return n;
}

static void measure(const struct dp *dp, struct layout *l)
{
	const struct dp_bridge *bridge;
	const struct dp_port *port;
	size_t at = RTE_ALIGN_CEIL(sizeof(struct dp_snapshot), 64);

	memset(l, 0, sizeof(*l));
	LIST_FOREACH (bridge, &dp->bridges, link)
		l->n_bridges++;
	LIST_FOREACH (port, &dp->ports, link) {
		l->n_ports++;
		l->n_queues += DP_MAX_QUEUES; /* readiness may change while this is drawn */
		l->n_teams += port->conf.kind == DP_PORT_TEAM;
		if (port->index >= l->table_len)
			l->table_len = port->index + 1u;
	}
	l->ports = at;
	at += l->n_ports * sizeof(struct dp_snap_port);
	l->table = at;
	at += l->table_len * sizeof(struct dp_snap_port *);
	l->bridges = at;
	at += l->n_bridges * sizeof(struct dp_snap_bridge);
	l->teams = at;
	at += RTE_ALIGN_CEIL(l->n_teams * sizeof(struct dp_snap_team), 8);
	l->mirrors = at;
	at += dp_mirror_snap_bytes(dp);
	l->queues = at;
	at += DP_MAX_WORKERS * l->n_queues * sizeof(struct dp_snap_rxq);
	l->indexes = at;
	at += l->n_ports * sizeof(uint16_t);
	l->ofports = at;
	LIST_FOREACH (bridge, &dp->bridges, link)
		at += n_ofports(dp, bridge) * sizeof(uint16_t);
	l->total = RTE_ALIGN_CEIL(at, 64);
}

static void draw_rate(
	const struct dp *dp, struct dp_bucket_rate *rate, uint64_t per_second, uint64_t burst)
{
	memset(rate, 0, sizeof(*rate));
	if (!per_second)
		return;
	rate->tsc_per_unit_q16 = (uint64_t)(((__uint128_t)dp->tsc_hz << 16) / per_second);
	rate->burst_tsc = (uint64_t)((__uint128_t)rate->tsc_per_unit_q16 * burst >> 16);
}

static void draw_byte_rate(
	const struct dp *dp, struct dp_bucket_rate *rate, uint64_t bps, uint64_t burst_bytes)
{
	uint64_t bytes_per_second = bps / 8;

	if (bps && !bytes_per_second)
		bytes_per_second = 1;
	if (!burst_bytes)
		burst_bytes = RTE_MAX(bytes_per_second / 100, (uint64_t)MIN_BURST_BYTES);
	draw_rate(dp, rate, bytes_per_second, burst_bytes);
}

static void draw_limits(struct dp_snap_port *s, const struct dp *dp)
{
	const struct dp_port_policy *p = &s->port->policy;

	draw_byte_rate(dp, &s->rate_in, p->rate_in_bps, p->burst_in_bytes);
	draw_byte_rate(dp, &s->rate_out, p->rate_out_bps, p->burst_out_bytes);
	/* A tenth of a second's worth may come at once. */
	draw_rate(dp, &s->rate_storm, p->storm_pps, RTE_MAX(p->storm_pps / 10, 1u));
	s->limits_in = p->rate_in_bps != 0;
	s->limits_out = p->rate_out_bps != 0;
	s->limits_storm = p->storm_pps != 0;
}

/* A mirror's output takes copies alone: for all others it is as if a controller had closed it. */
static void draw_watchers(struct dp_snap_port *s, const struct dp_port *port)
{
	s->captures = port->captures;
	s->mirrors_in = port->mirrors_in;
	s->mirrors_out = port->mirrors_out;
	s->is_watched = s->captures || s->mirrors_in || s->mirrors_out;
	s->is_mirror_output = port->is_mirror_output;
	if (s->is_mirror_output)
		s->no_receive = s->no_forward = true;
}

static void draw_port(struct dp_snap_port *s, struct dp_port *port, struct dp_snap_bridge *bridges)
{
	const struct dp_port_policy *p = &port->policy;

	s->bridge = &bridges[port->bridge->snap_index];
	s->port = port;
	s->ops = port->ops;
	s->index = port->index;
	s->max_frame = dp_max_frame(p->mtu);
	s->mac_limit = p->mac_limit;
	s->admin_up = p->admin_up;
	s->no_receive = p->no_receive;
	s->no_forward = p->no_forward;
	s->no_packet_in = p->no_packet_in;
	s->ofport = p->ofport;
	s->link_up = port->link_up = dp_port_link_up(port);
	s->takes_protocols = (uint8_t)p->takes_protocols;
	s->team_use = port->team_use;
	s->team_use_of = port->team_use_of;
	s->promiscuous = p->promiscuous;
	s->isolated = p->isolated;
	s->reject_mac_changes = p->reject_mac_changes;
	s->reject_forged = p->reject_forged_transmits;
	s->guards_source = s->reject_mac_changes || s->reject_forged;
	s->vlan = p->vlan;
	s->offloads = dp_offload_mask(p->offload);
	s->merges = port->ops == &dp_port_xdp_ops || port->conf.kind == DP_PORT_PCI;
	draw_limits(s, port->dp);
	draw_watchers(s, port);
	for (unsigned i = 0; i < DP_MAX_QUEUES; i++)
		if (atomic_load(&port->txq_ready[i]))
			s->txq[s->n_txq++] = (uint8_t)i;
}

/* The one that its teams look at, if it has any. */
static struct dp_fresh *find_fresh(const struct dp *dp, struct dp_bridge *bridge)
{
	const struct dp_port *port;

	LIST_FOREACH (port, &dp->ports, link)
		if (port->bridge == bridge && port->conf.kind == DP_PORT_TEAM)
			return &bridge->fresh;
	return NULL;
}

/* What is flooded may go there. */
static bool is_forwarding(const struct dp_port *port, const struct dp_bridge *bridge)
{
	return port->bridge == bridge && !port->is_controller && !port->team &&
	       !port->is_mirror_output;
}

static void draw_bridge(
	struct dp *dp, struct dp_snap_bridge *s, struct dp_bridge *bridge, uint16_t *indexes)
{
	const struct dp_port *port;

	s->fdb = bridge->fdb;
	s->fresh = find_fresh(dp, bridge);
	s->pipeline = bridge->pipeline;
	s->uses_tables = bridge->uses_tables;
	s->drops_fragments = bridge->drops_fragments;
	s->ports = indexes;
	LIST_FOREACH (port, &dp->ports, link)
		if (is_forwarding(port, bridge) && port->policy.promiscuous)
			indexes[s->n_ports++] = port->index;
	s->n_promiscuous = s->n_ports;
	LIST_FOREACH (port, &dp->ports, link)
		if (is_forwarding(port, bridge) && !port->policy.promiscuous)
			indexes[s->n_ports++] = port->index;
}

static void draw_ofports(struct dp *dp, struct dp_snap_bridge *s, const struct dp_bridge *bridge,
	uint16_t *by_ofport)
{
	const struct dp_port *port;

	s->n_ofports = n_ofports(dp, bridge);
	s->by_ofport = by_ofport;
	LIST_FOREACH (port, &dp->ports, link) {
		uint32_t no = port->policy.ofport;

		if (port->bridge != bridge || port->is_controller || !no)
			continue;
		if (no == DP_OFPORT_LOCAL)
			s->local_plus1 = (uint16_t)(port->index + 1);
		else if (no <= DP_MAX_OFPORT)
			by_ofport[no] = (uint16_t)(port->index + 1);
	}
}

static unsigned least_busy(const struct dp *dp, const struct dp_snapshot *s)
{
	unsigned best = 0;

	for (unsigned i = 1; i < dp->n_workers; i++)
		if (s->polls[i].n < s->polls[best].n)
			best = i;
	return best;
}

static void give_queue(
	struct dp_snapshot *s, unsigned worker, struct dp_snap_port *port, uint16_t q)
{
	port->port->rxq_worker[q] = (int8_t)worker;
	s->polls[worker].queues[s->polls[worker].n++] = (struct dp_snap_rxq){ port, q };
}

/* A queue stays with its worker as long as it is ready, so that never two poll it: one by the old
 * snapshot, one by the new. Those that are new go to whoever has the fewest. */
static void deal_queues(
	struct dp *dp, struct dp_snapshot *s, struct dp_snap_rxq *queues, const struct layout *l)
{
	for (unsigned i = 0; i < dp->n_workers; i++)
		s->polls[i].queues = queues + (size_t)i * l->n_queues;
	for (int is_new = 0; is_new < 2 && dp->n_workers; is_new++) {
		for (uint32_t i = 0; i < s->n_ports; i++) {
			struct dp_snap_port *port = s->ports[i];

			for (uint16_t q = 0; port && q < DP_MAX_QUEUES; q++) {
				int worker = port->port->rxq_worker[q];

				if (!atomic_load(&port->port->rxq_ready[q]))
					port->port->rxq_worker[q] = DP_NO_WORKER;
				else if (is_new && worker == DP_NO_WORKER)
					give_queue(s, least_busy(dp, s), port, q);
				else if (!is_new && worker != DP_NO_WORKER)
					give_queue(s, (unsigned)worker, port, q);
			}
		}
	}
}

static void draw_teams(const struct dp *dp, struct dp_snapshot *s, struct dp_snap_team *teams)
{
	const struct dp_port *port;

	LIST_FOREACH (port, &dp->ports, link) {
		struct dp_snap_port *snap = s->ports[port->index];

		if (port->conf.kind == DP_PORT_TEAM) {
			dp_team_draw(port->kind, teams);
			snap->team = teams++;
		}
		if (port->team) {
			snap->master = s->ports[port->team->index];
			snap->master->merges |= snap->merges;
			snap->master->is_watched |= snap->captures != NULL;
			snap->member_bit = (uint8_t)(1u << port->team_slot);
		}
	}
}

/* Of most members all frames are taken, and then none is asked for. */
static void draw_choosy(struct dp_snapshot *s)
{
	for (uint32_t i = 0; i < s->n_ports; i++) {
		struct dp_snap_port *port = s->ports[i];
		const struct dp_snap_team *team;

		if (!port || !port->master)
			continue;
		team = port->master->team;
		port->is_choosy = !(team->unicast & team->group & port->member_bit) ||
				  team->n_uses > 1 ||
				  (team->is_many_links && port->master->bridge->has_unlearned);
	}
}

int dp_snapshot_new(struct dp *dp, struct dp_snapshot **ret)
{
	struct layout l;
	struct dp_snap_port *ports;
	struct dp_snapshot *s;
	struct dp_bridge *bridge;
	struct dp_port *port;
	uint16_t *indexes, *ofports;
	char *memory;

	dp_teams_update(dp);
	measure(dp, &l);
	memory = aligned_alloc(64, l.total);
	if (!memory)
		return -ENOMEM;
	memset(memory, 0, l.total);
	s = (struct dp_snapshot *)memory;
	ports = (struct dp_snap_port *)(memory + l.ports);
	indexes = (uint16_t *)(memory + l.indexes);
	ofports = (uint16_t *)(memory + l.ofports);
	s->generation = ++dp->generation;
	s->n_ports = l.table_len;
	s->ports = (struct dp_snap_port **)(memory + l.table);
	s->bridges = (struct dp_snap_bridge *)(memory + l.bridges);
	l.n_bridges = 0;
	LIST_FOREACH (bridge, &dp->bridges, link) {
		bridge->snap_index = (uint16_t)l.n_bridges;
		draw_bridge(dp, &s->bridges[l.n_bridges], bridge, indexes);
		draw_ofports(dp, &s->bridges[l.n_bridges], bridge, ofports);
		indexes += bridge->n_ports;
		ofports += s->bridges[l.n_bridges++].n_ofports;
	}
	s->n_bridges = l.n_bridges;
	LIST_FOREACH (port, &dp->ports, link) {
		draw_port(ports, port, s->bridges);
		if (port->is_controller)
			s->bridges[port->bridge->snap_index].controller = ports;
		s->ports[port->index] = ports++;
	}
	draw_teams(dp, s, (struct dp_snap_team *)(memory + l.teams));
	dp_mirror_draw(dp, s, (struct dp_snap_mirror *)(memory + l.mirrors));
	draw_choosy(s);
	deal_queues(dp, s, (struct dp_snap_rxq *)(memory + l.queues), &l);
	*ret = s;
	return 0;
}

void dp_snapshot_free(struct dp_snapshot *snapshot)
{
	free(snapshot);
}
