/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A cgroup for each virtual machine, where systemd keeps them.
 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

struct vm_scopes;

/**
 * errors:  -ENOMEM
 * thread:  control
 */
int vm_scopes_new(sd_event *event, struct vm_scopes **ret);

/** Scopes stay as long as processes are in them. NULL is legal. */
void vm_scopes_free(struct vm_scopes *scopes);

/**
 * Have systemd put a VM's process into a scope shunt-vm-NAME.scope. How it went is in the log; the
 * VM runs either way. Where systemd is not the host's init nothing is done, and the first time says
 * so.
 *
 * errors:  in the log
 * thread:  control; does not wait for systemd
 * source:  org.freedesktop.systemd1(5), StartTransientUnit
 */
void vm_scope_start(struct vm_scopes *scopes, const char *name, pid_t pid);
