/* SPDX-License-Identifier: BSD-3-Clause
 *
 * teamcost CPU ROUNDS [CASE]: what a team costs, without what any device costs: frames of 64 bytes
 * from rings in memory to rings in memory, by a worker on that CPU. Each end of the switch is one
 * ring, or a team of two. Prints one JSON object: cycles a frame of each case, a value a round;
 * tests/bench/uplink_team.py starts it.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dp_private.h"
#include "frame.h"
#include "wire.h"

#define FRAME_BYTES 64
#define N_FLOWS     256 /* that a ring brings in turn */
#define N_SLOTS     1024
#define N_RINGS     4
#define SETTLE_MS   200
#define MEASURE_MS  300
#define MTU         1500

struct ring {
	bool is_silent; /* of a device that stands by: the other side sends nothing there */
	unsigned next, next_slot;
	uint8_t flows[N_FLOWS][FRAME_BYTES];
	uint8_t sent[N_SLOTS][FRAME_BYTES];
};

static struct ring rings[N_RINGS];

static uint16_t ring_rx(struct dp_port *port, unsigned queue, struct dp_burst *b)
{
	struct ring *ring = port->kind;

	if (ring->is_silent)
		return 0;
	for (unsigned i = 0; i < DP_BURST; i++) {
		struct dp_frame *f = &b->frames[i];

		f->head = b->heads[i];
		f->n_head = f->len = FRAME_BYTES;
		f->rest = NULL;
		f->n_rest = 0;
		f->n_more = 0;
		f->refused_plus1 = 0;
		f->offloads = 0;
		dp_copy_small(b->heads[i], ring->flows[ring->next++ % N_FLOWS], FRAME_BYTES);
	}
	b->n = DP_BURST;
	return DP_BURST;
}

static uint16_t ring_tx(struct dp_port *port, unsigned queue, struct dp_item *items, uint16_t n)
{
	struct ring *ring = port->kind;

	for (uint16_t i = 0; i < n; i++) {
		dp_item_put_head(&items[i], ring->sent[ring->next_slot++ % N_SLOTS]);
		items[i].drop = DP_N_DROPS;
	}
	return n;
}

static int no_fd(const struct dp_port *port, unsigned queue)
{
	return -1;
}

static void forget(struct dp_port *port)
{
	port->kind = NULL;
}

static const struct dp_port_ops ring_ops = {
	.close = forget,
	.rx_fd = no_fd,
	.rx = ring_rx,
	.tx = ring_tx,
};

/* UDP from behind one end to behind the other, so that an address is always behind the same port:
 * rings 0 and 2 are one end, 1 and 3 the other. */
static void fill_ring(struct ring *ring, unsigned number)
{
	for (unsigned i = 0; i < N_FLOWS; i++) {
		uint8_t *f = ring->flows[i];

		memset(f, 0, FRAME_BYTES);
		f[0] = f[6] = 0x02;
		f[5] = (uint8_t)(10 + (number ^ 1));
		f[11] = (uint8_t)(10 + number);
		f[12] = ETHERTYPE_IPV4 >> 8;
		f[14] = 0x45;
		f[14 + 9] = PROTO_UDP;
		f[14 + 15] = (uint8_t)(10 + number);
		f[14 + 19] = (uint8_t)(10 + (number ^ 1));
		f[14 + 20] = (uint8_t)(i >> 8);
		f[14 + 21] = (uint8_t)i;
	}
}

static void check(int r, const struct sh_err *err)
{
	if (r >= 0)
		return;
	fprintf(stderr, "teamcost: %s\n", err->text);
	exit(1);
}

/* A port of kind null becomes a ring. */
static void put_ring(const struct dp_port *null, unsigned number)
{
	struct dp_port *port = (struct dp_port *)(uintptr_t)null;

	port->ops = &ring_ops;
	port->kind = &rings[number];
	atomic_store(&port->rxq_ready[0], true);
}

static struct dp_port *add_end(
	struct dp_bridge *bridge, const char *name, unsigned number, int team_mode)
{
	struct dp_port_conf conf = { .kind = DP_PORT_NULL, .n_queues = 1 };
	struct dp_port_policy policy = { .admin_up = true, .mtu = MTU };
	struct dp_port *port;
	struct sh_err err;

	snprintf(conf.name, sizeof(conf.name), "%s", name);
	if (team_mode >= 0) {
		conf.kind = DP_PORT_TEAM;
		policy.team.mode = (enum dp_team_mode)team_mode;
		policy.team.n_members = 2;
		for (unsigned i = 0; i < 2; i++) {
			struct dp_member_conf *member = &policy.team.members[i];

			member->kind = DP_PORT_NULL;
			snprintf(member->name, sizeof(member->name), "ring%u", number + 2 * i);
		}
	}
	check(dp_port_add(bridge, &conf, &policy, &err, &port), &err);
	if (team_mode < 0) {
		put_ring(port, number);
	} else {
		put_ring(dp_team_member_port(port, 0), number);
		put_ring(dp_team_member_port(port, 1), number + 2);
	}
	return port;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* As the control thread does, which learns addresses meanwhile. */
static void run_for(struct dp *dp, unsigned ms)
{
	struct pollfd fd = { dp_event_fd(dp), POLLIN, 0 };
	int64_t end = now_ms() + ms, left;

	while ((left = end - now_ms()) > 0)
		if (poll(&fd, 1, (int)left) > 0)
			dp_dispatch(dp);
}

struct measured {
	const char *name;
	int team_mode;      /* -1: no teams */
	unsigned n_bridges; /* each with an end on either side */
	bool stands_by;
};

static double measure(struct dp *dp, const struct measured *m)
{
	struct dp_bridge *bridges[2];
	struct dp_port *ends[4];
	struct dp_worker_stats stats;
	struct sh_err err;
	unsigned n = 0;

	rings[2].is_silent = rings[3].is_silent = m->stands_by;
	for (unsigned b = 0; b < m->n_bridges; b++) {
		struct dp_bridge_conf conf = { .fdb_size = 1024, .fdb_ageing_s = 300 };

		snprintf(conf.name, sizeof(conf.name), "br%u", b);
		check(dp_bridge_add(dp, &conf, &err, &bridges[b]), &err);
		for (unsigned end = 0; end < 2; end++, n++) {
			char name[DP_NAME_LEN];

			snprintf(name, sizeof(name), "end%u", n);
			ends[n] = add_end(bridges[b], name, 2 * b + end, m->team_mode);
		}
	}
	check(dp_commit(dp, &err), &err);
	run_for(dp, SETTLE_MS);
	dp_worker_clear_stats(dp);
	run_for(dp, MEASURE_MS);
	dp_worker_get_stats(dp, 0, &stats);
	if (stats.tx_packets == 0 || stats.dropped) {
		fprintf(stderr, "teamcost: %s: %lu frames were sent and %lu dropped\n", m->name,
			(unsigned long)stats.tx_packets, (unsigned long)stats.dropped);
		exit(1);
	}
	while (n > 0)
		dp_port_del(ends[--n]);
	for (unsigned b = 0; b < m->n_bridges; b++)
		dp_bridge_del(bridges[b]);
	return (double)stats.busy_cycles / (double)stats.rx_packets;
}

int main(int argc, char **argv)
{
	static const struct measured all[] = {
		{ "one", -1, 1, true },
		{ "active-backup", DP_TEAM_ACTIVE_BACKUP, 1, true },
		{ "two", -1, 2, false },
		{ "balance-mac", DP_TEAM_BALANCE_MAC, 1, false },
		{ "balance-tcp", DP_TEAM_BALANCE_TCP, 1, false },
	};
	const unsigned n_all = sizeof(all) / sizeof(all[0]);
	const char *only = argc == 4 ? argv[3] : NULL;
	const struct dp_conf conf = { .memory_bytes = 64u << 20, .hugepages = DP_HUGEPAGES_OFF };
	struct dp_workers_conf workers = { .n = 1, .poll = DP_POLL_BUSY };
	unsigned n_rounds = argc >= 3 ? (unsigned)atoi(argv[2]) : 0;
	double *cycles = calloc(n_rounds * n_all + 1, sizeof(*cycles));
	struct sh_err err;
	struct dp *dp;

	if (!cycles || n_rounds == 0) {
		fprintf(stderr, "usage: teamcost CPU ROUNDS [CASE]\n");
		return 2;
	}
	workers.cpus[0] = (unsigned)atoi(argv[1]);
	for (unsigned i = 0; i < N_RINGS; i++)
		fill_ring(&rings[i], i);
	check(dp_new(&conf, &err, &dp), &err);
	check(dp_workers_set(dp, &workers, &err), &err);
	for (unsigned i = 0; i < n_rounds * n_all; i++)
		if (!only || strcmp(only, all[i % n_all].name) == 0)
			cycles[i] = measure(dp, &all[i % n_all]);
	for (unsigned m = 0; m < n_all; m++) {
		printf("%s\"%s\": [", m ? ", " : "{", all[m].name);
		for (unsigned i = 0; i < n_rounds; i++)
			printf("%s%.2f", i ? ", " : "", cycles[i * n_all + m]);
		printf("]");
	}
	printf("}\n");
	dp_free(dp);
	free(cycles);
	return 0;
}
