/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What every fuzz target includes: the function that libFuzzer calls, and the way to say that its
 * claim does not hold.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert: it must hold in every build. */
#define CHECK(claim)                                                                               \
	do {                                                                                       \
		if (!(claim)) {                                                                    \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #claim); \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The input as a text: up to its first 0, in memory of its own so that reading past it is found. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	size_t n = 0;
	char *text;

	while (n < size && data[n])
		n++;
	text = malloc(n + 1);
	CHECK(text);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)data[i];
	text[n] = '\0';
	return text;
}
