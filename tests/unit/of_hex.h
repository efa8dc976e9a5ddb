/* SPDX-License-Identifier: BSD-3-Clause
 *
 * OpenFlow's bytes as tests write and compare them: hexadecimal digits, blanks where they help.
 */
#pragma once

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ofproto/buf.h"
#include "ofproto/error.h"

struct hex {
	uint8_t bytes[2048];
	size_t n;
};

static inline struct hex hex(const char *text)
{
	struct hex h = { .n = 0 };

	for (; *text; text++) {
		char digits[3] = { text[0], text[1] };

		if (isspace((unsigned char)*text))
			continue;
		assert_true(h.n < sizeof(h.bytes));
		h.bytes[h.n++] = (uint8_t)strtoul(digits, NULL, 16);
		text++;
	}
	return h;
}

static inline void assert_bytes(const struct of_buf *buf, const char *expected)
{
	struct hex h = hex(expected);

	assert_false(buf->failed);
	assert_int_equal(buf->len, h.n);
	if (h.n)
		assert_memory_equal(buf->data, h.bytes, h.n);
}

static inline void assert_text(const struct of_buf *buf, const char *expected)
{
	char text[1024];

	assert_false(buf->failed);
	snprintf(text, sizeof(text), "%.*s", (int)buf->len, buf->data ? (char *)buf->data : "");
	assert_string_equal(text, expected);
}

static inline void assert_err(const struct of_err *err, const char *expected)
{
	assert_string_equal(of_err_name(err), expected);
}
