/* SPDX-License-Identifier: BSD-3-Clause
 *
 * wake CPU EVENTFD MEMFD: sleep on a CPU as an adaptive worker does, in epoll on an edge-triggered
 * eventfd, and do nothing when woken but to count that in the first word of a memory. What it takes
 * to see the word change is what the machine takes, whatever a switch does then.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0) {
		perror("wake: sched_setaffinity");
		exit(1);
	}
}

static void count_wakes(int epoll_fd, _Atomic unsigned *wakes)
{
	struct epoll_event event;

	while (epoll_wait(epoll_fd, &event, 1, -1) == 1)
		atomic_fetch_add_explicit(wakes, 1, memory_order_release);
	perror("wake: epoll_wait");
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	void *memory;

	if (argc != 4) {
		fprintf(stderr, "usage: wake CPU EVENTFD MEMFD\n");
		return 2;
	}
	pin((unsigned)atoi(argv[1]));
	memory = mmap(NULL, sizeof(unsigned), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[3]), 0);
	if (memory == MAP_FAILED || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, atoi(argv[2]), &event) < 0) {
		perror("wake");
		return 1;
	}
	count_wakes(epoll_fd, memory);
	return 1;
}
