/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes from two controllers of a switch whose dataplane accepts everything, in any cuts, read
 * at any pace, with packets and time in between. Every output is a sequence of whole messages, and
 * in the end everything is given back.
 *
 * The input is a list of steps: what to do, of which connection, and how many bytes it takes.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "ofproto/conn.h"
#include "ofproto/version.h"

#define MAX_OUT   20000
#define N_CONNS   2
#define MAX_FLOWS 300

struct end {
	struct of_conn *conn;
	uint8_t msg[UINT16_MAX]; /* of the output, the begin of the next */
	size_t n;
};

static struct world {
	struct of_switch *sw;
	struct of_conns *conns;
	struct end ends[N_CONNS];
	uint64_t now_ns;
	unsigned n_flows, n_groups, n_meters, n_staged;
	bool is_held;
} w;

static int flow_add(void *ctx, struct of_flow *flow, struct of_err *reterr_of)
{
	flow->handle = &w;
	w.n_flows++;
	CHECK(w.n_flows <= 2 * MAX_FLOWS); /* a bundle's are added before others go */
	return 0;
}

static int flow_modify(void *ctx, struct of_flow *flow, const struct of_instructions *fresh,
	bool reset_counts, struct of_err *reterr_of)
{
	return 0;
}

/* By the handle, since a group is set again when it is modified. */
static int group_set(void *ctx, struct of_group *group, struct of_err *reterr_of)
{
	w.n_groups += group->handle == NULL;
	group->handle = &w;
	return 0;
}

static int group_new(void *ctx, struct of_group *group)
{
	return group_set(ctx, group, NULL);
}

/* Each is made or dropped: the number is given back in the end. */
static int group_stage(
	void *ctx, const struct of_group *group, void **ret_staged, struct of_err *reterr_of)
{
	CHECK(group->handle);
	*ret_staged = &w;
	w.n_staged++;
	return 0;
}

static void group_end(void *ctx, struct of_group *group, void *staged)
{
	CHECK(group->handle);
	w.n_staged--;
}

static int flow_stage(void *ctx, const struct of_flow *flow, bool reset_counts, void **ret_staged,
	struct of_err *reterr_of)
{
	CHECK(flow->handle);
	if (flow->priority % 16 == 13)
		return of_err_set(reterr_of, OF_ET_BAD_ACTION, OF_BA_TOO_MANY);
	*ret_staged = &w;
	w.n_staged++;
	return 0;
}

static void flow_end(void *ctx, struct of_flow *flow, void *staged)
{
	CHECK(flow->handle);
	w.n_staged--;
}

static void hold(void *ctx)
{
	CHECK(!w.is_held);
	w.is_held = true;
}

static void release(void *ctx)
{
	CHECK(w.is_held);
	w.is_held = false;
}

static int meter_set(void *ctx, struct of_meter *meter, struct of_err *reterr_of)
{
	w.n_meters += meter->handle == NULL;
	meter->handle = &w;
	return 0;
}

static void flow_del(void *ctx, struct of_flow *flow)
{
	w.n_flows--;
}

static void group_del(void *ctx, struct of_group *group)
{
	w.n_groups--;
}

static void meter_del(void *ctx, struct of_meter *meter)
{
	w.n_meters--;
}

static void flow_counts(void *ctx, const struct of_flow *flow, struct of_counts *ret)
{
	*ret = (struct of_counts){ 1, 64, 0 };
}

static void flow_take_fin(
	void *ctx, const struct of_flow *flow, uint16_t *ret_idle_s, uint16_t *ret_hard_s)
{
	*ret_idle_s = flow->priority % 3;
	*ret_hard_s = flow->priority % 5;
}

static void group_counts(
	void *ctx, const struct of_group *group, struct of_counts *ret, struct of_counts *buckets)
{
	*ret = (struct of_counts){ 0 };
	memset(buckets, 0, group->n_buckets * sizeof(*buckets));
}

static void meter_counts(
	void *ctx, const struct of_meter *meter, struct of_counts *ret, struct of_counts *bands)
{
	*ret = (struct of_counts){ 0 };
	memset(bands, 0, meter->n_bands * sizeof(*bands));
}

static void table_counts(void *ctx, uint8_t table, uint64_t *n_lookups, uint64_t *n_matches)
{
	*n_lookups = *n_matches = table;
}

static int packet_check(void *ctx, const struct of_packet_out *out, struct of_err *reterr_of)
{
	return out->n_data < 14 ? of_err_set(reterr_of, OF_ET_BAD_REQUEST, OF_BR_BAD_PACKET) : 0;
}

/* All bytes of it are there. */
static int packet_out(void *ctx, const struct of_packet_out *out, struct of_err *reterr_of)
{
	unsigned sum = 0;

	for (size_t i = 0; i < out->n_data; i++)
		sum += out->data[i];
	return sum % 16 == 0 ? -EAGAIN : 0;
}

static void barrier(void *ctx)
{
}

static int port(void *ctx, uint32_t no, struct of_port_info *info, struct of_port_stats *stats)
{
	if (no != 1)
		return -ENOENT;
	*info = (struct of_port_info){ .no = 1, .name = "port" };
	*stats = (struct of_port_stats){ .no = 1 };
	return 0;
}

static int ports(void *ctx,
	int (*fn)(void *arg, const struct of_port_info *port, const struct of_port_stats *stats),
	void *arg)
{
	struct of_port_info info;
	struct of_port_stats stats;

	port(ctx, 1, &info, &stats);
	return fn(arg, &info, &stats);
}

static int port_check(void *ctx, const struct of_port_mod *mod, struct of_err *reterr_of)
{
	return mod->port == 1 ? 0 : of_err_set(reterr_of, OF_ET_PORT_MOD_FAILED, OF_PM_BAD_PORT);
}

static int port_mod(void *ctx, const struct of_port_mod *mod, struct of_err *reterr_of)
{
	const struct of_port_info info = { .no = mod->port, .config = mod->config };

	of_conns_port_status(w.conns, &info, OF_PR_MODIFY);
	return 0;
}

static void set_fragments(void *ctx, unsigned handling)
{
	CHECK(handling <= 1);
}

static const struct of_provider provider = {
	.flow_add = flow_add,
	.flow_modify = flow_modify,
	.group_set = group_set,
	.meter_set = meter_set,
	.group_new = group_new,
	.group_stage = group_stage,
	.group_apply = group_end,
	.group_unstage = group_end,
	.flow_stage = flow_stage,
	.flow_apply = flow_end,
	.flow_unstage = flow_end,
	.hold = hold,
	.release = release,
	.flow_del = flow_del,
	.group_del = group_del,
	.meter_del = meter_del,
	.flow_counts = flow_counts,
	.flow_take_fin = flow_take_fin,
	.group_counts = group_counts,
	.meter_counts = meter_counts,
	.table_counts = table_counts,
	.packet_check = packet_check,
	.packet_out = packet_out,
	.barrier = barrier,
	.ports = ports,
	.port = port,
	.port_check = port_check,
	.port_mod = port_mod,
	.set_fragments = set_fragments,
};

static void connect(struct end *end)
{
	static const uint8_t hello[] = { 4, 0, 0, 8, 0, 0, 0, 1 };
	size_t used;

	end->n = 0;
	CHECK(of_conn_new(w.conns, end == &w.ends[0], NULL, NULL, &end->conn) == 0);
	CHECK(of_conn_receive(end->conn, hello, sizeof(hello), w.now_ns, &used) == 0);
	CHECK(used == sizeof(hello));
}

static void start(void)
{
	const struct of_switch_conf limits = {
		.max_flows = MAX_FLOWS,
		.max_groups = 8,
		.max_meters = 8,
		.max_port = 100,
	};
	const struct of_conns_conf conf = {
		.datapath_id = 1,
		.desc = { "a", "b", "c", "d", "e" },
		.max_out_bytes = MAX_OUT,
		.packet_in_rate = 100,
	};

	w.now_ns = 1;
	CHECK(of_switch_new(&limits, &provider, NULL, &w.sw) == 0);
	CHECK(of_conns_new(&conf, w.sw, &w.conns) == 0);
	for (unsigned i = 0; i < N_CONNS; i++)
		connect(&w.ends[i]);
}

static void finish(void)
{
	of_conns_free(w.conns);
	of_switch_free(w.sw);
	CHECK(w.n_flows == 0 && w.n_groups == 0 && w.n_meters == 0);
	CHECK(w.n_staged == 0 && !w.is_held);
}

/* Bytes of the output, which make whole messages of the version, one after the other. */
static void see_byte(struct end *end, uint8_t byte)
{
	size_t len;

	end->msg[end->n++] = byte;
	if (end->n < OF_HEADER_LEN)
		return;
	len = of_get_u16(end->msg + 2);
	CHECK(end->msg[0] == OF13_VERSION && end->msg[1] < 30 && len >= OF_HEADER_LEN);
	if (end->n == len)
		end->n = 0;
}

static void read_some(struct end *end, size_t most)
{
	size_t n;
	const uint8_t *out = of_conn_output(end->conn, &n);

	/* One request more than there is room for, and all that may come unasked. */
	CHECK(n < 2 * MAX_OUT + 16 * UINT16_MAX);
	if (n > most)
		n = most;
	for (size_t i = 0; i < n; i++)
		see_byte(end, out[i]);
	of_conn_sent(end->conn, n, w.now_ns);
}

static void read_all(struct end *end)
{
	size_t n;

	do {
		read_some(end, SIZE_MAX);
		(void)of_conn_output(end->conn, &n);
	} while (n > 0);
	CHECK(end->n == 0);
}

/* The end of a connection, and another that takes its place. */
static void reconnect(struct end *end)
{
	read_all(end);
	of_conn_free(end->conn);
	connect(end);
}

static void feed(struct end *end, const uint8_t *bytes, size_t n)
{
	size_t used;
	int r = of_conn_receive(end->conn, bytes, n, w.now_ns, &used);

	CHECK(used <= n);
	CHECK(r == 0 || r == -EPROTO);
	if (r < 0)
		reconnect(end);
}

static void see_packet(uint8_t how, const uint8_t *frame, size_t n)
{
	const struct of_packet_in in = {
		.reason = how % 3,
		.table = how,
		.max_len = 128,
		.frame = frame,
		.n_frame = n,
		.total_len = n,
	};

	of_conns_packet_in(w.conns, &in, w.now_ns);
}

static void pass_time(uint8_t seconds)
{
	w.now_ns += seconds * UINT64_C(1000000000);
	of_switch_expire(w.sw, w.now_ns, 10);
	for (unsigned i = 0; i < N_CONNS; i++) {
		int r = of_conn_tick(w.ends[i].conn, w.now_ns);

		CHECK(r == 0 || r == -ETIMEDOUT);
		if (r < 0)
			reconnect(&w.ends[i]);
	}
}

/* return: bytes used; 0 at the end */
static size_t step(const uint8_t *data, size_t size)
{
	struct end *end;
	size_t n;

	if (size < 3)
		return 0;
	end = &w.ends[data[0] >> 7];
	n = of_get_u16(data + 1);
	if ((data[0] & 7) == 1)
		read_some(end, n);
	else if ((data[0] & 7) == 2)
		pass_time(data[1]);
	else if ((data[0] & 7) == 3)
		read_all(end);
	if (data[0] & 3)
		return 3;
	n = n < size - 3 ? n : size - 3;
	if ((data[0] & 7) == 4)
		see_packet(data[0] >> 3, data + 3, n);
	else
		feed(end, data + 3, n);
	return 3 + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t used;

	start();
	while ((used = step(data, size)) > 0) {
		data += used;
		size -= used;
	}
	for (unsigned i = 0; i < N_CONNS; i++)
		if (size & 1)
			read_all(&w.ends[i]);
	finish();
	return 0;
}
