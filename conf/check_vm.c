/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks of one virtual machine: its disks, its interfaces and where its virtual CPUs run. Files
 * are looked at when it starts. Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/value.h"
#include "check_parts.h"

#define NIC          API_VM_NIC
#define NAME_MAX_LEN 50

static int check_disk(const struct conf *conf, const struct conf_item *vm, uint32_t i,
	struct conf_where *where, struct sh_err *err)
{
	const struct conf_items *disks = conf_nested(vm, API_VM, "disks");
	const char *file = conf_get(&disks->items[i], API_VM_DISK, "file");

	if (!file)
		return conf_fail(where, NULL, err, -EINVAL, "file is missing");
	for (uint32_t k = 0; k < i; k++)
		if (strcmp(file, conf_get(&disks->items[k], API_VM_DISK, "file")) == 0)
			return conf_fail(where, "file", err, -EEXIST,
				"file: '%s' is disks[%u] already", file, k);
	return 0;
}

static bool is_pci_address(const char *text)
{
	unsigned domain, bus, slot, function;
	int end = 0;

	return sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &end) == 4 &&
	       !text[end];
}

/* "eth0/0": which PF there is, only the host knows. */
static int check_vf(const struct conf_item *nic, struct conf_where *where, struct sh_err *err)
{
	static const char *const of_ports[] = { "mac", "queues", "mtu" };
	const char *vf = conf_get(nic, NIC, "vf");
	const char *slash = vf ? strrchr(vf, '/') : NULL;
	uint64_t index;

	if (!vf)
		return 0;
	if (!is_pci_address(vf) &&
		!(slash && slash != vf && api_parse_uint(slash + 1, &index) == 0))
		return conf_fail(where, "vf", err, -EINVAL,
			"vf: '%s' is not allowed: the PF, a slash and the VF's index, like eth0/0",
			vf);
	for (unsigned i = 0; i < sizeof(of_ports) / sizeof(of_ports[0]); i++)
		if (conf_get(nic, NIC, of_ports[i]))
			return conf_fail(where, of_ports[i], err, -EINVAL,
				"%s: a VF has its own: 'shunt sriov set' changes what can be",
				of_ports[i]);
	return 0;
}

static int check_port(const struct conf *conf, const struct conf_item *nic,
	struct conf_where *where, struct sh_err *err)
{
	const char *name = conf_get(nic, NIC, "port");
	const struct conf_item *port = conf_item(conf, API_PORT, name);
	int r = conf_check_ref(conf, API_PORT, name, "port", where, err);

	if (r < 0 || !name)
		return r;
	if (strcmp(conf_get_or_default(port, API_PORT, "type"), "vhost-user") != 0 ||
		strcmp(conf_get_or_default(port, API_PORT, "mode"), "server") != 0)
		return conf_fail(where, "port", err, -EINVAL,
			"port: '%s' is not of type vhost-user in mode server", name);
	return 0;
}

/* The kernel merges no memory that others map, and a switch maps its guests'; a VF locks it. */
static int check_shared(const struct conf_item *vm, const struct conf_item *nic,
	struct conf_where *where, struct sh_err *err)
{
	const struct conf_items *memory = conf_nested(vm, API_VM, "memory");
	const char *mergeable =
		memory->n ? conf_get(memory->items, API_VM_MEMORY, "mergeable") : NULL;

	if (!mergeable || strcmp(mergeable, "true") != 0)
		return 0;
	return conf_fail(where, NULL, err, -EINVAL,
		"a %s cannot reach memory that is merged: leave out memory.mergeable",
		conf_get(nic, NIC, "vf") ? "VF" : "switch");
}

static int check_nic(const struct conf *conf, const struct conf_item *vm, uint32_t i,
	struct conf_where *where, struct sh_err *err)
{
	const struct conf_item *nic = &conf_nested(vm, API_VM, "nics")->items[i];
	static const char *const places[] = { "portgroup", "port", "vf" };
	const char *first = NULL;
	int r;

	for (unsigned k = 0; k < 3; k++) {
		if (!conf_get(nic, NIC, places[k]))
			continue;
		if (first)
			return conf_fail(where, places[k], err, -EINVAL,
				"give one of portgroup, port and vf, not %s and %s", first,
				places[k]);
		first = places[k];
	}
	if (!first)
		return conf_fail(where, NULL, err, -EINVAL, "give a portgroup, a port or a vf");
	if (first == places[0] && strlen(vm->v[0]) > NAME_MAX_LEN)
		return conf_fail(where, "portgroup", err, -ENAMETOOLONG,
			"portgroup: the interface's port has the VM's name and a number, so that "
			"name is at most %d characters",
			NAME_MAX_LEN);
	r = conf_check_ref(
		conf, API_PORTGROUP, conf_get(nic, NIC, "portgroup"), "portgroup", where, err);
	if (r == 0)
		r = check_port(conf, nic, where, err);
	if (r == 0)
		r = check_vf(nic, where, err);
	if (r == 0)
		r = conf_check_unicast(conf_get(nic, NIC, "mac"), "mac", where, err);
	if (r == 0)
		r = check_shared(vm, nic, where, err);
	return r;
}

static int check_pin(const struct conf *conf, const struct conf_item *vm, uint32_t i,
	struct conf_where *where, struct sh_err *err)
{
	const struct conf_items *pins = conf_nested(vm, API_VM, "pin");
	uint64_t n_vcpus = conf_get_uint(vm, API_VM, "vcpus", 1);
	const char *vcpu = conf_get(&pins->items[i], API_VM_PIN, "vcpu");

	if (!vcpu || !conf_get(&pins->items[i], API_VM_PIN, "cpus"))
		return conf_fail(
			where, NULL, err, -EINVAL, "%s is missing", vcpu ? "cpus" : "vcpu");
	if (strtoull(vcpu, NULL, 10) >= n_vcpus)
		return conf_fail(where, "vcpu", err, -EINVAL,
			"vcpu: there is no virtual CPU %s: vcpus is %llu", vcpu,
			(unsigned long long)n_vcpus);
	for (uint32_t k = 0; k < i; k++)
		if (strcmp(vcpu, conf_get(&pins->items[k], API_VM_PIN, "vcpu")) == 0)
			return conf_fail(where, "vcpu", err, -EEXIST,
				"vcpu: %s is pinned by pin[%u] already", vcpu, k);
	return 0;
}

int conf_check_vm(const struct conf *conf, const struct conf_item *vm, struct conf_where *where,
	struct sh_err *err)
{
	static const struct {
		const char *field;
		int (*check)(const struct conf *conf, const struct conf_item *vm, uint32_t i,
			struct conf_where *where, struct sh_err *err);
	} lists[] = { { "disks", check_disk }, { "nics", check_nic }, { "pin", check_pin } };

	for (unsigned k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
		uint32_t n = conf_nested(vm, API_VM, lists[k].field)->n;

		where->list = lists[k].field;
		for (uint32_t i = 0; i < n; i++) {
			int r;

			where->list_index = (int)i;
			r = lists[k].check(conf, vm, i, where, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}
