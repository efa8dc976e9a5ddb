/* SPDX-License-Identifier: BSD-3-Clause
 *
 * DPDK is given one lcore, the control thread's; workers are threads of our own that register
 * with it, so that their number may change while the switch runs. Its log goes to ours.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include "base/log.h"
#include "eal.h"

#define MAX_ARGS         16
#define POOL_CACHE       256
#define MIN_FRAMES       4096u
#define DATA_ROOM        RTE_MBUF_DEFAULT_BUF_SIZE
#define OWN_TABLES_BYTES (UINT64_C(16) << 20)
#define HUGE_2M_DIR      "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
#define HUGE_1G_DIR      "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages"

static ssize_t dpdk_log_write(void *cookie, const char *text, size_t n)
{
	/* DPDK ends its lines itself; its debug chatter is our debug. */
	static const enum sh_log_level levels[] = { SH_LOG_ERR, SH_LOG_ERR, SH_LOG_ERR, SH_LOG_ERR,
		SH_LOG_WARN, SH_LOG_WARN, SH_LOG_INFO, SH_LOG_INFO, SH_LOG_DEBUG };
	int level = rte_log_cur_msg_loglevel();
	size_t len = n;

	while (len > 0 && text[len - 1] == '\n')
		len--;
	if (level < 0 || level >= (int)RTE_DIM(levels))
		level = RTE_LOG_INFO;
	if (len)
		sh_log(levels[level] <= SH_LOG_WARN ? SH_LOG_INFO : levels[level], "dpdk: %.*s",
			(int)len, text);
	return (ssize_t)n;
}

static void redirect_log(void)
{
	cookie_io_functions_t io = { .write = dpdk_log_write };
	FILE *f = fopencookie(NULL, "w", io);

	if (!f)
		return;
	setvbuf(f, NULL, _IOLBF, 0);
	rte_openlog_stream(f);
}

static uint64_t free_huge_bytes(const char *path, uint64_t page_bytes)
{
	unsigned long n = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	if (fscanf(f, "%lu", &n) != 1)
		n = 0;
	fclose(f);
	return n * page_bytes;
}

static size_t frame_bytes(void)
{
	return rte_mempool_calc_obj_size(sizeof(struct rte_mbuf) + DATA_ROOM, 0, NULL);
}

static unsigned frames_of(const struct dp_conf *conf)
{
	return (unsigned)(conf->memory_bytes / frame_bytes());
}

/* What DPDK is given: the frames, the pool's ring of pointers to them, and its own tables. */
static uint64_t eal_bytes(const struct dp_conf *conf)
{
	uint64_t ring_bytes = rte_align32pow2(frames_of(conf) + 1) * sizeof(void *);

	return conf->memory_bytes + ring_bytes + OWN_TABLES_BYTES;
}

static int choose_pages(const struct dp_conf *conf, struct sh_err *err, bool *ret_huge)
{
	uint64_t have = free_huge_bytes(HUGE_2M_DIR, UINT64_C(2) << 20) +
			free_huge_bytes(HUGE_1G_DIR, UINT64_C(1) << 30);
	uint64_t need = eal_bytes(conf);

	*ret_huge = conf->hugepages != DP_HUGEPAGES_OFF && have >= need;
	if (conf->hugepages == DP_HUGEPAGES_ON && !*ret_huge)
		return sh_err_set(err, -ENOMEM,
			"out of huge pages: %llu MiB free, %llu MiB needed: reserve more in "
			"/proc/sys/vm/nr_hugepages, or set memory.hugepages to auto",
			(unsigned long long)(have >> 20), (unsigned long long)(need >> 20));
	if (conf->hugepages == DP_HUGEPAGES_AUTO && !*ret_huge)
		sh_log_warn("%llu MiB of huge pages free, %llu MiB needed: using plain memory, "
			    "which is slower",
			(unsigned long long)(have >> 20), (unsigned long long)(need >> 20));
	return 0;
}

static int eal_init(const struct dp_conf *conf, bool huge, struct sh_err *err)
{
	char lcores[64], size[32];
	char *argv[MAX_ARGS];
	int argc = 0, r;
	cpu_set_t before;

	/* One lcore whose CPUs are all that we may use: DPDK then leaves our affinity as it is. */
	sched_getaffinity(0, sizeof(before), &before);
	snprintf(lcores, sizeof(lcores), "0@%u", dp_default_cpu());
	snprintf(size, sizeof(size), "%llu", (unsigned long long)(eal_bytes(conf) >> 20));
	argv[argc++] = (char *)"shuntd";
	argv[argc++] = (char *)"--lcores";
	argv[argc++] = lcores;
	argv[argc++] = (char *)"--no-telemetry";
	/* Probe no device at the start; ports name theirs later. */
	argv[argc++] = (char *)"-a";
	argv[argc++] = (char *)"0000:00:00.0";
	argv[argc++] = (char *)"--log-level=lib.eal:6";
	if (huge) {
		argv[argc++] = (char *)"--in-memory";
	} else {
		argv[argc++] = (char *)"--no-huge";
		argv[argc++] = (char *)"--no-shconf";
		argv[argc++] = (char *)"--iova-mode=va";
		argv[argc++] = (char *)"-m";
		argv[argc++] = size;
	}
	argv[argc] = NULL;
	r = rte_eal_init(argc, argv);
	sched_setaffinity(0, sizeof(before), &before);
	if (r < 0)
		return sh_err_set(
			err, -rte_errno, "DPDK does not start: %s", rte_strerror(rte_errno));
	return 0;
}

/* A pool whose frames may cross pages is told no bus addresses. Devices see plain memory at its
 * virtual addresses, by the IOMMU. */
static void set_bus_address(struct rte_mempool *pool, void *arg, void *frame, unsigned index)
{
	struct rte_mbuf *m = frame;

	rte_mbuf_iova_set(m, (rte_iova_t)(uintptr_t)m->buf_addr);
}

/* What rte_pktmbuf_pool_create does, but that frames may cross pages of plain memory: nothing
 * there has a physical address to keep together, and a frame a page would waste half of it. */
static struct rte_mempool *make_pool(unsigned n_frames, bool huge)
{
	struct rte_pktmbuf_pool_private private = { .mbuf_data_room_size = DATA_ROOM };
	struct rte_mempool *pool = rte_mempool_create_empty("shunt-frames", n_frames,
		sizeof(struct rte_mbuf) + DATA_ROOM, POOL_CACHE, sizeof(private), SOCKET_ID_ANY,
		huge ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG);

	if (!pool)
		return NULL;
	if (rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL) < 0) {
		rte_mempool_free(pool);
		return NULL;
	}
	rte_pktmbuf_pool_init(pool, &private);
	if (rte_mempool_populate_default(pool) < 0) {
		rte_mempool_free(pool);
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	if (!huge)
		rte_mempool_obj_iter(pool, set_bus_address, NULL);
	return pool;
}

int dp_eal_start(const struct dp_conf *conf, struct sh_err *err, struct rte_mempool **ret)
{
	unsigned n_frames = frames_of(conf);
	struct rte_mempool *pool;
	bool huge;
	int r = choose_pages(conf, err, &huge);

	if (r < 0)
		return r;
	if (n_frames < MIN_FRAMES)
		return sh_err_set(err, -ENOMEM,
			"memory.size of %llu MiB is too small: at least %zu",
			(unsigned long long)(conf->memory_bytes >> 20),
			(MIN_FRAMES * frame_bytes() >> 20) + 1);
	redirect_log();
	r = eal_init(conf, huge, err);
	if (r < 0)
		return r;
	pool = make_pool(n_frames, huge);
	if (!pool)
		return sh_err_set(err, -ENOMEM,
			"no memory for %u frames (%llu MiB): lower memory.size", n_frames,
			(unsigned long long)(conf->memory_bytes >> 20));
	*ret = pool;
	return 0;
}

void dp_eal_stop(void)
{
	rte_eal_cleanup();
}
