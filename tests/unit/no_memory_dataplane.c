/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The dataplane's own allocations, failed one by one. What DPDK allocates needs DPDK to run, and is
 * not here.
 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>

#include "dp_private.h"
#include "fail_malloc.h"

static int make_fdb(void *ctx)
{
	struct dp_fdb **fdb = ctx;

	return dp_fdb_new(65536, fdb);
}

static void check_fdb(void *ctx, int r, bool failed)
{
	struct dp_fdb **fdb = ctx;

	if (failed) {
		assert_int_equal(r, -ENOMEM);
		assert_null(*fdb);
	}
	dp_fdb_free(*fdb);
	*fdb = NULL;
}

static void forwarding_database_is_made_whole_or_not_at_all(void **state)
{
	struct dp_fdb *fdb = NULL;

	assert_true(fail_malloc_each(make_fdb, check_fdb, &fdb) >= 2);
}

struct drawing {
	struct dp *dp;
	struct dp_snapshot *snapshot;
};

static int draw(void *ctx)
{
	struct drawing *d = ctx;

	return dp_snapshot_new(d->dp, &d->snapshot);
}

static void check_drawing(void *ctx, int r, bool failed)
{
	struct drawing *d = ctx;

	if (failed) {
		assert_int_equal(r, -ENOMEM);
		assert_null(d->snapshot);
	} else {
		assert_int_equal(d->snapshot->n_ports, 1);
	}
	dp_snapshot_free(d->snapshot);
	d->snapshot = NULL;
}

static void snapshot_is_drawn_whole_or_not_at_all(void **state)
{
	struct dp_port *port = aligned_alloc(64, sizeof(*port));
	struct dp_bridge bridge = { .conf.name = "br0", .n_ports = 1 };
	struct drawing d = { calloc(1, sizeof(*d.dp)), NULL };

	assert_non_null(port);
	assert_non_null(d.dp);
	memset(port, 0, sizeof(*port));
	d.dp->tsc_hz = 1000000000;
	bridge.dp = port->dp = d.dp;
	port->bridge = &bridge;
	port->policy.mtu = 1500;
	LIST_INSERT_HEAD(&d.dp->bridges, &bridge, link);
	LIST_INSERT_HEAD(&d.dp->ports, port, link);
	assert_true(fail_malloc_each(draw, check_drawing, &d) >= 1);
	free(d.dp);
	free(port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forwarding_database_is_made_whole_or_not_at_all),
		cmocka_unit_test(snapshot_is_drawn_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
