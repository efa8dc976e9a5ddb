/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The model as libcyaml sees it, made from the field tables.
 */
#pragma once

#include <cyaml/cyaml.h>

const cyaml_schema_value_t *conf_schema(void);
