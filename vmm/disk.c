/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Opening, locking and thinning out a disk's file. The lock is the open file description's (OFD):
 * it goes with the last descriptor, so a machine that dies leaves none.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "disk.h"
#include "sparse.h"

#define PAGE_BYTES  4096u
#define LOCK_TRIES  50
#define LOCK_TRY_US 10000

static int open_file(const struct vmm_disk_conf *conf, struct sh_err *err)
{
	int flags = O_CLOEXEC | (conf->read_only ? O_RDONLY : O_RDWR);
	struct stat st;
	int fd;

	/* Nobody but this machine writes to a block device, not even a file system of the host. */
	if (!conf->read_only && stat(conf->file, &st) == 0 && S_ISBLK(st.st_mode))
		flags |= O_EXCL;
	else if (!conf->read_only && (conf->size || conf->content))
		flags |= O_CREAT;
	fd = open(conf->file, flags, 0600);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return sh_err_set(err, -ENOENT,
			"disk '%s' is not there: give a size to have it made, or mend the path",
			conf->file);
	return sh_err_set(err, -errno, "disk '%s': %s", conf->file, strerror(errno));
}

static int lock_file(int fd, const struct vmm_disk_conf *conf, struct sh_err *err)
{
	struct flock lock = { .l_type = conf->read_only ? F_RDLCK : F_WRLCK };
	int r = fcntl(fd, F_OFD_SETLK, &lock);

	/* The kernel lets go of a ring's file a moment after the process that had it has ended. */
	for (unsigned n = 0; r < 0 && errno == EAGAIN && n < LOCK_TRIES; n++) {
		usleep(LOCK_TRY_US);
		r = fcntl(fd, F_OFD_SETLK, &lock);
	}
	if (r == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return sh_err_set(err, -EBUSY,
			"disk '%s' is in use by another machine: stop that one first, or give it "
			"to both read-only",
			conf->file);
	return sh_err_set(
		err, -errno, "disk '%s': cannot be locked: %s", conf->file, strerror(errno));
}

static int take_content(int fd, const struct vmm_disk_conf *conf, struct sh_err *err)
{
	_cleanup_close_ int from = -1;
	struct stat st;
	int r;

	if (!conf->content)
		return 0;
	from = open(conf->content, O_RDONLY | O_CLOEXEC);
	if (from < 0 || fstat(from, &st) < 0)
		return sh_err_set(err, -errno, "%s: %s", conf->content, strerror(errno));
	r = vmm_copy_sparse(from, fd, (uint64_t)st.st_size);
	return r < 0 ? sh_err_set(err, r, "disk '%s': cannot be made the same as %s: %s",
			       conf->file, conf->content, strerror(-r))
		     : 0;
}

static int measure_block(struct vmm_disk *disk, const char *file, struct sh_err *err)
{
	unsigned physical = 0;
	int logical = 0;

	if (ioctl(disk->fd, BLKGETSIZE64, &disk->size) < 0 ||
		ioctl(disk->fd, BLKSSZGET, &logical) < 0 ||
		ioctl(disk->fd, BLKPBSZGET, &physical) < 0)
		return sh_err_set(err, -errno, "disk '%s': %s", file, strerror(errno));
	disk->block_bytes = (uint32_t)logical;
	disk->physical_block_bytes = physical;
	return 0;
}

static int measure_file(
	struct vmm_disk *disk, const struct vmm_disk_conf *conf, uint64_t size, struct sh_err *err)
{
	if (size == 0 && conf->size && !conf->read_only) {
		size = conf->size;
		if (ftruncate(disk->fd, (off_t)size) < 0)
			return sh_err_set(err, -errno, "disk '%s': cannot have %llu bytes: %s",
				conf->file, (unsigned long long)size, strerror(errno));
	}
	disk->size = size / VMM_SECTOR * VMM_SECTOR;
	disk->block_bytes = VMM_SECTOR;
	disk->physical_block_bytes = PAGE_BYTES;
	return 0;
}

static int measure(struct vmm_disk *disk, const struct vmm_disk_conf *conf, struct sh_err *err)
{
	struct stat st;
	int r;

	if (fstat(disk->fd, &st) < 0)
		return sh_err_set(err, -errno, "disk '%s': %s", conf->file, strerror(errno));
	if (S_ISBLK(st.st_mode))
		r = measure_block(disk, conf->file, err);
	else if (S_ISREG(st.st_mode))
		r = measure_file(disk, conf, (uint64_t)st.st_size, err);
	else
		r = sh_err_set(
			err, -EINVAL, "disk '%s' is neither a file nor a block device", conf->file);
	if (r == 0 && disk->size == 0)
		r = sh_err_set(err, -EINVAL, "disk '%s' has not even one sector: give it a size",
			conf->file);
	return r;
}

int vmm_disk_open(const struct vmm_disk_conf *conf, struct vmm_disk *ret, struct sh_err *err)
{
	struct vmm_disk disk = { .read_only = conf->read_only, .discard = conf->discard };
	_cleanup_close_ int fd = open_file(conf, err);
	int r;

	if (fd < 0)
		return fd;
	disk.fd = fd;
	r = lock_file(fd, conf, err);
	if (r == 0)
		r = take_content(fd, conf, err);
	if (r == 0)
		r = measure(&disk, conf, err);
	if (r < 0)
		return r;
	(void)TAKE_FD(fd);
	*ret = disk;
	return 0;
}

void vmm_disk_close(struct vmm_disk *disk)
{
	if (disk->fd >= 0)
		close(disk->fd);
	disk->fd = -1;
}

uint64_t vmm_disk_allocated(const struct vmm_disk *disk)
{
	struct stat st;

	return fstat(disk->fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

int vmm_disk_flush(const struct vmm_disk *disk)
{
	return fdatasync(disk->fd) < 0 ? -errno : 0;
}

static int allocate(const struct vmm_disk *disk, int mode, uint64_t offset, uint64_t n)
{
	return fallocate(disk->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)n) < 0 ? -errno
											    : 0;
}

/* It is advice: a file system that cannot does nothing. */
int vmm_disk_discard(const struct vmm_disk *disk, uint64_t offset, uint64_t n)
{
	int r = allocate(disk, FALLOC_FL_PUNCH_HOLE, offset, n);

	return r == -EOPNOTSUPP ? 0 : r;
}

static int write_zeroes_by_hand(const struct vmm_disk *disk, uint64_t offset, uint64_t n)
{
	static const uint8_t zeroes[64 * 1024];

	while (n > 0) {
		ssize_t done = pwrite(
			disk->fd, zeroes, n < sizeof(zeroes) ? n : sizeof(zeroes), (off_t)offset);

		if (done < 0)
			return -errno;
		offset += (uint64_t)done;
		n -= (uint64_t)done;
	}
	return 0;
}

int vmm_disk_write_zeroes(const struct vmm_disk *disk, uint64_t offset, uint64_t n, bool may_unmap)
{
	int r = -EOPNOTSUPP;

	if (may_unmap && disk->discard)
		r = allocate(disk, FALLOC_FL_PUNCH_HOLE, offset, n);
	if (r == -EOPNOTSUPP)
		r = allocate(disk, FALLOC_FL_ZERO_RANGE, offset, n);
	return r == -EOPNOTSUPP ? write_zeroes_by_hand(disk, offset, n) : r;
}
