/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What runs until it is told to end, in a process of its own: --watch with a service manager and a
 * configuration file, stats --watch with a reader. The fake kernel stays here.
 */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "program.h"

#define LIMIT_MS 20000 /* for what must come; it comes much earlier */
#define READY    "READY=1\nSTATUS=all PFs are as wanted"

struct rig {
	struct fake_kernel *k;
	struct fake_pf *pf;
	char file[FAKE_PATH_LEN + 16];
	int notify_fd; /* the service manager's */
	pid_t pid;     /* 0: none runs */
	int from_fd;   /* what it prints */
	char said[16384];
	size_t n_said;
};

static int start(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	rig->k = fake_kernel_new();
	rig->pf = fake_kernel_add_pf(rig->k, &(struct fake_pf){ 0 });
	rig->from_fd = -1;
	setenv("SHUNT_RUN_DIR", rig->k->root, 1);
	unsetenv("JOURNAL_STREAM");
	snprintf(rig->file, sizeof(rig->file), "%s/x.yaml", rig->k->root);
	assert_true(snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify",
			    rig->k->root) < (int)sizeof(address.sun_path));
	rig->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(
		bind(rig->notify_fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	*state = rig;
	return 0;
}

static int stop(void **state)
{
	struct rig *rig = *state;

	if (rig->pid) {
		kill(rig->pid, SIGKILL);
		waitpid(rig->pid, NULL, 0);
	}
	if (rig->from_fd >= 0)
		close(rig->from_fd);
	close(rig->notify_fd);
	unsetenv("NOTIFY_SOCKET");
	fake_kernel_free(rig->k);
	free(rig);
	return 0;
}

/* Start the program; what it prints on fd is read here. */
static void run(struct rig *rig, int fd, int argc, char **argv)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	rig->pid = fork();
	assert_true(rig->pid >= 0);
	if (rig->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ends[0]);
		dup2(ends[1], fd);
		close(ends[1]);
		_exit(program_main(&rig->k->env, argc, argv));
	}
	close(ends[1]);
	rig->from_fd = ends[0];
}

static void run_service(struct rig *rig)
{
	char *argv[] = { (char *)"shunt-sriov", (char *)"--watch", (char *)"-c", rig->file, NULL };

	run(rig, STDERR_FILENO, 4, argv);
}

static void wait_readable(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	int r;

	do
		r = poll(&p, 1, LIMIT_MS);
	while (r < 0 && errno == EINTR);
	assert_int_equal(r, 1);
}

/* Until the program has printed a text, which is forgotten then with all before it. */
static void await(struct rig *rig, const char *text)
{
	char *at;

	while (!(at = strstr(rig->said, text))) {
		ssize_t n;

		wait_readable(rig->from_fd);
		n = read(
			rig->from_fd, rig->said + rig->n_said, sizeof(rig->said) - 1 - rig->n_said);
		if (n <= 0)
			fail_msg("it ended without '%s', after: %s", text, rig->said);
		rig->n_said += (size_t)n;
	}
	at += strlen(text);
	rig->n_said -= (size_t)(at - rig->said);
	memmove(rig->said, at, rig->n_said + 1);
}

static void assert_notified(struct rig *rig, const char *state)
{
	char text[256];
	ssize_t n;

	wait_readable(rig->notify_fd);
	n = recv(rig->notify_fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_int_equal(strncmp(text, state, strlen(state)), 0);
}

static int end_status(struct rig *rig)
{
	int status;

	assert_int_equal(waitpid(rig->pid, &status, 0), rig->pid);
	rig->pid = 0;
	return status;
}

/* Replaced by a rename, as editors and shuntd do. */
static void want_vlan(struct rig *rig, const char *vlan)
{
	char text[128], path[FAKE_PATH_LEN + 16];

	snprintf(text, sizeof(text),
		"sriov: [ { pf: pf0, num_vfs: 2, vfs: [ { vf: 1, vlan: %s } ] } ]\n", vlan);
	fake_kernel_put(rig->k, "new.yaml", text);
	snprintf(path, sizeof(path), "%s/new.yaml", rig->k->root);
	assert_int_equal(rename(path, rig->file), 0);
}

static unsigned vlan_of(struct rig *rig, uint32_t vf)
{
	unsigned vlan;

	fake_kernel_lock(rig->k);
	vlan = rig->pf->n_vfs == 2 ? rig->pf->vfs[vf].vlan : 0;
	fake_kernel_unlock(rig->k);
	return vlan;
}

static void the_service_is_ready_when_all_is_as_wanted_and_ends_with_0_when_told(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct rig *rig = *state;

	for (unsigned i = 0; i < 2; i++) {
		want_vlan(rig, i ? "10" : "9");
		run_service(rig);
		assert_notified(rig, READY);
		assert_int_equal(vlan_of(rig, 1), 9 + i);
		kill(rig->pid, signals[i]);
		assert_notified(rig, "STOPPING=1");
		assert_int_equal(end_status(rig), 0);
		assert_int_equal(vlan_of(rig, 1), 9 + i);
		close(rig->from_fd);
	}
	rig->from_fd = -1;
}

static void a_service_that_has_nothing_to_keep_is_ready_too(void **state)
{
	struct rig *rig = *state;

	fake_kernel_put(rig->k, "x.yaml", "bridges: [ { name: br0 } ]\n");
	run_service(rig);
	assert_notified(rig, READY);
	assert_int_equal(rig->k->n_writes, 0);
}

static unsigned now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned)now.tv_sec * 1000u + (unsigned)(now.tv_nsec / 1000000);
}

/* The promise is of the program, not of who else has the processor: once of five times. */
static void a_file_that_changes_is_taken_within_a_second(void **state)
{
	struct rig *rig = *state;
	unsigned least_ms = LIMIT_MS;

	want_vlan(rig, "9");
	run_service(rig);
	assert_notified(rig, READY);
	for (unsigned i = 0; i < 5 && least_ms >= 1000; i++) {
		unsigned start_ms = now_ms(), ms;
		char vlan[8], text[32];

		snprintf(vlan, sizeof(vlan), "%u", 100 + i);
		snprintf(text, sizeof(text), "-> %s: ", vlan);
		want_vlan(rig, vlan);
		await(rig, text);
		ms = now_ms() - start_ms;
		least_ms = ms < least_ms ? ms : least_ms;
		assert_int_equal(vlan_of(rig, 1), 100 + i);
	}
	assert_in_range(least_ms, 0, 999);
}

static void a_file_that_is_wrong_is_said_and_what_was_wanted_is_kept(void **state)
{
	struct rig *rig = *state;

	want_vlan(rig, "9");
	run_service(rig);
	assert_notified(rig, READY);
	want_vlan(rig, "4096");
	await(rig, "'4096' is not allowed");
	await(rig, "going on with what was read before");
	assert_int_equal(vlan_of(rig, 1), 9);
	want_vlan(rig, "11");
	await(rig, "-> 11: ");
	assert_int_equal(vlan_of(rig, 1), 11);
}

static void a_signal_makes_it_read_its_file_again(void **state)
{
	struct rig *rig = *state;

	want_vlan(rig, "9");
	run_service(rig);
	assert_notified(rig, READY);
	kill(rig->pid, SIGHUP);
	await(rig, "x.yaml' read: 1 PFs");
}

static void count_packets(struct rig *rig, uint64_t n)
{
	fake_kernel_lock(rig->k);
	rig->pf->vfs[1].stats.rx_packets += n;
	fake_kernel_unlock(rig->k);
}

static void stats_print_what_came_since_until_nobody_reads(void **state)
{
	char *argv[] = { (char *)"shunt-sriov", (char *)"-j", (char *)"stats", (char *)"pf0",
		(char *)"--watch", NULL };
	struct rig *rig = *state;
	int status;

	fake_kernel_set_vfs(rig->k, rig->pf, 2);
	count_packets(rig, 40);
	run(rig, STDOUT_FILENO, 5, argv);
	await(rig, "\"vf\":1,\"rx_packets\":40,");
	await(rig, "\n");
	count_packets(rig, 7);
	await(rig, "\"vf\":1,\"rx_packets\":7,");
	await(rig, "\n");
	await(rig, "\"vf\":1,\"rx_packets\":0,");
	close(rig->from_fd);
	rig->from_fd = -1;
	status = end_status(rig);
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGPIPE : WEXITSTATUS(status) == 0);
}

#define WITH_A_RIG(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_A_RIG(the_service_is_ready_when_all_is_as_wanted_and_ends_with_0_when_told),
		WITH_A_RIG(a_service_that_has_nothing_to_keep_is_ready_too),
		WITH_A_RIG(a_file_that_changes_is_taken_within_a_second),
		WITH_A_RIG(a_file_that_is_wrong_is_said_and_what_was_wanted_is_kept),
		WITH_A_RIG(a_signal_makes_it_read_its_file_again),
		WITH_A_RIG(stats_print_what_came_since_until_nobody_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
