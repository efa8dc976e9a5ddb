/* SPDX-License-Identifier: BSD-3-Clause
 *
 * When to announce the host by an uplink's device, and keeping of what its neighbours say (IEEE
 * 802.1AB-2016, 9.2). What may change what is said is looked at once a second, so nobody has to
 * tell. Control thread.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "change.h"
#include "dataplane/pipeline.h"
#include "lldp.h"

#define NS_PER_S     UINT64_C(1000000000)
#define FAST         4u /* txFastInit: announcements a second apart for somebody new */
#define READ_EVERY_S 30u

static const struct conf_item *settings(const struct conf *conf)
{
	return conf->of[API_LLDP].n ? conf->of[API_LLDP].items : NULL;
}

const char *lldp_mode(const struct conf *conf, const struct conf_item *port)
{
	const char *own = conf_get(port, API_PORT, "lldp");

	return own ? own : conf_get_or_default(settings(conf), API_LLDP, "mode");
}

static struct lldp_link *find(const struct ctl *ctl, const struct dp_port *port, unsigned slot)
{
	struct lldp_link *link;

	LIST_FOREACH (link, &ctl->lldp.links, entry)
		if (link->port == port && link->slot == slot)
			return link;
	return NULL;
}

const struct lldp_link *lldp_link(const struct ctl *ctl, const struct dp_port *port, unsigned slot)
{
	return find(ctl, port, slot);
}

static struct lldp_link *find_or_make(struct ctl *ctl, struct dp_port *port, unsigned slot)
{
	struct lldp_link *link = find(ctl, port, slot);

	if (link)
		return link;
	link = calloc(1, sizeof(*link));
	if (!link)
		return NULL;
	link->port = port;
	link->slot = slot;
	LIST_INSERT_HEAD(&ctl->lldp.links, link, entry);
	return link;
}

static void send(struct lldp_link *link, const uint8_t *frame, int n)
{
	if (n > 0 && dp_protocol_send(link->port, link->slot, frame, (uint32_t)n) == 0)
		link->n_sent++;
}

static void take_back(struct lldp_link *link)
{
	uint8_t frame[LLDP_MAX_FRAME];

	if (!link->n_said)
		return;
	send(link, frame, lldp_encode_shutdown(&link->self, link->source, frame));
	link->n_said = 0;
	link->next_ns = 0;
}

static void announce(struct ctl *ctl, struct lldp_link *link, const struct conf_item *port,
	const struct uplink_device *device, uint64_t now_ns)
{
	uint64_t interval_s = conf_get_uint(settings(&ctl->conf), API_LLDP, "interval_s", 30);
	uint8_t frame[LLDP_MAX_FRAME];
	struct lldp_info self;
	bool is_other;
	int n;

	lldp_self(ctl, port, link->port, device, &self);
	n = lldp_encode(&self, device->mac, frame);
	is_other = n != link->n_said || memcmp(frame, link->said, (size_t)n) != 0;
	if (n < 0 || (!is_other && !link->n_fast && now_ns < link->next_ns))
		return;
	send(link, frame, n);
	link->n_said = n;
	memcpy(link->said, frame, (size_t)n);
	link->self = self;
	memcpy(link->source, device->mac, sizeof(link->source));
	link->next_ns = now_ns + interval_s * NS_PER_S;
	link->n_fast -= link->n_fast > 0;
}

static void look_at(struct ctl *ctl, struct lldp_link *link, const struct conf_item *port,
	const struct uplink_device *device)
{
	bool is_on = dp_port_get_policy(link->port)->admin_up;
	const char *mode = lldp_mode(&ctl->conf, port);
	uint64_t now_ns = openflow_now_ns();

	link->is_seen = true;
	link->is_up = device->link_up;
	link->sends = is_on && (strcmp(mode, "both") == 0 || strcmp(mode, "send") == 0);
	link->receives = is_on && (strcmp(mode, "both") == 0 || strcmp(mode, "receive") == 0);
	if (!link->sends)
		take_back(link);
	else if (link->is_up)
		announce(ctl, link, port, device, now_ns);
	else
		link->n_said = 0; /* who is plugged in next hears it at once */
	if (!link->receives || !link->is_up)
		lldp_neighbors_done(&link->neighbors);
	(void)lldp_neighbors_age(&link->neighbors, now_ns);
}

static void forget(struct lldp_link *link)
{
	LIST_REMOVE(link, entry);
	lldp_neighbors_done(&link->neighbors);
	free(link);
}

/* Members that a port no longer has. */
static void sweep(struct ctl *ctl)
{
	struct lldp_link *link, *next;

	for (link = LIST_FIRST(&ctl->lldp.links); link; link = next) {
		next = LIST_NEXT(link, entry);
		if (!link->is_seen)
			forget(link);
		else
			link->is_seen = false;
	}
}

static void look_at_port(struct ctl *ctl, const struct switch_port *port)
{
	const struct conf_item *item = conf_item(&ctl->conf, API_PORT, port->name);
	struct uplink_device devices[UPLINK_MAX_DEVICES];
	unsigned n = port->dp && item ? uplink_devices(item, port->dp, devices) : 0;

	for (unsigned i = 0; i < n; i++) {
		struct lldp_link *link = find_or_make(ctl, port->dp, devices[i].slot);

		if (link)
			look_at(ctl, link, item, &devices[i]);
	}
}

void lldp_tick(struct ctl *ctl)
{
	uint64_t now_ns = openflow_now_ns();

	if (now_ns >= ctl->lldp.host.next_ns) {
		lldp_host_read(&ctl->lldp.host);
		ctl->lldp.host.next_ns = now_ns + READ_EVERY_S * NS_PER_S;
	}
	for (unsigned i = 0; i < ctl->sw.n_ports; i++)
		look_at_port(ctl, &ctl->sw.ports[i]);
	sweep(ctl);
}

void lldp_take(struct ctl *ctl, const struct dp_protocol_frame *frame)
{
	struct lldp_link *link;
	int r;

	if (!lldp_is_frame(frame->bytes, frame->len))
		return;
	link = find(ctl, frame->port, frame->slot);
	if (!link || !link->receives)
		return;
	r = lldp_neighbors_take(&link->neighbors, frame->bytes, frame->len, openflow_now_ns());
	if (r < 0)
		sh_log_debug("port '%s': an LLDP frame was not taken: %s", dp_port_name(link->port),
			strerror(-r));
	if (r == 1)
		link->n_fast = FAST;
}

void lldp_port_goes(struct ctl *ctl, const struct dp_port *port)
{
	struct lldp_link *link, *next;

	for (link = LIST_FIRST(&ctl->lldp.links); link; link = next) {
		next = LIST_NEXT(link, entry);
		if (link->port != port)
			continue;
		take_back(link);
		forget(link);
	}
}

/* By its port id, which is the device's name. */
static bool stays(const struct lldp_link *link, const struct dp_team_policy *team)
{
	const struct lldp_id *id = &link->self.port;

	for (unsigned i = 0; i < team->n_members; i++)
		if (strlen(team->members[i].name) == id->n &&
			memcmp(team->members[i].name, id->bytes, id->n) == 0)
			return true;
	return team->n_members == 0; /* it is no team */
}

void lldp_port_changes(
	struct ctl *ctl, const struct dp_port *port, const struct dp_port_policy *policy)
{
	struct lldp_link *link, *next;
	bool any = false;

	for (link = LIST_FIRST(&ctl->lldp.links); link; link = next) {
		next = LIST_NEXT(link, entry);
		if (link->port != port || !link->n_said || stays(link, &policy->team))
			continue;
		take_back(link);
		forget(link);
		any = true;
	}
	if (any)
		dp_barrier(ctl->sw.dp);
}

void lldp_stop(struct ctl *ctl)
{
	while (!LIST_EMPTY(&ctl->lldp.links))
		lldp_port_goes(ctl, LIST_FIRST(&ctl->lldp.links)->port);
	if (ctl->sw.dp)
		dp_barrier(ctl->sw.dp);
}
