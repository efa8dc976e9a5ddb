/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The definition: each interface gets its socket, address and MTU. Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/json.h"
#include "conf/policy.h"
#include "conf/port_target.h"
#include "vm_definition.h"
#include "vm_port.h"

void vm_nic_port(const struct conf_item *vm, uint32_t n, char ret[64])
{
	const struct conf_item *nic = &conf_nested(vm, API_VM, "nics")->items[n];
	const char *port = conf_get(nic, API_VM_NIC, "port");

	ret[0] = '\0';
	if (port)
		snprintf(ret, 64, "%s", port);
	else if (conf_get(nic, API_VM_NIC, "portgroup"))
		vm_port_name(vm, n, ret);
}

/* An interface of a port that there is has the port's address, if that has one. */
static void address_of(const struct ctl *ctl, const struct conf_item *vm, uint32_t n,
	const struct conf_item *port, char ret[18])
{
	const struct conf_item *nic = &conf_nested(vm, API_VM, "nics")->items[n];
	const char *of_port = conf_get(port, API_PORT, "mac");

	if (!conf_get(nic, API_VM_NIC, "mac") && of_port)
		snprintf(ret, 18, "%s", of_port);
	else
		vm_nic_mac(vm, n, ctl->machine_id, ret);
}

static int complete_nic(const struct ctl *ctl, const struct conf_item *vm, uint32_t n,
	json_t *object, struct sh_err *err)
{
	const struct conf_item *port;
	char name[64], path[PORT_TARGET_LEN], mac[18];
	const char *mtu;
	int r;

	vm_nic_port(vm, n, name);
	if (!name[0]) /* a VF: shunt-vmm finds it */
		return 0;
	port = conf_item(&ctl->conf, API_PORT, name);
	r = port_socket_path(port, ctl->env.run_dir, path, err);
	if (r < 0)
		return r;
	address_of(ctl, vm, n, port, mac);
	json_object_set_new(object, "socket", json_string(path));
	json_object_set_new(object, "mac", json_string(mac));
	mtu = conf_policy(&ctl->conf, port, "mtu");
	if (mtu && !json_object_get(object, "mtu"))
		json_object_set_new(object, "mtu", json_integer(strtol(mtu, NULL, 10)));
	return 0;
}

int vm_definition(const struct ctl *ctl, const struct conf_item *vm, char **ret, struct sh_err *err)
{
	json_t *object = conf_item_to_json(vm, API_VM), *nics = json_object_get(object, "nics");
	char *text = NULL;
	int r = object ? 0 : sh_err_set(err, -ENOMEM, "out of memory");

	for (uint32_t n = 0; r == 0 && n < json_array_size(nics); n++)
		r = complete_nic(ctl, vm, n, json_array_get(nics, n), err);
	if (r == 0)
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (r < 0)
		return r;
	if (!text)
		return sh_err_set(err, -ENOMEM, "out of memory");
	*ret = text;
	return 0;
}
