/* SPDX-License-Identifier: BSD-3-Clause
 *
 * OXM entries on the wire (OpenFlow 1.3.5, 7.2.3.2), NXM's and those of ONF's experimenter class
 * among them. Knows bytes and lengths; what a match makes of them is match.c's. Any thread.
 */
#include <errno.h>
#include <string.h>

#include "oxm.h"

#define ONF 0x4f4e4600u

#define PORT_MAX_16 0xff00u
#define PORT_MAX    0xffffff00u

/* In ONF's experimenter class since OpenFlow 1.3, under the number that 1.5 gave them. */
static bool is_onf(int id)
{
	return id == OF_FIELD_TCP_FLAGS || id == OF_FIELD_ACTSET_OUTPUT;
}

static const struct {
	uint32_t header;
	int id;
} nxm_cuts[] = {
	{ 0u << 9 | 2, OF_NXM_IN_PORT },
	{ 4u << 9 | 2, OF_NXM_VLAN_TCI },
	{ 5u << 9 | 1, OF_NXM_IP_TOS },
};

static int id_by_number(uint16_t class, uint8_t number)
{
	if (class == OF_OXM_CLASS_NXM_0)
		for (size_t i = 0; i < sizeof(nxm_cuts) / sizeof(*nxm_cuts); i++)
			if (nxm_cuts[i].header >> 9 == number)
				return nxm_cuts[i].id;
	return of_field_by_number(class, number);
}

static unsigned n_bytes_of(int id)
{
	if (id < OF_N_FIELDS)
		return of_field((enum of_field_id)id)->n_bytes;
	return nxm_cuts[id - OF_N_FIELDS].header & 0xff;
}

int of_oxm_id_by_header(uint32_t header)
{
	int id = id_by_number((uint16_t)(header >> 16), header >> 9 & 0x7f);

	return id >= 0 && n_bytes_of(id) == (header & 0xff) ? id : -1;
}

static int id_by_experimenter(uint32_t experimenter, uint8_t number)
{
	int id = of_field_by_number(OF_OXM_CLASS_BASIC, number);

	return experimenter == ONF && is_onf(id) ? id : -1;
}

static bool has_stray_bits(const struct of_oxm *oxm)
{
	for (unsigned i = 0; oxm->mask && i < oxm->n_bytes; i++)
		if (oxm->value[i] & ~oxm->mask[i])
			return true;
	return false;
}

int of_oxm_take(struct of_cursor *c, struct of_oxm *ret, struct of_err *reterr_of)
{
	const uint8_t *at = of_take(c, 4);
	uint32_t header = at ? of_get_u32(at) : 0;
	unsigned length = header & 0xff;
	bool has_mask = header & OF_OXM_HAS_MASK;
	const uint8_t *payload = at ? of_take(c, length) : NULL;

	if (!payload)
		return of_err_set(reterr_of, OF_ET_BAD_MATCH, OF_BM_BAD_LEN);
	if (header >> 16 == OF_OXM_CLASS_EXPERIMENTER) {
		if (length < 4)
			return of_err_set(reterr_of, OF_ET_BAD_MATCH, OF_BM_BAD_LEN);
		ret->id = id_by_experimenter(of_get_u32(payload), header >> 9 & 0x7f);
		payload += 4;
		length -= 4;
	} else {
		ret->id = id_by_number((uint16_t)(header >> 16), header >> 9 & 0x7f);
	}
	ret->n_bytes = (uint8_t)(has_mask ? length / 2 : length);
	ret->fits = ret->id >= 0 && length == n_bytes_of(ret->id) * (has_mask ? 2u : 1u);
	ret->value = payload;
	ret->mask = has_mask ? payload + ret->n_bytes : NULL;
	if (ret->fits && has_stray_bits(ret))
		return of_err_set(reterr_of, OF_ET_BAD_MATCH, OF_BM_BAD_WILDCARDS);
	return 0;
}

void of_oxm_put(struct of_buf *out, enum of_field_id id, const uint8_t *value, const uint8_t *mask)
{
	const struct of_field *f = of_field(id);
	uint32_t header = (f->header ? f->header : f->nxm) & ~0xffu;
	unsigned length = f->n_bytes * (mask ? 2u : 1u);

	if (mask)
		header |= OF_OXM_HAS_MASK;
	if (is_onf((int)id)) {
		header = (header & 0xffff) | (uint32_t)OF_OXM_CLASS_EXPERIMENTER << 16;
		length += 4;
	}
	of_buf_put_u32(out, header | length);
	if (is_onf((int)id))
		of_buf_put_u32(out, ONF);
	of_buf_put(out, value, f->n_bytes);
	if (mask)
		of_buf_put(out, mask, f->n_bytes);
}

bool of_oxm_value_ok(enum of_field_id id, const uint8_t *value)
{
	uint8_t ones[16];

	of_field_ones(id, ones);
	for (unsigned i = 0; i < of_field(id)->n_bytes; i++)
		if (value[i] & ~ones[i])
			return false;
	if (id == OF_FIELD_IN_PORT || id == OF_FIELD_ACTSET_OUTPUT || id == OF_FIELD_IN_PHY_PORT)
		return of_get_u32(value) < PORT_MAX_16 || of_get_u32(value) >= PORT_MAX;
	return true;
}

uint32_t of_port_from_16(uint16_t port)
{
	return port < PORT_MAX_16 ? port : port | 0xffff0000u;
}
