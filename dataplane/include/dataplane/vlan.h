/* SPDX-License-Identifier: BSD-3-Clause
 *
 * VLAN policy of a port, in Open vSwitch's words, and the two decisions that follow from it: which
 * VLAN a received frame belongs to, and what becomes of its tag where it leaves. Pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DP_VLAN_MAX   4094 /* 4095 is reserved, IEEE 802.1Q table 9-2 */
#define DP_N_VLANS    4096
#define DP_VLAN_WORDS (DP_N_VLANS / 64)

enum dp_vlan_mode {
	DP_VLAN_ACCESS,
	DP_VLAN_TRUNK,
	DP_VLAN_NATIVE_UNTAGGED,
	DP_VLAN_NATIVE_TAGGED,
};

struct dp_vlan_policy {
	enum dp_vlan_mode mode;
	uint16_t vlan; /* access VLAN or native VLAN, 0 where there is none */
	uint64_t
		trunk[DP_VLAN_WORDS]; /* bit per VLAN that the port carries tagged; 0 is untagged */
};

static inline bool dp_vlan_set_has(const uint64_t *set, uint16_t vlan)
{
	return set[vlan >> 6] >> (vlan & 63) & 1;
}

static inline void dp_vlan_set_add(uint64_t *set, uint16_t vlan)
{
	set[vlan >> 6] |= UINT64_C(1) << (vlan & 63);
}

/**
 * Parse "10,20-29" or "all" into a set. VLAN 0 (untagged frames of a trunk) may be named; "all"
 * names it too, as Open vSwitch's empty trunk list does.
 *
 * errors:  -EINVAL (not a list of numbers and ranges), -ERANGE (a VLAN above 4094)
 * thread:  any
 */
int dp_vlan_set_parse(const char *text, uint64_t ret[DP_VLAN_WORDS]);
