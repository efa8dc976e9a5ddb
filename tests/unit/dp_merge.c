/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Segments that are put together: cut again, by the code that cuts for guests, they are what they
 * were, byte for byte. Frames are made here, with sums of this file's own.
 */
#include <stdlib.h>
#include <string.h>

#include "merge.h"
#include "offload.h"
#include "unit.h"

#define MAX_BYTES 1600
#define FIN       0x01
#define PSH       0x08
#define ACK       0x10
#define ECE       0x40
#define CWR       0x80

/* What a segment of a test is made by. */
struct spec {
	bool is_v6, is_tagged, has_options;
	uint8_t flags, tos, ttl;
	uint16_t port, window, id, n;
	uint32_t seq;
};

static const struct spec plain = { .flags = ACK, .ttl = 64, .port = 1, .window = 500, .n = 1000 };

struct frames {
	unsigned n;
	uint8_t bytes[DP_BURST][MAX_BYTES];
	struct dp_frame frames[DP_BURST];
	struct dp_item items[DP_BURST];
};

static struct dp_merger merger;
static struct dp_segmenter segmenter;

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static uint16_t sum_of(const uint8_t *at, uint32_t n, uint32_t sum)
{
	for (uint32_t i = 0; i < n; i++)
		sum += i & 1 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint8_t *put_ip(uint8_t *p, const struct spec *s, uint32_t tcp_len)
{
	if (s->is_v6) {
		p[0] = 0x60;
		put16(p + 4, tcp_len);
		p[6] = 6;
		p[7] = s->ttl;
		memset(p + 8, 0xfd, 32);
		return p + 40;
	}
	p[0] = 0x45;
	p[1] = s->tos;
	put16(p + 2, 20 + tcp_len);
	put16(p + 4, s->id);
	p[8] = s->ttl;
	p[9] = 6;
	memset(p + 12, 10, 8);
	put16(p + 10, ~(uint32_t)sum_of(p, 20, 0));
	return p + 20;
}

static uint32_t write_frame(const struct spec *s, uint8_t *frame)
{
	uint32_t header = s->has_options ? 32 : 20, tcp_len = header + s->n;
	uint8_t *p = frame, *ip, *tcp;

	memset(p, 0, MAX_BYTES);
	memset(p, 2, 12);
	p += 12;
	if (s->is_tagged) {
		put16(p, 0x8100);
		put16(p + 2, 100);
		p += 4;
	}
	put16(p, s->is_v6 ? 0x86dd : 0x0800);
	ip = p + 2;
	tcp = put_ip(ip, s, tcp_len);
	put16(tcp, s->port);
	put16(tcp + 2, 80);
	put16(tcp + 4, s->seq >> 16);
	put16(tcp + 6, s->seq);
	tcp[12] = (uint8_t)(header << 2);
	tcp[13] = s->flags;
	put16(tcp + 14, s->window);
	memset(tcp + 20, 1, header - 20);
	for (uint32_t i = 0; i < s->n; i++)
		tcp[header + i] = (uint8_t)((s->seq + i) * 7 % 251);
	put16(tcp + 16,
		~(uint32_t)sum_of(tcp, tcp_len,
			sum_of(s->is_v6 ? ip + 8 : ip + 12, s->is_v6 ? 32 : 8, 6 + tcp_len)));
	return (uint32_t)(tcp + tcp_len - frame);
}

static void add(struct frames *to, const struct spec *s)
{
	unsigned i = to->n++;
	uint32_t len = write_frame(s, to->bytes[i]);

	dp_frame_from_memory(&to->frames[i], to->bytes[i], len);
	to->items[i] = (struct dp_item){ .frame = &to->frames[i], .len = len };
}

/* n segments of one connection, one behind the other. */
static void add_run(struct frames *to, struct spec s, unsigned n)
{
	for (; n > 0; n--) {
		add(to, &s);
		s.seq += s.n;
		s.id++;
	}
}

static uint32_t flatten(const struct dp_frame *f, uint8_t *to)
{
	uint8_t *p = to;

	memcpy(p, f->head, f->n_head);
	p += f->n_head;
	if (f->n_rest)
		memcpy(p, f->rest, f->n_rest);
	p += f->n_rest;
	for (unsigned i = 0; i < f->n_more; i++) {
		memcpy(p, f->more[i].at, f->more[i].len);
		p += f->more[i].len;
	}
	return (uint32_t)(p - to);
}

/* Which frame of the input this is, and that it was not seen before. */
static unsigned find(const struct frames *in, const struct dp_frame *f, bool *seen)
{
	uint8_t a[MAX_BYTES], b[MAX_BYTES];
	uint32_t n = flatten(f, a);

	for (unsigned i = 0; i < in->n; i++)
		if (!seen[i] && flatten(&in->frames[i], b) == n && memcmp(a, b, n) == 0) {
			seen[i] = true;
			return i;
		}
	fail_msg("a frame came out that did not go in");
	return 0;
}

static uint16_t port_of(const struct frames *in, unsigned i)
{
	const uint8_t *p = in->bytes[i] + (in->bytes[i][12] == 0x81 ? 18 : 14);

	p += p[0] >> 4 == 4 ? 20 : 40;
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* All that went in comes out, in the order of its connection, when what was put together is cut.
 * return: how many items there are */
static unsigned merge_and_cut(const struct frames *in)
{
	bool seen[DP_BURST] = { 0 };
	int last[8];

	memset(last, -1, sizeof(last));
	if (!dp_merge(&merger, in->items, in->n))
		return in->n;
	for (unsigned i = 0; i < merger.n; i++) {
		const struct dp_item *item = &merger.items[i];
		unsigned n = merger.n_members[i];

		if (n == 1)
			find(in, item->frame, seen);
		else
			assert_int_equal(dp_segment_begin(&segmenter, item), n);
		while (n > 1 && dp_segment_next(&segmenter))
			for (unsigned k = 0; k < n; k++) {
				unsigned at = find(in, &segmenter.frames[k], seen);
				uint16_t port = port_of(in, at) % 8;

				assert_true((int)at > last[port]);
				last[port] = (int)at;
			}
	}
	for (unsigned i = 0; i < in->n; i++)
		assert_true(seen[i]);
	return merger.n;
}

static void what_follows_one_another_is_one_frame_and_cut_is_what_it_was(void **state)
{
	for (unsigned kind = 0; kind < 8; kind++) {
		struct frames in = { 0 };
		struct spec s = plain;

		s.is_v6 = kind & 1;
		s.is_tagged = kind & 2;
		s.has_options = kind & 4;
		s.seq = 0xfffff000;
		s.id = 0xfff0;
		add_run(&in, s, 31);
		assert_int_equal(merge_and_cut(&in), 1);
		assert_int_equal(merger.n_members[0], 31);
		assert_int_equal(merger.items[0].frame->gso_size, 1000);
		assert_int_equal(merger.items[0].len, in.frames[0].len + 30 * 1000);
	}
}

static void two_connections_side_by_side_are_two_frames(void **state)
{
	struct frames in = { 0 };
	struct spec a = plain, b = plain;

	b.port = 2;
	for (unsigned i = 0; i < 10; i++) {
		add(&in, i & 1 ? &b : &a);
		(i & 1 ? &b : &a)->seq += 1000;
		(i & 1 ? &b : &a)->id++;
	}
	assert_int_equal(merge_and_cut(&in), 2);
}

static void the_last_may_be_shorter_and_nothing_follows_it(void **state)
{
	struct frames in = { 0 };
	struct spec s = plain;

	add_run(&in, s, 3);
	s.seq = 3000;
	s.id = 3;
	s.n = 10;
	add_run(&in, s, 2);
	assert_int_equal(merge_and_cut(&in), 2);
	assert_int_equal(merger.n_members[0], 4);
}

static void what_is_to_be_pushed_is_the_last(void **state)
{
	struct frames in = { 0 };
	struct spec s = plain;

	add_run(&in, s, 2);
	s.seq = 2000;
	s.id = 2;
	s.flags = ACK | PSH;
	add_run(&in, s, 1);
	s.seq = 3000;
	s.id = 3;
	s.flags = ACK;
	add_run(&in, s, 2);
	assert_int_equal(merge_and_cut(&in), 2);
	assert_int_equal(merger.n_members[0], 3);
}

/* The second of three differs: it is nobody's follower. */
static void assert_apart(struct spec second)
{
	struct frames in = { 0 };
	struct spec third = plain;

	third.seq = 2000;
	third.id = 2;
	add(&in, &plain);
	add(&in, &second);
	add(&in, &third);
	assert_true(merge_and_cut(&in) >= 2);
}

static void what_differs_is_not_put_together(void **state)
{
	struct spec next = plain, s;

	next.seq = 1000;
	next.id = 1;
#define DIFFERENT(what)                                                                            \
	do {                                                                                       \
		s = next;                                                                          \
		s.what;                                                                            \
		assert_apart(s);                                                                   \
	} while (0)
	DIFFERENT(seq = 1001);
	DIFFERENT(seq = 0);
	DIFFERENT(id = 7);
	DIFFERENT(ttl = 63);
	DIFFERENT(tos = 3);
	DIFFERENT(window = 501);
	DIFFERENT(has_options = true);
	DIFFERENT(is_tagged = true);
	DIFFERENT(is_v6 = true);
	DIFFERENT(n = 1001);
	DIFFERENT(n = 0);
	DIFFERENT(flags = ACK | FIN);
	DIFFERENT(flags = ACK | ECE);
	DIFFERENT(flags = ACK | CWR);
	DIFFERENT(flags = 0);
#undef DIFFERENT
}

static void a_wrong_checksum_stays_wrong_and_by_itself(void **state)
{
	static const unsigned places[] = { 24, 50, 54, 127, 128, 900, 1053 };

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct frames in = { 0 };

		add_run(&in, plain, 3);
		in.bytes[1][places[i]] ^= 1;
		assert_int_equal(merge_and_cut(&in), 3);
	}
}

static void padding_fragments_options_and_what_is_too_short_are_left_alone(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct frames in = { 0 };

		add_run(&in, plain, 2);
		if (i == 0)
			in.frames[1].len = ++in.frames[1].n_rest + in.frames[1].n_head;
		else if (i == 1)
			in.bytes[1][20] = 0x20;
		else if (i == 2)
			in.bytes[1][14] = 0x46;
		else
			in.frames[1] =
				(struct dp_frame){ .head = in.bytes[1], .n_head = 40, .len = 40 };
		assert_false(dp_merge(&merger, in.items, 2));
	}
}

static void random_mixes_come_out_whole_and_in_order(void **state)
{
	unsigned n_merged = 0;

	srand(1);
	for (unsigned round = 0; round < 3000; round++) {
		struct frames in = { 0 };
		struct spec s[3] = { plain, plain, plain };
		unsigned n = 1 + (unsigned)rand() % DP_BURST;

		for (unsigned i = 0; i < 3; i++) {
			s[i].port = (uint16_t)i;
			s[i].is_v6 = i == 2;
			s[i].n = (uint16_t)(1 + rand() % 1400);
		}
		for (unsigned i = 0; i < n; i++) {
			struct spec *one = &s[rand() % 3], as_sent = *one;

			if (rand() % 10 == 0)
				as_sent.flags |= (uint8_t)(1u << rand() % 8);
			if (rand() % 10 == 0)
				as_sent.n = (uint16_t)(rand() % (one->n + 1));
			add(&in, &as_sent);
			one->seq += as_sent.n + (uint32_t)(rand() % 20 == 0);
			one->id++;
			if (rand() % 20 == 0)
				in.bytes[i][(uint32_t)rand() % in.frames[i].len] ^= 4;
		}
		n_merged += n - merge_and_cut(&in);
	}
	assert_true(n_merged > 3000);
}

/* As a NIC's LRO makes them: long, and said to be verified. */
static void what_a_nic_put_together_is_left_to_be_done_again(void **state)
{
	for (unsigned kind = 0; kind < 4; kind++) {
		struct frames in = { 0 };
		struct spec s = plain;
		struct virtio_net_hdr header = { .flags = VIRTIO_NET_HDR_F_DATA_VALID,
			.gso_size = 1000 };
		struct dp_frame *f = &in.frames[0];
		uint8_t was[MAX_BYTES];

		s.is_v6 = kind & 1;
		s.is_tagged = kind & 2;
		s.n = 1400;
		add(&in, &s);
		memcpy(was, in.bytes[0], MAX_BYTES);
		header.gso_type = s.is_v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		dp_offload_reopen(in.bytes[0], f->n_head, f->len, &header);
		assert_memory_not_equal(in.bytes[0], was, MAX_BYTES);
		dp_offload_take(f, &header);
		assert_int_equal(f->offloads,
			DP_OFFLOAD_CSUM | (s.is_v6 ? DP_OFFLOAD_TSO6 : DP_OFFLOAD_TSO4));
		dp_offload_checksum(f, in.bytes[0]);
		assert_memory_equal(in.bytes[0], was, MAX_BYTES);
	}
}

static void what_makes_no_sense_is_not_reopened(void **state)
{
	struct virtio_net_hdr header = { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1000 };
	uint8_t arp[60] = { [12] = 0x08, [13] = 0x06 };

	for (uint32_t n = 14; n <= sizeof(arp); n++)
		dp_offload_reopen(arp, n, n, &header);
	assert_int_equal(header.flags, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_follows_one_another_is_one_frame_and_cut_is_what_it_was),
		cmocka_unit_test(two_connections_side_by_side_are_two_frames),
		cmocka_unit_test(the_last_may_be_shorter_and_nothing_follows_it),
		cmocka_unit_test(what_is_to_be_pushed_is_the_last),
		cmocka_unit_test(what_differs_is_not_put_together),
		cmocka_unit_test(a_wrong_checksum_stays_wrong_and_by_itself),
		cmocka_unit_test(padding_fragments_options_and_what_is_too_short_are_left_alone),
		cmocka_unit_test(what_a_nic_put_together_is_left_to_be_done_again),
		cmocka_unit_test(what_makes_no_sense_is_not_reopened),
		cmocka_unit_test(random_mixes_come_out_whole_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
