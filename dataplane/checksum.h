/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a change of a few bytes does to the sums over all of them: the Internet checksum and SCTP's
 * CRC32c. Neither needs the other bytes. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DP_SUM_CHANGE_MAX 64 /* bytes of one change */

/**
 * By how much the one's complement sum grows when was[n] becomes is[n].
 *
 * shape:   n <= DP_SUM_CHANGE_MAX; odd: the first byte is at an odd place of what is summed up
 * return:  1 to 0xffff; 0xffff is no change
 * thread:  any
 * source:  RFC 1624
 */
uint32_t dp_sum_growth(const uint8_t *was, const uint8_t *is, uint32_t n, bool odd);

/** Let a sum, or a checksum (the complement of a sum), grow. thread: any. */
void dp_sum_grow(uint8_t *sum, uint32_t growth);
void dp_checksum_grow(uint8_t *checksum, uint32_t growth);

/**
 * What to xor to a CRC32c when was[n], with n_behind bytes behind them, becomes is[n].
 *
 * thread:  any
 * source:  RFC 9260, appendix A; a CRC of a difference is the difference of CRCs
 */
uint32_t dp_crc32c_change(const uint8_t *was, const uint8_t *is, uint32_t n, uint32_t n_behind);
