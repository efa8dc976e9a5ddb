/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A version of the protocol: how its messages become requests, and how replies are written. One
 * table of functions a version, in a file of its own (of13.c). Every put function appends whole
 * messages to out.
 */
#pragma once

#include "ofproto/info.h"

#define OF_HEADER_LEN 8
#define OF10_VERSION  0x01
#define OF13_VERSION  0x04

/* A multipart reply that is split where a message is full (64 KiB). */
struct of_multipart {
	const struct of_version *version;
	struct of_buf *out;
	uint32_t xid;
	uint16_t type;                  /* the wire's number */
	uint32_t experimenter, subtype; /* of type 0xffff */
	size_t begin;                   /* of the current message, in out */
	size_t entry_begin;
};

struct of_version {
	uint8_t wire;

	/**
	 * Read one whole message; hello, error and echo whatever version their header says.
	 *
	 * errors:  -EINVAL with reterr_of, -ENOMEM; ret then owns nothing, but its version, xid and
	 *          kind hold if they could be read (kind is OF_N_REQUESTS if not)
	 */
	int (*decode)(const uint8_t *msg, size_t n, const struct of_action_limits *limits,
		struct of_request *ret, struct of_err *reterr_of);

	/* Of a message that adds one to a bundle: where that begins, and what it is. */
	size_t bundle_inner_at;
	enum of_request_kind (*bundle_kind)(const uint8_t *msg);

	void (*put_header)(struct of_buf *out, uint8_t type, uint32_t xid, uint16_t len);
	void (*put_hello)(struct of_buf *out, uint32_t xid, uint32_t versions);
	/* data: the message that was wrong; what there is no room for is left off its end */
	void (*put_error)(struct of_buf *out, uint32_t xid, const struct of_err *err,
		const uint8_t *data, size_t n);
	void (*put_echo_request)(struct of_buf *out, uint32_t xid);
	void (*put_echo_reply)(struct of_buf *out, uint32_t xid, const uint8_t *data, size_t n);
	void (*put_features)(struct of_buf *out, uint32_t xid, const struct of_features *features);
	void (*put_config)(
		struct of_buf *out, uint32_t xid, uint16_t flags, uint16_t miss_send_len);
	void (*put_barrier)(struct of_buf *out, uint32_t xid);
	void (*put_role)(
		struct of_buf *out, uint32_t xid, enum of_role role, uint64_t generation_id);
	void (*put_async)(struct of_buf *out, uint32_t xid, const struct of_async *async);
	/* the reply to a bundle request of that type */
	void (*put_bundle)(struct of_buf *out, uint32_t xid, uint32_t id, enum of_bundle_type type);
	void (*put_queue_config)(struct of_buf *out, uint32_t xid, uint32_t port);

	/* asynchronous */
	void (*put_packet_in)(struct of_buf *out, const struct of_packet_in *in, uint32_t buffer_id,
		uint16_t n_data);
	void (*put_nx_packet_in2)(struct of_buf *out, const struct of_packet_in *in,
		uint32_t buffer_id, uint16_t n_data);
	void (*put_flow_removed)(
		struct of_buf *out, const struct of_flow_info *flow, enum of_removed_reason reason);
	void (*put_port_status)(
		struct of_buf *out, const struct of_port_info *port, enum of_port_reason reason);

	/* multipart replies: begin, one put a thing, end; an empty one is begin and end */
	void (*begin)(
		struct of_multipart *mp, struct of_buf *out, uint32_t xid, enum of_request_kind of);
	void (*end)(struct of_multipart *mp);
	void (*put_desc)(struct of_multipart *mp, const struct of_desc *desc);
	void (*put_flow)(struct of_multipart *mp, const struct of_flow_info *flow);
	void (*put_aggregate)(
		struct of_multipart *mp, uint64_t n_packets, uint64_t n_bytes, uint32_t n_flows);
	void (*put_table_stats)(struct of_multipart *mp, const struct of_table_info *table);
	void (*put_port_stats)(struct of_multipart *mp, const struct of_port_stats *stats);
	void (*put_queue_stats)(struct of_multipart *mp, const struct of_queue_stats *stats);
	void (*put_group_stats)(struct of_multipart *mp, const struct of_group_info *group);
	void (*put_group_desc)(struct of_multipart *mp, const struct of_group_info *group);
	void (*put_group_features)(struct of_multipart *mp, uint32_t max_groups);
	void (*put_meter_stats)(struct of_multipart *mp, const struct of_meter_info *meter);
	void (*put_meter_config)(struct of_multipart *mp, const struct of_meter_info *meter);
	void (*put_meter_features)(struct of_multipart *mp, uint32_t max_meters);
	void (*put_table_features)(struct of_multipart *mp, const struct of_table_info *table);
	void (*put_port_desc)(struct of_multipart *mp, const struct of_port_info *port);
	/* Flow monitor update: event as NXFME_*; no instructions where the flow has none. Of an
	 * abbreviated one the reason is the flow-mod's xid, and flow is NULL. */
	void (*put_flow_update)(struct of_multipart *mp, unsigned event, unsigned reason,
		const struct of_flow_info *flow);
};

extern const struct of_version of13_version;

/** NULL when it is not spoken. */
const struct of_version *of_version_by_wire(uint8_t wire);

/** Before a hello says more: which versions are spoken, as a bit map of version numbers. */
uint32_t of_versions_spoken(void);
