/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ports of a bridge in OpenFlow's words. The configuration names them and their numbers, the
 * dataplane knows their state. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/policy.h"
#include "of_ports.h"
#include "openflow.h"

#define SUPPORTED     (OF_PC_PORT_DOWN | OF_PC_NO_RECV | OF_PC_NO_FWD | OF_PC_NO_PACKET_IN)
#define OFPPF_10GB_FD 0x40

struct one {
	const char *name;
	uint32_t no;
	const struct switch_port *port;
};

static bool is_zero(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return memcmp(mac, zero, 6) == 0;
}

/* A port that has no address of its own yet is given one for OpenFlow, locally administered. */
static void derive_mac(const char *name, uint32_t no, uint8_t ret[6])
{
	uint32_t h = UINT32_C(2166136261) ^ no;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * UINT32_C(16777619);
	ret[0] = 0x02;
	ret[1] = (uint8_t)(no >> 8);
	for (int i = 0; i < 4; i++)
		ret[2 + i] = (uint8_t)(h >> 8 * i);
}

static void fill_info(const struct one *one, struct of_port_info *ret)
{
	const struct dp_port_policy *policy = dp_port_get_policy(one->port->dp);
	struct dp_port_info info;

	dp_port_get_info(one->port->dp, &info);
	*ret = (struct of_port_info){ .no = one->no, .config = one->port->of_config };
	snprintf(ret->name, sizeof(ret->name), "%s", one->name);
	memcpy(ret->mac, policy->mac, sizeof(ret->mac));
	if (is_zero(ret->mac))
		derive_mac(one->name, one->no, ret->mac);
	if (!policy->admin_up)
		ret->config |= OF_PC_PORT_DOWN;
	ret->state = info.link_up ? OF_PS_LIVE : OF_PS_LINK_DOWN;
	/* Memory has no speed: what a virtio NIC tells its guest. */
	ret->curr = OFPPF_10GB_FD;
	ret->curr_speed_kbps = ret->max_speed_kbps = 10000000;
}

static void fill_stats(const struct one *one, struct of_port_stats *ret)
{
	struct dp_port_stats s;

	dp_port_get_stats(one->port->dp, &s);
	*ret = (struct of_port_stats){ .no = one->no,
		.rx_packets = s.rx_packets,
		.tx_packets = s.tx_packets,
		.rx_bytes = s.rx_bytes,
		.tx_bytes = s.tx_bytes,
		.rx_errors = s.rx_missed,
		.rx_frame_err = OF_COUNT_UNKNOWN,
		.rx_over_err = OF_COUNT_UNKNOWN,
		.rx_crc_err = OF_COUNT_UNKNOWN,
		.collisions = OF_COUNT_UNKNOWN,
		.duration_ns = openflow_now_ns() - one->port->made_ns };
	for (unsigned i = 0; i < DP_N_DROPS; i++) {
		if (dp_drop_infos[i].side == DP_DROP_RX)
			ret->rx_dropped += s.drops[i];
		else
			ret->tx_dropped += s.drops[i];
	}
}

static int by_number(const void *a, const void *b)
{
	const struct one *x = a, *y = b;

	return (x->no > y->no) - (x->no < y->no);
}

static uint32_t number_of(const struct conf_item *item, const char *bridge)
{
	/* An internal port with the bridge's own name is its LOCAL port, as in Open vSwitch. */
	if (strcmp(conf_get(item, API_PORT, "name"), bridge) == 0)
		return OF_PORT_LOCAL;
	return (uint32_t)conf_get_uint(item, API_PORT, "ofport", 0);
}

/* Those that could be made; the caller frees *ret. return: how many */
static int collect(const struct ctl *ctl, const char *bridge, struct one **ret)
{
	const struct conf_items *items = &ctl->conf.of[API_PORT];
	struct one *all = calloc(items->n + 1, sizeof(*all));
	int n = 0;

	if (!all)
		return -ENOMEM;
	for (uint32_t i = 0; i < items->n; i++) {
		const char *on = conf_port_bridge(&ctl->conf, &items->items[i]);
		const char *name = conf_get(&items->items[i], API_PORT, "name");
		const struct switch_port *port = switch_port(&ctl->sw, name);

		if (!on || strcmp(on, bridge) != 0 || !port || !port->dp)
			continue;
		all[n++] = (struct one){ name, number_of(&items->items[i], bridge), port };
	}
	qsort(all, (size_t)n, sizeof(*all), by_number);
	*ret = all;
	return n;
}

int of_ports_foreach(const struct ctl *ctl, const char *bridge,
	int (*fn)(void *arg, const struct of_port_info *port, const struct of_port_stats *stats),
	void *arg)
{
	struct one *all = NULL;
	int n = collect(ctl, bridge, &all), r = 0;

	for (int i = 0; r == 0 && i < n; i++) {
		struct of_port_info info;
		struct of_port_stats stats;

		fill_info(&all[i], &info);
		fill_stats(&all[i], &stats);
		r = fn(arg, &info, &stats);
	}
	free(all);
	return n < 0 ? n : r;
}

static int find(const struct ctl *ctl, const char *bridge, uint32_t no, struct one *ret)
{
	struct one *all = NULL;
	int n = collect(ctl, bridge, &all), r = -ENOENT;

	for (int i = 0; i < n; i++) {
		if (all[i].no != no)
			continue;
		*ret = all[i];
		r = 0;
	}
	free(all);
	return r;
}

int of_ports_find(const struct ctl *ctl, const char *bridge, uint32_t no, struct of_port_info *info,
	struct of_port_stats *stats)
{
	struct one one;
	int r = find(ctl, bridge, no, &one);

	if (r < 0)
		return r;
	if (info)
		fill_info(&one, info);
	if (stats)
		fill_stats(&one, stats);
	return 0;
}

int of_ports_find_name(const struct ctl *ctl, const char *name, struct of_port_info *info)
{
	const struct conf_item *item = conf_item(&ctl->conf, API_PORT, name);
	const struct switch_port *port = switch_port(&ctl->sw, name);
	const char *bridge = item ? conf_port_bridge(&ctl->conf, item) : NULL;
	struct one one;

	if (!bridge || !port || !port->dp)
		return -ENOENT;
	one = (struct one){ name, number_of(item, bridge), port };
	fill_info(&one, info);
	return 0;
}

int of_ports_number(const struct ctl *ctl, const char *bridge, const char *name, uint32_t *ret)
{
	const struct conf_item *item = conf_item(&ctl->conf, API_PORT, name);
	const char *on = item ? conf_port_bridge(&ctl->conf, item) : NULL;

	if (!on || strcmp(on, bridge) != 0)
		return -ENOENT;
	*ret = number_of(item, bridge);
	return 0;
}

static int check_mod(const struct ctl *ctl, const char *bridge, const struct of_port_mod *mod,
	struct one *ret, struct of_err *reterr_of)
{
	struct of_port_info info;

	if (find(ctl, bridge, mod->port, ret) < 0)
		return of_err_set(reterr_of, OF_ET_PORT_MOD_FAILED, OF_PM_BAD_PORT);
	fill_info(ret, &info);
	if (memcmp(info.mac, mod->mac, 6) != 0)
		return of_err_set(reterr_of, OF_ET_PORT_MOD_FAILED, OF_PM_BAD_HW_ADDR);
	if (mod->mask & ~(uint32_t)SUPPORTED)
		return of_err_set(reterr_of, OF_ET_PORT_MOD_FAILED, OF_PM_BAD_CONFIG);
	return 0;
}

static int named_port(void *ctx, const char *name, uint32_t *ret)
{
	const struct of_ports_names *names = ctx;

	return of_ports_number(names->ctl, names->bridge, name, ret);
}

void of_ports_names(const struct ctl *ctl, const char *bridge, struct of_ports_names *ret)
{
	*ret = (struct of_ports_names){ .ctl = ctl,
		.bridge = bridge,
		.text = { .port = named_port, .ctx = ret, .max_port = DP_MAX_OFPORT } };
}

int of_ports_check(const struct ctl *ctl, const char *bridge, const struct of_port_mod *mod,
	struct of_err *reterr_of)
{
	struct one one;

	return check_mod(ctl, bridge, mod, &one, reterr_of);
}

int of_ports_mod(struct ctl *ctl, const char *bridge, const struct of_port_mod *mod,
	struct of_err *reterr_of)
{
	struct one one;
	struct sh_err err;
	struct switch_port *port;
	uint32_t before;
	int r = check_mod(ctl, bridge, mod, &one, reterr_of);

	if (r < 0)
		return r;
	port = switch_port(&ctl->sw, one.name);
	before = port->of_config;
	port->of_config = (port->of_config & ~mod->mask) | (mod->config & mod->mask);
	if (switch_port_set(&ctl->sw, &ctl->conf, conf_item(&ctl->conf, API_PORT, one.name), &err) <
			0 ||
		dp_commit(ctl->sw.dp, &err) < 0) {
		port->of_config = before;
		return of_err_set(reterr_of, OF_ET_PORT_MOD_FAILED, OF_PM_EPERM);
	}
	if (port->of_config != before)
		switch_port_tell(&ctl->sw, one.name, OF_PR_MODIFY);
	return 0;
}
