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

/* Fields that hold an IPv4 address, a port's number. */
bool of_is_ipv4(enum of_field_id id);
bool of_is_port(enum of_field_id id);

/* From the lowest bit on. */
#define OF_N_TCP_FLAGS 12
extern const char *const of_tcp_flag_names[OF_N_TCP_FLAGS];

/* Protocols that a match names by a word, which says the type and the IP protocol. */
struct of_protocol {
	uint16_t eth_type;
	int16_t ip_proto; /* -1: any */
	const char *name;
};

#define OF_N_PROTOCOLS 15
extern const struct of_protocol of_protocols[OF_N_PROTOCOLS];

/* A big endian number of up to 8 bytes. */
uint64_t of_number(const uint8_t *bytes, size_t n);
