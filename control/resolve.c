/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Texts to structs: defaults, inheritance and units end here. Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/value.h"
#include "conf/policy.h"
#include "ofproto/dpid.h"
#include "conf/port_target.h"
#include "lldp.h"
#include "resolve.h"

static const struct conf_item *single(const struct conf *conf, enum api_noun noun)
{
	return conf->of[noun].n ? conf->of[noun].items : NULL;
}

int resolve_memory(const struct conf *conf, struct dp_conf *ret)
{
	const struct conf_item *memory = single(conf, API_MEMORY);
	const char *pages = conf_get_or_default(memory, API_MEMORY, "hugepages");

	ret->hugepages = strcmp(pages, "on") == 0    ? DP_HUGEPAGES_ON
			 : strcmp(pages, "off") == 0 ? DP_HUGEPAGES_OFF
						     : DP_HUGEPAGES_AUTO;
	return api_parse_size(conf_get_or_default(memory, API_MEMORY, "size"), &ret->memory_bytes);
}

void resolve_workers(const struct conf *conf, struct dp_workers_conf *ret)
{
	const struct conf_item *workers = single(conf, API_WORKERS);
	const char *cpus = conf_get(workers, API_WORKERS, "cpus");
	const char *poll = conf_get_or_default(workers, API_WORKERS, "poll");

	memset(ret, 0, sizeof(*ret));
	ret->poll = strcmp(poll, "busy") == 0 ? DP_POLL_BUSY : DP_POLL_ADAPTIVE;
	while (cpus && *cpus && ret->n < DP_MAX_WORKERS) {
		char *end;

		ret->cpus[ret->n++] = (unsigned)strtoul(cpus, &end, 10);
		cpus = *end == ',' ? end + 1 : NULL;
	}
	if (ret->n == 0)
		ret->cpus[ret->n++] = dp_default_cpu();
}

void resolve_bridge(const struct conf_item *bridge, struct dp_bridge_conf *ret)
{
	memset(ret, 0, sizeof(*ret));
	snprintf(ret->name, sizeof(ret->name), "%s", conf_get(bridge, API_BRIDGE, "name"));
	ret->fdb_size = (uint32_t)conf_get_uint(bridge, API_BRIDGE, "fdb_size", 65536);
	ret->fdb_ageing_s = (uint32_t)conf_get_uint(bridge, API_BRIDGE, "fdb_ageing_s", 300);
}

static void resolve_path(const struct conf_item *bridge, const char *field, char *ret)
{
	const char *path = conf_get(bridge, API_BRIDGE, field);

	snprintf(ret, OF_TLS_PATH_LEN, "%s", path ? path : "");
}

void resolve_openflow(
	const struct conf_item *bridge, const char *machine_id, struct openflow_conf *ret)
{
	const char *dpid = conf_get(bridge, API_BRIDGE, "datapath_id");
	const char *mode = conf_get_or_default(bridge, API_BRIDGE, "fail_mode");

	resolve_path(bridge, "ssl_private_key", ret->tls.private_key);
	resolve_path(bridge, "ssl_certificate", ret->tls.certificate);
	resolve_path(bridge, "ssl_ca_certificate", ret->tls.ca_certificate);
	ret->secure = strcmp(mode, "secure") == 0;
	ret->alone_after_s = (unsigned)conf_get_uint(bridge, API_BRIDGE, "fail_after_s", 15);
	ret->flow_limit = (uint32_t)conf_get_uint(bridge, API_BRIDGE, "flow_limit", 4000000);
	ret->rate_limit =
		(uint32_t)conf_get_uint(bridge, API_BRIDGE, "controller_rate_limit", 10000);
	ret->controllers = conf_get(bridge, API_BRIDGE, "controllers");
	if (!dpid || of_dpid_parse(dpid, &ret->datapath_id) < 0)
		ret->datapath_id = of_dpid_derive(conf_get(bridge, API_BRIDGE, "name"), machine_id);
}

/* The value that holds for the port, as text; numbers and words always have a default. */
static const char *policy_text(
	const struct conf *conf, const struct conf_item *port, const char *field)
{
	const char *text = conf_policy(conf, port, field);

	return text ? text : api_field_find(API_PORT, field)->def;
}

static bool policy_is(
	const struct conf *conf, const struct conf_item *port, const char *field, const char *word)
{
	return strcmp(policy_text(conf, port, field), word) == 0;
}

static uint64_t policy_uint(
	const struct conf *conf, const struct conf_item *port, const char *field)
{
	uint64_t value = 0;

	(void)api_parse_uint(policy_text(conf, port, field), &value);
	return value;
}

static uint64_t policy_rate(
	const struct conf *conf, const struct conf_item *port, const char *field)
{
	uint64_t value = 0;

	(void)api_parse_rate(policy_text(conf, port, field), &value);
	return value;
}

static enum dp_host resolve_host(const struct conf_item *port)
{
	const char *host = conf_get_or_default(port, API_PORT, "host");

	return strcmp(host, "none") == 0  ? DP_HOST_NONE
	       : strcmp(host, "own") == 0 ? DP_HOST_OWN
					  : DP_HOST_ALL_BUT_VMS;
}

static unsigned resolve_protocols(const struct conf *conf, const struct conf_item *port)
{
	const char *lldp = lldp_mode(conf, port);
	unsigned takes = 0;

	if (strcmp(lldp, "both") == 0 || strcmp(lldp, "receive") == 0)
		takes |= DP_TAKES_LLDP;
	if (strcmp(conf_get_or_default(port, API_PORT, "team"), "lacp") == 0)
		takes |= DP_TAKES_SLOW;
	return takes;
}

static enum dp_offload_level resolve_offload(const struct conf *conf, const struct conf_item *port)
{
	const char *level = policy_text(conf, port, "offload");

	return strcmp(level, "none") == 0   ? DP_OFFLOADS_NONE
	       : strcmp(level, "csum") == 0 ? DP_OFFLOADS_CSUM
	       : strcmp(level, "tso") == 0  ? DP_OFFLOADS_TSO
					    : DP_OFFLOADS_ALL;
}

int resolve_vlan(const char *vlan, const char *trunk, const char *mode, struct dp_vlan_policy *ret,
	struct sh_err *err)
{
	static const enum dp_vlan_mode modes[] = {
		[CONF_VLAN_ACCESS] = DP_VLAN_ACCESS,
		[CONF_VLAN_TRUNK] = DP_VLAN_TRUNK,
		[CONF_VLAN_NATIVE_UNTAGGED] = DP_VLAN_NATIVE_UNTAGGED,
		[CONF_VLAN_NATIVE_TAGGED] = DP_VLAN_NATIVE_TAGGED,
	};
	struct dp_vlan_policy policy = { 0 };
	enum conf_vlan_mode meant;
	const char *field;
	int r = conf_vlan_mode(vlan, trunk, mode, &meant, &field, err);

	if (r < 0)
		return r;
	policy.mode = modes[meant];
	if (vlan)
		policy.vlan = (uint16_t)strtoul(vlan, NULL, 10);
	if (policy.mode != DP_VLAN_ACCESS &&
		dp_vlan_set_parse(trunk ? trunk : "all", policy.trunk) < 0)
		return sh_err_set(err, -EINVAL, "trunk: not a list of VLANs");
	/* As in Open vSwitch, the native VLAN is always one of those carried. */
	if (policy.mode == DP_VLAN_NATIVE_TAGGED || policy.mode == DP_VLAN_NATIVE_UNTAGGED)
		dp_vlan_set_add(policy.trunk, policy.vlan);
	*ret = policy;
	return 0;
}

static int resolve_policy(const struct conf *conf, const struct conf_item *port,
	struct dp_port_policy *ret, struct sh_err *err)
{
	const char *mac = conf_get(port, API_PORT, "mac");

	memset(ret, 0, sizeof(*ret));
	ret->admin_up = strcmp(conf_get_or_default(port, API_PORT, "enabled"), "true") == 0;
	ret->promiscuous = policy_is(conf, port, "promiscuous", "accept");
	ret->reject_mac_changes = policy_is(conf, port, "mac_changes", "reject");
	ret->reject_forged_transmits = policy_is(conf, port, "forged_transmits", "reject");
	ret->isolated = policy_is(conf, port, "isolated", "true");
	ret->ofport = (uint32_t)conf_get_uint(port, API_PORT, "ofport", 0);
	if (strcmp(conf_get(port, API_PORT, "name"), conf_port_bridge(conf, port)) == 0)
		ret->ofport = DP_OFPORT_LOCAL;
	ret->host = resolve_host(port);
	if (strcmp(conf_get_or_default(port, API_PORT, "type"), "uplink") == 0)
		ret->takes_protocols = resolve_protocols(conf, port);
	ret->offload = resolve_offload(conf, port);
	ret->mtu = (uint16_t)policy_uint(conf, port, "mtu");
	ret->mac_limit = (uint32_t)policy_uint(conf, port, "mac_limit");
	ret->storm_pps = (uint32_t)policy_uint(conf, port, "storm_limit");
	ret->rate_in_bps = policy_rate(conf, port, "rate_limit_in");
	ret->rate_out_bps = policy_rate(conf, port, "rate_limit_out");
	if (mac)
		(void)api_parse_mac(mac, ret->mac);
	return resolve_vlan(conf_policy(conf, port, "vlan"), conf_policy(conf, port, "trunk"),
		conf_policy(conf, port, "vlan_mode"), &ret->vlan, err);
}

int resolve_mirror(const struct conf_item *mirror, struct dp_mirror_conf *ret, struct sh_err *err)
{
	const char *vlans = conf_get(mirror, API_MIRROR, "select_vlan");
	const char *all = conf_get(mirror, API_MIRROR, "select_all");
	const char *tags = conf_get_or_default(mirror, API_MIRROR, "output_tags");

	memset(ret, 0, sizeof(*ret));
	ret->src_ports = conf_get(mirror, API_MIRROR, "select_src_port");
	ret->dst_ports = conf_get(mirror, API_MIRROR, "select_dst_port");
	ret->selects_all = all ? strcmp(all, "true") == 0 : !ret->src_ports && !ret->dst_ports;
	ret->output_port = conf_get(mirror, API_MIRROR, "output_port");
	ret->output_vlan = (uint16_t)conf_get_uint(mirror, API_MIRROR, "output_vlan", 0);
	ret->tags_by_vlan = strcmp(tags, "by-vlan") == 0;
	ret->snaplen = (uint32_t)conf_get_uint(mirror, API_MIRROR, "snaplen", 0);
	/* Frames that are in no VLAN of their port are among all frames. */
	ret->selects_vlans = vlans && strcmp(vlans, "all") != 0;
	if (ret->selects_vlans && dp_vlan_set_parse(vlans, ret->vlans) < 0)
		return sh_err_set(err, -EINVAL, "select_vlan: not a list of VLANs");
	return 0;
}

int resolve_port(const struct conf *conf, const struct conf_item *port, const char *run_dir,
	struct dp_port_conf *ret_conf, struct dp_port_policy *ret_policy, struct sh_err *err)
{
	static const enum dp_port_kind kinds[] = {
		[CONF_PORT_VHOST_SERVER] = DP_PORT_VHOST_SERVER,
		[CONF_PORT_VHOST_CLIENT] = DP_PORT_VHOST_CLIENT,
		[CONF_PORT_PACKET] = DP_PORT_PACKET,
		[CONF_PORT_XDP] = DP_PORT_XDP,
		[CONF_PORT_PCI] = DP_PORT_PCI,
		[CONF_PORT_TAP] = DP_PORT_TAP,
		[CONF_PORT_PCAP] = DP_PORT_PCAP,
		[CONF_PORT_NULL] = DP_PORT_NULL,
		[CONF_PORT_TEAM] = DP_PORT_TEAM,
	};
	struct port_target target;
	int r = port_target(port, run_dir, &target, err);

	if (r < 0)
		return r;
	memset(ret_conf, 0, sizeof(*ret_conf));
	snprintf(ret_conf->name, sizeof(ret_conf->name), "%s", conf_get(port, API_PORT, "name"));
	ret_conf->kind = kinds[target.kind];
	memcpy(ret_conf->target, target.target, sizeof(ret_conf->target));
	ret_conf->n_queues = (unsigned)conf_get_uint(port, API_PORT, "queues", 1);
	r = resolve_policy(conf, port, ret_policy, err);
	return r < 0 ? r : resolve_team(conf, port, ret_policy, err);
}
