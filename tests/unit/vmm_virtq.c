/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A virtqueue against a driver that keeps the rules and one that does not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "virtq.h"

#define BYTES   0x10000u
#define SIZE    8
#define DESC    0x0
#define AVAIL   0x1000
#define USED    0x2000
#define TABLE   0x3000
#define BUFFERS 0x4000

struct rings {
	struct vmm_mem mem;
	struct vmm_virtq q;
	struct vring_desc *desc, *table;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vmm_chain chain;
};

static int setup(void **state)
{
	struct rings *r = calloc(1, sizeof(*r));
	uint8_t *memory = aligned_alloc(4096, BYTES);

	assert_non_null(r);
	assert_non_null(memory);
	memset(memory, 0, BYTES);
	r->mem.n_regions = 1;
	r->mem.regions[0] = (struct vmm_mem_region){ .size = BYTES, .host = memory };
	r->q = (struct vmm_virtq){ .mem = &r->mem,
		.size = SIZE,
		.desc_gpa = DESC,
		.avail_gpa = AVAIL,
		.used_gpa = USED,
		.has_indirect = true };
	r->desc = (void *)(memory + DESC);
	r->table = (void *)(memory + TABLE);
	r->avail = (void *)(memory + AVAIL);
	r->used = (void *)(memory + USED);
	assert_int_equal(vmm_virtq_start(&r->q), 0);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rings *r = *state;

	free(r->mem.regions[0].host);
	free(r);
	return 0;
}

static void offer(struct rings *r, uint16_t head)
{
	r->avail->ring[r->avail->idx % SIZE] = head;
	r->avail->idx++;
}

static void set(struct vring_desc *d, uint64_t addr, uint32_t len, unsigned flags, uint16_t next)
{
	*d = (struct vring_desc){ addr, len, (uint16_t)flags, next };
}

static int pop(struct rings *r)
{
	return vmm_virtq_pop(&r->q, &r->chain);
}

static void chain_comes_in_its_order_with_all_its_pieces(void **state)
{
	struct rings *r = *state;
	uint8_t *buffers = r->mem.regions[0].host + BUFFERS;

	set(&r->desc[3], BUFFERS, 16, VRING_DESC_F_NEXT, 1);
	set(&r->desc[1], BUFFERS + 0x100, 5, VRING_DESC_F_NEXT, 7);
	set(&r->desc[7], BUFFERS + 0x200, 9, VRING_DESC_F_WRITE, 0);
	assert_int_equal(pop(r), 0);
	offer(r, 3);
	assert_int_equal(pop(r), 1);
	assert_int_equal(r->chain.head, 3);
	assert_int_equal(r->chain.n_out, 2);
	assert_int_equal(r->chain.n_in, 1);
	assert_int_equal(r->chain.out_bytes, 21);
	assert_int_equal(r->chain.in_bytes, 9);
	assert_ptr_equal(r->chain.iov[1].iov_base, buffers + 0x100);
	assert_ptr_equal(r->chain.iov[2].iov_base, buffers + 0x200);
	assert_int_equal(pop(r), 0);
}

static void indirect_table_is_walked_as_the_ring_is(void **state)
{
	struct rings *r = *state;

	set(&r->desc[2], TABLE, 3 * 16, VRING_DESC_F_INDIRECT, 0);
	set(&r->table[0], BUFFERS, 16, VRING_DESC_F_NEXT, 2);
	set(&r->table[2], BUFFERS + 32, 8, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	set(&r->table[1], BUFFERS + 64, 4, VRING_DESC_F_WRITE, 0);
	offer(r, 2);
	assert_int_equal(pop(r), 1);
	assert_int_equal(r->chain.n_out, 1);
	assert_int_equal(r->chain.n_in, 2);
	assert_int_equal(r->chain.in_bytes, 12);
}

static void buffer_of_no_length_is_no_piece(void **state)
{
	struct rings *r = *state;

	set(&r->desc[0], UINT64_MAX, 0, VRING_DESC_F_NEXT, 1);
	set(&r->desc[1], BUFFERS, 4, 0, 0);
	offer(r, 0);
	assert_int_equal(pop(r), 1);
	assert_int_equal(r->chain.n_out, 1);
}

/* Each is a ring as a hostile driver may make it. */
static void loop_of_descriptors(struct rings *r)
{
	set(&r->desc[0], BUFFERS, 4, VRING_DESC_F_NEXT, 1);
	set(&r->desc[1], BUFFERS, 4, VRING_DESC_F_NEXT, 0);
}

static void loop_in_a_table(struct rings *r)
{
	set(&r->desc[0], TABLE, 2 * 16, VRING_DESC_F_INDIRECT, 0);
	set(&r->table[0], BUFFERS, 4, VRING_DESC_F_NEXT, 0);
}

static void next_beyond_the_ring(struct rings *r)
{
	set(&r->desc[0], BUFFERS, 4, VRING_DESC_F_NEXT, SIZE);
}

static void next_beyond_the_table(struct rings *r)
{
	set(&r->desc[0], TABLE, 2 * 16, VRING_DESC_F_INDIRECT, 0);
	set(&r->table[0], BUFFERS, 4, VRING_DESC_F_NEXT, 2);
	set(&r->table[2], BUFFERS, 4, 0, 0);
}

static void buffer_beyond_memory(struct rings *r)
{
	set(&r->desc[0], BYTES - 4, 5, 0, 0);
}

static void buffer_around_the_end_of_addresses(struct rings *r)
{
	set(&r->desc[0], UINT64_MAX - 3, 16, VRING_DESC_F_WRITE, 0);
}

static void reading_after_writing(struct rings *r)
{
	set(&r->desc[0], BUFFERS, 4, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	set(&r->desc[1], BUFFERS, 4, 0, 0);
}

static void table_in_a_table(struct rings *r)
{
	set(&r->desc[0], TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	set(&r->table[0], TABLE, 16, VRING_DESC_F_INDIRECT, 0);
}

static void table_behind_a_buffer(struct rings *r)
{
	set(&r->desc[0], BUFFERS, 4, VRING_DESC_F_NEXT, 1);
	set(&r->desc[1], TABLE, 16, VRING_DESC_F_INDIRECT, 0);
}

static void table_with_a_next(struct rings *r)
{
	set(&r->desc[0], TABLE, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
	set(&r->table[0], BUFFERS, 4, 0, 0);
}

static void table_of_half_a_descriptor(struct rings *r)
{
	set(&r->desc[0], TABLE, 24, VRING_DESC_F_INDIRECT, 0);
}

static void table_of_nothing(struct rings *r)
{
	set(&r->desc[0], TABLE, 0, VRING_DESC_F_INDIRECT, 0);
}

static void table_longer_than_any_queue(struct rings *r)
{
	set(&r->desc[0], TABLE, (VMM_VIRTQ_MAX + 1) * 16, VRING_DESC_F_INDIRECT, 0);
	set(&r->table[0], BUFFERS, 4, 0, 0);
}

static void table_that_was_not_negotiated(struct rings *r)
{
	r->q.has_indirect = false;
	set(&r->desc[0], TABLE, 16, VRING_DESC_F_INDIRECT, 0);
	set(&r->table[0], BUFFERS, 4, 0, 0);
}

static void head_beyond_the_ring(struct rings *r)
{
	r->avail->ring[0] = SIZE;
}

static void more_chains_than_the_ring_holds(struct rings *r)
{
	r->avail->idx = SIZE + 1;
}

static void ring_that_makes_no_sense_is_broken_for_good(void **state)
{
	static void (*const bad[])(struct rings * r) = { loop_of_descriptors, loop_in_a_table,
		next_beyond_the_ring, next_beyond_the_table, buffer_beyond_memory,
		buffer_around_the_end_of_addresses, reading_after_writing, table_in_a_table,
		table_behind_a_buffer, table_with_a_next, table_of_half_a_descriptor,
		table_of_nothing, table_longer_than_any_queue, table_that_was_not_negotiated,
		head_beyond_the_ring, more_chains_than_the_ring_holds };

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		void *fresh;
		struct rings *r;

		setup(&fresh);
		r = fresh;
		r->avail->idx = 1;
		bad[i](r);
		assert_int_equal(pop(r), -EPROTO);
		assert_true(r->q.broken);
		memset(r->desc, 0, SIZE * 16);
		assert_int_equal(pop(r), -EPROTO);
		teardown(&fresh);
	}
}

static void ring_starts_only_where_all_of_it_is_memory(void **state)
{
	struct rings *r = *state;
	static const struct {
		uint16_t size;
		uint64_t desc, avail, used;
	} bad[] = {
		{ 0, DESC, AVAIL, USED },
		{ 6, DESC, AVAIL, USED },
		{ VMM_VIRTQ_MAX * 2, DESC, AVAIL, USED },
		{ SIZE, 8, AVAIL, USED },
		{ SIZE, DESC, AVAIL + 1, USED },
		{ SIZE, DESC, AVAIL, USED + 2 },
		{ SIZE, BYTES - SIZE * 16 + 16, AVAIL, USED },
		{ SIZE, DESC, BYTES - (6 + 2 * SIZE) + 2, USED },
		{ SIZE, DESC, AVAIL, BYTES - (6 + 8 * SIZE) + 2 },
		{ SIZE, UINT64_MAX - 15, AVAIL, USED },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r->q.size = bad[i].size;
		r->q.desc_gpa = bad[i].desc;
		r->q.avail_gpa = bad[i].avail;
		r->q.used_gpa = bad[i].used;
		assert_int_equal(vmm_virtq_start(&r->q), -EINVAL);
		assert_int_equal(pop(r), -EPROTO);
	}
}

static void used_entries_are_seen_when_published_and_not_before(void **state)
{
	struct rings *r = *state;

	assert_false(vmm_virtq_publish(&r->q));
	vmm_virtq_push(&r->q, 5, 77);
	assert_int_equal(r->used->idx, 0);
	assert_true(vmm_virtq_publish(&r->q));
	assert_int_equal(r->used->idx, 1);
	assert_int_equal(r->used->ring[0].id, 5);
	assert_int_equal(r->used->ring[0].len, 77);
}

static void interrupt_is_left_out_where_the_driver_wants_none(void **state)
{
	struct rings *r = *state;

	r->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	vmm_virtq_push(&r->q, 0, 0);
	assert_false(vmm_virtq_publish(&r->q));
	r->q.has_event_idx = true;
	r->avail->ring[SIZE] = 2; /* used_event: tell me of the third */
	vmm_virtq_push(&r->q, 0, 0);
	assert_false(vmm_virtq_publish(&r->q));
	vmm_virtq_push(&r->q, 0, 0);
	assert_true(vmm_virtq_publish(&r->q));
	vmm_virtq_push(&r->q, 0, 0);
	assert_false(vmm_virtq_publish(&r->q));
}

static void armed_ring_asks_for_a_kick_and_sees_what_came_before(void **state)
{
	struct rings *r = *state;

	vmm_virtq_disarm(&r->q);
	assert_int_equal(r->used->flags, VRING_USED_F_NO_NOTIFY);
	assert_false(vmm_virtq_arm(&r->q));
	assert_int_equal(r->used->flags, 0);
	offer(r, 0);
	assert_true(vmm_virtq_arm(&r->q));
	r->q.has_event_idx = true;
	assert_int_equal(pop(r), 1);
	assert_false(vmm_virtq_arm(&r->q));
	assert_int_equal(*(uint16_t *)&r->used->ring[SIZE], 1);
}

static void ring_goes_on_where_its_used_ring_says(void **state)
{
	struct rings *r = *state;

	r->used->idx = 0xffff;
	r->avail->idx = 1; /* two more than that, over the end of 16 bits */
	assert_int_equal(vmm_virtq_start(&r->q), 0);
	assert_int_equal(pop(r), 1);
	assert_int_equal(pop(r), 1);
	assert_int_equal(pop(r), 0);
	vmm_virtq_push(&r->q, 0, 0);
	vmm_virtq_push(&r->q, 0, 0);
	vmm_virtq_publish(&r->q);
	assert_int_equal(r->used->idx, 1);
}

static void copies_cross_pieces_and_end_with_them(void **state)
{
	char a[4] = "abc", b[1], c[6] = "defgh", got[16] = { 0 };
	const struct iovec iov[] = { { a, 3 }, { b, 0 }, { c, 5 } };

	assert_int_equal(vmm_iov_read(iov, 3, 2, got, 3), 3);
	assert_string_equal(got, "cde");
	assert_int_equal(vmm_iov_read(iov, 3, 0, got, sizeof(got)), 8);
	assert_int_equal(vmm_iov_read(iov, 3, 8, got, 1), 0);
	assert_int_equal(vmm_iov_write(iov, 3, 1, "XYZ", 3), 3);
	assert_string_equal(a, "aXY");
	assert_string_equal(c, "Zefgh");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(chain_comes_in_its_order_with_all_its_pieces),
		TEST(indirect_table_is_walked_as_the_ring_is),
		TEST(buffer_of_no_length_is_no_piece),
		TEST(ring_that_makes_no_sense_is_broken_for_good),
		TEST(ring_starts_only_where_all_of_it_is_memory),
		TEST(used_entries_are_seen_when_published_and_not_before),
		TEST(interrupt_is_left_out_where_the_driver_wants_none),
		TEST(armed_ring_asks_for_a_kick_and_sees_what_came_before),
		TEST(ring_goes_on_where_its_used_ring_says),
		cmocka_unit_test(copies_cross_pieces_and_end_with_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
