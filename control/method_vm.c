/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The life of virtual machines: vm.start, stop, kill, pause, resume, info, pin, balloon, snapshot,
 * restore. What only the process knows is asked of it, and answered when it has answered. Control
 * thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/value.h"
#include "conf/json.h"
#include "method.h"
#include "vm_object.h"
#include "vm_snapshot.h"
#include "vms.h"

/* Who waits for the reply of which VM. */
struct waiting {
	struct ctl *ctl;
	struct later *later;
	char name[64];
	enum vm_state state; /* after a reply without an error; VM_STOPPED: no other */
	char vcpu[16], cpus[API_VALUE_LEN]; /* vm.pin */
	struct vm_snapshot *snapshot;       /* vm.snapshot */
};

static int find_vm(
	struct ctl *ctl, const struct call *call, const struct conf_item **ret, struct sh_err *err)
{
	const char *name;
	int r = method_text(call, "name", &name, err);

	return r < 0 ? r : method_find(ctl, API_VM, name, ret, err);
}

static struct waiting *waiting_new(
	struct ctl *ctl, const struct call *call, const struct conf_item *vm, struct sh_err *err)
{
	struct waiting *waiting = calloc(1, sizeof(*waiting));

	if (!waiting) {
		sh_err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	waiting->ctl = ctl;
	snprintf(waiting->name, sizeof(waiting->name), "%s", conf_get(vm, API_VM, "name"));
	waiting->later = method_defer(call, err);
	if (!waiting->later) {
		free(waiting);
		return NULL;
	}
	return waiting;
}

static void waiting_end(struct waiting *waiting, int r, json_t *result, const struct sh_err *err)
{
	/* What failed has left nothing when that is known. */
	vm_snapshot_free(waiting->snapshot, r == 0);
	later_finish(waiting->later, r, result, err);
	free(waiting);
}

/* Ask the VM; its answer, or why it cannot be asked, goes to who waits. */
static int ask(struct waiting *waiting, const char *method, json_t *params, vm_reply_fn *fn)
{
	struct vm_snapshot *snapshot = waiting->snapshot;
	const struct vm_link_files files = { snapshot ? snapshot->fds : NULL,
		snapshot ? snapshot->n : 0 };
	const struct vm_link_call what = { method, params, snapshot ? &files : NULL };
	struct sh_err err = { "" };
	int r = vms_call(waiting->ctl->vms, waiting->name, &what, fn, waiting, &err);

	if (snapshot)
		vm_snapshot_close(snapshot);

	if (r < 0)
		waiting_end(waiting, r, NULL, &err);
	return METHOD_LATER;
}

static void on_done(void *ctx, int r, const json_t *result, const struct sh_err *err)
{
	struct waiting *waiting = ctx;

	if (r == 0 && waiting->state != VM_STOPPED)
		vms_set_paused(waiting->ctl->vms, waiting->name, waiting->state == VM_PAUSED);
	waiting_end(waiting, r, NULL, err);
}

/* params is consumed. */
static int forward(struct ctl *ctl, const struct call *call, const char *method, json_t *params,
	enum vm_state state, struct sh_err *err)
{
	const struct conf_item *vm;
	struct waiting *waiting = NULL;
	int r = find_vm(ctl, call, &vm, err);

	if (r == 0)
		waiting = waiting_new(ctl, call, vm, err);
	if (!waiting) {
		json_decref(params);
		return r < 0 ? r : -EBUSY;
	}
	waiting->state = state;
	return ask(waiting, method, params, on_done);
}

int method_vm_stop(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	return forward(ctl, call, "vm.stop", json_object(), VM_STOPPED, err);
}

int method_vm_pause(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	return forward(ctl, call, "vm.pause", json_object(), VM_PAUSED, err);
}

int method_vm_resume(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	return forward(ctl, call, "vm.resume", json_object(), VM_RUNNING, err);
}

int method_vm_balloon(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const json_t *value = json_object_get(call->params, "size");
	json_int_t size = json_integer_value(value);
	uint64_t bytes;

	if (json_is_string(value) && api_parse_size(json_string_value(value), &bytes) == 0 &&
		bytes <= INT64_MAX)
		size = (json_int_t)bytes;
	else if (!json_is_integer(value) || size < 0)
		return sh_err_set(err, -EINVAL, "size: give a size like 64M");
	return forward(ctl, call, "vm.balloon", json_pack("{s:I}", "size", size), VM_STOPPED, err);
}

int method_vm_snapshot(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct conf_item *vm;
	struct waiting *waiting;
	const char *folder;
	int r = find_vm(ctl, call, &vm, err);

	if (r == 0)
		r = method_text(call, "dir", &folder, err);
	if (r < 0)
		return r;
	waiting = waiting_new(ctl, call, vm, err);
	if (!waiting)
		return -EBUSY;
	r = vm_snapshot_new(vm, vms_folder(ctl->vms), folder, &waiting->snapshot, err);
	if (r == 0)
		return ask(waiting, "vm.snapshot", json_object(), on_done);
	waiting_end(waiting, r, NULL, err);
	return METHOD_LATER;
}

/* These have their own way to the one who waits: it is answered by what happens to the process.
 * restore: see vms_start. */
static int life(struct ctl *ctl, const struct call *call, bool is_start, const char *restore,
	struct sh_err *err)
{
	const struct conf_item *vm;
	struct later *later;
	int r = find_vm(ctl, call, &vm, err);

	if (r < 0)
		return r;
	later = method_defer(call, err);
	if (!later)
		return -EBUSY;
	r = is_start ? vms_start(ctl->vms, vm, restore, later, err)
		     : vms_kill(ctl->vms, conf_get(vm, API_VM, "name"), later, err);
	if (r < 0)
		later_finish(later, r, NULL, err);
	return METHOD_LATER;
}

int method_vm_start(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	return life(ctl, call, true, NULL, err);
}

int method_vm_kill(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	return life(ctl, call, false, NULL, err);
}

int method_vm_restore(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	char path[PATH_MAX];
	const char *folder;
	int r = method_text(call, "dir", &folder, err);

	if (r == 0)
		r = vm_snapshot_folder(vms_folder(ctl->vms), folder, path, err);
	return r < 0 ? r : life(ctl, call, true, path, err);
}

static void on_info(void *ctx, int r, const json_t *result, const struct sh_err *err)
{
	struct waiting *waiting = ctx;
	const struct conf_item *vm = conf_item(&waiting->ctl->conf, API_VM, waiting->name);
	const char *state = json_string_value(json_object_get(result, "state"));

	if (r == 0 && state)
		vms_set_paused(waiting->ctl->vms, waiting->name, strcmp(state, "paused") == 0);
	waiting_end(
		waiting, r, r == 0 && vm ? vm_info_object(waiting->ctl, vm, result) : NULL, err);
}

int method_vm_info(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct conf_item *vm;
	struct waiting *waiting;
	int r = find_vm(ctl, call, &vm, err);
	enum vm_state state;

	if (r < 0)
		return r;
	state = vms_state(ctl->vms, conf_get(vm, API_VM, "name"));
	if (state == VM_STOPPED || state == VM_STARTING) {
		*ret = vm_info_object(ctl, vm, NULL);
		return 0;
	}
	waiting = waiting_new(ctl, call, vm, err);
	return waiting ? ask(waiting, "vm.info", json_object(), on_info) : -EBUSY;
}

static struct conf_item *pin_of(struct conf_item *vm, const char *vcpu)
{
	struct conf_items *pins =
		&vm->nested[api_field_slot(API_VM, api_field_find(API_VM, "pin"))];

	for (uint32_t i = 0; i < pins->n; i++)
		if (strcmp(conf_get(&pins->items[i], API_VM_PIN, "vcpu"), vcpu) == 0)
			return &pins->items[i];
	return conf_append_nested(pins);
}

/* A pin is part of the definition too, so that the next start has it. */
static int keep_pin(const struct waiting *waiting, bool dry_run, struct sh_err *err)
{
	const struct change change = { .noun = API_VM, .name = waiting->name, .dry_run = dry_run };
	struct conf_item *pin;
	struct conf to;
	int i, r = conf_copy(&waiting->ctl->conf, &to);

	i = r == 0 ? conf_find(&to, API_VM, waiting->name, 0) : -1;
	if (i < 0) {
		conf_done(&to);
		return sh_err_set(err, r < 0 ? r : -ENOENT, "%s",
			r < 0 ? "out of memory" : "there is no such VM any more");
	}
	pin = pin_of(&to.of[API_VM].items[i], waiting->vcpu);
	if (!pin || conf_set(pin, API_VM_PIN, "vcpu", waiting->vcpu) < 0 ||
		conf_set(pin, API_VM_PIN, "cpus", waiting->cpus) < 0) {
		conf_done(&to);
		return sh_err_set(err, -ENOMEM, "out of memory");
	}
	return ctl_change(waiting->ctl, &to, &change, NULL, err);
}

static void on_pinned(void *ctx, int r, const json_t *result, const struct sh_err *err)
{
	struct waiting *waiting = ctx;
	struct sh_err own = { "" };

	if (r < 0) {
		waiting_end(waiting, r, NULL, err);
		return;
	}
	r = keep_pin(waiting, false, &own);
	waiting_end(waiting, r, NULL, &own);
}

static int pin_value(
	const struct call *call, const char *name, char ret[API_VALUE_LEN], struct sh_err *err)
{
	const json_t *value = json_object_get(call->params, name);

	ret[0] = '\0';
	if (value && api_value_from_json(api_field_find(API_VM_PIN, name), value, ret, err) < 0)
		return -EINVAL;
	return *ret ? 0 : sh_err_set(err, -EINVAL, "%s is missing", name);
}

static int pin(struct waiting *waiting, const struct call *call, struct sh_err *err)
{
	char vcpu[API_VALUE_LEN];
	int r = pin_value(call, "vcpu", vcpu, err);

	if (r == 0)
		r = pin_value(call, "cpus", waiting->cpus, err);
	if (r < 0)
		return r;
	snprintf(waiting->vcpu, sizeof(waiting->vcpu), "%.15s", vcpu);
	return keep_pin(waiting, vms_state(waiting->ctl->vms, waiting->name) != VM_STOPPED, err);
}

int method_vm_pin(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	const struct api_field *cpus = api_field_find(API_VM_PIN, "cpus");
	const struct conf_item *vm;
	struct waiting *waiting;
	int r = find_vm(ctl, call, &vm, err);

	if (r < 0)
		return r;
	waiting = waiting_new(ctl, call, vm, err);
	if (!waiting)
		return -EBUSY;
	r = pin(waiting, call, err);
	if (r < 0 || vms_state(ctl->vms, waiting->name) == VM_STOPPED) {
		waiting_end(waiting, r, NULL, err);
		return METHOD_LATER;
	}
	return ask(waiting, "vm.pin",
		json_pack("{s:i, s:o}", "vcpu", atoi(waiting->vcpu), "cpus",
			api_value_to_json(cpus, waiting->cpus)),
		on_pinned);
}
