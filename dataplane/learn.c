/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The control thread's side of learning: takes what workers saw into the forwarding database,
 * ages it, lists and edits it. Also counts the addresses a port has, which mac_limit is held
 * against.
 */
#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "dp_private.h"
#include "mirror.h"

#define SWEEP_BUCKETS 65536 /* a tick: all of a table of default size, a slice of a larger one */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void key_split(uint64_t key, uint8_t mac[6], uint16_t *vlan)
{
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)(key >> (16 + 8 * i));
	*vlan = (uint16_t)key;
}

static uint64_t key_join(const uint8_t mac[6], uint16_t vlan)
{
	uint8_t padded[8] = { 0 };

	memcpy(padded, mac, 6);
	return dp_fdb_key(padded, vlan);
}

static void port_adjust(struct dp *dp, uint16_t index, int by)
{
	struct dp_port *port = dp->by_index[index];

	if (port)
		atomic_fetch_add_explicit(&port->n_macs, (uint32_t)by, memory_order_relaxed);
}

static bool fdb_get(const struct dp_fdb *fdb, uint64_t key, struct dp_fdb_hit *ret)
{
	return dp_fdb_find(fdb, key, dp_fdb_hash(fdb, key), ret);
}

#define MAC_FMT     "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_ARGS(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

static void log_move(struct dp_bridge *bridge, uint64_t key, uint16_t from, uint16_t to)
{
	const struct dp *dp = bridge->dp;
	uint64_t n_suppressed;
	uint16_t vlan;
	uint8_t mac[6];

	bridge->n_moves++;
	if (!sh_log_limit(&bridge->move_log, now_ns(), &n_suppressed))
		return;
	key_split(key, mac, &vlan);
	sh_log_notice("bridge '%s': address " MAC_FMT " vlan %u moved from port '%s' to '%s' "
		      "(%" PRIu64 " more moves not logged)",
		bridge->conf.name, MAC_ARGS(mac), vlan,
		dp->by_index[from] ? dp->by_index[from]->conf.name : "?",
		dp->by_index[to]->conf.name, n_suppressed);
}

static void log_full(struct dp_bridge *bridge)
{
	uint64_t n_suppressed;

	if (sh_log_limit(&bridge->full_log, now_ns(), &n_suppressed))
		sh_log_warn("bridge '%s': forwarding database is full (%u entries), flooding to "
			    "addresses that are not in it",
			bridge->conf.name, bridge->fdb->n_entries);
}

static void take_in(struct dp *dp, const struct dp_learn_msg *msg)
{
	struct dp_port *port = dp->by_index[msg->port];
	struct dp_fdb_hit hit;
	struct dp_bridge *bridge;
	uint32_t now_s = atomic_load_explicit(&dp->now_s, memory_order_relaxed);

	if (!port)
		return;
	bridge = port->bridge;
	/* A worker may have asked before it knew of a mirror. */
	if (port->is_mirror_output || dp_mirror_owns_vlan(bridge, (uint16_t)msg->key))
		return;
	fdb_get(bridge->fdb, msg->key, &hit);
	if (hit.port_plus1 == port->index + 1 || (hit.port_plus1 && hit.flags & DP_FDB_STATIC))
		return;
	/* Several may have asked before the first was counted. */
	if (port->policy.mac_limit && atomic_load(&port->n_macs) >= port->policy.mac_limit)
		return;
	if (dp_fdb_put(bridge->fdb, msg->key, port->index, 0, now_s) < 0) {
		log_full(bridge);
		return;
	}
	port_adjust(dp, port->index, 1);
	if (!hit.port_plus1)
		return;
	port_adjust(dp, (uint16_t)(hit.port_plus1 - 1), -1);
	log_move(bridge, msg->key, (uint16_t)(hit.port_plus1 - 1), port->index);
}

void dp_learn_drain(struct dp *dp)
{
	struct dp_learn_msg msgs[64];

	/* Before the rings are read, so that what comes behind the last look wakes us again. */
	atomic_store(&dp->armed, true);
	for (unsigned i = 0; i < dp->n_workers; i++) {
		/* A bounded share a call: learning must not keep the control thread from the rest.
		 */
		for (unsigned round = 0; round < DP_LEARN_RING / 64; round++) {
			unsigned n = rte_ring_sc_dequeue_burst_elem(
				dp->workers[i]->learns, msgs, sizeof(msgs[0]), 64, NULL);

			for (unsigned k = 0; k < n; k++)
				take_in(dp, &msgs[k]);
			if (n < 64)
				break;
		}
	}
}

/* Removing entries by a rule: whose, of which VLAN, how old. */
struct removal {
	struct dp *dp;
	const struct dp_port *port; /* NULL: any */
	int vlan;                   /* negative: any */
	uint32_t before_s;          /* last seen before this second, UINT32_MAX: any */
	bool statics;
};

static bool removal_match(void *ctx, const struct dp_fdb_line *line)
{
	const struct removal *r = ctx;

	if ((line->flags & DP_FDB_STATIC) && !r->statics)
		return false;
	if (r->port && line->port != r->port->index)
		return false;
	if (r->vlan >= 0 && (line->key & 0xffff) != (unsigned)r->vlan)
		return false;
	/* A signed difference, since a worker may have a second that is not ours yet. */
	if (r->before_s != UINT32_MAX && (int32_t)(line->seen_s - r->before_s) >= 0)
		return false;
	if (!(line->flags & DP_FDB_STATIC))
		port_adjust(r->dp, line->port, -1);
	return true;
}

static unsigned remove_all(struct dp_bridge *bridge, struct removal *r)
{
	uint32_t at = 0;

	r->dp = bridge->dp;
	return dp_fdb_walk(bridge->fdb, &at, dp_fdb_n_buckets(bridge->fdb), removal_match, r);
}

void dp_learn_forget(struct dp_port *port)
{
	struct removal r = { .port = port, .vlan = -1, .before_s = UINT32_MAX, .statics = true };

	remove_all(port->bridge, &r);
}

unsigned dp_fdb_flush(struct dp_bridge *bridge, const struct dp_port *port, int vlan)
{
	struct removal r = { .port = port, .vlan = vlan, .before_s = UINT32_MAX };

	return remove_all(bridge, &r);
}

void dp_learn_age(struct dp *dp)
{
	uint32_t now_s = atomic_load(&dp->now_s);
	struct dp_bridge *bridge;

	LIST_FOREACH (bridge, &dp->bridges, link) {
		struct removal r = { .dp = dp, .vlan = -1 };
		uint32_t n = RTE_MIN(dp_fdb_n_buckets(bridge->fdb), (uint32_t)SWEEP_BUCKETS);

		if (!bridge->conf.fdb_ageing_s)
			continue;
		r.before_s = now_s - bridge->conf.fdb_ageing_s;
		dp_fdb_walk(bridge->fdb, &bridge->fdb->sweep_at, n, removal_match, &r);
	}
}

int dp_fdb_add(struct dp_bridge *bridge, const uint8_t mac[6], uint16_t vlan, struct dp_port *port,
	struct sh_err *err)
{
	uint64_t key = key_join(mac, vlan);
	struct dp_fdb_hit hit;
	int r;

	fdb_get(bridge->fdb, key, &hit);
	r = dp_fdb_put(bridge->fdb, key, port->index, DP_FDB_STATIC, 0);
	if (r < 0)
		return sh_err_set(err, r,
			"forwarding database of bridge '%s' is full (%u entries): raise fdb_size "
			"or flush it",
			bridge->conf.name, bridge->fdb->n_entries);
	if (hit.port_plus1 && !(hit.flags & DP_FDB_STATIC))
		port_adjust(bridge->dp, (uint16_t)(hit.port_plus1 - 1), -1);
	return 0;
}

int dp_fdb_del(struct dp_bridge *bridge, const uint8_t mac[6], uint16_t vlan, struct sh_err *err)
{
	uint64_t key = key_join(mac, vlan);
	struct dp_fdb_hit hit;

	if (!fdb_get(bridge->fdb, key, &hit))
		return sh_err_set(err, -ENOENT, "bridge '%s' has no entry for " MAC_FMT " vlan %u",
			bridge->conf.name, MAC_ARGS(mac), vlan);
	if (!(hit.flags & DP_FDB_STATIC))
		port_adjust(bridge->dp, (uint16_t)(hit.port_plus1 - 1), -1);
	return dp_fdb_remove(bridge->fdb, key);
}

struct listing {
	const struct dp_bridge *bridge;
	void (*fn)(void *ctx, const struct dp_fdb_entry *entry);
	void *ctx;
	uint32_t place;
	size_t n;
};

static bool list_line(void *ctx, const struct dp_fdb_line *line)
{
	struct listing *l = ctx;
	struct dp *dp = l->bridge->dp;
	uint32_t now_s = atomic_load(&dp->now_s);
	struct dp_fdb_entry entry = {
		.port = dp->by_index[line->port],
		.is_static = line->flags & DP_FDB_STATIC,
		.place = l->place,
	};

	if (!entry.port)
		return false;
	key_split(line->key, entry.mac, &entry.vlan);
	if (!entry.is_static && (int32_t)(now_s - line->seen_s) > 0)
		entry.age_s = now_s - line->seen_s;
	l->fn(l->ctx, &entry);
	l->n++;
	return false;
}

void dp_fdb_foreach(const struct dp_bridge *bridge, uint32_t place, size_t max,
	void (*fn)(void *ctx, const struct dp_fdb_entry *entry), void *ctx)
{
	struct listing l = { bridge, fn, ctx, place, 0 };

	static_assert(DP_FDB_SHARES_PLACE == DP_FDB_WAYS, "a place is a bucket");
	for (; l.place < dp_fdb_n_buckets(bridge->fdb) && l.n + DP_FDB_WAYS <= max; l.place++) {
		uint32_t at = l.place;

		dp_fdb_walk(bridge->fdb, &at, 1, list_line, &l);
	}
}

void dp_fdb_get_info(const struct dp_bridge *bridge, struct dp_fdb_info *ret)
{
	ret->n_entries = bridge->fdb->n_entries;
	ret->n_static = bridge->fdb->n_static;
	ret->size = bridge->fdb->size;
	ret->n_full = bridge->fdb->n_full;
	ret->n_moves = bridge->n_moves;
}
