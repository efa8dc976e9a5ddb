/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Values as text, in the notation of ovs-ofctl and ovs-fields(7). Pure; any thread.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "format.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

uint64_t of_number(const uint8_t *bytes, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | bytes[i];
	return v;
}

static bool is_exact(const uint8_t *mask, unsigned n)
{
	for (unsigned i = 0; mask && i < n; i++)
		if (mask[i] != 0xff)
			return false;
	return true;
}

/* The length of the prefix that a mask is, or -1 if it is none. */
static int prefix_of(const uint8_t *mask, unsigned n)
{
	unsigned bits = 0;

	while (bits < 8 * n && mask[bits / 8] & 0x80 >> bits % 8)
		bits++;
	for (unsigned i = bits; i < 8 * n; i++)
		if (mask[i / 8] & 0x80 >> i % 8)
			return -1;
	return (int)bits;
}

static void put_mac(struct of_buf *out, const uint8_t *m)
{
	of_buf_printf(out, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

void of_format_mac(struct of_buf *out, const uint8_t *mac, const uint8_t *mask)
{
	put_mac(out, mac);
	if (is_exact(mask, 6))
		return;
	of_buf_put_u8(out, '/');
	put_mac(out, mask);
}

static void put_ip(struct of_buf *out, int family, const uint8_t *ip)
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(family, ip, text, sizeof(text)))
		of_buf_puts(out, text);
}

static void format_ip(struct of_buf *out, int family, const uint8_t *ip, const uint8_t *mask)
{
	unsigned n = family == AF_INET ? 4 : 16;
	int prefix;

	put_ip(out, family, ip);
	if (is_exact(mask, n))
		return;
	of_buf_put_u8(out, '/');
	prefix = prefix_of(mask, n);
	if (prefix >= 0)
		of_buf_printf(out, "%d", prefix);
	else
		put_ip(out, family, mask);
}

void of_format_ipv4(struct of_buf *out, const uint8_t *ip, const uint8_t *mask)
{
	format_ip(out, AF_INET, ip, mask);
}

void of_format_ipv6(struct of_buf *out, const uint8_t *ip, const uint8_t *mask)
{
	format_ip(out, AF_INET6, ip, mask);
}

void of_format_port(struct of_buf *out, uint32_t port)
{
	static const char *const reserved[] = { "UNSET", "IN_PORT", "TABLE", "NORMAL", "FLOOD",
		"ALL", "CONTROLLER", "LOCAL", "ANY" };

	if (port >= 0xfffffff7u)
		of_buf_puts(out, reserved[port - 0xfffffff7u]);
	else
		of_buf_printf(out, "%" PRIu32, port);
}

void of_format_frag(struct of_buf *out, uint8_t value, uint8_t mask)
{
	bool any = value & SH_FRAG_ANY, later = value & SH_FRAG_LATER;

	switch (mask & (SH_FRAG_ANY | SH_FRAG_LATER)) {
	case SH_FRAG_ANY:
		of_buf_puts(out, any ? "yes" : "no");
		break;
	case SH_FRAG_LATER:
		of_buf_puts(out, later ? "later" : "not_later");
		break;
	default:
		of_buf_puts(out, any ? (later ? "later" : "first") : (later ? "<error>" : "no"));
	}
}

const char *const of_tcp_flag_names[OF_N_TCP_FLAGS] = { "fin", "syn", "rst", "psh", "ack", "urg",
	"ece", "cwr", "ns", "[200]", "[400]", "[800]" };

/* All that are set, "syn|ack", if the mask is whole; else each that counts: "+syn-ack". */
void of_format_tcp_flags(struct of_buf *out, uint16_t value, uint16_t mask)
{
	bool is_whole = (mask & 0xfff) == 0xfff;
	size_t start = out->len;

	for (unsigned i = 0; i < OF_N_TCP_FLAGS; i++) {
		bool on = value >> i & 1;

		if (is_whole && on)
			of_buf_printf(out, "%s|", of_tcp_flag_names[i]);
		else if (!is_whole && mask >> i & 1)
			of_buf_printf(out, "%c%s", on ? '+' : '-', of_tcp_flag_names[i]);
	}
	if (is_whole)
		of_buf_chomp(out, start, '|');
	if (out->len == start)
		of_buf_puts(out, is_whole ? "0" : "0/0");
}

void of_format_hex(struct of_buf *out, const uint8_t *bytes, size_t n)
{
	while (n > 1 && !*bytes) {
		bytes++;
		n--;
	}
	of_buf_printf(out, "%#x", n > 0 ? *bytes : 0);
	for (size_t i = 1; i < n; i++)
		of_buf_printf(out, "%02x", bytes[i]);
}

static bool is_hex(enum of_field_id id)
{
	static const enum of_field_id hex[] = { OF_FIELD_METADATA, OF_FIELD_ETH_TYPE,
		OF_FIELD_IPV6_FLABEL, OF_FIELD_TUNNEL_ID, OF_FIELD_IPV6_EXTHDR, OF_FIELD_PBB_ISID,
		OF_FIELD_PKT_MARK };

	for (unsigned i = 0; i < N(hex); i++)
		if (hex[i] == id)
			return true;
	return id >= OF_FIELD_REG0;
}

static void format_number(
	struct of_buf *out, enum of_field_id id, const uint8_t *value, const uint8_t *mask)
{
	unsigned n = of_field(id)->n_bytes;
	uint8_t ones[16];

	if (is_hex(id))
		of_format_hex(out, value, n);
	else
		of_buf_printf(out, "%" PRIu64, of_number(value, n));
	of_field_ones(id, ones);
	if (!mask || !memcmp(mask, ones, n))
		return;
	of_buf_put_u8(out, '/');
	of_format_hex(out, mask, n);
}

bool of_is_ipv4(enum of_field_id id)
{
	return id == OF_FIELD_IPV4_SRC || id == OF_FIELD_IPV4_DST || id == OF_FIELD_ARP_SPA ||
	       id == OF_FIELD_ARP_TPA;
}

bool of_is_port(enum of_field_id id)
{
	return id == OF_FIELD_IN_PORT || id == OF_FIELD_IN_PHY_PORT || id == OF_FIELD_ACTSET_OUTPUT;
}

void of_format_value(
	struct of_buf *out, enum of_field_id id, const uint8_t *value, const uint8_t *mask)
{
	unsigned n = of_field(id)->n_bytes;

	if (n == 6)
		of_format_mac(out, value, mask);
	else if (n == 16)
		of_format_ipv6(out, value, mask);
	else if (of_is_ipv4(id))
		of_format_ipv4(out, value, mask);
	else if (of_is_port(id) && is_exact(mask, n))
		of_format_port(out, of_get_u32(value));
	else if (id == OF_FIELD_IP_FRAG)
		of_format_frag(out, *value, mask ? *mask : 0xff);
	else if (id == OF_FIELD_TCP_FLAGS)
		of_format_tcp_flags(out, of_get_u16(value), mask ? of_get_u16(mask) : 0xfff);
	else
		format_number(out, id, value, mask);
}
