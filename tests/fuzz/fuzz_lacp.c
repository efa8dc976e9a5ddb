/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Two aggregators on two links, told by the input what happens: time, links that come and go,
 * frames that are lost, changed or made up, other configurations. Whatever it is, a port in use is
 * one that was agreed upon, no more is said than may be, and nothing is due that was done.
 */
#include <string.h>

#include "link/lacp.h"
#include "fuzz.h"

#define N_LINKS 2
#define MS      UINT64_C(1000000)
#define S       (1000 * MS)

struct world {
	struct lacp ends[2];
	uint64_t now_ns;
	const uint8_t *data;
	size_t size;
	unsigned sent[2][N_LINKS]; /* in the second that began at since_ns */
	uint64_t since_ns;
};

static uint8_t next(struct world *w)
{
	if (w->size == 0)
		return 0;
	w->size--;
	return *w->data++;
}

static struct lacp_conf conf_of(uint8_t bits)
{
	return (struct lacp_conf){ .system_priority = (uint16_t)(bits >> 4),
		.system = { 2, 0, 0, 0, 0, (uint8_t)(bits >> 3 & 1) },
		.key = (uint16_t)(bits >> 2 & 1),
		.is_active = bits & 1,
		.is_fast = bits & 2 };
}

static void set_port(struct world *w, uint8_t bits)
{
	const struct lacp_port_conf conf = { .is_enabled = bits & 4,
		.port = (uint16_t)(bits >> 3 & 3),
		.speed_mbps = bits & 0x80 ? 1000 : 10000 };

	lacp_port_set(&w->ends[bits & 1], bits >> 1 & 1, &conf, w->now_ns);
}

static void change(struct world *w, uint8_t bits)
{
	const struct lacp_conf conf = conf_of(next(w));
	unsigned end = bits & 1, slot = bits >> 2 & 1;

	if (bits & 2) {
		lacp_set(&w->ends[end], &conf);
		return;
	}
	lacp_port_del(&w->ends[end], slot);
	w->sent[end][slot] = 0; /* the next there is another port */
}

static void make_up(struct world *w, uint8_t bits)
{
	struct lacp_pdu pdu = { { 0 }, { 0 } };
	uint8_t frame[LACP_FRAME_BYTES + 1], source[6] = { 2 };
	unsigned end = bits & 1, slot = bits >> 1 & 1;
	size_t n = bits & 4 ? next(w) % sizeof(frame) : LACP_FRAME_BYTES;

	memset(frame, 0, sizeof(frame));
	pdu.actor = w->ends[!end].ports[slot].actor;
	pdu.partner = w->ends[end].ports[slot].actor;
	lacp_encode(&pdu, source, frame);
	for (unsigned i = bits >> 3 & 7; i > 0; i--)
		frame[next(w) % LACP_FRAME_BYTES] = next(w);
	(void)lacp_receive(&w->ends[end], slot, frame, n, w->now_ns);
}

static void count(struct world *w, unsigned end, unsigned slot)
{
	if (w->now_ns >= w->since_ns + S) {
		memset(w->sent, 0, sizeof(w->sent));
		w->since_ns = w->now_ns;
	}
	/* Three in any second are six in two that touch; answers to markers are their asker's. */
	CHECK(++w->sent[end][slot] <= 6);
}

static void pass(struct world *w, unsigned from, uint8_t lost)
{
	uint8_t frame[LACP_FRAME_BYTES];

	for (unsigned i = 0; i < N_LINKS; i++) {
		unsigned n;

		while ((n = lacp_poll(&w->ends[from], i, w->now_ns, frame)) > 0) {
			CHECK(n == LACP_FRAME_BYTES);
			if (frame[14] == 1)
				count(w, from, i);
			if (!(lost >> i & 1))
				(void)lacp_receive(&w->ends[!from], i, frame, n, w->now_ns);
		}
	}
}

static void check(const struct world *w, const struct lacp *lacp)
{
	const uint8_t both = LACP_COLLECTING | LACP_DISTRIBUTING;

	CHECK(lacp_next_ns(lacp) > w->now_ns);
	for (unsigned i = 0; i < N_LINKS; i++) {
		const struct lacp_port *port = &lacp->ports[i];

		if (!lacp_is_in_use(lacp, i)) {
			CHECK(!(port->actor.state & both));
			continue;
		}
		CHECK(port->exists && port->is_enabled && port->is_selected);
		CHECK(port->rx == LACP_RX_CURRENT && (port->actor.state & both) == both);
		CHECK(port->partner.state & LACP_SYNCHRONIZATION);
		CHECK(memcmp(port->partner.system, lacp->conf.system, 6) != 0);
	}
	if (lacp_is_in_use(lacp, 0) && lacp_is_in_use(lacp, 1))
		CHECK(lacp->ports[0].actor.key == lacp->ports[1].actor.key &&
			lacp->ports[0].partner.key == lacp->ports[1].partner.key);
}

/* Until nobody has anything to say at this moment. */
static void settle(struct world *w, uint8_t lost)
{
	for (unsigned round = 0; round < 8; round++) {
		for (unsigned end = 0; end < 2; end++) {
			lacp_run(&w->ends[end], w->now_ns);
			pass(w, end, lost);
		}
	}
	for (unsigned end = 0; end < 2; end++) {
		uint8_t frame[LACP_FRAME_BYTES];

		lacp_run(&w->ends[end], w->now_ns);
		for (unsigned i = 0; i < N_LINKS; i++)
			while (lacp_poll(&w->ends[end], i, w->now_ns, frame))
				if (frame[14] == 1)
					count(w, end, i);
		check(w, &w->ends[end]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .now_ns = 1000 * S, .data = data, .size = size };

	for (unsigned end = 0; end < 2; end++) {
		const struct lacp_conf conf = conf_of(next(&w));

		lacp_init(&w.ends[end], &conf);
	}
	while (w.size) {
		uint8_t what = next(&w), bits = next(&w);

		switch (what & 3) {
		case 0:
			w.now_ns += bits * 40 * MS;
			break;
		case 1:
			set_port(&w, bits);
			break;
		case 2:
			make_up(&w, bits);
			break;
		default:
			change(&w, bits);
			break;
		}
		settle(&w, what >> 2 & 3);
	}
	return 0;
}
