/* SPDX-License-Identifier: BSD-3-Clause
 *
 * shunt-sriov list: the PFs of this host.
 */
#include <stdio.h>

#include "print.h"
#include "program.h"

static const struct print_column columns[] = {
	{ "PF", "pf", false },
	{ "ADDRESS", "address", false },
	{ "DRIVER", "driver", false },
	{ "FIRMWARE", "firmware", false },
	{ "NUMA", "numa_node", true },
	{ "LINK", "link", false },
	{ "MBPS", "link_mbps", true },
	{ "VFS", "num_vfs", true },
	{ "TOTAL VFS", "total_vfs", true },
	{ "ESWITCH", "eswitch", false },
};

int program_list(struct program *program)
{
	struct sriov_host *host;
	json_t *array;

	if (sriov_host_read(program->env, NULL, &host, &program->err) < 0)
		return program_fail(program);
	array = json_array();
	for (uint32_t i = 0; i < host->n_pfs; i++)
		json_array_append_new(array, program_pf_json(&host->pfs[i], false));
	if (program->json)
		program_print_json(array);
	else if (host->n_pfs)
		print_table(columns, sizeof(columns) / sizeof(columns[0]), array);
	else
		fprintf(stderr, "shunt-sriov: no device with SR-IOV here; if there should be one, "
				"switch SR-IOV on in the firmware of the host and of the NIC\n");
	program_print_unread(host);
	json_decref(array);
	sriov_host_free(host);
	return PROGRAM_DONE;
}
