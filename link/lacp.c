/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The state machines of a port (IEEE 802.1AX-2014, 6.4.12 to 6.4.16; names are the standard's) and
 * the choice of those that belong together. One owner.
 */
#include <errno.h>
#include <string.h>

#include "lacp_frame.h"
#include "link/lacp.h"

#define NS_PER_S  UINT64_C(1000000000)
#define FAST_NS   (1 * NS_PER_S) /* Fast_Periodic_Time */
#define SLOW_NS   (30 * NS_PER_S)
#define SHORT_NS  (3 * NS_PER_S) /* Short_Timeout_Time */
#define LONG_NS   (90 * NS_PER_S)
#define WAIT_NS   (2 * NS_PER_S) /* Aggregate_Wait_Time */
#define KEY_SPEED 8              /* speeds that a key tells apart */

/* Partner_Admin_*: nobody. */
static const struct lacp_party nobody = { .state = LACP_SHORT_TIMEOUT };

static void set_bits(uint8_t *state, uint8_t bits, bool on)
{
	*state = (uint8_t)(on ? *state | bits : *state & ~bits);
}

static bool same_id(const struct lacp_party *a, const struct lacp_party *b)
{
	return a->system_priority == b->system_priority && memcmp(a->system, b->system, 6) == 0 &&
	       a->key == b->key && a->port_priority == b->port_priority && a->port == b->port &&
	       ((a->state ^ b->state) & LACP_AGGREGATION) == 0;
}

/* Receive machine, 6.4.12 */

static void unselect(struct lacp_port *port)
{
	port->is_selected = false;
}

static void enter_disabled(struct lacp_port *port)
{
	port->rx = LACP_RX_DISABLED;
	set_bits(&port->partner.state, LACP_SYNCHRONIZATION, false);
	port->needs_to_transmit = false;
	port->has_marker = false;
	unselect(port);
}

static void enter_expired(struct lacp_port *port, uint64_t now_ns)
{
	port->rx = LACP_RX_EXPIRED;
	set_bits(&port->partner.state, LACP_SYNCHRONIZATION, false);
	set_bits(&port->partner.state, LACP_SHORT_TIMEOUT, true);
	set_bits(&port->actor.state, LACP_EXPIRED, true);
	port->expires_ns = now_ns + SHORT_NS;
	port->needs_to_transmit = true;
}

static void enter_defaulted(struct lacp_port *port)
{
	port->rx = LACP_RX_DEFAULTED;
	port->partner = nobody;
	set_bits(&port->actor.state, LACP_DEFAULTED, true);
	set_bits(&port->actor.state, LACP_EXPIRED, false);
	unselect(port);
}

/* Whether the partner holds for true what we say, and means to keep to it (recordPDU). */
static bool is_synchronized(const struct lacp_port *port, const struct lacp_pdu *pdu)
{
	bool keeps = (pdu->actor.state & LACP_ACTIVITY) ||
		     ((port->actor.state & LACP_ACTIVITY) && (pdu->partner.state & LACP_ACTIVITY));
	bool agrees =
		same_id(&pdu->partner, &port->actor) || !(pdu->actor.state & LACP_AGGREGATION);

	return agrees && keeps && (pdu->actor.state & LACP_SYNCHRONIZATION);
}

/* What the partner has yet to be told (update_NTT). */
static bool is_outdated(const struct lacp_port *port, const struct lacp_party *told)
{
	const uint8_t bits =
		LACP_ACTIVITY | LACP_SHORT_TIMEOUT | LACP_SYNCHRONIZATION | LACP_AGGREGATION;

	return !same_id(told, &port->actor) || ((told->state ^ port->actor.state) & bits);
}

static void enter_current(struct lacp_port *port, const struct lacp_pdu *pdu, uint64_t now_ns)
{
	bool is_fast = port->actor.state & LACP_SHORT_TIMEOUT;

	if (!same_id(&pdu->actor, &port->partner))
		unselect(port);
	if (is_outdated(port, &pdu->partner))
		port->needs_to_transmit = true;
	port->partner = pdu->actor;
	set_bits(&port->partner.state, LACP_SYNCHRONIZATION, is_synchronized(port, pdu));
	set_bits(&port->actor.state, LACP_DEFAULTED | LACP_EXPIRED, false);
	port->rx = LACP_RX_CURRENT;
	port->expires_ns = now_ns + (is_fast ? SHORT_NS : LONG_NS);
}

static void run_receive(struct lacp_port *port, uint64_t now_ns)
{
	if (port->rx == LACP_RX_CURRENT && now_ns >= port->expires_ns)
		enter_expired(port, now_ns);
	else if (port->rx == LACP_RX_EXPIRED && now_ns >= port->expires_ns)
		enter_defaulted(port);
}

/* Periodic transmission machine, 6.4.13 */
static void run_periodic(struct lacp_port *port, uint64_t now_ns)
{
	bool is_on = port->rx != LACP_RX_DISABLED &&
		     ((port->actor.state | port->partner.state) & LACP_ACTIVITY);
	bool is_fast = port->partner.state & LACP_SHORT_TIMEOUT;

	if (!is_on) {
		port->periodic_ns = 0;
		port->needs_to_transmit = false;
		return;
	}
	/* Who asks for more is heard at once. */
	if (port->periodic_ns && now_ns < port->periodic_ns && is_fast == port->is_periodic_fast)
		return;
	if (port->periodic_ns && (is_fast || now_ns >= port->periodic_ns))
		port->needs_to_transmit = true;
	port->is_periodic_fast = is_fast;
	port->periodic_ns = now_ns + (is_fast ? FAST_NS : SLOW_NS);
}

/* Selection, 6.4.14: one aggregator, so one link aggregation group is chosen. */

static bool is_own(const struct lacp *lacp, const struct lacp_party *party)
{
	return memcmp(party->system, lacp->conf.system, 6) == 0;
}

static bool is_candidate(const struct lacp *lacp, const struct lacp_port *port)
{
	return port->exists && port->rx == LACP_RX_CURRENT && !is_own(lacp, &port->partner);
}

/* The same pair of systems and keys, and both sides aggregate (LAG ID, 6.3.6). */
static bool belong_together(const struct lacp_port *a, const struct lacp_port *b)
{
	if (a == b)
		return true;
	return (a->partner.state & b->partner.state & LACP_AGGREGATION) &&
	       a->actor.key == b->actor.key && a->partner.key == b->partner.key &&
	       a->partner.system_priority == b->partner.system_priority &&
	       memcmp(a->partner.system, b->partner.system, 6) == 0;
}

static unsigned n_together(const struct lacp *lacp, const struct lacp_port *with)
{
	unsigned n = 0;

	for (unsigned i = 0; i < LACP_MAX_PORTS; i++)
		n += is_candidate(lacp, &lacp->ports[i]) && belong_together(&lacp->ports[i], with);
	return n;
}

/* The group that is in use stays, whatever comes; else the one of most ports, the first of equals.
 * A port that expired still holds its group for that while. */
static const struct lacp_port *choose(const struct lacp *lacp)
{
	const struct lacp_port *best = NULL;
	unsigned most = 0;

	for (unsigned i = 0; i < LACP_MAX_PORTS; i++) {
		const struct lacp_port *port = &lacp->ports[i];

		if (port->exists && port->is_selected && port->rx != LACP_RX_DISABLED)
			return port;
		if (is_candidate(lacp, port) && n_together(lacp, port) > most) {
			most = n_together(lacp, port);
			best = port;
		}
	}
	return best;
}

static void run_selection(struct lacp *lacp)
{
	const struct lacp_port *chosen = choose(lacp);

	for (unsigned i = 0; i < LACP_MAX_PORTS; i++) {
		struct lacp_port *port = &lacp->ports[i];

		if (!port->exists || port->rx == LACP_RX_EXPIRED)
			continue;
		port->is_selected =
			chosen && is_candidate(lacp, port) && belong_together(port, chosen);
	}
}

/* Mux machine, collecting and distributing together, 6.4.15 */

static void enter_mux(struct lacp_port *port, enum lacp_mux to, uint64_t now_ns)
{
	const uint8_t both = LACP_COLLECTING | LACP_DISTRIBUTING;
	uint8_t before = port->actor.state;

	port->mux = to;
	if (to == LACP_MUX_WAITING)
		port->wait_ns = now_ns + WAIT_NS;
	set_bits(&port->actor.state, LACP_SYNCHRONIZATION, to >= LACP_MUX_ATTACHED);
	set_bits(&port->actor.state, both, to == LACP_MUX_COLLECTING_DISTRIBUTING);
	if (port->actor.state != before && port->rx != LACP_RX_DISABLED)
		port->needs_to_transmit = true;
}

static bool waits(const struct lacp_port *port)
{
	return port->exists && port->mux == LACP_MUX_WAITING && port->is_selected;
}

/* Those that wait begin together: Ready, 6.4.8. */
static bool is_ready(const struct lacp *lacp, uint64_t now_ns)
{
	for (unsigned i = 0; i < LACP_MAX_PORTS; i++)
		if (waits(&lacp->ports[i]) && now_ns < lacp->ports[i].wait_ns)
			return false;
	return true;
}

/* return: whether it went on to another state */
static bool step_mux(const struct lacp *lacp, struct lacp_port *port, uint64_t now_ns)
{
	bool is_synchronized_now = port->partner.state & LACP_SYNCHRONIZATION;
	enum lacp_mux to = port->mux;

	switch (port->mux) {
	case LACP_MUX_DETACHED:
		to = port->is_selected ? LACP_MUX_WAITING : to;
		break;
	case LACP_MUX_WAITING:
		to = !port->is_selected       ? LACP_MUX_DETACHED
		     : is_ready(lacp, now_ns) ? LACP_MUX_ATTACHED
					      : to;
		break;
	case LACP_MUX_ATTACHED:
		to = !port->is_selected    ? LACP_MUX_DETACHED
		     : is_synchronized_now ? LACP_MUX_COLLECTING_DISTRIBUTING
					   : to;
		break;
	case LACP_MUX_COLLECTING_DISTRIBUTING:
		to = port->is_selected && is_synchronized_now ? to : LACP_MUX_ATTACHED;
		break;
	}
	if (to == port->mux)
		return false;
	enter_mux(port, to, now_ns);
	return true;
}

static void run_mux(struct lacp *lacp, uint64_t now_ns)
{
	for (unsigned i = 0; i < LACP_MAX_PORTS; i++)
		while (lacp->ports[i].exists && step_mux(lacp, &lacp->ports[i], now_ns))
			;
}

void lacp_run(struct lacp *lacp, uint64_t now_ns)
{
	for (unsigned i = 0; i < LACP_MAX_PORTS; i++)
		if (lacp->ports[i].exists)
			run_receive(&lacp->ports[i], now_ns);
	/* Who is no longer selected leaves, before it may be selected for something else. */
	run_mux(lacp, now_ns);
	run_selection(lacp);
	run_mux(lacp, now_ns);
	for (unsigned i = 0; i < LACP_MAX_PORTS; i++)
		if (lacp->ports[i].exists)
			run_periodic(&lacp->ports[i], now_ns);
}

int lacp_receive(struct lacp *lacp, unsigned slot, const uint8_t *frame, size_t n, uint64_t now_ns)
{
	struct lacp_port *port = &lacp->ports[slot];
	struct lacp_pdu pdu;

	if (!port->exists || port->rx == LACP_RX_DISABLED)
		return -ENOENT;
	port->n_received++;
	if (lacp_is_slow(frame, n, SUBTYPE_MARKER) && frame[AT_MARKER_TLV] == MARKER_INFO) {
		memcpy(port->marker, frame, LACP_FRAME_BYTES);
		port->has_marker = true;
		return 0;
	}
	if (lacp_decode(frame, n, &pdu) < 0) {
		port->n_discarded++;
		return -EBADMSG;
	}
	enter_current(port, &pdu, now_ns);
	return 0;
}

/* Transmit machine, 6.4.16: at most 3 in a Fast_Periodic_Time. */

static bool may_send(const struct lacp_port *port, uint64_t now_ns)
{
	return port->sent_ns[2] == 0 || now_ns >= port->sent_ns[2] + FAST_NS;
}

/* An answer says that all frames in front of it have arrived, which they have: 6.5.4.2. */
static unsigned answer_marker(struct lacp_port *port, uint8_t *ret)
{
	port->has_marker = false;
	memcpy(ret, port->marker, LACP_FRAME_BYTES);
	memcpy(ret + 6, port->source, 6);
	ret[AT_MARKER_TLV] = MARKER_RESPONSE;
	return LACP_FRAME_BYTES;
}

unsigned lacp_poll(struct lacp *lacp, unsigned slot, uint64_t now_ns, uint8_t *ret)
{
	struct lacp_port *port = &lacp->ports[slot];
	const struct lacp_pdu pdu = { port->actor, port->partner };

	if (!port->exists || port->rx == LACP_RX_DISABLED)
		return 0;
	if (port->has_marker)
		return answer_marker(port, ret);
	if (!port->needs_to_transmit || !may_send(port, now_ns))
		return 0;
	port->needs_to_transmit = false;
	port->sent_ns[2] = port->sent_ns[1];
	port->sent_ns[1] = port->sent_ns[0];
	port->sent_ns[0] = now_ns ? now_ns : 1;
	port->n_sent++;
	lacp_encode(&pdu, port->source, ret);
	return LACP_FRAME_BYTES;
}

unsigned lacp_farewell(const struct lacp *lacp, unsigned slot, uint8_t *ret)
{
	const struct lacp_port *port = &lacp->ports[slot];
	struct lacp_pdu pdu = { port->actor, port->partner };

	if (!port->exists || port->rx != LACP_RX_CURRENT)
		return 0;
	pdu.actor.state &= (uint8_t) ~(LACP_SYNCHRONIZATION | LACP_COLLECTING | LACP_DISTRIBUTING);
	lacp_encode(&pdu, port->source, ret);
	return LACP_FRAME_BYTES;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t next_of(const struct lacp_port *port)
{
	uint64_t next = UINT64_MAX;

	if (port->rx == LACP_RX_CURRENT || port->rx == LACP_RX_EXPIRED)
		next = earlier(next, port->expires_ns);
	if (port->periodic_ns)
		next = earlier(next, port->periodic_ns);
	if (port->needs_to_transmit)
		next = earlier(next, port->sent_ns[2] ? port->sent_ns[2] + FAST_NS : 0);
	return next;
}

/* When the last of those that wait has waited for long enough: they go on together. */
static uint64_t ready_ns(const struct lacp *lacp)
{
	uint64_t last = 0;

	for (unsigned i = 0; i < LACP_MAX_PORTS; i++) {
		const struct lacp_port *port = &lacp->ports[i];

		if (waits(port) && port->wait_ns > last)
			last = port->wait_ns;
	}
	return last ? last : UINT64_MAX;
}

uint64_t lacp_next_ns(const struct lacp *lacp)
{
	uint64_t next = ready_ns(lacp);

	for (unsigned i = 0; i < LACP_MAX_PORTS; i++)
		if (lacp->ports[i].exists)
			next = earlier(next, next_of(&lacp->ports[i]));
	return next;
}

bool lacp_is_alone(const struct lacp *lacp)
{
	bool has_link = false;

	for (unsigned i = 0; i < LACP_MAX_PORTS; i++) {
		const struct lacp_port *port = &lacp->ports[i];

		if (!port->exists || port->rx == LACP_RX_DISABLED)
			continue;
		if (port->rx != LACP_RX_DEFAULTED)
			return false;
		has_link = true;
	}
	return has_link;
}

/* Configuration */

void lacp_init(struct lacp *lacp, const struct lacp_conf *conf)
{
	memset(lacp, 0, sizeof(*lacp));
	lacp->conf = *conf;
}

/* By powers of ten: what differs less may be together. */
static uint16_t key_of(const struct lacp_conf *conf, uint32_t speed_mbps)
{
	uint16_t speed = 0;

	for (uint32_t at = 10; speed_mbps >= at && speed < KEY_SPEED - 1; at *= 10)
		speed++;
	return (uint16_t)(conf->key * KEY_SPEED + speed);
}

static void tell_actor(const struct lacp_conf *conf, struct lacp_port *port)
{
	port->actor.system_priority = conf->system_priority;
	memcpy(port->actor.system, conf->system, 6);
	set_bits(&port->actor.state, LACP_ACTIVITY, conf->is_active);
	set_bits(&port->actor.state, LACP_SHORT_TIMEOUT, conf->is_fast);
	set_bits(&port->actor.state, LACP_AGGREGATION, true);
}

void lacp_set(struct lacp *lacp, const struct lacp_conf *conf)
{
	for (unsigned i = 0; i < LACP_MAX_PORTS; i++) {
		struct lacp_port *port = &lacp->ports[i];
		const struct lacp_party before = port->actor;

		if (!port->exists)
			continue;
		tell_actor(conf, port);
		port->actor.key = (uint16_t)(conf->key * KEY_SPEED + before.key % KEY_SPEED);
		if (!same_id(&before, &port->actor))
			unselect(port);
		if (!same_id(&before, &port->actor) || before.state != port->actor.state)
			port->needs_to_transmit = true;
	}
	lacp->conf = *conf;
}

void lacp_port_set(
	struct lacp *lacp, unsigned slot, const struct lacp_port_conf *conf, uint64_t now_ns)
{
	struct lacp_port *port = &lacp->ports[slot];
	struct lacp_party before;

	if (!port->exists) {
		memset(port, 0, sizeof(*port));
		port->exists = true;
		port->partner = nobody;
	}
	before = port->actor;
	tell_actor(&lacp->conf, port);
	port->actor.key = key_of(&lacp->conf, conf->speed_mbps);
	port->actor.port = conf->port;
	port->actor.port_priority = conf->priority;
	memcpy(port->source, conf->source, sizeof(port->source));
	if (!same_id(&before, &port->actor)) {
		unselect(port);
		port->needs_to_transmit = port->rx != LACP_RX_DISABLED;
	}
	if (conf->is_enabled && port->rx == LACP_RX_DISABLED)
		enter_expired(port, now_ns);
	else if (!conf->is_enabled && port->rx != LACP_RX_DISABLED)
		enter_disabled(port);
	port->is_enabled = conf->is_enabled;
}

void lacp_port_del(struct lacp *lacp, unsigned slot)
{
	memset(&lacp->ports[slot], 0, sizeof(lacp->ports[slot]));
}
