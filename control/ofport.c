/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Numbering of ports, a bridge at a time. Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/policy.h"
#include "ofport.h"

#define OFPORT_MAX 65279 /* OpenFlow 1.0's OFPP_MAX - 1, as in Open vSwitch */
#define WORDS      ((OFPORT_MAX + 64) / 64)

struct taken {
	uint64_t bits[WORDS];
};

static bool is_taken(const struct taken *taken, uint64_t number)
{
	return taken->bits[number / 64] >> (number % 64) & 1;
}

static void take(struct taken *taken, uint64_t number)
{
	taken->bits[number / 64] |= UINT64_C(1) << (number % 64);
}

static bool on_bridge(const struct conf *conf, const struct conf_item *port, const char *bridge)
{
	const char *its = conf_port_bridge(conf, port);

	return its && strcmp(its, bridge) == 0;
}

static int set_number(struct conf_item *port, struct taken *taken, uint64_t number)
{
	char text[24];

	take(taken, number);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	return conf_set(port, API_PORT, "ofport", text);
}

/* The number that the port had on this bridge, 0 for none. */
static uint64_t old_number(
	const struct conf *old, const struct conf_item *port, uint32_t hint, const char *bridge)
{
	const char *name = conf_get(port, API_PORT, "name");
	int i = old && name ? conf_find(old, API_PORT, name, hint) : -1;

	if (i < 0 || !on_bridge(old, &old->of[API_PORT].items[i], bridge))
		return 0;
	return conf_get_uint(&old->of[API_PORT].items[i], API_PORT, "ofport", 0);
}

static int number_bridge(
	struct conf *conf, const struct conf *old, const char *bridge, struct sh_err *err)
{
	struct conf_items *ports = &conf->of[API_PORT];
	struct taken taken = { .bits = { 1 } };
	uint64_t next = 1;
	int r = 0;

	/* Three rounds: what is given, what is kept, what is free. */
	for (uint32_t i = 0; i < ports->n; i++)
		if (on_bridge(conf, &ports->items[i], bridge))
			take(&taken, conf_get_uint(&ports->items[i], API_PORT, "ofport", 0));
	for (uint32_t i = 0; r == 0 && i < ports->n; i++) {
		struct conf_item *port = &ports->items[i];
		uint64_t number;

		if (conf_get(port, API_PORT, "ofport") || !on_bridge(conf, port, bridge))
			continue;
		number = old_number(old, port, i, bridge);
		if (number && !is_taken(&taken, number))
			r = set_number(port, &taken, number);
	}
	for (uint32_t i = 0; r == 0 && i < ports->n; i++) {
		struct conf_item *port = &ports->items[i];

		if (conf_get(port, API_PORT, "ofport") || !on_bridge(conf, port, bridge))
			continue;
		while (next <= OFPORT_MAX && is_taken(&taken, next))
			next++;
		if (next > OFPORT_MAX)
			return sh_err_set(
				err, -ENOSPC, "no OpenFlow port number left on '%s'", bridge);
		r = set_number(port, &taken, next);
	}
	return r < 0 ? sh_err_set(err, r, "out of memory") : 0;
}

int ofport_assign(struct conf *conf, const struct conf *old, struct sh_err *err)
{
	for (uint32_t i = 0; i < conf->of[API_BRIDGE].n; i++) {
		const char *bridge = conf_get(&conf->of[API_BRIDGE].items[i], API_BRIDGE, "name");
		int r = bridge ? number_bridge(conf, old, bridge, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}
