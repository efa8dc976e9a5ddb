/* SPDX-License-Identifier: BSD-3-Clause
 *
 * shunt-sriov show PF: the PF field by field, then a table of its VFs.
 */
#include <stdio.h>
#include <string.h>

#include "print.h"
#include "program.h"

static const struct print_column columns[] = {
	{ "VF", "vf", true },
	{ "ADDRESS", "address", false },
	{ "DRIVER", "driver", false },
	{ "NETDEV", "netdev", false },
	{ "REPRESENTOR", "representor", false },
	{ "MAC", "mac", false },
	{ "VLAN", "vlan", true },
	{ "QOS", "qos", true },
	{ "PROTO", "vlan_proto", false },
	{ "SPOOFCHK", "spoofchk", false },
	{ "TRUST", "trust", false },
	{ "LINK", "link_state", false },
	{ "MIN TX", "min_tx_rate", true },
	{ "MAX TX", "max_tx_rate", true },
	{ "RSS", "query_rss", false },
	{ "MSIX", "msix_vectors", true },
	{ "NODE GUID", "node_guid", false },
	{ "PORT GUID", "port_guid", false },
	{ "HW ADDR", "hw_addr", false },
	{ "FN STATE", "state", false },
	{ "FN TX SHARE", "fn_tx_share", true },
	{ "FN TX MAX", "fn_tx_max", true },
	{ "GROUP", "iommu_group", true },
	{ "ALSO IN GROUP", "iommu_others", false },
	{ "USED BY", "users", false },
};

static void print_field(const char *key, const json_t *value)
{
	if (json_is_string(value))
		printf("%-18s %s\n", key, json_string_value(value));
	else if (json_is_integer(value))
		printf("%-18s %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
	else if (json_is_boolean(value))
		printf("%-18s %s\n", key, json_is_true(value) ? "true" : "false");
}

static void print_pf(json_t *object)
{
	const json_t *vfs = json_object_get(object, "vfs");
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value)
		print_field(key, value);
	if (json_array_size(vfs)) {
		putchar('\n');
		print_table(columns, sizeof(columns) / sizeof(columns[0]), vfs);
	}
}

int program_show(struct program *program)
{
	struct sriov_host *host;
	json_t *object;

	if (sriov_host_read(program->env, program->operand, &host, &program->err) < 0)
		return program_fail(program);
	/* It may have gone away while it was read; then that is said below. */
	object = host->n_pfs ? program_pf_json(&host->pfs[0], true) : NULL;
	if (object && program->json)
		program_print_json(object);
	else if (object)
		print_pf(object);
	program_print_unread(host);
	json_decref(object);
	sriov_host_free(host);
	return object ? PROGRAM_DONE : PROGRAM_FAILED;
}
