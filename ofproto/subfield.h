/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bits of a field as Nicira's actions name them: by the header of an NXM or OXM field, an offset
 * and a number of bits. Three NXM fields are cut otherwise than the key's (oxm.h); what is named
 * through them is remembered, so that it is written and printed so again. Any thread.
 */
#pragma once

#include "ofproto/action.h"

/**
 * errors:  -EINVAL with reterr_of: BAD_ACTION BAD_SET_TYPE for a field that is unknown,
 *          BAD_SET_LEN for bits that it does not have, or that lie in more than one of the key's
 */
int of_subfield_decode(uint32_t header, unsigned offset, unsigned n_bits, struct of_subfield *ret,
	struct of_err *reterr_of);

/** The header that names it, and the offset below that. */
uint32_t of_subfield_header(const struct of_subfield *sf, unsigned *ret_offset, unsigned *ret_n);

/** The header behind a name of that kind, and how many bits it has there; 0: there is none. */
uint32_t of_subfield_by_name(const char *name, unsigned *ret_bits);

/** "NXM_OF_ETH_SRC[0..15]" */
void of_subfield_format(struct of_buf *out, const struct of_subfield *sf);

/** The bits of the field that actions reach: all but the one that says that a VLAN is there. */
unsigned of_subfield_bits(enum of_field_id id);

bool of_subfield_equal(const struct of_subfield *a, const struct of_subfield *b);
