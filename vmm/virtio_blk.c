/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-blk: requests from a ring to a disk. Reads, writes and flushes go through io_uring and are
 * many at a time; where the host has none, and for what is rare, the disk's own thread does them
 * one by one. Under the device's lock throughout.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>

#include "base/cleanup.h"
#include "disk_uring.h"
#include "virtio_blk.h"

#define QUEUE_SIZE   128
#define N_SEGMENTS   (QUEUE_SIZE - 2) /* a request less its header and status */
#define MAX_RANGES   16               /* of a discard */
#define RANGE_MAX    (1u << 21)       /* sectors: 1 GiB */
#define RANGE_ALIGN  8                /* sectors: a page */
#define SERIAL_BYTES 20

struct request {
	struct vmm_chain chain; /* its pieces are cut to the data */
	struct virtio_blk_outhdr header;
	const struct iovec *iov; /* the data */
	unsigned n_iov;
	uint64_t n_bytes, offset;
	uint8_t *status;
};

struct vmm_blk {
	struct vmm_virtio virtio;
	struct virtio_blk_config config;
	struct vmm_disk disk;
	char serial[SERIAL_BYTES];
	struct vmm_uring *uring; /* NULL: none */
	struct vmm_source done;
	unsigned n_free;
	struct request *free[QUEUE_SIZE];
	struct request requests[QUEUE_SIZE];
};

/* A request's parts: 16 bytes of header, data, and one byte of status, in whatever pieces
 * (virtio 1.2, 2.7.4). */

static void cut_front(struct iovec *iov, unsigned n_iov, size_t n)
{
	for (unsigned i = 0; i < n_iov && n; i++) {
		size_t here = iov[i].iov_len < n ? iov[i].iov_len : n;

		iov[i].iov_base = (uint8_t *)iov[i].iov_base + here;
		iov[i].iov_len -= here;
		n -= here;
	}
}

static int parse(struct request *r)
{
	struct vmm_chain *c = &r->chain;
	struct iovec *last = &c->iov[c->n_out + c->n_in - 1];

	if (c->n_in == 0 || c->out_bytes < sizeof(r->header))
		return -EPROTO;
	vmm_iov_read(c->iov, c->n_out, 0, &r->header, sizeof(r->header));
	cut_front(c->iov, c->n_out, sizeof(r->header));
	last->iov_len--;
	r->status = (uint8_t *)last->iov_base + last->iov_len;
	if (r->header.type == VIRTIO_BLK_T_IN || r->header.type == VIRTIO_BLK_T_GET_ID) {
		r->iov = c->iov + c->n_out;
		r->n_iov = c->n_in;
		r->n_bytes = c->in_bytes - 1;
	} else {
		r->iov = c->iov;
		r->n_iov = c->n_out;
		r->n_bytes = c->out_bytes - sizeof(r->header);
	}
	return 0;
}

/* Doing it. Each returns 0, -errno, or -EINPROGRESS when the ring has it. */

static int transfer_some(const struct vmm_blk *b, const struct request *r, int flags, uint64_t done,
	struct iovec *iov, unsigned n_iov, size_t *ret)
{
	off_t at = (off_t)(r->offset + done);
	ssize_t n = r->header.type == VIRTIO_BLK_T_IN
			    ? preadv2(b->disk.fd, iov, (int)n_iov, at, 0)
			    : pwritev2(b->disk.fd, iov, (int)n_iov, at, flags);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	/* The file has become shorter. */
	if (n == 0)
		return -EIO;
	*ret = (size_t)n;
	return 0;
}

/* A driver that has no flush expects what is written to stay (virtio 1.2, 5.2.6.2). */
static int write_flags(const struct vmm_blk *b)
{
	return vmm_virtio_has(&b->virtio, VIRTIO_BLK_F_FLUSH) ? 0 : RWF_DSYNC;
}

static int transfer_here(struct vmm_blk *b, struct request *r)
{
	struct iovec *iov = r->chain.iov + (r->iov - r->chain.iov);

	for (uint64_t done = 0; done < r->n_bytes;) {
		size_t n = 0;
		int e = transfer_some(b, r, write_flags(b), done, iov, r->n_iov, &n);

		if (e < 0)
			return e;
		cut_front(iov, r->n_iov, n);
		done += n;
	}
	return 0;
}

static bool is_inside(const struct vmm_blk *b, uint64_t sector, uint64_t n_bytes)
{
	uint64_t n_sectors = b->disk.size / VMM_SECTOR;

	return n_bytes % VMM_SECTOR == 0 && sector <= n_sectors &&
	       n_bytes / VMM_SECTOR <= n_sectors - sector;
}

static int transfer(struct vmm_blk *b, struct request *r)
{
	bool is_write = r->header.type == VIRTIO_BLK_T_OUT, queued;

	if (!is_inside(b, r->header.sector, r->n_bytes) || (is_write && b->disk.read_only))
		return -EIO;
	r->offset = r->header.sector * VMM_SECTOR;
	if (!b->uring || r->n_bytes == 0)
		return transfer_here(b, r);
	queued = is_write
			 ? vmm_uring_write(b->uring, r->iov, r->n_iov, r->offset, write_flags(b), r)
			 : vmm_uring_read(b->uring, r->iov, r->n_iov, r->offset, r);
	return queued ? -EINPROGRESS : transfer_here(b, r);
}

static int flush(struct vmm_blk *b, struct request *r)
{
	if (b->disk.read_only)
		return 0;
	return b->uring && vmm_uring_sync(b->uring, r) ? -EINPROGRESS : vmm_disk_flush(&b->disk);
}

static int get_id(const struct vmm_blk *b, const struct request *r)
{
	vmm_iov_write(r->iov, r->n_iov, 0, b->serial, SERIAL_BYTES);
	return 0;
}

/* virtio 1.2, 5.2.6.2: of a discard every flag is an error, of zeroes all but "unmap". */
static int clear_range(
	const struct vmm_blk *b, uint32_t type, const struct virtio_blk_discard_write_zeroes *range)
{
	uint64_t n = (uint64_t)range->num_sectors * VMM_SECTOR;
	uint64_t offset = range->sector * VMM_SECTOR;
	uint32_t known = type == VIRTIO_BLK_T_DISCARD ? 0 : VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;

	if (range->flags & ~known)
		return -EOPNOTSUPP;
	if (range->num_sectors > RANGE_MAX || !is_inside(b, range->sector, n))
		return -EIO;
	if (n == 0)
		return 0;
	if (type == VIRTIO_BLK_T_DISCARD)
		return vmm_disk_discard(&b->disk, offset, n);
	return vmm_disk_write_zeroes(
		&b->disk, offset, n, range->flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
}

static int clear(const struct vmm_blk *b, const struct request *r)
{
	struct virtio_blk_discard_write_zeroes range;
	int e = 0;

	if (r->header.type == VIRTIO_BLK_T_DISCARD && !b->disk.discard)
		return -EOPNOTSUPP;
	if (b->disk.read_only || r->n_bytes % sizeof(range) ||
		r->n_bytes > MAX_RANGES * sizeof(range))
		return -EIO;
	for (uint64_t at = 0; at < r->n_bytes && e == 0; at += sizeof(range)) {
		vmm_iov_read(r->iov, r->n_iov, at, &range, sizeof(range));
		e = clear_range(b, r->header.type, &range);
	}
	return e == 0 && write_flags(b) ? vmm_disk_flush(&b->disk) : e;
}

static int execute(struct vmm_blk *b, struct request *r)
{
	switch (r->header.type) {
	case VIRTIO_BLK_T_IN:
	case VIRTIO_BLK_T_OUT:
		return transfer(b, r);
	case VIRTIO_BLK_T_FLUSH:
		return flush(b, r);
	case VIRTIO_BLK_T_GET_ID:
		return get_id(b, r);
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return clear(b, r);
	default:
		return -EOPNOTSUPP;
	}
}

/* The ring */

static void finish(struct vmm_blk *b, struct request *r, int result)
{
	uint32_t n_written = 1;

	*r->status = VIRTIO_BLK_S_OK;
	if (result == -EOPNOTSUPP)
		*r->status = VIRTIO_BLK_S_UNSUPP;
	else if (result < 0)
		*r->status = VIRTIO_BLK_S_IOERR;
	else if (r->iov == r->chain.iov + r->chain.n_out)
		n_written = (uint32_t)r->chain.in_bytes;
	vmm_virtq_push(&b->virtio.queues[0].ring, r->chain.head, n_written);
	b->free[b->n_free++] = r;
}

static int take_requests(struct vmm_blk *b, struct vmm_virtq *ring)
{
	int n = 0;

	while (b->n_free && n < QUEUE_SIZE) {
		struct request *r = b->free[b->n_free - 1];
		int e = vmm_virtq_pop(ring, &r->chain);

		if (e <= 0)
			break;
		n++;
		if (parse(r) < 0) {
			ring->broken = true;
			break;
		}
		b->n_free--;
		e = execute(b, r);
		if (e != -EINPROGRESS)
			finish(b, r, e);
	}
	return n;
}

/* What there is, once round; what comes then kicks. */
static void serve(void *ctx, unsigned queue)
{
	struct vmm_blk *b = ctx;
	struct vmm_vqueue *q = &b->virtio.queues[queue];
	int n;

	vmm_virtq_disarm(&q->ring);
	n = take_requests(b, &q->ring);
	if (b->uring)
		vmm_uring_submit(b->uring);
	vmm_virtio_publish(q);
	/* Without a free request the end of one goes on here. */
	if (!q->ring.broken && b->n_free && (vmm_virtq_arm(&q->ring) || n == QUEUE_SIZE))
		(void)eventfd_write(q->kick_fd, 1);
}

static void reap(struct vmm_blk *b, bool wait)
{
	struct request *r;
	int result;

	while (b->n_free < QUEUE_SIZE && (r = vmm_uring_reap(b->uring, wait, &result))) {
		/* Shorter than asked for, or not to be had so: once more, by hand. */
		if (r->header.type == VIRTIO_BLK_T_FLUSH)
			finish(b, r, result);
		else if (result == (int64_t)r->n_bytes)
			finish(b, r, 0);
		else
			finish(b, r, transfer_here(b, r));
	}
}

static void on_done(void *ctx)
{
	struct vmm_blk *b = ctx;
	struct vmm_vqueue *q = &b->virtio.queues[0];
	eventfd_t ignored;

	pthread_mutex_lock(&b->virtio.lock);
	(void)eventfd_read(b->done.fd, &ignored);
	if (q->running) {
		bool was_full = b->n_free == 0;

		reap(b, false);
		vmm_virtio_publish(q);
		if (was_full)
			(void)eventfd_write(q->kick_fd, 1);
	}
	pthread_mutex_unlock(&b->virtio.lock);
}

static void queue_stop(void *ctx, unsigned queue)
{
	struct vmm_blk *b = ctx;

	if (b->uring)
		reap(b, true);
	if (!b->virtio.queues[queue].ring.broken)
		vmm_virtio_publish(&b->virtio.queues[queue]);
}

static void free_blk(void *ctx)
{
	struct vmm_blk *b = ctx;

	vmm_uring_free(b->uring);
	vmm_disk_close(&b->disk);
	free(b);
}

static const struct vmm_virtio_ops ops = {
	.free = free_blk,
	.queue_stop = queue_stop,
	.queue_serve = serve,
};

/* Making one */

static void set_config(struct vmm_blk *b)
{
	struct virtio_blk_config *c = &b->config;
	const struct vmm_disk *d = &b->disk;

	c->capacity = d->size / VMM_SECTOR;
	c->seg_max = N_SEGMENTS;
	c->blk_size = d->block_bytes;
	for (uint32_t n = d->block_bytes; n < d->physical_block_bytes; n *= 2)
		c->physical_block_exp++;
	c->max_discard_sectors = c->max_write_zeroes_sectors = RANGE_MAX;
	c->max_discard_seg = c->max_write_zeroes_seg = MAX_RANGES;
	c->discard_sector_alignment = RANGE_ALIGN;
	c->write_zeroes_may_unmap = d->discard;
}

static uint64_t features_of(const struct vmm_disk *d)
{
	uint64_t f = VMM_BIT(VIRTIO_BLK_F_SEG_MAX) | VMM_BIT(VIRTIO_BLK_F_BLK_SIZE) |
		     VMM_BIT(VIRTIO_BLK_F_TOPOLOGY) | VMM_BIT(VIRTIO_BLK_F_FLUSH);

	if (d->read_only)
		return f | VMM_BIT(VIRTIO_BLK_F_RO);
	f |= VMM_BIT(VIRTIO_BLK_F_WRITE_ZEROES);
	return d->discard ? f | VMM_BIT(VIRTIO_BLK_F_DISCARD) : f;
}

static void open_uring(struct vmm_blk *b)
{
	if (vmm_uring_new(b->disk.fd, QUEUE_SIZE, &b->uring) < 0)
		return;
	b->done = (struct vmm_source){ vmm_uring_fd(b->uring), on_done, b };
	if (vmm_loop_add(b->virtio.loop, &b->done, EPOLLIN) < 0) {
		vmm_uring_free(b->uring);
		b->uring = NULL;
	}
}

int vmm_blk_new(struct vmm_virtio_set *set, const char *name, struct vmm_disk disk,
	struct vmm_blk **ret, struct sh_err *err)
{
	struct vmm_blk *b = calloc(1, sizeof(*b));
	int r;

	if (!b) {
		vmm_disk_close(&disk);
		return sh_err_set(err, -ENOMEM, "out of memory");
	}
	b->disk = disk;
	set_config(b);
	memcpy(b->serial, name, strnlen(name, sizeof(b->serial)));
	for (; b->n_free < QUEUE_SIZE; b->n_free++)
		b->free[b->n_free] = &b->requests[b->n_free];
	b->virtio = (struct vmm_virtio){
		.name = name,
		.ops = &ops,
		.ctx = b,
		.type = VIRTIO_ID_BLOCK,
		.class_code = 0x010000,
		.n_queues = 1,
		.queue_size = QUEUE_SIZE,
		.features = features_of(&disk),
		.config = &b->config,
		.config_bytes = offsetof(struct virtio_blk_config, unused1),
		.has_own_loop = true,
	};
	r = vmm_virtio_add(set, &b->virtio, err);
	if (r < 0)
		return r;
	open_uring(b);
	*ret = b;
	return 0;
}

const struct vmm_disk *vmm_blk_disk(const struct vmm_blk *blk)
{
	return &blk->disk;
}
