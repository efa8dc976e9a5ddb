/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The guest's memory: a sealed memfd that vhost-user back ends map too, or, for KSM, private memory
 * (the kernel merges no shared pages). Made by the main thread before any vCPU runs; never moved.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "mem.h"
#include "sparse.h"

#define MIB (UINT64_C(1) << 20)

static uint64_t page_size(enum vmm_huge huge)
{
	switch (huge) {
	case VMM_HUGE_2M:
		return 2 * MIB;
	case VMM_HUGE_1G:
		return 1024 * MIB;
	default:
		return 4096;
	}
}

static unsigned memfd_flags(enum vmm_huge huge)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

	if (huge == VMM_HUGE_2M)
		flags |= MFD_HUGETLB | MFD_HUGE_2MB;
	if (huge == VMM_HUGE_1G)
		flags |= MFD_HUGETLB | MFD_HUGE_1GB;
	return flags;
}

static int no_memory(const struct vmm_mem_conf *conf, int code, struct sh_err *err)
{
	unsigned long long mib = conf->size / MIB;

	if (conf->huge == VMM_HUGE_2M || conf->huge == VMM_HUGE_1G)
		return sh_err_set(err, code,
			"memory: no %llu MiB in huge pages of %s: reserve them (vm.nr_hugepages) "
			"or "
			"leave out hugepages",
			mib, conf->huge == VMM_HUGE_2M ? "2M" : "1G");
	return sh_err_set(err, code, "memory: no %llu MiB to be had: %s", mib, strerror(-code));
}

/* A descriptor whose size nobody can change: a back end that cut it would kill us by SIGBUS. */
static int open_shared(const struct vmm_mem_conf *conf, struct sh_err *err)
{
	_cleanup_close_ int fd = memfd_create("guest-memory", memfd_flags(conf->huge));

	if (fd < 0 || ftruncate(fd, (off_t)conf->size) < 0)
		return no_memory(conf, -errno, err);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return sh_err_set(err, -errno, "memory: cannot seal it: %s", strerror(errno));
	return TAKE_FD(fd);
}

static int bind_node(void *at, const struct vmm_mem_conf *conf, struct sh_err *err)
{
	unsigned long mask[16] = { 0 };
	const int bits = 8 * (int)sizeof(mask[0]);

	if (conf->node < 0)
		return 0;
	if (conf->node >= (int)sizeof(mask) * 8)
		return sh_err_set(err, -EINVAL, "memory: no NUMA node %d", conf->node);
	mask[conf->node / bits] = 1UL << (conf->node % bits);
	if (syscall(SYS_mbind, at, conf->size, MPOL_BIND, mask, sizeof(mask) * 8, 0) < 0)
		return sh_err_set(err, -errno, "memory: cannot be bound to NUMA node %d: %s",
			conf->node, strerror(errno));
	return 0;
}

static void add_region(struct vmm_mem *mem, uint8_t *base, uint64_t gpa, uint64_t end)
{
	struct vmm_mem_region *region = &mem->regions[mem->n_regions];
	uint64_t offset = mem->n_regions ? mem->regions[0].size : 0;

	if (end <= gpa)
		return;
	*region = (struct vmm_mem_region){
		.gpa = gpa, .size = end - gpa, .offset = offset, .host = base + offset
	};
	mem->n_regions++;
}

int vmm_mem_open(const struct vmm_mem_conf *conf, struct vmm_mem *ret, struct sh_err *err)
{
	struct vmm_mem mem = { .fd = -1, .size = conf->size };
	uint64_t low = conf->size < VMM_MEM_HOLE ? conf->size : VMM_MEM_HOLE;
	_cleanup_close_ int fd = -1;
	uint8_t *base;
	int r;

	if (!conf->size || conf->size % page_size(conf->huge))
		return sh_err_set(err, -EINVAL, "memory: the size is not whole pages of %llu KiB",
			(unsigned long long)page_size(conf->huge) / 1024);
	if (!conf->mergeable) {
		fd = open_shared(conf, err);
		if (fd < 0)
			return fd;
	}
	/* Without MAP_NORESERVE huge pages that are not there fail here, not as a SIGBUS later. */
	base = mmap(NULL, conf->size, PROT_READ | PROT_WRITE,
		fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return no_memory(conf, -errno, err);
	r = bind_node(base, conf, err);
	if (r < 0) {
		munmap(base, conf->size);
		return r;
	}
	/* Advice: a kernel without THP or KSM refuses it, and nothing is lost. */
	madvise(base, conf->size, MADV_DONTDUMP);
	if (conf->huge == VMM_HUGE_AUTO)
		madvise(base, conf->size, MADV_HUGEPAGE);
	if (conf->mergeable)
		madvise(base, conf->size, MADV_MERGEABLE);
	mem.fd = TAKE_FD(fd);
	add_region(&mem, base, 0, low);
	add_region(&mem, base, VMM_MEM_HIGH, VMM_MEM_HIGH + conf->size - low);
	*ret = mem;
	return 0;
}

void vmm_mem_close(struct vmm_mem *mem)
{
	if (mem->n_regions)
		munmap(mem->regions[0].host, mem->size);
	if (mem->fd >= 0)
		close(mem->fd);
	*mem = (struct vmm_mem){ .fd = -1 };
}

void *vmm_mem_at(const struct vmm_mem *mem, uint64_t gpa, uint64_t n)
{
	for (unsigned i = 0; i < mem->n_regions; i++) {
		const struct vmm_mem_region *region = &mem->regions[i];
		uint64_t offset = gpa - region->gpa;

		if (gpa >= region->gpa && offset < region->size && n <= region->size - offset)
			return region->host + offset;
	}
	return NULL;
}

uint64_t vmm_mem_end(const struct vmm_mem *mem)
{
	const struct vmm_mem_region *last = &mem->regions[mem->n_regions - 1];

	return last->gpa + last->size;
}

uint64_t vmm_mem_resident(const struct vmm_mem *mem)
{
	struct stat st;

	if (mem->fd < 0 || fstat(mem->fd, &st) < 0)
		return 0;
	return (uint64_t)st.st_blocks * 512;
}

static int write_all(int fd, const uint8_t *from, uint64_t n, uint64_t offset)
{
	while (n) {
		ssize_t done = pwrite(fd, from, n, (off_t)offset);

		if (done < 0)
			return -errno;
		from += done;
		offset += (uint64_t)done;
		n -= (uint64_t)done;
	}
	return 0;
}

/* Runs of pages that are not zero. */
static int write_pages(int fd, const uint8_t *from, uint64_t n, uint64_t offset)
{
	static const uint8_t zeroes[4096];
	uint64_t start = 0, at = 0;
	int r = 0;

	for (; r == 0 && at < n; at += sizeof(zeroes)) {
		if (memcmp(from + at, zeroes, sizeof(zeroes)) != 0)
			continue;
		r = write_all(fd, from + start, at - start, offset + start);
		start = at + sizeof(zeroes);
	}
	return r == 0 ? write_all(fd, from + start, at - start, offset + start) : r;
}

int vmm_mem_save(const struct vmm_mem *mem, int fd, uint64_t offset)
{
	uint64_t n;
	int r = ftruncate(fd, (off_t)(offset + mem->size)) < 0 ? -errno : 0;

	for (uint64_t at = 0; r == 0 && (n = vmm_next_data(mem->fd, &at, mem->size, MIB)); at += n)
		r = write_pages(fd, mem->regions[0].host + at, n, offset + at);
	return r;
}
