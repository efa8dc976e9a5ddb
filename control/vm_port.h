/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ports that a virtual machine's network interfaces bring with them: an interface with a port group
 * has a port of its own, VM-N, which comes, changes and goes with it. Pure.
 */
#pragma once

#include "conf/check.h"
#include "conf/conf.h"

#define VM_PORT_LEN 64

/** Name of the port of interface n. */
void vm_port_name(const struct conf_item *vm, uint32_t n, char ret[VM_PORT_LEN]);

/** The address of interface n: given, or made of the VM's name, n and the host. */
void vm_nic_mac(const struct conf_item *vm, uint32_t n, const char *machine_id, char ret[18]);

/** True when the port of that name comes with an interface of the VM. */
bool vm_owns_port(const struct conf_item *vm, const char *port);

/**
 * Make the ports of every VM in conf what its interfaces say; old is the configuration before.
 *
 * errors:  -EEXIST (there was such a port, and it was no VM's), -ENOMEM
 */
int vm_ports_settle(struct conf *conf, const struct conf *old, const char *machine_id,
	struct conf_where *where, struct sh_err *err);

/** Remove the ports that came with a VM and do not with what it is now (NULL: it is gone). */
void vm_ports_drop(struct conf *conf, const struct conf_item *was, const struct conf_item *is);

/** Remove a port, and the static entries that lead to it. */
void conf_remove_port(struct conf *conf, const char *name);
