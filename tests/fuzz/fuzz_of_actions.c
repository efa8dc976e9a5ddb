/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as a flow's actions or instructions, with a match to check them against: what is
 * accepted is the same after it was written and read again, and so is its copy.
 *
 * Input: flags, the length of the match, the match as OXM, the rest.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "ofproto/action.h"

#define IS_INSTRUCTIONS 0x1
#define IS_SET          0x2
#define HAS_MATCH       0x4

static void check_text(const struct of_buf *out)
{
	CHECK(!out->failed && out->len > 0);
	for (size_t i = 0; i < out->len; i++)
		CHECK(out->data[i] >= ' ' && out->data[i] < 0x7f);
}

static void check_refusal(int r, const struct of_err *err)
{
	CHECK(r == -ENOMEM || (r == -EINVAL && err->type != 0));
}

static void check_copy(const struct of_actions *actions)
{
	struct of_actions copy;

	CHECK(of_actions_copy(actions, &copy) == 0 && of_actions_equal(actions, &copy));
	of_actions_done(&copy);
}

static void check_actions(struct of_cursor c, const struct of_action_limits *limits)
{
	struct of_actions actions, again;
	struct of_err err = { 0 };
	struct of_buf out = { 0 };
	int r = of_actions_decode(&c, c.left, limits, &actions, &err);

	if (r < 0) {
		check_refusal(r, &err);
		return;
	}
	check_copy(&actions);
	of_actions_format(&actions, &out);
	check_text(&out);
	out.len = 0;
	of_actions_encode(&actions, &out);
	c = (struct of_cursor){ out.data, out.len };
	CHECK(of_actions_decode(&c, out.len, limits, &again, &err) == 0);
	CHECK(of_actions_equal(&actions, &again));
	of_actions_done(&again);
	of_actions_done(&actions);
	of_buf_done(&out);
}

static bool same(const struct of_instructions *a, const struct of_instructions *b)
{
	return a->has_meter == b->has_meter && a->has_apply == b->has_apply &&
	       a->has_clear == b->has_clear && a->has_write == b->has_write &&
	       a->has_metadata == b->has_metadata && a->has_goto == b->has_goto &&
	       a->goto_table == b->goto_table && a->meter == b->meter &&
	       a->metadata == b->metadata && a->metadata_mask == b->metadata_mask &&
	       of_actions_equal(&a->apply, &b->apply) && of_actions_equal(&a->write, &b->write);
}

static void check_instructions(struct of_cursor c, const struct of_action_limits *limits)
{
	struct of_instructions in, again;
	struct of_err err = { 0 };
	struct of_buf out = { 0 };
	int r = of_instructions_decode(&c, 5, limits, &in, &err);

	if (r < 0) {
		check_refusal(r, &err);
		return;
	}
	of_instructions_format(&in, &out);
	check_text(&out);
	out.len = 0;
	of_instructions_encode(&in, &out);
	c = (struct of_cursor){ out.data, out.len };
	CHECK(of_instructions_decode(&c, 5, limits, &again, &err) == 0 && same(&in, &again));
	of_instructions_done(&again);
	of_instructions_done(&in);
	of_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct of_action_limits limits = { .max_port = 100 };
	struct of_cursor c = { data, size };
	const uint8_t *head = of_take(&c, 2), *oxm = head ? of_take(&c, head[1]) : NULL;
	struct of_match match;

	if (!oxm)
		return 0;
	limits.is_set = head[0] & IS_SET;
	if (head[0] & HAS_MATCH && of_oxm_decode(oxm, head[1], &match, NULL) == 0)
		limits.match = &match;
	if (head[0] & IS_INSTRUCTIONS)
		check_instructions(c, &limits);
	else
		check_actions(c, &limits);
	return 0;
}
