/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Words off the front of a text, as ovs-ofctl cuts them: a key, and behind '=', ':' or in
 * parentheses a value. Pure; any thread.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

#define BETWEEN ", \t\r\n"

/* Behind the value that begins here: at the next separator that no parentheses hold, or at the one
 * that closes those that were opened before it. NULL when they do not match. */
static char *end_of_value(char *at, int depth)
{
	for (int opened = depth; *at; at++) {
		if (depth == 0 && strchr(BETWEEN, *at))
			return at;
		depth += (*at == '(') - (*at == ')');
		if (depth == 0 && opened)
			return at;
		if (depth < 0)
			return NULL;
	}
	return depth ? NULL : at;
}

static char *cut(char *at)
{
	if (!*at)
		return at;
	*at = '\0';
	return at + 1;
}

int of_word_next(char **at, struct of_word *ret, struct sh_err *err)
{
	char *key = *at + strspn(*at, BETWEEN), *end = key + strcspn(key, "=:()" BETWEEN), *value;

	if (!*key)
		return 0;
	ret->key = key;
	ret->mark = *end && strchr("=:(", *end) ? *end : '\0';
	value = ret->mark ? end + 1 : end;
	*at = *end == ')' ? NULL : end_of_value(value, ret->mark == '(');
	if (!*at)
		return sh_err_set(err, -EINVAL, "'%.64s': the parentheses do not match", ret->key);
	*at = cut(*at);
	*end = '\0';
	ret->value = value;
	return 1;
}

int of_parse_refuse(struct sh_err *err, const char *key, const char *text, const char *allowed)
{
	return sh_err_set(err, -EINVAL, "%.64s: '%.64s' is not allowed: %s", key, text, allowed);
}

static int read_number(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, 0);
	return *end || errno || *ret > max ? -EINVAL : 0;
}

int of_parse_number(
	const char *key, const char *text, uint64_t max, uint64_t *ret, struct sh_err *err)
{
	if (read_number(text, max, ret) == 0)
		return 0;
	return sh_err_set(err, -EINVAL,
		"%.64s: '%.64s' is not allowed: a number from 0 to %" PRIu64, key, text, max);
}

static int reserved_port(const char *text, uint32_t *ret)
{
	static const char *const names[] = { "UNSET", "IN_PORT", "TABLE", "NORMAL", "FLOOD", "ALL",
		"CONTROLLER", "LOCAL", "ANY" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcasecmp(names[i], text) != 0)
			continue;
		*ret = 0xfffffff7u + i;
		return 0;
	}
	return strcasecmp(text, "NONE") == 0 ? (*ret = OF_PORT_ANY, 0) : -ENOENT;
}

/* A name may stand in quotation marks, as newer ovs-ofctl prints it. */
static int named_port(const struct of_text_names *names, const char *text, uint32_t *ret)
{
	size_t n = strlen(text);
	char name[64];

	if (!names || !names->port)
		return -ENOENT;
	if (n >= 2 && text[0] == '"' && text[n - 1] == '"') {
		text++;
		n -= 2;
	}
	if (n >= sizeof(name))
		return -ENOENT;
	memcpy(name, text, n);
	name[n] = '\0';
	return names->port(names->ctx, name, ret);
}

int of_parse_port(const struct of_text_names *names, const char *key, const char *text,
	uint32_t *ret, struct sh_err *err)
{
	uint32_t max = names && names->max_port ? names->max_port : 0xfeff;
	uint64_t number;

	if (read_number(text, UINT32_MAX, &number) == 0) {
		/* OpenFlow 1.0's numbers of reserved ports */
		if (number >= 0xff00 && number <= 0xffff)
			number |= 0xffff0000u;
		*ret = (uint32_t)number;
		if (number <= max || number >= OF_PORT_MAX)
			return 0;
		return sh_err_set(err, -EINVAL, "%.64s: there is no port %s: the highest is %u",
			key, text, max);
	}
	if (reserved_port(text, ret) == 0 || named_port(names, text, ret) == 0)
		return 0;
	return sh_err_set(err, -EINVAL, "%.64s: no such port '%.64s'", key, text);
}
