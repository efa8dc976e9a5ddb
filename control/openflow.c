/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One bridge's OpenFlow: puts together the tables (ofproto/switch.h), the connections
 * (ofproto/conn.h), their sockets (of_peers.c) and the dataplane (of_provider.c), and decides when
 * the bridge forwards by its tables. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/paths.h"
#include "change.h"
#include "of_peers.h"
#include "of_ports.h"
#include "openflow.h"
#include "ofproto/learn.h"

#define MAX_GROUPS      65536u
#define MAX_METERS      65536u
#define MAX_OUT_BYTES   (4u << 20)
#define BURST_PER_S     10 /* of a second's packet-ins, a tenth may come at once */
#define EXPIRE_AT_ONCE  200000
#define REFUSED_EVERY_S 60
#define NS_PER_S        UINT64_C(1000000000)

/* What the tables begin with depends on it. */
struct mode {
	bool secure, has_controllers;
};

struct openflow {
	struct openflow_provider provider;
	struct of_switch *sw;
	struct of_conns *conns;
	struct of_peers *peers;
	struct mode mode, tables_mode; /* that is set; by which the tables began */
	uint64_t datapath_id;
	uint64_t alone_after_ns;
	uint64_t n_refused, refused_ns; /* learned flows, and when that was told last */
	uint64_t controlled_ns;         /* when a controller was last there; 0: never */
};

uint64_t openflow_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

struct of_conns *openflow_conns(struct openflow *of)
{
	return of->conns;
}

struct of_switch *openflow_switch(struct openflow *of)
{
	return of->sw;
}

static int make_switch(
	struct openflow *of, const struct openflow_conf *openflow, struct sh_err *err)
{
	const struct of_switch_conf conf = { .max_flows = openflow->flow_limit,
		.max_groups = MAX_GROUPS,
		.max_meters = MAX_METERS,
		.max_port = DP_MAX_OFPORT };
	int r = of_switch_new(&conf, &openflow_provider, &of->provider, &of->sw);

	of->provider.sw = of->sw;
	return r < 0 ? sh_err_set(err, r, "no memory for flow tables") : 0;
}

static uint32_t burst_of(uint32_t rate)
{
	return rate < BURST_PER_S ? 1 : rate / BURST_PER_S;
}

static int make_conns(struct openflow *of, const struct openflow_conf *conf, struct sh_err *err)
{
	const struct of_conns_conf conns = {
		.datapath_id = conf->datapath_id,
		.desc = { .manufacturer = "Shunt",
			.hardware = "DPDK dataplane",
			.software = sh_version(),
			.serial = "None",
			.datapath = of->provider.name },
		.max_out_bytes = MAX_OUT_BYTES,
		.packet_in_rate = conf->rate_limit,
		.packet_in_burst = burst_of(conf->rate_limit),
	};
	int r = of_conns_new(&conns, of->sw, &of->conns);

	return r < 0 ? sh_err_set(err, r, "no memory for connections") : 0;
}

static bool is_active(const char *target)
{
	return strncmp(target, "tcp:", 4) == 0 || strncmp(target, "ssl:", 4) == 0 ||
	       strncmp(target, "unix:", 5) == 0;
}

/* Whom the bridge connects to is its controller. Who may connect to it is not: nobody can tell
 * whether it ever will. */
static bool names_controllers(const char *controllers)
{
	for (const char *at = controllers; at && *at; at += strcspn(at, ","), at += *at == ',')
		if (is_active(at))
			return true;
	return false;
}

static struct mode mode_of(const struct openflow_conf *conf)
{
	return (struct mode){ conf->secure, names_controllers(conf->controllers) };
}

static bool same_mode(struct mode a, struct mode b)
{
	return a.secure == b.secure && a.has_controllers == b.has_controllers;
}

static int begin_tables(struct openflow *of)
{
	bool learns = !of->mode.secure && !of->mode.has_controllers;

	of->tables_mode = of->mode;
	of->controlled_ns = 0; /* the tables are empty, whoever filled them before */
	return of_switch_reset(of->sw, learns, openflow_now_ns());
}

int openflow_new(struct ctl *ctl, const char *name, struct dp_bridge *bridge,
	const struct openflow_conf *conf, struct sh_err *err, struct openflow **ret)
{
	struct openflow *of = calloc(1, sizeof(*of));
	int r;

	if (!of)
		return sh_err_set(err, -ENOMEM, "out of memory");
	of->provider = (struct openflow_provider){ .ctl = ctl, .of = of, .bridge = bridge };
	of->provider.name = strdup(name);
	r = of->provider.name ? make_switch(of, conf, err)
			      : sh_err_set(err, -ENOMEM, "out of memory");
	if (r == 0)
		r = make_conns(of, conf, err);
	if (r == 0)
		r = of_peers_new(ctl, of, name, &of->peers, err);
	if (r == 0)
		r = of_peers_set(of->peers, conf, err);
	of->mode = mode_of(conf);
	if (r == 0 && begin_tables(of) < 0)
		r = sh_err_set(err, -ENOMEM, "no memory for the first flow");
	if (r < 0) {
		openflow_free(of);
		return r;
	}
	of->datapath_id = conf->datapath_id;
	of->alone_after_ns = conf->alone_after_s * NS_PER_S;
	openflow_refresh(of);
	*ret = of;
	return 0;
}

void openflow_free(struct openflow *of)
{
	if (!of)
		return;
	of_peers_free(of->peers);
	of_conns_free(of->conns);
	of_switch_free(of->sw);
	free((char *)(uintptr_t)of->provider.name);
	free(of);
}

/* Controllers ask for it once, when they have come: so they come again, as in Open vSwitch. */
static void take_datapath_id(struct openflow *of, uint64_t datapath_id)
{
	if (of->datapath_id == datapath_id)
		return;
	of->datapath_id = datapath_id;
	of_conns_set_datapath_id(of->conns, datapath_id);
	of_peers_part(of->peers);
}

int openflow_set(struct openflow *of, const struct openflow_conf *conf, struct sh_err *err)
{
	int r = of_peers_set(of->peers, conf, err);

	if (r < 0)
		return r;
	take_datapath_id(of, conf->datapath_id);
	of->alone_after_ns = conf->alone_after_s * NS_PER_S;
	of_switch_set_max_flows(of->sw, conf->flow_limit);
	of_conns_set_rate(of->conns, conf->rate_limit, burst_of(conf->rate_limit));
	of->mode = mode_of(conf);
	return 0;
}

void openflow_rest(struct openflow *of)
{
	of_peers_rest(of->peers);
}

void openflow_settle(struct openflow *of)
{
	if (!same_mode(of->mode, of->tables_mode) && begin_tables(of) < 0)
		sh_log_err("bridge '%s': no memory for its first flow", of->provider.name);
	openflow_refresh(of);
}

/* A standalone bridge that should have a controller, and has none. */
static bool is_left_alone(struct openflow *of)
{
	uint64_t now = openflow_now_ns();

	if (of->mode.secure || !of->mode.has_controllers)
		return false;
	if (of_conns_controlled(of->conns)) {
		of->controlled_ns = now;
		return false;
	}
	return !of->controlled_ns || now - of->controlled_ns > of->alone_after_ns;
}

void openflow_refresh(struct openflow *of)
{
	bool is_normal = of_switch_is_normal(of->sw), use = !is_normal && !is_left_alone(of);
	struct sh_err err;

	of_normal_follow(&of->provider.normal, &of->provider, is_normal);
	if (use == dp_bridge_uses_tables(of->provider.bridge))
		return;
	dp_bridge_use_tables(of->provider.bridge, use);
	if (dp_commit(of->provider.ctl->sw.dp, &err) < 0)
		sh_log_err("bridge '%s': %s", of->provider.name, err.text);
}

void openflow_tick(struct openflow *of)
{
	of_switch_expire(of->sw, openflow_now_ns(), EXPIRE_AT_ONCE);
	of_peers_tick(of->peers);
	openflow_refresh(of);
}

/* Said now and then, for each frame may lead to it. */
static void tell_refused(struct openflow *of, const struct of_err *why, uint64_t now_ns)
{
	of->n_refused++;
	if (of->refused_ns && now_ns - of->refused_ns < REFUSED_EVERY_S * NS_PER_S)
		return;
	of->refused_ns = now_ns;
	sh_log_warn(
		"bridge '%s': a learned flow was refused: %s", of->provider.name, of_err_name(why));
}

static void learn(struct openflow *of, const struct dp_to_control *what)
{
	uint64_t now_ns = openflow_now_ns();
	struct of_err why = { .type = OF_ET_FLOW_MOD_FAILED, .code = OF_FM_UNKNOWN };
	struct of_learn *from = NULL;
	int r = of_learn_unpack(what->bytes, what->n_bytes, &from);

	if (r == 0)
		r = of_switch_learn(of->sw, from, &what->key, now_ns, &why);
	if (r < 0)
		tell_refused(of, &why, now_ns);
	free(from);
}

void openflow_take(struct openflow *of, const struct dp_to_control *what)
{
	const struct of_packet_in in = {
		.reason = what->reason,
		.table = what->table,
		.cookie = what->cookie,
		.max_len = what->max_len,
		.controller_id = what->controller_id,
		.key = what->key,
		.frame = what->bytes,
		.n_frame = what->n_bytes,
		.total_len = what->frame_len,
	};

	if (what->kind == DP_TO_CONTROL_FRAME)
		of_conns_packet_in(of->conns, &in, openflow_now_ns());
	else
		learn(of, what);
}

uint64_t openflow_learns_refused(const struct openflow *of)
{
	return of->n_refused;
}

void openflow_port_changed(struct openflow *of, const char *port, enum of_port_reason reason)
{
	struct of_port_info info;

	if (of_ports_find_name(of->provider.ctl, port, &info) == 0)
		of_conns_port_status(of->conns, &info, reason);
}
