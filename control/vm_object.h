/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What vm.list and vm.info tell of a virtual machine. Control thread.
 */
#pragma once

#include "change.h"

/** return: NULL when out of memory */
json_t *vm_list_object(const struct ctl *ctl, const struct conf_item *vm);

/** said: what its process says of itself, borrowed; NULL when there is none. */
json_t *vm_info_object(const struct ctl *ctl, const struct conf_item *vm, const json_t *said);
