/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sums over ports. A frame that a port refuses before any table is asked would not have matched.
 * Control thread.
 */
#include "change.h"
#include "openflow.h"

static const enum dp_drop before_tables[] = { DP_DROP_DESCRIPTOR, DP_DROP_OFFLOAD, DP_DROP_RUNT,
	DP_DROP_OVERSIZE, DP_DROP_FORGED, DP_DROP_RATE_IN, DP_DROP_RX_ADMIN_DOWN, DP_DROP_RX_GSO };

static void add_port(const struct dp_port *port, struct of_counts *sum)
{
	struct dp_port_stats s;

	dp_port_get_stats(port, &s);
	sum->n_packets += s.rx_packets;
	sum->n_bytes += s.rx_bytes;
	for (unsigned i = 0; i < sizeof(before_tables) / sizeof(before_tables[0]); i++)
		sum->n_packets -= s.drops[before_tables[i]];
}

static struct of_counts sum_of(const struct openflow_provider *p)
{
	const struct switch_state *sw = &p->ctl->sw;
	struct of_counts sum = { 0 };

	for (unsigned i = 0; i < sw->n_ports; i++)
		if (sw->ports[i].dp && dp_port_bridge(sw->ports[i].dp) == p->bridge)
			add_port(sw->ports[i].dp, &sum);
	return sum;
}

/* A port that went took its counters along: never less than nothing. */
static uint64_t more(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

static void add_since(
	const struct of_normal *normal, const struct openflow_provider *p, struct of_counts *counts)
{
	struct of_counts now = sum_of(p);

	counts->n_packets += more(now.n_packets, normal->begin.n_packets);
	counts->n_bytes += more(now.n_bytes, normal->begin.n_bytes);
}

static const struct of_flow *only_flow(const struct openflow_provider *p)
{
	const struct of_flow_filter all = {
		.table = OF_TABLE_ALL, .out_port = OF_PORT_ANY, .out_group = OF_GROUP_ANY
	};
	const struct of_flow *flow;
	struct of_flow **flows;
	int n = of_switch_flows(p->sw, &all, &flows, NULL);

	if (n < 0)
		return NULL;
	flow = n == 1 ? flows[0] : NULL;
	of_switch_flows_done(p->sw, flows, n);
	return flow;
}

void of_normal_follow(struct of_normal *normal, const struct openflow_provider *p, bool forwards)
{
	if (forwards && !normal->flow) {
		normal->flow = only_flow(p);
		normal->kept = (struct of_counts){ 0 };
		normal->is_counting = false;
	}
	if (forwards == normal->is_counting)
		return;
	if (forwards)
		normal->begin = sum_of(p);
	else
		add_since(normal, p, &normal->kept);
	normal->is_counting = forwards;
}

void of_normal_add(const struct of_normal *normal, const struct openflow_provider *p,
	const struct of_flow *flow, struct of_counts *counts)
{
	if (flow != normal->flow)
		return;
	counts->n_packets += normal->kept.n_packets;
	counts->n_bytes += normal->kept.n_bytes;
	if (normal->is_counting)
		add_since(normal, p, counts);
}

void of_normal_clear(
	struct of_normal *normal, const struct openflow_provider *p, const struct of_flow *flow)
{
	if (flow != normal->flow)
		return;
	normal->kept = (struct of_counts){ 0 };
	if (normal->is_counting)
		normal->begin = sum_of(p);
}

void of_normal_forget(struct of_normal *normal, const struct of_flow *flow)
{
	if (flow == normal->flow)
		normal->flow = NULL;
}
