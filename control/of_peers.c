/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Listening, connecting and connecting again. Control thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "change.h"
#include "of_peer.h"
#include "of_peers.h"
#include "of_target.h"
#include "peer.h"

#define MAX_PEERS     256 /* of one target: those of another still come in */
#define BACKLOG       64
#define MAX_BACKOFF_S 8

/* One target: a listener and those who came by it, or what is connected to. */
struct endpoint {
	LIST_ENTRY(endpoint) link;
	struct of_peers *peers;
	struct of_target target;
	sd_event_source *source; /* of a listener */
	int fd;                  /* of a listener */
	LIST_HEAD(, of_peer) of;
	unsigned n;
	unsigned backoff_s, wait_s; /* of an active one: between tries, until the next */
	bool is_wanted, was_up;
};

struct of_peers {
	struct ctl *ctl;
	struct openflow *of;
	char name[DP_NAME_LEN];
	char management[DP_NAME_LEN + 16]; /* the target that is always there */
	struct of_tls *tls;                /* NULL: not configured */
	LIST_HEAD(, endpoint) endpoints;
	struct sh_log_limit limit;
};

static void drop_peer(struct endpoint *e, struct of_peer *peer)
{
	LIST_REMOVE(peer, link);
	e->n--;
	of_peer_free(peer);
}

static bool may_log(struct of_peers *peers)
{
	uint64_t n_suppressed;

	return sh_log_limit(&peers->limit, openflow_now_ns(), &n_suppressed);
}

static void put_off(struct endpoint *e, unsigned backoff_s)
{
	e->backoff_s = backoff_s < MAX_BACKOFF_S ? backoff_s : MAX_BACKOFF_S;
	e->wait_s = e->backoff_s;
}

static void log_no_connection(const struct endpoint *e, const char *why)
{
	if (e->backoff_s <= 1)
		sh_log_warn("bridge '%s': no connection to controller %s: %s, trying again",
			e->peers->name, e->target.text, why);
}

static void controller_gone(struct endpoint *e, const struct of_peer *peer, const char *why)
{
	bool was_up = of_conn_is_up(peer->conn);

	if (was_up)
		sh_log_notice(
			"bridge '%s': controller %s left: %s", e->peers->name, e->target.text, why);
	else
		log_no_connection(e, why);
	put_off(e, was_up || !e->backoff_s ? 1 : e->backoff_s * 2);
}

/* shape: text of at least INET6_ADDRSTRLEN bytes */
static const char *remote_address(const struct of_peer *peer, char *text)
{
	struct sockaddr_storage from;
	const struct sockaddr_in *four = (const struct sockaddr_in *)&from;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&from;
	socklen_t len = sizeof(from);
	const void *address;

	if (getpeername(peer->fd, (struct sockaddr *)&from, &len) < 0)
		return "somebody who is gone";
	address = from.ss_family == AF_INET ? (const void *)&four->sin_addr : &six->sin6_addr;
	return inet_ntop(from.ss_family, address, text, INET6_ADDRSTRLEN) ? text : "somebody";
}

static void log_refused(struct endpoint *e, const struct of_peer *peer, const char *why)
{
	char from[INET6_ADDRSTRLEN];

	if (may_log(e->peers))
		sh_log_warn("bridge '%s': no TLS with %s at %s: %s", e->peers->name,
			remote_address(peer, from), e->target.text, why);
}

static void gone(void *ctx, struct of_peer *peer, int error)
{
	const char *why = *peer->why.text ? peer->why.text : strerror(-error);
	struct endpoint *e = ctx;

	if (!e->target.is_passive)
		controller_gone(e, peer, why);
	else if (peer->is_shaking)
		log_refused(e, peer, why);
	drop_peer(e, peer);
}

static int start_tls(struct endpoint *e, struct of_peer *peer)
{
	struct of_tls *tls = e->peers->tls;
	struct sh_err err;

	if (!tls)
		return -EINVAL;
	if (of_tls_refresh(tls, &err) < 0 && may_log(e->peers))
		sh_log_warn("bridge '%s': TLS goes on with the files as they were: %s",
			e->peers->name, err.text);
	peer->is_shaking = true;
	peer->identity = tls;
	return of_tls_conn_new(tls, peer->fd, e->target.is_passive, &peer->tls);
}

static int add_peer(struct endpoint *e, int fd, bool is_connecting)
{
	struct of_peer *peer;
	int r = of_peer_new(e->peers->of, e->peers->ctl->sw.event, fd, e->target.is_passive, &peer);

	if (r < 0)
		return r;
	peer->gone = gone;
	peer->ctx = e;
	peer->is_connecting = is_connecting;
	r = e->target.is_tls ? start_tls(e, peer) : 0;
	if (r < 0) {
		of_peer_free(peer);
		return r;
	}
	LIST_INSERT_HEAD(&e->of, peer, link);
	e->n++;
	return 0;
}

static int on_accept(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct endpoint *e = ctx;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client < 0) {
		/* It stays readable: wait for the tick in place of spinning. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
		return 0;
	}
	if (e->n >= MAX_PEERS) {
		close(client);
		return 0;
	}
	if (e->target.address.ss_family == AF_UNIX && !peer_is_allowed(client))
		close(client);
	else
		(void)add_peer(e, client, false);
	return 0;
}

static int open_socket(const struct of_target *target)
{
	return socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* A socket that nobody serves any more is in the way; one that somebody serves is his, and be it
 * shuntd's own. */
static int clear_path(const struct of_target *target)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&target->address;
	_cleanup_close_ int fd = open_socket(target);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (lstat(un->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (connect(fd, (const struct sockaddr *)un, target->address_len) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	return unlink(un->sun_path) < 0 ? -errno : 0;
}

static int bind_at(int fd, const struct of_target *target)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)&target->address;
	int one = 1, r;

	if (target->address.ss_family == AF_UNIX) {
		r = clear_path(target);
		if (r < 0)
			return r;
	} else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0) {
		return -errno;
	}
	if (bind(fd, (const struct sockaddr *)&target->address, target->address_len) < 0)
		return -errno;
	if (target->address.ss_family == AF_UNIX)
		peer_set_mode(un->sun_path);
	return listen(fd, BACKLOG) < 0 ? -errno : 0;
}

static int start_listening(struct endpoint *e, struct sh_err *err)
{
	_cleanup_close_ int fd = open_socket(&e->target);
	int r = fd < 0 ? -errno : bind_at(fd, &e->target);

	if (r == 0)
		e->fd = TAKE_FD(fd);
	if (r == 0)
		r = sd_event_add_io(
			e->peers->ctl->sw.event, &e->source, e->fd, EPOLLIN, on_accept, e);
	if (r < 0)
		return sh_err_set(err, r, "cannot listen at %s: %s", e->target.text, strerror(-r));
	return 0;
}

static void try_to_connect(struct endpoint *e)
{
	int fd = open_socket(&e->target), r = 0;

	e->wait_s = e->backoff_s ? e->backoff_s : 1;
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&e->target.address, e->target.address_len) < 0)
		r = errno;
	if (r == 0 || r == EINPROGRESS) {
		(void)add_peer(e, fd, r == EINPROGRESS);
		return;
	}
	close(fd);
	log_no_connection(e, strerror(r));
	put_off(e, e->backoff_s ? e->backoff_s * 2 : 1);
}

static void endpoint_free(struct endpoint *e)
{
	while (!LIST_EMPTY(&e->of))
		drop_peer(e, LIST_FIRST(&e->of));
	sd_event_source_disable_unref(e->source);
	if (e->fd >= 0) {
		close(e->fd);
		if (e->target.address.ss_family == AF_UNIX)
			unlink(((struct sockaddr_un *)&e->target.address)->sun_path);
	}
	free(e);
}

static struct endpoint *find(struct of_peers *peers, const char *text)
{
	struct endpoint *e;

	LIST_FOREACH (e, &peers->endpoints, link)
		if (strcmp(e->target.text, text) == 0)
			return e;
	return NULL;
}

static int need(struct of_peers *peers, const struct of_target *target, struct sh_err *err)
{
	struct endpoint *e = find(peers, target->text);
	int r;

	if (e) {
		e->is_wanted = true;
		return 0;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return sh_err_set(err, -ENOMEM, "out of memory");
	e->peers = peers;
	e->target = *target;
	e->fd = -1;
	LIST_INIT(&e->of);
	r = target->is_passive ? start_listening(e, err) : 0;
	if (r < 0) {
		endpoint_free(e);
		return r;
	}
	e->is_wanted = true;
	LIST_INSERT_HEAD(&peers->endpoints, e, link);
	if (!target->is_passive)
		try_to_connect(e);
	return 0;
}

static int need_all(struct of_peers *peers, const char *list, struct sh_err *err)
{
	int r = 0;

	while (r == 0 && list && *list) {
		struct of_target target;

		r = of_target_parse(&list, peers->ctl->env.run_dir, &target, err);
		if (r == 0)
			r = need(peers, &target, err);
	}
	return r;
}

static int set_endpoints(struct of_peers *peers, const char *targets, struct sh_err *err)
{
	struct endpoint *e, *next;
	int r;

	LIST_FOREACH (e, &peers->endpoints, link)
		e->is_wanted = false;
	r = need_all(peers, peers->management, err);
	if (r == 0)
		r = need_all(peers, targets, err);
	if (r < 0)
		return r;
	for (e = LIST_FIRST(&peers->endpoints); e; e = next) {
		next = LIST_NEXT(e, link);
		if (e->is_wanted)
			continue;
		LIST_REMOVE(e, link);
		endpoint_free(e);
	}
	return 0;
}

/* The files that are read already, others, or none. */
static int find_tls(const struct of_peers *peers, const struct of_tls_conf *conf,
	struct of_tls **ret, struct sh_err *err)
{
	*ret = NULL;
	if (!*conf->private_key || !*conf->certificate)
		return 0;
	if (!peers->tls || !of_tls_is(peers->tls, conf))
		return of_tls_new(conf, ret, err);
	*ret = peers->tls;
	return 0;
}

/* Those of another identity than the one that holds now. */
static void drop_strangers(struct endpoint *e)
{
	struct of_peer *peer, *next;

	for (peer = LIST_FIRST(&e->of); peer; peer = next) {
		next = LIST_NEXT(peer, link);
		if (!peer->tls || peer->identity == e->peers->tls)
			continue;
		drop_peer(e, peer);
		e->wait_s = 0;
	}
}

int of_peers_set(struct of_peers *peers, const struct openflow_conf *conf, struct sh_err *err)
{
	struct of_tls *before = peers->tls, *fresh, *unused;
	struct endpoint *e;
	int r = find_tls(peers, &conf->tls, &fresh, err);

	if (r < 0)
		return r;
	peers->tls = fresh;
	r = set_endpoints(peers, conf->controllers, err);
	if (r < 0)
		peers->tls = before;
	unused = r < 0 ? fresh : before;
	LIST_FOREACH (e, &peers->endpoints, link)
		drop_strangers(e);
	if (unused != peers->tls)
		of_tls_free(unused);
	return r;
}

void of_peers_part(struct of_peers *peers)
{
	struct endpoint *e;

	LIST_FOREACH (e, &peers->endpoints, link) {
		while (!LIST_EMPTY(&e->of))
			drop_peer(e, LIST_FIRST(&e->of));
		e->wait_s = 0;
	}
}

int of_peers_new(struct ctl *ctl, struct openflow *of, const char *name, struct of_peers **ret,
	struct sh_err *err)
{
	struct of_peers *peers = calloc(1, sizeof(*peers));

	if (!peers)
		return sh_err_set(err, -ENOMEM, "out of memory");
	peers->ctl = ctl;
	peers->of = of;
	LIST_INIT(&peers->endpoints);
	snprintf(peers->name, sizeof(peers->name), "%s", name);
	snprintf(peers->management, sizeof(peers->management), "punix:%s.mgmt", name);
	*ret = peers;
	return 0;
}

void of_peers_rest(struct of_peers *peers)
{
	struct endpoint *e;

	while ((e = LIST_FIRST(&peers->endpoints))) {
		LIST_REMOVE(e, link);
		endpoint_free(e);
	}
}

void of_peers_free(struct of_peers *peers)
{
	if (!peers)
		return;
	of_peers_rest(peers);
	of_tls_free(peers->tls);
	free(peers);
}

static void tick_endpoint(struct endpoint *e)
{
	struct of_peer *peer, *next;

	for (peer = LIST_FIRST(&e->of); peer; peer = next) {
		int r = of_peer_tick(peer);

		next = LIST_NEXT(peer, link);
		if (r < 0)
			gone(e, peer, r);
		else if (!e->target.is_passive && of_conn_is_up(peer->conn))
			e->backoff_s = 0;
	}
	if (e->source)
		(void)sd_event_source_set_enabled(e->source, SD_EVENT_ON);
	if (!e->target.is_passive && LIST_EMPTY(&e->of) && (e->wait_s == 0 || --e->wait_s == 0))
		try_to_connect(e);
}

void of_peers_tick(struct of_peers *peers)
{
	struct endpoint *e;

	LIST_FOREACH (e, &peers->endpoints, link)
		tick_endpoint(e);
}
