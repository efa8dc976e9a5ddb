/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as a match: what is accepted is the same after it was written and read again, its
 * value has no bit outside its mask, and what a flow keeps of it matches the same.
 */
#include <string.h>

#include "fuzz.h"
#include "ofproto/match.h"

static void check_bits(const struct of_match *match)
{
	for (unsigned i = 0; i < SH_KEY_WORDS; i++)
		CHECK(!(match->value.words[i] & ~match->mask.words[i]));
}

static void check_encoding(const struct of_match *match)
{
	struct of_buf out = { 0 };
	struct of_match again;
	struct of_cursor c;

	of_match_encode(match, &out);
	CHECK(!out.failed && out.len % 8 == 0);
	c = (struct of_cursor){ out.data, out.len };
	CHECK(of_match_decode(&c, &again, NULL) == 0 && c.left == 0);
	CHECK(memcmp(match, &again, sizeof(again)) == 0);
	of_buf_done(&out);
}

static void check_mini(const struct of_match *match)
{
	struct of_minimatch *mini;
	struct of_match again;

	CHECK(of_minimatch_new(match, &mini) == 0);
	of_minimatch_expand(mini, &again);
	CHECK(memcmp(match, &again, sizeof(again)) == 0);
	CHECK(of_minimatch_equal(mini, mini) && of_minimatch_covers(mini, mini) &&
		of_minimatch_overlaps(mini, mini) && of_minimatch_matches(mini, &match->value));
	free(mini);
}

/* A match that says something has words for it. */
static void check_text(const struct of_match *match)
{
	struct of_buf out = { 0 };

	of_match_format(match, &out);
	CHECK(!out.failed && (out.len > 0) == (sh_flow_key_used(&match->mask) != 0));
	of_buf_done(&out);
}

static void check(const struct of_match *match)
{
	check_bits(match);
	check_encoding(match);
	check_mini(match);
	check_text(match);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct of_cursor c = { data, size };
	struct of_match match, untouched;
	struct of_err err = { 0 };

	memset(&match, 0xa5, sizeof(match));
	untouched = match;
	if (of_oxm_decode(data, size, &match, &err) == 0)
		check(&match);
	else
		CHECK(err.type == OF_ET_BAD_MATCH && !memcmp(&match, &untouched, sizeof(match)));
	if (of_match_decode(&c, &match, &err) == 0)
		check(&match);
	return 0;
}
