/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a neighbour says, out of its LLDPDU (IEEE 802.1AB-2016, 9.2.7.7). Every byte is a
 * stranger's: each length is checked against what is there before it is used. Pure.
 */
#include <errno.h>
#include <string.h>

#include "link/lldp.h"
#include "lldp_tlv.h"

#define HEADER_BYTES 14u

struct tlv {
	unsigned type;
	size_t n;
	const uint8_t *value;
};

static uint32_t load_be(const uint8_t *p, unsigned n_bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < n_bytes; i++)
		value = value << 8 | p[i];
	return value;
}

/* return: 1, 0 at the end, -EBADMSG when it reaches beyond the frame */
static int next_tlv(const uint8_t **at, const uint8_t *end, struct tlv *ret)
{
	size_t left = (size_t)(end - *at);
	uint32_t head;

	if (left == 0)
		return 0;
	if (left < 2)
		return -EBADMSG;
	head = load_be(*at, 2);
	ret->type = head >> 9;
	ret->n = head & 0x1ff;
	ret->value = *at + 2;
	if (ret->n > left - 2)
		return -EBADMSG;
	*at = ret->value + ret->n;
	if (ret->type == LLDP_TLV_END)
		return ret->n ? -EBADMSG : 0;
	return 1;
}

/* Bytes that a character of UTF-8 takes; 0: it is none, or none that people should be shown. */
static size_t character(const uint8_t *p, size_t left)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80       ? 1
		   : p[0] >> 5 == 6  ? 2
		   : p[0] >> 4 == 14 ? 3
		   : p[0] >> 3 == 30 ? 4
				     : 0;
	uint32_t code;

	if (n == 0 || n > left)
		return 0;
	code = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	/* Control characters would reach a terminal. */
	if (code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0xd800 && code < 0xe000) ||
		code < least[n] || code > 0x10ffff)
		return 0;
	return n;
}

/* shape: ret[n + 1]. Each byte that is no text becomes a question mark. */
static void take_text(const uint8_t *bytes, size_t n, char *ret)
{
	/* Some say the 0 behind their texts too. */
	while (n && bytes[n - 1] == 0)
		n--;
	for (size_t i = 0; i < n;) {
		size_t step = character(bytes + i, n - i);

		if (step)
			memcpy(ret + i, bytes + i, step);
		else
			ret[i] = '?';
		i += step ? step : 1;
	}
	ret[n] = '\0';
}

static int take_id(const struct tlv *tlv, unsigned type, struct lldp_id *ret)
{
	if (tlv->type != type || tlv->n < 2 || tlv->n > 256)
		return -EBADMSG;
	ret->type = tlv->value[0];
	ret->n = (uint8_t)(tlv->n - 1);
	memcpy(ret->bytes, tlv->value + 1, ret->n);
	return 0;
}

static void take_optional_text(const struct tlv *tlv, char ret[LLDP_TEXT_LEN])
{
	/* The first counts. */
	if (tlv->n < LLDP_TEXT_LEN && ret[0] == '\0')
		take_text(tlv->value, tlv->n, ret);
}

static void take_capabilities(const struct tlv *tlv, struct lldp_info *ret)
{
	if (tlv->n != 4 || ret->capabilities)
		return;
	ret->capabilities = (uint16_t)load_be(tlv->value, 2);
	ret->enabled = (uint16_t)load_be(tlv->value + 2, 2);
}

/* 8.5.9: length, family and address; kind and number of the interface; an object identifier */
static void take_address(const struct tlv *tlv, struct lldp_info *ret)
{
	struct lldp_address *a = &ret->addresses[ret->n_addresses];
	size_t n_address, n_oid;

	if (tlv->n < 9 || tlv->n > 167 || ret->n_addresses == LLDP_MAX_ADDRESSES)
		return;
	n_address = tlv->value[0];
	if (n_address < 2 || n_address > 32 || 1 + n_address + 6 > tlv->n)
		return;
	n_oid = tlv->value[1 + n_address + 5];
	if (n_oid > 128 || 1 + n_address + 6 + n_oid > tlv->n)
		return;
	a->family = tlv->value[1];
	a->n = (uint8_t)(n_address - 1);
	memcpy(a->bytes, tlv->value + 2, a->n);
	a->if_type = tlv->value[1 + n_address];
	a->if_number = load_be(tlv->value + 2 + n_address, 4);
	ret->n_addresses++;
}

/* 802.1Q-2022, D.2.3 */
static void take_vlan(const uint8_t *value, size_t n, struct lldp_info *ret)
{
	struct lldp_vlan *vlan = &ret->vlans[ret->n_vlans];
	size_t n_name;

	if (n < 3 || ret->n_vlans == LLDP_MAX_VLANS)
		return;
	n_name = value[2];
	if (n_name > sizeof(vlan->name) - 1 || 3 + n_name > n)
		return;
	vlan->id = (uint16_t)load_be(value, 2);
	take_text(value + 3, n_name, vlan->name);
	ret->n_vlans++;
}

static void take_organization(const struct tlv *tlv, struct lldp_info *ret)
{
	const uint8_t *value;
	uint32_t what;
	size_t n;

	if (tlv->n < 4)
		return;
	value = tlv->value + 4;
	n = tlv->n - 4;
	what = load_be(tlv->value, 4);
	if (what == (LLDP_OUI_8021 << 8 | LLDP_8021_PVID) && n >= 2)
		ret->pvid = (uint16_t)load_be(value, 2);
	else if (what == (LLDP_OUI_8021 << 8 | LLDP_8021_VLAN_NAME))
		take_vlan(value, n, ret);
	else if (what == (LLDP_OUI_8023 << 8 | LLDP_8023_MAX_FRAME) && n >= 2)
		ret->max_frame = (uint16_t)load_be(value, 2);
}

static int take_optional(const struct tlv *tlv, struct lldp_info *ret)
{
	switch (tlv->type) {
	case LLDP_TLV_CHASSIS:
	case LLDP_TLV_PORT:
	case LLDP_TLV_TTL:
		return -EBADMSG; /* once each, in their places */
	case LLDP_TLV_PORT_DESCRIPTION:
		take_optional_text(tlv, ret->port_description);
		return 0;
	case LLDP_TLV_SYSTEM_NAME:
		take_optional_text(tlv, ret->system_name);
		return 0;
	case LLDP_TLV_SYSTEM_DESCRIPTION:
		take_optional_text(tlv, ret->system_description);
		return 0;
	case LLDP_TLV_CAPABILITIES:
		take_capabilities(tlv, ret);
		return 0;
	case LLDP_TLV_ADDRESS:
		take_address(tlv, ret);
		return 0;
	case LLDP_TLV_ORGANIZATION:
		take_organization(tlv, ret);
		return 0;
	default:
		return 0;
	}
}

bool lldp_is_frame(const uint8_t *frame, size_t n)
{
	static const uint8_t group[5] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };

	/* 7.1: nearest bridge, nearest non-TPMR bridge, nearest customer bridge */
	return n >= HEADER_BYTES && memcmp(frame, group, sizeof(group)) == 0 &&
	       (frame[5] == 0x0e || frame[5] == 0x03 || frame[5] == 0x00) &&
	       load_be(frame + 12, 2) == LLDP_ETHERTYPE;
}

static int take_mandatory(const uint8_t **at, const uint8_t *end, struct lldp_info *ret)
{
	struct tlv tlv;

	if (next_tlv(at, end, &tlv) != 1 || take_id(&tlv, LLDP_TLV_CHASSIS, &ret->chassis) < 0)
		return -EBADMSG;
	if (next_tlv(at, end, &tlv) != 1 || take_id(&tlv, LLDP_TLV_PORT, &ret->port) < 0)
		return -EBADMSG;
	if (next_tlv(at, end, &tlv) != 1 || tlv.type != LLDP_TLV_TTL || tlv.n < 2)
		return -EBADMSG;
	ret->ttl_s = (uint16_t)load_be(tlv.value, 2);
	return 0;
}

int lldp_decode(const uint8_t *frame, size_t n, struct lldp_info *ret)
{
	const uint8_t *at, *end;
	struct tlv tlv;
	int r;

	if (!lldp_is_frame(frame, n))
		return -EBADMSG;
	at = frame + HEADER_BYTES;
	end = frame + n;
	memset(ret, 0, sizeof(*ret));
	r = take_mandatory(&at, end, ret);
	while (r == 0) {
		r = next_tlv(&at, end, &tlv);
		if (r <= 0)
			return r;
		r = take_optional(&tlv, ret);
	}
	return r;
}
