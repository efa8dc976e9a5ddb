/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading targets: a word before the colon, then a path, or an address and a port in either order.
 * Pure.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/paths.h"
#include "of_target.h"

static int set_unix(struct of_target *t, const char *run_dir, const char *path, struct sh_err *err)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&t->address;

	un->sun_family = AF_UNIX;
	t->address_len = sizeof(*un);
	return sh_socket_path(run_dir, path, un->sun_path, sizeof(un->sun_path), err);
}

static int set_port(const char *text, uint16_t *ret)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (end == text || *end || port == 0 || port > UINT16_MAX)
		return -EINVAL;
	*ret = htons((uint16_t)port);
	return 0;
}

static int set_ip(struct of_target *t, const char *host, const char *port)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&t->address;
	struct sockaddr_in *four = (struct sockaddr_in *)&t->address;
	uint16_t number = htons(OF_DEFAULT_PORT);

	if (port && *port && set_port(port, &number) < 0)
		return -EINVAL;
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = number;
		t->address_len = sizeof(*four);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &six->sin6_addr) != 1)
		return -EINVAL;
	six->sin6_family = AF_INET6;
	six->sin6_port = number;
	t->address_len = sizeof(*six);
	return 0;
}

/* Cut "HOST:PORT" or "[HOST]:PORT" in two; *port is NULL without one. */
static void cut_host(char *text, char **host, char **port)
{
	char *end = *text == '[' ? strchr(text, ']') : NULL;

	*host = end ? text + 1 : text;
	*port = strchr(end ? end : text, ':');
	if (end)
		*end = '\0';
	if (*port)
		*(*port)++ = '\0';
}

static int parse_active(struct of_target *t, char *rest)
{
	char *host, *port;

	cut_host(rest, &host, &port);
	return set_ip(t, host, port);
}

static int parse_passive(struct of_target *t, char *rest)
{
	char *address = strchr(rest, ':'), *host, *ignored;

	if (!address)
		return set_ip(t, "127.0.0.1", rest);
	*address++ = '\0';
	cut_host(address, &host, &ignored);
	if (*address != '[')
		host = address;
	return set_ip(t, host, rest);
}

static bool begins(const char *text, const char *word, char *rest)
{
	size_t n = strlen(word);

	if (strncmp(text, word, n) != 0)
		return false;
	snprintf(rest, OF_TARGET_LEN, "%s", text + n);
	return true;
}

static int parse(struct of_target *t, const char *run_dir, struct sh_err *err)
{
	char rest[OF_TARGET_LEN];

	if (begins(t->text, "unix:", rest))
		return set_unix(t, run_dir, rest, err);
	t->is_passive = t->text[0] == 'p';
	if (begins(t->text, "punix:", rest))
		return set_unix(t, run_dir, rest, err);
	t->is_tls = strstr(t->text, "ssl:") != NULL;
	if (begins(t->text, "tcp:", rest) || begins(t->text, "ssl:", rest)) {
		if (parse_active(t, rest) == 0)
			return 0;
	} else if (begins(t->text, "ptcp:", rest) || begins(t->text, "pssl:", rest)) {
		if (parse_passive(t, rest) == 0)
			return 0;
	}
	return sh_err_set(err, -EINVAL,
		"controllers: '%s' is not allowed: tcp:ADDRESS[:PORT], ssl:ADDRESS[:PORT], "
		"unix:PATH, ptcp:[PORT][:ADDRESS], pssl:[PORT][:ADDRESS] or punix:PATH",
		t->text);
}

int of_target_parse(
	const char **list, const char *run_dir, struct of_target *ret, struct sh_err *err)
{
	size_t n = strcspn(*list, ",");

	memset(ret, 0, sizeof(*ret));
	if (n >= sizeof(ret->text))
		return sh_err_set(err, -ENAMETOOLONG, "controllers: a target of %zu bytes", n);
	memcpy(ret->text, *list, n);
	*list += n + ((*list)[n] == ',');
	return parse(ret, run_dir, err);
}
