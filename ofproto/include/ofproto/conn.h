/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Connections of controllers to one switch: handshake, dispatch, roles, asynchronous messages,
 * echo (OpenFlow 1.3.5, 6.3). No sockets: bytes go in, bytes come out, the clock is a parameter.
 * Control thread.
 */
#pragma once

#include "ofproto/switch.h"

struct of_conns; /* all connections of one switch, and what they share */
struct of_conn;

struct of_conns_conf {
	uint64_t datapath_id;
	struct of_desc desc;    /* strings must outlive */
	uint32_t max_out_bytes; /* unread output beyond which a connection is asked for nothing more
				 */
	uint32_t packet_in_rate, packet_in_burst; /* a connection, packets a second; 0: no limit */
};

int of_conns_new(const struct of_conns_conf *conf, struct of_switch *sw, struct of_conns **ret);
void of_conns_free(struct of_conns *conns);

/* wake is called when output comes to a connection outside of of_conn_receive. */
int of_conn_new(struct of_conns *conns, bool is_service /* a punix or ptcp client: never master by
	itself, gets asynchronous messages only if it asks */
	,
	void (*wake)(void *ctx), void *ctx, struct of_conn **ret);
void of_conn_free(struct of_conn *conn);

/**
 * Take bytes in; may leave some for later when output waits (then call again when it has gone).
 *
 * shape:   *used is set to how many of n were taken
 * errors:  -EPROTO (not OpenFlow, or no common version; an error message may wait in the output),
 *          -ENOMEM: close the connection when its output is sent
 * thread:  control
 */
int of_conn_receive(
	struct of_conn *conn, const uint8_t *bytes, size_t n, uint64_t now_ns, size_t *used);

/** What is to be sent next: *n bytes, 0 when there is nothing. */
const uint8_t *of_conn_output(struct of_conn *conn, size_t *n);
void of_conn_sent(
	struct of_conn *conn, size_t n, uint64_t now_ns); /* may make more, of a long reply */

/** Echo requests and their time-outs. errors: -ETIMEDOUT (close it). Call it once a second. */
int of_conn_tick(struct of_conn *conn, uint64_t now_ns);

bool of_conn_is_up(const struct of_conn *conn); /* the handshake is done */
enum of_role of_conn_role(const struct of_conn *conn);

/** What the dataplane saw, to those who want to know. */
void of_conns_packet_in(struct of_conns *conns, const struct of_packet_in *in, uint64_t now_ns);
void of_conns_port_status(
	struct of_conns *conns, const struct of_port_info *port, enum of_port_reason reason);

/** Some connection that may command the switch is up (fail-mode asks). */
bool of_conns_controlled(const struct of_conns *conns);
unsigned of_conns_n(const struct of_conns *conns);
