/* SPDX-License-Identifier: BSD-3-Clause
 *
 * worker.list and worker.stats. Control thread.
 */
#include "method.h"

json_t *method_worker_objects(const struct ctl *ctl)
{
	const struct conf_items *workers = &ctl->conf.of[API_WORKERS];
	const char *poll =
		conf_get_or_default(workers->n ? workers->items : NULL, API_WORKERS, "poll");
	json_t *array = json_array();

	for (unsigned i = 0; i < dp_n_workers(ctl->sw.dp); i++) {
		struct dp_worker_stats stats;

		dp_worker_get_stats(ctl->sw.dp, i, &stats);
		json_array_append_new(array,
			json_pack("{s:i, s:i, s:s, s:i}", "worker", (int)stats.worker, "cpu",
				(int)stats.cpu, "poll", poll, "rx_queues", (int)stats.n_rx_queues));
	}
	return array;
}

int method_worker_list(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	*ret = method_worker_objects(ctl);
	return 0;
}

static json_t *stats_object(const struct dp_worker_stats *stats)
{
	double per_packet =
		stats->rx_packets ? (double)stats->busy_cycles / (double)stats->rx_packets : 0;

	return json_pack("{s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "worker",
		(int)stats->worker, "cpu", (int)stats->cpu, "rx_packets",
		(json_int_t)stats->rx_packets, "tx_packets", (json_int_t)stats->tx_packets,
		"copied", (json_int_t)stats->copied, "dropped", (json_int_t)stats->dropped,
		"busy_cycles", (json_int_t)stats->busy_cycles, "idle_cycles",
		(json_int_t)stats->idle_cycles, "cycles_per_packet", per_packet);
}

int method_worker_stats(struct ctl *ctl, const struct call *call, json_t **ret, struct sh_err *err)
{
	bool clear;
	int r = method_bool(call, "clear", &clear, err);

	if (r < 0)
		return r;
	*ret = json_array();
	for (unsigned i = 0; i < dp_n_workers(ctl->sw.dp); i++) {
		struct dp_worker_stats stats;

		dp_worker_get_stats(ctl->sw.dp, i, &stats);
		json_array_append_new(*ret, stats_object(&stats));
	}
	if (clear)
		dp_worker_clear_stats(ctl->sw.dp);
	return 0;
}
