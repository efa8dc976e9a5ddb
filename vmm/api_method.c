/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The methods of the API socket: what is true of the machine, and the verbs of its life.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "api_socket.h"

struct call {
	const json_t *params; /* an object or NULL */
	const struct vmm_files *files;
};

/* return: 0 and a result, or -errno and why not */
typedef int method_fn(
	struct vmm_machine *machine, const struct call *call, json_t **ret, struct sh_err *err);

static json_t *cpus_json(const cpu_set_t *cpus)
{
	json_t *list = json_array();

	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, cpus))
			json_array_append_new(list, json_integer((json_int_t)cpu));
	return list;
}

static json_t *vcpus_json(struct vmm_machine *machine)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < vmm_vcpus_count(machine->vcpus); i++) {
		struct vmm_vcpu_info info;

		vmm_vcpus_info(machine->vcpus, i, &info);
		json_array_append_new(list,
			json_pack("{s:i, s:i, s:o, s:I, s:I}", "vcpu", (int)i, "tid", info.tid,
				"cpus", cpus_json(&info.cpus), "run_ns", (json_int_t)info.run_ns,
				"steal_ns", (json_int_t)info.wait_ns));
	}
	return list;
}

static const char *state_name(enum vmm_state state)
{
	switch (state) {
	case VMM_RUNNING:
		return "running";
	case VMM_PAUSED:
		return "paused";
	default:
		return "ended";
	}
}

static json_t *serial_json(const struct vmm_machine *machine)
{
	const char *path = machine->consoles[0].path;

	return json_string(*path ? path : machine->conf.def->serial[0]);
}

static json_t *disks_json(const struct vmm_machine *machine)
{
	const struct vmm_devices *d = &machine->devices;
	json_t *list = json_array();

	for (unsigned i = 0; i < d->n_disks; i++) {
		const struct vmm_disk *disk = vmm_blk_disk(d->disks[i]);

		json_array_append_new(
			list, json_pack("{s:s, s:I, s:I}", "file", machine->conf.def->disks[i].file,
				      "size", (json_int_t)disk->size, "allocated",
				      (json_int_t)vmm_disk_allocated(disk)));
	}
	return list;
}

static json_t *nic_json(const struct vmm_machine *machine, unsigned i)
{
	const struct vmm_def_nic *nic = &machine->conf.def->nics[i];
	const struct vmm_devices *d = &machine->devices;
	const struct vmm_vfio_device *device;

	if (!nic->vf)
		return json_pack("{s:s, s:s}", "socket", nic->socket, "link",
			vmm_net_link_is_up(d->nics[i]) ? "up" : "down");
	device = vmm_vfio_function_device(d->vfs[i]);
	return json_pack("{s:s, s:s, s:b}", "vf", nic->vf, "device", device->address, "gone",
		device->fd < 0);
}

static json_t *nics_json(const struct vmm_machine *machine)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < machine->devices.n_nics; i++)
		json_array_append_new(list, nic_json(machine, i));
	return list;
}

static json_t *balloon_json(const struct vmm_machine *machine)
{
	struct vmm_balloon_info b;

	if (!machine->devices.balloon)
		return json_null();
	vmm_balloon_get(machine->devices.balloon, &b);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "target",
		(json_int_t)b.target_bytes, "size", (json_int_t)b.actual_bytes, "reported",
		(json_int_t)b.reported_bytes, "free", (json_int_t)b.free_bytes, "available",
		(json_int_t)b.available_bytes, "cache", (json_int_t)b.cache_bytes, "age_ms",
		(json_int_t)b.stats_age_ms);
}

static int info(
	struct vmm_machine *machine, const struct call *call, json_t **ret, struct sh_err *err)
{
	struct vmm_machine_usage usage;

	vmm_machine_usage(machine, &usage);
	*ret = json_pack("{s:s, s:s, s:i, s:o, s:{s:I, s:I, s:I}, s:o, s:o, s:o, s:o, s:i}", "name",
		machine->conf.def->name, "state", state_name(machine->state), "pid", (int)getpid(),
		"vcpus", vcpus_json(machine), "memory", "size", (json_int_t)machine->mem.size,
		"resident", (json_int_t)usage.resident, "merged", (json_int_t)usage.merged,
		"balloon", balloon_json(machine), "disks", disks_json(machine), "nics",
		nics_json(machine), "serial", serial_json(machine), "resets",
		(int)machine->n_resets);
	return *ret ? 0 : sh_err_set(err, -ENOMEM, "out of memory");
}

static int pause_vm(
	struct vmm_machine *machine, const struct call *call, json_t **ret, struct sh_err *err)
{
	return vmm_machine_pause(machine, err);
}

static int resume_vm(
	struct vmm_machine *machine, const struct call *call, json_t **ret, struct sh_err *err)
{
	return vmm_machine_resume(machine, err);
}

static int stop_vm(
	struct vmm_machine *machine, const struct call *call, json_t **ret, struct sh_err *err)
{
	return vmm_machine_press_button(machine, err);
}

static int kill_vm(
	struct vmm_machine *machine, const struct call *call, json_t **ret, struct sh_err *err)
{
	vmm_machine_end(machine, VMM_EXIT_OFF);
	return 0;
}

static int take_cpus(const json_t *list, cpu_set_t *ret)
{
	const json_t *item;
	size_t i;

	CPU_ZERO(ret);
	json_array_foreach ((json_t *)(uintptr_t)list, i, item) {
		json_int_t cpu = json_integer_value(item);

		if (!json_is_integer(item) || cpu < 0 || cpu >= CPU_SETSIZE)
			return -EINVAL;
		CPU_SET((size_t)cpu, ret);
	}
	return CPU_COUNT(ret) ? 0 : -EINVAL;
}

static int pin(
	struct vmm_machine *machine, const struct call *call, json_t **ret, struct sh_err *err)
{
	const json_t *vcpu = json_object_get(call->params, "vcpu");
	cpu_set_t cpus;
	int r = take_cpus(json_object_get(call->params, "cpus"), &cpus);

	if (r < 0 || !json_is_integer(vcpu) || json_integer_value(vcpu) < 0 ||
		json_integer_value(vcpu) >= vmm_vcpus_count(machine->vcpus))
		return sh_err_set(err, -EINVAL,
			"give vcpu, a number below %u, and cpus, a list of CPUs",
			vmm_vcpus_count(machine->vcpus));
	r = vmm_vcpus_pin(machine->vcpus, (unsigned)json_integer_value(vcpu), &cpus);
	if (r < 0)
		return sh_err_set(err, r, "vCPU %d cannot run on these CPUs: %s",
			(int)json_integer_value(vcpu), strerror(-r));
	return 0;
}

static int balloon(
	struct vmm_machine *machine, const struct call *call, json_t **ret, struct sh_err *err)
{
	const json_t *size = json_object_get(call->params, "size");

	if (vmm_devices_have_vf(&machine->devices))
		return sh_err_set(
			err, -ENOTSUP, "its memory is locked for a VF: there is no balloon");
	if (!machine->devices.balloon)
		return sh_err_set(
			err, -ENODEV, "it has no balloon: set balloon and start it again");
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return sh_err_set(err, -EINVAL, "give size, the bytes that the guest shall give");
	return vmm_balloon_set(machine->devices.balloon, (uint64_t)json_integer_value(size), err);
}

static int snapshot(
	struct vmm_machine *machine, const struct call *call, json_t **ret, struct sh_err *err)
{
	return vmm_snapshot_save(machine, call->files, err);
}

static const struct {
	const char *name;
	method_fn *fn;
} methods[] = {
	{ "vm.balloon", balloon },
	{ "vm.info", info },
	{ "vm.kill", kill_vm },
	{ "vm.pause", pause_vm },
	{ "vm.pin", pin },
	{ "vm.resume", resume_vm },
	{ "vm.snapshot", snapshot },
	{ "vm.stop", stop_vm },
};

static char *answer(struct vmm_machine *machine, const struct api_request *request,
	const struct vmm_files *files)
{
	const struct call call = { request->params, files };
	struct sh_err err = { "" };

	for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		json_t *result = NULL;
		char *line;
		int r;

		if (strcmp(request->method, methods[i].name) != 0)
			continue;
		r = methods[i].fn(machine, &call, &result, &err);
		if (r < 0)
			return api_error_line(request->id,
				r == -EINVAL ? API_RPC_INVALID_PARAMS : API_RPC_REFUSED, r,
				err.text);
		if (!result)
			result = json_object();
		line = api_reply_line(request->id, result);
		json_decref(result);
		return line;
	}
	sh_err_set(&err, -ENOSYS, "no such method '%.64s'", request->method);
	return api_error_line(request->id, API_RPC_NO_METHOD, -ENOSYS, err.text);
}

char *vmm_api_answer(
	struct vmm_machine *machine, const char *line, size_t n, const struct vmm_files *files)
{
	struct api_request request = { 0 };
	struct sh_err err = { "" };
	int code = api_request_parse(line, n, &request, &err);
	char *reply = code ? api_error_line(request.id, code, -EINVAL, err.text)
			   : answer(machine, &request, files);

	api_request_done(&request);
	return reply;
}
