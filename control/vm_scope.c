/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One connection to the system bus for all virtual machines, made when the first one starts and
 * made again when it was lost. Control thread.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "vm_scope.h"

#define SLICE "machine.slice" /* systemd's own, for virtual machines and containers */

struct vm_scopes {
	sd_event *event;
	sd_bus *bus; /* NULL: none yet */
	bool has_told;
};

int vm_scopes_new(sd_event *event, struct vm_scopes **ret)
{
	struct vm_scopes *scopes = calloc(1, sizeof(*scopes));

	if (!scopes)
		return -ENOMEM;
	scopes->event = sd_event_ref(event);
	*ret = scopes;
	return 0;
}

void vm_scopes_free(struct vm_scopes *scopes)
{
	if (!scopes)
		return;
	sd_bus_close_unref(scopes->bus);
	sd_event_unref(scopes->event);
	free(scopes);
}

/* systemd waits for jobs that stand before it, so the answer says that it has begun. */
static int on_answer(sd_bus_message *reply, void *ctx, sd_bus_error *unused)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	const char *name = ctx;

	if (error)
		sh_log_warn("VM '%s': no scope of its own: %s", name,
			error->message ? error->message : error->name);
	else
		sh_log_info("VM '%s': in shunt-vm-%s.scope", name, name);
	return 0;
}

static int connect_bus(struct vm_scopes *scopes)
{
	int r;

	if (scopes->bus && sd_bus_is_open(scopes->bus) > 0)
		return 0;
	scopes->bus = sd_bus_close_unref(scopes->bus);
	r = sd_bus_open_system(&scopes->bus);
	if (r >= 0)
		r = sd_bus_attach_event(scopes->bus, scopes->event, SD_EVENT_PRIORITY_NORMAL);
	if (r < 0)
		scopes->bus = sd_bus_close_unref(scopes->bus);
	return r;
}

/* name: the answer's, which frees it. */
static int ask(sd_bus *bus, char *name, pid_t pid)
{
	char unit[96], text[96];
	sd_bus_slot *slot = NULL;
	int r;

	snprintf(unit, sizeof(unit), "shunt-vm-%s.scope", name);
	snprintf(text, sizeof(text), "Virtual machine %s", name);
	r = sd_bus_call_method_async(bus, &slot, "org.freedesktop.systemd1",
		"/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
		"StartTransientUnit", on_answer, name, "ssa(sv)a(sa(sv))", unit, "fail", 4,
		"Description", "s", text, "Slice", "s", SLICE, "CollectMode", "s",
		"inactive-or-failed", "PIDs", "au", 1, (uint32_t)pid, 0);
	if (r < 0) {
		free(name);
		return r;
	}
	(void)sd_bus_slot_set_destroy_callback(slot, free);
	(void)sd_bus_slot_set_floating(slot, true);
	sd_bus_slot_unref(slot);
	return 0;
}

void vm_scope_start(struct vm_scopes *scopes, const char *name, pid_t pid)
{
	char *copy;
	int r;

	if (sd_booted() <= 0) {
		if (!scopes->has_told)
			sh_log_notice("virtual machines get no cgroups of their own: systemd does "
				      "not run here");
		scopes->has_told = true;
		return;
	}
	r = connect_bus(scopes);
	copy = r < 0 ? NULL : strdup(name);
	if (copy)
		r = ask(scopes->bus, copy, pid);
	else if (r >= 0)
		r = -ENOMEM;
	if (r < 0)
		sh_log_warn("VM '%s': no scope of its own: system bus: %s", name, strerror(-r));
}
