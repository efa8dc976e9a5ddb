/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A match: value and mask in the layout of the key; bits outside the mask are 0 in the value.
 * Decoding and encoding as OXM (OpenFlow 1.3.5, 7.2.3) with all of its rules.
 */
#pragma once

#include "ofproto/buf.h"
#include "ofproto/error.h"
#include "ofproto/field.h"

struct of_match {
	struct sh_flow_key value, mask;
};

/** How flows keep a match: the words that it uses alone, values first, then masks. */
struct of_minimatch {
	uint32_t used;    /* bit map of words */
	uint16_t n;       /* words used */
	uint64_t words[]; /* n values, n masks */
};

/**
 * Decode an ofp_match structure (type, length, OXM fields, padding) off the cursor.
 *
 * errors:  -EINVAL with reterr_of: BAD_TYPE, BAD_LEN, BAD_FIELD, BAD_VALUE, BAD_MASK,
 *          BAD_WILDCARDS, BAD_PREREQ, DUP_FIELD
 * thread:  any
 */
int of_match_decode(struct of_cursor *c, struct of_match *ret, struct of_err *reterr_of);
void of_match_encode(const struct of_match *match, struct of_buf *out); /* padded to 8 */

/** OXM fields alone, as packet-in2, learn and tests want them: no header, no padding. */
int of_oxm_decode(const uint8_t *oxm, size_t n, struct of_match *ret, struct of_err *reterr_of);
void of_oxm_encode(const struct of_match *match, struct of_buf *out);

/**
 * Prerequisites that a match fulfils for its own fields: of_prereqs_held(), but a match may say
 * "later fragment" behind its ports.
 */
uint32_t of_match_prereqs(const struct of_match *match);

/** Set one field, exactly or under a mask. shape: value[n_bytes], mask[n_bytes] or NULL. */
void of_match_set(
	struct of_match *match, enum of_field_id id, const uint8_t *value, const uint8_t *mask);

/** errors: -ENOMEM. Free with free(). */
int of_minimatch_new(const struct of_match *match, struct of_minimatch **ret);
void of_minimatch_expand(const struct of_minimatch *mini, struct of_match *ret);
bool of_minimatch_equal(const struct of_minimatch *a, const struct of_minimatch *b);
uint32_t of_minimatch_hash(const struct of_minimatch *mini);

/** Every frame that `inner` matches is matched by `outer`: the test of non-strict requests. */
bool of_minimatch_covers(const struct of_minimatch *outer, const struct of_minimatch *inner);

/** Some frame could match both: the test of CHECK_OVERLAP. */
bool of_minimatch_overlaps(const struct of_minimatch *a, const struct of_minimatch *b);
bool of_minimatch_matches(const struct of_minimatch *mini, const struct sh_flow_key *key);

/**
 * The match in ovs-ofctl's syntax, "in_port=1,tcp,nw_dst=10.0.0.0/8", appended to out without a
 * final 0; nothing for a match of everything.
 */
void of_match_format(const struct of_match *match, struct of_buf *out);
