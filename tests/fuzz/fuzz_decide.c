/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as a frame, under any policy of four ports: the verdict must be one that delivering can
 * act on, and each output must leave its port with the tag that the table below says. The frame
 * lies at the end of its allocation, so a byte read behind it is found.
 */
#include "../unit/snapshot_by_hand.h"
#include "fuzz.h"

#define POLICY_BYTES 3 /* of a port */
#define HEAD_BYTES   (POLICY_BYTES * HAND_PORTS + 1)
#define NO_TAG       (-1)
#define NO_VLAN      UINT16_MAX

static const uint16_t vlans[] = { 0, 1, 10, 100, 200, 4094 };
#define N_VLANS (sizeof(vlans) / sizeof(vlans[0]))

static void set_trunk(struct dp_vlan_policy *vlan, uint8_t byte)
{
	memset(vlan->trunk, 0, sizeof(vlan->trunk));
	for (unsigned i = 0; i < N_VLANS; i++)
		if (byte >> i & 1)
			dp_vlan_set_add(vlan->trunk, vlans[i]);
	for (uint16_t v = 0; byte & 0x80 && v <= DP_VLAN_MAX; v++)
		dp_vlan_set_add(vlan->trunk, v);
}

static void set_policy(struct dp_snap_port *p, const uint8_t *policy)
{
	p->vlan.mode = (enum dp_vlan_mode)(policy[0] & 3);
	p->vlan.vlan = vlans[policy[1] % N_VLANS];
	set_trunk(&p->vlan, policy[2]);
	p->isolated = policy[0] & 4;
	p->reject_forged = policy[0] & 8;
	p->reject_mac_changes = policy[0] & 16;
	p->guards_source = p->reject_forged || p->reject_mac_changes;
	p->admin_up = !(policy[0] & 32);
	p->link_up = !(policy[0] & 64);
	p->promiscuous = p->index == 0 && (policy[0] & 128);
}

/* Open vSwitch's rules, from vswitchd.conf.db(5), "vlan_mode", written down once more. */
static uint16_t vlan_in(const struct dp_vlan_policy *p, int tag)
{
	uint16_t vid = tag == NO_TAG ? 0 : (uint16_t)(tag & 0xfff);
	bool native = p->mode == DP_VLAN_NATIVE_UNTAGGED || p->mode == DP_VLAN_NATIVE_TAGGED;

	if (p->mode == DP_VLAN_ACCESS)
		return vid == 0 ? p->vlan : NO_VLAN;
	if (native && (vid == 0 || vid == p->vlan))
		return p->vlan;
	return p->trunk[vid / 64] >> (vid % 64) & 1 ? vid : NO_VLAN;
}

static bool is_carried(const struct dp_vlan_policy *p, uint16_t vlan)
{
	bool trunked = p->trunk[vlan / 64] >> (vlan % 64) & 1;

	switch (p->mode) {
	case DP_VLAN_ACCESS:
		return vlan == p->vlan;
	case DP_VLAN_TRUNK:
		return trunked;
	default:
		return trunked || vlan == p->vlan;
	}
}

static int tag_out(const struct dp_vlan_policy *p, uint16_t vlan, int tag)
{
	int priority = tag == NO_TAG ? 0 : tag & 0xe000;

	if (vlan == 0 || p->mode == DP_VLAN_ACCESS)
		return NO_TAG;
	if (p->mode == DP_VLAN_NATIVE_UNTAGGED && vlan == p->vlan)
		return NO_TAG;
	return priority | vlan;
}

static int tag_of(const struct dp_frame *f)
{
	if (f->head[12] != 0x81 || f->head[13] != 0x00)
		return NO_TAG;
	return f->head[14] << 8 | f->head[15];
}

/* What delivering makes of the tag. */
static int tag_after(uint8_t op, int tag, uint16_t out_tci)
{
	switch (op) {
	case DP_TAG_KEEP:
		return tag;
	case DP_TAG_POP:
		CHECK(tag != NO_TAG);
		return NO_TAG;
	case DP_TAG_PUSH:
		CHECK(tag == NO_TAG);
		return out_tci;
	default:
		CHECK(op == DP_TAG_SET && tag != NO_TAG);
		return out_tci;
	}
}

/* The drop eligible bit (CFI) is kept only with a tag that stays as it is. */
static void check_output(
	const struct hand *h, const struct dp_frame *f, unsigned port, uint8_t op, uint16_t out_tci)
{
	const struct dp_snap_port *out = &h->store[port];
	int tag = tag_of(f), left = tag_after(op, tag, out_tci);
	uint16_t vlan = vlan_in(&h->ctx.in->vlan, tag);

	CHECK(port < HAND_PORTS && port != h->ctx.in->index);
	CHECK(vlan != NO_VLAN && is_carried(&out->vlan, vlan));
	CHECK(!h->ctx.in->isolated || !out->isolated);
	CHECK(out->admin_up && out->link_up);
	if (op == DP_TAG_KEEP && left != NO_TAG)
		left &= 0xefff;
	CHECK(left == tag_out(&out->vlan, vlan, tag));
}

static void check_drop(const struct hand *h, const struct dp_frame *f, const struct dp_verdict *v)
{
	uint16_t vlan;

	CHECK(v->drop < DP_N_DROPS && v->port < HAND_PORTS);
	if (v->drop == DP_DROP_VLAN_INGRESS)
		CHECK(vlan_in(&h->ctx.in->vlan, tag_of(f)) == NO_VLAN);
	if (v->drop != DP_DROP_VLAN_EGRESS)
		return;
	vlan = vlan_in(&h->ctx.in->vlan, tag_of(f));
	CHECK(vlan != NO_VLAN && !is_carried(&h->store[v->port].vlan, vlan));
}

static void check(const struct hand *h, const struct dp_frame *f, const struct dp_verdict *v)
{
	struct dp_output outs[HAND_PORTS];
	unsigned n;

	if (v->kind == DP_VERDICT_DROP) {
		check_drop(h, f, v);
		return;
	}
	CHECK(f->len >= 14);
	if (v->kind == DP_VERDICT_ONE) {
		check_output(h, f, v->port, v->tag_op, v->out_tci);
		return;
	}
	CHECK(v->kind == DP_VERDICT_MANY);
	n = dp_decide_outputs(&h->ctx, f, v, outs);
	CHECK(n < HAND_PORTS);
	for (unsigned i = 0; i < n; i++) {
		CHECK(outs[i].drop <= DP_N_DROPS);
		if (outs[i].drop == DP_N_DROPS)
			check_output(h, f, outs[i].port, outs[i].tag_op, outs[i].out_tci);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dp_verdict v;
	struct dp_frame frame = { 0 };
	struct hand *h;
	uint8_t *copy;

	if (size < HEAD_BYTES || size > 2048)
		return 0;
	h = hand_new();
	for (unsigned i = 0; i < HAND_PORTS; i++)
		set_policy(&h->store[i], data + POLICY_BYTES * i);
	h->bridge.n_promiscuous = h->store[0].promiscuous;
	frame.len = frame.n_head = (uint32_t)(size - HEAD_BYTES);
	copy = malloc(frame.len ? frame.len : 1);
	CHECK(copy);
	memcpy(copy, data + HEAD_BYTES, frame.len);
	frame.head = copy;
	/* From one port, and back from the next, so that known destinations come up too. */
	for (unsigned turn = 0; turn < 2; turn++) {
		h->ctx.in = &h->store[(data[HEAD_BYTES - 1] + turn) % HAND_PORTS];
		dp_decide_burst(&h->ctx, &frame, 1, &v);
		check(h, &frame, &v);
		if (v.learn)
			dp_fdb_put(h->bridge.fdb, v.src_key, h->ctx.in->index, 0, 0);
		if (frame.len < 12)
			break;
		for (unsigned i = 0; i < 6; i++) {
			uint8_t byte = copy[i];

			copy[i] = copy[i + 6];
			copy[i + 6] = byte;
		}
	}
	free(copy);
	hand_free(h);
	return 0;
}
