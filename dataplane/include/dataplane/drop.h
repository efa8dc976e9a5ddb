/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Why a frame was not delivered. One line a reason: constant, name in `port stats`, side of the
 * port it is counted on (RX: where the frame came in, TX: where it would have gone out), and the
 * sentence the user sees.
 */
#pragma once

/* clang-format off */
#define DP_DROP_LIST(X) \
	X(DESCRIPTOR,      "bad_descriptor",   RX, "the guest offered a descriptor that makes no sense") \
	X(OFFLOAD,         "bad_offload",      RX, "the guest asked for a checksum or segmentation that makes no sense") \
	X(RUNT,            "runt",             RX, "shorter than an Ethernet header, or cut inside a VLAN tag") \
	X(OVERSIZE,        "oversize",         RX, "longer than the port's MTU allows") \
	X(LINK_LOCAL,      "link_local",       RX, "802.1D link-local address 01:80:c2:00:00:0x, which a bridge does not forward") \
	X(PROTOCOL,        "protocol",         RX, "LACP or LLDP, which the switch speaks itself") \
	X(TEAM_STANDBY,    "team_standby",     RX, "came by a device of the team that is not in use for it") \
	X(TEAM_OWN,        "team_own",         RX, "sent by a port of the switch, and came back by another device of the team") \
	X(SOURCE,          "invalid_source",   RX, "source address is multicast or zero") \
	X(VLAN_INGRESS,    "vlan_ingress",     RX, "VLAN not allowed on the port where it came in") \
	X(VLAN_UNUSED,     "vlan_unused",      RX, "no other port uses its VLAN: dropped in front of the switch") \
	X(FORGED,          "forged_transmit",  RX, "source address is not the port's own and forged_transmits is reject") \
	X(MAC_LIMIT,       "mac_limit",        RX, "source address beyond the port's mac_limit") \
	X(STATIC_MOVE,     "static_move",      RX, "source address has a static entry on another port") \
	X(RATE_IN,         "rate_limit_in",    RX, "over the port's rate_limit_in") \
	X(STORM,           "storm_limit",      RX, "broadcast, multicast or unknown unicast over the port's storm_limit") \
	X(SAME_PORT,       "same_port",        RX, "destination is on the port it came from") \
	X(NO_DESTINATION,  "no_destination",   RX, "no other port carries the frame's VLAN") \
	X(SECURE,          "no_flow",          RX, "no flow of the bridge matches") \
	X(FLOW,            "flow_drop",        RX, "the flow that matched sends it nowhere") \
	X(NO_PORT,         "no_port",          RX, "a flow sends it to a port that the bridge does not have") \
	X(METER,           "meter",            RX, "over the rate of a meter") \
	X(TTL,             "ttl_expired",      RX, "its time to live ended where a flow decrements it") \
	X(FRAGMENT,        "fragment",         RX, "an IP fragment, and the controller wants fragments dropped") \
	X(PUSH,            "no_room_to_push",  RX, "too many headers were pushed in front of it") \
	X(TOO_DEEP,        "too_deep",         RX, "resubmitted too often") \
	X(VARIANTS,        "too_many_changes", RX, "too many changed copies of one burst") \
	X(RX_ADMIN_DOWN,   "rx_disabled",      RX, "the port it came in on is disabled") \
	X(FROM_MIRROR,     "from_mirror_port", RX, "it came in on a mirror's output port, which receives nothing") \
	X(RX_GSO,          "rx_unsegmented",   RX, "more frames to be segmented from an interface than its socket had room for") \
	X(ISOLATED,        "isolated",         TX, "both ports are isolated") \
	X(VLAN_EGRESS,     "vlan_egress",      TX, "destination port does not carry the frame's VLAN") \
	X(MAC_CHANGE,      "mac_change",       TX, "destination is not the port's own address and mac_changes is reject") \
	X(LINK_DOWN,       "link_down",        TX, "destination port has no peer, no ready ring or is disabled") \
	X(TO_MIRROR,       "to_mirror_port",   TX, "destination port is a mirror's output, which takes its copies alone") \
	X(TX_FULL,         "tx_full",          TX, "the receiver's queue was full") \
	X(TX_BUFFERS,      "tx_no_buffer",     TX, "the receiver's buffers are too small for the frame or make no sense") \
	X(NO_COPY,         "no_copy",          TX, "no packet memory left for a copy") \
	X(TX_OVERSIZE,     "tx_oversize",      TX, "longer than the destination port's MTU allows") \
	X(RATE_OUT,        "rate_limit_out",   TX, "over the port's rate_limit_out") \
	X(CONTROLLER,      "controller_busy",  TX, "more frames for the controller than it takes") \
	X(TX_ERROR,        "tx_error",         TX, "the device or the kernel refused it")
/* clang-format on */

enum dp_drop {
#define DP_DROP_ENUM(id, name, side, text) DP_DROP_##id,
	DP_DROP_LIST(DP_DROP_ENUM)
#undef DP_DROP_ENUM
	DP_N_DROPS,
};

enum dp_drop_side {
	DP_DROP_RX,
	DP_DROP_TX,
};

struct dp_drop_info {
	const char *name;
	enum dp_drop_side side;
	const char *text;
};

extern const struct dp_drop_info dp_drop_infos[DP_N_DROPS];
