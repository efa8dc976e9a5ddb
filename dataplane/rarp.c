/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The frame by which switches learn where an address is now.
 */
#include "rarp.h"

static uint8_t *put16(uint8_t *at, uint16_t value)
{
	dp_store_be16(at, value);
	return at + 2;
}

uint32_t dp_rarp_build(uint8_t frame[DP_RARP_MAX], const uint8_t mac[6], bool tagged, uint16_t tci)
{
	uint8_t *p = frame;

	memset(frame, 0, DP_RARP_MAX);
	memset(p, 0xff, 6);
	memcpy(p + 6, mac, 6);
	p += 12;
	if (tagged)
		p = put16(put16(p, ETHERTYPE_VLAN), tci);
	p = put16(p, ETHERTYPE_RARP);
	p = put16(p, 1); /* Ethernet */
	p = put16(p, ETHERTYPE_IPV4);
	*p++ = 6;
	*p++ = 4;
	p = put16(p, 3); /* reverse request */
	memcpy(p, mac, 6);
	memcpy(p + 10, mac, 6);
	return tagged ? DP_RARP_MAX : DP_RARP_MAX - VLAN_BYTES;
}
