/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ACPI's machine language, written term by term. Lengths take the 4-byte form always, so that they
 * can be filled in when a term is closed.
 */
#include <string.h>

#include "aml.h"

#define LENGTH_BYTES 4

void aml_bytes(struct aml *aml, const void *bytes, unsigned n)
{
	if (aml->full || n > aml->size - aml->n) {
		aml->full = true;
		return;
	}
	memcpy(aml->bytes + aml->n, bytes, n);
	aml->n += n;
}

static void put8(struct aml *aml, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	aml_bytes(aml, &byte, 1);
}

static void put16(struct aml *aml, uint16_t value)
{
	aml_bytes(aml, &value, sizeof(value));
}

static void put32(struct aml *aml, uint32_t value)
{
	aml_bytes(aml, &value, sizeof(value));
}

static void put64(struct aml *aml, uint64_t value)
{
	aml_bytes(aml, &value, sizeof(value));
}

/* ZeroOp, OneOp, BytePrefix, WordPrefix, DWordPrefix, QWordPrefix */
void aml_number(struct aml *aml, uint64_t value)
{
	if (value <= 1) {
		put8(aml, (unsigned)value);
	} else if (value <= UINT8_MAX) {
		put8(aml, 0x0a);
		put8(aml, (unsigned)value);
	} else if (value <= UINT16_MAX) {
		put8(aml, 0x0b);
		put16(aml, (uint16_t)value);
	} else if (value <= UINT32_MAX) {
		put8(aml, 0x0c);
		put32(aml, (uint32_t)value);
	} else {
		put8(aml, 0x0e);
		put64(aml, value);
	}
}

static void put_text(struct aml *aml, const char *text)
{
	aml_bytes(aml, text, (unsigned)strlen(text));
}

void aml_name(struct aml *aml, const char *name)
{
	put8(aml, 0x08);
	put_text(aml, name);
}

static unsigned hex_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* Three letters of 5 bits, four hex digits, big endian (ACPI 6.5, 19.3.4). */
void aml_eisa_id(struct aml *aml, const char *id)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < 3; i++)
		value = value << 5 | (uint32_t)(id[i] - '@');
	for (unsigned i = 3; i < 7; i++)
		value = value << 4 | hex_digit(id[i]);
	put8(aml, 0x0c);
	put32(aml, __builtin_bswap32(value));
}

static void open_length(struct aml *aml)
{
	static const uint8_t length[LENGTH_BYTES];

	if (aml->depth == AML_DEPTH) {
		aml->full = true;
		return;
	}
	aml->open[aml->depth++] = aml->n;
	aml_bytes(aml, length, sizeof(length));
}

void aml_close(struct aml *aml)
{
	unsigned at, n;

	if (aml->full || !aml->depth)
		return;
	at = aml->open[--aml->depth];
	n = aml->n - at;
	aml->bytes[at] = (uint8_t)(0xc0 | (n & 0xf));
	aml->bytes[at + 1] = (uint8_t)(n >> 4);
	aml->bytes[at + 2] = (uint8_t)(n >> 12);
	aml->bytes[at + 3] = (uint8_t)(n >> 20);
}

void aml_scope_open(struct aml *aml, const char *name)
{
	put8(aml, 0x10);
	open_length(aml);
	put_text(aml, name);
}

void aml_device_open(struct aml *aml, const char *name)
{
	put8(aml, 0x5b);
	put8(aml, 0x82);
	open_length(aml);
	put_text(aml, name);
}

void aml_package_open(struct aml *aml, uint8_t n_elements)
{
	put8(aml, 0x12);
	open_length(aml);
	put8(aml, n_elements);
}

/* Buffer(size) { resources }; the size is a number of two bytes, filled in at the end. */
void aml_resources_open(struct aml *aml)
{
	put8(aml, 0x11);
	open_length(aml);
	put8(aml, 0x0b);
	put16(aml, 0);
}

void aml_resources_close(struct aml *aml)
{
	static const uint8_t end_tag[] = { 0x79, 0 };
	unsigned at;
	uint16_t n;

	aml_bytes(aml, end_tag, sizeof(end_tag));
	if (aml->full || !aml->depth)
		return;
	at = aml->open[aml->depth - 1] + LENGTH_BYTES + 1;
	n = (uint16_t)(aml->n - at - sizeof(n));
	memcpy(aml->bytes + at, &n, sizeof(n));
	aml_close(aml);
}

/* Word address space: granularity, minimum, maximum, translation, length. */
static void put_word_space(
	struct aml *aml, unsigned type, unsigned type_flags, uint16_t first, uint16_t last)
{
	put8(aml, 0x88);
	put16(aml, 13);
	put8(aml, type);
	put8(aml, 0x0c); /* minimum and maximum are fixed */
	put8(aml, type_flags);
	put16(aml, 0);
	put16(aml, first);
	put16(aml, last);
	put16(aml, 0);
	put16(aml, (uint16_t)(last - first + 1));
}

void aml_bus_numbers(struct aml *aml, uint16_t first, uint16_t last)
{
	put_word_space(aml, 2, 0, first, last);
}

void aml_port_window(struct aml *aml, uint16_t first, uint16_t last)
{
	put_word_space(aml, 1, 3, first, last);
}

/* An I/O port descriptor: 16 bits decoded. */
void aml_ports(struct aml *aml, uint16_t first, uint16_t n)
{
	put8(aml, 0x47);
	put8(aml, 1);
	put16(aml, first);
	put16(aml, first);
	put8(aml, 1);
	put8(aml, n);
}

void aml_memory32(struct aml *aml, uint32_t base, uint32_t size)
{
	put8(aml, 0x86);
	put16(aml, 9);
	put8(aml, 1); /* read and write */
	put32(aml, base);
	put32(aml, size);
}

/* QWord address space, memory, not cacheable, read and write. */
void aml_memory_window(struct aml *aml, uint64_t first, uint64_t last)
{
	put8(aml, 0x8a);
	put16(aml, 43);
	put8(aml, 0);
	put8(aml, 0x0c);
	put8(aml, 1);
	put64(aml, 0);
	put64(aml, first);
	put64(aml, last);
	put64(aml, 0);
	put64(aml, last - first + 1);
}

void aml_irq(struct aml *aml, unsigned irq)
{
	put8(aml, 0x22);
	put16(aml, (uint16_t)(1u << irq));
}
