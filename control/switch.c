/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Names to dataplane objects, and single changes of them. reconcile.c says which and in what
 * order, and commits. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/value.h"
#include "base/log.h"
#include "change.h"
#include "conf/policy.h"
#include "resolve.h"
#include "switch.h"
#include "vm_socket.h"

void switch_init(struct switch_state *sw, struct ctl *ctl, struct dp *dp, sd_event *event)
{
	memset(sw, 0, sizeof(*sw));
	sw->ctl = ctl;
	sw->dp = dp;
	sw->event = event;
}

void switch_stop(struct switch_state *sw)
{
	for (unsigned i = 0; i < sw->n_bridges; i++) {
		openflow_free(sw->bridges[i].openflow);
		sw->bridges[i].openflow = NULL;
	}
}

void switch_tick(struct switch_state *sw)
{
	for (unsigned i = 0; i < sw->n_bridges; i++)
		openflow_tick(sw->bridges[i].openflow);
}

struct switch_bridge *switch_bridge_of(const struct switch_state *sw, const struct dp_bridge *dp)
{
	for (unsigned i = 0; i < sw->n_bridges; i++)
		if (sw->bridges[i].dp == dp)
			return &sw->bridges[i];
	return NULL;
}

void switch_port_tell(const struct switch_state *sw, const char *name, enum of_port_reason reason)
{
	const struct switch_port *port = switch_port(sw, name);
	const struct switch_bridge *bridge;

	if (!port || !port->dp)
		return;
	bridge = switch_bridge_of(sw, dp_port_bridge(port->dp));
	if (bridge && bridge->openflow)
		openflow_port_changed(bridge->openflow, name, reason);
}

void switch_done(struct switch_state *sw)
{
	free(sw->bridges);
	free(sw->ports);
	free(sw->mirrors);
	free(sw->kept);
	memset(sw, 0, sizeof(*sw));
}

struct switch_bridge *switch_bridge(const struct switch_state *sw, const char *name)
{
	for (unsigned i = 0; i < sw->n_bridges; i++)
		if (strcmp(sw->bridges[i].name, name) == 0)
			return &sw->bridges[i];
	return NULL;
}

struct switch_port *switch_port(const struct switch_state *sw, const char *name)
{
	for (unsigned i = 0; i < sw->n_ports; i++)
		if (strcmp(sw->ports[i].name, name) == 0)
			return &sw->ports[i];
	return NULL;
}

static int bridges_grow(struct switch_state *sw)
{
	struct switch_bridge *grown;

	if (sw->n_bridges < sw->bridges_room)
		return 0;
	grown = realloc(sw->bridges, (sw->n_bridges + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sw->bridges = grown;
	sw->bridges_room = sw->n_bridges + 1;
	return 0;
}

static int ports_grow(struct switch_state *sw)
{
	struct switch_port *grown;
	struct switch_kept *kept;

	if (sw->n_ports < sw->ports_room)
		return 0;
	kept = realloc(sw->kept, (sw->n_ports + 1) * sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	sw->kept = kept;
	grown = realloc(sw->ports, (sw->n_ports + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sw->ports = grown;
	sw->ports_room = sw->n_ports + 1;
	return 0;
}

int switch_bridge_add(struct switch_state *sw, const struct conf_item *item, struct sh_err *err)
{
	struct dp_bridge_conf resolved;
	struct switch_bridge fresh = { 0 };
	struct openflow_conf openflow;
	int r;

	resolve_bridge(item, &resolved);
	if (switch_bridge(sw, resolved.name)) {
		switch_bridge(sw, resolved.name)->goes = false;
		return switch_bridge_set(sw, item, err);
	}
	if (bridges_grow(sw) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	memcpy(fresh.name, resolved.name, sizeof(fresh.name));
	r = dp_bridge_add(sw->dp, &resolved, err, &fresh.dp);
	if (r < 0)
		return r;
	resolve_openflow(item, sw->ctl->machine_id, &openflow);
	r = openflow_new(sw->ctl, fresh.name, fresh.dp, &openflow, err, &fresh.openflow);
	if (r < 0) {
		dp_bridge_del(fresh.dp);
		return r;
	}
	sw->bridges[sw->n_bridges++] = fresh;
	return 0;
}

int switch_bridge_set(struct switch_state *sw, const struct conf_item *item, struct sh_err *err)
{
	struct switch_bridge *bridge;
	struct openflow_conf openflow;
	struct dp_bridge_conf resolved;
	int r;

	resolve_bridge(item, &resolved);
	bridge = switch_bridge(sw, resolved.name);
	if (!bridge)
		return sh_err_set(err, -ENOENT, "bridge '%s' is not there", resolved.name);
	resolve_openflow(item, sw->ctl->machine_id, &openflow);
	r = dp_bridge_set(bridge->dp, &resolved, err);
	return r < 0 ? r : openflow_set(bridge->openflow, &openflow, err);
}

void switch_bridge_del(struct switch_state *sw, const char *name)
{
	struct switch_bridge *bridge = switch_bridge(sw, name);

	if (!bridge)
		return;
	/* What it listened at may be another's by this very change. */
	openflow_rest(bridge->openflow);
	bridge->goes = true;
}

void switch_settle(struct switch_state *sw)
{
	sw->n_kept = 0;
	for (unsigned i = sw->n_bridges; i-- > 0;) {
		struct switch_bridge *bridge = &sw->bridges[i];

		if (!bridge->goes) {
			openflow_settle(bridge->openflow);
			continue;
		}
		openflow_free(bridge->openflow);
		dp_bridge_del(bridge->dp);
		*bridge = sw->bridges[--sw->n_bridges];
	}
}

/* Static entries go with their port: what makes a port brings them back. */
static int restore_fdb(
	struct switch_state *sw, const struct conf *conf, const char *port, struct sh_err *err)
{
	const struct conf_items *entries = &conf->of[API_FDB];

	for (uint32_t i = 0; i < entries->n; i++) {
		int r = 0;

		if (strcmp(conf_get(&entries->items[i], API_FDB, "port"), port) == 0)
			r = switch_fdb_add(sw, &entries->items[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What controllers have changed holds on top of the configuration. */
static void overlay(struct dp_port_policy *policy, uint32_t of_config)
{
	if (of_config & OF_PC_PORT_DOWN)
		policy->admin_up = false;
	policy->no_receive = of_config & OF_PC_NO_RECV;
	policy->no_forward = of_config & OF_PC_NO_FWD;
	policy->no_packet_in = of_config & OF_PC_NO_PACKET_IN;
}

static int make_port(struct switch_state *sw, const struct conf *conf, const struct conf_item *item,
	struct switch_port *port, struct sh_err *err)
{
	struct switch_bridge *bridge = switch_bridge(sw, conf_port_bridge(conf, item));
	struct dp_port_policy policy;
	struct dp_port_conf resolved;
	int r = resolve_port(conf, item, sw->ctl->env.run_dir, &resolved, &policy, err);

	overlay(&policy, port->of_config);
	if (r == 0 && !bridge)
		r = sh_err_set(err, -ENOENT, "its bridge is not there");
	if (r == 0)
		r = dp_port_add(bridge->dp, &resolved, &policy, err, &port->dp);
	if (r < 0)
		return r;
	vm_socket_admit(conf, port->name, resolved.target);
	port->made_ns = openflow_now_ns();
	r = restore_fdb(sw, conf, port->name, err);
	if (r < 0) {
		dp_port_del(port->dp);
		port->dp = NULL;
	}
	return r;
}

static struct switch_kept *kept_of(const struct switch_state *sw, const char *port)
{
	for (unsigned i = 0; i < sw->n_kept; i++)
		if (strcmp(sw->kept[i].port, port) == 0)
			return &sw->kept[i];
	return NULL;
}

/* There is room: ports that the change itself makes have nothing of their own. */
static void keep_config(struct switch_state *sw, const struct switch_port *port)
{
	struct switch_kept *kept = &sw->kept[sw->n_kept];

	if (!port->dp || !port->of_config || kept_of(sw, port->name))
		return;
	memcpy(kept->port, port->name, sizeof(kept->port));
	kept->bridge = dp_port_bridge(port->dp);
	kept->of_config = port->of_config;
	sw->n_kept++;
}

static uint32_t kept_config(
	const struct switch_state *sw, const char *port, const struct switch_bridge *bridge)
{
	const struct switch_kept *kept = kept_of(sw, port);

	return kept && bridge && kept->bridge == bridge->dp ? kept->of_config : 0;
}

/* A team is made without the devices that are not there. Who asks for it now should hear. */
static int check_members(struct switch_port *port, struct sh_err *err)
{
	struct dp_member_info members[DP_MAX_MEMBERS];
	unsigned n = dp_team_members(port->dp, members);

	for (unsigned i = 0; i < n; i++) {
		if (dp_team_member_port(port->dp, members[i].slot))
			continue;
		dp_port_del(port->dp);
		port->dp = NULL;
		return sh_err_set(err, -ENODEV, "%s", members[i].why);
	}
	return 0;
}

int switch_port_add(struct switch_state *sw, const struct conf *conf, const struct conf_item *item,
	bool keep, struct sh_err *err)
{
	struct switch_port *port;
	struct sh_err why = { "" };
	int r;

	if (ports_grow(sw) < 0)
		return sh_err_set(err, -ENOMEM, "out of memory");
	port = &sw->ports[sw->n_ports++];
	memset(port, 0, sizeof(*port));
	snprintf(port->name, sizeof(port->name), "%s", conf_get(item, API_PORT, "name"));
	port->of_config =
		kept_config(sw, port->name, switch_bridge(sw, conf_port_bridge(conf, item)));
	r = make_port(sw, conf, item, port, &why);
	if (r == 0 && !keep)
		r = check_members(port, &why);
	if (r == 0)
		return 0;
	if (!keep) {
		sw->n_ports--;
		return sh_err_set(err, r, "%s", why.text);
	}
	snprintf(port->error, sizeof(port->error), "%.255s", why.text);
	sh_log_err("port '%s': cannot be made: %s", port->name, why.text);
	return 0;
}

int switch_port_set(struct switch_state *sw, const struct conf *conf, const struct conf_item *item,
	struct sh_err *err)
{
	struct switch_port *port = switch_port(sw, conf_get(item, API_PORT, "name"));
	struct dp_port_policy policy;
	struct dp_port_conf resolved;
	int r;

	/* A port that is gone to be remade, or could not be made, takes its policy when it is. */
	if (!port || !port->dp)
		return 0;
	r = resolve_port(conf, item, sw->ctl->env.run_dir, &resolved, &policy, err);
	overlay(&policy, port->of_config);
	if (r < 0)
		return r;
	lacp_port_changes(sw->ctl, port->dp, &policy);
	lldp_port_changes(sw->ctl, port->dp, &policy);
	return dp_port_set_policy(port->dp, &policy, err);
}

void switch_port_del(struct switch_state *sw, const char *name)
{
	struct switch_port *port = switch_port(sw, name);

	if (!port)
		return;
	switch_port_tell(sw, name, OF_PR_DELETE);
	if (port->dp) {
		lacp_port_changes(sw->ctl, port->dp, NULL);
		lldp_port_goes(sw->ctl, port->dp);
	}
	keep_config(sw, port);
	if (port->dp)
		dp_port_del(port->dp);
	*port = sw->ports[--sw->n_ports];
}

unsigned switch_retry(struct switch_state *sw, const struct conf *conf)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sw->n_ports; i++) {
		struct switch_port *port = &sw->ports[i];
		const struct conf_item *item = conf_item(conf, API_PORT, port->name);
		struct sh_err why = { "" };

		if (port->dp || !item)
			continue;
		if (make_port(sw, conf, item, port, &why) == 0) {
			port->error[0] = '\0';
			sh_log_notice("port '%s': made at last", port->name);
			switch_port_tell(sw, port->name, OF_PR_ADD);
			n++;
			continue;
		}
		if (strncmp(port->error, why.text, sizeof(port->error) - 1) != 0)
			sh_log_err("port '%s': still cannot be made: %s", port->name, why.text);
		snprintf(port->error, sizeof(port->error), "%.255s", why.text);
	}
	return n;
}

static struct dp_bridge *fdb_place(
	struct switch_state *sw, const struct conf_item *item, uint8_t mac[6], uint16_t *vlan)
{
	struct switch_bridge *bridge = switch_bridge(sw, conf_get(item, API_FDB, "bridge"));

	if (!bridge || api_parse_mac(conf_get(item, API_FDB, "mac"), mac) < 0)
		return NULL;
	*vlan = (uint16_t)conf_get_uint(item, API_FDB, "vlan", 0);
	return bridge->dp;
}

int switch_fdb_add(struct switch_state *sw, const struct conf_item *item, struct sh_err *err)
{
	struct switch_port *port = switch_port(sw, conf_get(item, API_FDB, "port"));
	struct dp_bridge *bridge;
	uint8_t mac[6];
	uint16_t vlan;

	bridge = fdb_place(sw, item, mac, &vlan);
	/* The entry of a port that could not be made comes with the port. */
	if (!bridge || !port || !port->dp)
		return 0;
	return dp_fdb_add(bridge, mac, vlan, port->dp, err);
}

void switch_fdb_del(struct switch_state *sw, const struct conf_item *item)
{
	struct dp_bridge *bridge;
	uint8_t mac[6];
	uint16_t vlan;

	bridge = fdb_place(sw, item, mac, &vlan);
	if (bridge)
		(void)dp_fdb_del(bridge, mac, vlan, NULL);
}
