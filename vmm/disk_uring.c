/* SPDX-License-Identifier: BSD-3-Clause
 *
 * io_uring through liburing, under the lock of the disk's device.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "disk_uring.h"

#define THE_FILE 0 /* the index of the one that is registered */

struct vmm_uring {
	struct io_uring ring;
	int event_fd;
	bool is_open;
};

/* Some of liburing 2.3's functions are declared and not there. */
static int ring_register(
	const struct io_uring *ring, unsigned what, const void *argument, unsigned n)
{
	return syscall(SYS_io_uring_register, ring->ring_fd, what, argument, n) < 0 ? -errno : 0;
}

static int restrict_to_file(struct io_uring *ring, int fd)
{
	struct io_uring_restriction allowed[] = {
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READV },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITEV },
		{ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FSYNC },
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_FIXED_FILE },
	};
	int r = io_uring_register_files(ring, &fd, 1);

	if (r < 0)
		return r;
	return ring_register(
		ring, IORING_REGISTER_RESTRICTIONS, allowed, sizeof(allowed) / sizeof(allowed[0]));
}

static int open_ring(struct vmm_uring *uring, int fd, unsigned n_requests)
{
	int r;

	uring->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (uring->event_fd < 0)
		return -errno;
	r = io_uring_queue_init(n_requests, &uring->ring, IORING_SETUP_R_DISABLED);
	if (r < 0)
		return r;
	uring->is_open = true;
	r = io_uring_register_eventfd(&uring->ring, uring->event_fd);
	if (r == 0)
		r = restrict_to_file(&uring->ring, fd);
	return r == 0 ? ring_register(&uring->ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0) : r;
}

int vmm_uring_new(int fd, unsigned n_requests, struct vmm_uring **ret)
{
	struct vmm_uring *uring = calloc(1, sizeof(*uring));
	int r;

	if (!uring)
		return -ENOMEM;
	r = open_ring(uring, fd, n_requests);
	if (r < 0) {
		vmm_uring_free(uring);
		return r;
	}
	*ret = uring;
	return 0;
}

void vmm_uring_free(struct vmm_uring *uring)
{
	if (!uring)
		return;
	if (uring->is_open)
		io_uring_queue_exit(&uring->ring);
	if (uring->event_fd >= 0)
		close(uring->event_fd);
	free(uring);
}

int vmm_uring_fd(const struct vmm_uring *uring)
{
	return uring->event_fd;
}

static void finish(struct io_uring_sqe *sqe, void *request)
{
	io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data(sqe, request);
}

bool vmm_uring_read(struct vmm_uring *uring, const struct iovec *iov, unsigned n_iov,
	uint64_t offset, void *request)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

	if (!sqe)
		return false;
	io_uring_prep_readv(sqe, THE_FILE, iov, n_iov, offset);
	finish(sqe, request);
	return true;
}

bool vmm_uring_write(struct vmm_uring *uring, const struct iovec *iov, unsigned n_iov,
	uint64_t offset, int flags, void *request)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

	if (!sqe)
		return false;
	io_uring_prep_writev2(sqe, THE_FILE, iov, n_iov, offset, flags);
	finish(sqe, request);
	return true;
}

bool vmm_uring_sync(struct vmm_uring *uring, void *request)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);

	if (!sqe)
		return false;
	io_uring_prep_fsync(sqe, THE_FILE, IORING_FSYNC_DATASYNC);
	finish(sqe, request);
	return true;
}

void vmm_uring_submit(struct vmm_uring *uring)
{
	int r;

	/* Too busy: the kernel takes them when some of the others are done. */
	do
		r = io_uring_submit(&uring->ring);
	while (r == -EINTR);
}

void *vmm_uring_reap(struct vmm_uring *uring, bool wait, int *ret_result)
{
	struct io_uring_cqe *cqe;
	void *request;
	int r;

	do
		r = wait ? io_uring_wait_cqe(&uring->ring, &cqe)
			 : io_uring_peek_cqe(&uring->ring, &cqe);
	while (r == -EINTR);
	if (r < 0)
		return NULL;
	request = io_uring_cqe_get_data(cqe);
	*ret_result = cqe->res;
	io_uring_cqe_seen(&uring->ring, cqe);
	return request;
}
