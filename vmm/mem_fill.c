/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Filling memory from a file, in order, and out of order for who waits. A page that is there
 * already is left alone: the guest may have written to it. In a thread of its own, which never
 * touches memory itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "mem_fill.h"
#include "sparse.h"

#define PAGE  UINT64_C(4096)
#define PIECE (UINT64_C(256) << 10) /* who waits waits at most for one of these */
#define NEAR  (UINT64_C(64) << 10)  /* what comes with a page that is waited for */

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Going on with zeroes would be worse for a guest than to end. */
static void give_up(int code)
{
	sh_log_err("memory: the snapshot cannot be read: %s", strerror(code));
	_exit(EXIT_FAILURE);
}

static void copy(const struct vmm_mem_fill *fill, uint64_t at, uint64_t n)
{
	while (n) {
		struct uffdio_copy c = {
			.dst = (uintptr_t)fill->mem->regions[0].host + at,
			.src = (uintptr_t)fill->from + at,
			.len = n,
		};
		uint64_t done;

		if (ioctl(fill->fault_fd, UFFDIO_COPY, &c) < 0 && c.copy <= 0 && errno != EEXIST &&
			errno != EAGAIN)
			give_up(errno);
		/* Up to a page that is there already; then behind it. */
		done = c.copy > 0 ? (uint64_t)c.copy : c.copy == -EEXIST ? PAGE : 0;
		at += done;
		n -= done;
	}
}

static void serve_faults(const struct vmm_mem_fill *fill)
{
	struct uffd_msg message;

	while (read(fill->fault_fd, &message, sizeof(message)) == sizeof(message)) {
		uint64_t at = message.arg.pagefault.address - (uintptr_t)fill->mem->regions[0].host;

		at &= ~(NEAR - 1);
		copy(fill, at, min(NEAR, fill->mem->size - at));
	}
}

static void finish(struct vmm_mem_fill *fill)
{
	struct uffdio_range all = { (uintptr_t)fill->mem->regions[0].host, fill->mem->size };

	/* Who waits for a page that was a hole gets zeroes from here on. The kernel wakes those who
	 * wait before it unregisters: who came between is woken by nobody else (seen with 6.18). */
	if (ioctl(fill->fault_fd, UFFDIO_UNREGISTER, &all) < 0 ||
		ioctl(fill->fault_fd, UFFDIO_WAKE, &all) < 0)
		give_up(errno);
	munmap((void *)(uintptr_t)fill->from, fill->mem->size);
	fill->from = NULL;
	fill->mem->is_partial = false;
	(void)eventfd_write(fill->whole_fd, 1);
}

static void *run(void *ctx)
{
	struct vmm_mem_fill *fill = ctx;
	const uint64_t end = fill->offset + fill->mem->size;
	uint64_t n;

	fill->enter();
	for (uint64_t at = fill->offset;
		!fill->shall_stop && (n = vmm_next_data(fill->file_fd, &at, end, PIECE)); at += n) {
		serve_faults(fill);
		copy(fill, at - fill->offset, n);
	}
	finish(fill);
	return NULL;
}

static int register_faults(struct vmm_mem_fill *fill)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_MISSING_SHMEM };
	struct uffdio_register all = {
		.range = { (uintptr_t)fill->mem->regions[0].host, fill->mem->size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	fill->fault_fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fill->fault_fd < 0 || ioctl(fill->fault_fd, UFFDIO_API, &api) < 0 ||
		ioctl(fill->fault_fd, UFFDIO_REGISTER, &all) < 0)
		return -errno;
	fill->mem->is_partial = true;
	return 0;
}

static int read_all(const struct vmm_mem_fill *fill)
{
	const uint64_t end = fill->offset + fill->mem->size;
	uint64_t n;

	for (uint64_t at = fill->offset; (n = vmm_next_data(fill->file_fd, &at, end, end));) {
		ssize_t done = pread(fill->file_fd,
			fill->mem->regions[0].host + (at - fill->offset), n, (off_t)at);

		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		at += (uint64_t)done;
	}
	return 0;
}

int vmm_mem_fill_open(
	struct vmm_mem_fill *fill, struct vmm_mem *mem, int file_fd, uint64_t offset, bool lazily)
{
	void *from;

	*fill = (struct vmm_mem_fill){
		.mem = mem, .file_fd = file_fd, .fault_fd = -1, .whole_fd = -1, .offset = offset
	};
	fill->whole_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	from = mmap(
		NULL, mem->size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, file_fd, (off_t)offset);
	if (from == MAP_FAILED || fill->whole_fd < 0)
		return -errno;
	fill->from = from;
	return lazily && register_faults(fill) == 0 ? 0 : read_all(fill);
}

int vmm_mem_fill_start(struct vmm_mem_fill *fill, void (*enter)(void))
{
	int r;

	if (vmm_mem_is_whole(fill->mem))
		return eventfd_write(fill->whole_fd, 1) < 0 ? -errno : 0;
	fill->enter = enter;
	r = pthread_create(&fill->thread, NULL, run, fill);
	fill->has_thread = r == 0;
	if (r == 0)
		(void)pthread_setname_np(fill->thread, "memory");
	return -r;
}

void vmm_mem_fill_done(struct vmm_mem_fill *fill)
{
	fill->shall_stop = true;
	if (fill->has_thread)
		pthread_join(fill->thread, NULL);
	if (fill->from)
		munmap((void *)(uintptr_t)fill->from, fill->mem->size);
	if (fill->fault_fd >= 0)
		close(fill->fault_fd);
	if (fill->whole_fd >= 0)
		close(fill->whole_fd);
	if (fill->file_fd >= 0)
		close(fill->file_fd);
	*fill = (struct vmm_mem_fill){ .file_fd = -1, .fault_fd = -1, .whole_fd = -1 };
}
