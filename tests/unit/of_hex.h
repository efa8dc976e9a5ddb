/* SPDX-License-Identifier: BSD-3-Clause
 *
<<<<<<< HEAD
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
=======
 * Messages as hexadecimal text, with blanks where they help to read, for tests of OpenFlow.
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "unit.h"

#include "ofproto/version.h"

/* Bytes of a text; blanks do not count. */
static inline size_t of_unhex(const char *hex, uint8_t *ret, size_t room)
{
	size_t n = 0;
	unsigned byte;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		assert_true(n < room);
		ret[n++] = (uint8_t)byte;
		hex++;
	}
	return n;
}

/* The buffer holds just these bytes; it is emptied. */
static inline void of_assert_bytes(struct of_buf *out, const char *hex)
{
	uint8_t want[4096];
	size_t n = of_unhex(hex, want, sizeof(want));

	assert_false(out->failed);
	if (out->len != n || memcmp(out->data, want, n) != 0) {
		for (size_t i = 0; i < out->len; i++)
			print_error("%02x", out->data[i]);
		print_error("\nis not\n%s\n", hex);
	}
	assert_int_equal(out->len, n);
	assert_memory_equal(out->data, want, n);
	of_buf_done(out);
>>>>>>> of-msgs
}
