/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A switch as the files behind switch.h see it, and what they do for each other.
 */
#pragma once

#include "flow_table.h"
#include "ids.h"
#include "refs.h"
#include "taught.h"

struct of_group_entry {
	struct of_group group;
	struct of_target target;
	uint32_t n_chained;          /* groups that forward to this one */
	bool is_gone, is_noted;      /* by the open bundle: removed; what it was is kept */
	struct of_group_entry *next; /* in a walk's list of what is still to be seen */
};

struct of_meter_entry {
	struct of_meter meter;
	struct of_target target;
};

/* Changes that happen together (bundle.c). */
struct of_bundle {
	bool is_open, has_groups;
	bool is_atomic, is_held; /* frames are to see all or nothing; they wait */
	uint32_t step;           /* which request it is that changes */
	struct of_change *changes;
	size_t n, room;
};

struct of_switch {
	struct of_switch_conf conf;
	const struct of_provider *provider;
	void *provider_ctx;
	struct of_switch_events events;
	struct of_flow_table flows;
	struct of_entries expiring; /* those with a timeout; the first is looked at next */
	uint32_t n_expiring;
	uint32_t n_normal; /* flows that send every frame to NORMAL */
	struct of_taught_set taught;
	struct of_ids groups, meters; /* struct of_group_entry, struct of_meter_entry */
	uint64_t mark;
	struct of_bundle bundle;
};

/** What a provider's -errno is to a controller: -EINVAL has filled in err itself. */
int of_refuse(int r, enum of_err_type type, unsigned no_space, unsigned no_memory,
	struct of_err *reterr_of);

/* entry.c: a flow's life. None of these fails. */
#define OF_REMOVED_SILENTLY 0xffu /* beside of_removed_reason: nobody is told by flow_removed */

enum of_flow_change {
	OF_FLOW_ADDED,
	OF_FLOW_MODIFIED,
	OF_FLOW_REMOVED
};

/** The entry is indexed and with the provider: let it count and expire. refs are taken over. */
void of_entry_begin(struct of_switch *sw, struct of_entry *entry, struct of_refs *refs);

/** Its timeouts were changed. */
void of_entry_retime(struct of_switch *sw, struct of_entry *entry);

/** Lower its timeouts to what fin_timeout says, if a TCP connection has ended in the meantime. */
void of_entry_follow_tcp(struct of_switch *sw, struct of_entry *entry);

/** Exchange what it does, and give the old back in the same places. */
void of_entry_swap(struct of_switch *sw, struct of_entry *entry,
	struct of_instructions *instructions, struct of_refs **refs);
void of_entry_remove(
	struct of_switch *sw, struct of_entry *entry, unsigned reason, uint64_t now_ns);

/* The same in four steps: nobody finds it, and show undoes that; the provider has it no more; all
 * are told. */
void of_entry_hide(struct of_switch *sw, struct of_entry *entry);
void of_entry_show(struct of_switch *sw, struct of_entry *entry);
void of_entry_bury(struct of_switch *sw, struct of_entry *entry);
void of_entry_end(struct of_switch *sw, struct of_entry *entry, unsigned reason, uint64_t now_ns);
void of_entry_unref(struct of_entry *entry);
void of_entry_tell(struct of_switch *sw, const struct of_entry *entry, enum of_flow_change what,
	uint64_t now_ns);

/** All that refer to the target. */
void of_entries_remove_by(
	struct of_switch *sw, struct of_target *target, unsigned reason, uint64_t now_ns);

/* bundle.c: while a bundle is open the provider is asked nothing and nobody is told anything, but
 * each change is noted, so that it can be undone. Room is reserved first: 1 for one flow or group,
 * or OF_BUNDLE_ALL for as many as there are. errors: -ENOMEM */
#define OF_BUNDLE_ALL 0
int of_bundle_reserve(struct of_switch *sw, size_t n);
void of_bundle_note_added(struct of_switch *sw, struct of_entry *entry);
void of_bundle_note_removed(struct of_switch *sw, struct of_entry *entry, unsigned reason);
void of_bundle_note_group_added(struct of_switch *sw, struct of_group_entry *entry);
void of_bundle_note_group_removed(struct of_switch *sw, struct of_group_entry *entry);

/* To be called before it is changed. return: 1 when what it was is not the caller's to free,
 * 0 when it is; errors: -ENOMEM */
int of_bundle_note_changed(struct of_switch *sw, struct of_entry *entry);
int of_bundle_note_group_changed(struct of_switch *sw, struct of_group_entry *entry);

/* select.c: what else than its match a request says about flows. */
bool of_entry_wanted(const struct of_entry *entry, const struct of_flow_filter *filter);

/* group.c */
void of_group_entry_free(struct of_group_entry *entry);
void of_group_buckets_free(struct of_group *group);
void of_groups_count_chains(struct of_switch *sw); /* n_chained of all, anew */

/* group.c, meter.c: forget all of them, their flows first. */
void of_groups_clear(struct of_switch *sw, uint64_t now_ns);
void of_meters_clear(struct of_switch *sw, uint64_t now_ns);
