/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Mirrors in the model: a few slots a bridge, and for each port bit masks of the slots that copy
 * what it brings in and what it is sent. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dp_private.h"
#include "mirror.h"

static bool names(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (list && *list) {
		size_t n = strcspn(list, ",");

		if (n == len && memcmp(list, name, n) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

static bool is_output(const struct dp_port *port)
{
	bool found = false;

	for (unsigned i = 0; i < DP_MAX_MIRRORS; i++) {
		struct dp_mirror *m = port->bridge->mirrors[i];

		if (!m || !m->conf.output_port || strcmp(m->conf.output_port, port->conf.name) != 0)
			continue;
		m->output = (struct dp_port *)(uintptr_t)port;
		found = true;
	}
	return found;
}

void dp_mirror_bind_port(struct dp_port *port)
{
	bool was_output = port->is_mirror_output;

	port->mirrors_in = port->mirrors_out = 0;
	port->is_mirror_output = is_output(port);
	if (port->is_mirror_output) {
		if (!was_output)
			(void)dp_fdb_flush(port->bridge, port, -1);
		return;
	}
	for (unsigned i = 0; i < DP_MAX_MIRRORS; i++) {
		const struct dp_mirror *m = port->bridge->mirrors[i];

		if (!m)
			continue;
		if (m->conf.selects_all || names(m->conf.src_ports, port->conf.name))
			port->mirrors_in |= UINT32_C(1) << i;
		if (m->conf.selects_all || names(m->conf.dst_ports, port->conf.name))
			port->mirrors_out |= UINT32_C(1) << i;
	}
}

static void bind_all(struct dp_bridge *bridge)
{
	struct dp_port *port;

	for (unsigned i = 0; i < DP_MAX_MIRRORS; i++)
		if (bridge->mirrors[i])
			bridge->mirrors[i]->output = NULL;
	LIST_FOREACH (port, &bridge->dp->ports, link)
		if (port->bridge == bridge && !port->is_controller)
			dp_mirror_bind_port(port);
}

void dp_mirror_forget_port(const struct dp_port *port)
{
	for (unsigned i = 0; i < DP_MAX_MIRRORS; i++)
		if (port->bridge->mirrors[i] && port->bridge->mirrors[i]->output == port)
			port->bridge->mirrors[i]->output = NULL;
}

bool dp_mirror_owns_vlan(const struct dp_bridge *bridge, uint16_t vlan)
{
	for (unsigned i = 0; i < DP_MAX_MIRRORS; i++)
		if (bridge->mirrors[i] && !bridge->mirrors[i]->conf.output_port &&
			bridge->mirrors[i]->conf.output_vlan == vlan)
			return true;
	return false;
}

static void free_texts(struct dp_mirror_conf *conf)
{
	free((char *)(uintptr_t)conf->src_ports);
	free((char *)(uintptr_t)conf->dst_ports);
	free((char *)(uintptr_t)conf->output_port);
}

static bool copy_text(const char *text, const char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return !text || *ret;
}

static int copy_conf(const struct dp_mirror_conf *conf, struct dp_mirror_conf *ret)
{
	struct dp_mirror_conf copy = *conf;

	copy.src_ports = copy.dst_ports = copy.output_port = NULL;
	if (!copy_text(conf->src_ports, &copy.src_ports) ||
		!copy_text(conf->dst_ports, &copy.dst_ports) ||
		!copy_text(conf->output_port, &copy.output_port)) {
		free_texts(&copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

static void take_effect(struct dp_mirror *m)
{
	bind_all(m->bridge);
	if (!m->conf.output_port)
		(void)dp_fdb_flush(m->bridge, NULL, m->conf.output_vlan);
}

static int free_slot(const struct dp_bridge *bridge)
{
	for (unsigned i = 0; i < DP_MAX_MIRRORS; i++)
		if (!bridge->mirrors[i])
			return (int)i;
	return -ENOSPC;
}

static void release(struct dp_mirror *m)
{
	free_texts(&m->conf);
	free(m);
}

int dp_mirror_add(struct dp_bridge *bridge, const struct dp_mirror_conf *conf, struct sh_err *err,
	struct dp_mirror **ret)
{
	int slot = free_slot(bridge);
	struct dp_mirror *m;

	if (slot < 0)
		return sh_err_set(err, slot, "no more than %d mirrors on a bridge", DP_MAX_MIRRORS);
	m = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*m), 64));
	if (!m)
		return sh_err_set(err, -ENOMEM, "no memory for a mirror");
	memset(m, 0, sizeof(*m));
	m->bridge = bridge;
	m->slot = (unsigned)slot;
	if (copy_conf(conf, &m->conf) < 0) {
		free(m);
		return sh_err_set(err, -ENOMEM, "no memory for a mirror");
	}
	bridge->mirrors[slot] = m;
	take_effect(m);
	*ret = m;
	return 0;
}

int dp_mirror_set(struct dp_mirror *m, const struct dp_mirror_conf *conf, struct sh_err *err)
{
	struct dp_mirror_conf copy;

	if (copy_conf(conf, &copy) < 0)
		return sh_err_set(err, -ENOMEM, "no memory for a mirror");
	free_texts(&m->conf);
	m->conf = copy;
	take_effect(m);
	return 0;
}

void dp_mirror_del(struct dp_mirror *m)
{
	struct dp_bridge *bridge = m->bridge;

	bridge->mirrors[m->slot] = NULL;
	bind_all(bridge);
	/* Workers go on counting in it while its snapshot is published: better leak it. */
	if (dp_commit(bridge->dp, NULL) == 0)
		release(m);
}

void dp_mirror_free_all(struct dp_bridge *bridge)
{
	for (unsigned i = 0; i < DP_MAX_MIRRORS; i++)
		if (bridge->mirrors[i])
			release(bridge->mirrors[i]);
}

struct dp_bridge *dp_mirror_bridge(const struct dp_mirror *m)
{
	return m->bridge;
}

void dp_mirror_get_stats(const struct dp_mirror *m, struct dp_mirror_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < DP_MAX_WORKERS; i++) {
		ret->tx_packets += __atomic_load_n(&m->counters[i].n_packets, __ATOMIC_RELAXED);
		ret->tx_bytes += __atomic_load_n(&m->counters[i].n_bytes, __ATOMIC_RELAXED);
	}
}

/* One more than the highest slot in use. */
static unsigned n_slots(const struct dp_bridge *bridge)
{
	unsigned n = DP_MAX_MIRRORS;

	while (n > 0 && !bridge->mirrors[n - 1])
		n--;
	return n;
}

size_t dp_mirror_snap_bytes(const struct dp *dp)
{
	const struct dp_bridge *bridge;
	size_t n = 0;

	LIST_FOREACH (bridge, &dp->bridges, link)
		n += n_slots(bridge);
	return n * sizeof(struct dp_snap_mirror);
}

static void draw(const struct dp_snapshot *s, struct dp_mirror *m, struct dp_snap_mirror *ret)
{
	ret->counters = m->counters;
	ret->output = m->output ? s->ports[m->output->index] : NULL;
	ret->to_vlan = !m->conf.output_port;
	ret->output_vlan = m->conf.output_vlan;
	ret->tags_by_vlan = m->conf.tags_by_vlan;
	ret->snaplen = m->conf.snaplen ? m->conf.snaplen : UINT32_MAX;
	ret->selects_vlans = m->conf.selects_vlans;
	memcpy(ret->vlans, m->conf.vlans, sizeof(ret->vlans));
}

void dp_mirror_draw(const struct dp *dp, struct dp_snapshot *s, struct dp_snap_mirror *at)
{
	const struct dp_bridge *bridge;

	LIST_FOREACH (bridge, &dp->bridges, link) {
		struct dp_snap_bridge *to = &s->bridges[bridge->snap_index];

		to->mirrors = at;
		for (unsigned i = 0; i < n_slots(bridge); i++, at++) {
			if (!bridge->mirrors[i])
				continue;
			draw(s, bridge->mirrors[i], at);
			if (!at->to_vlan)
				continue;
			to->has_unlearned = true;
			dp_vlan_set_add(to->unlearned, at->output_vlan);
		}
	}
}
