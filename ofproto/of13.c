/* SPDX-License-Identifier: BSD-3-Clause
 *
 * OpenFlow 1.3 as a version: the table that connections work by. Each function is in the file of
 * its subject (of13_*.c). Any thread.
 */
#include "of13_wire.h"

const struct of_version of13_version = {
	.wire = OF13_VERSION,
	.decode = of13_decode,
	.bundle_inner_at = OF13_BUNDLE_INNER_AT,
	.bundle_kind = of13_bundle_kind,
	.put_header = of13_put_header,
	.put_hello = of13_put_hello,
	.put_error = of13_put_error,
	.put_echo_request = of13_put_echo_request,
	.put_echo_reply = of13_put_echo_reply,
	.put_features = of13_put_features,
	.put_config = of13_put_config,
	.put_barrier = of13_put_barrier,
	.put_role = of13_put_role,
	.put_async = of13_put_async,
	.put_bundle = of13_put_bundle,
	.put_queue_config = of13_put_queue_config,
	.put_packet_in = of13_put_packet_in,
	.put_nx_packet_in2 = of13_put_nx_packet_in2,
	.put_flow_removed = of13_put_flow_removed,
	.put_port_status = of13_put_port_status,
	.begin = of13_multipart_begin,
	.end = of13_multipart_end,
	.put_desc = of13_put_desc,
	.put_flow = of13_put_flow,
	.put_aggregate = of13_put_aggregate,
	.put_table_stats = of13_put_table_stats,
	.put_port_stats = of13_put_port_stats,
	.put_queue_stats = of13_put_queue_stats,
	.put_group_stats = of13_put_group_stats,
	.put_group_desc = of13_put_group_desc,
	.put_group_features = of13_put_group_features,
	.put_meter_stats = of13_put_meter_stats,
	.put_meter_config = of13_put_meter_config,
	.put_meter_features = of13_put_meter_features,
	.put_table_features = of13_put_table_features,
	.put_port_desc = of13_put_port_desc,
	.put_flow_update = of13_put_flow_update,
};
