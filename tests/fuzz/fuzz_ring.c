/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as a guest's memory with a ring in it, walked in both directions: every frame that
 * comes out must lie in that memory, and nothing outside of it may be touched. The memory is an
 * allocation of its own, so that the sanitizer sees a byte beside it.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "offload.h"
#include "vhost/vq.h"

#define MEMORY_BYTES 32768u
#define RING_BYTES   16384u /* descriptors and both other parts lie in the first half */
#define GPA          UINT64_C(0x40000000)
#define N_ROUNDS     4

struct guest {
	struct vhost_mem mem;
	struct vhost_log log;
	struct vq vq;
	struct dp_burst burst;
	struct dp_segmenter segmenter;
	uint8_t *memory;
};

/* Where guest physical addresses begin, a descriptor of small numbers points at something. */
static void make_memory(struct guest *g, uint8_t choice, const uint8_t *data, size_t size)
{
	unsigned n = 1 + choice % 3;

	g->memory = aligned_alloc(4096, MEMORY_BYTES);
	CHECK(g->memory);
	for (size_t i = 0; i < MEMORY_BYTES; i++)
		g->memory[i] = size ? data[i % size] : 0;
	g->mem.n = n;
	for (unsigned i = 0; i < n; i++) {
		uint64_t at = MEMORY_BYTES / n * i;
		uint64_t end = i + 1 == n ? MEMORY_BYTES : MEMORY_BYTES / n * (i + 1);

		g->mem.regions[i].gpa = (choice & 4 ? 0 : GPA) + at;
		g->mem.regions[i].size = end - at;
		g->mem.regions[i].at = g->memory + at;
	}
}

static void make_ring(struct guest *g, uint8_t flags, uint8_t size)
{
	struct vq *vq = &g->vq;

	vq->packed = flags & 1;
	vq->event_idx = flags & 2;
	vq->mergeable = flags & 4;
	vq->header_len = flags & 8 ? 12 : 10;
	vq->size = vq->packed ? 1 + size : (uint16_t)(1u << (size % 9));
	vq->mask = (uint16_t)(vq->size - 1);
	vq->desc = (void *)g->memory;
	vq->avail = (void *)(g->memory + 256 * 16);
	vq->used = (void *)(g->memory + 256 * 16 + 1024);
	vq->mem = &g->mem;
	vq->log = flags & 16 ? &g->log : NULL;
	vq->call_fd = -1;
	vq->next_used = vq->packed ? size / 2 : 0;
	vq->used_wrap = flags & 32;
	vq->has_offloads = flags & 64;
	rte_spinlock_init(&vq->lock);
	g->log.n_pages = 16;
	g->log.bits = calloc(1, 2);
	CHECK(g->log.bits);
	vq_start(vq);
}

static void check_piece(const struct guest *g, const uint8_t *at, uint32_t len)
{
	CHECK(len <= MEMORY_BYTES && at >= g->memory && at + len <= g->memory + MEMORY_BYTES);
}

static void check_frame(const struct guest *g, const struct dp_frame *f)
{
	uint64_t sum = (uint64_t)f->n_head + f->n_rest;

	CHECK(f->n_head <= DP_HEAD_BYTES);
	if (f->n_rest)
		check_piece(g, f->rest, f->n_rest);
	for (unsigned i = 0; i < f->n_more; i++) {
		check_piece(g, f->more[i].at, f->more[i].len);
		sum += f->more[i].len;
	}
	CHECK(sum == f->len);
}

static void finish(struct guest *g, uint16_t i)
{
	struct dp_frame *f = &g->burst.frames[i];
	struct dp_item item = { .frame = f, .len = f->len };
	unsigned n_wanted, n_cut = 0, n;
	uint64_t payload = 0;

	if (!(f->offloads & DP_OFFLOAD_GSO)) {
		dp_offload_checksum(f, g->burst.heads[i]);
		return;
	}
	n_wanted = dp_segment_begin(&g->segmenter, &item);
	CHECK(n_wanted <= DP_SEGMENTS_MAX);
	while ((n = dp_segment_next(&g->segmenter))) {
		for (unsigned k = 0; k < n; k++) {
			const struct dp_frame *s = &g->segmenter.frames[k];

			CHECK(s->n_head == f->hdr_len && s->len <= f->hdr_len + f->gso_size);
			CHECK(s->len == g->segmenter.items[k].len);
			payload += s->len - s->n_head;
		}
		n_cut += n;
	}
	CHECK(n_cut == n_wanted && payload == f->len - f->hdr_len);
}

static void receive(struct guest *g)
{
	uint16_t n = vq_receive(&g->vq, &g->burst);

	CHECK(n <= DP_BURST && n == g->burst.n);
	for (uint16_t i = 0; i < n; i++)
		check_frame(g, &g->burst.frames[i]);
	for (uint16_t i = 0; i < n; i++)
		if (g->burst.frames[i].offloads)
			finish(g, i);
	vq_receive_done(&g->vq, &g->burst);
}

static void send(struct guest *g, uint8_t seed)
{
	static uint8_t payload[9018];
	struct dp_frame frames[DP_BURST] = { 0 };
	struct dp_item items[DP_BURST];
	uint16_t n = (uint16_t)(1 + seed % DP_BURST), n_ok = 0, sent;

	for (uint16_t i = 0; i < n; i++) {
		struct dp_frame *f = &frames[i];

		f->len = 18 + (seed * 131u + i * 977u) % 9000u;
		f->head = payload;
		f->n_head = RTE_MIN(f->len, (uint32_t)DP_HEAD_BYTES);
		f->rest = payload + f->n_head;
		f->n_rest = f->len - f->n_head;
		items[i] = (struct dp_item){ .frame = f, .tag_op = (seed + i) % 4, .tci = 100 };
		items[i].len = f->len + (uint32_t)dp_tag_shift(items[i].tag_op);
	}
	sent = vq_send(&g->vq, items, n);
	for (uint16_t i = 0; i < n; i++)
		n_ok = (uint16_t)(n_ok + (items[i].drop == DP_N_DROPS));
	CHECK(sent == n_ok);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest *g;

	if (size < 8)
		return 0;
	g = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*g), 64));
	CHECK(g);
	memset(g, 0, sizeof(*g));
	make_memory(g, data[0], data + 8, size - 8);
	make_ring(g, data[1], data[2]);
	for (unsigned i = 0; i < N_ROUNDS; i++) {
		/* What a guest does meanwhile: move its index on, and a few bytes anywhere. */
		if (!g->vq.packed)
			g->vq.avail->idx = (uint16_t)(g->vq.avail->idx + data[3] % 64);
		memcpy(g->memory + (data[4] * 97u + i * 512u) % RING_BYTES, data, 8);
		if (data[5] & 1u << i)
			receive(g);
		else
			send(g, (uint8_t)(data[6] + i));
	}
	free(g->log.bits);
	free(g->memory);
	free(g);
	return 0;
}
