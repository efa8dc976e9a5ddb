/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which line of a YAML text something stands on: libcyaml's result does not keep it.
 */
#pragma once

#include <yaml.h>

#include "conf/conf.h"

struct conf_lines {
	yaml_document_t document;
};

/** errors: -EINVAL with "FILE:LINE: ..." when the text is not YAML. */
int conf_lines_init(struct conf_lines *lines, const char *text, size_t len, const char *file,
	struct sh_err *err);
void conf_lines_done(struct conf_lines *lines);

/** return: line from 1, the item's when the field is not given, 1 when all else fails. */
unsigned conf_lines_of(struct conf_lines *lines, const struct conf_where *where);

/** return: line of the first such key at or after a line; from when there is none. */
unsigned conf_lines_of_key(struct conf_lines *lines, const char *key, unsigned from);
