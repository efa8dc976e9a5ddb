/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a switch tells a controller, whatever the version: the contents of replies and of
 * asynchronous messages.
 */
#pragma once

#include "ofproto/request.h"

#define OF_COUNT_UNKNOWN UINT64_MAX
#define OF_PORT_NAME_LEN 16

#define OF_PC_PORT_DOWN    0x01
#define OF_PC_NO_RECV      0x04
#define OF_PC_NO_FWD       0x20
#define OF_PC_NO_PACKET_IN 0x40
#define OF_PS_LINK_DOWN    0x1
#define OF_PS_BLOCKED      0x2
#define OF_PS_LIVE         0x4

struct of_port_info {
	uint32_t no;
	uint8_t mac[6];
	char name[64]; /* cut to OF_PORT_NAME_LEN - 1 bytes on the wire */
	uint32_t config, state;
	uint32_t curr, advertised, supported, peer; /* OFPPF_* */
	uint32_t curr_speed_kbps, max_speed_kbps;
};

struct of_port_stats {
	uint32_t no;
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_dropped, tx_dropped;
	uint64_t rx_errors, tx_errors, rx_frame_err, rx_over_err, rx_crc_err, collisions;
	uint64_t duration_ns;
};

struct of_queue_stats {
	uint32_t port, queue;
	uint64_t tx_bytes, tx_packets, tx_errors, duration_ns;
};

struct of_features {
	uint64_t datapath_id;
	uint32_t n_buffers, capabilities;
	uint8_t n_tables, auxiliary_id;
};

struct of_desc {
	const char *manufacturer, *hardware, *software, *serial, *datapath;
};

struct of_flow_info {
	uint8_t table;
	uint16_t priority, idle_timeout_s, hard_timeout_s, flags;
	uint64_t cookie, n_packets, n_bytes, duration_ns;
	struct of_match match;
	const struct of_instructions *instructions;
};

enum of_removed_reason {
	OF_RR_IDLE_TIMEOUT,
	OF_RR_HARD_TIMEOUT,
	OF_RR_DELETE,
	OF_RR_GROUP_DELETE
};

struct of_table_info {
	uint8_t table;
	uint32_t n_flows, max_flows;
	uint64_t n_lookups, n_matches;
};

struct of_group_info {
	uint32_t group, n_refs;
	uint8_t type;
	uint64_t n_packets, n_bytes, duration_ns;
	unsigned n_buckets;
	const struct of_bucket *buckets;
	struct {
		uint64_t n_packets, n_bytes;
	} * bucket_stats; /* [n_buckets] */
};

struct of_meter_info {
	uint32_t meter, n_flows;
	uint16_t flags;
	uint64_t n_packets, n_bytes, duration_ns;
	unsigned n_bands;
	const struct of_band *bands;
	struct {
		uint64_t n_packets, n_bytes;
	} * band_stats; /* [n_bands] */
};

enum of_packet_in_reason {
	OF_PI_NO_MATCH,
	OF_PI_ACTION,
	OF_PI_INVALID_TTL
};

struct of_packet_in {
	uint8_t reason, table;
	uint64_t cookie;
	uint16_t max_len; /* bytes of the frame that the action asked for */
	uint16_t controller_id;
	struct sh_flow_key key; /* in_port, metadata, registers and the like are taken from it */
	const uint8_t *frame;
	size_t n_frame, total_len; /* bytes here, and of the whole frame */
};

enum of_port_reason {
	OF_PR_ADD,
	OF_PR_DELETE,
	OF_PR_MODIFY
};
