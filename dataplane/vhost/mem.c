/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Mapping and unmapping of guest memory. Control thread, but for the look-ups.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vhost/mem.h"

static bool overlaps(const struct vhost_mem *mem, const struct vhost_region_msg *msg)
{
	for (uint32_t i = 0; i < mem->n; i++) {
		const struct vhost_region *r = &mem->regions[i];

		if (msg->gpa < r->gpa + r->size && r->gpa < msg->gpa + msg->size)
			return true;
	}
	return false;
}

static bool makes_sense(const struct vhost_region_msg *msg)
{
	uint64_t end;

	return msg->size > 0 && !__builtin_add_overflow(msg->gpa, msg->size, &end) &&
	       !__builtin_add_overflow(msg->uva, msg->size, &end) &&
	       !__builtin_add_overflow(msg->offset, msg->size, &end) && end <= INT64_MAX;
}

static struct vhost_region *find(struct vhost_mem *mem, const struct vhost_region_msg *msg)
{
	for (uint32_t i = 0; i < mem->n; i++) {
		struct vhost_region *r = &mem->regions[i];

		if (r->gpa == msg->gpa && r->size == msg->size && r->uva == msg->uva)
			return r;
	}
	return NULL;
}

int vhost_mem_add(struct vhost_mem *mem, const struct vhost_region_msg *msg, int fd)
{
	struct vhost_region *r = &mem->regions[mem->n];
	struct stat st;
	uint64_t align;

	/* QEMU before 8.0 tells of each region once for every queue pair. */
	if (find(mem, msg))
		return 0;
	if (mem->n == VHOST_MAX_REGIONS)
		return -ENOSPC;
	if (!makes_sense(msg) || overlaps(mem, msg))
		return -EINVAL;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* A mapping of huge pages begins and ends at one. */
	align = st.st_blksize > 4096 ? (uint64_t)st.st_blksize : 4096;
	if (align & (align - 1))
		align = 4096;
	r->mapping_len = (msg->offset + msg->size + align - 1) & ~(align - 1);
	/* From the file's begin, since an offset inside of a huge page cannot be mapped. */
	r->mapping = mmap(
		NULL, r->mapping_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (r->mapping == MAP_FAILED)
		return -errno;
	(void)madvise(r->mapping, r->mapping_len, MADV_DONTDUMP);
	r->gpa = msg->gpa;
	r->size = msg->size;
	r->uva = msg->uva;
	r->at = (uint8_t *)r->mapping + msg->offset;
	mem->n++;
	return 0;
}

void vhost_mem_del(struct vhost_mem *mem, const struct vhost_region_msg *msg)
{
	struct vhost_region *r = find(mem, msg);

	if (!r)
		return;
	munmap(r->mapping, r->mapping_len);
	mem->n--;
	memmove(r, r + 1, (size_t)(&mem->regions[mem->n] - r) * sizeof(*r));
}

void vhost_mem_clear(struct vhost_mem *mem)
{
	for (uint32_t i = 0; i < mem->n; i++)
		munmap(mem->regions[i].mapping, mem->regions[i].mapping_len);
	mem->n = 0;
}

void *vhost_mem_ring(const struct vhost_mem *mem, uint64_t uva, uint64_t len)
{
	for (uint32_t i = 0; i < mem->n; i++) {
		const struct vhost_region *r = &mem->regions[i];
		uint64_t offset = uva - r->uva;

		if (offset < r->size && len <= r->size - offset)
			return r->at + offset;
	}
	return NULL;
}

uint64_t vhost_mem_gpa(const struct vhost_mem *mem, const void *at)
{
	for (uint32_t i = 0; i < mem->n; i++) {
		const struct vhost_region *r = &mem->regions[i];
		uint64_t offset = (uint64_t)((const uint8_t *)at - r->at);

		if ((const uint8_t *)at >= r->at && offset < r->size)
			return r->gpa + offset;
	}
	return UINT64_MAX;
}

bool vhost_mem_has(const struct vhost_mem *mem, const void *at)
{
	for (uint32_t i = 0; i < mem->n; i++) {
		const uint8_t *mapping = mem->regions[i].mapping;

		if ((const uint8_t *)at >= mapping &&
			(const uint8_t *)at < mapping + mem->regions[i].mapping_len)
			return true;
	}
	return false;
}
