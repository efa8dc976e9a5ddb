/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups: group-mod (OpenFlow 1.3.5, 7.3.4.2) with the rules on its buckets, and the multipart
 * replies about groups (7.3.5.9 to 7.3.5.11). Any thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "of13_wire.h"

#define BUCKET_LEN 16 /* without its actions */

static int bad_group(struct of13_in *in, enum of_group_mod_failed code)
{
	return of13_refuse(in, OF_ET_GROUP_MOD_FAILED, code);
}

/* How many buckets a body holds; -1 when their lengths make no sense. */
static int count_buckets(struct of_cursor body)
{
	int n = 0;

	while (body.left > 0) {
		size_t len = body.left < BUCKET_LEN ? 0 : of_get_u16(body.at);

		if (len < BUCKET_LEN || !of_take(&body, len))
			return -1;
		n++;
	}
	return n;
}

static int decode_bucket(struct of13_in *in, struct of_bucket *bucket)
{
	size_t n_actions = of13_u16(&in->body) - (size_t)BUCKET_LEN;
	struct of_action_limits limits = *in->limits;
	int r;

	limits.is_bucket = true;
	bucket->weight = of13_u16(&in->body);
	bucket->watch_port = of13_u32(&in->body);
	bucket->watch_group = of13_u32(&in->body);
	of13_skip(&in->body, 4);
	if (n_actions % 8)
		return of13_refuse(in, OF_ET_BAD_REQUEST, OF_BR_BAD_LEN);
	r = of_actions_decode(&in->body, n_actions, &limits, &bucket->actions, in->reterr_of);
	if (r < 0)
		return r;
	if (!of13_port_is_possible(in, bucket->watch_port))
		return bad_group(in, OF_GM_BAD_WATCH);
	return 0;
}

static int decode_buckets(struct of13_in *in)
{
	struct of_group_mod *mod = &in->ret->group_mod;
	int n = count_buckets(in->body), r = 0;

	if (n < 0)
		return bad_group(in, OF_GM_BAD_BUCKET);
	if (n > OF13_MAX_BUCKETS || in->body.left > OF13_MAX_BUCKETS_LEN)
		return bad_group(in, OF_GM_OUT_OF_BUCKETS);
	if (n == 0)
		return 0;
	mod->buckets = calloc((size_t)n, sizeof(*mod->buckets));
	if (!mod->buckets)
		return -ENOMEM;
	mod->n_buckets = (unsigned)n;
	for (int i = 0; i < n && r == 0; i++)
		r = decode_bucket(in, &mod->buckets[i]);
	return r;
}

/* As Open vSwitch judges them: a weight is select's alone, a watch that of select and ff. */
static int check_bucket(struct of13_in *in, const struct of_bucket *bucket)
{
	uint8_t type = in->ret->group_mod.type;
	bool watches = bucket->watch_port != OF_PORT_ANY || bucket->watch_group != OF_GROUP_ANY;

	if (bucket->weight && type != OF_GT_SELECT)
		return bad_group(in, OF_GM_INVALID_GROUP);
	if (watches && (type == OF_GT_ALL || type == OF_GT_INDIRECT))
		return bad_group(in, OF_GM_WATCH_UNSUPPORTED);
	if (!watches && type == OF_GT_FF)
		return bad_group(in, OF_GM_INVALID_GROUP);
	return 0;
}

static bool is_command(uint16_t command)
{
	return command <= OF_GC_DELETE || command == OF_GC_ADD_OR_MOD;
}

static int check_group(struct of13_in *in)
{
	const struct of_group_mod *mod = &in->ret->group_mod;
	bool is_delete = mod->command == OF_GC_DELETE;

	if (is_delete && mod->n_buckets > 0)
		return bad_group(in, OF_GM_INVALID_GROUP);
	if (mod->type > OF_GT_FF)
		return bad_group(in, OF_GM_BAD_TYPE);
	if (mod->type == OF_GT_INDIRECT && !is_delete && mod->n_buckets != 1)
		return bad_group(in, OF_GM_INVALID_GROUP);
	if (!is_command(mod->command))
		return bad_group(in, OF_GM_BAD_COMMAND);
	if (!is_delete && mod->group > OF_GROUP_MAX)
		return bad_group(in, OF_GM_INVALID_GROUP);
	return 0;
}

int of13_decode_group_mod(struct of13_in *in)
{
	struct of_group_mod *mod = &in->ret->group_mod;
	int r;

	mod->command = of13_u16(&in->body);
	mod->type = of13_u8(&in->body);
	of13_skip(&in->body, 1);
	mod->group = of13_u32(&in->body);
	r = decode_buckets(in);
	if (r == 0)
		r = check_group(in);
	for (unsigned i = 0; i < mod->n_buckets && r == 0; i++)
		r = check_bucket(in, &mod->buckets[i]);
	return r;
}

void of13_put_group_stats(struct of_multipart *mp, const struct of_group_info *group)
{
	struct of_buf *out = of13_entry(mp);

	of13_put_zeros(out, 4); /* length, padding */
	of_buf_put_u32(out, group->group);
	of_buf_put_u32(out, group->n_refs);
	of13_put_zeros(out, 4);
	of_buf_put_u64(out, group->n_packets);
	of_buf_put_u64(out, group->n_bytes);
	of13_put_duration(out, group->duration_ns);
	for (unsigned i = 0; i < group->n_buckets; i++) {
		of_buf_put_u64(out, group->bucket_stats[i].n_packets);
		of_buf_put_u64(out, group->bucket_stats[i].n_bytes);
	}
	of13_entry_end_len(mp, 0);
}

static void put_bucket(struct of_buf *out, const struct of_bucket *bucket)
{
	size_t begin = out->len;

	of13_put_zeros(out, 2); /* length */
	of_buf_put_u16(out, bucket->weight);
	of_buf_put_u32(out, bucket->watch_port);
	of_buf_put_u32(out, bucket->watch_group);
	of13_put_zeros(out, 4);
	of_actions_encode(&bucket->actions, out);
	if (!out->failed)
		of_buf_set_u16(out, begin, (uint16_t)(out->len - begin));
}

void of13_put_group_desc(struct of_multipart *mp, const struct of_group_info *group)
{
	struct of_buf *out = of13_entry(mp);

	of13_put_zeros(out, 2); /* length */
	of_buf_put_u8(out, group->type);
	of13_put_zeros(out, 1);
	of_buf_put_u32(out, group->group);
	for (unsigned i = 0; i < group->n_buckets; i++)
		put_bucket(out, &group->buckets[i]);
	of13_entry_end_len(mp, 0);
}

void of13_put_group_features(struct of_multipart *mp, uint32_t max_groups)
{
	struct of_buf *out = of13_entry(mp);

	of_buf_put_u32(
		out, 1 << OF_GT_ALL | 1 << OF_GT_SELECT | 1 << OF_GT_INDIRECT | 1 << OF_GT_FF);
	of_buf_put_u32(out, OFPGFC_SELECT_WEIGHT | OFPGFC_SELECT_LIVENESS | OFPGFC_CHAINING);
	for (unsigned i = 0; i <= OF_GT_FF; i++)
		of_buf_put_u32(out, max_groups);
	for (unsigned i = 0; i <= OF_GT_FF; i++)
		of_buf_put_u32(out, of13_actions_supported());
	of13_entry_end(mp);
}
