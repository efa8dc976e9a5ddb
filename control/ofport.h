/* SPDX-License-Identifier: BSD-3-Clause
 *
 * OpenFlow port numbers: given by the user, else kept from before, else the lowest that is free.
 */
#pragma once

#include "conf/conf.h"

/**
 * Number every port of conf that has no number; old is the configuration before (or NULL).
 *
 * errors:  -ENOMEM; -ENOSPC (more ports than numbers)
 */
int ofport_assign(struct conf *conf, const struct conf *old, struct sh_err *err);
