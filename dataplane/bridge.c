/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bridges in the model: a name, a forwarding database, and the ports that belong to it. Control
 * thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "mirror.h"
#include "pipeline.h"
#include "walk_worker.h"

int dp_bridge_add(struct dp *dp, const struct dp_bridge_conf *conf, struct sh_err *err,
	struct dp_bridge **ret)
{
	struct dp_bridge *bridge = calloc(1, sizeof(*bridge));
	int r;

	if (!bridge || dp_fdb_new(conf->fdb_size, &bridge->fdb) < 0) {
		free(bridge);
		return sh_err_set(err, -ENOMEM, "no memory for a forwarding database of %u entries",
			conf->fdb_size);
	}
	bridge->dp = dp;
	bridge->conf = *conf;
	r = dp_pipeline_new(bridge);
	if (r < 0) {
		dp_fdb_free(bridge->fdb);
		free(bridge);
		return sh_err_set(err, r, "no room for the flow tables of a bridge");
	}
	LIST_INSERT_HEAD(&dp->bridges, bridge, link);
	*ret = bridge;
	return 0;
}

/* What keeps its meaning in a table of another size: the static entries. */
static int copy_statics(struct dp_fdb *from, struct dp_fdb *to)
{
	for (uint32_t b = 0; b < dp_fdb_n_buckets(from); b++) {
		for (int i = 0; i < DP_FDB_WAYS; i++) {
			const union dp_fdb_cell *cell = &from->buckets[b].cells[i];

			if (!(cell->flags & DP_FDB_STATIC))
				continue;
			if (dp_fdb_put(to, atomic_load(&from->buckets[b].keys[i]),
				    (uint16_t)(cell->port_plus1 - 1), DP_FDB_STATIC, 0) < 0)
				return -ENOSPC;
		}
	}
	return 0;
}

static int resize(struct dp_bridge *bridge, uint32_t size, struct sh_err *err)
{
	struct dp_fdb *fresh, *old = bridge->fdb;
	int r = dp_fdb_new(size, &fresh);

	if (r < 0)
		return sh_err_set(
			err, r, "no memory for a forwarding database of %u entries", size);
	r = copy_statics(old, fresh);
	if (r < 0) {
		dp_fdb_free(fresh);
		return sh_err_set(
			err, r, "%u static entries do not fit fdb_size %u", old->n_static, size);
	}
	dp_fdb_flush(bridge, NULL, -1);
	bridge->fdb = fresh;
	dp_port_watch_addresses(bridge);
	r = dp_commit(bridge->dp, err);
	if (r < 0) {
		bridge->fdb = old;
		dp_port_watch_addresses(bridge);
		dp_fdb_free(fresh);
		return r;
	}
	dp_fdb_free(old);
	return 0;
}

int dp_bridge_set(struct dp_bridge *bridge, const struct dp_bridge_conf *conf, struct sh_err *err)
{
	if (conf->fdb_size != bridge->conf.fdb_size) {
		int r = resize(bridge, conf->fdb_size, err);

		if (r < 0)
			return r;
	}
	bridge->conf = *conf;
	return 0;
}

void dp_bridge_del(struct dp_bridge *bridge)
{
	struct dp_port *controller = bridge->pipeline->controller;

	/* What still names the bridge on its way from and to the workers. */
	dp_barrier(bridge->dp);
	LIST_REMOVE(controller, link);
	LIST_REMOVE(bridge, link);
	/* Workers may still look at the bridge by the snapshot that is published. */
	if (dp_commit(bridge->dp, NULL) < 0)
		return;
	dp_to_control_forget(bridge);
	LIST_INSERT_HEAD(&bridge->dp->ports, controller, link);
	dp_pipeline_free(bridge->pipeline);
	dp_mirror_free_all(bridge);
	dp_fdb_free(bridge->fdb);
	free(bridge);
}

void dp_bridge_get_controller_stats(const struct dp_bridge *bridge, struct dp_port_stats *ret)
{
	dp_port_get_stats(bridge->pipeline->controller, ret);
}
