/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-balloon. Pages that the guest gives are holes in its memory; it takes one back by touching
 * it. In the loop of the slow devices.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>

#include "virtio_balloon.h"

#define PAGE_BYTES UINT64_C(4096) /* of the balloon, whatever the host's are */
#define MAX_STATS  32

#define INFLATE 0
#define DEFLATE 1
#define STATS   2

struct vmm_balloon {
	struct vmm_virtio virtio;
	struct virtio_balloon_config config;
	struct vmm_balloon_info info;
	int64_t stats_at_ms;
	bool holds_stats; /* a buffer of the guest's, to be returned for newer ones */
	uint16_t stats_head;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* virtio 1.2, 5.5.2: queues that were not negotiated are not there, and the next one moves up. */
static unsigned reporting_queue(const struct vmm_balloon *b)
{
	return vmm_virtio_has(&b->virtio, VIRTIO_BALLOON_F_STATS_VQ) ? STATS + 1 : STATS;
}

/* Of huge pages whole ones alone can go: a smaller piece is refused and stays. */
static bool give_back(const struct vmm_balloon *b, void *at, uint64_t n)
{
	return madvise(at, n, b->virtio.mem->fd >= 0 ? MADV_REMOVE : MADV_DONTNEED) == 0;
}

/* A run of pages that follow each other is one call. */
static void give_run(const struct vmm_balloon *b, uint64_t page, uint64_t n_pages)
{
	void *at = vmm_mem_at(b->virtio.mem, page * PAGE_BYTES, n_pages * PAGE_BYTES);

	if (n_pages && at)
		(void)give_back(b, at, n_pages * PAGE_BYTES);
}

/* Linux gives its pages from high to low, so runs grow at either end. */
static uint32_t inflate(void *ctx, const struct vmm_chain *chain)
{
	const struct vmm_balloon *b = ctx;
	uint64_t first = 0, n = 0;
	uint32_t page;

	for (uint64_t at = 0;
		vmm_iov_read(chain->iov, chain->n_out, at, &page, sizeof(page)) == sizeof(page);
		at += sizeof(page)) {
		if (n && page == first + n) {
			n++;
		} else if (n && page + UINT64_C(1) == first) {
			first--;
			n++;
		} else {
			give_run(b, first, n);
			first = page;
			n = 1;
		}
	}
	give_run(b, first, n);
	return 0;
}

static uint32_t deflate(void *ctx, const struct vmm_chain *chain)
{
	return 0;
}

/* virtio 1.2, 5.5.6.7: the pages are the buffers themselves, free as long as we have them. */
static uint32_t report(void *ctx, const struct vmm_chain *chain)
{
	struct vmm_balloon *b = ctx;

	for (unsigned i = 0; i < chain->n_in; i++) {
		const struct iovec *iov = &chain->iov[chain->n_out + i];

		if ((uintptr_t)iov->iov_base % PAGE_BYTES == 0 && iov->iov_len % PAGE_BYTES == 0 &&
			give_back(b, iov->iov_base, iov->iov_len))
			b->info.reported_bytes += iov->iov_len;
	}
	return 0;
}

/* Statistics (5.5.6.3): the guest offers a buffer with some; it is returned to have newer ones. */

static void note_stat(struct vmm_balloon_info *info, uint16_t tag, uint64_t value)
{
	uint64_t *const places[VIRTIO_BALLOON_S_NR] = {
		[VIRTIO_BALLOON_S_SWAP_IN] = &info->swap_in_bytes,
		[VIRTIO_BALLOON_S_SWAP_OUT] = &info->swap_out_bytes,
		[VIRTIO_BALLOON_S_MAJFLT] = &info->major_faults,
		[VIRTIO_BALLOON_S_MINFLT] = &info->minor_faults,
		[VIRTIO_BALLOON_S_MEMFREE] = &info->free_bytes,
		[VIRTIO_BALLOON_S_MEMTOT] = &info->total_bytes,
		[VIRTIO_BALLOON_S_AVAIL] = &info->available_bytes,
		[VIRTIO_BALLOON_S_CACHES] = &info->cache_bytes,
	};

	if (tag < VIRTIO_BALLOON_S_NR && places[tag])
		*places[tag] = value;
}

static void note_stats(struct vmm_balloon *b, const struct vmm_chain *chain)
{
	struct virtio_balloon_stat stat;

	for (unsigned i = 0; i < MAX_STATS; i++) {
		if (vmm_iov_read(chain->iov, chain->n_out, i * sizeof(stat), &stat, sizeof(stat)) <
			sizeof(stat))
			break;
		note_stat(&b->info, stat.tag, stat.val);
	}
	b->info.has_stats = true;
	b->stats_at_ms = now_ms();
}

static void return_stats(struct vmm_balloon *b)
{
	struct vmm_vqueue *q = &b->virtio.queues[STATS];

	if (!b->holds_stats)
		return;
	b->holds_stats = false;
	vmm_virtq_push(&q->ring, b->stats_head, 0);
	vmm_virtio_publish(q);
}

static void take_stats(struct vmm_balloon *b)
{
	struct vmm_vqueue *q = &b->virtio.queues[STATS];
	struct vmm_chain chain;

	for (unsigned i = 0; i < q->ring.size && vmm_virtq_pop(&q->ring, &chain) > 0; i++) {
		return_stats(b); /* there is no sense in two */
		note_stats(b, &chain);
		b->stats_head = chain.head;
		b->holds_stats = true;
	}
	if (!q->ring.broken && vmm_virtq_arm(&q->ring))
		(void)eventfd_write(q->kick_fd, 1);
}

static void serve(void *ctx, unsigned queue)
{
	struct vmm_balloon *b = ctx;
	struct vmm_vqueue *q = &b->virtio.queues[queue];

	if (queue == INFLATE)
		vmm_virtio_serve(q, inflate, b);
	else if (queue == DEFLATE)
		vmm_virtio_serve(q, deflate, b);
	else if (queue == reporting_queue(b))
		vmm_virtio_serve(q, report, b);
	else if (queue == STATS)
		take_stats(b);
}

/* The buffer is the guest's again; what it offers when the queue runs next is read anew. */
static void queue_stop(void *ctx, unsigned queue)
{
	if (queue == STATS)
		((struct vmm_balloon *)ctx)->holds_stats = false;
}

static void reset(void *ctx)
{
	struct vmm_balloon *b = ctx;

	b->config.actual = 0;
	b->info.has_stats = false;
}

static void config_write(void *ctx, unsigned offset, const void *from, unsigned n)
{
	struct vmm_balloon *b = ctx;

	if (offset == offsetof(struct virtio_balloon_config, actual) &&
		n == sizeof(b->config.actual))
		memcpy(&b->config.actual, from, n);
}

static int state(void *ctx, uint8_t own[VMM_VIRTIO_OWN_BYTES], bool restore)
{
	struct vmm_balloon *b = ctx;
	uint32_t sizes[2] = { b->config.num_pages, b->config.actual };

	if (!restore) {
		memcpy(own, sizes, sizeof(sizes));
		return 0;
	}
	memcpy(sizes, own, sizeof(sizes));
	b->config.num_pages = sizes[0];
	b->config.actual = sizes[1];
	return 0;
}

static const struct vmm_virtio_ops ops = {
	.free = free,
	.reset = reset,
	.queue_stop = queue_stop,
	.queue_serve = serve,
	.config_write = config_write,
	.state = state,
};

int vmm_balloon_new(struct vmm_virtio_set *set, struct vmm_balloon **ret, struct sh_err *err)
{
	struct vmm_balloon *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return sh_err_set(err, -ENOMEM, "out of memory");
	b->virtio = (struct vmm_virtio){
		.name = "balloon",
		.ops = &ops,
		.ctx = b,
		.type = VIRTIO_ID_BALLOON,
		.class_code = 0x00ff00,
		.n_queues = 4,
		.queue_size = 128,
		.features = VMM_BIT(VIRTIO_BALLOON_F_STATS_VQ) |
			    VMM_BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) |
			    VMM_BIT(VIRTIO_BALLOON_F_REPORTING),
		.config = &b->config,
		.config_bytes = offsetof(struct virtio_balloon_config, free_page_hint_cmd_id),
	};
	r = vmm_virtio_add(set, &b->virtio, err);
	if (r == 0)
		*ret = b;
	return r;
}

int vmm_balloon_set(struct vmm_balloon *b, uint64_t bytes, struct sh_err *err)
{
	if (bytes > b->virtio.mem->size)
		return sh_err_set(err, -ERANGE,
			"balloon: the machine has %llu MiB: ask for less than that",
			(unsigned long long)(b->virtio.mem->size >> 20));
	pthread_mutex_lock(&b->virtio.lock);
	b->config.num_pages = (uint32_t)(bytes / PAGE_BYTES);
	vmm_virtio_config_changed(&b->virtio);
	pthread_mutex_unlock(&b->virtio.lock);
	return 0;
}

void vmm_balloon_get(struct vmm_balloon *b, struct vmm_balloon_info *ret)
{
	pthread_mutex_lock(&b->virtio.lock);
	*ret = b->info;
	ret->target_bytes = b->config.num_pages * PAGE_BYTES;
	ret->actual_bytes = b->config.actual * PAGE_BYTES;
	if (ret->has_stats)
		ret->stats_age_ms = (uint64_t)(now_ms() - b->stats_at_ms);
	if (!b->virtio.paused)
		return_stats(b);
	pthread_mutex_unlock(&b->virtio.lock);
}
