/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Copies for mirrors: of frames as they came in by a port, after they were forwarded, and of frames
 * that a port was given. A copy is decided about by the state, MTU and rate of the port that gets
 * it alone, and is never mirrored again. Runs in workers.
 */
#include <rte_cycles.h>

#include "dp_private.h"
#include "mirror.h"
#include "team.h"
#include "wire.h"

/* Frames for one mirror, and the port's own items of them: with the tag that they have there. */
struct chosen {
	struct dp_item items[DP_BURST];
	uint16_t vlans[DP_BURST];
	unsigned n;
};

static bool is_tagged(const struct dp_frame *f)
{
	return dp_load_be16(f->head + 12) == ETHERTYPE_VLAN;
}

/* Long enough for its addresses, its type and the tag that the type announces. */
static bool is_whole(const struct dp_frame *f)
{
	return f->n_head >= DP_HEAD_MIN || (f->n_head >= ETH_BYTES && !is_tagged(f));
}

/* The VLAN of a frame as it stands on a port, or VLAN_NOT_THERE. */
static uint16_t vlan_on(const struct dp_snap_port *port, const struct dp_item *item)
{
	return dp_vlan_ingress(&port->vlan, dp_tag_on_port(item));
}

/* As in Open vSwitch: what is in the output's VLAN already is not copied there, nor what tells
 * switches of each other. */
static bool selects(const struct dp_snap_mirror *m, const struct dp_frame *f, uint16_t vlan)
{
	if (m->to_vlan && (vlan == m->output_vlan || dp_is_link_local(f->head)))
		return false;
	if ((m->to_vlan || m->tags_by_vlan || m->selects_vlans) && vlan == VLAN_NOT_THERE)
		return false;
	return !m->selects_vlans || dp_vlan_set_has(m->vlans, vlan);
}

/* The marks of a burst, cleared when they are of an older one. */
static struct dp_mirror_marks *marks(struct dp_worker *w)
{
	struct dp_mirror_marks *all = w->marks;

	if (all->burst != w->rx_packets) {
		memset(all, 0, sizeof(*all));
		all->burst = w->rx_packets;
	}
	return all;
}

static uint32_t *mark_of(struct dp_worker *w, const struct dp_frame *f)
{
	struct dp_mirror_marks *all = marks(w);
	const struct dp_variant *v =
		(const void *)((const char *)f - offsetof(struct dp_variant, frame));

	if (f >= w->burst.frames && f < w->burst.frames + DP_BURST)
		return &all->frames[f - w->burst.frames];
	return &all->variants[v - w->space->variants];
}

static void choose(struct chosen *chosen, const struct dp_item *item, uint16_t vlan)
{
	chosen->items[chosen->n] = *item;
	chosen->vlans[chosen->n++] = vlan;
}

/* What is left of a frame after snaplen bytes of it as it leaves. A checksum that was yet to be
 * done goes with the bytes that it is of. */
static void cut(struct dp_item *item, uint32_t snaplen, struct dp_frame *ret)
{
	const struct dp_frame *f = item->frame;
	uint32_t len = (uint32_t)RTE_MAX((int)snaplen - dp_tag_shift(item->tag_op), ETH_BYTES);
	uint32_t left;

	*ret = *f;
	ret->len = len;
	ret->offloads = 0;
	ret->n_head = RTE_MIN(f->n_head, len);
	left = len - ret->n_head;
	ret->n_rest = RTE_MIN(f->n_rest, left);
	left -= ret->n_rest;
	for (ret->n_more = 0; left > 0 && ret->n_more < f->n_more; ret->n_more++)
		left -= RTE_MIN(left, f->more[ret->n_more].len);
	item->frame = ret;
	item->len = len + (uint32_t)dp_tag_shift(item->tag_op);
}

static void tag_by_vlan(struct dp_item *item, const struct dp_snap_port *to, uint16_t vlan)
{
	const struct dp_frame *f = item->frame;
	uint16_t was = dp_tag_of(f),
		 tci = (uint16_t)(VLAN_PCP(dp_tag_on_port(item)) | VLAN_VID(was));

	item->tag_op = (uint8_t)dp_vlan_egress(&to->vlan, vlan, is_tagged(f), tci, &item->tci);
	/* On the port it had another priority than here, or none. */
	if (item->tag_op == DP_TAG_KEEP && tci != was) {
		item->tag_op = DP_TAG_SET;
		item->tci = tci;
	}
	item->len = f->len + (uint32_t)dp_tag_shift(item->tag_op);
}

static void send_to(struct dp_worker *w, const struct dp_decide_ctx *ctx,
	const struct dp_snap_mirror *m, const struct dp_snap_port *to, const struct chosen *chosen)
{
	struct dp_mirror_counters *c = &m->counters[w->index];
	struct dp_item items[DP_BURST];
	struct dp_frame frames[DP_BURST];
	unsigned n = 0;

	for (unsigned i = 0; i < chosen->n; i++) {
		struct dp_item *item = &items[n];
		int reason;

		*item = chosen->items[i];
		if (m->to_vlan)
			tag_by_vlan(item, to, m->output_vlan);
		else if (m->tags_by_vlan)
			tag_by_vlan(item, to, chosen->vlans[i]);
		if (unlikely(item->len > m->snaplen))
			cut(item, m->snaplen, &frames[n]);
		c->n_packets++;
		c->n_bytes += item->len;
		reason = dp_decide_copy(ctx, to, item->frame);
		if (likely(reason == DP_N_DROPS))
			n++;
		else
			dp_count_copy_drop(w, ctx->in->index, to->index, (uint8_t)reason);
	}
	dp_deliver_copies(w, ctx->in->index, to, items, n);
}

static void send_copies(struct dp_worker *w, const struct dp_snap_port *in,
	const struct dp_snap_mirror *m, const struct chosen *chosen)
{
	const struct dp_decide_ctx ctx = { .snapshot = w->snapshot,
		.in = in,
		.now_tsc = rte_rdtsc(),
		.now_s = atomic_load_explicit(&w->dp->now_s, memory_order_relaxed) };
	const struct dp_snap_bridge *bridge = in->bridge;

	if (m->output)
		send_to(w, &ctx, m, m->output, chosen);
	for (unsigned i = 0; m->to_vlan && i < bridge->n_ports; i++) {
		const struct dp_snap_port *to = w->snapshot->ports[bridge->ports[i]];

		if (dp_vlan_carries(&to->vlan, m->output_vlan) && to->link_up && to->admin_up)
			send_to(w, &ctx, m, to, chosen);
	}
}

static struct dp_item as_received(const struct dp_frame *f)
{
	return (struct dp_item){ .frame = f, .len = f->len, .tag_op = DP_TAG_KEEP };
}

void dp_mirror_begin(struct dp_worker *w, const struct dp_snap_port *in)
{
	struct dp_mirror_marks *all;

	if (!in->mirrors_in)
		return;
	all = marks(w);
	for (unsigned i = 0; i < w->burst.n; i++) {
		const struct dp_item item = as_received(&w->burst.frames[i]);
		uint16_t vlan;

		if (item.frame->refused_plus1 || !is_whole(item.frame) || !in->admin_up)
			continue;
		vlan = vlan_on(in, &item);
		for (uint32_t bits = in->mirrors_in; bits; bits &= bits - 1) {
			unsigned slot = (unsigned)__builtin_ctz(bits);

			if (selects(&in->bridge->mirrors[slot], item.frame, vlan))
				all->received[i] |= UINT32_C(1) << slot;
		}
		all->frames[i] |= all->received[i];
	}
}

/* What a team does not take from a member comes, or has come, by another: it is copied from there.
 */
static bool is_taken(uint8_t why)
{
	return why != DP_DROP_TEAM_STANDBY && why != DP_DROP_TEAM_OWN;
}

/* The first order of a team's members that a port of the VLAN has, of those that have a member. */
static unsigned first_use_in(const struct dp_decide_ctx *ctx, uint16_t vlan)
{
	const struct dp_snap_bridge *bridge = ctx->in->bridge;
	unsigned first = ctx->in->team->n_uses;

	for (unsigned i = 0; i < bridge->n_ports; i++) {
		const struct dp_snap_port *port = ctx->snapshot->ports[bridge->ports[i]];
		unsigned use = port->team_use_of == ctx->in->index + 1 ? port->team_use : 0;

		if (port != ctx->in && use < first && ctx->in->team->uses[use].n &&
			dp_vlan_carries(&port->vlan, vlan))
			first = use;
	}
	return first;
}

/* Where ports have orders of their own, a team takes what the network floods by a member for each:
 * it is copied from one of them. */
static bool is_copied_from_here(
	const struct dp_decide_ctx *ctx, const struct dp_frame *f, uint16_t vlan)
{
	const struct dp_snap_team *team = ctx->in->team;
	unsigned use;

	if (likely(!ctx->member) || team->n_uses == 1 || !(f->head[0] & 1) ||
		vlan == VLAN_NOT_THERE)
		return true;
	use = first_use_in(ctx, vlan);
	return use == team->n_uses || (team->uses[use].group & ctx->member->member_bit);
}

void dp_mirror_received(struct dp_worker *w, const struct dp_decide_ctx *ctx, const uint8_t *why)
{
	const struct dp_mirror_marks *all = marks(w);
	const struct dp_snap_port *in = ctx->in;

	for (uint32_t bits = in->mirrors_in; bits; bits &= bits - 1) {
		unsigned slot = (unsigned)__builtin_ctz(bits);
		struct chosen chosen = { .n = 0 };

		for (unsigned i = 0; i < w->burst.n; i++) {
			const struct dp_item item = as_received(&w->burst.frames[i]);
			uint16_t vlan;

			if (!(all->received[i] >> slot & 1) || !is_taken(why[i]))
				continue;
			vlan = vlan_on(in, &item);
			if (is_copied_from_here(ctx, item.frame, vlan))
				choose(&chosen, &item, vlan);
		}
		if (chosen.n)
			send_copies(w, in, &in->bridge->mirrors[slot], &chosen);
	}
}

void dp_mirror_sent(struct dp_worker *w, uint16_t in, const struct dp_snap_port *out,
	const struct dp_item *items, unsigned n)
{
	for (uint32_t bits = out->mirrors_out; bits; bits &= bits - 1) {
		unsigned slot = (unsigned)__builtin_ctz(bits);
		const struct dp_snap_mirror *m = &out->bridge->mirrors[slot];
		struct chosen chosen = { .n = 0 };

		for (unsigned i = 0; i < n; i++) {
			uint32_t *mark = mark_of(w, items[i].frame);
			uint16_t vlan = vlan_on(out, &items[i]);

			if ((*mark >> slot & 1) || !selects(m, items[i].frame, vlan))
				continue;
			*mark |= UINT32_C(1) << slot;
			choose(&chosen, &items[i], vlan);
		}
		if (chosen.n)
			send_copies(w, w->snapshot->ports[in], m, &chosen);
	}
}
