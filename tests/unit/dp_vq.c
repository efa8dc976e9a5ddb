/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The fast form of a ring, one descriptor a buffer, against the general ones that are walked: two
 * guests offer the same buffers, at the same addresses and with the same bytes in them, one of them
 * in the fast form. Frames, used entries, written bytes and dirty pages must be the same. Rings are
 * generated, the same in every run.
 */
#include "unit.h"

#include <stdlib.h>

#include "offload.h"
#include "vhost/vq.h"

#define N_BUFFERS    32u /* one burst */
#define N_PIECES     6u  /* of a buffer, at most */
#define N_ROUNDS     24
#define DESCS_AT     0
#define AVAIL_AT     0x2000
#define USED_AT      0x4000
#define TABLES_AT    0x8000u
#define TABLE_BYTES  (16u * N_PIECES)
#define BUFFERS_AT   0x10500u /* so that some lie in two pages */
#define BUFFER_BYTES 0x800u
#define MEMORY_BYTES (0x11000u + N_BUFFERS * BUFFER_BYTES)
#define GAP          64 /* between regions where we have them */
#define PAGES        (MEMORY_BYTES / 4096)
#define SPLIT_SIZE   256 /* a descriptor a buffer, and N_PIECES behind it */
#define PACKED_SIZE  200 /* no power of two, and room for all buffers in N_PIECES */
#define FRAME_MAX    1700

enum form {
	SINGLE,
	CHAIN,
	TABLE,
	TABLE_OF_ONE,
	ACROSS_REGIONS,
};

/* What both guests have in common. */
#define OPT_PACKED    1u
#define OPT_MERGEABLE 2u
#define OPT_MODERN    4u
#define OPT_OFFLOADS  8u
#define OPT_LOG       16u
#define N_OPTIONS     32u

struct used {
	uint32_t id, len;
	uint16_t writable; /* packed: the flag */
};

struct guest {
	struct vq vq;
	struct vhost_mem mem;
	struct vhost_log log;
	uint8_t log_bits[PAGES / 8 + 1];
	uint8_t *memory;
	enum form form;
	uint64_t rng; /* of how buffers are cut */

	/* the driver's side */
	uint16_t next_avail, used_seen, next_used;
	bool avail_wrap, used_wrap;
	uint16_t n_descs[N_BUFFERS];
	struct dp_burst burst;
};

struct pair {
	struct guest fast, general;
	uint64_t rng; /* of all that is the same */
	unsigned options;
	bool offered[N_BUFFERS];
	struct used came[N_BUFFERS]; /* back in this round */
	unsigned n_came;
};

/* xorshift64 */
static uint32_t next(uint64_t *rng)
{
	*rng ^= *rng << 13;
	*rng ^= *rng >> 7;
	*rng ^= *rng << 17;
	return (uint32_t)(*rng >> 16);
}

static uint32_t below(uint64_t *rng, uint32_t n)
{
	return next(rng) % n;
}

static void fill(uint64_t *rng, uint8_t *at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		at[i] = (uint8_t)next(rng);
}

/* Memory */

static void add_region(struct guest *g, uint64_t from, uint64_t to)
{
	struct vhost_region *r = &g->mem.regions[g->mem.n];

	r->gpa = from;
	r->size = to - from;
	r->at = g->memory + from + g->mem.n * GAP;
	g->mem.n++;
}

/* Regions end early in every buffer, or there is one. */
static void make_memory(struct guest *g)
{
	uint64_t from = 0;

	g->memory = aligned_alloc(4096, MEMORY_BYTES + 4096);
	assert_non_null(g->memory);
	memset(g->memory, 0, MEMORY_BYTES + 4096);
	for (unsigned i = 0; g->form == ACROSS_REGIONS && i < N_BUFFERS; i++) {
		uint64_t to = BUFFERS_AT + i * BUFFER_BYTES + 1 + below(&g->rng, 160);

		add_region(g, from, to);
		from = to;
	}
	add_region(g, from, MEMORY_BYTES);
}

static void *at(struct guest *g, uint64_t gpa)
{
	uint32_t len = 1;
	void *p = vhost_mem_at(&g->mem, gpa, &len);

	assert_non_null(p);
	return p;
}

static void guest_write(struct guest *g, uint64_t gpa, const uint8_t *from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		*(uint8_t *)at(g, gpa + i) = from[i];
}

static void guest_read(struct guest *g, uint64_t gpa, uint8_t *to, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to[i] = *(uint8_t *)at(g, gpa + i);
}

static uint64_t buffer_gpa(unsigned i)
{
	return BUFFERS_AT + i * BUFFER_BYTES;
}

/* The driver: it offers */

/* Cut into 2 to N_PIECES, any of which may be empty. return: how many. */
static unsigned cut(struct guest *g, uint32_t len, uint32_t *pieces)
{
	unsigned n = 2 + below(&g->rng, N_PIECES - 1);

	for (unsigned i = 0; i + 1 < n; i++) {
		/* Small ones first, so that header and head are cut too. */
		pieces[i] = below(&g->rng, RTE_MIN(len, i < 3 ? 50u : 800u) + 1);
		len -= pieces[i];
	}
	pieces[n - 1] = len;
	return n;
}

/* The first descriptor is the buffer's number, those behind it are its own. */
static void offer_split_chain(
	struct guest *g, uint16_t id, const struct vring_desc *descs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint16_t here = i ? (uint16_t)(N_BUFFERS + id * N_PIECES + i) : id;
		struct vring_desc d = descs[i];

		if (i + 1 < n) {
			d.flags |= VRING_DESC_F_NEXT;
			d.next = (uint16_t)(N_BUFFERS + id * N_PIECES + i + 1);
		}
		g->vq.desc[here] = d;
	}
	g->vq.avail->ring[g->next_avail++ % SPLIT_SIZE] = id;
}

/* virtio 1.2, 2.8.6: the id is in the last descriptor alone. */
static void offer_packed_chain(
	struct guest *g, uint16_t id, const struct vring_desc *descs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint16_t used = g->avail_wrap ? 0x80 : 0x8000;
		struct vring_packed_desc d = { .addr = descs[i].addr,
			.len = descs[i].len,
			.id = i + 1 < n ? 0xffff : id,
			.flags = (uint16_t)(descs[i].flags | used) };

		if (i + 1 < n)
			d.flags |= VRING_DESC_F_NEXT;
		g->vq.packed_desc[g->next_avail] = d;
		if (++g->next_avail == PACKED_SIZE) {
			g->next_avail = 0;
			g->avail_wrap = !g->avail_wrap;
		}
	}
	g->n_descs[id] = (uint16_t)n;
}

static void offer_chain(struct guest *g, uint16_t id, const struct vring_desc *descs, unsigned n)
{
	if (g->vq.packed)
		offer_packed_chain(g, id, descs, n);
	else
		offer_split_chain(g, id, descs, n);
}

static void offer_table(struct guest *g, uint16_t id, struct vring_desc *descs, unsigned n)
{
	uint64_t table = TABLES_AT + id * TABLE_BYTES;
	struct vring_desc head = { table, (uint32_t)(16 * n), VRING_DESC_F_INDIRECT, 0 };

	for (unsigned i = 0; i < n; i++) {
		uint16_t more = i + 1 < n ? VRING_DESC_F_NEXT : 0;
		struct vring_packed_desc p = { descs[i].addr, descs[i].len, 0, descs[i].flags };

		descs[i].flags |= more;
		descs[i].next = (uint16_t)(i + 1);
		guest_write(g, table + 16 * i, g->vq.packed ? (uint8_t *)&p : (uint8_t *)&descs[i],
			sizeof(p));
	}
	offer_chain(g, id, &head, 1);
}

static void offer(struct guest *g, uint16_t id, uint32_t len, bool writable)
{
	bool whole = g->form != CHAIN && g->form != TABLE;
	struct vring_desc descs[N_PIECES];
	uint32_t pieces[N_PIECES] = { len };
	unsigned n = whole ? 1 : cut(g, len, pieces);
	uint64_t gpa = buffer_gpa(id);

	for (unsigned i = 0; i < n; i++) {
		descs[i] =
			(struct vring_desc){ gpa, pieces[i], writable ? VRING_DESC_F_WRITE : 0, 0 };
		gpa += pieces[i];
	}
	if (g->form == TABLE || g->form == TABLE_OF_ONE)
		offer_table(g, id, descs, n);
	else
		offer_chain(g, id, descs, n);
}

static void publish(struct guest *g)
{
	if (!g->vq.packed)
		g->vq.avail->idx = g->next_avail;
}

/* The driver: it gets back */

static bool take_used_split(struct guest *g, struct used *u)
{
	const struct vring_used_elem *e = &g->vq.used->ring[g->used_seen % SPLIT_SIZE];

	if (g->used_seen == g->vq.used->idx)
		return false;
	*u = (struct used){ e->id, e->len, 0 };
	g->used_seen++;
	return true;
}

static bool take_used_packed(struct guest *g, struct used *u)
{
	const struct vring_packed_desc *d = &g->vq.packed_desc[g->next_used];

	if ((d->flags & 0x8080) != (g->used_wrap ? 0x8080 : 0))
		return false;
	*u = (struct used){ d->id, d->len, d->flags & VRING_DESC_F_WRITE };
	assert_true(u->id < N_BUFFERS);
	g->next_used = (uint16_t)(g->next_used + g->n_descs[u->id]);
	if (g->next_used >= PACKED_SIZE) {
		g->next_used = (uint16_t)(g->next_used - PACKED_SIZE);
		g->used_wrap = !g->used_wrap;
	}
	return true;
}

static bool take_used(struct guest *g, struct used *u)
{
	return g->vq.packed ? take_used_packed(g, u) : take_used_split(g, u);
}

static void compare_used(struct pair *p)
{
	struct used fast, general;

	for (p->n_came = 0; take_used(&p->fast, &fast); p->n_came++) {
		assert_true(take_used(&p->general, &general));
		assert_int_equal(fast.id, general.id);
		assert_int_equal(fast.len, general.len);
		assert_int_equal(fast.writable, general.writable);
		assert_true(fast.id < N_BUFFERS && p->offered[fast.id]);
		p->offered[fast.id] = false;
		p->came[p->n_came] = fast;
	}
	assert_false(take_used(&p->general, &general));
}

static void compare_logs(struct pair *p)
{
	assert_memory_equal(p->fast.log_bits, p->general.log_bits, sizeof(p->fast.log_bits));
	memset(p->fast.log_bits, 0, sizeof(p->fast.log_bits));
	memset(p->general.log_bits, 0, sizeof(p->general.log_bits));
}

/* Two guests */

static void make_guest(struct guest *g, enum form form, unsigned options, uint64_t seed)
{
	struct vq *vq = &g->vq;

	g->form = form;
	g->rng = seed;
	make_memory(g);
	vq->packed = options & OPT_PACKED;
	vq->mergeable = options & OPT_MERGEABLE;
	vq->has_offloads = options & OPT_OFFLOADS;
	vq->header_len = options & (OPT_MERGEABLE | OPT_MODERN) ? 12 : 10;
	vq->size = vq->packed ? PACKED_SIZE : SPLIT_SIZE;
	vq->mask = (uint16_t)(vq->size - 1);
	vq->desc = at(g, DESCS_AT);
	vq->avail = at(g, AVAIL_AT);
	vq->used = at(g, USED_AT);
	vq->mem = &g->mem;
	vq->call_fd = -1;
	g->log = (struct vhost_log){ .bits = g->log_bits, .n_pages = PAGES };
	vq->log = options & OPT_LOG ? &g->log : NULL;
	vq->logs_ring = true;
	vq->log_used_gpa = USED_AT;
	g->avail_wrap = g->used_wrap = vq->used_wrap = true;
	rte_spinlock_init(&vq->lock);
	vq_start(vq);
}

static struct pair *make_pair(enum form form, unsigned options)
{
	struct pair *p = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*p), (size_t)64));

	assert_non_null(p);
	memset(p, 0, sizeof(*p));
	p->options = options;
	p->rng = 0x9e3779b97f4a7c15u + options;
	make_guest(&p->fast, SINGLE, options, 1);
	make_guest(&p->general, form, options, 0xdeadbeef + options);
	return p;
}

static void free_pair(struct pair *p)
{
	free(p->fast.memory);
	free(p->general.memory);
	free(p);
}

static void offer_both(struct pair *p, uint16_t id, uint32_t len, bool writable)
{
	p->offered[id] = true;
	offer(&p->fast, id, len, writable);
	offer(&p->general, id, len, writable);
}

static void publish_both(struct pair *p)
{
	publish(&p->fast);
	publish(&p->general);
}

/* From a guest */

/* A TCP segment that checksum and segmentation can be asked for; a flaw in every fourth. */
static void make_tcp(struct pair *p, uint8_t *buffer, unsigned header_len)
{
	struct virtio_net_hdr h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = next(&p->rng) & 1 ? VIRTIO_NET_HDR_GSO_TCPV4 : 0,
		.gso_size = (uint16_t)(100 + below(&p->rng, 900)),
		.csum_start = 34,
		.csum_offset = 16 };
	uint8_t *frame = buffer + header_len;

	frame[12] = 0x08;
	frame[13] = 0;
	frame[14] = 0x45;
	frame[23] = 6;
	frame[46] = 0x50;
	if (next(&p->rng) % 4 == 0)
		fill(&p->rng, (uint8_t *)&h, sizeof(h));
	memcpy(buffer, &h, sizeof(h));
}

static uint32_t frame_length(struct pair *p)
{
	static const uint32_t corners[] = { 0, 1, 13, 14, 60, 127, 128, 129, 130, 160, 1514 };

	return next(&p->rng) % 2 ? corners[below(&p->rng, RTE_DIM(corners))]
				 : below(&p->rng, FRAME_MAX);
}

/* return: its length; now and then too short for a header. */
static uint32_t offer_frame(struct pair *p, uint16_t id, uint8_t *buffer)
{
	unsigned header_len = p->fast.vq.header_len;
	uint32_t len = header_len + frame_length(p);

	fill(&p->rng, buffer, len);
	memset(buffer, 0, header_len);
	if (len > header_len + 60u && next(&p->rng) % 2)
		make_tcp(p, buffer, header_len);
	if (next(&p->rng) % 32 == 0)
		len = below(&p->rng, header_len);
	guest_write(&p->fast, buffer_gpa(id), buffer, len);
	guest_write(&p->general, buffer_gpa(id), buffer, len);
	offer_both(p, id, len, false);
	return len;
}

/* The whole of a frame, its head from private memory. */
static uint32_t gather(const struct dp_frame *f, uint8_t *to)
{
	uint32_t n = f->n_head;

	memcpy(to, f->head, n);
	if (f->n_rest)
		memcpy(to + n, f->rest, f->n_rest);
	n += f->n_rest;
	for (unsigned i = 0; i < f->n_more; i++) {
		memcpy(to + n, f->more[i].at, f->more[i].len);
		n += f->more[i].len;
	}
	return n;
}

static void compare_notes(const struct dp_frame *a, const struct dp_frame *b)
{
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->n_head, b->n_head);
	assert_int_equal(a->refused_plus1, b->refused_plus1);
	assert_int_equal(a->offloads, b->offloads);
	if (!a->offloads)
		return;
	assert_int_equal(a->csum_start, b->csum_start);
	assert_int_equal(a->csum_offset, b->csum_offset);
	/* What follows has a meaning for segmentation alone, and is not cleared else. */
	if (!(a->offloads & DP_OFFLOAD_GSO))
		return;
	assert_int_equal(a->l3_start, b->l3_start);
	assert_int_equal(a->hdr_len, b->hdr_len);
	assert_int_equal(a->gso_size, b->gso_size);
}

static void compare_frame(struct pair *p, unsigned i, const uint8_t *buffer, uint32_t len)
{
	const struct dp_frame *fast = &p->fast.burst.frames[i];
	const struct dp_frame *general = &p->general.burst.frames[i];
	uint8_t a[BUFFER_BYTES], b[BUFFER_BYTES];
	unsigned header_len = p->fast.vq.header_len;

	compare_notes(fast, general);
	if (len <= header_len) {
		assert_int_equal(fast->refused_plus1, DP_DROP_DESCRIPTOR + 1);
		return;
	}
	if (fast->refused_plus1)
		return;
	assert_int_equal(gather(fast, a), len - header_len);
	assert_int_equal(gather(general, b), len - header_len);
	assert_memory_equal(a, buffer + header_len, len - header_len);
	assert_memory_equal(b, buffer + header_len, len - header_len);
}

static void receive_round(struct pair *p)
{
	static uint8_t buffers[N_BUFFERS][BUFFER_BYTES];
	uint32_t lens[N_BUFFERS];
	uint16_t n = (uint16_t)(1 + below(&p->rng, N_BUFFERS));

	for (uint16_t i = 0; i < n; i++)
		lens[i] = offer_frame(p, i, buffers[i]);
	publish_both(p);
	assert_int_equal(vq_receive(&p->fast.vq, &p->fast.burst), n);
	assert_int_equal(vq_receive(&p->general.vq, &p->general.burst), n);
	/* Only what was walked is in pieces of the burst. */
	assert_int_equal(p->fast.burst.n_segs, 0);
	for (uint16_t i = 0; i < n; i++)
		compare_frame(p, i, buffers[i], lens[i]);
	vq_receive_done(&p->fast.vq, &p->fast.burst);
	vq_receive_done(&p->general.vq, &p->general.burst);
	compare_used(p);
	assert_int_equal(p->n_came, n);
	compare_logs(p);
}

static void frames_from_a_guest_are_the_same(void **state)
{
	enum form form = (enum form)(uintptr_t)*state;

	for (unsigned options = 0; options < N_OPTIONS; options++) {
		struct pair *p = make_pair(form, options);
		unsigned n_walked = 0;

		for (unsigned i = 0; i < N_ROUNDS; i++) {
			receive_round(p);
			n_walked += p->general.burst.n_segs;
		}
		assert_true(n_walked > N_ROUNDS);
		free_pair(p);
	}
}

/* To a guest */

struct outgoing {
	struct dp_frame frames[DP_BURST];
	struct dp_seg more[DP_BURST][2];
	uint8_t bytes[DP_BURST][FRAME_MAX];
	struct dp_item fast[DP_BURST], general[DP_BURST];
};

/* Behind its head a frame lies in up to three pieces. */
static void lay_out(struct pair *p, struct outgoing *out, unsigned i, uint32_t len)
{
	struct dp_frame *f = &out->frames[i];
	uint32_t n_head = RTE_MIN(len, (uint32_t)DP_HEAD_BYTES), left = len - n_head;
	uint8_t *rest = out->bytes[i] + n_head;

	*f = (struct dp_frame){ .head = out->bytes[i], .n_head = n_head, .len = len, .rest = rest };
	f->n_rest = left;
	f->more = out->more[i];
	while (f->n_rest > 1 && f->n_more < 2 && next(&p->rng) % 2) {
		uint32_t last = 1 + below(&p->rng, f->n_rest - 1);

		/* The pieces stand in order: the one cut off last comes first. */
		out->more[i][1] = out->more[i][0];
		f->n_rest -= last;
		out->more[i][0] = (struct dp_seg){ rest + f->n_rest, last };
		f->n_more++;
	}
}

static void make_offload(struct pair *p, struct dp_frame *f)
{
	f->offloads = DP_OFFLOAD_CSUM;
	f->csum_start = (uint16_t)(18 + below(&p->rng, 60));
	f->csum_offset = 16;
	if (next(&p->rng) % 2)
		return;
	f->offloads |= DP_OFFLOAD_TSO4;
	f->hdr_len = 54;
	f->gso_size = 500;
}

static void make_item(struct pair *p, struct outgoing *out, unsigned i)
{
	uint32_t len = 18 + below(&p->rng, FRAME_MAX - 18);
	struct dp_item item = { .frame = &out->frames[i], .tci = 100 };

	fill(&p->rng, out->bytes[i], len);
	lay_out(p, out, i, len);
	if (p->options & OPT_OFFLOADS && len > 200 && next(&p->rng) % 2)
		make_offload(p, &out->frames[i]);
	item.tag_op = (uint8_t)below(&p->rng, 4);
	item.len = len + (uint32_t)dp_tag_shift(item.tag_op);
	out->fast[i] = out->general[i] = item;
}

static uint32_t buffer_length(struct pair *p)
{
	/* One that is too small stays in the way of every frame that has to fit into one. */
	bool mergeable = p->options & OPT_MERGEABLE;

	if (next(&p->rng) % (mergeable ? 2 : 16))
		return BUFFER_BYTES;
	return mergeable ? 20 + below(&p->rng, 900) : 500 + below(&p->rng, 900);
}

static void offer_buffers(struct pair *p)
{
	for (uint16_t i = 0; i < N_BUFFERS; i++)
		if (!p->offered[i] && next(&p->rng) % 8)
			offer_both(p, i, buffer_length(p), true);
	publish_both(p);
}

/* Those translated ahead tell which way they are going to take. */
static void check_forms(const struct pair *p)
{
	const struct vq *fast = &p->fast.vq, *general = &p->general.vq;

	for (unsigned i = 0; i < fast->n_slots; i++)
		assert_non_null(fast->slots[(fast->first_slot + i) % VQ_SLOTS].at);
	for (unsigned i = 0; i < general->n_slots && p->general.form != ACROSS_REGIONS; i++)
		assert_null(general->slots[(general->first_slot + i) % VQ_SLOTS].at);
}

static void compare_buffers(struct pair *p)
{
	static uint8_t a[N_BUFFERS * BUFFER_BYTES], b[N_BUFFERS * BUFFER_BYTES];

	guest_read(&p->fast, BUFFERS_AT, a, sizeof(a));
	guest_read(&p->general, BUFFERS_AT, b, sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
}

/* What the driver makes of the buffers from p->came[k] on. return: how many there are. */
static unsigned read_delivered(struct pair *p, unsigned k, uint8_t *to, uint32_t *ret_len)
{
	uint16_t n = 1;

	*ret_len = 0;
	if (p->options & OPT_MERGEABLE)
		guest_read(&p->fast, buffer_gpa(p->came[k].id) + 10, (uint8_t *)&n, sizeof(n));
	assert_in_range(n, 1, p->n_came - k);
	for (unsigned i = 0; i < n; i++) {
		const struct used *u = &p->came[k + i];

		assert_true(u->len <= BUFFER_BYTES && *ret_len + u->len <= 2 * BUFFER_BYTES);
		guest_read(&p->fast, buffer_gpa(u->id), to + *ret_len, u->len);
		*ret_len += u->len;
	}
	return n;
}

static uint32_t expected(const struct dp_item *item, uint8_t *to)
{
	uint32_t n = dp_item_put_head(item, to);
	const struct dp_frame *f = item->frame;

	memcpy(to + n, f->rest, f->n_rest);
	n += f->n_rest;
	for (unsigned i = 0; i < f->n_more; i++) {
		memcpy(to + n, f->more[i].at, f->more[i].len);
		n += f->more[i].len;
	}
	return n;
}

/* Both may be wrong in the same way. */
static void check_delivered(struct pair *p, const struct dp_item *items, unsigned n)
{
	static uint8_t got[2 * BUFFER_BYTES], wanted[BUFFER_BYTES];
	uint32_t len, header_len = p->fast.vq.header_len;
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		if (items[i].drop != DP_N_DROPS)
			continue;
		k += read_delivered(p, k, got, &len);
		assert_int_equal(len, header_len + expected(&items[i], wanted));
		assert_memory_equal(got + header_len, wanted, len - header_len);
	}
	assert_int_equal(k, p->n_came);
}

/* return: how many were sent. */
static uint16_t send_round(struct pair *p)
{
	static struct outgoing out;
	uint16_t n = (uint16_t)(1 + below(&p->rng, DP_BURST)), sent;

	for (unsigned i = 0; i < n; i++)
		make_item(p, &out, i);
	offer_buffers(p);
	sent = vq_send(&p->fast.vq, out.fast, n);
	assert_int_equal(vq_send(&p->general.vq, out.general, n), sent);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(out.fast[i].drop, out.general[i].drop);
	compare_used(p);
	compare_buffers(p);
	compare_logs(p);
	check_delivered(p, out.fast, n);
	check_forms(p);
	return sent;
}

static void frames_to_a_guest_are_the_same(void **state)
{
	enum form form = (enum form)(uintptr_t)*state;

	for (unsigned options = 0; options < N_OPTIONS; options++) {
		struct pair *p = make_pair(form, options);
		unsigned n_sent = 0;

		for (unsigned i = 0; i < N_ROUNDS; i++)
			n_sent += send_round(p);
		assert_true(n_sent > N_ROUNDS);
		free_pair(p);
	}
}

#define CLAIM(direction, words, form)                                                              \
	{                                                                                          \
#direction "_" #words, direction, NULL, NULL, (void *)(uintptr_t)(form)            \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(frames_from_a_guest_are_the_same, in_a_chain, CHAIN),
		CLAIM(frames_from_a_guest_are_the_same, in_an_indirect_table, TABLE),
		CLAIM(frames_from_a_guest_are_the_same, in_a_table_of_one, TABLE_OF_ONE),
		CLAIM(frames_from_a_guest_are_the_same, across_regions, ACROSS_REGIONS),
		CLAIM(frames_to_a_guest_are_the_same, in_a_chain, CHAIN),
		CLAIM(frames_to_a_guest_are_the_same, in_an_indirect_table, TABLE),
		CLAIM(frames_to_a_guest_are_the_same, in_a_table_of_one, TABLE_OF_ONE),
		CLAIM(frames_to_a_guest_are_the_same, across_regions, ACROSS_REGIONS),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
