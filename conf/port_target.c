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

static int uplink_target(
	const char *field, const char *device, struct port_target *ret, struct sh_err *err)
{
	const char *rest = strchr(device, ':');
	size_t n = rest ? (size_t)(rest - device) : 0;

	rest = rest ? rest + 1 : "";
	if (n == 3 && strncmp(device, "xdp", n) == 0 && *rest && strlen(rest) <= IFNAME_MAX) {
		ret->kind = CONF_PORT_XDP;
	} else if (n == 6 && strncmp(device, "packet", n) == 0 && *rest &&
		   strlen(rest) <= IFNAME_MAX) {
		ret->kind = CONF_PORT_PACKET;
	} else if (n == 3 && strncmp(device, "pci", n) == 0 && is_pci_address(rest)) {
		ret->kind = CONF_PORT_PCI;
	} else {
		return sh_err_set(err, -EINVAL,
			"%s: '%.64s' is not allowed: xdp:INTERFACE, packet:INTERFACE or "
			"pci:0000:01:00.0",
			field, device);
	}
	snprintf(ret->target, sizeof(ret->target), "%s", rest);
	return 0;
}

static int add_device(const char *text, struct port_target *devices, int n, struct sh_err *err)
{
	int r;

	if (n == PORT_MAX_DEVICES)
		return sh_err_set(err, -EINVAL, "devices: no more than %d", PORT_MAX_DEVICES);
	memset(&devices[n], 0, sizeof(devices[n]));
	r = uplink_target("devices", text, &devices[n], err);
	for (int i = 0; r == 0 && i < n; i++)
		if (strcmp(devices[i].target, devices[n].target) == 0)
			return sh_err_set(
				err, -EINVAL, "devices: %s is given twice", devices[n].target);
	return r;
}

int port_devices(const struct conf_item *port, struct port_target *ret, struct sh_err *err)
{
	const char *text = conf_get(port, API_PORT, "devices");
	int n = 0;

	while (text && *text) {
		size_t len = strcspn(text, ",");
		char device[PORT_TARGET_LEN];
		int r;

		snprintf(device, sizeof(device), "%.*s", (int)len, text);
		r = add_device(device, ret, n, err);
		if (r < 0)
			return r;
		n++;
		text += len + (text[len] == ',');
	}
	return n ? n : sh_err_set(err, -EINVAL, "devices: none is given");
}

int port_device_parse(const char *device, struct port_target *ret)
{
	memset(ret, 0, sizeof(*ret));
	return uplink_target("device", device, ret, NULL);
}

bool port_device_is(const struct port_target *device, const char *text)
{
	struct port_target meant;

	if (strcmp(device->target, text) == 0)
		return true;
	return uplink_target("", text, &meant, NULL) == 0 && meant.kind == device->kind &&
	       strcmp(meant.target, device->target) == 0;
}

/* An uplink has one device or is a team of several. */
static int device_target(const struct conf_item *port, struct port_target *ret, struct sh_err *err)
{
	const char *device = conf_get(port, API_PORT, "device");
	struct port_target devices[PORT_MAX_DEVICES];
	int r;

	if (device && conf_get(port, API_PORT, "devices"))
		return sh_err_set(err, -EINVAL, "device: give device or devices, not both");
	if (device)
		return uplink_target("device", device, ret, err);
	if (!conf_get(port, API_PORT, "devices"))
		return sh_err_set(err, -EINVAL,
			"device is missing: xdp:INTERFACE, packet:INTERFACE or pci:ADDRESS, or "
			"several as devices");
	r = port_devices(port, devices, err);
	ret->kind = CONF_PORT_TEAM;
	return r < 0 ? r : 0;
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

	memset(ret, 0, sizeof(*ret));
	if (strcmp(type, "vhost-user") == 0) {
		ret->kind = strcmp(mode, "client") == 0 ? CONF_PORT_VHOST_CLIENT
							: CONF_PORT_VHOST_SERVER;
		return port_socket_path(port, run_dir, ret->target, err);
	}
	if (strcmp(type, "uplink") == 0)
		return device_target(port, ret, err);
	if (strcmp(type, "pcap") == 0)
		return device ? pcap_target(device, ret, err)
			      : sh_err_set(err, -EINVAL, "device is missing: IN,OUT");
	ret->kind = strcmp(type, "internal") == 0 ? CONF_PORT_TAP : CONF_PORT_NULL;
	if (ret->kind == CONF_PORT_TAP)
		snprintf(ret->target, sizeof(ret->target), "%s", conf_get(port, API_PORT, "name"));
	return 0;
}
