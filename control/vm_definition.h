/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What shunt-vmm is told of a virtual machine: its item of vms: as JSON, with what shuntd knows of
 * its interfaces.
 */
#pragma once

#include "change.h"

/** return: 0 and a text to free. errors: -EINVAL, -ENOENT (a VF that is not there), -ENOMEM. */
int vm_definition(
	const struct ctl *ctl, const struct conf_item *vm, char **ret, struct sh_err *err);

/** Name of the port of interface n, "" for a VF. */
void vm_nic_port(const struct conf_item *vm, uint32_t n, char ret[64]);
