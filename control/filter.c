/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A thread that compiles one filter and says so by an eventfd. Nobody can end it while it waits for
 * a name server, so what it works on lasts until both it and the control thread are done with it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "change.h"
#include "dataplane/capture.h"
#include "filter.h"

struct filtering {
	LIST_ENTRY(filtering) link;
	sd_event_source *io;
	filter_done_fn *done;
	void *ctx;
	_Atomic int n_users;
	int fd; /* readable when what follows is the control thread's */

	char *text;
	uint32_t snaplen;
	struct dp_filter *filter;
	struct sh_err err;
	int r;
};

static void leave(struct filtering *f)
{
	if (atomic_fetch_sub(&f->n_users, 1) > 1)
		return;
	dp_filter_free(f->filter);
	if (f->fd >= 0)
		close(f->fd);
	free(f->text);
	free(f);
}

static void *compile(void *arg)
{
	static const uint64_t one = 1;
	struct filtering *f = arg;

	f->r = dp_filter_new(f->text, f->snaplen, &f->filter, &f->err);
	while (write(f->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	leave(f);
	return NULL;
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct filtering *f = ctx;
	struct dp_filter *filter = f->filter;

	f->filter = NULL;
	LIST_REMOVE(f, link);
	sd_event_source_disable_unref(f->io);
	f->done(f->ctx, f->r, filter, &f->err);
	leave(f);
	return 0;
}

static int start_thread(struct filtering *f)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r = pthread_attr_init(&attr);

	if (r == 0) {
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		atomic_fetch_add(&f->n_users, 1);
		r = pthread_create(&thread, &attr, compile, f);
		if (r)
			atomic_fetch_sub(&f->n_users, 1);
		pthread_attr_destroy(&attr);
	}
	return -r;
}

int filter_compile(struct ctl *ctl, const char *text, uint32_t snaplen, filter_done_fn *done,
	void *ctx, struct sh_err *err)
{
	struct filtering *f = calloc(1, sizeof(*f));
	int r = -ENOMEM;

	if (!f)
		return sh_err_set(err, r, "out of memory");
	f->done = done;
	f->ctx = ctx;
	f->snaplen = snaplen;
	f->n_users = 1;
	f->text = strdup(text);
	f->fd = eventfd(0, EFD_CLOEXEC);
	if (f->fd >= 0 && f->text)
		r = sd_event_add_io(ctl->sw.event, &f->io, f->fd, EPOLLIN, on_done, f);
	if (r >= 0)
		r = start_thread(f);
	if (r < 0) {
		sd_event_source_disable_unref(f->io);
		leave(f);
		return sh_err_set(err, r, "cannot compile a filter: %s", strerror(-r));
	}
	LIST_INSERT_HEAD(&ctl->filterings, f, link);
	return 0;
}

void filter_leave_all(struct ctl *ctl)
{
	static const struct sh_err over = { "shuntd ends" };
	struct filtering *f;

	while ((f = LIST_FIRST(&ctl->filterings))) {
		LIST_REMOVE(f, link);
		sd_event_source_disable_unref(f->io);
		f->done(f->ctx, -ECANCELED, NULL, &over);
		leave(f);
	}
}
