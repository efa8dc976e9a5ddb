/* SPDX-License-Identifier: BSD-3-Clause
 *
 * epoll, one event at a time: an event that another one has made void is never delivered.
 */
#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop.h"

static void on_stop(void *ctx)
{
	struct vmm_loop *loop = ctx;

	loop->stopped = true;
}

int vmm_loop_init(struct vmm_loop *loop)
{
	*loop = (struct vmm_loop){ 0 };
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->stop = (struct vmm_source){ loop->stop_fd, on_stop, loop };
	if (loop->epoll_fd >= 0 && loop->stop_fd >= 0 &&
		vmm_loop_add(loop, &loop->stop, EPOLLIN) == 0)
		return 0;
	vmm_loop_done(loop);
	return -EMFILE;
}

void vmm_loop_done(struct vmm_loop *loop)
{
	if (loop->has_thread) {
		(void)eventfd_write(loop->stop_fd, 1);
		pthread_join(loop->thread, NULL);
		loop->has_thread = false;
	}
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	if (loop->stop_fd >= 0)
		close(loop->stop_fd);
	loop->epoll_fd = loop->stop_fd = -1;
}

static int control(struct vmm_loop *loop, int op, struct vmm_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(loop->epoll_fd, op, source->fd, &event) < 0 ? -errno : 0;
}

int vmm_loop_add(struct vmm_loop *loop, struct vmm_source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_ADD, source, events);
}

int vmm_loop_mod(struct vmm_loop *loop, struct vmm_source *source, uint32_t events)
{
	return control(loop, EPOLL_CTL_MOD, source, events);
}

void vmm_loop_del(struct vmm_loop *loop, struct vmm_source *source)
{
	(void)control(loop, EPOLL_CTL_DEL, source, 0);
}

bool vmm_loop_once(struct vmm_loop *loop, int timeout_ms)
{
	struct epoll_event event;
	struct vmm_source *source;
	int n;

	do
		n = epoll_wait(loop->epoll_fd, &event, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	source = event.data.ptr;
	source->fn(source->ctx);
	return true;
}

struct start {
	struct vmm_loop *loop;
	void (*enter)(void);
	pthread_barrier_t entered;
};

static void *run(void *ctx)
{
	struct start *start = ctx;
	struct vmm_loop *loop = start->loop;

	if (start->enter)
		start->enter();
	pthread_barrier_wait(&start->entered);
	while (!loop->stopped)
		(void)vmm_loop_once(loop, -1);
	return NULL;
}

/* Signals are the main thread's. */
int vmm_loop_start(struct vmm_loop *loop, const char *name, void (*enter)(void))
{
	struct start start = { .loop = loop, .enter = enter };
	sigset_t all, before;
	int r;

	pthread_barrier_init(&start.entered, NULL, 2);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&loop->thread, NULL, run, &start);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0) {
		loop->has_thread = true;
		(void)pthread_setname_np(loop->thread, name);
		pthread_barrier_wait(&start.entered);
	}
	pthread_barrier_destroy(&start.entered);
	return -r;
}
