/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Checks of one PF and its lines of VFs: only what no driver could do. What a driver or a kernel
 * cannot do is found when it is asked. Pure.
 */
#include <errno.h>
#include <string.h>

#include "api/value.h"
#include "check_parts.h"

#define VF API_SRIOV_VF

int conf_check_unicast(
	const char *mac, const char *field, struct conf_where *where, struct sh_err *err)
{
	static const uint8_t zero[6];
	uint8_t bytes[6];

	if (!mac || api_parse_mac(mac, bytes) < 0)
		return 0;
	if (memcmp(bytes, zero, 6) == 0)
		return conf_fail(where, field, err, -EINVAL,
			"%s: '%s' is not allowed: an address that is not all 0", field, mac);
	if (bytes[0] & 1)
		return conf_fail(where, field, err, -EINVAL,
			"%s: '%s' is a multicast address, which no interface can have", field, mac);
	return 0;
}

static int check_index(const struct conf_item *pf, const struct conf_item *line,
	struct conf_where *where, struct sh_err *err)
{
	uint64_t n_vfs = conf_get_uint(pf, API_SRIOV, "num_vfs", UINT64_MAX), first, last = 0;
	const char *vf = conf_get(line, VF, "vf");

	if (!vf)
		return conf_fail(where, NULL, err, -EINVAL, "vf is missing");
	(void)api_parse_range(vf, &first, &last);
	if (last < n_vfs)
		return 0;
	if (n_vfs == 0)
		return conf_fail(where, "vf", err, -EINVAL, "vf: there is no VF %llu: num_vfs is 0",
			(unsigned long long)last);
	return conf_fail(where, "vf", err, -EINVAL,
		"vf: there is no VF %llu: num_vfs is %llu, so the last is %llu",
		(unsigned long long)last, (unsigned long long)n_vfs, (unsigned long long)n_vfs - 1);
}

/* 0 is no limit. */
static int check_rates(const struct conf_item *line, const char *min_field, const char *max_field,
	struct conf_where *where, struct sh_err *err)
{
	uint64_t min = conf_get_uint(line, VF, min_field, 0);
	uint64_t max = conf_get_uint(line, VF, max_field, 0);

	if (max == 0 || min <= max)
		return 0;
	return conf_fail(where, min_field, err, -EINVAL, "%s: %llu is more than %s, %llu",
		min_field, (unsigned long long)min, max_field, (unsigned long long)max);
}

static int check_group(const struct conf *conf, const struct conf_item *line,
	struct conf_where *where, struct sh_err *err)
{
	const char *group = conf_get(line, VF, "portgroup");

	if (group && conf_get(line, VF, "vlan"))
		return conf_fail(where, "vlan", err, -EINVAL,
			"give a portgroup or a vlan, not both: the group has its VLAN");
	return conf_check_ref(conf, API_PORTGROUP, group, "portgroup", where, err);
}

static int check_line(const struct conf *conf, const struct conf_item *pf,
	const struct conf_item *line, struct conf_where *where, struct sh_err *err)
{
	int r = check_index(pf, line, where, err);

	if (r == 0)
		r = check_group(conf, line, where, err);
	if (r == 0)
		r = conf_check_unicast(conf_get(line, VF, "mac"), "mac", where, err);
	if (r == 0)
		r = conf_check_unicast(conf_get(line, VF, "hw_addr"), "hw_addr", where, err);
	if (r == 0)
		r = check_rates(line, "min_tx_rate", "max_tx_rate", where, err);
	if (r == 0)
		r = check_rates(line, "fn_tx_share", "fn_tx_max", where, err);
	return r;
}

int conf_check_sriov(const struct conf *conf, const struct conf_item *pf, struct conf_where *where,
	struct sh_err *err)
{
	const struct conf_items *lines = conf_nested(pf, API_SRIOV, "vfs");
	int r = 0;

	where->list = "vfs";
	for (uint32_t i = 0; r == 0 && i < lines->n; i++) {
		where->list_index = (int)i;
		r = check_line(conf, pf, &lines->items[i], where, err);
	}
	return r;
}
