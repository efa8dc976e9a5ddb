/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A byte buffer that grows, for messages on their way out, and a cursor over bytes that came in.
 * Values are put and taken big endian.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct of_buf {
	uint8_t *data;
	size_t len, room; /* bytes */
	bool failed;      /* out of memory: what was put since is lost */
};

void of_buf_done(struct of_buf *buf);

/**
 * Append n bytes, zeroed, and return where they are until the next append.
 *
 * return:  NULL when out of memory; the buffer then stays failed, so a caller may check at the end
 * thread:  the owner
 */
void *of_buf_add(struct of_buf *buf, size_t n);
void of_buf_put(struct of_buf *buf, const void *bytes, size_t n);
void of_buf_put_u8(struct of_buf *buf, uint8_t v);
void of_buf_put_u16(struct of_buf *buf, uint16_t v);
void of_buf_put_u32(struct of_buf *buf, uint32_t v);
void of_buf_put_u64(struct of_buf *buf, uint64_t v);

/** Zeros until the length from start on is a multiple of 8. */
void of_buf_pad8(struct of_buf *buf, size_t start);

/** Write a 16-bit value at an offset that is there already: a length known only now. */
void of_buf_set_u16(struct of_buf *buf, size_t at, uint16_t v);

/* Text, without a final 0. At most 255 bytes a call of printf. */
void of_buf_puts(struct of_buf *buf, const char *text);
void of_buf_printf(struct of_buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** Take the last byte off if it is c and not before start: a comma too many. */
void of_buf_chomp(struct of_buf *buf, size_t start, char c);

struct of_cursor {
	const uint8_t *at;
	size_t left; /* bytes */
};

/** Take n bytes off the front; NULL, and nothing taken, when fewer are left. */
const uint8_t *of_take(struct of_cursor *c, size_t n);
uint16_t of_get_u16(const void *p);
uint32_t of_get_u32(const void *p);
uint64_t of_get_u64(const void *p);
