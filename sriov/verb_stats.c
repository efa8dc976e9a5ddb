/* SPDX-License-Identifier: BSD-3-Clause
 *
 * shunt-sriov stats [PF] [--watch]: the counters of VFs, once, or every second what came to them.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "print.h"
#include "program.h"

#define WATCH_S 1

static const struct print_column columns[] = {
	{ "PF", "pf", false },
	{ "VF", "vf", true },
	{ "RX PACKETS", "rx_packets", true },
	{ "RX BYTES", "rx_bytes", true },
	{ "RX DROPPED", "rx_dropped", true },
	{ "TX PACKETS", "tx_packets", true },
	{ "TX BYTES", "tx_bytes", true },
	{ "TX DROPPED", "tx_dropped", true },
	{ "BROADCAST", "broadcast", true },
	{ "MULTICAST", "multicast", true },
};

/* {pf, vf, and the counters} */
static json_t *row(const struct sriov_pf *pf, const struct sriov_vf *vf)
{
	json_t *all = program_vf_json(vf);
	json_t *object = json_pack("{s:s, s:I}", "pf", *pf->netdev ? pf->netdev : pf->address, "vf",
		(json_int_t)vf->index);

	json_object_update(object, json_object_get(all, "stats"));
	json_decref(all);
	return object;
}

static json_t *rows(const struct sriov_host *host)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < host->n_pfs; i++)
		for (uint32_t k = 0; k < host->pfs[i].n_vfs; k++)
			if (host->pfs[i].vfs[k].known & 1u << SRIOV_STATS)
				json_array_append_new(
					array, row(&host->pfs[i], &host->pfs[i].vfs[k]));
	return array;
}

static json_t *find_row(const json_t *array, const json_t *like)
{
	json_t *object;
	size_t i;

	json_array_foreach (array, i, object)
		if (json_equal(json_object_get(object, "pf"), json_object_get(like, "pf")) &&
			json_equal(json_object_get(object, "vf"), json_object_get(like, "vf")))
			return object;
	return NULL;
}

/* What came since; a VF that was made anew has counted from 0 again. */
static json_t *difference(const json_t *before, const json_t *now)
{
	json_t *array = json_deep_copy(now), *object, *value;
	const char *key;
	size_t i;

	json_array_foreach (array, i, object) {
		const json_t *old = find_row(before, object);

		json_object_foreach (object, key, value) {
			json_int_t was = json_integer_value(json_object_get(old, key));

			if (strcmp(key, "vf") != 0 && json_is_integer(value) &&
				was <= json_integer_value(value))
				json_integer_set(value, json_integer_value(value) - was);
		}
	}
	return array;
}

static void print(const struct program *program, const json_t *array)
{
	if (program->json && program_value(program, "watch")) {
		/* A line each time, for whoever reads along. */
		json_dumpf(array, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (program->json) {
		program_print_json(array);
	} else {
		print_table(columns, sizeof(columns) / sizeof(columns[0]), array);
	}
	fflush(stdout);
}

static int read_rows(struct program *program, json_t **ret, bool first)
{
	struct sriov_host *host;
	int r = sriov_host_read(program->env, program->operand, &host, &program->err);

	if (r < 0)
		return r;
	*ret = rows(host);
	if (first)
		program_print_unread(host);
	sriov_host_free(host);
	return 0;
}

int program_stats(struct program *program)
{
	bool watch = program_value(program, "watch");
	json_t *before = NULL, *now;
	int r;

	r = read_rows(program, &before, true);
	if (r < 0)
		return program_fail(program);
	print(program, before);
	/* Until interrupted, or the reader of the output leaves. */
	while (watch && !ferror(stdout)) {
		json_t *since;

		sleep(WATCH_S);
		r = read_rows(program, &now, false);
		if (r < 0)
			break;
		since = difference(before, now);
		if (!program->json)
			putchar('\n');
		print(program, since);
		json_decref(since);
		json_decref(before);
		before = now;
	}
	json_decref(before);
	return r < 0 ? program_fail(program) : PROGRAM_DONE;
}
