/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A virtual machine as JSON: its definition, its process, and what the switch, the file system and
 * the host know beside it. Control thread.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include "api/value.h"
#include "conf/json.h"
#include "vm_definition.h"
#include "vm_object.h"
#include "vm_port.h"
#include "vms.h"

static const char *name_of(const struct conf_item *vm)
{
	return conf_get(vm, API_VM, "name");
}

static uint64_t memory_of(const struct conf_item *vm)
{
	const struct conf_items *memory = conf_nested(vm, API_VM, "memory");
	uint64_t bytes = 0;

	(void)api_parse_size(
		conf_get_or_default(memory->n ? memory->items : NULL, API_VM_MEMORY, "size"),
		&bytes);
	return bytes;
}

static json_t *count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static void set_state(json_t *object, const struct ctl *ctl, const struct conf_item *vm)
{
	pid_t pid = vms_pid(ctl->vms, name_of(vm));
	const char *error = vms_error(ctl->vms, name_of(vm));

	json_object_set_new(
		object, "state", json_string(vms_state_name(vms_state(ctl->vms, name_of(vm)))));
	if (pid)
		json_object_set_new(object, "pid", json_integer(pid));
	if (*error)
		json_object_set_new(object, "error", json_string(error));
}

json_t *vm_list_object(const struct ctl *ctl, const struct conf_item *vm)
{
	uint32_t n_nics = conf_nested(vm, API_VM, "nics")->n;
	json_t *object = json_pack("{s:s, s:I, s:I}", "name", name_of(vm), "vcpus",
		(json_int_t)conf_get_uint(vm, API_VM, "vcpus", 1), "memory",
		(json_int_t)memory_of(vm));
	json_t *ports = json_array();

	for (uint32_t n = 0; n < n_nics; n++) {
		char port[64];

		vm_nic_port(vm, n, port);
		json_array_append_new(ports,
			json_string(*port ? port
					  : conf_get(&conf_nested(vm, API_VM, "nics")->items[n],
						    API_VM_NIC, "vf")));
	}
	json_object_set_new(object, "ports", ports);
	json_object_set_new(object, "autostart",
		json_boolean(strcmp(conf_get_or_default(vm, API_VM, "autostart"), "true") == 0));
	set_state(object, ctl, vm);
	return object;
}

static void set_counters(json_t *object, const struct switch_port *port)
{
	struct dp_port_stats stats = { 0 };
	struct dp_port_info info = { 0 };

	if (port && port->dp) {
		dp_port_get_stats(port->dp, &stats);
		dp_port_get_info(port->dp, &info);
	}
	json_object_set_new(object, "link", json_string(info.link_up ? "up" : "down"));
	json_object_set_new(object, "rx_packets", count(stats.rx_packets));
	json_object_set_new(object, "rx_bytes", count(stats.rx_bytes));
	json_object_set_new(object, "tx_packets", count(stats.tx_packets));
	json_object_set_new(object, "tx_bytes", count(stats.tx_bytes));
}

/* Counters are the port's: what it receives is what the guest sends. */
static json_t *nic_object(const struct ctl *ctl, const struct conf_item *vm, uint32_t n)
{
	const struct conf_item *nic = &conf_nested(vm, API_VM, "nics")->items[n];
	json_t *object = conf_item_to_json(nic, API_VM_NIC);
	char name[64], mac[18];

	vm_nic_port(vm, n, name);
	if (!name[0])
		return object;
	json_object_set_new(object, "port", json_string(name));
	vm_nic_mac(vm, n, ctl->machine_id, mac);
	if (!json_object_get(object, "mac"))
		json_object_set_new(object, "mac", json_string(mac));
	set_counters(object, switch_port(&ctl->sw, name));
	return object;
}

static json_t *disk_object(const struct ctl *ctl, const struct conf_item *disk)
{
	const char *file = conf_get(disk, API_VM_DISK, "file");
	json_t *object = conf_item_to_json(disk, API_VM_DISK);
	char path[4096 + 1024];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s%s", *file == '/' ? "" : vms_folder(ctl->vms),
		*file == '/' ? "" : "/", file);
	if (stat(path, &st) < 0)
		return object;
	json_object_set_new(object, "size", count((uint64_t)st.st_size));
	json_object_set_new(object, "allocated", count((uint64_t)st.st_blocks * 512));
	return object;
}

/* What all running virtual machines ask of the host, against what it has. */
static json_t *host_object(const struct ctl *ctl)
{
	const struct conf_items *vms = &ctl->conf.of[API_VM];
	uint64_t vcpus = 0, memory = 0;
	struct sysinfo host = { 0 };

	sysinfo(&host);
	for (uint32_t i = 0; i < vms->n; i++) {
		if (vms_state(ctl->vms, name_of(&vms->items[i])) == VM_STOPPED)
			continue;
		vcpus += conf_get_uint(&vms->items[i], API_VM, "vcpus", 1);
		memory += memory_of(&vms->items[i]);
	}
	return json_pack("{s:i, s:I, s:I, s:I}", "cpus", get_nprocs(), "vcpus", (json_int_t)vcpus,
		"memory", (json_int_t)((uint64_t)host.totalram * host.mem_unit), "memory_asked",
		(json_int_t)memory);
}

/* Beside what the process tells of each, if it does: a field of its own wins. */
static json_t *merged(const json_t *said, const char *key, json_t *ours)
{
	const json_t *theirs = json_object_get(said, key);

	for (size_t i = 0; i < json_array_size(ours); i++)
		if (json_array_get(theirs, i))
			json_object_update(json_array_get(ours, i), json_array_get(theirs, i));
	return ours;
}

json_t *vm_info_object(const struct ctl *ctl, const struct conf_item *vm, const json_t *said)
{
	const struct conf_items *nics = conf_nested(vm, API_VM, "nics");
	const struct conf_items *disks = conf_nested(vm, API_VM, "disks");
	json_t *object = json_pack("{s:s, s:[], s:{s:I}}", "name", name_of(vm), "vcpus", "memory",
		"size", (json_int_t)memory_of(vm));
	json_t *nic_array = json_array(), *disk_array = json_array();

	json_object_update(object, (json_t *)(uintptr_t)said);
	set_state(object, ctl, vm);
	for (uint32_t n = 0; n < nics->n; n++)
		json_array_append_new(nic_array, nic_object(ctl, vm, n));
	for (uint32_t n = 0; n < disks->n; n++)
		json_array_append_new(disk_array, disk_object(ctl, &disks->items[n]));
	json_object_set_new(object, "nics", merged(said, "nics", nic_array));
	json_object_set_new(object, "disks", merged(said, "disks", disk_array));
	json_object_set_new(object, "definition", conf_item_to_json(vm, API_VM));
	json_object_set_new(object, "host", host_object(ctl));
	return object;
}
