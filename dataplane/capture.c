/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Captures: a ring a worker, of records one after the other, mapped twice in a row so that a record
 * never has to be cut. The worker of the ring is its only writer, the control thread its only
 * reader. Whatever is allocated, compiled or mapped here is so by the control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <rte_cycles.h>

#include "base/cleanup.h"
#include "capture.h"
#include "clock.h"
#include "dp_private.h"
#include "filter.h"

#define RING_BYTES    (8u << 20) /* a power of two, and of whole pages */
#define DRAIN_AT_ONCE 8192       /* records */

struct record {
	uint64_t tsc;
	uint32_t n, len;
	uint8_t direction, drop;
	uint8_t bytes[];
};

struct ring {
	uint8_t *at; /* RING_BYTES, twice */
	uint64_t lost __rte_cache_aligned;
	_Atomic uint64_t written; /* bytes ever */
	_Atomic uint64_t read __rte_cache_aligned;
};

struct dp_capture {
	struct dp_capture *next; /* of the same port */
	struct dp_port *port;    /* NULL: gone, or stopped */
	struct dp *dp;
	unsigned directions;
	uint32_t snaplen;
	bool is_leaked;           /* workers may still be at it */
	struct dp_filter *filter; /* NULL: all frames */
	struct dp_clock clock;
	uint64_t n_refused; /* frames that whoever drains did not take */
	struct ring rings[DP_MAX_WORKERS];
};

static struct ring *ring_of(struct dp_capture *c, unsigned worker)
{
	return &c->rings[worker];
}

static uint32_t record_bytes(uint32_t n)
{
	return RTE_ALIGN_CEIL((uint32_t)sizeof(struct record) + n, 8u);
}

/* return: bytes copied, at most `most` */
static uint32_t copy_pieces(uint8_t *to, uint32_t most, const struct iovec *iov, unsigned n)
{
	uint32_t done = 0;

	for (unsigned i = 0; i < n && done < most; i++) {
		uint32_t len = (uint32_t)RTE_MIN((size_t)(most - done), iov[i].iov_len);

		memcpy(to + done, iov[i].iov_base, len);
		done += len;
	}
	return done;
}

/* The filter looks at the copy: what a guest changes meanwhile fools nobody. It may look behind
 * what is to be kept. */
static void put(struct dp_capture *c, struct ring *ring, const struct record *what,
	const struct iovec *iov, unsigned n_iov)
{
	uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
	uint64_t used = written - atomic_load_explicit(&ring->read, memory_order_acquire);
	uint32_t most = c->filter ? what->len : RTE_MIN(what->len, c->snaplen);
	struct record *r = (struct record *)(ring->at + written % RING_BYTES);

	if (!ring->at) /* a worker that is younger than the capture */
		return;
	if (record_bytes(most) > RING_BYTES - used) {
		ring->lost++;
		return;
	}
	*r = *what;
	r->n = copy_pieces(r->bytes, most, iov, n_iov);
	if (c->filter && !dp_filter_takes(c->filter, r->bytes, r->n, r->len))
		return;
	r->n = RTE_MIN(r->n, c->snaplen);
	atomic_store_explicit(&ring->written, written + record_bytes(r->n), memory_order_release);
}

static void put_item(struct dp_worker *w, struct dp_capture *c, const struct dp_item *item,
	const struct record *what)
{
	struct iovec iov[DP_MAX_PIECES];
	uint8_t head[DP_HEAD_MAX + 4];
	unsigned n = item->len ? dp_item_iov(item, head, iov, DP_MAX_PIECES) : 0;

	put(c, ring_of(c, w->index), what, iov, n);
}

static void put_all(struct dp_worker *w, const struct dp_snap_port *port,
	const struct dp_item *item, const struct record *what)
{
	for (struct dp_capture *c = port->captures; c; c = c->next)
		if (c->directions & what->direction)
			put_item(w, c, item, what);
}

void dp_capture_received(
	struct dp_worker *w, const struct dp_snap_port *in, const uint8_t *why, uint64_t now)
{
	for (unsigned i = 0; i < w->burst.n; i++) {
		const struct dp_frame *f = &w->burst.frames[i];
		const struct dp_item item = { .frame = f, .len = f->len, .tag_op = DP_TAG_KEEP };
		const struct record what = {
			.tsc = now,
			.len = f->len,
			.direction = DP_CAPTURE_IN,
			.drop = f->refused_plus1 ? (uint8_t)(f->refused_plus1 - 1) : why[i],
		};

		put_all(w, in, &item, &what);
	}
}

void dp_capture_sent(struct dp_worker *w, const struct dp_snap_port *out,
	const struct dp_item *items, unsigned n)
{
	uint64_t now = rte_rdtsc();

	for (unsigned i = 0; i < n; i++) {
		const struct record what = {
			.tsc = now,
			.len = items[i].len,
			.direction = DP_CAPTURE_OUT,
			.drop = items[i].drop,
		};

		put_all(w, out, &items[i], &what);
	}
}

/* Control thread */

static int map_ring(struct ring *ring)
{
	_cleanup_close_ int fd = memfd_create("shunt-capture", MFD_CLOEXEC);
	uint8_t *at;

	if (fd < 0 || ftruncate(fd, RING_BYTES) < 0)
		return -errno;
	at = mmap(NULL, 2 * (size_t)RING_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	ring->at = at;
	for (unsigned i = 0; i < 2; i++)
		if (mmap(at + i * (size_t)RING_BYTES, RING_BYTES, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) == MAP_FAILED)
			return -errno;
	return 0;
}

static void release(struct dp_capture *c)
{
	dp_filter_free(c->filter);
	for (unsigned i = 0; i < DP_MAX_WORKERS; i++)
		if (c->rings[i].at)
			munmap(c->rings[i].at, 2 * (size_t)RING_BYTES);
	free(c);
}

static int fill(struct dp_capture *c, struct sh_err *err)
{
	int r = 0;

	for (unsigned i = 0; i < c->dp->n_workers && r == 0; i++) {
		r = map_ring(ring_of(c, i));
		if (r < 0)
			sh_err_set(err, r, "no memory for a capture: %s", strerror(-r));
	}
	dp_clock_read(&c->clock, c->dp->tsc_hz);
	return r;
}

int dp_capture_new(struct dp_port *port, const struct dp_capture_conf *conf, struct sh_err *err,
	struct dp_capture **ret)
{
	struct dp_capture *c = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*c), 64));
	int r;

	if (!c)
		return sh_err_set(err, -ENOMEM, "no memory for a capture");
	memset(c, 0, sizeof(*c));
	c->dp = port->dp;
	c->directions = conf->directions;
	c->snaplen = conf->snaplen;
	r = fill(c, err);
	if (r < 0) {
		release(c);
		return r;
	}
	c->port = port;
	c->filter = conf->filter;
	c->next = port->captures;
	port->captures = c;
	r = dp_commit(port->dp, err);
	if (r < 0) {
		port->captures = c->next;
		c->filter = NULL;
		release(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* Workers may be walking along the chain: it is whole at every moment, and they are waited for.
 * return: false when they still may begin at this one */
static bool unlink_capture(struct dp_capture *c)
{
	struct dp_capture **at = &c->port->captures;

	while (*at != c)
		at = &(*at)->next;
	__atomic_store_n(at, c->next, __ATOMIC_RELEASE);
	return dp_commit(c->dp, NULL) == 0;
}

void dp_capture_stop(struct dp_capture *c)
{
	if (c->port && !unlink_capture(c))
		c->is_leaked = true; /* better than freed */
	c->port = NULL;
}

void dp_capture_free(struct dp_capture *c)
{
	if (!c)
		return;
	dp_capture_stop(c);
	if (!c->is_leaked)
		release(c);
}

void dp_capture_port_gone(struct dp_port *port)
{
	for (struct dp_capture *c = port->captures; c; c = c->next)
		c->port = NULL;
	port->captures = NULL;
}

struct place {
	const struct record *record;
	struct ring *ring;
	uint64_t end; /* of the record, as ring->read counts */
};

static int by_time(const void *a, const void *b)
{
	uint64_t x = ((const struct place *)a)->record->tsc;
	uint64_t y = ((const struct place *)b)->record->tsc;

	return (x > y) - (x < y);
}

/* return: how many of the ring's records are now in places, beyond the n of other rings */
static unsigned collect(struct ring *ring, struct place *places, unsigned room)
{
	uint64_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);
	uint64_t end = atomic_load_explicit(&ring->written, memory_order_acquire);
	unsigned n = 0;

	while (at < end && n < room) {
		const struct record *r = (const struct record *)(ring->at + at % RING_BYTES);

		at += record_bytes(r->n);
		places[n++] = (struct place){ r, ring, at };
	}
	return n;
}

static bool hand_over(struct dp_capture *c, const struct record *r,
	bool (*fn)(void *ctx, const struct dp_captured *frame), void *ctx)
{
	const struct dp_captured frame = {
		.when_ns = dp_clock_ns(&c->clock, r->tsc),
		.bytes = r->bytes,
		.n = r->n,
		.len = r->len,
		.direction = r->direction,
		.drop = r->drop,
	};

	return fn(ctx, &frame);
}

/* A frame that came in is noted after it went out, so a ring is not quite in order. What is handed
 * over frees its ring up to where the ring's records are all handed over: at the end. */
unsigned dp_capture_drain(
	struct dp_capture *c, bool (*fn)(void *ctx, const struct dp_captured *frame), void *ctx)
{
	_cleanup_free_ struct place *places = malloc(DRAIN_AT_ONCE * sizeof(*places));
	unsigned n = 0, share = DRAIN_AT_ONCE / RTE_MAX(c->dp->n_workers, 1u), done = 0;

	for (unsigned i = 0; places && i < DP_MAX_WORKERS; i++)
		if (c->rings[i].at)
			n += collect(&c->rings[i], places + n, RTE_MIN(share, DRAIN_AT_ONCE - n));
	dp_clock_read(&c->clock, c->dp->tsc_hz);
	if (n)
		qsort(places, n, sizeof(*places), by_time);
	while (done < n && hand_over(c, places[done].record, fn, ctx))
		done++;
	for (unsigned i = 0; i < n; i++) {
		uint64_t read = atomic_load_explicit(&places[i].ring->read, memory_order_relaxed);

		if (places[i].end > read)
			atomic_store_explicit(
				&places[i].ring->read, places[i].end, memory_order_release);
	}
	c->n_refused += n - done;
	return n;
}

uint64_t dp_capture_lost(const struct dp_capture *c)
{
	uint64_t n = c->n_refused;

	for (unsigned i = 0; i < DP_MAX_WORKERS; i++)
		n += c->rings[i].lost;
	return n;
}

bool dp_capture_is_over(const struct dp_capture *c)
{
	return !c->port;
}
