/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who was heard on a link by LLDP, until their time is up (IEEE 802.1AB-2016, 9.2.7.7.5). A
 * neighbour is known by its two ids together. One owner.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "link/lldp.h"

#define NS_PER_S UINT64_C(1000000000)

static bool same_id(const struct lldp_id *a, const struct lldp_id *b)
{
	return a->type == b->type && a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}

static int find(const struct lldp_neighbors *neighbors, const struct lldp_info *info)
{
	for (unsigned i = 0; i < neighbors->n; i++) {
		const struct lldp_info *other = &neighbors->of[i]->info;

		if (same_id(&other->chassis, &info->chassis) && same_id(&other->port, &info->port))
			return (int)i;
	}
	return -1;
}

static void drop(struct lldp_neighbors *neighbors, unsigned i)
{
	free(neighbors->of[i]);
	neighbors->n--;
	memmove(&neighbors->of[i], &neighbors->of[i + 1],
		(neighbors->n - i) * sizeof(neighbors->of[0]));
}

static void write_down(struct lldp_neighbor *to, const struct lldp_info *info, const uint8_t *frame,
	uint64_t now_ns)
{
	to->info = *info;
	memcpy(to->source, frame + 6, sizeof(to->source));
	to->heard_ns = now_ns;
	to->expires_ns = now_ns + info->ttl_s * NS_PER_S;
}

int lldp_neighbors_take(
	struct lldp_neighbors *neighbors, const uint8_t *frame, size_t n, uint64_t now_ns)
{
	struct lldp_neighbor *fresh;
	struct lldp_info info;
	int i;

	neighbors->n_received++;
	if (lldp_decode(frame, n, &info) < 0) {
		neighbors->n_discarded++;
		return -EBADMSG;
	}
	i = find(neighbors, &info);
	if (i >= 0 && info.ttl_s == 0)
		drop(neighbors, (unsigned)i);
	else if (i >= 0)
		write_down(neighbors->of[i], &info, frame, now_ns);
	if (i >= 0 || info.ttl_s == 0)
		return 0;
	if (neighbors->n == LLDP_MAX_NEIGHBORS) {
		neighbors->n_full++;
		return -ENOSPC;
	}
	fresh = malloc(sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	write_down(fresh, &info, frame, now_ns);
	neighbors->of[neighbors->n++] = fresh;
	return 1;
}

unsigned lldp_neighbors_age(struct lldp_neighbors *neighbors, uint64_t now_ns)
{
	unsigned n = 0;

	for (unsigned i = neighbors->n; i > 0; i--) {
		if (neighbors->of[i - 1]->expires_ns > now_ns)
			continue;
		drop(neighbors, i - 1);
		n++;
	}
	neighbors->n_aged += n;
	return n;
}

void lldp_neighbors_done(struct lldp_neighbors *neighbors)
{
	while (neighbors->n)
		drop(neighbors, neighbors->n - 1);
}
