/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One value of one field: text to canonical text, text to JSON and back. Pure; any thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/value.h"

#define NAME_MAX_LEN 63

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The digits at *text; moves it behind them. */
static int take_uint(const char **text, uint64_t *ret)
{
	const char *p = *text;
	uint64_t value = 0;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p); p++)
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
			__builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
			return -ERANGE;
	*text = p;
	*ret = value;
	return 0;
}

int api_parse_uint(const char *text, uint64_t *ret)
{
	uint64_t value;
	int r = take_uint(&text, &value);

	if (r < 0)
		return r;
	if (*text != '\0')
		return -EINVAL;
	*ret = value;
	return 0;
}

int api_parse_bool(const char *text, bool *ret)
{
	if (strcmp(text, "true") == 0)
		*ret = true;
	else if (strcmp(text, "false") == 0)
		*ret = false;
	else
		return -EINVAL;
	return 0;
}

int api_parse_mac(const char *text, uint8_t ret[6])
{
	uint8_t mac[6];

	for (int i = 0; i < 6; i++) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || text[2] != (i == 5 ? '\0' : ':'))
			return -EINVAL;
		mac[i] = (uint8_t)(high << 4 | low);
		text += 3;
	}
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

void api_format_mac(const uint8_t mac[6], char ret[18])
{
	snprintf(ret, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		mac[5]);
}

static int parse_scaled(const char *text, uint64_t step, uint64_t *ret)
{
	static const char units[] = "KMGT";
	uint64_t value;
	int r = take_uint(&text, &value);

	if (r < 0)
		return r;
	if (*text != '\0') {
		const char *unit = strchr(units, *text == 'k' ? 'K' : *text);

		if (!unit || text[1] != '\0')
			return -EINVAL;
		for (const char *u = units; u <= unit; u++)
			if (__builtin_mul_overflow(value, step, &value))
				return -ERANGE;
	}
	*ret = value;
	return 0;
}

int api_parse_size(const char *text, uint64_t *ret_bytes)
{
	return parse_scaled(text, 1024, ret_bytes);
}

int api_parse_rate(const char *text, uint64_t *ret_bps)
{
	return parse_scaled(text, 1000, ret_bps);
}

static int in_range(const struct api_field *field, uint64_t value)
{
	return value < field->min || value > field->max ? -ERANGE : 0;
}

/* One that begins with a hyphen would be an option, one with a dot a folder or a hidden file. */
static int check_name(const char *text, char *ret)
{
	size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789_.-");

	if (n == 0 || n > NAME_MAX_LEN || text[n] != '\0' || text[0] == '-' || text[0] == '.')
		return -EINVAL;
	memcpy(ret, text, n + 1);
	return 0;
}

static int check_word(const struct api_field *field, const char *text, char *ret)
{
	return strlen(text) > field->max ? -EINVAL : check_name(text, ret);
}

static int check_uint(const struct api_field *field, const char *text, char *ret)
{
	uint64_t value;
	int r = api_parse_uint(text, &value);

	if (r < 0 || in_range(field, value) < 0)
		return -EINVAL;
	snprintf(ret, API_VALUE_LEN, "%" PRIu64, value);
	return 0;
}

/* Sizes and rates keep the unit that the user wrote. */
static int check_scaled(const struct api_field *field, const char *text, char *ret)
{
	uint64_t value;
	int r = field->type == API_TYPE_SIZE ? api_parse_size(text, &value)
					     : api_parse_rate(text, &value);

	if (r < 0 || in_range(field, value) < 0)
		return -EINVAL;
	while (text[0] == '0' && is_digit(text[1]))
		text++;
	snprintf(ret, API_VALUE_LEN, "%s", text);
	return 0;
}

static int check_enum(const struct api_field *field, const char *text, char *ret)
{
	for (const char *const *word = field->words; word && *word; word++) {
		if (strcmp(*word, text) == 0) {
			snprintf(ret, API_VALUE_LEN, "%s", text);
			return 0;
		}
	}
	return -EINVAL;
}

static int check_text(const struct api_field *field, const char *text, char *ret)
{
	size_t n = strlen(text);

	if (n == 0 || n > field->max || n >= API_VALUE_LEN)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return -EINVAL;
	memcpy(ret, text, n + 1);
	return 0;
}

static int check_mac(const struct api_field *field, const char *text, char *ret)
{
	uint8_t mac[6];

	if (api_parse_mac(text, mac) < 0)
		return check_enum(field, text, ret);
	api_format_mac(mac, ret);
	return 0;
}

int api_parse_range(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
	uint64_t first, last;
	int r = take_uint(&text, &first);

	last = first;
	if (r == 0 && *text == '-') {
		text++;
		r = take_uint(&text, &last);
	}
	if (r < 0)
		return r;
	if (*text != '\0' || last < first)
		return -EINVAL;
	*ret_first = first;
	*ret_last = last;
	return 0;
}

static int check_range(const struct api_field *field, const char *text, char *ret)
{
	uint64_t first, last;
	int r = api_parse_range(text, &first, &last);

	if (r < 0 || in_range(field, first) < 0 || in_range(field, last) < 0)
		return -EINVAL;
	if (first == last)
		snprintf(ret, API_VALUE_LEN, "%" PRIu64, first);
	else
		snprintf(ret, API_VALUE_LEN, "%" PRIu64 "-%" PRIu64, first, last);
	return 0;
}

static int check_dpid(const char *text, char *ret)
{
	bool zero = true;

	for (int i = 0; i < 16; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0)
			return -EINVAL;
		zero = zero && digit == 0;
		ret[i] = "0123456789abcdef"[digit];
	}
	ret[16] = '\0';
	return text[16] != '\0' || zero ? -EINVAL : 0;
}

static int check_vlans(const char *text, char *ret)
{
	const char *p = text;

	snprintf(ret, API_VALUE_LEN, "%s", text);
	if (strcmp(text, "all") == 0)
		return 0;
	if (strlen(text) >= API_VALUE_LEN)
		return -EINVAL;
	for (;;) {
		uint64_t first, last;
		int r = take_uint(&p, &first);

		last = first;
		if (r == 0 && *p == '-') {
			p++;
			r = take_uint(&p, &last);
		}
		if (r < 0 || last < first || last > 4094)
			return -EINVAL;
		if (*p == '\0')
			return 0;
		if (*p++ != ',')
			return -EINVAL;
	}
}

static int check_one(const struct api_field *field, const char *text, char *ret);

/* A list is its values with commas between. An empty one is an empty text. */
static int check_list(const struct api_field *field, const char *text, char *ret)
{
	struct api_field one = *field;
	size_t used = 0;

	one.type = field->type == API_TYPE_UINTS   ? API_TYPE_UINT
		   : field->type == API_TYPE_NAMES ? API_TYPE_NAME
						   : API_TYPE_TEXT;
	ret[0] = '\0';
	while (*text) {
		size_t n = strcspn(text, ",");
		char item[API_VALUE_LEN], canonical[API_VALUE_LEN];

		if (n >= sizeof(item))
			return -EINVAL;
		memcpy(item, text, n);
		item[n] = '\0';
		if (check_one(&one, item, canonical) < 0)
			return -EINVAL;
		if (used + strlen(canonical) + 2 > API_VALUE_LEN)
			return -EINVAL;
		used += (size_t)snprintf(
			ret + used, API_VALUE_LEN - used, "%s%s", used ? "," : "", canonical);
		text += n;
		if (*text == ',' && *++text == '\0')
			return -EINVAL;
	}
	return 0;
}

static int check_one(const struct api_field *field, const char *text, char *ret)
{
	bool flag;

	switch (field->type) {
	case API_TYPE_NAME:
		return check_name(text, ret);
	case API_TYPE_WORD:
		return check_word(field, text, ret);
	case API_TYPE_UINT:
		return check_uint(field, text, ret);
	case API_TYPE_RANGE:
		return check_range(field, text, ret);
	case API_TYPE_BOOL:
		snprintf(ret, API_VALUE_LEN, "%s", text);
		return api_parse_bool(text, &flag);
	case API_TYPE_ENUM:
		return check_enum(field, text, ret);
	case API_TYPE_TEXT:
		return check_text(field, text, ret);
	case API_TYPE_MAC:
		return check_mac(field, text, ret);
	case API_TYPE_SIZE:
	case API_TYPE_RATE:
		return check_scaled(field, text, ret);
	case API_TYPE_VLANS:
		return check_vlans(text, ret);
	case API_TYPE_DPID:
		return check_dpid(text, ret);
	case API_TYPE_ITEM:
	case API_TYPE_ITEMS:
		return -EINVAL; /* no text can be one */
	default:
		return check_list(field, text, ret);
	}
}

int api_value_check(const struct api_field *field, const char *text, char ret[API_VALUE_LEN],
	struct sh_err *err)
{
	char allowed[384], canonical[API_VALUE_LEN];

	if (check_one(field, text, canonical) < 0)
		return sh_err_set(err, -EINVAL, "%s: '%.64s' is not allowed: %s", field->name, text,
			api_field_allowed(field, allowed, sizeof(allowed)));
	memcpy(ret, canonical, strlen(canonical) + 1);
	return 0;
}

static json_t *one_to_json(enum api_type type, const char *text)
{
	uint64_t value;
	bool flag;

	switch (type) {
	case API_TYPE_UINT:
	case API_TYPE_UINTS:
	case API_TYPE_SIZE:
	case API_TYPE_RATE:
	case API_TYPE_RANGE:
		if (api_parse_uint(text, &value) == 0)
			return json_integer((json_int_t)value);
		return json_string(text);
	case API_TYPE_BOOL:
		return api_parse_bool(text, &flag) == 0 ? json_boolean(flag) : json_string(text);
	default:
		return json_string(text);
	}
}

static json_t *list_to_json(enum api_type type, const char *text)
{
	json_t *array = json_array();

	while (array && *text) {
		size_t n = strcspn(text, ",");
		char item[API_VALUE_LEN];

		snprintf(item, sizeof(item), "%.*s", (int)n, text);
		if (json_array_append_new(array, one_to_json(type, item)) < 0) {
			json_decref(array);
			return NULL;
		}
		text += n;
		if (*text == ',')
			text++;
	}
	return array;
}

json_t *api_value_to_json(const struct api_field *field, const char *text)
{
	if (api_field_is_list(field))
		return list_to_json(field->type, text);
	return one_to_json(field->type, text);
}

/* Fits API_VALUE_LEN or fails: a text that is cut would be another value. */
static int scalar_text(const json_t *value, char *ret)
{
	int n = API_VALUE_LEN;

	switch (json_typeof(value)) {
	case JSON_STRING:
		/* "\u0000" would end the text early. */
		if (strlen(json_string_value(value)) != json_string_length(value))
			return -EINVAL;
		n = snprintf(ret, API_VALUE_LEN, "%s", json_string_value(value));
		break;
	case JSON_INTEGER:
		n = snprintf(
			ret, API_VALUE_LEN, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		n = snprintf(ret, API_VALUE_LEN, "%s", json_is_true(value) ? "true" : "false");
		break;
	default:
		return -EINVAL;
	}
	return n < 0 || n >= API_VALUE_LEN ? -EINVAL : 0;
}

static int array_text(const json_t *value, char *ret)
{
	size_t used = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < json_array_size(value); i++) {
		char item[API_VALUE_LEN];

		if (scalar_text(json_array_get(value, i), item) < 0 || strchr(item, ',') || !*item)
			return -EINVAL;
		if (used + strlen(item) + 2 > API_VALUE_LEN)
			return -EINVAL;
		used += (size_t)snprintf(
			ret + used, API_VALUE_LEN - used, "%s%s", i ? "," : "", item);
	}
	return 0;
}

int api_value_from_json(const struct api_field *field, const json_t *value, char ret[API_VALUE_LEN],
	struct sh_err *err)
{
	char text[API_VALUE_LEN], allowed[384];
	int r;

	if (json_is_array(value) && api_field_is_list(field))
		r = array_text(value, text);
	else
		r = scalar_text(value, text);
	if (r < 0)
		return sh_err_set(err, -EINVAL, "%s: this JSON value is not allowed: %s",
			field->name, api_field_allowed(field, allowed, sizeof(allowed)));
	return api_value_check(field, text, ret, err);
}
