/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A flow's life between its addition and its removal: the lists and counts that it is in, and who
 * is told. Control thread.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "state.h"

static bool is_output_to(const struct of_action *action, uint32_t port)
{
	return action->type == OF_ACTION_OUTPUT && action->output.port == port;
}

static bool is_normal(const struct of_flow *flow)
{
	const struct of_instructions *in = &flow->instructions;
	bool has_more =
		in->has_meter || in->has_clear || in->has_write || in->has_metadata || in->has_goto;

	return flow->table == 0 && flow->match->n == 0 && !has_more && in->has_apply &&
	       in->apply.n == 1 && is_output_to(&in->apply.list[0], OF_PORT_NORMAL);
}

static bool has_fin_timeout(const struct of_actions *apply)
{
	for (unsigned i = 0; i < apply->n; i++)
		if (apply->list[i].type == OF_ACTION_FIN_TIMEOUT)
			return true;
	return false;
}

static void stop_timing(struct of_switch *sw, struct of_entry *entry)
{
	if (!entry->is_timed)
		return;
	TAILQ_REMOVE(&sw->expiring, entry, expiring);
	sw->n_expiring--;
	entry->is_timed = 0;
}

void of_entry_retime(struct of_switch *sw, struct of_entry *entry)
{
	const struct of_flow *flow = &entry->flow;

	stop_timing(sw, entry);
	if (!flow->idle_timeout_s && !flow->hard_timeout_s && !entry->ends_with_tcp)
		return;
	TAILQ_INSERT_TAIL(&sw->expiring, entry, expiring);
	sw->n_expiring++;
	entry->is_timed = 1;
}

static void lower(uint16_t *timeout_s, uint16_t to_s)
{
	if (to_s && (!*timeout_s || *timeout_s > to_s))
		*timeout_s = to_s;
}

void of_entry_follow_tcp(struct of_switch *sw, struct of_entry *entry)
{
	uint16_t idle_s, hard_s;

	if (!entry->ends_with_tcp || !entry->flow.handle)
		return;
	sw->provider->flow_take_fin(sw->provider_ctx, &entry->flow, &idle_s, &hard_s);
	lower(&entry->flow.idle_timeout_s, idle_s);
	lower(&entry->flow.hard_timeout_s, hard_s);
}

void of_entry_begin(struct of_switch *sw, struct of_entry *entry, struct of_refs *refs)
{
	entry->refs = refs;
	of_refs_link(refs, entry);
	entry->ends_with_tcp = has_fin_timeout(&entry->flow.instructions.apply);
	of_entry_retime(sw, entry);
	sw->n_normal += is_normal(&entry->flow);
}

void of_entry_swap(struct of_switch *sw, struct of_entry *entry,
	struct of_instructions *instructions, struct of_refs **refs)
{
	struct of_instructions old = entry->flow.instructions;
	struct of_refs *old_refs = entry->refs;

	sw->n_normal -= is_normal(&entry->flow);
	of_refs_unlink(sw, old_refs);
	entry->flow.instructions = *instructions;
	entry->refs = *refs;
	of_refs_link(entry->refs, entry);
	sw->n_normal += is_normal(&entry->flow);
	entry->ends_with_tcp = has_fin_timeout(&entry->flow.instructions.apply);
	of_entry_retime(sw, entry);
	*instructions = old;
	*refs = old_refs;
}

void of_entry_unref(struct of_entry *entry)
{
	if (entry->n_pins > 0) {
		entry->n_pins--;
		return;
	}
	of_instructions_done(&entry->flow.instructions);
	free(entry->flow.match);
	free(entry);
}

void of_entry_tell(struct of_switch *sw, const struct of_entry *entry, enum of_flow_change what,
	uint64_t now_ns)
{
	struct of_flow_info info;

	if (!sw->events.flow_changed)
		return;
	of_switch_flow_info(sw, &entry->flow, now_ns, &info);
	sw->events.flow_changed(sw->events.ctx, what, &info);
}

static void tell_removed(
	struct of_switch *sw, const struct of_entry *entry, unsigned reason, uint64_t now_ns)
{
	struct of_flow_info info;

	if (!sw->events.flow_removed || reason == OF_REMOVED_SILENTLY ||
		!(entry->flow.flags & OF_FF_SEND_FLOW_REM))
		return;
	of_switch_flow_info(sw, &entry->flow, now_ns, &info);
	sw->events.flow_removed(sw->events.ctx, &info, (enum of_removed_reason)reason);
}

void of_entry_hide(struct of_switch *sw, struct of_entry *entry)
{
	sw->n_normal -= is_normal(&entry->flow);
	of_refs_unlink(sw, entry->refs);
	stop_timing(sw, entry);
	of_flow_table_hide(&sw->flows, entry);
}

void of_entry_show(struct of_switch *sw, struct of_entry *entry)
{
	of_flow_table_show(&sw->flows, entry);
	of_entry_begin(sw, entry, entry->refs);
}

void of_entry_bury(struct of_switch *sw, struct of_entry *entry)
{
	struct of_counts last = { 0 };

	free(TAKE_PTR(entry->refs));
	if (entry->flow.handle) {
		sw->provider->flow_counts(sw->provider_ctx, &entry->flow, &last);
		sw->provider->flow_del(sw->provider_ctx, &entry->flow);
	}
	entry->flow.handle = NULL;
	of_flow_table_remove(&sw->flows, entry);
	entry->last = last;
}

void of_entry_end(struct of_switch *sw, struct of_entry *entry, unsigned reason, uint64_t now_ns)
{
	tell_removed(sw, entry, reason, now_ns);
	of_entry_tell(sw, entry, OF_FLOW_REMOVED, now_ns);
	of_entry_unref(entry);
}

void of_entry_remove(struct of_switch *sw, struct of_entry *entry, unsigned reason, uint64_t now_ns)
{
	of_entry_hide(sw, entry);
	if (sw->bundle.is_open) {
		of_bundle_note_removed(sw, entry, reason);
		return;
	}
	of_entry_bury(sw, entry);
	of_entry_end(sw, entry, reason, now_ns);
}

void of_entries_remove_by(
	struct of_switch *sw, struct of_target *target, unsigned reason, uint64_t now_ns)
{
	struct of_ref *ref;

	while ((ref = LIST_FIRST(&target->refs)))
		of_entry_remove(sw, ref->entry, reason, now_ns);
}
