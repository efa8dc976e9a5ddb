/* SPDX-License-Identifier: BSD-3-Clause
 *
 * AF_XDP by its four rings (Documentation/networking/af_xdp.rst of Linux). Half of the memory is
 * the kernel's to receive into and comes back burst by burst; the other half is a stack of frames
 * to send from, which the kernel gives back through the completion ring.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <linux/if_xdp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <rte_spinlock.h>

#include "uplink/xsk.h"

/* Newer than the headers of Debian 12. */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0)
#endif

#define N_RX          2048u
#define N_TX          1024u
#define FRAME_MASK    (~(uint64_t)(XSK_FRAME_BYTES - 1))
#define UMEM_BYTES    ((size_t)(N_RX + N_TX) * XSK_FRAME_BYTES)
#define HUGE_BYTES    ((size_t)2 << 20)
#define MAP_BYTES     (UMEM_BYTES + HUGE_BYTES)
#define N_COLOURS     32u
#define BIND_MS       300
#define SEND_ATTEMPTS 4 /* the kernel sends 32 a call where it copies */

struct ring {
	uint32_t *producer, *consumer, *flags;
	union {
		struct xdp_desc *descs;
		uint64_t *addrs;
	};
	uint32_t mask;
	uint32_t at; /* our end of it */
	void *map;
	size_t map_bytes;
};

struct xsk {
	int fd;
	bool zero_copy, segmented;
	uint8_t *map, *umem;

	/* the worker that receives */
	struct ring rx, fill;
	uint32_t n_taken;
	uint64_t taken[N_RX];

	/* workers that send, one after the other */
	rte_spinlock_t lock __rte_cache_aligned;
	struct ring tx, completion;
	_Atomic uint32_t max_frame;
	_Atomic bool unsent; /* the kernel has not taken all that is in the ring */
	uint32_t n_free;
	uint64_t free[N_TX];
};

static int set_option(int fd, int option, const void *value, socklen_t len)
{
	return setsockopt(fd, SOL_XDP, option, value, len) < 0 ? -errno : 0;
}

static int map_ring(int fd, struct ring *ring, const struct xdp_ring_offset *off, uint32_t n,
	size_t entry_bytes, off_t page_offset)
{
	size_t bytes = off->desc + n * entry_bytes;
	uint8_t *map = mmap(
		NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, page_offset);

	if (map == MAP_FAILED)
		return -errno;
	ring->map = map;
	ring->map_bytes = bytes;
	ring->producer = (uint32_t *)(void *)(map + off->producer);
	ring->consumer = (uint32_t *)(void *)(map + off->consumer);
	ring->flags = (uint32_t *)(void *)(map + off->flags);
	ring->descs = (struct xdp_desc *)(void *)(map + off->desc);
	ring->mask = n - 1;
	return 0;
}

static int map_rings(struct xsk *x)
{
	const uint32_t n_rx = N_RX, n_tx = N_TX;
	struct xdp_mmap_offsets off;
	socklen_t len = sizeof(off);
	int r = set_option(x->fd, XDP_UMEM_FILL_RING, &n_rx, sizeof(n_rx));

	if (r == 0)
		r = set_option(x->fd, XDP_UMEM_COMPLETION_RING, &n_tx, sizeof(n_tx));
	if (r == 0)
		r = set_option(x->fd, XDP_RX_RING, &n_rx, sizeof(n_rx));
	if (r == 0)
		r = set_option(x->fd, XDP_TX_RING, &n_tx, sizeof(n_tx));
	if (r == 0 && getsockopt(x->fd, SOL_XDP, XDP_MMAP_OFFSETS, &off, &len) < 0)
		r = -errno;
	if (r == 0)
		r = map_ring(x->fd, &x->fill, &off.fr, n_rx, sizeof(uint64_t),
			(off_t)XDP_UMEM_PGOFF_FILL_RING);
	if (r == 0)
		r = map_ring(x->fd, &x->completion, &off.cr, n_tx, sizeof(uint64_t),
			(off_t)XDP_UMEM_PGOFF_COMPLETION_RING);
	if (r == 0)
		r = map_ring(
			x->fd, &x->rx, &off.rx, n_rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING);
	if (r == 0)
		r = map_ring(
			x->fd, &x->tx, &off.tx, n_tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING);
	return r;
}

/* Each frame has a page of its own, so small pages would miss the TLB with each. */
static int make_umem(struct xsk *x)
{
	struct xdp_umem_reg reg = { .len = UMEM_BYTES, .chunk_size = XSK_FRAME_BYTES };
	uint8_t *map =
		mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	x->map = map;
	x->umem = RTE_PTR_ALIGN_CEIL(map, HUGE_BYTES);
	(void)madvise(x->umem, UMEM_BYTES, MADV_HUGEPAGE);
	if (madvise(x->umem, UMEM_BYTES, MADV_POPULATE_WRITE) < 0)
		return -errno;
	reg.addr = (uint64_t)(uintptr_t)x->umem;
	return set_option(x->fd, XDP_UMEM_REG, &reg, sizeof(reg));
}

static void give_to_kernel(struct xsk *x, const uint64_t *addrs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		x->fill.addrs[x->fill.at++ & x->fill.mask] = addrs[i] & FRAME_MASK;
	__atomic_store_n(x->fill.producer, x->fill.at, __ATOMIC_RELEASE);
}

static void share_out_frames(struct xsk *x)
{
	for (uint64_t i = 0; i < N_RX; i++) {
		uint64_t addr = i * XSK_FRAME_BYTES;

		give_to_kernel(x, &addr, 1);
	}
	for (uint64_t i = 0; i < N_TX; i++)
		x->free[x->n_free++] = (N_RX + i) * XSK_FRAME_BYTES;
}

/* The kernel lets go of a queue a moment after its last socket was closed. */
static int bind_patiently(int fd, const struct sockaddr_xdp *addr)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	for (unsigned i = 0; i < BIND_MS; i++) {
		if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
			return 0;
		if (errno != EBUSY)
			break;
		nanosleep(&moment, NULL);
	}
	return -errno;
}

static int bind_to_queue(struct xsk *x, const struct xsk_conf *conf)
{
	struct sockaddr_xdp addr = { .sxdp_family = AF_XDP,
		.sxdp_flags = XDP_USE_NEED_WAKEUP,
		.sxdp_ifindex = (uint32_t)conf->ifindex,
		.sxdp_queue_id = conf->queue };
	struct xdp_options options;
	socklen_t len = sizeof(options);
	int r;

	if (conf->by_copy)
		addr.sxdp_flags |= XDP_COPY;
	if (conf->segmented)
		addr.sxdp_flags |= XDP_USE_SG;
	r = bind_patiently(x->fd, &addr);
	if (r < 0)
		return conf->segmented && r == -EINVAL ? -EOPNOTSUPP : r;
	if (getsockopt(x->fd, SOL_XDP, XDP_OPTIONS, &options, &len) == 0)
		x->zero_copy = options.flags & XDP_OPTIONS_ZEROCOPY;
	return 0;
}

int xsk_new(const struct xsk_conf *conf, struct xsk **ret)
{
	struct xsk *x = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*x), 64));
	int r;

	if (!x)
		return -ENOMEM;
	memset(x, 0, sizeof(*x));
	rte_spinlock_init(&x->lock);
	x->segmented = conf->segmented;
	xsk_set_max_frame(x, conf->max_frame);
	x->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	r = x->fd < 0 ? -errno : make_umem(x);
	if (r == 0)
		r = map_rings(x);
	if (r == 0) {
		share_out_frames(x);
		r = bind_to_queue(x, conf);
	}
	if (r < 0) {
		xsk_free(x);
		return r == -EAFNOSUPPORT ? -EOPNOTSUPP : r;
	}
	*ret = x;
	return 0;
}

void xsk_free(struct xsk *x)
{
	const struct ring *rings[] = { &x->rx, &x->fill, &x->tx, &x->completion };

	for (unsigned i = 0; i < RTE_DIM(rings); i++)
		if (rings[i]->map)
			munmap(rings[i]->map, rings[i]->map_bytes);
	if (x->fd >= 0)
		close(x->fd);
	if (x->map)
		munmap(x->map, MAP_BYTES);
	free(x);
}

void xsk_set_max_frame(struct xsk *x, uint32_t max_frame)
{
	atomic_store(&x->max_frame, max_frame);
}

int xsk_fd(const struct xsk *x)
{
	return x->fd;
}

bool xsk_is_zero_copy(const struct xsk *x)
{
	return x->zero_copy;
}

uint64_t xsk_missed(const struct xsk *x)
{
	struct xdp_statistics stats = { 0 };
	socklen_t len = sizeof(stats);

	if (getsockopt(x->fd, SOL_XDP, XDP_STATISTICS, &stats, &len) < 0)
		return 0;
	return stats.rx_dropped + stats.rx_ring_full + stats.rx_invalid_descs;
}

static inline bool wants_wakeup(const struct ring *ring)
{
	return __atomic_load_n(ring->flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP;
}

/* How many descriptors from here on are one frame; 0 when its end has not come yet. */
static inline uint32_t n_of_frame(const struct ring *rx, uint32_t n_there)
{
	for (uint32_t i = 0; i < n_there; i++)
		if (!(rx->descs[(rx->at + i) & rx->mask].options & XDP_PKT_CONTD))
			return i + 1;
	return 0;
}

static inline uint8_t *take(struct xsk *x, const struct xdp_desc *d)
{
	x->taken[x->n_taken++] = d->addr;
	return x->umem + d->addr;
}

/* The buffers behind a frame's first. */
static void take_rest(struct xsk *x, struct dp_burst *burst, struct dp_frame *f, uint32_t n)
{
	f->more = &burst->segs[burst->n_segs];
	for (uint32_t i = 1; i < n; i++) {
		const struct xdp_desc *d = &x->rx.descs[(x->rx.at + i) & x->rx.mask];

		burst->segs[burst->n_segs++] = (struct dp_seg){ .at = take(x, d), .len = d->len };
		f->len += d->len;
		f->n_more++;
	}
}

static inline void take_frame(struct xsk *x, struct dp_burst *burst, struct dp_frame *f, uint32_t n)
{
	const struct xdp_desc *d = &x->rx.descs[x->rx.at & x->rx.mask];
	uint8_t *at = take(x, d);

	f->head = at;
	f->n_head = RTE_MIN(d->len, (uint32_t)DP_HEAD_BYTES);
	f->len = d->len;
	f->rest = at + f->n_head;
	f->n_rest = d->len - f->n_head;
	f->n_more = 0;
	f->refused_plus1 = 0;
	f->offloads = 0;
	if (unlikely(n > 1))
		take_rest(x, burst, f, n);
	x->rx.at += n;
}

/* All heads are announced to the cache before the first is read. */
static void prefetch(const struct xsk *x, uint32_t n)
{
	for (uint32_t i = 0; i < RTE_MIN(n, (uint32_t)DP_BURST); i++)
		__builtin_prefetch(x->umem + x->rx.descs[(x->rx.at + i) & x->rx.mask].addr);
}

uint16_t xsk_rx(struct xsk *x, struct dp_burst *burst)
{
	uint32_t n_there = __atomic_load_n(x->rx.producer, __ATOMIC_ACQUIRE) - x->rx.at;
	uint16_t got = 0;

	if (n_there == 0) {
		/* A driver that ran out of buffers does not look for new ones by itself. */
		if (unlikely(wants_wakeup(&x->fill)))
			(void)recvfrom(x->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
		return 0;
	}
	prefetch(x, n_there);
	burst->n_segs = 0;
	while (got < DP_BURST && n_there) {
		uint32_t n = n_of_frame(&x->rx, n_there);

		if (n == 0)
			break;
		take_frame(x, burst, &burst->frames[got++], n);
		n_there -= n;
	}
	burst->n = got;
	__atomic_store_n(x->rx.consumer, x->rx.at, __ATOMIC_RELEASE);
	return got;
}

void xsk_rx_done(struct xsk *x)
{
	give_to_kernel(x, x->taken, x->n_taken);
	x->n_taken = 0;
}

static void reap(struct xsk *x)
{
	struct ring *c = &x->completion;
	uint32_t end = __atomic_load_n(c->producer, __ATOMIC_ACQUIRE);

	while (c->at != end && x->n_free < N_TX)
		x->free[x->n_free++] = c->addrs[c->at++ & c->mask] & FRAME_MASK;
	__atomic_store_n(c->consumer, c->at, __ATOMIC_RELEASE);
}

/* Where the next byte of a frame to send goes. */
struct writer {
	struct xsk *x;
	struct xdp_desc *desc; /* the last one begun */
	uint32_t n;            /* buffers taken */
	bool is_short;         /* the frame */
};

/* Where in its buffer a frame begins. Did all begin at one place of their pages, few could be in
 * the first cache at a time. */
static inline uint64_t begin_in(uint64_t buffer, bool is_short)
{
	return is_short ? buffer | buffer / XSK_FRAME_BYTES % N_COLOURS * RTE_CACHE_LINE_SIZE
			: buffer;
}

static inline uint32_t room_behind(const struct xdp_desc *d)
{
	return XSK_FRAME_BYTES - (uint32_t)(d->addr & ~FRAME_MASK) - d->len;
}

/* There are as many descriptors as buffers, so one is free when the other is. */
static bool next_buffer(struct writer *w)
{
	struct xsk *x = w->x;

	if (x->n_free == 0 || (w->n && !x->segmented))
		return false;
	if (w->n)
		w->desc->options = XDP_PKT_CONTD;
	w->desc = &x->tx.descs[x->tx.at++ & x->tx.mask];
	*w->desc = (struct xdp_desc){ .addr = begin_in(x->free[--x->n_free], w->is_short) };
	w->n++;
	return true;
}

static bool put(struct writer *w, const uint8_t *from, uint32_t n)
{
	while (n > 0) {
		uint32_t part = RTE_MIN(n, room_behind(w->desc));

		if (part == 0) {
			if (!next_buffer(w))
				return false;
			continue;
		}
		memcpy(w->x->umem + w->desc->addr + w->desc->len, from, part);
		w->desc->len += part;
		from += part;
		n -= part;
	}
	return true;
}

static bool put_item(struct writer *w, const struct dp_item *item)
{
	const struct dp_frame *f = item->frame;
	bool fits = next_buffer(w);

	if (!fits)
		return false;
	w->desc->len = dp_item_put_head(item, w->x->umem + w->desc->addr);
	fits = put(w, f->rest, f->n_rest);
	for (unsigned i = 0; fits && i < f->n_more; i++)
		fits = put(w, f->more[i].at, f->more[i].len);
	return fits;
}

/* The buffers of a frame that did not fit lie on top of the stack still. */
static void take_back(struct writer *w)
{
	w->x->tx.at -= w->n;
	w->x->n_free += w->n;
}

static void kick(struct xsk *x)
{
	for (unsigned i = 0; i < SEND_ATTEMPTS && wants_wakeup(&x->tx); i++)
		if (sendto(x->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0 || errno != EAGAIN)
			break;
	atomic_store_explicit(&x->unsent,
		__atomic_load_n(x->tx.consumer, __ATOMIC_RELAXED) != x->tx.at,
		memory_order_relaxed);
}

static uint16_t send_all(struct xsk *x, struct dp_item *items, uint16_t n)
{
	uint32_t max_frame = atomic_load_explicit(&x->max_frame, memory_order_relaxed);
	uint16_t sent = 0;

	reap(x);
	for (uint16_t i = 0; i < n; i++) {
		struct writer w = { .x = x, .is_short = items[i].len <= XSK_FRAME_BYTES / 2 };

		if (items[i].len > max_frame) {
			items[i].drop = DP_DROP_TX_OVERSIZE;
			continue;
		}
		if (!put_item(&w, &items[i])) {
			items[i].drop = x->n_free ? DP_DROP_TX_OVERSIZE : DP_DROP_TX_FULL;
			take_back(&w);
			continue;
		}
		items[i].drop = DP_N_DROPS;
		sent++;
	}
	__atomic_store_n(x->tx.producer, x->tx.at, __ATOMIC_RELEASE);
	kick(x);
	return sent;
}

uint16_t xsk_tx(struct xsk *x, struct dp_item *items, uint16_t n, bool is_shared)
{
	uint16_t sent;

	if (is_shared)
		rte_spinlock_lock(&x->lock);
	sent = send_all(x, items, n);
	if (is_shared)
		rte_spinlock_unlock(&x->lock);
	return sent;
}

void xsk_flush(struct xsk *x, bool is_shared)
{
	if (likely(!atomic_load_explicit(&x->unsent, memory_order_relaxed)))
		return;
	if (is_shared)
		rte_spinlock_lock(&x->lock);
	kick(x);
	if (is_shared)
		rte_spinlock_unlock(&x->lock);
}
