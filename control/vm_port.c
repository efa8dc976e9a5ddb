/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ports of virtual machines in the model: ordinary ports, so that whatever holds for a port holds
 * for these (numbers, policy, statistics), whose group, address and queues are the interface's.
 * Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/value.h"
#include "ofproto/dpid.h"
#include "vm_port.h"

static const struct conf_items *nics_of(const struct conf_item *vm)
{
	return conf_nested(vm, API_VM, "nics");
}

static const char *nic_get(const struct conf_item *vm, uint32_t n, const char *field)
{
	return conf_get(&nics_of(vm)->items[n], API_VM_NIC, field);
}

void vm_port_name(const struct conf_item *vm, uint32_t n, char ret[VM_PORT_LEN])
{
	/* conf_check_vm has seen to it that it fits. */
	snprintf(ret, VM_PORT_LEN, "%.50s-%u", conf_get(vm, API_VM, "name"), n);
}

void vm_nic_mac(const struct conf_item *vm, uint32_t n, const char *machine_id, char ret[18])
{
	const char *given = nic_get(vm, n, "mac");
	char seed[VM_PORT_LEN];
	uint8_t mac[6];
	uint64_t bits;

	if (given) {
		snprintf(ret, 18, "%s", given);
		return;
	}
	vm_port_name(vm, n, seed);
	bits = of_dpid_derive(seed, machine_id);
	for (unsigned i = 0; i < 6; i++)
		mac[i] = (uint8_t)(bits >> (8 * i));
	/* Locally administered, of one station. */
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 2);
	api_format_mac(mac, ret);
}

bool vm_owns_port(const struct conf_item *vm, const char *port)
{
	char name[VM_PORT_LEN];

	for (uint32_t n = 0; n < nics_of(vm)->n; n++) {
		vm_port_name(vm, n, name);
		if (nic_get(vm, n, "portgroup") && strcmp(name, port) == 0)
			return true;
	}
	return false;
}

static bool is_owned(const struct conf *conf, const char *port)
{
	for (uint32_t i = 0; i < conf->of[API_VM].n; i++)
		if (vm_owns_port(&conf->of[API_VM].items[i], port))
			return true;
	return false;
}

static struct conf_item *port_of(struct conf *conf, const char *name)
{
	int i = conf_find(conf, API_PORT, name, 0);
	struct conf_item *port;

	if (i >= 0)
		return &conf->of[API_PORT].items[i];
	port = conf_append(conf, API_PORT);
	return port && conf_set(port, API_PORT, "name", name) == 0 ? port : NULL;
}

static int settle_port(struct conf *conf, const struct conf_item *vm, uint32_t n,
	const char *machine_id, struct sh_err *err)
{
	struct conf_item *port;
	char name[VM_PORT_LEN], mac[18];
	int r;

	vm_port_name(vm, n, name);
	vm_nic_mac(vm, n, machine_id, mac);
	port = port_of(conf, name);
	r = port ? conf_set(port, API_PORT, "portgroup", nic_get(vm, n, "portgroup")) : -ENOMEM;
	if (r == 0)
		r = conf_set(port, API_PORT, "bridge", NULL);
	if (r == 0)
		r = conf_set(port, API_PORT, "mac", mac);
	if (r == 0)
		r = conf_set(port, API_PORT, "queues", nic_get(vm, n, "queues"));
	return r < 0 ? sh_err_set(err, r, "out of memory") : 0;
}

/* An interface whose group is not there is refused by conf_check. */
static int settle_nic(struct conf *conf, const struct conf *old, const struct conf_item *vm,
	uint32_t n, const char *machine_id, struct sh_err *err)
{
	const char *group = nic_get(vm, n, "portgroup");
	char name[VM_PORT_LEN];

	if (!group || !conf_item(conf, API_PORTGROUP, group))
		return 0;
	vm_port_name(vm, n, name);
	if (conf_item(old, API_PORT, name) && !is_owned(old, name))
		return sh_err_set(err, -EEXIST,
			"there is already a port '%s', and the interface would bring one of that "
			"name: name it as port, or remove it",
			name);
	return settle_port(conf, vm, n, machine_id, err);
}

int vm_ports_settle(struct conf *conf, const struct conf *old, const char *machine_id,
	struct conf_where *where, struct sh_err *err)
{
	for (uint32_t i = 0; i < conf->of[API_VM].n; i++) {
		const struct conf_item *vm = &conf->of[API_VM].items[i];

		*where = (struct conf_where){ .noun = API_VM, .index = (int)i, .list = "nics" };
		for (uint32_t n = 0; vm->v[0] && n < nics_of(vm)->n; n++) {
			int r;

			where->list_index = (int)n;
			r = settle_nic(conf, old, vm, n, machine_id, err);
			if (r < 0)
				return r;
		}
	}
	*where = (struct conf_where){ .index = -1 };
	return 0;
}

void conf_remove_port(struct conf *conf, const char *name)
{
	int port = conf_find(conf, API_PORT, name, 0);

	for (uint32_t i = conf->of[API_FDB].n; i > 0; i--)
		if (strcmp(conf_get(&conf->of[API_FDB].items[i - 1], API_FDB, "port"), name) == 0)
			conf_remove(conf, API_FDB, i - 1);
	if (port >= 0)
		conf_remove(conf, API_PORT, (uint32_t)port);
}

void vm_ports_drop(struct conf *conf, const struct conf_item *was, const struct conf_item *is)
{
	char name[VM_PORT_LEN];

	for (uint32_t n = 0; n < nics_of(was)->n; n++) {
		vm_port_name(was, n, name);
		if (vm_owns_port(was, name) && !(is && vm_owns_port(is, name)))
			conf_remove_port(conf, name);
	}
}
