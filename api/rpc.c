/* SPDX-License-Identifier: BSD-3-Clause
 *
 * JSON-RPC objects: reading a request, writing requests, replies, errors and notifications. Pure;
 * any thread.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/rpc.h"

/* Nesting of a JSON text without parsing it, so that no recursion depends on the peer. */
static unsigned text_depth(const char *text, size_t len)
{
	unsigned depth = 0, deepest = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > deepest)
				deepest = depth;
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return deepest;
}

void api_request_done(struct api_request *request)
{
	json_decref(request->root);
	memset(request, 0, sizeof(*request));
}

static int request_fields(struct api_request *request, struct sh_err *err)
{
	const char *version = json_string_value(json_object_get(request->root, "jsonrpc"));
	json_t *id = json_object_get(request->root, "id");

	if (id && !json_is_string(id) && !json_is_integer(id) && !json_is_null(id))
		return sh_err_set(err, API_RPC_INVALID_REQUEST, "id is neither text nor number");
	request->id = id;
	request->method = json_string_value(json_object_get(request->root, "method"));
	request->params = json_object_get(request->root, "params");
	if (!version || strcmp(version, "2.0") != 0)
		return sh_err_set(err, API_RPC_INVALID_REQUEST, "jsonrpc is not \"2.0\"");
	if (!request->method)
		return sh_err_set(err, API_RPC_INVALID_REQUEST, "method is missing");
	if (request->params && !json_is_object(request->params))
		return sh_err_set(err, API_RPC_INVALID_REQUEST, "params is not an object");
	return 0;
}

int api_request_parse(const char *line, size_t len, struct api_request *ret, struct sh_err *err)
{
	json_error_t error;

	memset(ret, 0, sizeof(*ret));
	if (text_depth(line, len) > API_MAX_DEPTH)
		return sh_err_set(
			err, API_RPC_PARSE, "JSON nested more than %d deep", API_MAX_DEPTH);
	ret->root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (!ret->root)
		return sh_err_set(err, API_RPC_PARSE, "not JSON: %s", error.text);
	if (!json_is_object(ret->root))
		return sh_err_set(err, API_RPC_INVALID_REQUEST, "a request is a JSON object");
	return request_fields(ret, err);
}

/* Not json_dumps: out of memory, it may leave out a key (jansson 2.14) and say nothing. */
static char *line_of(json_t *object)
{
	size_t n = object ? json_dumpb(object, NULL, 0, JSON_COMPACT) : 0;
	char *line = n ? malloc(n + 2) : NULL;

	if (line && json_dumpb(object, line, n, JSON_COMPACT) == n) {
		memcpy(line + n, "\n", 2);
	} else {
		free(line);
		line = NULL;
	}
	json_decref(object);
	return line;
}

/* json_pack does not borrow; these do what it needs for const arguments. */
static json_t *shared(const json_t *value)
{
	return value ? json_incref((json_t *)value) : json_null();
}

char *api_request_line(json_int_t id, const char *method, const json_t *params)
{
	return line_of(json_pack("{s:s, s:I, s:s, s:o}", "jsonrpc", "2.0", "id", id, "method",
		method, "params", params ? shared(params) : json_object()));
}

char *api_reply_line(const json_t *id, const json_t *result)
{
	return line_of(json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", shared(id), "result",
		result ? shared(result) : json_object()));
}

char *api_error_line(const json_t *id, int code, int error, const char *message)
{
	json_t *body = json_pack("{s:i, s:s}", "code", code, "message", message);

	/* A message may quote bytes of the peer's that are not UTF-8. */
	if (!body)
		body = json_pack("{s:i, s:s}", "code", code, "message", "refused");
	if (body && error &&
		json_object_set_new(
			body, "data", json_pack("{s:s}", "errno", api_errno_name(error))) < 0) {
		json_decref(body);
		body = NULL;
	}
	return line_of(
		json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", shared(id), "error", body));
}

char *api_progress_line(int done, int total, const char *text)
{
	return line_of(json_pack("{s:s, s:s, s:{s:i, s:i, s:s}}", "jsonrpc", "2.0", "method",
		"progress", "params", "done", done, "total", total, "text", text));
}

const char *api_errno_name(int error)
{
	const char *name = strerrorname_np(abs(error));

	return name ? name : "EIO";
}

int api_errno_value(const char *name)
{
	for (int error = 1; error < 134; error++) {
		const char *known = strerrorname_np(error);

		if (known && strcmp(known, name) == 0)
			return -error;
	}
	return -EPROTO;
}
