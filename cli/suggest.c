/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What somebody may have meant by a word that is no noun or no verb: what another tool calls it, or
 * what is nearly written so. A guess must not be a trap: between words as short as 'show' and
 * 'stop' two letters are no slip.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

#define MAX_WORD   32
#define SHORT_WORD 5 /* letters, below which one may be wrong; else two */

struct other_word {
	const char *theirs, *ours;
};

/* In place of a noun: what ovs-vsctl, ovs-ofctl, ovs-appctl, ip, bridge and virsh call it. */
static const struct other_word commands[] = {
	{ "add-br", "bridge add" },
	{ "del-br", "bridge del" },
	{ "list-br", "bridge list" },
	{ "add-port", "port add" },
	{ "del-port", "port del" },
	{ "list-ports", "port list" },
	{ "set-controller", "bridge set" },
	{ "get-controller", "bridge show" },
	{ "del-controller", "bridge set" },
	{ "set-fail-mode", "bridge set" },
	{ "add-flow", "flow add" },
	{ "del-flows", "flow del" },
	{ "dump-flows", "flow list" },
	{ "dump-groups", "group list" },
	{ "dump-meters", "meter list" },
	{ "dump-tables", "table list" },
	{ "dump-ports", "port stats" },
	{ "fdb/show", "fdb list" },
	{ "fdb/flush", "fdb flush" },
	{ "ofproto/trace", "trace" },
	{ "dpif-netdev/pmd-stats-show", "worker stats" },
	{ "link", "port" },
	{ "vlan", "portgroup" },
	{ "status", "show" },
	{ "define", "vm create" },
	{ "undefine", "vm del" },
	{ "start", "vm start" },
	{ "shutdown", "vm stop" },
	{ "destroy", "vm kill" },
	{ "suspend", "vm pause" },
	{ "resume", "vm resume" },
	{ "dominfo", "vm info" },
	{ "console", "vm console" },
};

/* In place of a verb. Of those with the same word the one that the noun has is meant. */
static const struct other_word verbs[] = {
	{ "delete", "del" },
	{ "remove", "del" },
	{ "rm", "del" },
	{ "undefine", "del" },
	{ "create", "add" },
	{ "new", "add" },
	{ "add", "create" },
	{ "new", "create" },
	{ "define", "create" },
	{ "ls", "list" },
	{ "dump", "list" },
	{ "show", "info" },
	{ "get", "show" },
	{ "get", "info" },
	{ "info", "show" },
	{ "dominfo", "info" },
	{ "show", "list" },
	{ "change", "set" },
	{ "edit", "set" },
	{ "modify", "set" },
	{ "replace", "set" },
	{ "clear", "flush" },
	{ "statistics", "stats" },
	{ "shutdown", "stop" },
	{ "poweroff", "stop" },
	{ "destroy", "kill" },
	{ "suspend", "pause" },
	{ "unpause", "resume" },
	{ "save", "snapshot" },
};

static const char *candidate(const struct cli_verb *v, const char *noun)
{
	if (!noun)
		return v->noun;
	return strcmp(v->noun, noun) == 0 ? v->verb : NULL;
}

static bool is_verb_of(const char *noun, const char *verb)
{
	for (unsigned i = 0; i < cli_n_verbs; i++) {
		const char *c = candidate(&cli_verbs[i], noun);

		if (c && strcmp(c, verb) == 0)
			return true;
	}
	return false;
}

static const char *called_elsewhere(const char *noun, const char *word)
{
	const struct other_word *words = noun ? verbs : commands;
	unsigned n =
		noun ? sizeof(verbs) / sizeof(verbs[0]) : sizeof(commands) / sizeof(commands[0]);

	for (unsigned i = 0; i < n; i++)
		if (strcmp(words[i].theirs, word) == 0 &&
			(!noun || is_verb_of(noun, words[i].ours)))
			return words[i].ours;
	return NULL;
}

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters have to be added, removed, changed or exchanged with the next to make one word
 * of the other. */
static unsigned distance(const char *a, const char *b)
{
	unsigned n_a = (unsigned)strlen(a), n_b = (unsigned)strlen(b);
	unsigned d[MAX_WORD + 1][MAX_WORD + 1];

	for (unsigned i = 0; i <= n_a; i++)
		d[i][0] = i;
	for (unsigned j = 0; j <= n_b; j++)
		d[0][j] = j;
	for (unsigned i = 1; i <= n_a; i++) {
		for (unsigned j = 1; j <= n_b; j++) {
			d[i][j] = min(d[i - 1][j], d[i][j - 1]) + 1;
			d[i][j] = min(d[i][j], d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = min(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[n_a][n_b];
}

/* The start of a word is near it. Words that are too long are near nothing. */
static const char *nearest(const char *noun, const char *word)
{
	size_t n = strlen(word);
	unsigned best_distance = n < SHORT_WORD ? 2 : 3; /* nearer than that */
	const char *best = NULL;

	for (unsigned i = 0; n > 0 && n <= MAX_WORD && i < cli_n_verbs; i++) {
		const char *c = candidate(&cli_verbs[i], noun);
		unsigned at;

		if (!c || strlen(c) > MAX_WORD)
			continue;
		at = strncmp(c, word, n) == 0 ? 1 : distance(c, word);
		if (at < best_distance) {
			best = c;
			best_distance = at;
		}
	}
	return best;
}

void cli_suggest(const char *noun, const char *word)
{
	const char *best = called_elsewhere(noun, word), *last = NULL;

	if (!best)
		best = nearest(noun, word);
	if (best) {
		fprintf(stderr, ": did you mean '%s'?\n", best);
		return;
	}
	fprintf(stderr, ": one of");
	for (unsigned i = 0; i < cli_n_verbs; i++) {
		const char *c = candidate(&cli_verbs[i], noun);

		if (!c || (last && strcmp(last, c) == 0))
			continue;
		fprintf(stderr, " %s", c);
		last = c;
	}
	fputc('\n', stderr);
}
