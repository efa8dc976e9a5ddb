/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bytes on their way out and in: the growing buffer that encoders and printers append to, and the
 * cursor that decoders take from. Whoever owns the buffer uses it, on whatever thread.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ofproto/buf.h"

#define MIN_ROOM 256

void of_buf_done(struct of_buf *buf)
{
	free(buf->data);
	*buf = (struct of_buf){ 0 };
}

/* Room for n more bytes: twice as much each time, so that appending is linear in all. */
static bool grow(struct of_buf *buf, size_t n)
{
	size_t room = buf->room ? buf->room : MIN_ROOM;
	uint8_t *data;

	if (n > SIZE_MAX / 4 - buf->len)
		return false;
	while (room < buf->len + n)
		room *= 2;
	data = realloc(buf->data, room);
	if (!data)
		return false;
	buf->data = data;
	buf->room = room;
	return true;
}

static bool has_room(struct of_buf *buf, size_t n)
{
	if (!buf->failed && (!buf->data || n > buf->room - buf->len) && !grow(buf, n))
		buf->failed = true;
	return !buf->failed;
}

void *of_buf_add(struct of_buf *buf, size_t n)
{
	uint8_t *at;

	if (!has_room(buf, n))
		return NULL;
	at = buf->data + buf->len;
	memset(at, 0, n);
	buf->len += n;
	return at;
}

void of_buf_put(struct of_buf *buf, const void *bytes, size_t n)
{
	if (n == 0 || !has_room(buf, n))
		return;
	memcpy(buf->data + buf->len, bytes, n);
	buf->len += n;
}

void of_buf_put_u8(struct of_buf *buf, uint8_t v)
{
	of_buf_put(buf, &v, 1);
}

void of_buf_put_u16(struct of_buf *buf, uint16_t v)
{
	uint8_t b[] = { (uint8_t)(v >> 8), (uint8_t)v };

	of_buf_put(buf, b, sizeof(b));
}

void of_buf_put_u32(struct of_buf *buf, uint32_t v)
{
	of_buf_put_u16(buf, (uint16_t)(v >> 16));
	of_buf_put_u16(buf, (uint16_t)v);
}

void of_buf_put_u64(struct of_buf *buf, uint64_t v)
{
	of_buf_put_u32(buf, (uint32_t)(v >> 32));
	of_buf_put_u32(buf, (uint32_t)v);
}

void of_buf_pad8(struct of_buf *buf, size_t start)
{
	if (!buf->failed && start <= buf->len)
		of_buf_add(buf, (8 - (buf->len - start) % 8) % 8);
}

void of_buf_set_u16(struct of_buf *buf, size_t at, uint16_t v)
{
	if (buf->failed || buf->len < 2 || at > buf->len - 2)
		return;
	buf->data[at] = (uint8_t)(v >> 8);
	buf->data[at + 1] = (uint8_t)v;
}

void of_buf_puts(struct of_buf *buf, const char *text)
{
	of_buf_put(buf, text, strlen(text));
}

void of_buf_printf(struct of_buf *buf, const char *format, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n > 0)
		of_buf_put(buf, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

void of_buf_chomp(struct of_buf *buf, size_t start, char c)
{
	if (!buf->failed && buf->len > start && buf->data[buf->len - 1] == (uint8_t)c)
		buf->len--;
}

const uint8_t *of_take(struct of_cursor *c, size_t n)
{
	const uint8_t *at = c->at;

	if (n > c->left)
		return NULL;
	c->at += n;
	c->left -= n;
	return at;
}

uint16_t of_get_u16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] << 8 | b[1]);
}

uint32_t of_get_u32(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)of_get_u16(b) << 16 | of_get_u16(b + 2);
}

uint64_t of_get_u64(const void *p)
{
	const uint8_t *b = p;

	return (uint64_t)of_get_u32(b) << 32 | of_get_u32(b + 4);
}
