/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Entries of multipart replies about the switch, its flows, tables, ports and queues (OpenFlow
 * 1.3.5, 7.3.5.1 to 7.3.5.8). Any thread.
 */
#include "of13_wire.h"

void of13_put_desc(struct of_multipart *mp, const struct of_desc *desc)
{
	struct of_buf *out = of13_entry(mp);

	of13_put_text(out, desc->manufacturer, DESC_STR_LEN);
	of13_put_text(out, desc->hardware, DESC_STR_LEN);
	of13_put_text(out, desc->software, DESC_STR_LEN);
	of13_put_text(out, desc->serial, SERIAL_NUM_LEN);
	of13_put_text(out, desc->datapath, DESC_STR_LEN);
	of13_entry_end(mp);
}

void of13_put_flow(struct of_multipart *mp, const struct of_flow_info *flow)
{
	struct of_buf *out = of13_entry(mp);

	of13_put_zeros(out, 2); /* length */
	of_buf_put_u8(out, flow->table);
	of13_put_zeros(out, 1);
	of13_put_duration(out, flow->duration_ns);
	of_buf_put_u16(out, flow->priority);
	of_buf_put_u16(out, flow->idle_timeout_s);
	of_buf_put_u16(out, flow->hard_timeout_s);
	of_buf_put_u16(out, flow->flags);
	of13_put_zeros(out, 4);
	of_buf_put_u64(out, flow->cookie);
	of_buf_put_u64(out, flow->n_packets);
	of_buf_put_u64(out, flow->n_bytes);
	of_match_encode(&flow->match, out);
	if (flow->instructions)
		of_instructions_encode(flow->instructions, out);
	of13_entry_end_len(mp, 0);
}

void of13_put_aggregate(
	struct of_multipart *mp, uint64_t n_packets, uint64_t n_bytes, uint32_t n_flows)
{
	struct of_buf *out = of13_entry(mp);

	of_buf_put_u64(out, n_packets);
	of_buf_put_u64(out, n_bytes);
	of_buf_put_u32(out, n_flows);
	of13_put_zeros(out, 4);
	of13_entry_end(mp);
}

void of13_put_table_stats(struct of_multipart *mp, const struct of_table_info *table)
{
	struct of_buf *out = of13_entry(mp);

	of_buf_put_u8(out, table->table);
	of13_put_zeros(out, 3);
	of_buf_put_u32(out, table->n_flows);
	of_buf_put_u64(out, table->n_lookups);
	of_buf_put_u64(out, table->n_matches);
	of13_entry_end(mp);
}

void of13_put_port_stats(struct of_multipart *mp, const struct of_port_stats *stats)
{
	const uint64_t counts[] = { stats->rx_packets, stats->tx_packets, stats->rx_bytes,
		stats->tx_bytes, stats->rx_dropped, stats->tx_dropped, stats->rx_errors,
		stats->tx_errors, stats->rx_frame_err, stats->rx_over_err, stats->rx_crc_err,
		stats->collisions };
	struct of_buf *out = of13_entry(mp);

	of_buf_put_u32(out, stats->no);
	of13_put_zeros(out, 4);
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		of_buf_put_u64(out, counts[i]);
	of13_put_duration(out, stats->duration_ns);
	of13_entry_end(mp);
}

void of13_put_queue_stats(struct of_multipart *mp, const struct of_queue_stats *stats)
{
	struct of_buf *out = of13_entry(mp);

	of_buf_put_u32(out, stats->port);
	of_buf_put_u32(out, stats->queue);
	of_buf_put_u64(out, stats->tx_bytes);
	of_buf_put_u64(out, stats->tx_packets);
	of_buf_put_u64(out, stats->tx_errors);
	of13_put_duration(out, stats->duration_ns);
	of13_entry_end(mp);
}

void of13_put_port_desc(struct of_multipart *mp, const struct of_port_info *port)
{
	of13_put_port(of13_entry(mp), port);
	of13_entry_end(mp);
}
