/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Blocks of the pcapng format (draft-ietf-opsawg-pcapng), in this machine's byte order, into a
 * buffer that grows. Pure functions over memory.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct pcapng {
	uint8_t *bytes;
	size_t n, room;
};

struct pcapng_frame {
	uint64_t when_ns; /* since 1970 */
	const void *bytes;
	uint32_t n, len;     /* captured; as it was */
	uint32_t flags;      /* PCAPNG_* */
	const char *comment; /* NULL: none */
};

#define PCAPNG_IN  1u
#define PCAPNG_OUT 2u

/* errors of all: -ENOMEM; the buffer then ends with the block before. */

/** The section's header, and one interface: Ethernet, times in nanoseconds. */
int pcapng_begin(struct pcapng *out, const char *program, const char *interface, const char *filter,
	uint32_t snaplen);
int pcapng_frame(struct pcapng *out, const struct pcapng_frame *frame);

/** What the interface's capture has counted, and why it is over: NULL when somebody wanted it. */
int pcapng_counts(struct pcapng *out, uint64_t when_ns, uint64_t n_lost, const char *why);
void pcapng_done(struct pcapng *out);
