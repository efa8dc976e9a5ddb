/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A sorted array of numbers and what they stand for. Control thread.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "ids.h"

#define FIRST_ROOM 16

void of_ids_done(struct of_ids *ids)
{
	free(ids->list);
	*ids = (struct of_ids){ 0 };
}

/* Where the id is, or would be. */
static uint32_t place(const struct of_ids *ids, uint32_t id)
{
	uint32_t low = 0, high = ids->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ids->list[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void *of_ids_find(const struct of_ids *ids, uint32_t id)
{
	uint32_t at = place(ids, id);

	return at < ids->n && ids->list[at].id == id ? ids->list[at].what : NULL;
}

static int make_room(struct of_ids *ids)
{
	uint32_t room = ids->room ? 2 * ids->room : FIRST_ROOM;
	struct of_id *list;

	if (ids->n < ids->room)
		return 0;
	list = realloc(ids->list, room * sizeof(*list));
	if (!list)
		return -ENOMEM;
	ids->list = list;
	ids->room = room;
	return 0;
}

int of_ids_insert(struct of_ids *ids, uint32_t id, void *what)
{
	uint32_t at = place(ids, id);

	if (make_room(ids) < 0)
		return -ENOMEM;
	memmove(ids->list + at + 1, ids->list + at, (ids->n - at) * sizeof(*ids->list));
	ids->list[at] = (struct of_id){ id, what };
	ids->n++;
	return 0;
}

void of_ids_remove(struct of_ids *ids, uint32_t id)
{
	uint32_t at = place(ids, id);

	memmove(ids->list + at, ids->list + at + 1, (ids->n - at - 1) * sizeof(*ids->list));
	ids->n--;
}
