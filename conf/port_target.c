/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Type, mode, socket and device of a port as one kind and one target. Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/paths.h"
#include "conf/port_target.h"

#define IFNAME_MAX 15

int port_socket_path(const struct conf_item *port, const char *run_dir, char ret[PORT_TARGET_LEN],
	struct sh_err *err)
{
	const char *name = conf_get(port, API_PORT, "socket");
	char from_name[80], api[PORT_TARGET_LEN];
	int r;

	if (!name) {
		snprintf(from_name, sizeof(from_name), "%s.sock", conf_get(port, API_PORT, "name"));
		name = from_name;
	}
	r = sh_socket_path(run_dir, name, ret, PORT_TARGET_LEN, err);
	if (r < 0)
		return r;
	snprintf(api, sizeof(api), "%s/shunt.sock", run_dir);
	if (strcmp(ret, api) == 0)
		return sh_err_set(err, -EINVAL, "socket: '%s' is shuntd's own", api);
	return 0;
}

static bool is_pci_address(const char *text)
{
	unsigned domain, bus, device, function;
	int n = 0;

	return sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &n) == 4 &&
	       text[n] == '\0' && strlen(text) == strlen("0000:00:00.0");
}

static int uplink_target(const char *device, struct port_target *ret, struct sh_err *err)
{
	const char *rest = strchr(device, ':');
	size_t n = rest ? (size_t)(rest - device) : 0;

	rest = rest ? rest + 1 : "";
	if (n == 3 && strncmp(device, "xdp", n) == 0)
		return sh_err_set(err, -EINVAL,
			"device: xdp is not in this version: use 'packet:%.*s'", IFNAME_MAX, rest);
	if (n == 6 && strncmp(device, "packet", n) == 0 && *rest && strlen(rest) <= IFNAME_MAX) {
		ret->kind = CONF_PORT_PACKET;
	} else if (n == 3 && strncmp(device, "pci", n) == 0 && is_pci_address(rest)) {
		ret->kind = CONF_PORT_PCI;
	} else {
		return sh_err_set(err, -EINVAL,
			"device: '%.64s' is not allowed: packet:INTERFACE or pci:0000:01:00.0",
			device);
	}
	snprintf(ret->target, sizeof(ret->target), "%s", rest);
	return 0;
}

static int pcap_target(const char *device, struct port_target *ret, struct sh_err *err)
{
	const char *comma;

	if (strncmp(device, "pcap:", 5) == 0)
		device += 5;
	comma = strchr(device, ',');
	if (!comma || strchr(comma + 1, ',') || device[1] == '\0')
		return sh_err_set(err, -EINVAL,
			"device: '%.64s' is not allowed: IN,OUT, pcap files to read and to write, "
			"one of which may be empty",
			device);
	ret->kind = CONF_PORT_PCAP;
	snprintf(ret->target, sizeof(ret->target), "%s", device);
	return 0;
}

int port_target(const struct conf_item *port, const char *run_dir, struct port_target *ret,
	struct sh_err *err)
{
	const char *type = conf_get_or_default(port, API_PORT, "type");
	const char *mode = conf_get_or_default(port, API_PORT, "mode");
	const char *device = conf_get(port, API_PORT, "device");
	bool uplink = strcmp(type, "uplink") == 0;

	memset(ret, 0, sizeof(*ret));
	if (strcmp(type, "vhost-user") == 0) {
		ret->kind = strcmp(mode, "client") == 0 ? CONF_PORT_VHOST_CLIENT
							: CONF_PORT_VHOST_SERVER;
		return port_socket_path(port, run_dir, ret->target, err);
	}
	if (uplink || strcmp(type, "pcap") == 0) {
		if (!device)
			return sh_err_set(err, -EINVAL, "device is missing: %s",
				uplink ? "packet:INTERFACE or pci:ADDRESS" : "IN,OUT");
		return uplink ? uplink_target(device, ret, err) : pcap_target(device, ret, err);
	}
	ret->kind = strcmp(type, "internal") == 0 ? CONF_PORT_TAP : CONF_PORT_NULL;
	if (ret->kind == CONF_PORT_TAP)
		snprintf(ret->target, sizeof(ret->target), "%s", conf_get(port, API_PORT, "name"));
	return 0;
}
