/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One step of a plan, performed.
 */
#pragma once

#include "sriov/bind.h"
#include "sriov/plan.h"

/**
 * Perform a step on a PF as it was last read.
 *
 * return:  1 when pf has to be read again (VFs came or went, the eswitch changed), else 0
 * errors:  the kernel's, with a sentence that names the step and the driver
 */
int sriov_step_perform(const struct sriov_hands *hands, const struct sriov_pf *pf,
	const struct sriov_step *step, struct sh_err *err);

/**
 * Look whether a step's result is what was read back.
 *
 * errors:  -EIO: it is not; -EOPNOTSUPP: the driver does not tell
 */
int sriov_step_verify(const struct sriov_pf *pf, const struct sriov_step *step, struct sh_err *err);
