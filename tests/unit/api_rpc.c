/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lines and JSON-RPC objects, good and bad.
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/rpc.h"

static void push(struct api_lines *lines, const char *text)
{
	assert_int_equal(api_lines_push(lines, text, strlen(text)), 0);
}

static void assert_line(struct api_lines *lines, const char *expected)
{
	const char *line;
	size_t len;

	assert_int_equal(api_lines_next(lines, &line, &len), 1);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(line, expected, len);
}

static void assert_no_line(struct api_lines *lines)
{
	const char *line;
	size_t len;

	assert_int_equal(api_lines_next(lines, &line, &len), 0);
}

static void lines_come_whole_however_the_bytes_came(void **state)
{
	struct api_lines lines;

	api_lines_init(&lines);
	assert_no_line(&lines);
	push(&lines, "ab");
	assert_no_line(&lines);
	push(&lines, "c\nde\n\nf");
	assert_line(&lines, "abc");
	assert_line(&lines, "de");
	assert_line(&lines, "");
	assert_no_line(&lines);
	push(&lines, "\n");
	assert_line(&lines, "f");
	assert_no_line(&lines);
	api_lines_done(&lines);
}

static void line_of_one_mebibyte_is_the_longest(void **state)
{
	char *text = malloc(API_MAX_LINE + 1);
	struct api_lines lines;
	const char *line;
	size_t len;

	assert_non_null(text);
	memset(text, 'x', API_MAX_LINE + 1);
	api_lines_init(&lines);
	assert_int_equal(api_lines_push(&lines, text, API_MAX_LINE), 0);
	assert_no_line(&lines);
	push(&lines, "\n");
	assert_int_equal(api_lines_next(&lines, &line, &len), 1);
	assert_int_equal(len, API_MAX_LINE);
	assert_int_equal(api_lines_push(&lines, text, API_MAX_LINE + 1), 0);
	assert_int_equal(api_lines_next(&lines, &line, &len), -EMSGSIZE);
	api_lines_done(&lines);
	free(text);
}

static int parse(const char *line, struct api_request *ret)
{
	return api_request_parse(line, strlen(line), ret, NULL);
}

static void request_is_read(void **state)
{
	struct api_request request;

	assert_int_equal(parse("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"port.add\","
			       "\"params\":{\"name\":\"web1\"}}",
				 &request),
		0);
	assert_string_equal(request.method, "port.add");
	assert_int_equal(json_integer_value(request.id), 7);
	assert_string_equal(json_string_value(json_object_get(request.params, "name")), "web1");
	api_request_done(&request);
}

static void bad_requests_get_the_standards_codes(void **state)
{
	static const struct {
		const char *line;
		int code;
	} bad[] = {
		{ "", API_RPC_PARSE },
		{ "hello", API_RPC_PARSE },
		{ "{\"jsonrpc\":\"2.0\"", API_RPC_PARSE },
		{ "{\"id\":1,\"id\":2}", API_RPC_PARSE },
		{ "[]", API_RPC_INVALID_REQUEST },
		{ "{}", API_RPC_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}", API_RPC_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", API_RPC_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", API_RPC_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"x\"}", API_RPC_INVALID_REQUEST },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":[]}",
			API_RPC_INVALID_REQUEST },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct api_request request;

		assert_int_equal(parse(bad[i].line, &request), bad[i].code);
		api_request_done(&request);
	}
}

static char *nested(unsigned depth)
{
	/* The request itself is one level, its params another. */
	char *line = malloc(2u * depth + 100);
	size_t n;

	assert_non_null(line);
	n = (size_t)sprintf(
		line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"a\":");
	for (unsigned i = 2; i < depth; i++)
		line[n++] = '[';
	for (unsigned i = 2; i < depth; i++)
		line[n++] = ']';
	memcpy(line + n, "}}", 3);
	return line;
}

static void nesting_deeper_than_32_is_refused(void **state)
{
	struct api_request request;
	char *line = nested(32);

	assert_int_equal(parse(line, &request), 0);
	api_request_done(&request);
	free(line);
	line = nested(33);
	assert_int_equal(parse(line, &request), API_RPC_PARSE);
	api_request_done(&request);
	free(line);
	line = nested(100000);
	assert_int_equal(parse(line, &request), API_RPC_PARSE);
	free(line);
}

static void brackets_in_a_text_are_no_nesting(void **state)
{
	struct api_request request;

	assert_int_equal(parse("{\"jsonrpc\":\"2.0\",\"id\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
			       "[[[[[[[[\",\"method\":\"x\"}",
				 &request),
		0);
	api_request_done(&request);
}

static void assert_built(char *line, const char *expected)
{
	assert_non_null(line);
	assert_string_equal(line, expected);
	free(line);
}

static void lines_are_built_as_documented(void **state)
{
	json_t *id = json_integer(3), *result = json_pack("{s:i}", "flushed", 2);

	assert_built(api_reply_line(id, result),
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"flushed\":2}}\n");
	assert_built(api_reply_line(id, NULL), "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}\n");
	assert_built(api_error_line(id, API_RPC_REFUSED, -ENOENT, "no"),
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32000,\"message\":\"no\","
		"\"data\":{\"errno\":\"ENOENT\"}}}\n");
	assert_built(api_error_line(NULL, API_RPC_PARSE, 0, "no"),
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":\"no\"}}"
		"\n");
	assert_built(api_progress_line(1, 2, "x"),
		"{\"jsonrpc\":\"2.0\",\"method\":\"progress\",\"params\":{\"done\":1,\"total\":2,"
		"\"text\":\"x\"}}\n");
	assert_built(api_request_line(1, "show", NULL),
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"show\",\"params\":{}}\n");
	json_decref(id);
	json_decref(result);
}

static void message_that_is_not_utf8_still_makes_an_answer(void **state)
{
	char *line = api_error_line(NULL, API_RPC_REFUSED, 0, "\xff");

	assert_non_null(line);
	assert_non_null(strstr(line, "\"code\":-32000"));
	free(line);
}

static void errno_names_go_both_ways(void **state)
{
	assert_string_equal(api_errno_name(-ENOENT), "ENOENT");
	assert_int_equal(api_errno_value("ENOENT"), -ENOENT);
	assert_int_equal(api_errno_value("EADDRINUSE"), -EADDRINUSE);
	assert_int_equal(api_errno_value("nonsense"), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_whole_however_the_bytes_came),
		cmocka_unit_test(line_of_one_mebibyte_is_the_longest),
		cmocka_unit_test(request_is_read),
		cmocka_unit_test(bad_requests_get_the_standards_codes),
		cmocka_unit_test(nesting_deeper_than_32_is_refused),
		cmocka_unit_test(brackets_in_a_text_are_no_nesting),
		cmocka_unit_test(lines_are_built_as_documented),
		cmocka_unit_test(message_that_is_not_utf8_still_makes_an_answer),
		cmocka_unit_test(errno_names_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
