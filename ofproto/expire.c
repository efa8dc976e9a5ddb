/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Timeouts (OpenFlow 1.3.5, 5.5). Flows that have one stand in a queue; each call looks at a few
 * from its front and puts those that stay at its end. Control thread.
 */
#include "state.h"

#define NS_PER_S UINT64_C(1000000000)

static bool is_over(uint64_t since_ns, uint16_t timeout_s, uint64_t now_ns)
{
	return timeout_s && now_ns >= since_ns && now_ns - since_ns >= timeout_s * NS_PER_S;
}

static bool is_idle(const struct of_switch *sw, const struct of_flow *flow, uint64_t now_ns)
{
	struct of_counts counts;

	if (!is_over(flow->reset_ns, flow->idle_timeout_s, now_ns))
		return false;
	sw->provider->flow_counts(sw->provider_ctx, flow, &counts);
	return is_over(counts.used_ns, flow->idle_timeout_s, now_ns);
}

static uint64_t hard_since(const struct of_flow *flow)
{
	return flow->made_ns + flow->learned_s * NS_PER_S;
}

void of_switch_expire(struct of_switch *sw, uint64_t now_ns, unsigned most)
{
	unsigned n = most < sw->n_expiring ? most : sw->n_expiring;

	while (n-- > 0) {
		struct of_entry *entry = TAILQ_FIRST(&sw->expiring);
		const struct of_flow *flow = &entry->flow;

		of_entry_follow_tcp(sw, entry);
		TAILQ_REMOVE(&sw->expiring, entry, expiring);
		TAILQ_INSERT_TAIL(&sw->expiring, entry, expiring);
		if (is_over(hard_since(flow), flow->hard_timeout_s, now_ns))
			of_entry_remove(sw, entry, OF_RR_HARD_TIMEOUT, now_ns);
		else if (is_idle(sw, flow, now_ns))
			of_entry_remove(sw, entry, OF_RR_IDLE_TIMEOUT, now_ns);
	}
	of_taught_flush(sw, now_ns);
}
