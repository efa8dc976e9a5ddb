/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Copying what a file holds: by reference where the file system can (reflink), else its data alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sparse.h"

#define PAGE  UINT64_C(4096)
#define PIECE (UINT64_C(1) << 30)

uint64_t vmm_next_data(int fd, uint64_t *at, uint64_t end, uint64_t max)
{
	off_t data = *at < end ? lseek(fd, (off_t)*at, SEEK_DATA) : (off_t)end;
	off_t hole;
	uint64_t n;

	if (*at >= end || (data < 0 && errno == ENXIO) || data >= (off_t)end)
		return 0;
	/* What cannot tell may hold something anywhere. */
	hole = data < 0 ? (off_t)end : lseek(fd, data, SEEK_HOLE);
	*at = data < 0 ? *at : (uint64_t)data & ~(PAGE - 1);
	n = (((hole < 0 || hole > (off_t)end ? end : (uint64_t)hole) + PAGE - 1) & ~(PAGE - 1)) -
	    *at;
	if (n > end - *at)
		n = end - *at;
	return n < max ? n : max;
}

/* The same size, and zeroes alone. */
static int clear(int fd, uint64_t n)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)n) < 0
			       ? -errno
			       : 0;
	return ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t)n) < 0 ? -errno : 0;
}

static int copy_piece(int from, int to, uint64_t at, uint64_t n)
{
	off_t offset = (off_t)at;

	if (lseek(to, offset, SEEK_SET) < 0)
		return -errno;
	while (n) {
		ssize_t done = sendfile(to, from, &offset, n);

		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		n -= (uint64_t)done;
	}
	return 0;
}

int vmm_copy_sparse(int from, int to, uint64_t n_bytes)
{
	uint64_t n;
	int r = clear(to, n_bytes);

	if (r == 0 && ioctl(to, FICLONE, from) == 0)
		return 0;
	for (uint64_t at = 0; r == 0 && (n = vmm_next_data(from, &at, n_bytes, PIECE)); at += n)
		r = copy_piece(from, to, at, n);
	return r;
}
