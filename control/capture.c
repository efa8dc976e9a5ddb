/* SPDX-License-Identifier: BSD-3-Clause
 *
 * From the dataplane's rings to the client's socket, a hundred times a second. A client that does
 * not read loses frames, which are counted, and holds up nobody. Control thread.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/paths.h"
#include "capture.h"
#include "change.h"
#include "filter.h"
#include "pcapng.h"
#include "peer.h"

#define DRAIN_US    10000u
#define COMES_US    10000000u /* a client that has not connected by then does not */
#define REST_US     10000000u /* for a client to read the rest */
#define MAX_WAITING (16u << 20)
#define STOP_MS     2000 /* for clients to read the rest when shuntd ends */
#define PAUSE_MS    20

struct capture {
	LIST_ENTRY(capture) link;
	struct ctl *ctl;
	struct dp_capture *dp; /* NULL: it is over, and the rest is being sent */
	sd_event_source *io, *timer;
	int fd; /* the listener's, then the client's */
	bool is_connected;
	char port[DP_NAME_LEN];
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	struct pcapng out;
	size_t n_sent; /* of out */
	uint64_t last_ns;
	uint64_t n_left;        /* frames until it ends */
	unsigned n_rounds_left; /* for sending the rest */
};

static void end_capture(struct capture *c)
{
	LIST_REMOVE(c, link);
	c->ctl->n_captures--;
	dp_capture_free(c->dp);
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->timer);
	if (c->fd >= 0)
		close(c->fd);
	if (!c->is_connected && c->path[0])
		unlink(c->path);
	pcapng_done(&c->out);
	free(c);
}

static bool take(void *ctx, const struct dp_captured *frame)
{
	struct capture *c = ctx;
	bool is_in = frame->direction == DP_CAPTURE_IN;
	const struct dp_drop_info *drop =
		frame->drop < DP_N_DROPS ? &dp_drop_infos[frame->drop] : NULL;
	char comment[256];
	const struct pcapng_frame made = {
		.when_ns = frame->when_ns,
		.bytes = frame->bytes,
		.n = frame->n,
		.len = frame->len,
		.flags = is_in ? PCAPNG_IN : PCAPNG_OUT,
		.comment = drop ? comment : NULL,
	};

	if (c->n_left == 0) /* not lost: not wanted any more */
		return true;
	if (drop)
		snprintf(comment, sizeof(comment), "dropped: %s (%s)", drop->name, drop->text);
	if (c->out.n - c->n_sent + frame->n > MAX_WAITING || pcapng_frame(&c->out, &made) < 0)
		return false;
	c->last_ns = frame->when_ns;
	c->n_left--;
	return true;
}

/* A client that is always behind never has all of it: what it has must not be kept. */
static void forget_sent(struct capture *c)
{
	if (c->n_sent < MAX_WAITING && c->n_sent < c->out.n)
		return;
	c->out.n -= c->n_sent;
	if (c->out.n)
		memmove(c->out.bytes, c->out.bytes + c->n_sent, c->out.n);
	c->n_sent = 0;
}

/* return: false when the client is gone */
static bool send_some(struct capture *c)
{
	while (c->n_sent < c->out.n) {
		ssize_t n = send(c->fd, c->out.bytes + c->n_sent, c->out.n - c->n_sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0)
			break;
		c->n_sent += (size_t)n;
	}
	forget_sent(c);
	return true;
}

static void again(struct capture *c)
{
	uint64_t now;

	(void)sd_event_now(sd_event_source_get_event(c->timer), CLOCK_MONOTONIC, &now);
	(void)sd_event_source_set_time(c->timer, now + DRAIN_US);
	(void)sd_event_source_set_enabled(c->timer, SD_EVENT_ONESHOT);
}

/* Forward without it from now on, and say how much is missing. What was captured before is still
 * sent: a frame that a guest has is in the ring once no worker is at the capture. why: as
 * pcapng_counts() has it. */
static void finish(struct capture *c, const char *why)
{
	dp_capture_stop(c->dp);
	while (dp_capture_drain(c->dp, take, c) > 0)
		;
	(void)pcapng_counts(&c->out, c->last_ns, dp_capture_lost(c->dp), why);
	dp_capture_free(c->dp);
	c->dp = NULL;
	c->io = sd_event_source_disable_unref(c->io);
	c->n_rounds_left = REST_US / DRAIN_US;
	sh_log_notice("capture of port '%s': over", c->port);
}

static bool is_done(struct capture *c)
{
	if (!send_some(c))
		return true;
	return !c->dp && (c->n_sent == c->out.n || c->n_rounds_left-- == 0);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct capture *c = ctx;

	if (c->dp)
		dp_capture_drain(c->dp, take, c);
	if (!c->is_connected || is_done(c)) { /* nobody came, or all is said */
		end_capture(c);
		return 0;
	}
	if (c->dp && (c->n_left == 0 || dp_capture_is_over(c->dp)))
		finish(c, dp_capture_is_over(c->dp) ? "the port is gone" : NULL);
	again(c);
	return 0;
}

/* A client says nothing: when it can be read it has shut down its side, or closed. */
static int on_client(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	finish(ctx, NULL);
	return 0;
}

static int on_accept(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct capture *c = ctx;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client < 0)
		return 0;
	if (!peer_is_allowed(client)) {
		close(client);
		return 0;
	}
	c->io = sd_event_source_disable_unref(c->io);
	close(c->fd);
	unlink(c->path);
	c->fd = client;
	c->is_connected = true;
	if (sd_event_add_io(c->ctl->sw.event, &c->io, client, EPOLLIN, on_client, c) < 0) {
		end_capture(c);
		return 0;
	}
	return sd_event_source_set_time(c->timer, 0);
}

static int listen_at(struct capture *c, const char *run_dir, struct sh_err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[64];
	int r;

	snprintf(name, sizeof(name), "capture-%u.sock", ++c->ctl->last_capture);
	r = sh_socket_path(run_dir, name, c->path, sizeof(c->path), err);
	if (r < 0) {
		c->path[0] = '\0';
		return r;
	}
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	memcpy(address.sun_path, c->path, sizeof(address.sun_path));
	unlink(c->path);
	if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(c->fd, 1) < 0)
		return sh_err_set(err, -errno, "cannot listen at %s: %m", c->path);
	peer_set_mode(c->path);
	return 0;
}

static int start_events(struct capture *c, struct sh_err *err)
{
	sd_event *event = c->ctl->sw.event;
	int r = sd_event_add_io(event, &c->io, c->fd, EPOLLIN, on_accept, c);

	if (r >= 0)
		r = sd_event_add_time_relative(
			event, &c->timer, CLOCK_MONOTONIC, COMES_US, 1000, on_timer, c);
	return r < 0 ? sh_err_set(err, r, "cannot start a capture: %s", strerror(-r)) : 0;
}

int capture_start(struct ctl *ctl, struct dp_port *dp, const struct dp_capture_conf *conf,
	uint64_t n_frames, const char **ret_socket, struct sh_err *err)
{
	const char *port = dp_port_name(dp);
	const char *filter = conf->filter ? dp_filter_text(conf->filter) : NULL;
	struct capture *c;
	int r;

	if (ctl->n_captures >= CAPTURE_MAX)
		return sh_err_set(err, -EBUSY, "%u captures run already: end one", CAPTURE_MAX);
	c = calloc(1, sizeof(*c));
	if (!c)
		return sh_err_set(err, -ENOMEM, "out of memory");
	c->ctl = ctl;
	c->fd = -1;
	c->n_left = n_frames ? n_frames : UINT64_MAX;
	snprintf(c->port, sizeof(c->port), "%s", port);
	LIST_INSERT_HEAD(&ctl->captures, c, link);
	ctl->n_captures++;
	r = listen_at(c, ctl->env.run_dir, err);
	if (r == 0)
		r = start_events(c, err);
	if (r == 0)
		r = pcapng_begin(&c->out, "shunt", port, filter, conf->snaplen);
	if (r == -ENOMEM)
		sh_err_set(err, r, "out of memory");
	if (r == 0)
		r = dp_capture_new(dp, conf, err, &c->dp);
	if (r < 0) {
		end_capture(c);
		return r;
	}
	sh_log_notice("capture of port '%s': begun", port);
	*ret_socket = c->path;
	return 0;
}

/* A client that reads gets all; patience is shared by all of them. */
static void send_rest(struct capture *c, int *patience_ms)
{
	struct pollfd fd = { c->fd, POLLOUT, 0 };

	while (c->is_connected && send_some(c) && *patience_ms > 0) {
		if (c->n_sent == c->out.n)
			break;
		(void)poll(&fd, 1, PAUSE_MS);
		*patience_ms -= fd.revents ? 1 : PAUSE_MS;
	}
}

void capture_stop_all(struct ctl *ctl)
{
	int patience_ms = STOP_MS;
	struct capture *c;

	filter_leave_all(ctl);
	while ((c = LIST_FIRST(&ctl->captures))) {
		if (c->dp)
			finish(c, "shuntd ends");
		send_rest(c, &patience_ms);
		end_capture(c);
	}
}
