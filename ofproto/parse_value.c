/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Values in the notation of their field, the way back of format.c. Pure; any thread.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "oxm.h"
#include "parse.h"

#define N(list) (sizeof(list) / sizeof(*(list)))

static int hex_digit(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

int of_parse_mac(const char *text, uint8_t ret[6])
{
	for (int i = 0; i < 6; i++) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

		if (high < 0)
			return -EINVAL;
		ret[i] = (uint8_t)(low < 0 ? high : high << 4 | low);
		text += low < 0 ? 1 : 2;
		if (*text++ != (i < 5 ? ':' : '\0'))
			return -EINVAL;
	}
	return 0;
}

static int mac_value(const char *text, const char *mask_text, uint8_t *value, uint8_t *mask)
{
	int r = of_parse_mac(text, value);

	return r == 0 && mask_text ? of_parse_mac(mask_text, mask) : r;
}

static void set_prefix(uint8_t *mask, unsigned n_bytes, unsigned long prefix)
{
	memset(mask, 0, n_bytes);
	for (unsigned i = 0; i < prefix; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

/* A mask is a prefix's length, or an address. */
static int ip_value(
	int family, const char *text, const char *mask_text, uint8_t *value, uint8_t *mask)
{
	unsigned n_bytes = family == AF_INET ? 4 : 16;
	unsigned long prefix;
	char *end;

	if (inet_pton(family, text, value) != 1)
		return -EINVAL;
	if (!mask_text)
		return 0;
	if (inet_pton(family, mask_text, mask) == 1)
		return 0;
	prefix = strtoul(mask_text, &end, 10);
	if (!isdigit((unsigned char)*mask_text) || *end || prefix > 8 * n_bytes)
		return -EINVAL;
	set_prefix(mask, n_bytes, prefix);
	return 0;
}

static int number_piece(enum of_field_id id, const char *text, uint8_t *ret)
{
	const struct of_field *f = of_field(id);
	uint64_t v, max = UINT64_MAX >> (64 - f->n_bits);
	int r = of_parse_number("", text, max, &v, NULL);

	for (unsigned i = 0; r == 0 && i < f->n_bytes; i++)
		ret[i] = (uint8_t)(v >> 8 * (f->n_bytes - 1 - i));
	return r;
}

static int number_value(
	enum of_field_id id, const char *text, const char *mask_text, uint8_t *value, uint8_t *mask)
{
	int r = number_piece(id, text, value);

	return r == 0 && mask_text ? number_piece(id, mask_text, mask) : r;
}

/* clang-format off */
static const struct { const char *name; uint8_t value, mask; } frags[] = {
	{ "no", 0, SH_FRAG_ANY | SH_FRAG_LATER },
	{ "yes", SH_FRAG_ANY, SH_FRAG_ANY },
	{ "first", SH_FRAG_ANY, SH_FRAG_ANY | SH_FRAG_LATER },
	{ "later", SH_FRAG_ANY | SH_FRAG_LATER, SH_FRAG_ANY | SH_FRAG_LATER },
	{ "not_later", 0, SH_FRAG_LATER },
	/* A later one that is none: what ovs-ofctl prints of a match that no frame has */
	{ "<error>", SH_FRAG_LATER, SH_FRAG_ANY | SH_FRAG_LATER },
};
/* clang-format on */

static int frag_value(const char *text, uint8_t *value, uint8_t *mask)
{
	for (unsigned i = 0; i < N(frags); i++) {
		if (strcmp(frags[i].name, text) != 0)
			continue;
		*value = frags[i].value;
		*mask = frags[i].mask;
		return 0;
	}
	return -EINVAL;
}

/* A flag's bit, and how long its name is; 0 for none. */
static uint16_t flag_at(const char *text, size_t *ret_n)
{
	*ret_n = strcspn(text, "+-|");
	for (unsigned i = 0; i < OF_N_TCP_FLAGS; i++)
		if (strlen(of_tcp_flag_names[i]) == *ret_n &&
			strncmp(of_tcp_flag_names[i], text, *ret_n) == 0)
			return (uint16_t)(1u << i);
	return 0;
}

/* "+syn-ack": those that count; "syn|ack": those that are set, and all count. */
static int flags_value(const char *text, uint8_t *value, uint8_t *mask)
{
	bool is_some = *text == '+' || *text == '-';
	unsigned on = 0, counts = 0;
	size_t n;

	for (const char *at = text; *at; at += n) {
		bool is_off = *at == '-';
		uint16_t flag;

		if (is_some ? *at != '+' && *at != '-' : at != text && *at != '|')
			return -EINVAL;
		at += is_some || at != text;
		flag = flag_at(at, &n);
		if (!flag || counts & flag)
			return -EINVAL;
		counts |= flag;
		on |= is_off ? 0 : flag;
	}
	if (!is_some)
		counts = 0xfff;
	value[0] = (uint8_t)(on >> 8);
	value[1] = (uint8_t)on;
	mask[0] = (uint8_t)(counts >> 8);
	mask[1] = (uint8_t)counts;
	return 0;
}

static const char *allowed(enum of_field_id id)
{
	switch (of_field(id)->n_bytes) {
	case 6:
		return "a MAC address, with a mask behind /";
	case 16:
		return "an IPv6 address, with a prefix or mask behind /";
	default:
		break;
	}
	if (of_is_ipv4(id))
		return "an IPv4 address, with a prefix or mask behind /";
	if (id == OF_FIELD_IP_FRAG)
		return "no, yes, first, later or not_later";
	if (id == OF_FIELD_TCP_FLAGS)
		return "flags as +syn-ack or syn|ack, or a number";
	return "a number that fits the field, with a mask behind /";
}

static int read_value(
	enum of_field_id id, const char *text, const char *mask_text, uint8_t *value, uint8_t *mask)
{
	unsigned n = of_field(id)->n_bytes;

	if (n == 6)
		return mac_value(text, mask_text, value, mask);
	if (n == 16)
		return ip_value(AF_INET6, text, mask_text, value, mask);
	if (of_is_ipv4(id))
		return ip_value(AF_INET, text, mask_text, value, mask);
	if (id == OF_FIELD_IP_FRAG && !mask_text && frag_value(text, value, mask) == 0)
		return 0;
	if (id == OF_FIELD_TCP_FLAGS && !mask_text && !isdigit((unsigned char)*text) && *text)
		return flags_value(text, value, mask);
	return number_value(id, text, mask_text, value, mask);
}

static int port_value(const struct of_text_names *names, const char *key, const char *text,
	uint8_t *value, struct sh_err *err)
{
	uint32_t port;
	int r = of_parse_port(names, key, text, &port, err);

	for (unsigned i = 0; r == 0 && i < 4; i++)
		value[i] = (uint8_t)(port >> (24 - 8 * i));
	return r;
}

static bool is_part(const struct of_field *f, const uint8_t *mask, const uint8_t *ones)
{
	static const uint8_t zeros[16];

	return memcmp(mask, ones, f->n_bytes) != 0 && memcmp(mask, zeros, f->n_bytes) != 0;
}

int of_parse_value(const struct of_text_names *names, enum of_field_id id, const char *key,
	char *text, uint8_t value[16], uint8_t mask[16], struct sh_err *err)
{
	const struct of_field *f = of_field(id);
	char *slash = strchr(text, '/');
	uint8_t ones[16];

	of_field_ones(id, ones);
	memcpy(mask, ones, f->n_bytes);
	if (of_is_port(id))
		return port_value(names, key, text, value, err);
	if (slash)
		*slash = '\0';
	if (read_value(id, text, slash ? slash + 1 : NULL, value, mask) < 0) {
		if (slash)
			*slash = '/';
		return of_parse_refuse(err, key, text, allowed(id));
	}
	if (!f->maskable && is_part(f, mask, ones))
		return sh_err_set(err, -EINVAL, "%.64s takes no mask", key);
	return 0;
}
