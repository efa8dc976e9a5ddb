/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as a frame of LLDP: what is read ends where it should, can be said again with the same
 * meaning, and makes at most one neighbour. The first byte is the seconds that pass.
 */
#include <string.h>

#include "link/lldp.h"
#include "fuzz.h"

static bool is_text(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return n < size;
}

static void check(const struct lldp_info *info)
{
	CHECK(info->chassis.n > 0 && info->port.n > 0);
	CHECK(is_text(info->system_name, LLDP_TEXT_LEN));
	CHECK(is_text(info->system_description, LLDP_TEXT_LEN));
	CHECK(is_text(info->port_description, LLDP_TEXT_LEN));
	CHECK(info->n_addresses <= LLDP_MAX_ADDRESSES && info->n_vlans <= LLDP_MAX_VLANS);
	for (unsigned i = 0; i < info->n_addresses; i++)
		CHECK(info->addresses[i].n > 0 && info->addresses[i].n <= 31);
	for (unsigned i = 0; i < info->n_vlans; i++)
		CHECK(is_text(info->vlans[i].name, sizeof(info->vlans[i].name)));
}

static void check_again(const struct lldp_info *info)
{
	static const uint8_t source[6] = { 2 };
	uint8_t frame[LLDP_MAX_FRAME];
	struct lldp_info again;
	int n = lldp_encode(info, source, frame);

	CHECK(n >= 60 && n <= (int)LLDP_MAX_FRAME);
	CHECK(lldp_decode(frame, (size_t)n, &again) == 0);
	CHECK(again.ttl_s == info->ttl_s && again.n_vlans <= info->n_vlans);
	CHECK(memcmp(&again.chassis, &info->chassis, sizeof(again.chassis)) == 0);
	CHECK(memcmp(&again.port, &info->port, sizeof(again.port)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lldp_neighbors neighbors = { 0 };
	struct lldp_info info;
	char text[511];

	if (size < 1)
		return 0;
	if (lldp_decode(data + 1, size - 1, &info) == 0) {
		check(&info);
		check_again(&info);
		lldp_chassis_text(&info.chassis, text, sizeof(text));
		lldp_port_text(&info.port, text, 16);
		for (unsigned i = 0; i < info.n_addresses; i++)
			lldp_address_text(&info.addresses[i], text, sizeof(text));
	}
	(void)lldp_neighbors_take(&neighbors, data + 1, size - 1, 0);
	CHECK(neighbors.n <= 1);
	(void)lldp_neighbors_age(&neighbors, data[0] * UINT64_C(1000000000));
	lldp_neighbors_done(&neighbors);
	return 0;
}
