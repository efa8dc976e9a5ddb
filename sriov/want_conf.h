/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From the configuration's key `sriov:` to what the library takes. The program's: the library does
 * not know the configuration. Pure.
 */
#pragma once

#include "conf/conf.h"
#include "sriov/want.h"

/**
 * Read what is wanted from a model that conf_check has passed. A VF that names a port group takes
 * its VLAN from it, and its MAC policy: forged_transmits is spoofchk the other way round, and
 * mac_changes: reject takes trust away. What the VF's own line says wins.
 *
 * errors:  -EINVAL (a port group with more VLANs than a VF can have), -ENOMEM
 * thread:  any
 */
int want_from_conf(const struct conf *conf, struct sriov_want *ret, struct sh_err *err);
void want_done(struct sriov_want *want);
