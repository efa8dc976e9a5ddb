/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The dataplane that forwards nothing: lists of bridges, ports and static entries. What may fail
 * counts its calls, so that each can be made to fail in turn. One thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "dataplane/mirror.h"
#include "fake_dp.h"

struct entry {
	LIST_ENTRY(entry) link;
	struct dp_fdb_entry e;
};

struct dp_bridge {
	LIST_ENTRY(dp_bridge) link;
	struct dp_bridge_conf conf;
	unsigned n_ports;
	LIST_HEAD(, entry) entries;
};

struct dp_port {
	LIST_ENTRY(dp_port) link;
	struct dp_bridge *bridge;
	struct dp_port_conf conf;
	struct dp_port_policy policy;
};

struct dp_mirror {
	LIST_ENTRY(dp_mirror) link;
	struct dp_bridge *bridge;
};

struct dp {
	LIST_HEAD(, dp_mirror) mirrors;
	LIST_HEAD(, dp_bridge) bridges;
	LIST_HEAD(, dp_port) ports;
};

struct fake_dp fake_dp;
static struct dp the_dp;

static int may_fail(struct sh_err *err)
{
	if (++fake_dp.calls == fake_dp.fail_at)
		return sh_err_set(err, -ENODEV, "the test wants it so");
	return 0;
}

struct dp *fake_dp_get(void)
{
	return &the_dp;
}

void fake_dp_reset(void)
{
	while (!LIST_EMPTY(&the_dp.mirrors))
		dp_mirror_del(LIST_FIRST(&the_dp.mirrors));
	while (!LIST_EMPTY(&the_dp.ports))
		dp_port_del(LIST_FIRST(&the_dp.ports));
	while (!LIST_EMPTY(&the_dp.bridges))
		dp_bridge_del(LIST_FIRST(&the_dp.bridges));
	fake_dp = (struct fake_dp){ 0 };
}

int dp_new(const struct dp_conf *conf, struct sh_err *err, struct dp **ret)
{
	*ret = &the_dp;
	return 0;
}

void dp_free(struct dp *dp)
{
	fake_dp_reset();
}

int dp_event_fd(struct dp *dp)
{
	return -1;
}

void dp_dispatch(struct dp *dp)
{
}

void dp_tick(struct dp *dp)
{
}

void dp_set_events(struct dp *dp, const struct dp_events *events)
{
}

int dp_workers_set(struct dp *dp, const struct dp_workers_conf *conf, struct sh_err *err)
{
	int r = may_fail(err);

	if (r == 0)
		fake_dp.n_workers = conf->n;
	return r;
}

unsigned dp_default_cpu(void)
{
	return 0;
}

unsigned dp_n_workers(const struct dp *dp)
{
	return fake_dp.n_workers;
}

void dp_worker_get_stats(const struct dp *dp, unsigned worker, struct dp_worker_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->worker = worker;
}

void dp_worker_clear_stats(struct dp *dp)
{
}

int dp_bridge_add(struct dp *dp, const struct dp_bridge_conf *conf, struct sh_err *err,
	struct dp_bridge **ret)
{
	int r = may_fail(err);
	struct dp_bridge *bridge = r < 0 ? NULL : calloc(1, sizeof(*bridge));

	if (!bridge)
		return r < 0 ? r : sh_err_set(err, -ENOMEM, "out of memory");
	bridge->conf = *conf;
	LIST_INSERT_HEAD(&dp->bridges, bridge, link);
	fake_dp.n_bridges++;
	*ret = bridge;
	return 0;
}

int dp_bridge_set(struct dp_bridge *bridge, const struct dp_bridge_conf *conf, struct sh_err *err)
{
	int r = may_fail(err);

	if (r == 0)
		bridge->conf = *conf;
	return r;
}

static void entry_free(struct entry *entry)
{
	LIST_REMOVE(entry, link);
	free(entry);
	fake_dp.n_entries--;
}

void dp_bridge_del(struct dp_bridge *bridge)
{
	if (bridge->n_ports)
		abort();
	while (!LIST_EMPTY(&bridge->entries))
		entry_free(LIST_FIRST(&bridge->entries));
	LIST_REMOVE(bridge, link);
	free(bridge);
	fake_dp.n_bridges--;
}

int dp_port_add(struct dp_bridge *bridge, const struct dp_port_conf *conf,
	const struct dp_port_policy *policy, struct sh_err *err, struct dp_port **ret)
{
	int r = may_fail(err);
	struct dp_port *port = r < 0 ? NULL : calloc(1, sizeof(*port));

	if (!port)
		return r < 0 ? r : sh_err_set(err, -ENOMEM, "out of memory");
	port->bridge = bridge;
	port->conf = *conf;
	port->policy = *policy;
	bridge->n_ports++;
	LIST_INSERT_HEAD(&the_dp.ports, port, link);
	fake_dp.n_ports++;
	*ret = port;
	return 0;
}

int dp_port_set_policy(
	struct dp_port *port, const struct dp_port_policy *policy, struct sh_err *err)
{
	int r = may_fail(err);

	if (r == 0)
		port->policy = *policy;
	return r;
}

void dp_port_del(struct dp_port *port)
{
	struct entry *entry, *next;

	for (entry = LIST_FIRST(&port->bridge->entries); entry; entry = next) {
		next = LIST_NEXT(entry, link);
		if (entry->e.port == port)
			entry_free(entry);
	}
	port->bridge->n_ports--;
	LIST_REMOVE(port, link);
	free(port);
	fake_dp.n_ports--;
}

int dp_commit(struct dp *dp, struct sh_err *err)
{
	return may_fail(err);
}

struct dp_bridge *dp_port_bridge(const struct dp_port *port)
{
	return port->bridge;
}

const struct dp_port_policy *dp_port_get_policy(const struct dp_port *port)
{
	return &port->policy;
}

void dp_bridge_get_controller_stats(const struct dp_bridge *bridge, struct dp_port_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
}

void dp_table_get_stats(
	const struct dp_bridge *bridge, uint8_t table, struct dp_pipeline_table_info *ret)
{
	memset(ret, 0, sizeof(*ret));
}

void dp_barrier(struct dp *dp)
{
}

bool dp_bridge_uses_tables(const struct dp_bridge *bridge)
{
	return false;
}

void dp_frame_key(const uint8_t *frame, uint32_t n_frame, struct sh_flow_key *ret)
{
	*ret = (struct sh_flow_key){ 0 };
}

int dp_trace(struct dp_bridge *bridge, const struct dp_trace_conf *conf,
	void (*fn)(void *ctx, const struct dp_trace_event *event), void *ctx)
{
	const struct dp_trace_event end = { .kind = DP_TRACE_END, .drop = DP_DROP_SECURE };

	fn(ctx, &end);
	return 0;
}

int dp_protocol_send(struct dp_port *port, unsigned slot, const void *frame, uint32_t len)
{
	return 0;
}

const char *dp_port_name(const struct dp_port *port)
{
	return port->conf.name;
}

void dp_port_get_info(const struct dp_port *port, struct dp_port_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->mac, port->policy.mac, sizeof(ret->mac));
}

void dp_port_get_stats(const struct dp_port *port, struct dp_port_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
}

/* Each entry has a place of its own. */
void dp_fdb_foreach(const struct dp_bridge *bridge, uint32_t place, size_t max,
	void (*fn)(void *ctx, const struct dp_fdb_entry *entry), void *ctx)
{
	const struct entry *entry;
	uint32_t at = 0;

	LIST_FOREACH (entry, &bridge->entries, link) {
		struct dp_fdb_entry e = entry->e;

		e.place = at++;
		if (e.place >= place && e.place - place < max)
			fn(ctx, &e);
	}
}

void dp_bridge_get_learn_stats(const struct dp_bridge *bridge, struct dp_learn_stats *ret)
{
	*ret = (struct dp_learn_stats){ 0 };
}

void dp_fdb_get_info(const struct dp_bridge *bridge, struct dp_fdb_info *ret)
{
	const struct entry *entry;

	memset(ret, 0, sizeof(*ret));
	ret->size = bridge->conf.fdb_size;
	LIST_FOREACH (entry, &bridge->entries, link)
		ret->n_static = ++ret->n_entries;
}

static struct entry *find(struct dp_bridge *bridge, const uint8_t mac[6], uint16_t vlan)
{
	struct entry *entry;

	LIST_FOREACH (entry, &bridge->entries, link)
		if (entry->e.vlan == vlan && memcmp(entry->e.mac, mac, 6) == 0)
			return entry;
	return NULL;
}

int dp_fdb_add(struct dp_bridge *bridge, const uint8_t mac[6], uint16_t vlan, struct dp_port *port,
	struct sh_err *err)
{
	int r = may_fail(err);
	struct entry *entry = r < 0 ? NULL : find(bridge, mac, vlan);

	if (r < 0)
		return r;
	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return sh_err_set(err, -ENOMEM, "out of memory");
		LIST_INSERT_HEAD(&bridge->entries, entry, link);
		fake_dp.n_entries++;
	}
	memcpy(entry->e.mac, mac, 6);
	entry->e.vlan = vlan;
	entry->e.port = port;
	entry->e.is_static = true;
	return 0;
}

int dp_fdb_del(struct dp_bridge *bridge, const uint8_t mac[6], uint16_t vlan, struct sh_err *err)
{
	struct entry *entry = find(bridge, mac, vlan);

	if (!entry)
		return sh_err_set(err, -ENOENT, "no such entry");
	entry_free(entry);
	return 0;
}

unsigned dp_fdb_flush(struct dp_bridge *bridge, const struct dp_port *port, int vlan)
{
	return 0; /* nothing is learned */
}

unsigned dp_team_members(const struct dp_port *port, struct dp_member_info *ret)
{
	return 0;
}

void dp_team_permit(
	struct dp_port *team, unsigned slot, bool collects, bool distributes, const char *why)
{
}

void dp_team_fall_back(struct dp_port *team, bool on)
{
}

const struct dp_port *dp_team_member_port(const struct dp_port *port, unsigned slot)
{
	return NULL;
}

uint64_t dp_team_announced(const struct dp_port *port)
{
	return 0;
}

unsigned dp_team_used_by(
	const struct dp_port *team, const struct dp_port *from, char ret[][DP_MEMBER_NAME_LEN])
{
	return 0;
}

int dp_mirror_add(struct dp_bridge *bridge, const struct dp_mirror_conf *conf, struct sh_err *err,
	struct dp_mirror **ret)
{
	int r = may_fail(err);
	struct dp_mirror *mirror = r < 0 ? NULL : calloc(1, sizeof(*mirror));

	if (!mirror)
		return r < 0 ? r : sh_err_set(err, -ENOMEM, "out of memory");
	mirror->bridge = bridge;
	LIST_INSERT_HEAD(&the_dp.mirrors, mirror, link);
	fake_dp.n_mirrors++;
	*ret = mirror;
	return 0;
}

int dp_mirror_set(struct dp_mirror *mirror, const struct dp_mirror_conf *conf, struct sh_err *err)
{
	return may_fail(err);
}

void dp_mirror_del(struct dp_mirror *mirror)
{
	LIST_REMOVE(mirror, link);
	free(mirror);
	fake_dp.n_mirrors--;
}

struct dp_bridge *dp_mirror_bridge(const struct dp_mirror *mirror)
{
	return mirror->bridge;
}

void dp_mirror_get_stats(const struct dp_mirror *mirror, struct dp_mirror_stats *ret)
{
	*ret = (struct dp_mirror_stats){ 0 };
}

int dp_port_foreach_hw(const struct dp_port *port,
	void (*fn)(void *ctx, const char *name, uint64_t value), void *ctx)
{
	fn(ctx, "rx_good_packets", 7);
	return 0;
}
