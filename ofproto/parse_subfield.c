/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bits of fields from text, the way back of of_subfield_format. Pure; any thread.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "subfield.h"

#define ALLOWED "a field with bits as NXM_NX_REG0[0..15] or reg0[3]"

/* "[]", "[3]", "[0..15]" behind the name, or nothing. errors: -EINVAL */
static int read_bits(const char *at, unsigned n_all, unsigned *ret_first, unsigned *ret_n)
{
	unsigned long first, last;
	char *end;

	*ret_first = 0;
	*ret_n = n_all;
	if (!*at || strcmp(at, "[]") == 0)
		return 0;
	if (!isdigit((unsigned char)at[1]))
		return -EINVAL;
	last = first = strtoul(at + 1, &end, 10);
	if (strncmp(end, "..", 2) == 0 && isdigit((unsigned char)end[2]))
		last = strtoul(end + 2, &end, 10);
	if (strcmp(end, "]") != 0 || last < first || last >= n_all)
		return -EINVAL;
	*ret_first = (unsigned)first;
	*ret_n = (unsigned)(last - first) + 1;
	return 0;
}

/* By the long names that are printed, or by a match's. */
static uint32_t header_of(const char *name, unsigned *ret_bits)
{
	uint32_t header = of_subfield_by_name(name, ret_bits);
	int id = header ? -1 : of_field_pick(name, 0);
	const struct of_field *f;

	/* NXM_OF_IN_PORT's header is the number 2, so 0 is none. */
	if (header || id < 0)
		return header;
	f = of_field((enum of_field_id)id);
	*ret_bits = of_subfield_bits((enum of_field_id)id);
	return f->nxm ? f->nxm : f->header;
}

int of_parse_subfield(
	const char *key, const char *text, struct of_subfield *ret, struct sh_err *err)
{
	size_t n = strcspn(text, "[");
	unsigned n_all, first, n_bits;
	uint32_t header;
	char name[64];

	if (n >= sizeof(name))
		return of_parse_refuse(err, key, text, ALLOWED);
	memcpy(name, text, n);
	name[n] = '\0';
	header = header_of(name, &n_all);
	if (!header)
		return sh_err_set(err, -EINVAL, "%.64s: '%.64s' is no field", key, name);
	if (read_bits(text + n, n_all, &first, &n_bits) < 0 ||
		of_subfield_decode(header, first, n_bits, ret, NULL) < 0)
		return of_parse_refuse(err, key, text, ALLOWED);
	return 0;
}
