/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The processes of virtual machines: one shunt-vmm each, started here or found running after a
 * restart of shuntd, told apart by their API sockets RUN_DIR/vm/NAME.sock. Control thread.
 */
#pragma once

#include <systemd/sd-event.h>

#include "change.h"
#include "later.h"
#include "vm_link.h"

enum vm_state {
	VM_STOPPED,
	VM_STARTING, /* its process is there and does not answer yet */
	VM_RUNNING,
	VM_PAUSED,
};

struct vms_conf {
	const char *run_dir;
	const char *state_dir; /* files of a definition are relative to it */
	const char *program;   /* NULL: shunt-vmm beside shuntd, else of PATH */
};

struct vms;

int vms_new(struct ctl *ctl, sd_event *event, const struct vms_conf *conf, struct sh_err *err,
	struct vms **ret);

/** The virtual machines run on. NULL is legal. */
void vms_free(struct vms *vms);

/** Find those that run, and start those that are to be started with shuntd. */
void vms_autostart(struct vms *vms);

/** Once a second: whoever waits too long is told so. */
void vms_tick(struct vms *vms);

/* vms may be NULL below: none runs. */
enum vm_state vms_state(const struct vms *vms, const char *name);
const char *vms_state_name(enum vm_state state);

/** errors: -EBUSY with what to do. */
int vms_check_stopped(const struct vms *vms, const char *name, struct sh_err *err);

/** Its definition goes: the next one of that name is another. Nothing is done to one that runs. */
void vms_forget(struct vms *vms, const char *name);

/** Folder that files of a definition are relative to. */
const char *vms_folder(const struct vms *vms);

/** return: 0 when it does not run. */
pid_t vms_pid(const struct vms *vms, const char *name);

/** Why it ended or did not start, the last time; "" for no reason. */
const char *vms_error(const struct vms *vms, const char *name);

/**
 * Start a VM. later (may be NULL) is answered when it runs, or has failed.
 *
 * restore: folder of a snapshot that it goes on from; NULL: it boots
 * errors:  -EALREADY, -ENOENT (no shunt-vmm), -errno; later is then not answered
 */
int vms_start(struct vms *vms, const struct conf_item *vm, const char *restore, struct later *later,
	struct sh_err *err);

/**
 * Call a method of a running VM.
 *
 * errors:  -ESRCH (it does not run), those of vm_link_call; fn is then not called
 */
int vms_call(struct vms *vms, const char *name, const struct vm_link_call *what, vm_reply_fn *fn,
	void *ctx, struct sh_err *err);

/** End a VM's process; later is answered when it has gone. errors: -ESRCH. */
int vms_kill(struct vms *vms, const char *name, struct later *later, struct sh_err *err);

/** Tell what a reply of the VM has said of its state. */
void vms_set_paused(struct vms *vms, const char *name, bool paused);
