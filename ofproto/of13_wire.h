/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the files of OpenFlow 1.3 share: the numbers of its messages, the tables by which messages
 * are recognised, and values off the front of a message. Structures are Open vSwitch's; each is
 * read and written field by field, since nothing in a stream of messages is aligned.
 */
#pragma once

#include <openflow/nicira-ext.h>
#include <openflow/openflow-1.3.h>

#include "ofproto/version.h"

/* OpenFlow 1.3.5, 7.1.1 */
enum of13_type {
	OF13_HELLO = 0,
	OF13_ERROR = 1,
	OF13_ECHO_REQUEST = 2,
	OF13_ECHO_REPLY = 3,
	OF13_EXPERIMENTER = 4,
	OF13_FEATURES_REQUEST = 5,
	OF13_FEATURES_REPLY = 6,
	OF13_GET_CONFIG_REQUEST = 7,
	OF13_GET_CONFIG_REPLY = 8,
	OF13_SET_CONFIG = 9,
	OF13_PACKET_IN = 10,
	OF13_FLOW_REMOVED = 11,
	OF13_PORT_STATUS = 12,
	OF13_PACKET_OUT = 13,
	OF13_FLOW_MOD = 14,
	OF13_GROUP_MOD = 15,
	OF13_PORT_MOD = 16,
	OF13_TABLE_MOD = 17,
	OF13_MULTIPART_REQUEST = 18,
	OF13_MULTIPART_REPLY = 19,
	OF13_BARRIER_REQUEST = 20,
	OF13_BARRIER_REPLY = 21,
	OF13_QUEUE_GET_CONFIG_REQUEST = 22,
	OF13_QUEUE_GET_CONFIG_REPLY = 23,
	OF13_ROLE_REQUEST = 24,
	OF13_ROLE_REPLY = 25,
	OF13_GET_ASYNC_REQUEST = 26,
	OF13_GET_ASYNC_REPLY = 27,
	OF13_SET_ASYNC = 28,
	OF13_METER_MOD = 29,
};

/* OpenFlow 1.3.5, 7.3.5 */
enum of13_multipart_type {
	OF13_MP_DESC = 0,
	OF13_MP_FLOW = 1,
	OF13_MP_AGGREGATE = 2,
	OF13_MP_TABLE = 3,
	OF13_MP_PORT_STATS = 4,
	OF13_MP_QUEUE = 5,
	OF13_MP_GROUP = 6,
	OF13_MP_GROUP_DESC = 7,
	OF13_MP_GROUP_FEATURES = 8,
	OF13_MP_METER = 9,
	OF13_MP_METER_CONFIG = 10,
	OF13_MP_METER_FEATURES = 11,
	OF13_MP_TABLE_FEATURES = 12,
	OF13_MP_PORT_DESC = 13,
	OF13_MP_EXPERIMENTER = 0xffff,
};

/* Messages of experimenters; the numbers of ONF's are in openflow-1.3.h. */
#define OF13_NX_SET_PACKET_IN_FORMAT 16
#define OF13_NX_SET_ASYNC_CONFIG     19
#define OF13_NX_SET_CONTROLLER_ID    20
#define OF13_NX_PACKET_IN2           30
#define OF13_ONF_MP_FLOW_MONITOR     1870
#define OF13_ONF_BUNDLE_CONTROL      2300
#define OF13_ONF_BUNDLE_ADD          2301

#define OF13_MAX_LEN       65535 /* of a message: its length has 16 bits */
#define OF13_MP_HEADER_LEN 16    /* with the message's header */

/* Most of what one entry of a multipart reply can hold, so that it fits in a message. */
#define OF13_MAX_ENTRY (OF13_MAX_LEN - OF13_MP_HEADER_LEN)

/* What can still be told about in a reply; more is refused when it is set up. */
#define OF13_MAX_FLOW_LEN    ((OF13_MAX_ENTRY - 48) & ~7) /* match and instructions */
#define OF13_MAX_BUCKETS_LEN ((OF13_MAX_ENTRY - 8) & ~7)
#define OF13_MAX_BUCKETS     ((OF13_MAX_ENTRY - 40) / 16) /* counters of a bucket have 16 bytes */
#define OF13_MAX_BANDS       255                          /* max_bands has 8 bits */

/* A message while it is read. */
struct of13_in {
	struct of_cursor body; /* not read yet */
	const struct of_action_limits *limits;
	struct of_request *ret;
	struct of_err *reterr_of;
};

/* How long a body is: exactly n, n and any number of bytes more, or n and multiples of 8 more. */
enum of13_length {
	OF13_EXACTLY,
	OF13_BYTES,
	OF13_WORDS
};

/* A message that is known. */
struct of13_row {
	uint32_t number;
	uint16_t n_bytes;
	uint8_t length;                    /* enum of13_length */
	uint8_t kind;                      /* enum of_request_kind */
	int (*decode)(struct of13_in *in); /* NULL: the kind says it all */
};

/* Find the row of a number, check the body's length, set the kind, decode. A number that has no row
 * is BAD_REQUEST with the code `unknown`. errors: -EINVAL with reterr_of, -ENOMEM */
int of13_dispatch(const struct of13_row *rows, unsigned n_rows, uint32_t number,
	enum of_bad_request unknown, struct of13_in *in);

/* Refuse: fill in reterr_of, return -EINVAL. */
static inline int of13_refuse(struct of13_in *in, enum of_err_type type, unsigned code)
{
	return of_err_set(in->reterr_of, type, code);
}

/* The same with an error of Nicira's (nicira-ext.h). */
int of13_refuse_nx(struct of13_in *in, uint16_t code);
int of13_refuse_bundle(struct of13_in *in, enum of_bundle_failed code);

/* Ports that may be named where no port needs to be there: those of the switch, and OFPP_*. */
static inline bool of13_port_is_possible(const struct of13_in *in, uint32_t port)
{
	return port <= in->limits->max_port || port >= OF_PORT_MAX;
}

/* Values off the front, where the length was checked before; 0 when there are none. */
static inline uint8_t of13_u8(struct of_cursor *c)
{
	const uint8_t *p = of_take(c, 1);

	return p ? *p : 0;
}

static inline uint16_t of13_u16(struct of_cursor *c)
{
	const uint8_t *p = of_take(c, 2);

	return (uint16_t)(p ? of_get_u16(p) : 0);
}

static inline uint32_t of13_u32(struct of_cursor *c)
{
	const uint8_t *p = of_take(c, 4);

	return p ? of_get_u32(p) : 0;
}

static inline uint64_t of13_u64(struct of_cursor *c)
{
	const uint8_t *p = of_take(c, 8);

	return p ? of_get_u64(p) : 0;
}

static inline void of13_skip(struct of_cursor *c, size_t n)
{
	(void)of_take(c, n);
}

/* Requests, by the file that reads them. */
int of13_decode(const uint8_t *msg, size_t n, const struct of_action_limits *limits,
	struct of_request *ret, struct of_err *reterr_of);
int of13_decode_async(struct of13_in *in);
/* Where a message that is added to a bundle begins: behind its headers. */
#define OF13_BUNDLE_INNER_AT (OF_HEADER_LEN + 16)
enum of_request_kind of13_bundle_kind(const uint8_t *msg);
int of13_decode_bundle_add(struct of13_in *in);
int of13_decode_bundle_control(struct of13_in *in);
int of13_decode_experimenter(struct of13_in *in);
int of13_decode_flow_monitor(struct of13_in *in);
int of13_decode_flow_filter(struct of13_in *in);
int of13_decode_flow_mod(struct of13_in *in);
int of13_decode_group_mod(struct of13_in *in);
int of13_decode_meter_mod(struct of13_in *in);
int of13_decode_multipart(struct of13_in *in);
int of13_decode_packet_out(struct of13_in *in);

/* Replies: a message is begun, its body put, its length set at the end. */
size_t of13_begin(struct of_buf *out, enum of13_type type, uint32_t xid);
void of13_end(struct of_buf *out, size_t begin);
void of13_put_zeros(struct of_buf *out, size_t n);
void of13_put_duration(struct of_buf *out, uint64_t duration_ns);
/* n bytes, the last of them 0. */
void of13_put_text(struct of_buf *out, const char *text, size_t n);
void of13_put_port(struct of_buf *out, const struct of_port_info *port);

/* An entry of a multipart reply: what is put between the two goes into one message. */
struct of_buf *of13_entry(struct of_multipart *mp);
void of13_entry_end(struct of_multipart *mp);
/* The same, and its length, which is at `at` in the entry, is set. */
void of13_entry_end_len(struct of_multipart *mp, size_t at);

/* Bit map of the OFPAT_* that are supported. */
uint32_t of13_actions_supported(void);

/* The rows of struct of_version, by the file that writes them. */
void of13_put_header(struct of_buf *out, uint8_t type, uint32_t xid, uint16_t len);
void of13_put_hello(struct of_buf *out, uint32_t xid, uint32_t versions);
void of13_put_error(
	struct of_buf *out, uint32_t xid, const struct of_err *err, const uint8_t *data, size_t n);
void of13_put_echo_request(struct of_buf *out, uint32_t xid);
void of13_put_echo_reply(struct of_buf *out, uint32_t xid, const uint8_t *data, size_t n);
void of13_put_features(struct of_buf *out, uint32_t xid, const struct of_features *features);
void of13_put_config(struct of_buf *out, uint32_t xid, uint16_t flags, uint16_t miss_send_len);
void of13_put_barrier(struct of_buf *out, uint32_t xid);
void of13_put_role(struct of_buf *out, uint32_t xid, enum of_role role, uint64_t generation_id);
void of13_put_async(struct of_buf *out, uint32_t xid, const struct of_async *async);
void of13_put_bundle(struct of_buf *out, uint32_t xid, uint32_t id, enum of_bundle_type type);
void of13_put_queue_config(struct of_buf *out, uint32_t xid, uint32_t port);

void of13_put_packet_in(
	struct of_buf *out, const struct of_packet_in *in, uint32_t buffer_id, uint16_t n_data);
void of13_put_nx_packet_in2(
	struct of_buf *out, const struct of_packet_in *in, uint32_t buffer_id, uint16_t n_data);
void of13_put_flow_removed(
	struct of_buf *out, const struct of_flow_info *flow, enum of_removed_reason reason);
void of13_put_port_status(
	struct of_buf *out, const struct of_port_info *port, enum of_port_reason reason);

void of13_multipart_begin(
	struct of_multipart *mp, struct of_buf *out, uint32_t xid, enum of_request_kind of);
void of13_multipart_end(struct of_multipart *mp);
void of13_put_desc(struct of_multipart *mp, const struct of_desc *desc);
void of13_put_flow(struct of_multipart *mp, const struct of_flow_info *flow);
void of13_put_aggregate(
	struct of_multipart *mp, uint64_t n_packets, uint64_t n_bytes, uint32_t n_flows);
void of13_put_table_stats(struct of_multipart *mp, const struct of_table_info *table);
void of13_put_port_stats(struct of_multipart *mp, const struct of_port_stats *stats);
void of13_put_queue_stats(struct of_multipart *mp, const struct of_queue_stats *stats);
void of13_put_group_stats(struct of_multipart *mp, const struct of_group_info *group);
void of13_put_group_desc(struct of_multipart *mp, const struct of_group_info *group);
void of13_put_group_features(struct of_multipart *mp, uint32_t max_groups);
void of13_put_meter_stats(struct of_multipart *mp, const struct of_meter_info *meter);
void of13_put_meter_config(struct of_multipart *mp, const struct of_meter_info *meter);
void of13_put_meter_features(struct of_multipart *mp, uint32_t max_meters);
void of13_put_table_features(struct of_multipart *mp, const struct of_table_info *table);
void of13_put_port_desc(struct of_multipart *mp, const struct of_port_info *port);
void of13_put_flow_update(
	struct of_multipart *mp, unsigned event, unsigned reason, const struct of_flow_info *flow);
