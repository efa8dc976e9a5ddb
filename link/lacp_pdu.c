/* SPDX-License-Identifier: BSD-3-Clause
 *
 * LACPDUs to and from frames (IEEE 802.1AX-2014, 6.4.2). Pure.
 */
#include <errno.h>
#include <string.h>

#include "lacp_frame.h"
#include "link/lacp.h"

#define TLV_ACTOR       1
#define TLV_PARTNER     2
#define TLV_COLLECTOR   3
#define PARTY_BYTES     20
#define COLLECTOR_BYTES 16
#define AT_ACTOR        16
#define AT_PARTNER      (AT_ACTOR + PARTY_BYTES)
#define AT_COLLECTOR    (AT_PARTNER + PARTY_BYTES)

static void put_be16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint16_t get_be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put_party(uint8_t *at, uint8_t tlv, const struct lacp_party *party)
{
	at[0] = tlv;
	at[1] = PARTY_BYTES;
	put_be16(at + 2, party->system_priority);
	memcpy(at + 4, party->system, 6);
	put_be16(at + 10, party->key);
	put_be16(at + 12, party->port_priority);
	put_be16(at + 14, party->port);
	at[16] = party->state;
}

static void get_party(const uint8_t *at, struct lacp_party *ret)
{
	ret->system_priority = get_be16(at + 2);
	memcpy(ret->system, at + 4, 6);
	ret->key = get_be16(at + 10);
	ret->port_priority = get_be16(at + 12);
	ret->port = get_be16(at + 14);
	ret->state = at[16];
}

void lacp_encode(const struct lacp_pdu *pdu, const uint8_t source[6], uint8_t *ret)
{
	memset(ret, 0, LACP_FRAME_BYTES);
	memcpy(ret, lacp_group_address, 6);
	memcpy(ret + 6, source, 6);
	put_be16(ret + 12, LACP_ETHERTYPE);
	ret[AT_SUBTYPE] = SUBTYPE_LACP;
	ret[AT_VERSION] = 1;
	put_party(ret + AT_ACTOR, TLV_ACTOR, &pdu->actor);
	put_party(ret + AT_PARTNER, TLV_PARTNER, &pdu->partner);
	ret[AT_COLLECTOR] = TLV_COLLECTOR;
	ret[AT_COLLECTOR + 1] = COLLECTOR_BYTES;
}

bool lacp_is_slow(const uint8_t *frame, size_t n, uint8_t subtype)
{
	return n >= LACP_FRAME_BYTES && memcmp(frame, lacp_group_address, 6) == 0 &&
	       get_be16(frame + 12) == LACP_ETHERTYPE && frame[AT_SUBTYPE] == subtype;
}

/* Later versions are read as this one (6.4.2.4.1 h). */
int lacp_decode(const uint8_t *frame, size_t n, struct lacp_pdu *ret)
{
	if (!lacp_is_slow(frame, n, SUBTYPE_LACP) || frame[AT_VERSION] == 0)
		return -EBADMSG;
	if (frame[AT_ACTOR] != TLV_ACTOR || frame[AT_ACTOR + 1] != PARTY_BYTES ||
		frame[AT_PARTNER] != TLV_PARTNER || frame[AT_PARTNER + 1] != PARTY_BYTES)
		return -EBADMSG;
	get_party(frame + AT_ACTOR, &ret->actor);
	get_party(frame + AT_PARTNER, &ret->partner);
	return 0;
}
