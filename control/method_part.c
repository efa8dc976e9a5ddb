/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lists that may be long come in parts. A million flows make a gigabyte of JSON, and nothing else
 * is done while it is made; so one answer holds some thousands, and the next one goes on behind the
 * last object that the caller has. Control thread.
 */
#include <errno.h>

#include "method.h"

static int no_object(struct sh_err *err)
{
	return sh_err_set(err, -EINVAL, "after: an object of an earlier answer is expected");
}

/* Without a limit all that there are are asked for, and then so many that it shows when they are
 * too many. */
static int read_limit(const struct call *call, size_t min, size_t *ret, struct sh_err *err)
{
	const json_t *limit = json_object_get(call->params, "limit");

	*ret = limit ? (size_t)json_integer_value(limit) : METHOD_MAX_PART + min;
	if (limit && (!json_is_integer(limit) || json_integer_value(limit) < (json_int_t)min ||
			     json_integer_value(limit) > METHOD_MAX_PART))
		return sh_err_set(
			err, -EINVAL, "limit: %zu to %d is allowed", min, METHOD_MAX_PART);
	return 0;
}

int method_part(const struct call *call, size_t min, struct method_part *ret, struct sh_err *err)
{
	ret->after = json_object_get(call->params, "after");
	ret->from = json_string_value(json_object_get(ret->after, "bridge"));
	if (ret->after && !ret->from)
		return no_object(err);
	return read_limit(call, min, &ret->limit, err);
}

int method_after(const struct method_part *part, const char *name, json_int_t max, json_int_t *ret,
	struct sh_err *err)
{
	const json_t *value = json_object_get(part->after, name);

	*ret = json_integer_value(value);
	return json_is_integer(value) && *ret >= 0 && *ret <= max ? 0 : no_object(err);
}

int method_part_check(const struct method_part *part, const json_t *array, struct sh_err *err)
{
	if (part->limit <= METHOD_MAX_PART || json_array_size(array) <= METHOD_MAX_PART)
		return 0;
	return sh_err_set(err, -E2BIG,
		"there are more than %d: ask for them in parts, by limit and after",
		METHOD_MAX_PART);
}
