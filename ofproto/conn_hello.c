/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The handshake: both sides say which versions they speak, and the highest that both do is spoken
 * from then on (OpenFlow 1.3.5, 6.3.1 and 7.5.1). Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conn_private.h"

#define ELEM_VERSIONBITMAP 1

static unsigned highest(uint32_t versions)
{
	return versions ? 31u - (unsigned)__builtin_clz(versions) : 0;
}

static const struct of_version *highest_spoken(uint32_t versions)
{
	return of_version_by_wire((uint8_t)highest(versions & of_versions_spoken()));
}

const struct of_version *conn_version(const struct of_conn *conn)
{
	return conn->version ? conn->version : highest_spoken(UINT32_MAX);
}

void conn_hello_send(struct of_conn *conn)
{
	conn_version(conn)->put_hello(&conn->out, 0, of_versions_spoken());
}

/* return: the first bit map of versions, 0 without one. What cannot be read is passed over, as
 * elements of later versions are. */
static uint32_t bitmap_of(const uint8_t *msg, size_t n)
{
	size_t at = OF_HEADER_LEN;

	while (n - at >= 4) {
		uint16_t type = of_get_u16(msg + at), len = of_get_u16(msg + at + 2);
		size_t padded = ((size_t)len + 7) / 8 * 8;

		if (len < 4 || len > n - at)
			break;
		if (type == ELEM_VERSIONBITMAP && len >= 8)
			return of_get_u32(msg + at + 4);
		if (padded >= n - at)
			break;
		at += padded;
	}
	return 0;
}

/* Without a bit map from both sides: the lower of the two numbers, if it is spoken. */
static uint32_t common_versions(const uint8_t *msg, size_t n)
{
	uint32_t spoken = of_versions_spoken(), theirs = bitmap_of(msg, n);
	unsigned lower = highest(spoken);

	if (theirs)
		return spoken & theirs;
	if (msg[0] < lower)
		lower = msg[0];
	return spoken & 1u << lower;
}

static int refuse(struct of_conn *conn, const uint8_t *msg, const char *text)
{
	uint32_t xid = of_get_u32(msg + 4);
	struct of_err err;

	of_err_set(&err, OF_ET_HELLO_FAILED, OF_HF_INCOMPATIBLE);
	conn_version(conn)->put_error(&conn->out, xid, &err, (const uint8_t *)text, strlen(text));
	conn->counts.n_errors++;
	return -EPROTO;
}

static int refuse_versions(struct of_conn *conn, const uint8_t *msg, size_t n)
{
	char text[64];

	snprintf(text, sizeof(text), "versions spoken here: 0x%x, there: 0x%x (bit map), %u",
		of_versions_spoken(), bitmap_of(msg, n), msg[0]);
	return refuse(conn, msg, text);
}

int conn_hello_take(struct of_conn *conn, const uint8_t *msg, size_t n)
{
	uint32_t common;

	if (msg[1] == OF_TYPE_ERROR) /* it refuses ours, and is not answered */
		return -EPROTO;
	if (msg[1] != OF_TYPE_HELLO)
		return refuse(conn, msg, "the first message must be a hello");
	common = common_versions(msg, n);
	if (common == 0)
		return refuse_versions(conn, msg, n);
	conn->version = highest_spoken(common);
	return 0;
}
