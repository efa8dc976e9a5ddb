/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a controller can ask for, whatever the version it speaks: a message off the wire becomes
 * one of these. Names are those of the standard; numbers are OpenFlow 1.3's, and a file of another
 * version turns its own into them.
 */
#pragma once

#include "ofproto/action.h"

#define OF_PORT_MAX        0xffffff00u
#define OF_PORT_IN_PORT    0xfffffff8u
#define OF_PORT_TABLE      0xfffffff9u
#define OF_PORT_NORMAL     0xfffffffau
#define OF_PORT_FLOOD      0xfffffffbu
#define OF_PORT_ALL        0xfffffffcu
#define OF_PORT_CONTROLLER 0xfffffffdu
#define OF_PORT_LOCAL      0xfffffffeu
#define OF_PORT_ANY        0xffffffffu
#define OF_GROUP_MAX       0xffffff00u
#define OF_GROUP_ALL       0xfffffffcu
#define OF_GROUP_ANY       0xffffffffu
#define OF_METER_MAX       0xffff0000u
#define OF_METER_ALL       0xffffffffu
#define OF_QUEUE_ALL       0xffffffffu
#define OF_TABLE_ALL       255
#define OF_N_TABLES        254 /* 0 to 253 */
#define OF_NO_BUFFER       0xffffffffu
#define OF_CML_MAX         0xffe5 /* most bytes of a packet-in */
#define OF_CML_NO_BUFFER   0xffff

enum of_request_kind {
	OF_REQ_HELLO,
	OF_REQ_ERROR,
	OF_REQ_ECHO,
	OF_REQ_ECHO_REPLY,
	OF_REQ_FEATURES,
	OF_REQ_GET_CONFIG,
	OF_REQ_SET_CONFIG,
	OF_REQ_PACKET_OUT,
	OF_REQ_FLOW_MOD,
	OF_REQ_GROUP_MOD,
	OF_REQ_PORT_MOD,
	OF_REQ_TABLE_MOD,
	OF_REQ_METER_MOD,
	OF_REQ_BARRIER,
	OF_REQ_QUEUE_GET_CONFIG,
	OF_REQ_ROLE,
	OF_REQ_GET_ASYNC,
	OF_REQ_SET_ASYNC,
	OF_REQ_DESC,
	OF_REQ_FLOW_STATS,
	OF_REQ_AGGREGATE,
	OF_REQ_TABLE_STATS,
	OF_REQ_PORT_STATS,
	OF_REQ_QUEUE_STATS,
	OF_REQ_GROUP_STATS,
	OF_REQ_GROUP_DESC,
	OF_REQ_GROUP_FEATURES,
	OF_REQ_METER_STATS,
	OF_REQ_METER_CONFIG,
	OF_REQ_METER_FEATURES,
	OF_REQ_TABLE_FEATURES,
	OF_REQ_PORT_DESC,
	/* Nicira's, in an experimenter message or multipart */
	OF_REQ_NX_SET_PACKET_IN_FORMAT,
	OF_REQ_NX_SET_CONTROLLER_ID,
	OF_REQ_NX_FLOW_MONITOR,
	OF_REQ_NX_FLOW_MONITOR_CANCEL,
	/* ONF's, in an experimenter message */
	OF_REQ_BUNDLE_CONTROL,
	OF_REQ_BUNDLE_ADD,
	OF_N_REQUESTS,
};

enum of_flow_command {
	OF_FC_ADD,
	OF_FC_MODIFY,
	OF_FC_MODIFY_STRICT,
	OF_FC_DELETE,
	OF_FC_DELETE_STRICT,
};

/* flags of a flow */
#define OF_FF_SEND_FLOW_REM 0x01
#define OF_FF_CHECK_OVERLAP 0x02
#define OF_FF_RESET_COUNTS  0x04
#define OF_FF_NO_PKT_COUNTS 0x08
#define OF_FF_NO_BYT_COUNTS 0x10

struct of_flow_mod {
	uint64_t cookie, cookie_mask;
	uint8_t command, table;
	uint16_t idle_timeout_s, hard_timeout_s, priority, flags;
	uint32_t buffer_id, out_port, out_group;
	struct of_match match;
	struct of_instructions instructions; /* owned; a flow that is added takes them over */
};

/* Which flows a request is about. */
struct of_flow_filter {
	uint8_t table;
	uint32_t out_port, out_group;
	uint64_t cookie, cookie_mask;
	struct of_match match;
};

struct of_packet_out {
	uint32_t buffer_id, in_port;
	struct of_actions actions; /* owned */
	const uint8_t *data;       /* in the message */
	size_t n_data;
};

enum of_group_type {
	OF_GT_ALL,
	OF_GT_SELECT,
	OF_GT_INDIRECT,
	OF_GT_FF
};
enum of_group_command {
	OF_GC_ADD,
	OF_GC_MODIFY,
	OF_GC_DELETE,
	OF_GC_ADD_OR_MOD = 0x8000
};

struct of_bucket {
	uint16_t weight;
	uint32_t watch_port, watch_group; /* OF_PORT_ANY, OF_GROUP_ANY: none */
	struct of_actions actions;        /* owned */
};

struct of_group_mod {
	uint16_t command;
	uint8_t type;
	uint32_t group;
	unsigned n_buckets;
	struct of_bucket *buckets; /* owned */
};

#define OF_MF_KBPS  0x1
#define OF_MF_PKTPS 0x2
#define OF_MF_BURST 0x4
#define OF_MF_STATS 0x8
enum of_meter_command {
	OF_MC_ADD,
	OF_MC_MODIFY,
	OF_MC_DELETE
};
enum of_band_type {
	OF_MB_DROP = 1,
	OF_MB_DSCP_REMARK = 2
};

struct of_band {
	uint16_t type;
	uint8_t prec_level;   /* DSCP remark: by how many drop precedences */
	uint32_t rate, burst; /* kb/s or packets/s; kb or packets */
};

struct of_meter_mod {
	uint16_t command, flags;
	uint32_t meter;
	unsigned n_bands;
	struct of_band *bands; /* owned */
};

struct of_port_mod {
	uint32_t port;
	uint8_t mac[6];
	uint32_t config, mask, advertise;
};

enum of_bundle_type { /* replies are one more */
	OF_BT_OPEN = 0,
	OF_BT_CLOSE = 2,
	OF_BT_COMMIT = 4,
	OF_BT_DISCARD = 6
};
#define OF_BUNDLE_ATOMIC  0x1
#define OF_BUNDLE_ORDERED 0x2

enum of_role {
	OF_ROLE_NOCHANGE,
	OF_ROLE_EQUAL,
	OF_ROLE_MASTER,
	OF_ROLE_SLAVE
};

/* Which asynchronous messages a connection wants: a bit a reason, for master and equal in [0],
 * for slave in [1]. */
struct of_async {
	uint32_t packet_in[2], port_status[2], flow_removed[2];
};

struct of_request {
	uint8_t version;
	uint8_t kind; /* enum of_request_kind */
	uint32_t xid;
	union {
		struct {
			uint32_t versions; /* bit map of version numbers */
		} hello;
		struct {
			const uint8_t *data; /* in the message; of an error: from its type on */
			size_t n;
		} echo;
		struct {
			uint16_t flags, miss_send_len;
		} config;
		struct of_packet_out packet_out;
		struct of_flow_mod flow_mod;
		struct of_flow_filter flows;
		struct of_group_mod group_mod;
		struct of_meter_mod meter_mod;
		struct of_port_mod port_mod;
		struct {
			uint8_t table;
			uint32_t config;
		} table_mod;
		struct {
			uint32_t role;
			uint64_t generation_id;
		} role;
		struct of_async async;
		uint32_t port, group, meter; /* of a statistics request, or its ..._ALL, ..._ANY */
		struct {
			uint32_t port, queue;
		} queue;
		struct {
			bool has_body; /* a request to change tables: refused */
		} table_features;
		struct {
			uint32_t format; /* NXPIF_* */
		} packet_in_format;
		uint16_t controller_id;
		struct {
			uint32_t id;
			uint16_t flags;
			struct of_flow_filter flows;
		} monitor;
		uint32_t monitor_id;
		struct {
			uint32_t id;
			uint16_t type, flags;
			const uint8_t *msg; /* this one; without what follows what is added */
			size_t n;
		} bundle;
	};
};

void of_request_done(struct of_request *request);
