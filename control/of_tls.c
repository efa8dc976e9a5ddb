/* SPDX-License-Identifier: BSD-3-Clause
 *
 * OpenSSL, and nothing of it outside: contexts from files, and connections that never block. The
 * other side's certificate is held against the configured authority and not against a name, since
 * targets are addresses. TLS 1.2 and later. Control thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "of_tls.h"

#define N_FILES 3

/* What a file was when it was read. */
struct stamp {
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct of_tls {
	struct of_tls_conf conf;
	SSL_CTX *ctx;
	struct stamp stamps[N_FILES];
};

struct of_tls_conn {
	SSL *ssl;
	uint32_t wants;
	bool is_over; /* no more may be said, not even good-bye */
};

/* The first of OpenSSL's complaints is the cause; the later ones only follow from it. */
static const char *reason(void)
{
	unsigned long error = ERR_peek_error();
	const char *text = ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error))
						   : ERR_reason_error_string(error);

	return text ? text : "no reason given";
}

/* The names by which users know the files. */
static int refuse(struct sh_err *err, const char *field, const char *path)
{
	return sh_err_set(err, -EINVAL, "%s: '%s': %s", field, path, reason());
}

/* Nobody is there to type a passphrase. */
static int no_passphrase(char *buf, int size, int writing, void *was_asked)
{
	*(bool *)was_asked = true;
	return -1;
}

static int read_key(SSL_CTX *ctx, const char *path, struct sh_err *err)
{
	bool was_asked = false;
	int r;

	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &was_asked);
	/* A key of another certificate is refused here. */
	r = SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	if (was_asked)
		return sh_err_set(err, -EINVAL,
			"ssl_private_key: '%s': it has a passphrase, and nobody to type it", path);
	return r == 1 ? 0 : refuse(err, "ssl_private_key", path);
}

static int read_identity(SSL_CTX *ctx, const struct of_tls_conf *conf, struct sh_err *err)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, conf->certificate) != 1)
		return refuse(err, "ssl_certificate", conf->certificate);
	return read_key(ctx, conf->private_key, err);
}

static int read_authority(SSL_CTX *ctx, const char *path, struct sh_err *err)
{
	STACK_OF(X509_NAME) * names;

	if (SSL_CTX_load_verify_file(ctx, path) != 1)
		return refuse(err, "ssl_ca_certificate", path);
	names = SSL_load_client_CA_file(path);
	if (!names)
		return refuse(err, "ssl_ca_certificate", path);
	SSL_CTX_set_client_CA_list(ctx, names);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return 0;
}

static int set_up(SSL_CTX *ctx, const struct of_tls_conf *conf, struct sh_err *err)
{
	int r;

	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return sh_err_set(err, -EINVAL, "TLS: %s", reason());
	/* Messages say how long they are, so that an end without a good-bye loses nothing; nothing
	 * is resumed, so that each connection shows its certificate. */
	SSL_CTX_set_options(
		ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	/* The output grows and moves while a record waits. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	r = read_identity(ctx, conf, err);
	if (r == 0 && *conf->ca_certificate)
		r = read_authority(ctx, conf->ca_certificate, err);
	return r;
}

static int make_context(const struct of_tls_conf *conf, SSL_CTX **ret, struct sh_err *err)
{
	SSL_CTX *ctx;
	int r;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_method());
	if (!ctx)
		return sh_err_set(err, -ENOMEM, "TLS: %s", reason());
	r = set_up(ctx, conf, err);
	if (r < 0)
		SSL_CTX_free(ctx);
	else
		*ret = ctx;
	return r;
}

static void take_stamps(const struct of_tls_conf *conf, struct stamp stamps[N_FILES])
{
	const char *const paths[N_FILES] = { conf->private_key, conf->certificate,
		conf->ca_certificate };

	memset(stamps, 0, N_FILES * sizeof(*stamps));
	for (unsigned i = 0; i < N_FILES; i++) {
		struct stat st;

		if (*paths[i] && stat(paths[i], &st) == 0)
			stamps[i] = (struct stamp){ st.st_ino, st.st_size, st.st_mtim };
	}
}

static bool is_same(const struct stamp *a, const struct stamp *b)
{
	return a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

int of_tls_new(const struct of_tls_conf *conf, struct of_tls **ret, struct sh_err *err)
{
	struct of_tls *tls = calloc(1, sizeof(*tls));
	int r;

	if (!tls)
		return sh_err_set(err, -ENOMEM, "out of memory");
	tls->conf = *conf;
	/* Before they are read: a change meanwhile is then seen. */
	take_stamps(conf, tls->stamps);
	r = make_context(conf, &tls->ctx, err);
	if (r < 0)
		of_tls_free(tls);
	else
		*ret = tls;
	return r;
}

void of_tls_free(struct of_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}

bool of_tls_is(const struct of_tls *tls, const struct of_tls_conf *conf)
{
	return strcmp(tls->conf.private_key, conf->private_key) == 0 &&
	       strcmp(tls->conf.certificate, conf->certificate) == 0 &&
	       strcmp(tls->conf.ca_certificate, conf->ca_certificate) == 0;
}

int of_tls_refresh(struct of_tls *tls, struct sh_err *err)
{
	struct stamp now[N_FILES];
	bool changed = false;
	SSL_CTX *fresh;
	int r;

	take_stamps(&tls->conf, now);
	for (unsigned i = 0; i < N_FILES; i++)
		changed = changed || !is_same(&now[i], &tls->stamps[i]);
	if (!changed)
		return 0;
	r = make_context(&tls->conf, &fresh, err);
	if (r < 0)
		return r;
	SSL_CTX_free(tls->ctx);
	tls->ctx = fresh;
	memcpy(tls->stamps, now, sizeof(now));
	return 0;
}

int of_tls_conn_new(struct of_tls *tls, int fd, bool is_server, struct of_tls_conn **ret)
{
	struct of_tls_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return -ENOMEM;
	ERR_clear_error();
	conn->ssl = SSL_new(tls->ctx);
	if (!conn->ssl || SSL_set_fd(conn->ssl, fd) != 1) {
		of_tls_conn_free(conn);
		return -ENOMEM;
	}
	if (is_server)
		SSL_set_accept_state(conn->ssl);
	else
		SSL_set_connect_state(conn->ssl);
	*ret = conn;
	return 0;
}

void of_tls_conn_free(struct of_tls_conn *conn)
{
	if (!conn)
		return;
	ERR_clear_error();
	if (conn->ssl && !conn->is_over && SSL_is_init_finished(conn->ssl))
		(void)SSL_shutdown(conn->ssl);
	SSL_free(conn->ssl);
	free(conn);
}

/* What a certificate lacks says more than that it failed. */
static int refused(struct of_tls_conn *conn, struct sh_err *err)
{
	long verdict = SSL_get_verify_result(conn->ssl);

	if (verdict != X509_V_OK && !SSL_is_init_finished(conn->ssl))
		return sh_err_set(err, -EPROTO, "its certificate is refused: %s",
			X509_verify_cert_error_string(verdict));
	return sh_err_set(err, -EPROTO, "TLS: %s", reason());
}

/* return: -errno of an operation that returned r <= 0; 0: the other side said good-bye */
static int why(struct of_tls_conn *conn, int r, int error, struct sh_err *err)
{
	switch (SSL_get_error(conn->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		conn->wants = EPOLLIN;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		conn->wants = EPOLLOUT;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		conn->is_over = true;
		r = error ? -error : -ECONNRESET;
		return sh_err_set(err, r, "%s", strerror(-r));
	default:
		conn->is_over = true;
		return refused(conn, err);
	}
}

int of_tls_conn_handshake(struct of_tls_conn *conn, struct sh_err *err)
{
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(conn->ssl);
	if (r == 1)
		return 0;
	r = why(conn, r, errno, err);
	return r == 0 ? sh_err_set(err, -ECONNRESET, "closed during the TLS handshake") : r;
}

ssize_t of_tls_conn_read(struct of_tls_conn *conn, void *bytes, size_t n, struct sh_err *err)
{
	size_t got;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_read_ex(conn->ssl, bytes, n, &got);
	return r == 1 ? (ssize_t)got : why(conn, r, errno, err);
}

ssize_t of_tls_conn_write(struct of_tls_conn *conn, const void *bytes, size_t n, struct sh_err *err)
{
	size_t sent;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_write_ex(conn->ssl, bytes, n, &sent);
	if (r == 1)
		return (ssize_t)sent;
	r = why(conn, r, errno, err);
	return r == 0 ? sh_err_set(err, -EPIPE, "%s", strerror(EPIPE)) : r;
}

uint32_t of_tls_conn_wants(const struct of_tls_conn *conn)
{
	return conn->wants;
}

bool of_tls_conn_has_more(const struct of_tls_conn *conn)
{
	return SSL_pending(conn->ssl) > 0;
}
