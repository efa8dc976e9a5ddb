/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The event loop of the control thread and what it watches: the API, the dataplane, signals, a
 * clock of one second, systemd's watchdog.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/paths.h"
#include "capture.h"
#include "change.h"
#include "daemon.h"
#include "resolve.h"
#include "run_dir.h"
#include "server.h"
#include "vms.h"

#define TICK_US     1000000u
#define ACCURACY_US 100000u

struct daemon {
	struct ctl ctl;
	struct dp *dp;
	sd_event *event;
	sd_event_source *tick, *frames; /* of the clock, of the dataplane */
	struct server *server;
	struct vms *vms;
	int lock_fd;
};

static void on_link(void *ctx, struct dp_port *port, bool up)
{
	struct daemon *daemon = ctx;

	switch_port_tell(&daemon->ctl.sw, dp_port_name(port), OF_PR_MODIFY);
	lldp_tick(&daemon->ctl);
	sh_log_notice("port '%s': link %s", dp_port_name(port), up ? "up" : "down");
}

static void on_member(void *ctx, struct dp_port *team, unsigned slot, bool up)
{
	struct daemon *daemon = ctx;

	lacp_tick(&daemon->ctl);
	lldp_tick(&daemon->ctl);
}

static void on_to_control(void *ctx, struct dp_bridge *dp, const struct dp_to_control *what)
{
	struct daemon *daemon = ctx;
	struct switch_bridge *bridge = switch_bridge_of(&daemon->ctl.sw, dp);

	if (bridge)
		openflow_take(bridge->openflow, what);
}

static void on_protocol_frame(void *ctx, const struct dp_protocol_frame *frame)
{
	struct daemon *daemon = ctx;

	lldp_take(&daemon->ctl, frame);
	lacp_take(&daemon->ctl, frame);
}

/* An uplink that was not there at the start may be now. */
static void on_interfaces(void *ctx)
{
	struct daemon *daemon = ctx;
	struct sh_err err = { "" };

	if (ctl_retry(&daemon->ctl, &err) < 0)
		sh_log_err("%s", err.text);
}

static int on_dp(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	struct daemon *daemon = ctx;

	dp_dispatch(daemon->dp);
	return 0;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct daemon *daemon = ctx;
	uint64_t now;

	dp_tick(daemon->dp);
	switch_tick(&daemon->ctl.sw);
	lacp_tick(&daemon->ctl);
	lldp_tick(&daemon->ctl);
	server_tick(daemon->server);
	vms_tick(daemon->vms);
	(void)sd_event_now(daemon->event, CLOCK_MONOTONIC, &now);
	return sd_event_source_set_time(source, now + TICK_US);
}

static int on_term(sd_event_source *source, const struct signalfd_siginfo *info, void *ctx)
{
	struct daemon *daemon = ctx;

	sh_log_notice("stopping");
	sd_notify(0, "STOPPING=1");
	return sd_event_exit(daemon->event, 0);
}

static void notify_reloading(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
		(uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u);
}

static void on_reload_progress(void *ctx, unsigned done, unsigned total, const char *text)
{
	sd_notify(0, "WATCHDOG=1");
}

static int on_hup(sd_event_source *source, const struct signalfd_siginfo *info, void *ctx)
{
	struct daemon *daemon = ctx;
	const struct reconcile_watch watch = { on_reload_progress, NULL };
	struct sh_err err = { "" };

	notify_reloading();
	if (ctl_reload(&daemon->ctl, &watch, &err) < 0)
		sh_log_err("reload refused, nothing changed: %s", err.text);
	else
		sh_log_notice("configuration %s reloaded", daemon->ctl.store.path);
	sd_notify(0, "READY=1");
	return 0;
}

/* Before any thread is made, so that all of them have the signals blocked. */
static int block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
}

/* A port takes a dozen descriptors; the usual soft limit of 1024 is for select(2), unused here. */
static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		sh_log_warn("cannot raise the limit of open files: %s", strerror(errno));
}

static void read_machine_id(char *ret, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen("/etc/machine-id", "re");

	if (!f || !fgets(ret, (int)size, f))
		snprintf(ret, size, "no machine id");
	ret[strcspn(ret, "\n")] = '\0';
}

static int start_dataplane(struct daemon *daemon, struct sh_err *err)
{
	const struct dp_events events = { .link_changed = on_link,
		.interfaces_changed = on_interfaces,
		.member_changed = on_member,
		.protocol_frame = on_protocol_frame,
		.to_control = on_to_control,
		.ctx = daemon };
	struct dp_conf memory;
	struct conf conf;
	int r = store_load(&daemon->ctl.store, &daemon->ctl.env, &conf, err);

	if (r < 0)
		return r;
	r = resolve_memory(&conf, &memory);
	if (r == 0)
		r = dp_new(&memory, err, &daemon->dp);
	if (r == 0) {
		dp_set_events(daemon->dp, &events);
		switch_init(&daemon->ctl.sw, &daemon->ctl, daemon->dp, daemon->event);
		r = ctl_start(&daemon->ctl, &conf, err);
	}
	conf_done(&conf);
	return r;
}

static int start_events(struct daemon *daemon, struct sh_err *err)
{
	int r = sd_event_add_signal(daemon->event, NULL, SIGTERM, on_term, daemon);

	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGINT, on_term, daemon);
	if (r >= 0)
		r = sd_event_add_signal(daemon->event, NULL, SIGHUP, on_hup, daemon);
	if (r >= 0)
		r = sd_event_add_time_relative(daemon->event, &daemon->tick, CLOCK_MONOTONIC,
			TICK_US, ACCURACY_US, on_tick, daemon);
	if (r >= 0)
		r = sd_event_source_set_enabled(daemon->tick, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_add_io(daemon->event, &daemon->frames, dp_event_fd(daemon->dp),
			EPOLLIN, on_dp, daemon);
	/* What workers saw comes before what clients want. */
	if (r >= 0)
		r = sd_event_source_set_priority(daemon->frames, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = sd_event_set_watchdog(daemon->event, true);
	return r < 0 ? sh_err_set(err, r, "no event loop: %s", strerror(-r)) : 0;
}

static int start_vms(struct daemon *daemon, const struct daemon_conf *conf, struct sh_err *err)
{
	const struct vms_conf vms = { conf->run_dir, conf->state_dir, conf->vmm };
	int r = vms_new(&daemon->ctl, daemon->event, &vms, err, &daemon->vms);

	if (r < 0)
		return r;
	daemon->ctl.vms = daemon->vms;
	vms_autostart(daemon->vms);
	return 0;
}

static int start(struct daemon *daemon, const struct daemon_conf *conf, struct sh_err *err)
{
	char socket_path[128];
	int r = run_dir_make(conf->run_dir, err);

	if (r == 0 && !conf->file)
		r = run_dir_make(conf->state_dir, err);
	if (r == 0)
		r = sh_socket_path(
			conf->run_dir, "shunt.sock", socket_path, sizeof(socket_path), err);
	if (r < 0)
		return r;
	daemon->lock_fd = r = run_dir_lock(conf->run_dir, err);
	if (r >= 0)
		r = sd_event_new(&daemon->event);
	if (r >= 0)
		r = start_dataplane(daemon, err);
	if (r >= 0)
		r = start_events(daemon, err);
	if (r >= 0)
		r = start_vms(daemon, conf, err);
	if (r >= 0)
		r = server_new(daemon->event, &daemon->ctl, socket_path, err, &daemon->server);
	return r < 0 ? r : 0;
}

/* The dataplane ends first: after that no worker sends, and what was received is counted. */
static void stop(struct daemon *daemon)
{
	vms_free(daemon->vms);
	daemon->ctl.vms = NULL;
	server_free(daemon->server);
	lldp_stop(&daemon->ctl);
	lacp_stop(&daemon->ctl);
	capture_stop_all(&daemon->ctl);
	switch_stop(&daemon->ctl.sw);
	sd_event_source_disable_unref(daemon->tick);
	sd_event_source_disable_unref(daemon->frames);
	dp_free(daemon->dp);
	switch_done(&daemon->ctl.sw);
	conf_done(&daemon->ctl.conf);
	sd_event_unref(daemon->event);
	if (daemon->lock_fd >= 0)
		close(daemon->lock_fd);
}

static int prepare(struct daemon *daemon, const struct daemon_conf *conf, struct sh_err *err)
{
	memset(daemon, 0, sizeof(*daemon));
	daemon->lock_fd = -1;
	conf_env_init(&daemon->ctl.env, conf->run_dir);
	read_machine_id(daemon->ctl.machine_id, sizeof(daemon->ctl.machine_id));
	return store_init(&daemon->ctl.store, conf->file, conf->state_dir, err);
}

int daemon_run(const struct daemon_conf *conf, struct sh_err *err)
{
	struct daemon daemon;
	int r = prepare(&daemon, conf, err);

	if (r < 0)
		return r;
	r = block_signals();
	if (r < 0)
		return sh_err_set(err, r, "cannot block signals: %s", strerror(-r));
	raise_limits();
	r = start(&daemon, conf, err);
	if (r == 0) {
		sh_log_notice("shuntd %s is ready, configuration %s%s, sockets in %s", sh_version(),
			daemon.ctl.store.path, daemon.ctl.store.read_only ? " (read-only)" : "",
			conf->run_dir);
		sd_notifyf(0, "READY=1\nSTATUS=%u ports on %u bridges", daemon.ctl.sw.n_ports,
			daemon.ctl.sw.n_bridges);
		r = sd_event_loop(daemon.event);
		if (r < 0)
			sh_err_set(err, r, "event loop failed: %s", strerror(-r));
	}
	stop(&daemon);
	return r;
}

int daemon_check(const struct daemon_conf *conf, struct sh_err *err)
{
	struct daemon daemon;
	struct conf loaded;
	int r = prepare(&daemon, conf, err);

	if (r == 0 && conf->file)
		r = conf_load_input(conf->file, &daemon.ctl.env, &loaded, err);
	else if (r == 0)
		r = store_load(&daemon.ctl.store, &daemon.ctl.env, &loaded, err);
	if (r == 0)
		conf_done(&loaded);
	return r;
}
