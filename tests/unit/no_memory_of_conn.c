/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every allocation of a connection's life failed in turn: it ends with -ENOMEM, or a request was
 * refused, and nothing is lost or leaked.
 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "conn_rig.h"
#include "fail_malloc.h"

/* hello; flows; a monitor of all; the flows; description; a message in two pieces */
static const uint8_t dialogue[] = {
	4, 0, 0, 8, 0, 0, 0, 1,                                         /* hello */
	4, 18, 0, 56, 0, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, /* flow stats */
	255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, /* ... */
	4, 18, 0, 48, 0, 0, 0, 3, 255, 255, 0, 0, 0, 0, 0, 0, 0x4f, 0x4e, 0x46, 0, 0, 0, 7, 0x4e, 0,
	0, 0, 1, 0, 0x3f, 0, 4, 255, 255, 255, 255, 255, 0, 0, 0, 0, 1, 0, 4, 0, 0, 0,
	0, /* monitor */
	4, 14, 0, 56, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0,
	0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 1, 0, 4, 0,
	0, 0, 0, /* delete */
	4, 14, 0, 56, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 1, 0, 4, 0,
	0, 0, 0,                                          /* add */
	4, 18, 0, 16, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, /* description */
};

static int feed(struct of_conn *conn, const uint8_t *bytes, size_t n)
{
	size_t used;

	return of_conn_receive(conn, bytes, n, RIG_S, &used);
}

static void read_all(struct of_conn *conn)
{
	size_t n;

	while (of_conn_output(conn, &n))
		of_conn_sent(conn, n, RIG_S);
}

static int live(void *ctx)
{
	struct rig *rig = ctx;
	struct of_conn *conn;
	int r = of_conn_new(rig->conns, false, NULL, NULL, &conn);

	if (r < 0)
		return r;
	r = feed(conn, dialogue, sizeof(dialogue) - 5);
	if (r == 0)
		r = feed(conn, dialogue + sizeof(dialogue) - 5, 5);
	read_all(conn);
	if (r == 0)
		r = of_conn_tick(conn, RIG_S);
	of_conn_free(conn);
	return r;
}

static void check_lived(void *ctx, int r, bool failed)
{
	struct rig *rig = ctx;

	assert_true(r == 0 || (failed && r == -ENOMEM));
	assert_int_equal(of_conns_n(rig->conns), 0);
}

static void connection_without_memory_ends_or_refuses(void **state)
{
	struct rig rig;

	rig_start(&rig, NULL);
	rig_add_flows(&rig, 100);
	assert_true(fail_malloc_each(live, check_lived, &rig) > 10);
	rig_end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connection_without_memory_ends_or_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
