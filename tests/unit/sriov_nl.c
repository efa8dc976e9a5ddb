/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The netlink socket: what it makes of a kernel that answers as it should, and of one that does
 * not.
 */
#include "unit.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "sriov/nl.h"

#define SHORT_MS 200

static int start(void **state)
{
	struct fake_kernel *k = fake_kernel_new();

	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_add_pf(k, &(struct fake_pf){ 0 });
	fake_kernel_set_vfs(k, &k->pfs[0], 4);
	*state = k;
	return 0;
}

static int stop(void **state)
{
	fake_kernel_free(*state);
	return 0;
}

static int count(const struct nlmsghdr *reply, void *ctx)
{
	(void)reply;
	++*(unsigned *)ctx;
	return 0;
}

/* return: what the socket returned; *n: messages of the answer */
static int ask_all(struct fake_kernel *k, unsigned *n, struct sh_err *err)
{
	struct sriov_msg msg;

	*n = 0;
	return sriov_nl_ask(k->env.route, sriov_msg_get_link(&msg, 0, 0), count, n, err);
}

static int ask_one(struct fake_kernel *k, uint32_t ifindex, struct sh_err *err)
{
	struct sriov_msg msg;

	return sriov_nl_ask(k->env.route, sriov_msg_get_link(&msg, ifindex, 0), NULL, NULL, err);
}

static int set_trust(struct fake_kernel *k, struct sh_err *err)
{
	struct sriov_vf vf = { .index = 1, .trust = true };
	struct sriov_msg msg;

	return sriov_nl_ask(k->env.route,
		sriov_msg_set_vf(&msg, k->pfs[0].ifindex, &vf, 1u << SRIOV_TRUST), NULL, NULL, err);
}

static void a_dump_is_handed_on_whole(void **state)
{
	struct fake_kernel *k = *state;
	unsigned n;

	assert_int_equal(ask_all(k, &n, NULL), 0);
	assert_int_equal(n, 2);
}

static void the_kernel_s_own_sentence_is_the_error(void **state)
{
	struct fake_kernel *k = *state;
	struct sh_err err;

	fake_kernel_lock(k);
	k->refusals[0] = (struct fake_refusal){ 1u << SRIOV_TRUST, UINT32_MAX, -EOPNOTSUPP,
		"trust needs firmware 5", 1 };
	fake_kernel_unlock(k);
	assert_int_equal(set_trust(k, &err), -EOPNOTSUPP);
	assert_string_equal(err.text, "trust needs firmware 5 (Operation not supported)");
	assert_int_equal(set_trust(k, &err), 0);
	assert_true(k->pfs[0].vfs[1].trust);
}

static void an_error_without_a_sentence_is_named(void **state)
{
	struct sh_err err;

	assert_int_equal(ask_one(*state, 99, &err), -ENODEV);
	assert_string_equal(err.text, "No such device");
}

static void an_answer_of_another_sequence_is_passed_over(void **state)
{
	struct fake_kernel *k = *state;

	fake_kernel_order(k, FAKE_WRONG_SEQ, 1);
	assert_int_equal(set_trust(k, NULL), 0);
	assert_int_equal(k->n_requests, 1);
}

static void an_answer_that_never_comes_ends_in_time(void **state)
{
	struct fake_kernel *k = *state;
	struct sh_err err;

	sriov_nl_set_timeout(k->env.route, SHORT_MS);
	fake_kernel_order(k, FAKE_SILENT, 1);
	assert_int_equal(set_trust(k, &err), -ETIMEDOUT);
	assert_string_equal(err.text, "no answer from the kernel in 200 ms: a driver blocks");
	fake_kernel_order(k, FAKE_ONLY_WRONG, 1);
	assert_int_equal(set_trust(k, &err), -ETIMEDOUT);
	sriov_nl_set_timeout(k->env.route, SRIOV_NL_TIMEOUT_MS);
	assert_int_equal(set_trust(k, &err), 0);
}

/* As a driver that works under the kernel's lock: the call itself does not come back. */
static void a_send_that_blocks_ends_in_time(void **state)
{
	static const char full[64] = "";
	struct sriov_nl *nl;
	struct sriov_msg msg;
	int fds[2], small = 1;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	while (send(fds[0], full, sizeof(full), MSG_DONTWAIT) > 0)
		;
	assert_int_equal(sriov_nl_from_fd(fds[0], &nl), 0);
	sriov_nl_set_timeout(nl, SHORT_MS);
	assert_int_equal(
		sriov_nl_ask(nl, sriov_msg_get_link(&msg, 1, 0), NULL, NULL, NULL), -ETIMEDOUT);
	sriov_nl_free(nl);
	close(fds[1]);
}

static void what_was_lost_is_asked_for_again(void **state)
{
	struct fake_kernel *k = *state;
	unsigned n;

	fake_kernel_order(k, FAKE_LOST, 2);
	assert_int_equal(ask_all(k, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(k->n_requests, 3);
}

static void what_is_always_lost_is_an_error(void **state)
{
	struct fake_kernel *k = *state;
	struct sh_err err;

	fake_kernel_order(k, FAKE_LOST, 1000);
	assert_int_equal(set_trust(k, &err), -ENOBUFS);
	assert_string_equal(err.text, "parts of the kernel's answer were lost; try again");
}

static void an_interrupted_dump_is_asked_for_again_and_nobody_sees_it(void **state)
{
	struct fake_kernel *k = *state;
	struct sh_err err;
	unsigned n;

	fake_kernel_order(k, FAKE_INTERRUPTED, 2);
	assert_int_equal(ask_all(k, &n, NULL), 0);
	assert_int_equal(n, 2);
	fake_kernel_order(k, FAKE_INTERRUPTED, 1000);
	assert_int_equal(ask_all(k, &n, &err), -EAGAIN);
	assert_int_equal(n, 0);
	assert_non_null(strstr(err.text, "changed all the time"));
}

static void an_answer_cut_short_is_an_error_and_the_next_one_is_read(void **state)
{
	struct fake_kernel *k = *state;
	struct sh_err err;
	unsigned n;

	fake_kernel_order(k, FAKE_TRUNCATED, 1);
	assert_int_equal(ask_all(k, &n, &err), -EPROTO);
	assert_non_null(strstr(err.text, "cut short"));
	assert_int_equal(n, 0);
	assert_int_equal(ask_all(k, &n, &err), 0);
	assert_int_equal(n, 2);
}

static void a_socket_that_was_closed_is_an_error(void **state)
{
	struct fake_kernel *k = *state;
	struct sh_err err;

	fake_kernel_order(k, FAKE_GONE, 1);
	assert_true(set_trust(k, &err) < 0);
	assert_true(set_trust(k, &err) < 0);
	assert_non_null(strstr(err.text, "netlink: "));
}

static int refuse(const struct nlmsghdr *reply, void *ctx)
{
	(void)reply;
	++*(unsigned *)ctx;
	return -ENOTUNIQ;
}

static void the_reader_s_error_ends_the_answer(void **state)
{
	struct fake_kernel *k = *state;
	struct sriov_msg msg;
	unsigned n = 0;

	assert_int_equal(
		sriov_nl_ask(k->env.route, sriov_msg_get_link(&msg, 0, 0), refuse, &n, NULL),
		-ENOTUNIQ);
	assert_int_equal(n, 1);
}

static void a_family_is_asked_for_once(void **state)
{
	struct fake_kernel *k = *state;
	uint16_t family = 0;

	fake_kernel_order(k, FAKE_NO_FAULT, 0);
	assert_int_equal(sriov_nl_family(k->env.generic, "devlink", &family, NULL), 0);
	assert_int_equal(family, 0x15);
	assert_int_equal(sriov_nl_family(k->env.generic, "devlink", &family, NULL), 0);
	assert_int_equal(k->n_requests, 1);
}

/* The kernel that runs this test, as anybody: loopback is there. */
static void the_real_kernel_answers(void **state)
{
	struct sriov_nl *nl;
	struct sriov_msg msg;
	struct sh_err err;
	unsigned n = 0;

	(void)state;
	assert_int_equal(sriov_nl_new(NETLINK_ROUTE, &nl, &err), 0);
	assert_int_equal(
		sriov_nl_ask(nl, sriov_msg_get_link(&msg, 0, SRIOV_WITH_VFS), count, &n, &err), 0);
	assert_true(n > 0);
	n = 0;
	assert_int_equal(
		sriov_nl_ask(nl, sriov_msg_get_link(&msg, 1, SRIOV_WITH_VFS), count, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(
		sriov_nl_ask(nl, sriov_msg_get_link(&msg, INT32_MAX, 0), count, &n, &err), -ENODEV);
	sriov_nl_free(nl);
}

#define WITH_KERNEL(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_KERNEL(a_dump_is_handed_on_whole),
		WITH_KERNEL(the_kernel_s_own_sentence_is_the_error),
		WITH_KERNEL(an_error_without_a_sentence_is_named),
		WITH_KERNEL(an_answer_of_another_sequence_is_passed_over),
		WITH_KERNEL(an_answer_that_never_comes_ends_in_time),
		cmocka_unit_test(a_send_that_blocks_ends_in_time),
		WITH_KERNEL(what_was_lost_is_asked_for_again),
		WITH_KERNEL(what_is_always_lost_is_an_error),
		WITH_KERNEL(an_interrupted_dump_is_asked_for_again_and_nobody_sees_it),
		WITH_KERNEL(an_answer_cut_short_is_an_error_and_the_next_one_is_read),
		WITH_KERNEL(a_socket_that_was_closed_is_an_error),
		WITH_KERNEL(the_reader_s_error_ends_the_answer),
		WITH_KERNEL(a_family_is_asked_for_once),
		cmocka_unit_test(the_real_kernel_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
