/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Cutting a byte stream into lines. Pure over its buffer, which never grows past one line and one
 * push; the owner of the connection calls it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/rpc.h"

#define START_SIZE 4096

void api_lines_init(struct api_lines *lines)
{
	memset(lines, 0, sizeof(*lines));
}

void api_lines_done(struct api_lines *lines)
{
	free(lines->data);
	api_lines_init(lines);
}

static void drop_taken(struct api_lines *lines)
{
	if (lines->start == 0)
		return;
	memmove(lines->data, lines->data + lines->start, lines->len - lines->start);
	lines->len -= lines->start;
	lines->scanned -= lines->start;
	lines->start = 0;
}

int api_lines_push(struct api_lines *lines, const void *bytes, size_t n)
{
	size_t need, size = lines->size ? lines->size : START_SIZE;

	if (n == 0)
		return 0;
	drop_taken(lines);
	if (__builtin_add_overflow(lines->len, n, &need) || need > SIZE_MAX / 2)
		return -ENOMEM;
	while (size < need)
		size *= 2;
	if (size != lines->size) {
		char *data = realloc(lines->data, size);

		if (!data)
			return -ENOMEM;
		lines->data = data;
		lines->size = size;
	}
	memcpy(lines->data + lines->len, bytes, n);
	lines->len += n;
	return 0;
}

int api_lines_next(struct api_lines *lines, const char **ret_line, size_t *ret_len)
{
	const char *end = NULL;

	if (lines->scanned < lines->len)
		end = memchr(lines->data + lines->scanned, '\n', lines->len - lines->scanned);
	if (!end) {
		lines->scanned = lines->len;
		return lines->len - lines->start > API_MAX_LINE ? -EMSGSIZE : 0;
	}
	if ((size_t)(end - (lines->data + lines->start)) > API_MAX_LINE)
		return -EMSGSIZE;
	*ret_line = lines->data + lines->start;
	*ret_len = (size_t)(end - *ret_line);
	lines->start += *ret_len + 1;
	lines->scanned = lines->start;
	return 1;
}
