/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Targets of OpenFlow connections: what each form means, and what is none.
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "of_target.h"

#define RUN_DIR "/run/shunt-test"

static int parse_one(const char *text, struct of_target *ret)
{
	struct sh_err err;

	return of_target_parse(&text, RUN_DIR, ret, &err);
}

/* "ADDRESS PORT", or the path. */
static const char *place_of(const struct of_target *target)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)&target->address;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&target->address;
	static char text[128];
	char ip[INET6_ADDRSTRLEN];

	if (target->address.ss_family == AF_UNIX)
		return ((const struct sockaddr_un *)&target->address)->sun_path;
	if (target->address.ss_family == AF_INET)
		snprintf(text, sizeof(text), "%s %u",
			inet_ntop(AF_INET, &four->sin_addr, ip, sizeof(ip)), ntohs(four->sin_port));
	else
		snprintf(text, sizeof(text), "%s %u",
			inet_ntop(AF_INET6, &six->sin6_addr, ip, sizeof(ip)),
			ntohs(six->sin6_port));
	return text;
}

static void each_form_says_where_and_how(void **state)
{
	static const struct {
		const char *text, *place;
		bool is_passive, is_tls;
	} rows[] = {
		{ "tcp:192.0.2.1", "192.0.2.1 6653", false, false },
		{ "tcp:192.0.2.1:6633", "192.0.2.1 6633", false, false },
		{ "tcp:[2001:db8::1]", "2001:db8::1 6653", false, false },
		{ "ssl:[2001:db8::1]:1", "2001:db8::1 1", false, true },
		{ "ssl:192.0.2.1:65535", "192.0.2.1 65535", false, true },
		{ "unix:x.sock", RUN_DIR "/x.sock", false, false },
		{ "unix:/x.sock", "/x.sock", false, false },
		{ "ptcp:", "127.0.0.1 6653", true, false },
		{ "ptcp:6654", "127.0.0.1 6654", true, false },
		{ "ptcp:6654:192.0.2.1", "192.0.2.1 6654", true, false },
		{ "ptcp::192.0.2.1", "192.0.2.1 6653", true, false },
		{ "pssl:6654:[::]", ":: 6654", true, true },
		{ "punix:br0.mgmt", RUN_DIR "/br0.mgmt", true, false },
		{ "punix:ssl:x", RUN_DIR "/ssl:x", true, false },
	};
	struct of_target target;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse_one(rows[i].text, &target), 0);
		assert_string_equal(target.text, rows[i].text);
		assert_string_equal(place_of(&target), rows[i].place);
		assert_int_equal(target.is_passive, rows[i].is_passive);
		assert_int_equal(target.is_tls, rows[i].is_tls);
	}
}

static void what_is_no_target_is_refused(void **state)
{
	static const char *const texts[] = { "", "tcp", "tcp:", "tcp:example.org",
		"tcp:192.0.2.1:0", "tcp:192.0.2.1:65536", "tcp:192.0.2.1:6653x", "tcp:192.0.2",
		"ssl:2001:db8::1:1", "tcp:[2001:db8::1", "ptcp:x",
		"ptcp:6653:", "ptcp:6653:[::", "pssl:-1", "udp:192.0.2.1", "TCP:192.0.2.1",
		" tcp:192.0.2.1" };
	struct of_target target;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (parse_one(texts[i], &target) != -EINVAL)
			fail_msg("'%s' is taken", texts[i]);
}

static void paths_and_targets_have_a_length(void **state)
{
	char text[2 * OF_TARGET_LEN] = "punix:/";
	struct of_target target;

	memset(text + strlen(text), 'x', 101);
	assert_int_equal(parse_one(text, &target), 0);
	memset(text + strlen("punix:/"), 'x', 107);
	assert_int_equal(parse_one(text, &target), -ENAMETOOLONG);
	memset(text + strlen("punix:/"), 'x', OF_TARGET_LEN);
	assert_int_equal(parse_one(text, &target), -ENAMETOOLONG);
}

static void a_list_is_read_one_by_one(void **state)
{
	const char *list = "tcp:192.0.2.1,unix:a,pssl:1";
	struct of_target target;
	struct sh_err err;

	assert_int_equal(of_target_parse(&list, RUN_DIR, &target, &err), 0);
	assert_string_equal(target.text, "tcp:192.0.2.1");
	assert_int_equal(of_target_parse(&list, RUN_DIR, &target, &err), 0);
	assert_string_equal(target.text, "unix:a");
	assert_int_equal(of_target_parse(&list, RUN_DIR, &target, &err), 0);
	assert_string_equal(place_of(&target), "127.0.0.1 1");
	assert_string_equal(list, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_says_where_and_how),
		cmocka_unit_test(what_is_no_target_is_refused),
		cmocka_unit_test(paths_and_targets_have_a_length),
		cmocka_unit_test(a_list_is_read_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
