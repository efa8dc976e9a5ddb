/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One OXM or NXM entry: header, value and mask on the wire (OpenFlow 1.3.5, 7.2.3.2). Matches and
 * set-field read and write them. Any thread.
 */
#pragma once

#include "ofproto/buf.h"
#include "ofproto/error.h"
#include "ofproto/field.h"

/* NXM's own cuts through fields that the key has otherwise. */
enum of_nxm_id {
	OF_NXM_IN_PORT = OF_N_FIELDS, /* 16 bits, as OpenFlow 1.0 counts ports */
	OF_NXM_VLAN_TCI,              /* VID, "is there", PCP */
	OF_NXM_IP_TOS,                /* DSCP in its place in the octet */
};

struct of_oxm {
	int id; /* enum of_field_id, enum of_nxm_id, or -1: unknown */
	bool fits;
	uint8_t n_bytes; /* of the value; fits: as many as the field has */
	const uint8_t *value;
	const uint8_t *mask; /* NULL: none */
};

/**
 * Take an entry.
 *
 * errors:  -EINVAL with reterr_of: BAD_LEN when it is cut, BAD_WILDCARDS when the value has bits
 *          outside the mask; an unknown field, or one of another length, is the caller's business
 */
int of_oxm_take(struct of_cursor *c, struct of_oxm *ret, struct of_err *reterr_of);

/* What is behind a header alone, as subfields and table features name fields. */
int of_oxm_id_by_header(uint32_t header);

/** Write an entry in OpenFlow 1.3's form. mask: NULL for all bits. */
void of_oxm_put(struct of_buf *out, enum of_field_id id, const uint8_t *value, const uint8_t *mask);

/** No bit beyond the field's, and a port number that there can be. shape: value[n_bytes] */
bool of_oxm_value_ok(enum of_field_id id, const uint8_t *value);

/* OpenFlow 1.0's 16-bit port numbers: the reserved ones are the same at the low end. */
uint32_t of_port_from_16(uint16_t port);
