/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `shunt trace`: a frame from a match, from hexadecimal digits or from a capture goes to the
 * daemon, and what it tells is printed, a block a table.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli.h"

#define MAX_FRAME 65535

/* libpcap's file format, of either byte order. */
#define PCAP_MAGIC      0xa1b2c3d4u
#define PCAP_MAGIC_NS   0xa1b23c4du
#define PCAP_ETHERNET   1
#define PCAP_HEADER_LEN 24

static uint32_t word_at(const uint8_t *p, bool is_swapped)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return is_swapped ? __builtin_bswap32(v) : v;
}

static bool is_magic(uint32_t v)
{
	return v == PCAP_MAGIC || v == PCAP_MAGIC_NS;
}

/* The first frame. return: its length */
static int read_pcap(const char *path, uint8_t frame[MAX_FRAME], struct sh_err *err)
{
	_cleanup_fclose_ FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	uint8_t header[PCAP_HEADER_LEN + 16];
	bool is_swapped;
	uint32_t n;

	if (!f)
		return sh_err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (fread(header, sizeof(header), 1, f) != 1)
		return sh_err_set(err, -EINVAL, "%s: no frame in it", path);
	is_swapped = !is_magic(word_at(header, false));
	if (!is_magic(word_at(header, is_swapped)))
		return sh_err_set(err, -EINVAL, "%s: no capture in libpcap's format", path);
	if ((word_at(header + 20, is_swapped) & 0xffff) != PCAP_ETHERNET)
		return sh_err_set(err, -EINVAL, "%s: not a capture of Ethernet", path);
	n = word_at(header + PCAP_HEADER_LEN + 8, is_swapped);
	if (n == 0 || n > MAX_FRAME || fread(frame, n, 1, f) != 1)
		return sh_err_set(err, -EINVAL, "%s: its first frame is cut", path);
	return (int)n;
}

/* "pcap" is the command line's; the daemon takes the frame. */
static int take_pcap(struct cli *cli, struct sh_err *err)
{
	static uint8_t frame[MAX_FRAME];
	static char hex[2 * MAX_FRAME + 1];
	const char *path = json_string_value(json_object_get(cli->args.params, "pcap"));
	int n = path ? read_pcap(path, frame, err) : 0;

	if (n <= 0)
		return n;
	for (int i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", frame[i]);
	json_object_del(cli->args.params, "pcap");
	json_object_set_new(cli->args.params, "frame", json_string(hex));
	return 0;
}

int cli_trace(struct cli *cli)
{
	struct sh_err err;

	if (take_pcap(cli, &err) < 0)
		return cli_fail(cli, err.text);
	return cli_call(cli);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static void indent(int n)
{
	printf("%*s", 4 * n, "");
}

static void print_clauses(const json_t *clauses, int depth)
{
	json_t *clause;
	size_t i;

	json_array_foreach (clauses, i, clause) {
		const char *match = text_of(clause, "match");

		indent(depth + 1);
		printf("by %s%s%s\n", match, *match ? ": " : "", text_of(clause, "actions"));
	}
}

static void print_lookup(const json_t *lookup, int depth)
{
	int table = (int)json_integer_value(json_object_get(lookup, "table"));
	const char *match = text_of(lookup, "match");

	indent(depth);
	if (!json_object_get(lookup, "priority")) {
		printf("table %d: no flow matches\n", table);
		return;
	}
	printf("table %d: priority %d%s%s  cookie %s\n", table,
		(int)json_integer_value(json_object_get(lookup, "priority")), *match ? ", " : "",
		match, text_of(lookup, "cookie"));
	print_clauses(json_object_get(lookup, "clauses"), depth);
}

static void print_learn(const json_t *flow, int depth)
{
	const char *match = text_of(flow, "match");

	indent(depth);
	printf("learns: table %d, priority %d%s%s, actions %s\n",
		(int)json_integer_value(json_object_get(flow, "table")),
		(int)json_integer_value(json_object_get(flow, "priority")), *match ? ", " : "",
		match, text_of(flow, "actions"));
}

static void print_normal(const json_t *normal, int depth)
{
	indent(depth);
	if (json_object_get(normal, "drop")) {
		printf("dropped: %s (%s)\n", text_of(normal, "drop"), text_of(normal, "reason"));
		return;
	}
	printf("VLAN %d: ", (int)json_integer_value(json_object_get(normal, "vlan")));
	if (json_is_true(json_object_get(normal, "floods")))
		printf("the destination is not known, to all ports of the VLAN");
	else
		printf("the destination is known on %s", text_of(normal, "known"));
	printf("%s\n", json_is_true(json_object_get(normal, "learns"))
			       ? "; the source would be learned"
			       : "");
}

static void print_output(const json_t *output, int depth)
{
	const char *change = text_of(output, "changed");

	indent(depth);
	if (json_object_get(output, "drop"))
		printf("-> %s: dropped: %s (%s)\n", text_of(output, "port"),
			text_of(output, "drop"), text_of(output, "reason"));
	else
		printf("-> %s: %d bytes%s%s\n", text_of(output, "port"),
			(int)json_integer_value(json_object_get(output, "n_bytes")),
			*change ? ", " : "", change);
}

static void print_end_of_tcp(const json_t *timeouts, int depth)
{
	int idle_s = (int)json_integer_value(json_object_get(timeouts, "idle_timeout"));
	int hard_s = (int)json_integer_value(json_object_get(timeouts, "hard_timeout"));

	indent(depth);
	printf("ends a connection: the flow's timeouts are at most");
	if (idle_s)
		printf(" %d s idle", idle_s);
	if (hard_s)
		printf("%s %d s in all", idle_s ? "," : "", hard_s);
	printf("\n");
}

static void print_step(const json_t *step, bool *in_set)
{
	int depth = (int)json_integer_value(json_object_get(step, "depth"));
	const json_t *value;

	if ((value = json_object_get(step, "lookup"))) {
		print_lookup(value, depth);
	} else if ((value = json_object_get(step, "action"))) {
		indent(depth + 1);
		puts(json_string_value(value));
	} else if ((value = json_object_get(step, "set_action"))) {
		if (!*in_set)
			puts("action set:");
		*in_set = true;
		indent(depth + 1);
		puts(json_string_value(value));
	} else if ((value = json_object_get(step, "learn"))) {
		print_learn(value, depth + 2);
	} else if ((value = json_object_get(step, "ends_tcp"))) {
		print_end_of_tcp(value, depth + 2);
	} else if ((value = json_object_get(step, "normal"))) {
		print_normal(value, depth + 2);
	} else if ((value = json_object_get(step, "output"))) {
		print_output(value, depth + 2);
	}
}

void cli_print_trace(struct cli *cli, const json_t *result)
{
	const json_t *outputs = json_object_get(result, "outputs");
	bool in_set = false;
	json_t *object;
	size_t i;

	printf("%s\n", text_of(result, "match"));
	json_array_foreach (json_object_get(result, "steps"), i, object)
		print_step(object, &in_set);
	printf("outputs:\n");
	json_array_foreach (outputs, i, object)
		print_output(object, 1);
	if (*text_of(result, "drop"))
		printf("    none: %s (%s)\n", text_of(result, "drop"), text_of(result, "reason"));
}
