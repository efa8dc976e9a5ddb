/* SPDX-License-Identifier: BSD-3-Clause
 *
 * JSON-RPC 2.0 as doc/api.md has it: cutting a byte stream into lines within its limits, reading
 * a request, and writing what may be sent. Pure functions over memory; no sockets.
 */
#pragma once

#include <stddef.h>
#include <jansson.h>

#include "base/err.h"

#define API_MAX_LINE  (1u << 20) /* bytes, without the newline */
#define API_MAX_DEPTH 32

enum api_rpc_code {
	API_RPC_PARSE = -32700,
	API_RPC_INVALID_REQUEST = -32600,
	API_RPC_NO_METHOD = -32601,
	API_RPC_INVALID_PARAMS = -32602,
	API_RPC_REFUSED = -32000,
};

/* Bytes received and not yet taken as lines. */
struct api_lines {
	char *data;
	size_t len, size;
	size_t start;   /* of the first line not taken */
	size_t scanned; /* no newline before here */
};

void api_lines_init(struct api_lines *lines);
void api_lines_done(struct api_lines *lines);

/** errors: -ENOMEM. */
int api_lines_push(struct api_lines *lines, const void *bytes, size_t n);

/**
 * Take the next line, without its newline.
 *
 * return:  1 and a line that is valid until the next push; 0 when there is none yet
 * errors:  -EMSGSIZE (a line longer than API_MAX_LINE)
 */
int api_lines_next(struct api_lines *lines, const char **ret_line, size_t *ret_len);

struct api_request {
	json_t *id;     /* borrowed from root; NULL when none was given */
	json_t *params; /* borrowed from root; an object; NULL when none was given */
	const char *method;
	json_t *root;
};

void api_request_done(struct api_request *request);

/**
 * Read one line as a request.
 *
 * return:  0, or the enum api_rpc_code to answer with, and err's sentence
 * errors:  a line that is no request leaves ret->id set if it could be read
 */
int api_request_parse(const char *line, size_t len, struct api_request *ret, struct sh_err *err);

/* Builders: a line with its newline, to be freed by the caller; NULL when out of memory. */
char *api_request_line(json_int_t id, const char *method, const json_t *params);
char *api_reply_line(const json_t *id, const json_t *result);
char *api_error_line(const json_t *id, int code, int error, const char *message);
char *api_progress_line(int done, int total, const char *text);

/** "ENOENT" of 2 (or -2); "EIO" for a number that has no name. */
const char *api_errno_name(int error);

/** -2 of "ENOENT"; -EPROTO for a name unknown here. */
int api_errno_value(const char *name);
