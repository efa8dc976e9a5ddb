/* SPDX-License-Identifier: BSD-3-Clause
 *
 * handoff CPU CPU: how far apart two CPUs are, as the cycles that a cache line takes from one to
 * the other. On a virtual machine this may change from one second to the next, when its host moves
 * it to other cores, and with it all that two CPUs do together.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <rte_cycles.h>

#define N_BLOCKS   40
#define BLOCK_LEN  500 /* there and back, so many times */
#define N_HANDOFFS (N_BLOCKS * BLOCK_LEN)

static _Atomic unsigned turn;

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0) {
		perror("handoff: sched_setaffinity");
		exit(1);
	}
}

static void *answer(void *arg)
{
	pin(*(unsigned *)arg);
	for (unsigned i = 0; i < N_HANDOFFS; i++) {
		while (atomic_load_explicit(&turn, memory_order_acquire) != 2 * i + 1)
			;
		atomic_store_explicit(&turn, 2 * i + 2, memory_order_release);
	}
	return NULL;
}

static void ask(unsigned i)
{
	atomic_store_explicit(&turn, 2 * i + 1, memory_order_release);
	while (atomic_load_explicit(&turn, memory_order_acquire) != 2 * i + 2)
		;
}

int main(int argc, char **argv)
{
	uint64_t best = UINT64_MAX;
	pthread_t other;
	unsigned cpu;

	if (argc != 3) {
		fprintf(stderr, "usage: handoff CPU CPU\n");
		return 2;
	}
	pin((unsigned)atoi(argv[1]));
	cpu = (unsigned)atoi(argv[2]);
	if (pthread_create(&other, NULL, answer, &cpu) != 0)
		return 1;
	/* The quickest block is one that nobody interrupted. */
	for (unsigned block = 0; block < N_BLOCKS; block++) {
		uint64_t begin = rte_rdtsc(), took;

		for (unsigned i = 0; i < BLOCK_LEN; i++)
			ask(block * BLOCK_LEN + i);
		took = rte_rdtsc() - begin;
		if (took < best)
			best = took;
	}
	pthread_join(other, NULL);
	printf("%llu\n", (unsigned long long)(best / (2 * BLOCK_LEN)));
	return 0;
}
