/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What both ends of a team's device say by LACP, for uplink.show. Control thread.
 */
#include "api/value.h"
#include "lacp.h"
#include "method.h"

/* IEEE 802.1AX-2014, 6.4.2.3 */
static json_t *state_words(uint8_t state)
{
	static const char *const words[] = { "activity", "short-timeout", "aggregation",
		"synchronization", "collecting", "distributing", "defaulted", "expired" };
	json_t *array = json_array();

	for (unsigned i = 0; i < 8; i++)
		if (state >> i & 1)
			json_array_append_new(array, json_string(words[i]));
	return array;
}

static json_t *party_object(const struct lacp_party *party)
{
	char system[18];

	api_format_mac(party->system, system);
	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:o}", "system", system, "system_priority",
		(int)party->system_priority, "key", (int)party->key, "port", (int)party->port,
		"port_priority", (int)party->port_priority, "state", state_words(party->state));
}

void method_set_lacp(
	json_t *object, const struct ctl *ctl, const struct dp_port *team, unsigned slot)
{
	static const char *const receive[] = {
		[LACP_RX_DISABLED] = "disabled",
		[LACP_RX_EXPIRED] = "expired",
		[LACP_RX_DEFAULTED] = "defaulted",
		[LACP_RX_CURRENT] = "current",
	};
	static const char *const mux[] = {
		[LACP_MUX_DETACHED] = "detached",
		[LACP_MUX_WAITING] = "waiting",
		[LACP_MUX_ATTACHED] = "attached",
		[LACP_MUX_COLLECTING_DISTRIBUTING] = "collecting-distributing",
	};
	const struct lacp_team *found = lacp_team(ctl, team);
	const struct lacp_port *port;
	char partner[18];

	if (!found || slot >= LACP_MAX_PORTS || !found->lacp.ports[slot].exists)
		return;
	port = &found->lacp.ports[slot];
	json_object_set_new(object, "lacp",
		json_pack("{s:s, s:s, s:b, s:o, s:o, s:I, s:I, s:I}", "receive", receive[port->rx],
			"mux", mux[port->mux], "selected", (int)port->is_selected, "actor",
			party_object(&port->actor), "partner", party_object(&port->partner), "sent",
			(json_int_t)port->n_sent, "received", (json_int_t)port->n_received,
			"discarded", (json_int_t)port->n_discarded));
	if (port->rx != LACP_RX_CURRENT)
		return;
	api_format_mac(port->partner.system, partner);
	json_object_set_new(object, "partner", json_string(partner));
}
