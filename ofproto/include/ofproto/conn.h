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
	struct of_desc desc; /* strings must outlive */
	/* Unread output beyond which a connection's requests wait and it is sent no packet-in; port
	 * and flow changes are told up to twice as much, and flow monitors pause. 0: 1 MiB */
	uint32_t max_out_bytes;
	uint32_t packet_in_rate, packet_in_burst; /* a connection, packets a second; 0: no limit, a
						   * second's worth */
};

/* Since the connection began. */
struct of_conn_counts {
	uint64_t n_requests, n_errors;
	uint64_t n_packet_ins;
	uint64_t n_limited;       /* packet-ins over the rate */
	uint64_t n_async_dropped; /* asynchronous messages that its output had no room for */
	uint64_t n_out_dropped;   /* packet-outs that the workers had no room for */
};

/* The switch must outlive, and tells its events to these alone. errors: -ENOMEM */
int of_conns_new(const struct of_conns_conf *conf, struct of_switch *sw, struct of_conns **ret);
void of_conns_free(struct of_conns *conns); /* with all connections that are left */

/** As in struct of_conns_conf, from now on. */
void of_conns_set_rate(struct of_conns *conns, uint32_t packet_in_rate, uint32_t packet_in_burst);
void of_conns_set_datapath_id(struct of_conns *conns, uint64_t datapath_id);

/**
 * A connection, with its hello in the output.
 *
 * shape:   is_service: a client of punix or ptcp, which gets asynchronous messages only if it asks
 *          and is not probed; wake (may be NULL) is called when output comes where there was
 *          none, other than in of_conn_receive and of_conn_sent; it may not call back here
 * errors:  -ENOMEM
 * thread:  control
 */
int of_conn_new(struct of_conns *conns, bool is_service, void (*wake)(void *ctx), void *ctx,
	struct of_conn **ret);
void of_conn_free(struct of_conn *conn);

/**
 * Take bytes in; may leave some for later when output waits (then call again when it has gone).
 *
 * shape:   *used is set to how many of n were taken
 * errors:  -EPROTO (not OpenFlow, or no common version; an error message may wait in the output),
 *          -ENOMEM, -ENOBUFS (too much happened to flows that it monitors while it did not
 *          read): close the connection when its output is sent
 * thread:  control
 */
int of_conn_receive(
	struct of_conn *conn, const uint8_t *bytes, size_t n, uint64_t now_ns, size_t *used);

/** What is to be sent next: *n bytes, 0 when there is nothing. */
const uint8_t *of_conn_output(struct of_conn *conn, size_t *n);
void of_conn_sent(
	struct of_conn *conn, size_t n, uint64_t now_ns); /* may make more, of a long reply */

/** Echo requests and their time-outs. Call it once a second. errors: -ETIMEDOUT, or what
 * of_conn_receive would return: close it. */
int of_conn_tick(struct of_conn *conn, uint64_t now_ns);

bool of_conn_is_up(const struct of_conn *conn); /* the handshake is done */
enum of_role of_conn_role(const struct of_conn *conn);
void of_conn_counts(const struct of_conn *conn, struct of_conn_counts *ret);

/** What the dataplane saw, to those who want to know. */
void of_conns_packet_in(struct of_conns *conns, const struct of_packet_in *in, uint64_t now_ns);
void of_conns_port_status(
	struct of_conns *conns, const struct of_port_info *port, enum of_port_reason reason);

/** A controller is up, whatever its role: fail-mode asks. Services are none. */
bool of_conns_controlled(const struct of_conns *conns);
unsigned of_conns_n(const struct of_conns *conns);
