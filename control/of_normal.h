/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The counters of a bridge's only flow, NORMAL, while the bridge learns and forwards without
 * looking at its tables: what its ports have received since. Control thread.
 */
#pragma once

#include "ofproto/provider.h"

struct openflow_provider;

struct of_normal {
	const struct of_flow *flow; /* whose counters these are; NULL: none yet */
	bool is_counting;
	struct of_counts begin; /* of the ports, when counting began */
	struct of_counts kept;  /* before that */
};

/** Whether the bridge forwards by that flow without its tables; called when that may change. */
void of_normal_follow(struct of_normal *normal, const struct openflow_provider *p, bool forwards);

/** Add what was forwarded for the flow without the tables' counting it. */
void of_normal_add(const struct of_normal *normal, const struct openflow_provider *p,
	const struct of_flow *flow, struct of_counts *counts);

/** The flow counts from 0. */
void of_normal_clear(
	struct of_normal *normal, const struct openflow_provider *p, const struct of_flow *flow);

/** The flow goes. */
void of_normal_forget(struct of_normal *normal, const struct of_flow *flow);
