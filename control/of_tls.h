/* SPDX-License-Identifier: BSD-3-Clause
 *
 * TLS for OpenFlow connections: who a bridge says it is, whom it believes, and one connection's
 * handshake, reads and writes on a socket that does not block. Knows no OpenFlow. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define OF_TLS_PATH_LEN 256

/* Files in PEM. */
struct of_tls_conf {
	char private_key[OF_TLS_PATH_LEN], certificate[OF_TLS_PATH_LEN];
	char ca_certificate[OF_TLS_PATH_LEN]; /* empty: the other side is not asked who it is */
};

struct of_tls; /* what a bridge's connections share */

/**
 * Read the files. errors: -EINVAL with the file and what is wrong with it, -ENOMEM
 */
int of_tls_new(const struct of_tls_conf *conf, struct of_tls **ret, struct sh_err *err);
void of_tls_free(struct of_tls *tls);
bool of_tls_is(const struct of_tls *tls, const struct of_tls_conf *conf);

/**
 * Read files again that have changed since, as a renewed certificate. Connections that are there
 * keep to what they began with.
 *
 * errors:  as of_tls_new; what was read before then stays
 */
int of_tls_refresh(struct of_tls *tls, struct sh_err *err);

struct of_tls_conn;

/** The connection may outlive `tls`; the socket stays the caller's. errors: -ENOMEM */
int of_tls_conn_new(struct of_tls *tls, int fd, bool is_server, struct of_tls_conn **ret);
void of_tls_conn_free(struct of_tls_conn *conn);

/**
 * The three that move bytes.
 *
 * return:  handshake: 0 when it is done; read, write: bytes, read: 0 at the end
 * errors:  -EAGAIN: wait for what of_tls_conn_wants says; -EPROTO with the reason, which may be the
 *          other side's; -errno of the socket
 */
int of_tls_conn_handshake(struct of_tls_conn *conn, struct sh_err *err);
ssize_t of_tls_conn_read(struct of_tls_conn *conn, void *bytes, size_t n, struct sh_err *err);
ssize_t of_tls_conn_write(
	struct of_tls_conn *conn, const void *bytes, size_t n, struct sh_err *err);

/** EPOLLIN or EPOLLOUT, for what ended with -EAGAIN last. */
uint32_t of_tls_conn_wants(const struct of_tls_conn *conn);

/** There is more to read that the socket does not tell of. */
bool of_tls_conn_has_more(const struct of_tls_conn *conn);
