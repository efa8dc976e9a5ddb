/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A switch without a dataplane, and controllers that are connected to it, for the tests of
 * connections: messages go in as bytes and are read back as bytes.
 */
#pragma once

#include "ofproto/conn.h"
#include "ofproto/version.h"

#define RIG_MAX_PORT  16 /* ports 1 and 2 are there */
#define RIG_MAX_FLOWS 100000
#define RIG_S         UINT64_C(1000000000)

/* Message types of OpenFlow 1.3. */
enum rig_type {
	T_HELLO,
	T_ERROR,
	T_ECHO_REQUEST,
	T_ECHO_REPLY,
	T_EXPERIMENTER,
	T_FEATURES_REQUEST,
	T_FEATURES_REPLY,
	T_GET_CONFIG_REQUEST,
	T_GET_CONFIG_REPLY,
	T_SET_CONFIG,
	T_PACKET_IN,
	T_FLOW_REMOVED,
	T_PORT_STATUS,
	T_PACKET_OUT,
	T_FLOW_MOD,
	T_GROUP_MOD,
	T_PORT_MOD,
	T_TABLE_MOD,
	T_MULTIPART_REQUEST,
	T_MULTIPART_REPLY,
	T_BARRIER_REQUEST,
	T_BARRIER_REPLY,
	T_QUEUE_GET_CONFIG_REQUEST,
	T_QUEUE_GET_CONFIG_REPLY,
	T_ROLE_REQUEST,
	T_ROLE_REPLY,
	T_GET_ASYNC_REQUEST,
	T_GET_ASYNC_REPLY,
	T_SET_ASYNC,
	T_METER_MOD,
};

/* Multipart types. */
#define MP_FLOW         1
#define MP_AGGREGATE    2
#define MP_EXPERIMENTER 0xffff

struct rig {
	struct of_switch *sw;
	struct of_conns *conns;
	uint64_t now_ns;
	/* what the provider was asked */
	unsigned n_flows, n_barriers, n_packet_outs, n_port_mods, fragments;
	size_t n_out_data;       /* of the last packet-out */
	int packet_out_r;        /* what it returns */
	uint32_t port_config;    /* of both ports */
	uint32_t refused_config; /* that no port takes */
	bool is_barrier_open;    /* nothing came since the last barrier */
};

void rig_start(struct rig *rig, const struct of_conns_conf *conf); /* conf may be NULL */
void rig_end(struct rig *rig);

/* Of a test whose state is a rig as rig_start makes it by default; any rig that was allocated ends
 * so. */
int rig_setup(void **state);
int rig_teardown(void **state);

struct peer {
	struct rig *rig;
	struct of_conn *conn;
	unsigned n_wakes;
	uint8_t msg[UINT16_MAX]; /* the last that was read */
	size_t n;
};

/* Connect; the handshake is done, nothing else is in the output. */
void peer_connect(struct peer *peer, struct rig *rig, bool is_service);
void peer_open(struct peer *peer, struct rig *rig, bool is_service); /* no bytes yet */

/* Send one message; all of it must be taken. return: what of_conn_receive returned */
int peer_send(struct peer *peer, unsigned type, uint32_t xid, const void *body, size_t n);
/* The same of a body that is built by of_buf_put_*, and emptied. */
int peer_send_buf(struct peer *peer, unsigned type, uint32_t xid, struct of_buf *body);
int peer_bytes(struct peer *peer, const uint8_t *bytes, size_t n, size_t *used);

/* Read the next message, if one waits. */
bool peer_read(struct peer *peer);
/* Read the next message, which must be this. return: its body */
const uint8_t *peer_expect(struct peer *peer, unsigned type, uint32_t xid);
void peer_expect_error(struct peer *peer, uint32_t xid, unsigned type, unsigned code);
void peer_expect_nothing(struct peer *peer);
/* A barrier and its answer, with nothing before it. */
void peer_sync(struct peer *peer);
/* Read all that waits. return: how many messages */
unsigned peer_read_all(struct peer *peer);

/* Flows of table 0 that match everything and output to port 1, one a priority. */
#define RIG_SEND_FLOW_REM 1
void peer_flow_mod(
	struct peer *peer, enum of_flow_command command, uint16_t priority, uint16_t flags);
void rig_add_flows(struct rig *rig, unsigned n); /* priorities 1 to n, by nobody */

/* A request about all flows. */
void peer_ask_flows(struct peer *peer, uint32_t xid, uint16_t multipart);
