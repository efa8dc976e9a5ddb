/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Classification and forwarding decision of a learning bridge, for a burst at a time: admit every
 * frame and announce its table lines to the cache, then look all of them up. Reads the snapshot
 * and the forwarding database; writes only time stamps and rate limits. Runs in workers.
 */
#include "decide.h"
#include "fresh.h"
#include "team.h"
#include "wire.h"

#define OWN_S         5 /* an address heard here within is here, whatever comes by a team */
#define MULTICAST_BIT (UINT64_C(1) << 16)    /* first bit on the wire, as it stands in a key */
#define LINK_LOCAL    UINT64_C(0x0000c28001) /* 01:80:c2:00:00, its bytes in memory order */
#define ADDRESS(key)  ((key) & ~UINT64_C(0xffff))

static inline bool is_multicast(uint64_t key)
{
	return key & MULTICAST_BIT;
}

/* IEEE 802.1D, table 7-10: 01:80:c2:00:00:00 to 0f */
static inline bool is_link_local(uint64_t key)
{
	return (key >> 16 & UINT64_C(0xffffffffff)) == LINK_LOCAL && (key >> 56 & 0xf0) == 0;
}

bool dp_is_link_local(const uint8_t *head)
{
	return is_link_local(dp_fdb_key(head, 0));
}

static inline void drop(struct dp_verdict *v, enum dp_drop reason, uint16_t port)
{
	v->kind = DP_VERDICT_DROP;
	v->drop = (uint8_t)reason;
	v->port = port;
}

static inline bool takes(const struct dp_decide_ctx *ctx, struct dp_bucket *bucket,
	const struct dp_bucket_rate *rate, uint32_t n)
{
	return ctx->is_trace || dp_bucket_take(bucket, rate, ctx->now_tsc, n);
}

/* The port's own address: configured, or the first it sent from since its link came up. */
static inline uint64_t own_address(const struct dp_decide_ctx *ctx, uint64_t src)
{
	struct dp_port *port = ctx->in->port;
	uint64_t own = atomic_load_explicit(&port->own_mac, memory_order_relaxed);

	if (likely(own))
		return own;
	if (ctx->is_trace)
		return src;
	if (atomic_compare_exchange_strong_explicit(
		    &port->own_mac, &own, src, memory_order_relaxed, memory_order_relaxed))
		return src;
	return own;
}

/* The longest that it, or what it is cut into, will be. units: bytes. */
static inline uint32_t wire_len(const struct dp_frame *f)
{
	return unlikely(f->offloads & DP_OFFLOAD_GSO) ? (uint32_t)f->hdr_len + f->gso_size : f->len;
}

/* Its length, its tag, and whether the port takes anything at all. */
static inline int check_form(
	const struct dp_snap_port *in, const struct dp_frame *f, struct dp_verdict *v)
{
	uint32_t l2_len = wire_len(f);

	v->tagged = false;
	v->tci = 0;
	v->learn = false;
	v->src_key = v->dst_key = 0;
	if (unlikely(f->len < 14 || f->n_head < 14))
		return f->refused_plus1 ? f->refused_plus1 - 1 : DP_DROP_RUNT;
	if (unlikely(f->refused_plus1))
		return f->refused_plus1 - 1;
	if (dp_load_be16(f->head + 12) == ETHERTYPE_VLAN) {
		if (unlikely(f->len < DP_HEAD_MIN || f->n_head < DP_HEAD_MIN))
			return DP_DROP_RUNT;
		v->tagged = true;
		v->tci = dp_load_be16(f->head + 14);
		l2_len -= 4;
	}
	if (unlikely(l2_len > in->max_frame - 4))
		return DP_DROP_OVERSIZE;
	if (unlikely(!in->admin_up || in->no_receive))
		return in->is_mirror_output ? DP_DROP_FROM_MIRROR : DP_DROP_RX_ADMIN_DOWN;
	return DP_N_DROPS;
}

/* Which VLAN, and whether a bridge forwards such addresses. */
static inline int check_vlan(
	const struct dp_snap_port *in, const struct dp_frame *f, struct dp_verdict *v)
{
	v->vlan = dp_vlan_ingress(&in->vlan, v->tci);
	if (unlikely(v->vlan == VLAN_NOT_THERE))
		return DP_DROP_VLAN_INGRESS;
	v->dst_key = dp_fdb_key(f->head, v->vlan);
	v->src_key = dp_fdb_key(f->head + 6, v->vlan);
	if (unlikely(is_link_local(v->dst_key)))
		return DP_DROP_LINK_LOCAL;
	if (unlikely(is_multicast(v->src_key) || ADDRESS(v->src_key) == 0))
		return DP_DROP_SOURCE;
	return DP_N_DROPS;
}

/* Everything that can be said of a frame before any table is asked. */
static inline int admit(
	const struct dp_snap_port *in, const struct dp_frame *f, struct dp_verdict *v)
{
	int reason = check_form(in, f, v);

	return likely(reason == DP_N_DROPS) ? check_vlan(in, f, v) : reason;
}

/* Security policy and rate limit of the receiving port. */
static inline int guard(
	const struct dp_decide_ctx *ctx, const struct dp_frame *f, struct dp_verdict *v)
{
	const struct dp_snap_port *in = ctx->in;

	if (in->guards_source) {
		uint64_t own = own_address(ctx, ADDRESS(v->src_key));

		if (in->reject_forged && ADDRESS(v->src_key) != own)
			return DP_DROP_FORGED;
	}
	if (in->limits_in && !takes(ctx, &in->port->bucket_in, &in->rate_in, f->len))
		return DP_DROP_RATE_IN;
	return DP_N_DROPS;
}

static inline bool may_learn(const struct dp_snap_port *in, uint64_t src_key)
{
	return !in->reject_mac_changes ||
	       ADDRESS(src_key) == atomic_load_explicit(&in->port->own_mac, memory_order_relaxed);
}

/* In a VLAN of copies every port seems to have every address: none is learned. */
static inline bool is_unlearned(const struct dp_snap_bridge *bridge, uint64_t key)
{
	return unlikely(bridge->has_unlearned) && dp_vlan_set_has(bridge->unlearned, (uint16_t)key);
}

/* A gratuitous ARP or RARP: somebody says that an address is elsewhere now. */
static bool is_announcement(const struct dp_frame *f, bool tagged)
{
	const uint8_t *p = f->head + (tagged ? 16 : 12);
	uint16_t type = dp_load_be16(p);

	if (type == ETHERTYPE_RARP)
		return true;
	return type == ETHERTYPE_ARP && f->n_head >= (uint32_t)(p - f->head) + 30 &&
	       memcmp(p + 16, p + 26, 4) == 0;
}

/* A frame from a port of ours that came back by another member of the team, or may be one. The
 * address has really moved when it says so and was not heard here lately, as in Open vSwitch. */
static bool is_own(const struct dp_decide_ctx *ctx, const struct dp_frame *f,
	const struct dp_fdb_hit *hit, const struct dp_verdict *v)
{
	const struct dp_snap_bridge *bridge = ctx->in->bridge;

	if (!hit->port_plus1)
		return bridge->fresh && dp_fresh_has(bridge->fresh, v->src_key, ctx->now_s);
	return ctx->now_s - hit->seen < OWN_S || !is_announcement(f, v->tagged);
}

/* The source is not known on this port: ask for it to be learned, or refuse the frame. */
static int learn(const struct dp_decide_ctx *ctx, const struct dp_frame *f,
	const struct dp_fdb_hit *hit, struct dp_verdict *v)
{
	const struct dp_snap_port *in = ctx->in;

	if (in->team && in->team->drops_own && is_own(ctx, f, hit, v))
		return DP_DROP_TEAM_OWN;
	if (!may_learn(in, v->src_key) || is_unlearned(in->bridge, v->src_key))
		return DP_N_DROPS;
	if (hit->port_plus1 && hit->flags & DP_FDB_STATIC)
		return DP_DROP_STATIC_MOVE;
	if (in->mac_limit &&
		atomic_load_explicit(&in->port->n_macs, memory_order_relaxed) >= in->mac_limit)
		return DP_DROP_MAC_LIMIT;
	v->learn = true;
	return DP_N_DROPS;
}

static inline int check_source(const struct dp_decide_ctx *ctx, const struct dp_frame *f,
	uint64_t hash, struct dp_verdict *v)
{
	struct dp_fdb_hit hit = { 0 };

	dp_fdb_find(ctx->in->bridge->fdb, v->src_key, hash, &hit);
	if (likely(hit.port_plus1 == ctx->in->index + 1)) {
		if (likely(!ctx->is_trace))
			dp_fdb_refresh(&hit, ctx->now_s);
		return DP_N_DROPS;
	}
	return learn(ctx, f, &hit, v);
}

/* MTU and rate of the sending port. */
static inline int check_limits(const struct dp_decide_ctx *ctx, const struct dp_snap_port *out,
	const struct dp_frame *f, bool tagged)
{
	uint32_t l2_len = tagged ? wire_len(f) - 4 : wire_len(f);

	if (unlikely(l2_len > out->max_frame - 4))
		return DP_DROP_TX_OVERSIZE;
	if (unlikely(
		    out->limits_out && !takes(ctx, &out->port->bucket_out, &out->rate_out, f->len)))
		return DP_DROP_RATE_OUT;
	return DP_N_DROPS;
}

/* And its link. */
static inline int check_sending(const struct dp_decide_ctx *ctx, const struct dp_snap_port *out,
	const struct dp_frame *f, bool tagged)
{
	if (unlikely(!out->link_up || !out->admin_up || out->no_forward))
		return out->is_mirror_output ? DP_DROP_TO_MIRROR : DP_DROP_LINK_DOWN;
	return check_limits(ctx, out, f, tagged);
}

/* What the sending port says to a frame that would leave by it. */
static inline int check_output(const struct dp_decide_ctx *ctx, const struct dp_snap_port *out,
	const struct dp_frame *f, const struct dp_verdict *v, struct dp_output *o)
{
	int reason;

	o->port = out->index;
	if (unlikely(!dp_vlan_carries(&out->vlan, v->vlan)))
		return DP_DROP_VLAN_EGRESS;
	if (unlikely(ctx->in->isolated && out->isolated))
		return DP_DROP_ISOLATED;
	reason = check_sending(ctx, out, f, v->tagged);
	if (unlikely(reason != DP_N_DROPS))
		return reason;
	o->tag_op = (uint8_t)dp_vlan_egress(&out->vlan, v->vlan, v->tagged, v->tci, &o->out_tci);
	return DP_N_DROPS;
}

static inline bool wants_address(const struct dp_snap_port *out, uint64_t dst_key)
{
	return is_multicast(dst_key) || !out->reject_mac_changes || out->promiscuous ||
	       ADDRESS(dst_key) == atomic_load_explicit(&out->port->own_mac, memory_order_relaxed);
}

/* Whether a team takes such frames from this member at all. Copies are flooded, by the network too,
 * and come back by the other members: they are sent (dp_team_transmit) and taken by one alone. */
static inline int check_member(const struct dp_decide_ctx *ctx, const struct dp_verdict *v)
{
	const struct dp_snap_team *team = ctx->in->team;
	uint8_t takes = is_multicast(v->dst_key) ? team->group : team->unicast;

	if (team->is_many_links && is_unlearned(ctx->in->bridge, v->dst_key))
		takes = team->uses[0].group;
	return takes & ctx->member->member_bit ? DP_N_DROPS : DP_DROP_TEAM_STANDBY;
}

/* Whether a port takes them from this member: where ports have pinned orders of their own. */
static inline bool is_for(
	const struct dp_decide_ctx *ctx, const struct dp_snap_port *out, const struct dp_verdict *v)
{
	const struct dp_snap_team *team = ctx->in->team;
	const struct dp_snap_use *use;

	if (likely(!ctx->member) || team->n_uses == 1)
		return true;
	if (team->is_many_links && is_unlearned(ctx->in->bridge, v->dst_key))
		return true;
	use = &team->uses[out->team_use_of == ctx->in->index + 1 ? out->team_use : 0];
	return (is_multicast(v->dst_key) ? use->group : use->unicast) & ctx->member->member_bit;
}

static inline void decide_known(const struct dp_decide_ctx *ctx, const struct dp_frame *f,
	const struct dp_fdb_hit *hit, struct dp_verdict *v)
{
	const struct dp_snap_port *out = ctx->snapshot->ports[hit->port_plus1 - 1];
	struct dp_output o = { 0 };
	int reason;

	if (unlikely(ctx->in->bridge->n_promiscuous)) {
		v->kind = DP_VERDICT_MANY;
		v->known_port_plus1 = hit->port_plus1;
		return;
	}
	if (unlikely(out == ctx->in)) {
		drop(v, DP_DROP_SAME_PORT, ctx->in->index);
		return;
	}
	if (unlikely(!is_for(ctx, out, v))) {
		drop(v, DP_DROP_TEAM_STANDBY, ctx->in->index);
		return;
	}
	if (unlikely(!wants_address(out, v->dst_key)))
		reason = DP_DROP_MAC_CHANGE;
	else
		reason = check_output(ctx, out, f, v, &o);
	if (unlikely(reason != DP_N_DROPS)) {
		drop(v, (enum dp_drop)reason, out->index);
		return;
	}
	v->kind = DP_VERDICT_ONE;
	v->port = out->index;
	v->tag_op = o.tag_op;
	v->out_tci = o.out_tci;
}

static inline void decide_unknown(const struct dp_decide_ctx *ctx, struct dp_verdict *v)
{
	if (ctx->in->limits_storm &&
		!takes(ctx, &ctx->in->port->bucket_storm, &ctx->in->rate_storm, 1)) {
		drop(v, DP_DROP_STORM, ctx->in->index);
		return;
	}
	v->kind = DP_VERDICT_MANY;
	v->known_port_plus1 = 0;
}

/* An entry may name a port that this snapshot does not have yet, or no longer. */
static inline bool is_here(const struct dp_decide_ctx *ctx, const struct dp_fdb_hit *hit)
{
	const struct dp_snapshot *s = ctx->snapshot;

	return hit->port_plus1 && hit->port_plus1 <= s->n_ports && s->ports[hit->port_plus1 - 1];
}

static inline void forward(const struct dp_decide_ctx *ctx, const struct dp_frame *f,
	uint64_t src_hash, uint64_t dst_hash, struct dp_verdict *v)
{
	struct dp_fdb_hit hit = { 0 };
	int reason = DP_N_DROPS;

	if (unlikely(ctx->member))
		reason = check_member(ctx, v);
	if (likely(reason == DP_N_DROPS))
		reason = check_source(ctx, f, src_hash, v);

	if (unlikely(reason != DP_N_DROPS)) {
		drop(v, (enum dp_drop)reason, ctx->in->index);
		return;
	}
	if (likely(!is_multicast(v->dst_key)))
		dp_fdb_find(ctx->in->bridge->fdb, v->dst_key, dst_hash, &hit);
	if (likely(is_here(ctx, &hit)))
		decide_known(ctx, f, &hit, v);
	else
		decide_unknown(ctx, v);
}

void dp_decide_burst(const struct dp_decide_ctx *ctx, const struct dp_frame *frames, unsigned n,
	struct dp_verdict *verdicts)
{
	const struct dp_snap_bridge *bridge = ctx->in->bridge;
	uint64_t src_hash[DP_BURST], dst_hash[DP_BURST];
	uint32_t admitted = 0;

	/* Two passes, so that the table lines of all frames are on their way before the first is
	 * read. */
	for (unsigned i = 0; i < n; i++) {
		struct dp_verdict *v = &verdicts[i];
		int reason = admit(ctx->in, &frames[i], v);

		if (likely(reason == DP_N_DROPS))
			reason = guard(ctx, &frames[i], v);
		if (unlikely(reason != DP_N_DROPS)) {
			drop(v, (enum dp_drop)reason, ctx->in->index);
			continue;
		}
		src_hash[i] = dp_fdb_hash(bridge->fdb, v->src_key);
		dst_hash[i] = dp_fdb_hash(bridge->fdb, v->dst_key);
		rte_prefetch0(dp_fdb_first(bridge->fdb, src_hash[i]));
		rte_prefetch0(dp_fdb_first(bridge->fdb, dst_hash[i]));
		admitted |= UINT32_C(1) << i;
	}
	for (; admitted; admitted &= admitted - 1) {
		unsigned i = (unsigned)__builtin_ctz(admitted);

		forward(ctx, &frames[i], src_hash[i], dst_hash[i], &verdicts[i]);
	}
}

int dp_decide_enter(
	const struct dp_decide_ctx *ctx, const struct dp_frame *frame, struct dp_verdict *verdict)
{
	int reason = check_form(ctx->in, frame, verdict);

	if (unlikely(reason != DP_N_DROPS))
		return reason;
	verdict->src_key = dp_fdb_key(frame->head + 6, 0);
	verdict->dst_key = dp_fdb_key(frame->head, 0);
	if (unlikely(ctx->member)) {
		reason = check_member(ctx, verdict);
		if (reason != DP_N_DROPS)
			return reason;
	}
	return guard(ctx, frame, verdict);
}

static bool is_tagged(const struct dp_frame *f)
{
	return f->n_head >= DP_HEAD_MIN && dp_load_be16(f->head + 12) == ETHERTYPE_VLAN;
}

int dp_decide_exit(const struct dp_decide_ctx *ctx, const struct dp_snap_port *out,
	const struct dp_frame *frame)
{
	return check_sending(ctx, out, frame, is_tagged(frame));
}

int dp_decide_copy(const struct dp_decide_ctx *ctx, const struct dp_snap_port *out,
	const struct dp_frame *frame)
{
	bool is_closed = out->no_forward && !out->is_mirror_output;

	if (unlikely(!out->link_up || !out->admin_up || is_closed))
		return DP_DROP_LINK_DOWN;
	return check_limits(ctx, out, frame, is_tagged(frame));
}

void dp_decide_normal(
	const struct dp_decide_ctx *ctx, const struct dp_frame *frame, struct dp_verdict *verdict)
{
	const struct dp_fdb *fdb = ctx->in->bridge->fdb;
	int reason = admit(ctx->in, frame, verdict);

	if (unlikely(reason != DP_N_DROPS)) {
		drop(verdict, (enum dp_drop)reason, ctx->in->index);
		return;
	}
	forward(ctx, frame, dp_fdb_hash(fdb, verdict->src_key), dp_fdb_hash(fdb, verdict->dst_key),
		verdict);
}

/* Whether a port that the frame is not for gets a copy all the same; says no without counting. */
static inline bool overhears(
	const struct dp_decide_ctx *ctx, const struct dp_snap_port *out, const struct dp_verdict *v)
{
	return out != ctx->in && out->link_up && out->admin_up && is_for(ctx, out, v) &&
	       dp_vlan_carries(&out->vlan, v->vlan) && !(ctx->in->isolated && out->isolated) &&
	       (v->known_port_plus1 ? out->promiscuous : wants_address(out, v->dst_key));
}

/* OpenFlow's ALL and FLOOD: VLANs are the flows' business. */
static unsigned all_outputs(
	const struct dp_decide_ctx *ctx, const struct dp_frame *frame, struct dp_output *outputs)
{
	const struct dp_snap_bridge *bridge = ctx->in->bridge;
	unsigned n = 0;

	for (unsigned i = 0; i < bridge->n_ports; i++) {
		const struct dp_snap_port *out = ctx->snapshot->ports[bridge->ports[i]];

		if (out == ctx->in || out->no_forward || !out->link_up || !out->admin_up)
			continue;
		outputs[n] = (struct dp_output){ .port = out->index,
			.drop = (uint8_t)dp_decide_exit(ctx, out, frame) };
		n++;
	}
	return n;
}

unsigned dp_decide_outputs(const struct dp_decide_ctx *ctx, const struct dp_frame *frame,
	const struct dp_verdict *verdict, struct dp_output *outputs)
{
	const struct dp_snap_bridge *bridge = ctx->in->bridge;
	const struct dp_snapshot *s = ctx->snapshot;
	/* Promiscuous ports come first: a known destination needs no look at the others. */
	unsigned n_look = verdict->known_port_plus1 ? bridge->n_promiscuous : bridge->n_ports;
	unsigned n = 0;

	if (unlikely(verdict->kind == DP_VERDICT_ALL))
		return all_outputs(ctx, frame, outputs);
	for (unsigned i = 0; i < n_look; i++) {
		const struct dp_snap_port *out = s->ports[bridge->ports[i]];

		if (out->index + 1 == verdict->known_port_plus1 || !overhears(ctx, out, verdict))
			continue;
		outputs[n].drop = (uint8_t)check_output(ctx, out, frame, verdict, &outputs[n]);
		n++;
	}
	if (verdict->known_port_plus1 && verdict->known_port_plus1 != ctx->in->index + 1) {
		const struct dp_snap_port *out = s->ports[verdict->known_port_plus1 - 1];

		outputs[n].drop = (uint8_t)check_output(ctx, out, frame, verdict, &outputs[n]);
		n++;
	}
	return n;
}
