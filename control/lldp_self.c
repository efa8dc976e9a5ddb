/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the host says of itself by LLDP: made of the configuration, the port and the host's name and
 * addresses. Control thread.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/paths.h"
#include "change.h"
#include "conf/policy.h"
#include "lldp.h"

#define FAMILY_IPV4     1
#define FAMILY_IPV6     2
#define IF_TYPE_UNKNOWN 1
#define IF_TYPE_INDEX   2
#define HEADER_AND_FCS  22 /* of a frame with a tag */

static bool is_global(const struct sockaddr *address)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	if (address->sa_family == AF_INET)
		return (ntohl(in->sin_addr.s_addr) & 0xffff0000u) != 0xa9fe0000u;
	return address->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);
}

static void set_address(struct lldp_address *ret, int family, const void *bytes)
{
	ret->family = family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
	ret->n = family == AF_INET ? 4 : 16;
	memcpy(ret->bytes, bytes, ret->n);
	ret->if_type = IF_TYPE_UNKNOWN;
	ret->if_number = 0;
}

/* The first of a family that reaches beyond the host and the wire. */
static bool find_address(const struct ifaddrs *all, int family, struct lldp_address *ret)
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != family ||
			(i->ifa_flags & IFF_LOOPBACK) || !(i->ifa_flags & IFF_UP) ||
			!is_global(i->ifa_addr))
			continue;
		set_address(ret, family,
			family == AF_INET
				? (void *)&((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr
				: &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr);
		ret->if_type = IF_TYPE_INDEX;
		ret->if_number = if_nametoindex(i->ifa_name);
		return true;
	}
	return false;
}

void lldp_host_read(struct lldp_host *host)
{
	struct ifaddrs *all;

	host->n = 0;
	if (getifaddrs(&all) < 0)
		return;
	host->n += find_address(all, AF_INET, &host->addresses[host->n]);
	host->n += find_address(all, AF_INET6, &host->addresses[host->n]);
	freeifaddrs(all);
}

static const struct conf_item *settings(const struct ctl *ctl)
{
	return ctl->conf.of[API_LLDP].n ? ctl->conf.of[API_LLDP].items : NULL;
}

static void set_addresses(const struct ctl *ctl, struct lldp_info *ret)
{
	const char *given = conf_get(settings(ctl), API_LLDP, "management_address");
	uint8_t bytes[16];

	if (!given) {
		ret->n_addresses = ctl->lldp.host.n;
		memcpy(ret->addresses, ctl->lldp.host.addresses,
			ret->n_addresses * sizeof(ret->addresses[0]));
	} else if (inet_pton(AF_INET, given, bytes) == 1) {
		set_address(&ret->addresses[ret->n_addresses++], AF_INET, bytes);
	} else if (inet_pton(AF_INET6, given, bytes) == 1) {
		set_address(&ret->addresses[ret->n_addresses++], AF_INET6, bytes);
	}
}

static void set_system(const struct ctl *ctl, struct lldp_info *ret)
{
	const char *name = conf_get(settings(ctl), API_LLDP, "system_name");
	struct utsname host;

	if (uname(&host) < 0)
		memset(&host, 0, sizeof(host));
	snprintf(ret->system_name, sizeof(ret->system_name), "%.255s", name ? name : host.nodename);
	snprintf(ret->system_description, sizeof(ret->system_description),
		"Shunt %.32s on %.64s %.64s %.64s", sh_version(), host.sysname, host.release,
		host.machine);
	ret->capabilities = ret->enabled = LLDP_CAP_BRIDGE;
}

/* "packet:eth1" is interface eth1; a NIC without one goes by its PCI address. */
static void set_ids(
	const struct ctl *ctl, const struct uplink_device *device, struct lldp_info *ret)
{
	const char *colon = strchr(device->name, ':');
	const char *name = colon ? colon + 1 : device->name;
	bool is_pci = strncmp(device->name, "pci:", 4) == 0;

	ret->chassis.type = LLDP_CHASSIS_MAC;
	ret->chassis.n = 6;
	ctl_system_mac(ctl, ret->chassis.bytes);
	ret->port.type = is_pci ? LLDP_PORT_LOCAL : LLDP_PORT_IFNAME;
	ret->port.n = (uint8_t)strlen(name);
	memcpy(ret->port.bytes, name, ret->port.n);
}

static bool carries(const struct dp_vlan_policy *policy, uint16_t vlan)
{
	return policy->mode == DP_VLAN_ACCESS ? policy->vlan == vlan
					      : dp_vlan_set_has(policy->trunk, vlan);
}

/* The port groups whose VLAN goes out here, by their names. */
static void set_vlans(const struct ctl *ctl, const char *bridge,
	const struct dp_vlan_policy *policy, struct lldp_info *ret)
{
	const struct conf_items *groups = &ctl->conf.of[API_PORTGROUP];

	if (policy->mode != DP_VLAN_TRUNK)
		ret->pvid = policy->vlan;
	for (uint32_t i = 0; i < groups->n && ret->n_vlans < LLDP_MAX_VLANS; i++) {
		const struct conf_item *group = &groups->items[i];
		uint16_t vlan = (uint16_t)conf_get_uint(group, API_PORTGROUP, "vlan", 0);
		struct lldp_vlan *to = &ret->vlans[ret->n_vlans];

		if (!vlan || strcmp(conf_get(group, API_PORTGROUP, "bridge"), bridge) != 0 ||
			!carries(policy, vlan))
			continue;
		to->id = vlan;
		snprintf(to->name, sizeof(to->name), "%.32s",
			conf_get(group, API_PORTGROUP, "name"));
		ret->n_vlans++;
	}
}

void lldp_self(const struct ctl *ctl, const struct conf_item *port, const struct dp_port *dp,
	const struct uplink_device *device, struct lldp_info *ret)
{
	const struct dp_port_policy *policy = dp_port_get_policy(dp);
	const char *bridge = conf_port_bridge(&ctl->conf, port);
	uint64_t ttl_s = conf_get_uint(settings(ctl), API_LLDP, "interval_s", 30) *
				 conf_get_uint(settings(ctl), API_LLDP, "hold", 4) +
			 1;

	memset(ret, 0, sizeof(*ret));
	set_ids(ctl, device, ret);
	ret->ttl_s = ttl_s < UINT16_MAX ? (uint16_t)ttl_s : UINT16_MAX;
	snprintf(ret->port_description, sizeof(ret->port_description), "port %.64s of bridge %.64s",
		dp_port_name(dp), bridge);
	set_system(ctl, ret);
	set_addresses(ctl, ret);
	set_vlans(ctl, bridge, &policy->vlan, ret);
	ret->max_frame = (uint16_t)(policy->mtu + HEADER_AND_FCS);
}
