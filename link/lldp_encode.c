/* SPDX-License-Identifier: BSD-3-Clause
 *
 * LLDPDUs out of what is to be said (IEEE 802.1AB-2016, clause 8). Pure.
 */
#include <errno.h>
#include <string.h>

#include "link/lldp.h"
#include "lldp_tlv.h"

#define MIN_FRAME 60u
#define END_BYTES 2u
#define MAX_TLV   511u

struct writer {
	uint8_t *at;
	size_t n;
};

static void put_be(struct writer *w, uint32_t value, unsigned n_bytes)
{
	for (unsigned i = n_bytes; i > 0; i--)
		w->at[w->n++] = (uint8_t)(value >> 8 * (i - 1));
}

static void put_bytes(struct writer *w, const void *bytes, size_t n)
{
	memcpy(w->at + w->n, bytes, n);
	w->n += n;
}

/* return: whether there is room for it and for the end, which is kept. */
static bool begin_tlv(struct writer *w, enum lldp_tlv type, size_t n)
{
	if (n > MAX_TLV || w->n + 2 + n + END_BYTES > LLDP_MAX_FRAME)
		return false;
	put_be(w, (uint32_t)(type << 9 | n), 2);
	return true;
}

static bool begin_organization(struct writer *w, uint32_t oui, unsigned subtype, size_t n)
{
	if (!begin_tlv(w, LLDP_TLV_ORGANIZATION, 4 + n))
		return false;
	put_be(w, oui, 3);
	put_be(w, subtype, 1);
	return true;
}

static void put_id(struct writer *w, enum lldp_tlv type, const struct lldp_id *id)
{
	if (!begin_tlv(w, type, 1u + id->n))
		return;
	put_be(w, id->type, 1);
	put_bytes(w, id->bytes, id->n);
}

static void put_text(struct writer *w, enum lldp_tlv type, const char *text)
{
	size_t n = strnlen(text, LLDP_TEXT_LEN - 1);

	if (n && begin_tlv(w, type, n))
		put_bytes(w, text, n);
}

/* 8.5.9; no object identifier is given */
static void put_address(struct writer *w, const struct lldp_address *a)
{
	if (a->n == 0 || a->n > sizeof(a->bytes) || !begin_tlv(w, LLDP_TLV_ADDRESS, 2u + a->n + 6u))
		return;
	put_be(w, 1u + a->n, 1);
	put_be(w, a->family, 1);
	put_bytes(w, a->bytes, a->n);
	put_be(w, a->if_type, 1);
	put_be(w, a->if_number, 4);
	put_be(w, 0, 1);
}

static void put_capabilities(struct writer *w, const struct lldp_info *info)
{
	if (!info->capabilities || !begin_tlv(w, LLDP_TLV_CAPABILITIES, 4))
		return;
	put_be(w, info->capabilities, 2);
	put_be(w, info->enabled, 2);
}

static void put_vlan(struct writer *w, const struct lldp_vlan *vlan)
{
	size_t n = strnlen(vlan->name, sizeof(vlan->name) - 1);

	if (!begin_organization(w, LLDP_OUI_8021, LLDP_8021_VLAN_NAME, 3 + n))
		return;
	put_be(w, vlan->id, 2);
	put_be(w, (uint32_t)n, 1);
	put_bytes(w, vlan->name, n);
}

static void put_optional(struct writer *w, const struct lldp_info *info)
{
	put_text(w, LLDP_TLV_PORT_DESCRIPTION, info->port_description);
	put_text(w, LLDP_TLV_SYSTEM_NAME, info->system_name);
	put_text(w, LLDP_TLV_SYSTEM_DESCRIPTION, info->system_description);
	put_capabilities(w, info);
	for (unsigned i = 0; i < info->n_addresses; i++)
		put_address(w, &info->addresses[i]);
	if (info->pvid && begin_organization(w, LLDP_OUI_8021, LLDP_8021_PVID, 2))
		put_be(w, info->pvid, 2);
	if (info->max_frame && begin_organization(w, LLDP_OUI_8023, LLDP_8023_MAX_FRAME, 2))
		put_be(w, info->max_frame, 2);
	for (unsigned i = 0; i < info->n_vlans; i++)
		put_vlan(w, &info->vlans[i]);
}

static void begin_frame(struct writer *w, const uint8_t source[6])
{
	static const uint8_t nearest_bridge[6] = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e };

	put_bytes(w, nearest_bridge, sizeof(nearest_bridge));
	put_bytes(w, source, 6);
	put_be(w, LLDP_ETHERTYPE, 2);
}

static int encode(
	const struct lldp_info *info, const uint8_t source[6], bool is_shutdown, uint8_t *ret)
{
	struct writer w = { .at = ret };

	if (info->chassis.n == 0 || info->port.n == 0)
		return -EINVAL;
	begin_frame(&w, source);
	put_id(&w, LLDP_TLV_CHASSIS, &info->chassis);
	put_id(&w, LLDP_TLV_PORT, &info->port);
	if (begin_tlv(&w, LLDP_TLV_TTL, 2))
		put_be(&w, is_shutdown ? 0 : info->ttl_s, 2);
	if (!is_shutdown)
		put_optional(&w, info);
	put_be(&w, LLDP_TLV_END, 2);
	while (w.n < MIN_FRAME)
		put_be(&w, 0, 1);
	return (int)w.n;
}

int lldp_encode(const struct lldp_info *info, const uint8_t source[6], uint8_t *ret)
{
	return encode(info, source, false, ret);
}

int lldp_encode_shutdown(const struct lldp_info *info, const uint8_t source[6], uint8_t *ret)
{
	return encode(info, source, true, ret);
}
