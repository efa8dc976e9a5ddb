/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How many flows of a group have which priority: two levels of counts, so that the highest is found
 * in a few steps whatever leaves. Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "classifier_private.h"

#define PAGE_BYTES (256 * sizeof(uint32_t))

void dp_priorities_done(struct dp_priorities *p)
{
	for (unsigned i = 0; i < 256; i++)
		free(p->pages[i]);
}

int dp_priorities_add(struct dp_priorities *p, uint16_t priority)
{
	uint32_t **page = &p->pages[priority >> 8];

	if (!*page)
		*page = calloc(1, PAGE_BYTES);
	if (!*page)
		return -ENOMEM;
	(*page)[priority & 0xff]++;
	p->n_in[priority >> 8]++;
	if (priority >= p->above)
		p->above = priority + 1;
	return 0;
}

static int find_above(const struct dp_priorities *p)
{
	for (int i = 255; i >= 0; i--)
		for (int j = 255; p->n_in[i] && j >= 0; j--)
			if (p->pages[i][j])
				return (i << 8 | j) + 1;
	return 0;
}

void dp_priorities_del(struct dp_priorities *p, uint16_t priority)
{
	uint32_t **page = &p->pages[priority >> 8];
	bool was_last = --(*page)[priority & 0xff] == 0;

	if (--p->n_in[priority >> 8] == 0) {
		free(*page);
		*page = NULL;
	}
	if (was_last && priority + 1 == p->above)
		p->above = find_above(p);
}

size_t dp_priorities_n_bytes(const struct dp_priorities *p)
{
	size_t n = 0;

	for (unsigned i = 0; i < 256; i++)
		n += p->pages[i] ? PAGE_BYTES : 0;
	return n;
}
