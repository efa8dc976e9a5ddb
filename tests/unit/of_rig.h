/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A switch on a provider that forwards nothing, remembers what it was told, and fails when a test
 * wants it to. What the tests of of_switch*.c share.
 */
#pragma once

#include "unit.h"

#include <stdbool.h>

#include "ofproto/switch.h"

#define RIG_S UINT64_C(1000000000)

/* What the provider keeps of a flow. */
struct rig_flow {
	struct of_counts counts;
	uint16_t fin_idle_s, fin_hard_s;     /* to be taken */
	struct of_instructions instructions; /* lists are those of the flow */
	uint64_t cookie;
};

struct rig_event {
	char kind; /* a, m, d: flow_changed; r: flow_removed */
	unsigned reason;
	uint64_t cookie, n_packets, duration_ns;
};

#define RIG_EVENTS 4096

struct rig {
	struct of_switch *sw;
	uint64_t now_ns;
	struct of_err err; /* of the last request that was refused */

	unsigned n_calls;         /* that may fail */
	unsigned fail_at, fail_n; /* the first call that fails, from 1, and how many do; 0: none */
	int fail_with;            /* -EINVAL: TABLE_MOD_FAILED EPERM, then BAD_CONFIG */
	unsigned n_flows, n_groups, n_meters; /* that the provider has */
	unsigned n_staged;                    /* changes that were neither made nor dropped */
	unsigned n_holds;
	bool is_held;
	uint32_t deleted[16]; /* groups, in order */
	unsigned n_deleted;

	struct rig_event events[RIG_EVENTS];
	unsigned n_events;
};

/** max_flows 0: 100,000. */
void rig_init(struct rig *rig, uint32_t max_flows);

/** Checks that the provider has nothing left. */
void rig_done(struct rig *rig);
void rig_fail(struct rig *rig, unsigned at, int with);

/* Requests; in_port 0 matches everything. */
struct of_flow_mod rig_mod(unsigned command, uint8_t table, uint16_t priority, uint32_t in_port);
void rig_match_ip(struct of_match *match, uint32_t address, unsigned n_bits);
void rig_output(struct of_actions *actions, uint32_t port);
void rig_group_action(struct of_actions *actions, uint32_t group);

/** A flow-mod that outputs to a port; 0: to none. */
struct of_flow_mod rig_flow_to(
	unsigned command, uint8_t table, uint16_t priority, uint32_t in_port, uint32_t out);
struct of_group_mod rig_group(unsigned command, uint8_t type, uint32_t group, unsigned n_buckets);
struct of_meter_mod rig_meter(unsigned command, uint32_t meter, unsigned n_bands);

/* Ask for it and free what was not taken over. return: what the switch did. */
int rig_send(struct rig *rig, struct of_flow_mod mod);
int rig_send_group(struct rig *rig, struct of_group_mod mod);
int rig_send_meter(struct rig *rig, struct of_meter_mod mod);

#define assert_done(r) assert_int_equal(r, 0)
#define assert_refused(rig, r, of_type, of_code)                                                   \
	do {                                                                                       \
		assert_int_equal(r, -EINVAL);                                                      \
		assert_int_equal((rig)->err.type, of_type);                                        \
		assert_int_equal((rig)->err.code, of_code);                                        \
	} while (0)

/** All flows; the list is the caller's, see of_switch_flows_done. */
int rig_flows(struct rig *rig, struct of_flow ***ret_flows);
int rig_n_flows(struct rig *rig);

/** The flow of that key, not pinned; NULL when it is not there. */
struct of_flow *rig_find(struct rig *rig, uint8_t table, uint16_t priority, uint32_t in_port);

/** The port that a flow outputs to first, as the provider has it and as the switch has it. */
uint32_t rig_out(struct rig *rig, const struct of_flow *flow);
struct of_counts *rig_counts(const struct of_flow *flow);
