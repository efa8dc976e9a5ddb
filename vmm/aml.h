/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ACPI's machine language, as far as a small machine needs it (ACPI 6.5, 20.2): one function a
 * term, each appends to a buffer. Terms that hold others are opened and closed. A buffer that is
 * full stays as it is and says so at the end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define AML_DEPTH 8

struct aml {
	uint8_t *bytes;
	unsigned n, size;
	bool full;
	unsigned depth;
	unsigned open[AML_DEPTH]; /* where the length of each open term is */
};

void aml_bytes(struct aml *aml, const void *bytes, unsigned n);
void aml_number(struct aml *aml, uint64_t value);

/** Name(name, ...): what follows is its value. name: 4 letters, or with \ before them. */
void aml_name(struct aml *aml, const char *name);
/** A name of hardware: "PNP0A08". */
void aml_eisa_id(struct aml *aml, const char *id);

void aml_scope_open(struct aml *aml, const char *name);
void aml_device_open(struct aml *aml, const char *name);
void aml_package_open(struct aml *aml, uint8_t n_elements);
/** A resource template, in a buffer; resources follow. */
void aml_resources_open(struct aml *aml);
void aml_close(struct aml *aml);
void aml_resources_close(struct aml *aml);

/* Resources (ACPI 6.5, 6.4); both ends are inside. */
void aml_bus_numbers(struct aml *aml, uint16_t first, uint16_t last);
void aml_ports(struct aml *aml, uint16_t first, uint16_t n);
void aml_port_window(struct aml *aml, uint16_t first, uint16_t last);
void aml_memory32(struct aml *aml, uint32_t base, uint32_t size);
void aml_memory_window(struct aml *aml, uint64_t first, uint64_t last);
void aml_irq(struct aml *aml, unsigned irq);
