/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The configuration's vocabulary: one table a noun, one row a field. The YAML schema, the checks of
 * JSON parameters, the command line's options and completion, and shunt.yaml(5) are all made from
 * these rows, so they cannot differ.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define API_MAX_FIELDS 64 /* of one noun */
#define API_MAX_NESTED 4  /* fields of one noun that hold items of other nouns */
#define API_MAX_LISTS  4  /* fields of one noun that are lists of values */

enum api_noun {
	API_WORKERS,
	API_MEMORY,
	API_LLDP,
	API_BRIDGE,
	API_PORTGROUP,
	API_PORT,
	API_FDB,
	API_MIRROR,
	API_SRIOV,
	API_VM,
	API_N_KEYS, /* of a configuration file; the nouns below stand inside others */
	API_SRIOV_VF = API_N_KEYS,
	API_VM_MEMORY,
	API_VM_DISK,
	API_VM_NIC,
	API_VM_PIN,
	API_N_NOUNS,
};

enum api_type {
	API_TYPE_NAME, /* 1 to 63 characters of A-Z a-z 0-9 _ . -; refers to ref, or is its own name
			*/
	API_TYPE_UINT, /* min to max */
	API_TYPE_BOOL, /* true or false */
	API_TYPE_ENUM, /* one of words */
	API_TYPE_TEXT, /* any text without control characters, 1 to max bytes */
	API_TYPE_WORD, /* as a name, but of something that is not configured here */
	API_TYPE_MAC,  /* 02:00:00:00:00:01, or one of words */
	API_TYPE_SIZE, /* bytes: 65536, 64K, 512M, 1G (times 1024) */
	API_TYPE_RATE, /* bits a second: 1000, 64K, 100M, 1G (times 1000) */
	API_TYPE_VLANS, /* 10,20-29 or all */
	API_TYPE_RANGE, /* 3, or 0-3; min to max each */
	API_TYPE_DPID,  /* 16 hex digits */
	API_TYPE_UINTS, /* a list of numbers, min to max each; 1,2 on the command line */
	API_TYPE_TEXTS, /* a list of texts; a,b on the command line */
	API_TYPE_NAMES, /* a list of names, which refer to ref; a,b on the command line */
	API_TYPE_ITEM,  /* one item of the noun ref */
	API_TYPE_ITEMS, /* a list of items of the noun ref */
};

/* Where a field may be set on a port group and on a port: the port's value wins. */
#define API_INHERITED 1u
/* What makes the thing: a change is a new one in its place, not a change of the one there is. */
#define API_MAKING 2u

struct api_field {
	const char *name; /* as in YAML and JSON; the command line's has hyphens for _ */
	enum api_type type;
	unsigned flags;
	uint64_t min, max;
	const char *const *words; /* API_TYPE_ENUM: the allowed words, NULL at the end */
	enum api_noun ref;        /* the noun that a name names, the table's own for "name"; the
				     noun of nested items */
	const char *def;          /* default as text for people, NULL when there is none */
	const char *help;         /* one sentence, lower case, no full stop */
};

struct api_table {
	const char *noun; /* as in the command line and in method names: "port" */
	const char *key;  /* of the configuration file: "ports"; of nested items: their field */
	bool single;      /* one object, not a list */
	const char *help;
	const struct api_field *fields;
	unsigned n_fields;
};

extern const struct api_table api_tables[API_N_NOUNS];

/** return: NULL when there is no such field. thread: any. */
const struct api_field *api_field_find(enum api_noun noun, const char *name);

/** return: index in the table, -1 when there is no such field. thread: any. */
int api_field_index(enum api_noun noun, const char *name);

static inline bool api_field_is_nested(const struct api_field *field)
{
	return field->type == API_TYPE_ITEM || field->type == API_TYPE_ITEMS;
}

static inline bool api_field_is_list(const struct api_field *field)
{
	return field->type == API_TYPE_UINTS || field->type == API_TYPE_TEXTS ||
	       field->type == API_TYPE_NAMES;
}

/** return: how many nested fields of the noun's stand before a nested one. thread: any. */
unsigned api_field_slot(enum api_noun noun, const struct api_field *field);

/** The same of fields that are lists of values. */
unsigned api_field_list_slot(enum api_noun noun, const struct api_field *field);

/** "vcpus, memory, kernel": the names of a noun's fields. */
const char *api_field_names(enum api_noun noun, char *text, unsigned size);

/**
 * What a field allows, for people: "a number from 0 to 4094", "accept or reject".
 *
 * return:  text
 * thread:  any
 */
const char *api_field_allowed(const struct api_field *field, char *text, unsigned size);
