/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ids and addresses of LLDP as people read them. Pure.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "link/lldp.h"

#define FAMILY_IPV4 1
#define FAMILY_IPV6 2

static void mac_text(const uint8_t *mac, char *ret, size_t size)
{
	snprintf(ret, size, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		mac[5]);
}

static void hex_text(const uint8_t *bytes, size_t n, char *ret, size_t size)
{
	ret[0] = '\0';
	for (size_t i = 0; i < n && 2 * i + 3 <= size; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

static bool is_text(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] < 0x20 || bytes[i] > 0x7e)
			return false;
	return true;
}

static void bytes_text(const uint8_t *bytes, size_t n, char *ret, size_t size)
{
	if (is_text(bytes, n))
		snprintf(ret, size, "%.*s", (int)n, (const char *)bytes);
	else
		hex_text(bytes, n, ret, size);
}

static void network_text(unsigned family, const uint8_t *bytes, size_t n, char *ret, size_t size)
{
	int af = family == FAMILY_IPV4 && n == 4    ? AF_INET
		 : family == FAMILY_IPV6 && n == 16 ? AF_INET6
						    : AF_UNSPEC;

	if (af == AF_UNSPEC && n == 6)
		mac_text(bytes, ret, size);
	else if (af == AF_UNSPEC || !inet_ntop(af, bytes, ret, (socklen_t)size))
		hex_text(bytes, n, ret, size);
}

static void id_text(
	const struct lldp_id *id, unsigned mac, unsigned address, char *ret, size_t size)
{
	if (id->type == mac && id->n == 6)
		mac_text(id->bytes, ret, size);
	else if (id->type == address && id->n > 1)
		network_text(id->bytes[0], id->bytes + 1, id->n - 1u, ret, size);
	else if (id->type == mac || id->type == address)
		hex_text(id->bytes, id->n, ret, size);
	else
		bytes_text(id->bytes, id->n, ret, size);
}

void lldp_chassis_text(const struct lldp_id *id, char *ret, size_t size)
{
	id_text(id, LLDP_CHASSIS_MAC, LLDP_CHASSIS_ADDRESS, ret, size);
}

void lldp_port_text(const struct lldp_id *id, char *ret, size_t size)
{
	id_text(id, LLDP_PORT_MAC, LLDP_PORT_ADDRESS, ret, size);
}

void lldp_address_text(const struct lldp_address *address, char *ret, size_t size)
{
	network_text(address->family, address->bytes, address->n, ret, size);
}
