/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One item of the model as a JSON object and back, by the same tables as the YAML. Pure.
 */
#pragma once

#include <jansson.h>

#include "conf/conf.h"

/** The fields that are given. return: NULL when out of memory. */
json_t *conf_item_to_json(const struct conf_item *item, enum api_noun noun);

/**
 * Field number i of the noun's table; null when it is not given, or the item is NULL.
 *
 * errors:  NULL when out of memory
 */
json_t *conf_field_to_json(const struct conf_item *item, enum api_noun noun, unsigned i);

/**
 * Set what an object gives; null removes a field, a list of nested items replaces what was there, a
 * nested mapping is itself set field by field.
 *
 * errors:  -EINVAL (unknown field, value not allowed), -ENOMEM
 */
int conf_item_from_json(
	struct conf_item *item, enum api_noun noun, const json_t *object, struct sh_err *err);

/** The whole model, lists and singles under their keys. return: NULL when out of memory. */
json_t *conf_to_json(const struct conf *conf);
