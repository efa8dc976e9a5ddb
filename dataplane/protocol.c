/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Frames of protocols that the switch itself speaks on its uplinks, LACP and LLDP: from a worker to
 * the control thread and from there to one member, by two small rings of their own, so that no
 * flow's packet-ins are in their way.
 */
#include <errno.h>

#include "capture.h"
#include "deliver.h"
#include "dp_private.h"
#include "frame.h"
#include "protocol.h"
#include "snapshot.h"
#include "team.h"
#include "walk.h"
#include "wire.h"

#define N_UNDER_WAY 1024
#define N_HEARD     256
/* A neighbour says something a few times a second at most; who says more is cut short before the
 * control thread has work of it. */
#define HEARD_PER_S 500u
#define HEARD_BURST 64u

/* In front of a frame's bytes in its first mbuf. */
struct note {
	uint16_t port; /* index: where it came in, or is to go out */
	uint16_t len;
};

/* workers */

/* IEEE 802.1Q-2022, table 8-1: 01:80:c2:00:00:0x, which no bridge forwards */
static const uint8_t reserved[5] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };

/* shape: f begins with reserved */
static unsigned protocol_of(const struct dp_frame *f)
{
	const uint8_t *p = f->head;
	uint16_t type = dp_load_be16(p + 12);

	if (type == ETHERTYPE_VLAN && f->n_head >= 18)
		type = dp_load_be16(p + 16);
	if (type == ETHERTYPE_SLOW && p[5] == 0x02)
		return DP_TAKES_SLOW;
	/* IEEE 802.1AB-2016, table 7-1: nearest bridge, nearest non-TPMR bridge, customer bridge */
	if (type == ETHERTYPE_LLDP && (p[5] == 0x0e || p[5] == 0x03 || p[5] == 0x00))
		return DP_TAKES_LLDP;
	return 0;
}

static void hand_in(struct dp *dp, const struct dp_snap_port *in, const struct dp_frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool), *tail = m;
	uint32_t rest = f->len - f->n_head;
	struct note *note;
	bool ok;

	/* All their messages are short; what is not is none. */
	if (!m || f->len > DP_PROTOCOL_MAX || rest > f->n_rest) {
		rte_pktmbuf_free(m);
		return;
	}
	note = (struct note *)rte_pktmbuf_append(m, sizeof(*note));
	*note = (struct note){ in->index, (uint16_t)f->len };
	ok = dp_mbuf_append(m, &tail, dp->pool, f->head, f->n_head) == 0 &&
	     (!rest || dp_mbuf_append(m, &tail, dp->pool, f->rest, rest) == 0);
	if (!ok || rte_ring_enqueue(dp->heard, m) < 0) {
		rte_pktmbuf_free(m);
		return;
	}
	if (atomic_exchange(&dp->armed, false))
		dp_wake_control(dp);
}

static bool takes(const struct dp *dp, const struct dp_snap_port *in, uint64_t now)
{
	const struct dp_bucket_rate rate = {
		.tsc_per_unit_q16 = (dp->tsc_hz << 16) / HEARD_PER_S,
		.burst_tsc = dp->tsc_hz / HEARD_PER_S * HEARD_BURST,
	};

	return dp_bucket_take(&in->port->bucket_heard, &rate, now, 1);
}

void dp_protocol_take(
	struct dp *dp, const struct dp_snap_port *in, struct dp_burst *burst, uint64_t now)
{
	if (!in->admin_up || in->no_receive)
		return;
	for (unsigned i = 0; i < burst->n; i++) {
		struct dp_frame *f = &burst->frames[i];
		unsigned protocol;

		if (likely(f->n_head < 14 || memcmp(f->head, reserved, sizeof(reserved)) != 0))
			continue;
		protocol = protocol_of(f) & in->takes_protocols;
		if (!protocol)
			continue;
		if (takes(dp, in, now))
			hand_in(dp, in, f);
		/* Controllers find the links between their switches by LLDP of their own. */
		if (protocol != DP_TAKES_LLDP || !in->bridge->uses_tables)
			f->refused_plus1 = DP_DROP_PROTOCOL + 1;
	}
}

static void send_one(struct dp_worker *w, struct rte_mbuf *m)
{
	struct note note = *rte_pktmbuf_mtod(m, struct note *);
	const struct dp_snapshot *s = w->snapshot;
	struct dp_item item = { .frame = w->burst.frames, .tag_op = DP_TAG_KEEP };
	const struct dp_snap_port *by, *as;

	rte_pktmbuf_adj(m, sizeof(note));
	w->burst.mbufs[0] = m;
	dp_burst_from_mbufs(&w->burst, 1);
	item.len = w->burst.frames[0].len;
	/* The port may have gone since. */
	if (note.port >= s->n_ports || !s->ports[note.port])
		return;
	by = s->ports[note.port];
	as = by->master ? by->master : by;
	dp_transmit(w, by, &item, 1);
	if (unlikely(as->captures))
		dp_capture_sent(w, as, &item, 1);
	if (unlikely(as != by && by->captures))
		dp_capture_sent(w, by, &item, 1);
}

void dp_protocol_send_all(struct dp_worker *w)
{
	void *mbufs[DP_BURST];
	unsigned n = rte_ring_dequeue_burst(w->dp->to_say, mbufs, DP_BURST, NULL);

	for (unsigned i = 0; i < n; i++) {
		send_one(w, mbufs[i]);
		rte_pktmbuf_free(mbufs[i]);
	}
}

/* Control thread */

int dp_protocol_start(struct dp *dp)
{
	dp->heard = rte_ring_create("shunt-heard", N_HEARD, SOCKET_ID_ANY, RING_F_SC_DEQ);
	dp->to_say = rte_ring_create(
		"shunt-to-say", N_UNDER_WAY, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return dp->heard && dp->to_say ? 0 : -ENOMEM;
}

void dp_protocol_stop(struct dp *dp)
{
	dp_mbuf_ring_free(dp->heard);
	dp_mbuf_ring_free(dp->to_say);
}

static void hand_over(struct dp *dp, struct rte_mbuf *m)
{
	const struct note *note = rte_pktmbuf_mtod(m, const struct note *);
	struct dp_port *in = dp->by_index[note->port];
	uint8_t bytes[DP_PROTOCOL_MAX];
	struct dp_protocol_frame frame = { .len = note->len };

	if (!in || !dp->events.protocol_frame)
		return;
	frame.port = dp_port_outside(in);
	frame.slot = in->team_slot;
	frame.bytes = rte_pktmbuf_read(m, sizeof(*note), note->len, bytes);
	if (frame.bytes)
		dp->events.protocol_frame(dp->events.ctx, &frame);
}

void dp_protocol_drain(struct dp *dp)
{
	void *m;

	for (unsigned i = 0; i < N_HEARD && rte_ring_dequeue(dp->heard, &m) == 0; i++) {
		hand_over(dp, m);
		rte_pktmbuf_free(m);
	}
}

void dp_protocol_forget(const struct dp_port *port)
{
	struct rte_ring *ring = port->dp->heard;
	void *m;

	for (unsigned n = rte_ring_count(ring); n > 0 && rte_ring_dequeue(ring, &m) == 0; n--) {
		const struct note *note = rte_pktmbuf_mtod((struct rte_mbuf *)m, void *);

		if (note->port == port->index || rte_ring_enqueue(ring, m) < 0)
			rte_pktmbuf_free(m);
	}
}

static const struct dp_port *port_of(const struct dp_port *port, unsigned slot)
{
	if (port->conf.kind == DP_PORT_TEAM)
		return dp_team_member_port(port, slot);
	return slot == 0 ? port : NULL;
}

int dp_protocol_send(struct dp_port *port, unsigned slot, const void *frame, uint32_t len)
{
	const struct dp_port *by = port_of(port, slot);
	struct dp *dp = port->dp;
	struct rte_mbuf *m, *tail;
	struct note *note;

	if (!by)
		return -ENOENT;
	if (len < 14 || len > DP_PROTOCOL_MAX)
		return -EMSGSIZE;
	if (!dp_port_link_up(by) || !dp->n_workers)
		return -ENETDOWN;
	tail = m = rte_pktmbuf_alloc(dp->pool);
	if (!m)
		return -ENOMEM;
	note = (struct note *)rte_pktmbuf_append(m, sizeof(*note));
	*note = (struct note){ by->index, (uint16_t)len };
	if (dp_mbuf_append(m, &tail, dp->pool, frame, len) < 0) {
		rte_pktmbuf_free(m);
		return -ENOMEM;
	}
	if (rte_ring_enqueue(dp->to_say, m) < 0) {
		rte_pktmbuf_free(m);
		return -EAGAIN;
	}
	dp_worker_wake(dp->workers[0]);
	return 0;
}
