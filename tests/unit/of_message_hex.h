/* SPDX-License-Identifier: BSD-3-Clause
 *
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
}
