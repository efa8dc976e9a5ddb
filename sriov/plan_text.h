/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The words of a step, written when it is planned.
 */
#pragma once

#include "sriov/plan.h"

/** From step->sets, vf_from and vf_to. */
void sriov_step_describe_attrs(struct sriov_step *step);
void sriov_step_describe(struct sriov_step *step, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
