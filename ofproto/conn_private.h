/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the files conn*.c know of each other: one connection, and what all connections of a switch
 * share. Control thread.
 */
#pragma once

#include "ofproto/conn.h"
#include "ofproto/version.h"

#define OF_TYPE_HELLO        0 /* message types that are the same in every version */
#define OF_TYPE_ERROR        1
#define OF_TYPE_EXPERIMENTER 4

/* A long reply: flows that were pinned when it began, written a slice at a time. */
struct conn_dump {
	bool is_on;
	struct of_flow **flows;
	int n, at;
	struct of_multipart mp;
	struct of_buf buf; /* its messages; whole ones go to the connection's output */
	bool may_be_empty; /* else nothing is sent if nothing was put */
	unsigned n_put;
	/* Put one flow, or nothing. return: how many were put */
	unsigned (*put)(struct of_conn *conn, struct of_multipart *mp, const struct of_flow *flow);
	void (*ended)(struct of_conn *conn); /* may be NULL; may begin another dump */
};

struct conn_monitor {
	struct conn_monitor *next;
	uint32_t id;
	uint16_t flags; /* NXFMF_* */
	struct of_flow_filter filter;
};

/* Flow monitors. While a connection is behind, flows that are added and modified are not told; a
 * dump of all that changed since then catches up. */
struct conn_monitors {
	struct conn_monitor *first;
	unsigned n;
	struct of_buf held; /* updates that wait for the end of the request, or of the dump */
	struct of_multipart mp;
	bool mp_is_open;       /* in held */
	bool has_abbreviation; /* what the request itself changes is told */
	bool is_behind, is_paused, is_dumping;
	bool has_missed, has_missed_modified, tells_modified; /* since, and by the dump */
	uint64_t behind_ns; /* told, or being dumped: all before */
	uint64_t dump_ns;   /* when the last dump began */
	uint64_t n_deleted; /* told while it is behind */
};

/* Messages that a controller wants to happen together. */
struct conn_bundle {
	struct conn_bundle *next;
	uint32_t id;
	uint16_t flags; /* OF_BUNDLE_* */
	bool is_closed;
	bool has_others;      /* than flow-mods and group-mods */
	uint64_t used_ns;     /* last */
	struct of_buf opened; /* the begin of the message that opened it, for errors */
	struct of_buf msgs;   /* as they came, each with the experimenter's header */
};

/* A walk over messages of a bundle; step is the number of the one that was read last. */
struct conn_bundle_walk {
	const struct conn_bundle *bundle;
	size_t next, n; /* of bytes: where the next message begins, and how long this one is */
	uint32_t step;
};

/* A token bucket, in nanoseconds of the rate. */
struct conn_bucket {
	uint64_t credit_ns, filled_ns;
};

struct of_conn {
	struct of_conn *prev, *next;
	struct of_conns *conns;
	void (*wake)(void *ctx);
	void *wake_ctx;
	const struct of_version *version; /* NULL before the other's hello */
	bool is_service, is_receiving;
	int failed; /* -errno: over */

	struct of_buf in;  /* the begin of a message whose end has not come */
	struct of_buf out; /* n_sent bytes of it are gone */
	size_t n_sent;
	struct conn_dump dump;

	uint64_t heard_ns; /* 0: no clock yet */
	uint64_t asked_ns; /* an echo request waits for its answer since; 0: none */

	enum of_role role;
	struct of_async async;
	uint16_t miss_send_len, controller_id;
	uint32_t packet_in_format; /* NXPIF_* */
	struct conn_bucket bucket;
	struct conn_monitors monitors;
	struct conn_bundle *bundles;
	unsigned n_bundles;
	size_t n_bundle_bytes;
	struct of_conn_counts counts;
};

struct of_conns {
	struct of_conns_conf conf;
	struct of_switch *sw;
	const struct of_provider *provider;
	void *provider_ctx;
	struct of_conn *first;
	unsigned n;
	uint64_t now_ns; /* the latest that anyone said */
	uint64_t generation_id;
	bool has_generation_id;
	uint16_t fragments;
	unsigned n_monitors; /* of all connections */
	/* whose request is being carried out; NULL: nobody's */
	struct of_conn *source;
	uint32_t source_xid;
	enum of_request_kind source_kind;
	size_t n_bundle_bytes;               /* of all connections */
	struct conn_bundle_walk *committing; /* what is told is of this message; NULL: no bundle */
};

/* conn.c */
void conn_set_now(struct of_conns *conns, uint64_t now_ns);
size_t conn_unsent(const struct of_conn *conn);
/* Take no more requests, and write no more of a long reply. */
bool conn_is_full(const struct of_conn *conn);
bool conn_may_send_async(const struct of_conn *conn, unsigned n_limits);
/* To be called after output came, with what conn_unsent was before. */
void conn_woke(struct of_conn *conn, size_t unsent_before);
int conn_fail(struct of_conn *conn, int r);
/* Forget the bytes, and give back the memory if it is much. */
void conn_buf_empty(struct of_buf *buf);

/* conn_hello.c */
/* The connection's, or before that is known the highest. */
const struct of_version *conn_version(const struct of_conn *conn);
void conn_hello_send(struct of_conn *conn);
/* errors: -EPROTO, with an error message in the output */
int conn_hello_take(struct of_conn *conn, const uint8_t *msg, size_t n);

/* conn_echo.c */
void conn_heard(struct of_conn *conn, uint64_t now_ns);

/* conn_request.c. errors: -ENOMEM. What was refused was answered. */
int conn_request(struct of_conn *conn, const uint8_t *msg, size_t n);
void conn_put_error(struct of_conn *conn, const struct of_err *err, const uint8_t *msg, size_t n);

/* Carry out what changes flows or groups, or send a frame; nothing is answered. errors: -EINVAL
 * with reterr_of, -ENOMEM */
int conn_do(struct of_conn *conn, struct of_request *request, struct of_err *reterr_of);
int conn_packet_out_check(
	struct of_conn *conn, const struct of_packet_out *out, struct of_err *reterr_of);
int conn_decode(struct of_conn *conn, const uint8_t *msg, size_t n, struct of_request *ret,
	struct of_err *reterr_of);

/* One function a request. errors: -EINVAL with reterr_of, -ENOMEM and the like */
typedef int conn_handler(
	struct of_conn *conn, struct of_request *request, struct of_err *reterr_of);

/* conn_config.c */
conn_handler conn_features, conn_get_config, conn_set_config, conn_port_mod, conn_table_mod,
	conn_queue_get_config;

/* conn_multipart.c */
conn_handler conn_desc, conn_flow_stats, conn_aggregate, conn_table_stats, conn_port_stats,
	conn_queue_stats, conn_group_stats, conn_group_desc, conn_group_features, conn_meter_stats,
	conn_meter_config, conn_meter_features, conn_table_features, conn_port_desc;

/* conn_dump.c */
/* Take over flows (of of_switch_flows), and write what there is room for. */
void conn_dump_begin(
	struct of_conn *conn, const struct conn_dump *dump, uint32_t xid, enum of_request_kind of);
void conn_dump_go_on(struct of_conn *conn);
void conn_dump_drop(struct of_conn *conn);

/* conn_role.c */
conn_handler conn_role;

/* conn_async.c */
conn_handler conn_get_async, conn_set_async, conn_set_packet_in_format, conn_set_controller_id;
void conn_async_init(struct of_conn *conn);
void conn_flow_removed(void *ctx, const struct of_flow_info *flow, enum of_removed_reason reason);

/* conn_monitor.c */
conn_handler conn_monitor_add, conn_monitor_cancel;
void conn_flow_changed(void *ctx, unsigned what, const struct of_flow_info *flow);
/* A request is done: send what it changed to all that monitor. */
void conn_monitors_flush(struct of_conns *conns);
/* Catch up, if it is time. */
void conn_monitors_go_on(struct of_conn *conn);
void conn_monitors_done(struct of_conn *conn);

/* conn_bundle.c */
conn_handler conn_bundle_control, conn_bundle_add;
void conn_bundle_step(void *ctx, uint32_t step);
/* Those that nobody has used for a while end with an error. */
void conn_bundles_expire(struct of_conn *conn);
void conn_bundles_done(struct of_conn *conn);
