/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
 *
 * What the XDP program and the port agree on: which frames the host gets, and what is counted.
 */
#pragma once

/* Which frames go on to the host's kernel; enum dp_host has the same order. */
enum xdp_host {
	XDP_HOST_OWN,         /* those for the interface's address, and group addresses */
	XDP_HOST_NONE,        /* no frame */
	XDP_HOST_ALL_BUT_VMS, /* all but those for addresses known on the switch's other ports */
};

/* Each frame that does not go to the switch through a socket counts under one of these. */
enum xdp_count {
	XDP_COUNT_HOST,   /* to the host alone */
	XDP_COUNT_SHARED, /* to the host, and to the switch through the shared ring */
	XDP_COUNT_UNUSED, /* dropped: neither has a use for its VLAN */
	XDP_N_COUNTS,
};

struct xdp_counter {
	unsigned long long packets, bytes;
};

/* 64 VLAN IDs on the wire, a bit each; the first is untagged. */
struct xdp_vlans {
	unsigned long long of_switch; /* those that other ports use */
	unsigned long long of_host;
};

#define XDP_VLAN_WORDS  64
#define XDP_MAX_SOCKETS 64
#define XDP_MAX_VMS     131072
