/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Things that have a number: found by it, and listed in its order. Groups and meters are kept so.
 */
#pragma once

#include <stdint.h>

struct of_id {
	uint32_t id;
	void *what;
};

struct of_ids {
	struct of_id *list; /* [n], lowest first */
	uint32_t n, room;
};

void of_ids_done(struct of_ids *ids);
void *of_ids_find(const struct of_ids *ids, uint32_t id);

/** errors: -ENOMEM. The id must not be there. */
int of_ids_insert(struct of_ids *ids, uint32_t id, void *what);

/** The id must be there. */
void of_ids_remove(struct of_ids *ids, uint32_t id);
