/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A block is its type, its length, a body, options, and its length once more; everything is padded
 * to 32 bits. Times stand in two halves, the high one first. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pcapng.h"

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_COUNTS = 5,
	BLOCK_FRAME = 6,
};

enum {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_APPLICATION = 4,
	IF_NAME = 2,
	IF_TIME_RESOLUTION = 9,
	IF_FILTER = 11,
	EPB_FLAGS = 2,
	ISB_LOST = 5, /* isb_ifdrop */
};

#define ETHERNET         1
#define NANOSECONDS      9 /* 10^-9 s */
#define BYTE_ORDER_MAGIC 0x1a2b3c4du

/* Once there is no memory the block is given up at its end. */
struct block {
	struct pcapng *out;
	size_t begin;
	int error;
};

static void put(struct block *b, const void *bytes, size_t n)
{
	struct pcapng *out = b->out;
	size_t padded = (n + 3) & ~(size_t)3;

	if (b->error == 0 && out->n + padded > out->room) {
		size_t room = (out->n + padded) * 2;
		uint8_t *grown = realloc(out->bytes, room);

		if (grown) {
			out->bytes = grown;
			out->room = room;
		} else {
			b->error = -ENOMEM;
		}
	}
	if (b->error < 0)
		return;
	if (n)
		memcpy(out->bytes + out->n, bytes, n);
	memset(out->bytes + out->n + n, 0, padded - n);
	out->n += padded;
}

static void put_u32(struct block *b, uint32_t value)
{
	put(b, &value, sizeof(value));
}

static void put_time(struct block *b, uint64_t when_ns)
{
	put_u32(b, (uint32_t)(when_ns >> 32));
	put_u32(b, (uint32_t)when_ns);
}

static void put_option(struct block *b, uint16_t code, const void *value, size_t n)
{
	put_u32(b, (uint32_t)code | (uint32_t)n << 16);
	put(b, value, n);
}

static void put_text(struct block *b, uint16_t code, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n)
		put_option(b, code, text, n < UINT16_MAX ? n : UINT16_MAX);
}

static struct block begin(struct pcapng *out, uint32_t type)
{
	struct block b = { .out = out, .begin = out->n };

	put_u32(&b, type);
	put_u32(&b, 0); /* the length, known at the end */
	return b;
}

static int end(struct block *b)
{
	uint32_t len;

	put_u32(b, OPT_END);
	len = (uint32_t)(b->out->n - b->begin + sizeof(len));
	put_u32(b, len);
	if (b->error == 0)
		memcpy(b->out->bytes + b->begin + 4, &len, sizeof(len));
	else
		b->out->n = b->begin;
	return b->error;
}

static int put_section(struct pcapng *out, const char *program)
{
	static const uint16_t version[] = { 1, 0 };
	static const uint64_t unknown_length = UINT64_MAX;
	struct block b = begin(out, BLOCK_SECTION);

	put_u32(&b, BYTE_ORDER_MAGIC);
	put(&b, version, sizeof(version));
	put(&b, &unknown_length, sizeof(unknown_length));
	put_text(&b, SHB_APPLICATION, program);
	return end(&b);
}

static int put_interface(
	struct pcapng *out, const char *interface, const char *filter, uint32_t snaplen)
{
	static const uint8_t resolution = NANOSECONDS;
	struct block b = begin(out, BLOCK_INTERFACE);
	char expression[1024] = { 0 }; /* its first byte says: a text for libpcap */

	put_u32(&b, ETHERNET);
	put_u32(&b, snaplen);
	put_text(&b, IF_NAME, interface);
	put_option(&b, IF_TIME_RESOLUTION, &resolution, sizeof(resolution));
	if (filter) {
		strncpy(expression + 1, filter, sizeof(expression) - 2);
		put_option(&b, IF_FILTER, expression, 1 + strlen(expression + 1));
	}
	return end(&b);
}

int pcapng_begin(struct pcapng *out, const char *program, const char *interface, const char *filter,
	uint32_t snaplen)
{
	int r = put_section(out, program);

	return r < 0 ? r : put_interface(out, interface, filter, snaplen);
}

int pcapng_frame(struct pcapng *out, const struct pcapng_frame *frame)
{
	struct block b = begin(out, BLOCK_FRAME);

	put_u32(&b, 0); /* the interface */
	put_time(&b, frame->when_ns);
	put_u32(&b, frame->n);
	put_u32(&b, frame->len);
	put(&b, frame->bytes, frame->n);
	put_text(&b, OPT_COMMENT, frame->comment);
	put_option(&b, EPB_FLAGS, &frame->flags, sizeof(frame->flags));
	return end(&b);
}

int pcapng_counts(struct pcapng *out, uint64_t when_ns, uint64_t n_lost, const char *why)
{
	struct block b = begin(out, BLOCK_COUNTS);

	put_u32(&b, 0);
	put_time(&b, when_ns);
	put_text(&b, OPT_COMMENT, why);
	put_option(&b, ISB_LOST, &n_lost, sizeof(n_lost));
	return end(&b);
}

void pcapng_done(struct pcapng *out)
{
	free(out->bytes);
	*out = (struct pcapng){ 0 };
}
