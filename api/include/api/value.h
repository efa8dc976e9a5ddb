/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One value of one field, as text (YAML, command line) and as JSON. Text is the model's form: what
 * passes api_value_check is canonical, so equal values are equal texts. Pure functions.
 */
#pragma once

#include <jansson.h>

#include "api/fields.h"
#include "base/err.h"

#define API_VALUE_LEN 2048 /* bytes of the longest canonical value, with its 0 */

/**
 * Check a text and write its canonical form: numbers without leading zeros, MACs in lower case.
 *
 * errors:  -EINVAL, with "FIELD: 'TEXT' is not allowed: WHAT IS"
 * thread:  any
 */
int api_value_check(const struct api_field *field, const char *text, char ret[API_VALUE_LEN],
	struct sh_err *err);

/**
 * A checked text as JSON: a number, a boolean, a string, an array.
 *
 * errors:  NULL when out of memory
 */
json_t *api_value_to_json(const struct api_field *field, const char *text);

/**
 * JSON to canonical text. Numbers, booleans and lists may also be given as their text.
 *
 * errors:  -EINVAL, as api_value_check
 */
int api_value_from_json(const struct api_field *field, const json_t *value, char ret[API_VALUE_LEN],
	struct sh_err *err);

/* Readers of single types. errors: -EINVAL (not one), -ERANGE (too big to hold). */
int api_parse_uint(const char *text, uint64_t *ret);
int api_parse_bool(const char *text, bool *ret);
int api_parse_range(const char *text, uint64_t *ret_first, uint64_t *ret_last);
int api_parse_mac(const char *text, uint8_t ret[6]);
int api_parse_size(const char *text, uint64_t *ret_bytes);
int api_parse_rate(const char *text, uint64_t *ret_bps);
void api_format_mac(const uint8_t mac[6], char ret[18]);
