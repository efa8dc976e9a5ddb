/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The workers' side of filters.
 */
#pragma once

#include <stdbool.h>

#include "dataplane/capture.h"

/**
 * Whether the filter wants a frame.
 *
 * shape:   n bytes of it are there, of len that it has
 * thread:  any worker; the bytes do not change meanwhile
 */
bool dp_filter_takes(const struct dp_filter *f, const void *bytes, uint32_t n, uint32_t len);
