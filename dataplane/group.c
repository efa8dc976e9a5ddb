/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups as the control thread makes and changes them: the list of buckets is replaced as a whole.
 */
#include <errno.h>
#include <stdlib.h>

#include "pipeline.h"

int dp_group_new(struct dp_bridge *bridge, struct dp_group **ret)
{
	struct dp_group *group = calloc(1, sizeof(*group));
	int r;

	if (!group)
		return -ENOMEM;
	group->bridge = bridge;
	r = dp_slot_take(bridge->dp->counts, &group->slot);
	if (r < 0) {
		free(group);
		return r;
	}
	*ret = group;
	return 0;
}

static void buckets_release(struct dp *dp, struct dp_buckets *buckets)
{
	if (!buckets)
		return;
	for (unsigned i = 0; i < buckets->n; i++) {
		dp_defer_call(dp->defer, buckets->of[i].program, free);
		dp_slot_defer(dp, buckets->of[i].slot);
	}
	dp_defer_call(dp->defer, buckets, free);
}

static int take_slots(struct dp *dp, struct dp_buckets *buckets)
{
	for (unsigned i = 0; i < buckets->n; i++) {
		int r = dp_slot_take(dp->counts, &buckets->of[i].slot);

		if (r == 0)
			continue;
		while (i-- > 0)
			dp_slot_give(dp->counts, buckets->of[i].slot);
		return r;
	}
	return 0;
}

int dp_group_stage(struct dp_group *group, enum dp_group_type type,
	const struct dp_bucket_conf *buckets, unsigned n, struct dp_buckets **ret)
{
	struct dp *dp = group->bridge->dp;
	struct dp_buckets *fresh = calloc(1, sizeof(*fresh) + n * sizeof(fresh->of[0]));
	int r;

	if (!fresh)
		return -ENOMEM;
	fresh->type = (uint8_t)type;
	fresh->n = n;
	r = take_slots(dp, fresh);
	if (r < 0) {
		free(fresh);
		return r;
	}
	for (unsigned i = 0; i < n; i++) {
		fresh->of[i].id = buckets[i].id;
		fresh->of[i].weight = buckets[i].weight;
		fresh->of[i].watch_port = buckets[i].watch_port;
		fresh->of[i].watch_group = buckets[i].watch_group;
		fresh->of[i].program = buckets[i].program;
	}
	*ret = fresh;
	return 0;
}

void dp_group_apply(struct dp_group *group, struct dp_buckets *staged)
{
	buckets_release(group->bridge->dp,
		atomic_exchange_explicit(&group->buckets, staged, memory_order_acq_rel));
}

void dp_group_unstage(struct dp_group *group, struct dp_buckets *staged)
{
	buckets_release(group->bridge->dp, staged);
}

int dp_group_set(struct dp_group *group, enum dp_group_type type,
	const struct dp_bucket_conf *buckets, unsigned n)
{
	struct dp_buckets *fresh;
	int r = dp_group_stage(group, type, buckets, n, &fresh);

	if (r == 0)
		dp_group_apply(group, fresh);
	return r;
}

void dp_group_empty(struct dp_group *group)
{
	buckets_release(group->bridge->dp,
		atomic_exchange_explicit(&group->buckets, NULL, memory_order_acq_rel));
}

void dp_group_free(struct dp_group *group)
{
	struct dp *dp;

	if (!group)
		return;
	dp = group->bridge->dp;
	buckets_release(dp, atomic_load(&group->buckets));
	dp_slot_defer(dp, group->slot);
	dp_defer_call(dp->defer, group, free);
}

void dp_group_get_counts(
	const struct dp_group *group, struct dp_counts *ret, struct dp_counts *buckets)
{
	const struct dp *dp = group->bridge->dp;
	const struct dp_buckets *of = atomic_load(&group->buckets);
	uint32_t now_s = atomic_load(&dp->now_s);

	*ret = (struct dp_counts){ .age_s = UINT32_MAX };
	dp_slot_read(dp->counts, group->slot, now_s, ret);
	for (unsigned i = 0; of && i < of->n; i++) {
		buckets[i] = (struct dp_counts){ .age_s = UINT32_MAX };
		dp_slot_read(dp->counts, of->of[i].slot, now_s, &buckets[i]);
	}
}
