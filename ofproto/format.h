/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Values as ovs-ofctl prints them, for matches, actions and learn. Any thread.
 */
#pragma once

#include "ofproto/buf.h"
#include "ofproto/field.h"

/** A field's value in its own notation, "/mask" behind it unless mask is NULL or all ones. */
void of_format_value(
	struct of_buf *out, enum of_field_id id, const uint8_t *value, const uint8_t *mask);

void of_format_port(struct of_buf *out, uint32_t port); /* "1", "LOCAL" */
void of_format_mac(struct of_buf *out, const uint8_t *mac, const uint8_t *mask);
void of_format_ipv4(struct of_buf *out, const uint8_t *ip, const uint8_t *mask);
void of_format_ipv6(struct of_buf *out, const uint8_t *ip, const uint8_t *mask);
void of_format_frag(struct of_buf *out, uint8_t value, uint8_t mask); /* "later" */
void of_format_tcp_flags(struct of_buf *out, uint16_t value, uint16_t mask);

/** "0x" and hexadecimal digits without leading zeros; "0" alone. */
void of_format_hex(struct of_buf *out, const uint8_t *bytes, size_t n);

/* A big endian number of up to 8 bytes. */
uint64_t of_number(const uint8_t *bytes, size_t n);
