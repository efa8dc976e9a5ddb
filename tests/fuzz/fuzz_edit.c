/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any frame, and any list of changes of it: the parser reads nothing that is not there, and after
 * each change the key and the layers are what parsing the head again would find.
 *
 * Input: how many bytes of changes, then those, then the frame. A change is a code and what it
 * needs.
 */
#include <string.h>

#include "fuzz.h"
#include "rewrite.h"

#define HEAD 128

static const uint8_t *next, *end;

static uint8_t take(void)
{
	return next < end ? *next++ : 0;
}

static uint16_t take16(void)
{
	uint16_t high = take();

	return (uint16_t)(high << 8 | take());
}

static void set(struct dp_edit *e)
{
	static const uint8_t sizes[] = { 1, 2, 3, 4, 6, 8, 16 };
	unsigned offset = take() % sizeof(struct sh_flow_key), n = sizes[take() % sizeof(sizes)];
	uint8_t value[16], mask[16];

	if (offset + n > sizeof(struct sh_flow_key))
		return;
	for (unsigned i = 0; i < n && i < sizeof(value); i++)
		value[i] = take();
	memset(mask, take(), sizeof(mask));
	dp_edit_set(e, offset, n, value, mask);
}

static void set_ttl(struct dp_edit *e)
{
	dp_edit_set_ip_ttl(e, take());
	dp_edit_set_mpls_ttl(e, take());
}

static void push_or_pop(struct dp_edit *e, uint8_t code)
{
	switch (code % 6) {
	case 0:
		dp_edit_push_vlan(e, code & 0x80 ? 0x8100 : 0x88a8);
		break;
	case 1:
		dp_edit_pop_vlan(e);
		break;
	case 2:
		dp_edit_push_mpls(e, code & 0x80 ? 0x8847 : 0x8848);
		break;
	case 3:
		dp_edit_pop_mpls(e, take16());
		break;
	case 4:
		dp_edit_push_pbb(e, 0x88e7);
		break;
	case 5:
		dp_edit_pop_pbb(e);
		break;
	}
}

static void change(struct dp_edit *e)
{
	uint8_t code = take();

	switch (code % 8) {
	case 0:
	case 1:
	case 2:
		set(e);
		break;
	case 3:
	case 4:
		push_or_pop(e, code / 8);
		break;
	case 5:
		set_ttl(e);
		break;
	case 6:
		dp_edit_dec_ip_ttl(e);
		dp_edit_dec_mpls_ttl(e);
		dp_edit_remark_dscp(e, code / 8);
		break;
	case 7:
		dp_edit_copy_ttl_out(e);
		dp_edit_copy_ttl_in(e);
		break;
	}
}

static void check(const struct dp_edit *e, uint32_t n_before)
{
	struct sh_flow_key key = *e->key;
	struct dp_layers layers;

	CHECK(e->n + e->room == n_before);
	CHECK(e->n >= 14 && e->n <= e->len);
	CHECK(!(e->offloads & DP_OFFLOAD_CSUM) ||
		(uint32_t)e->csum_start + e->csum_offset + 2 <= e->n);
	dp_parse(e->head, e->n, e->len, &key, &layers);
	CHECK(memcmp(&key, e->key, sizeof(key)) == 0);
	CHECK(memcmp(&layers, &e->layers, sizeof(layers)) == 0);
}

static void edit(struct dp_edit *e)
{
	uint32_t n = e->n + e->room;

	dp_parse(e->head, e->n, e->len, e->key, &e->layers);
	if (e->n < 14)
		return;
	check(e, n);
	while (next < end) {
		change(e);
		check(e, n);
	}
}

/* What a guest may have said of a frame, as dp_offload_take() lets it through. */
static void take_offloads(struct dp_edit *e)
{
	uint8_t start = take(), offset = take() % 32;

	if (start < 18 || (uint32_t)start + offset + 2 > e->n)
		return;
	e->offloads = DP_OFFLOAD_CSUM;
	e->csum_start = start;
	e->csum_offset = offset;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n_changes = size ? data[0] : 0, n;
	struct sh_flow_key key = { 0 };
	struct dp_edit e = { .room = DP_EDIT_ROOM, .key = &key };
	uint8_t *memory;

	if (size < 1 + n_changes || size - 1 - n_changes > UINT16_MAX)
		return 0;
	next = data + 1;
	end = next + n_changes;
	e.len = (uint32_t)(size - 1 - n_changes);
	n = e.len < HEAD ? e.len : HEAD;
	memory = malloc(DP_EDIT_ROOM + n);
	CHECK(memory);
	memcpy(memory + DP_EDIT_ROOM, end, n);
	e.head = memory + DP_EDIT_ROOM;
	e.n = (uint32_t)n;
	take_offloads(&e);
	edit(&e);
	free(memory);
	return 0;
}
