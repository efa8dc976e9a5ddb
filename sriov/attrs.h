/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Attributes of a netlink message, sorted into a table by type, each checked for the room that its
 * reader needs.
 */
#pragma once

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * ret[type] for each type up to max (ret[max + 1]); NULL for one that is not there.
 *
 * return:  whether the attributes add up to n bytes; the table has those before where they do not
 */
bool attrs_parse(const void *bytes, size_t n, const struct nlattr **ret, uint16_t max);

/** Those behind the message's own header of header bytes. */
bool attrs_parse_msg(
	const struct nlmsghdr *nlh, size_t header, const struct nlattr **ret, uint16_t max);

/** return: the payload, NULL when there is no such attribute or less than n bytes in it */
const void *attrs_bytes(const struct nlattr *attr, size_t n);

/** return: whether there was such a number; *ret is untouched otherwise */
bool attrs_u8(const struct nlattr *attr, uint8_t *ret);
bool attrs_u16(const struct nlattr *attr, uint16_t *ret);
bool attrs_u32(const struct nlattr *attr, uint32_t *ret);
bool attrs_u64(const struct nlattr *attr, uint64_t *ret);

/** A string, cut to size; "" when there is none. */
void attrs_text(const struct nlattr *attr, char *ret, size_t size);
