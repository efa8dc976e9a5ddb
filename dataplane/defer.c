/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Deferred calls, in batches that share one QSBR token: a token costs a fence and a check of all
 * workers, a batch makes that small against what is deferred. Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "defer.h"
#include "dp_private.h"

#define BATCH_LEN 256

struct call {
	void *p;
	void (*fn)(void *p);
};

struct batch {
	STAILQ_ENTRY(batch) link;
	uint64_t token;
	unsigned n;
	struct call calls[BATCH_LEN];
};

struct dp_defer {
	struct dp *dp;
	struct batch *open;
	STAILQ_HEAD(, batch) closed;
};

int dp_defer_new(struct dp *dp, struct dp_defer **ret)
{
	struct dp_defer *defer = calloc(1, sizeof(*defer));

	if (!defer)
		return -ENOMEM;
	defer->dp = dp;
	STAILQ_INIT(&defer->closed);
	*ret = defer;
	return 0;
}

static void run(struct batch *batch)
{
	for (unsigned i = 0; i < batch->n; i++)
		batch->calls[i].fn(batch->calls[i].p);
	free(batch);
}

static void close_batch(struct dp_defer *defer)
{
	struct batch *batch = defer->open;

	if (!batch)
		return;
	defer->open = NULL;
	batch->token = rte_rcu_qsbr_start(defer->dp->qsbr);
	STAILQ_INSERT_TAIL(&defer->closed, batch, link);
}

static void run_due(struct dp_defer *defer)
{
	struct batch *batch;

	while ((batch = STAILQ_FIRST(&defer->closed)) &&
		rte_rcu_qsbr_check(defer->dp->qsbr, batch->token, false)) {
		STAILQ_REMOVE_HEAD(&defer->closed, link);
		run(batch);
	}
}

void dp_defer_poll(struct dp_defer *defer)
{
	close_batch(defer);
	run_due(defer);
}

void dp_defer_call(struct dp_defer *defer, void *p, void (*fn)(void *p))
{
	if (!p)
		return;
	if (!defer->open)
		defer->open = calloc(1, sizeof(*defer->open));
	if (!defer->open) {
		dp_wait_for_workers(defer->dp);
		fn(p);
		return;
	}
	defer->open->calls[defer->open->n++] = (struct call){ p, fn };
	if (defer->open->n == BATCH_LEN)
		dp_defer_poll(defer);
}

void dp_defer_free(struct dp_defer *defer)
{
	struct batch *batch;

	if (!defer)
		return;
	close_batch(defer);
	while ((batch = STAILQ_FIRST(&defer->closed))) {
		STAILQ_REMOVE_HEAD(&defer->closed, link);
		run(batch);
	}
	free(defer);
}
