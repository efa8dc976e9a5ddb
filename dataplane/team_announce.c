/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What physical switches learn from when frames of an address begin to come by another member: a
 * gratuitous RARP from each address that lives behind the switch, as after a migration. Three
 * rounds, since one frame may be lost, a slice of the forwarding database at a time. Control
 * thread.
 */
#include <string.h>

#include "rarp.h"
#include "snapshot.h"
#include "team.h"

#define N_ROUNDS      3
#define ROUND_MS      200
#define SLICE_BUCKETS 256 /* of the forwarding database, in a millisecond */
#define SLICE_MS      1

static void announce(struct dp_team *team, const struct dp_team_use *use, uint64_t key)
{
	const struct dp_vlan_policy *vlans = &team->port->policy.vlan;
	uint8_t mac[6], frame[DP_RARP_MAX];
	uint16_t vlan = (uint16_t)key, tci = 0;
	unsigned bucket;
	bool tagged;

	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)(key >> (16 + 8 * i));
	bucket = dp_team_bucket_of_mac(mac);
	if (!use->choice.n || !(use->moved >> bucket & 1) || !dp_vlan_carries(vlans, vlan))
		return;
	tagged = dp_vlan_egress(vlans, vlan, false, 0, &tci) == DP_TAG_PUSH;
	if (dp_protocol_send(team->port, use->choice.buckets[bucket], frame,
		    dp_rarp_build(frame, mac, tagged, tci)) == 0)
		team->n_announced++;
}

static bool on_line(void *ctx, const struct dp_fdb_line *line)
{
	struct dp_team *team = ctx;
	const struct dp_port *port = team->port->dp->by_index[line->port];

	/* There is nobody behind a mirror's output. */
	if (port && port != team->port && !team->port->is_mirror_output)
		announce(team, &team->uses[dp_team_use_of(team->port, port)], line->key);
	return false;
}

void dp_team_announce(struct dp_team *team)
{
	team->n_rounds = N_ROUNDS;
	team->at_bucket = 0;
	team->round_ms = dp_team_now_ms();
}

static void end_round(struct dp_team *team, uint64_t now_ms)
{
	team->at_bucket = 0;
	team->n_rounds--;
	team->round_ms = now_ms + ROUND_MS;
	for (unsigned i = 0; team->n_rounds == 0 && i < team->n_uses; i++)
		team->uses[i].moved = 0;
}

uint64_t dp_team_announce_more(struct dp_team *team, uint64_t now_ms)
{
	struct dp_fdb *fdb = team->port->bridge->fdb;
	uint32_t left, at = team->at_bucket;

	if (!team->n_rounds)
		return 0;
	if (now_ms < team->round_ms)
		return team->round_ms;
	left = dp_fdb_n_buckets(fdb) > at ? dp_fdb_n_buckets(fdb) - at : 0;
	(void)dp_fdb_walk(
		fdb, &team->at_bucket, RTE_MIN(left, (uint32_t)SLICE_BUCKETS), on_line, team);
	if (left <= SLICE_BUCKETS)
		end_round(team, now_ms);
	else
		team->round_ms = now_ms + SLICE_MS;
	return team->n_rounds ? team->round_ms : 0;
}

uint64_t dp_team_announced(const struct dp_port *port)
{
	return port->conf.kind == DP_PORT_TEAM ? ((const struct dp_team *)port->kind)->n_announced
					       : 0;
}
