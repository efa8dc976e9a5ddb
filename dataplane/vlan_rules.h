/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The fast path's two VLAN decisions, Open vSwitch's rules frame by frame. Pure; any thread.
 */
#pragma once

#include "dataplane/vlan.h"

#define VLAN_VID(tci)  ((uint16_t)((tci)&0x0fff))
#define VLAN_PCP(tci)  ((uint16_t)((tci)&0xe000))
#define VLAN_NOT_THERE UINT16_MAX

/* What becomes of a frame's outer 802.1Q tag on its way out. */
enum dp_tag_op {
	DP_TAG_KEEP,
	DP_TAG_POP,
	DP_TAG_PUSH,
	DP_TAG_SET,
};

/* fast path */

/**
 * The VLAN of a received frame, or VLAN_NOT_THERE if the port does not take it.
 *
 * shape:   tci is the outer 802.1Q tag's, in host order; 0 for an untagged frame, which therefore
 *          is treated like a priority-tagged one with priority 0
 */
static inline uint16_t dp_vlan_ingress(const struct dp_vlan_policy *p, uint16_t tci)
{
	uint16_t vid = VLAN_VID(tci);

	if (p->mode == DP_VLAN_ACCESS)
		return vid ? VLAN_NOT_THERE : p->vlan;
	if (p->mode != DP_VLAN_TRUNK && (vid == 0 || vid == p->vlan))
		return p->vlan;
	return dp_vlan_set_has(p->trunk, vid) ? vid : VLAN_NOT_THERE;
}

/** Whether the port carries the VLAN on its way out. */
static inline bool dp_vlan_carries(const struct dp_vlan_policy *p, uint16_t vlan)
{
	if (p->mode != DP_VLAN_TRUNK && vlan == p->vlan)
		return true;
	return p->mode != DP_VLAN_ACCESS && dp_vlan_set_has(p->trunk, vlan);
}

/**
 * What to do with the tag of a frame of this VLAN that leaves by the port.
 *
 * shape:   tagged and tci describe the frame as it was received; *ret_tci is the tag to write for
 *          PUSH and SET
 */
static inline enum dp_tag_op dp_vlan_egress(
	const struct dp_vlan_policy *p, uint16_t vlan, bool tagged, uint16_t tci, uint16_t *ret_tci)
{
	bool leaves_untagged = vlan == 0 || p->mode == DP_VLAN_ACCESS ||
			       (p->mode == DP_VLAN_NATIVE_UNTAGGED && vlan == p->vlan);

	if (leaves_untagged)
		return tagged ? DP_TAG_POP : DP_TAG_KEEP;
	*ret_tci = (uint16_t)(VLAN_PCP(tci) | vlan);
	if (!tagged)
		return DP_TAG_PUSH;
	return VLAN_VID(tci) == vlan ? DP_TAG_KEEP : DP_TAG_SET;
}
