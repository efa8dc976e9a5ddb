/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is in a stream of pcapng, by its blocks as they pass: how many frames, and what its writer
 * says at the end. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally {
	uint64_t n_frames;
	uint64_t n_lost; /* that the writer had to leave out */
	char why[128];   /* it ended, in its words; "" by request */
	bool is_whole;   /* the writer has said that this is the end */

	uint32_t n, len;    /* bytes of the block that passes: so far, in all */
	uint8_t block[512]; /* how it begins */
};

/** The next bytes of the stream, however cut. tally begins zero. */
void tally_pass(struct tally *t, const void *bytes, size_t n);
