/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is wanted of one PF, line by line as the user wrote it, becomes one line a VF, checked.
 */
#pragma once

#include "sriov/host.h"
#include "sriov/want.h"

/**
 * Fold the lines of vfs: later ones win, field by field.
 *
 * shape:   ret[n_vfs], to free; n_vfs is how many VFs there will be
 * errors:  -EINVAL, -ERANGE with the line at fault, -ENOMEM
 */
int sriov_want_fold(const struct sriov_pf *pf, const struct sriov_want_pf *want, uint32_t n_vfs,
	struct sriov_want_vf **ret, struct sh_err *err);

/** Check what was folded against the device. errors: -EINVAL, -ERANGE, -EOPNOTSUPP */
int sriov_want_check(const struct sriov_pf *pf, const struct sriov_want_pf *want,
	const struct sriov_want_vf *vfs, uint32_t n_vfs, struct sh_err *err);

/**
 * The settings that a VF has when it was `from` and `want` is done to it.
 *
 * return:  bits per enum sriov_attr: attributes that want speaks of
 */
uint32_t sriov_want_apply(const struct sriov_pf *pf, const struct sriov_want_vf *want,
	const struct sriov_vf *from, struct sriov_vf *to);

/** The name by which the user knows a PF. */
const char *sriov_pf_label(const struct sriov_pf *pf);
