/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What frames of slow protocols begin with (IEEE 802.1AX-2014, 6.4.2.3, 6.5.3 and 802.3, 57A).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AT_SUBTYPE      14
#define AT_VERSION      15
#define SUBTYPE_LACP    1
#define SUBTYPE_MARKER  2
#define AT_MARKER_TLV   16
#define MARKER_INFO     1
#define MARKER_RESPONSE 2

static const uint8_t lacp_group_address[6] = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x02 };

/** Whether it is a whole frame of that slow protocol. */
bool lacp_is_slow(const uint8_t *frame, size_t n, uint8_t subtype);
