/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What netlink's own messages mean: parts of an answer, its end, errors with their sentence. The
 * bytes come from a kernel, but lengths are checked as if they came from a stranger: a kernel that
 * has more to say than an attribute can hold (above 200 VFs) sends just that.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "attrs.h"
#include "nl_answer.h"

#define MAX_ANSWER_BYTES (64u << 20)

static int cut_short(struct sh_err *err)
{
	return sh_err_set(err, -EPROTO,
		"the kernel's answer is cut short; try again, and if it stays so, tell its makers");
}

/* The kernel's own sentence, if there is one that ends. */
static const char *find_sentence(const uint8_t *at, size_t n)
{
	const struct nlattr *tb[NLMSGERR_ATTR_MSG + 1];

	attrs_parse(at, n, tb, NLMSGERR_ATTR_MSG);
	if (!tb[NLMSGERR_ATTR_MSG] ||
		mnl_attr_validate(tb[NLMSGERR_ATTR_MSG], MNL_TYPE_NUL_STRING) < 0)
		return NULL;
	return mnl_attr_get_str(tb[NLMSGERR_ATTR_MSG]);
}

static int kernel_says(int code, const char *sentence, struct sh_err *err)
{
	/* A code out of range is no errno; strerror and callers take it for one. */
	if (code >= 0 || code < -4095)
		return cut_short(err);
	if (sentence && *sentence)
		return sh_err_set(err, code, "%s (%s)", sentence, strerror(-code));
	return sh_err_set(err, code, "%s", strerror(-code));
}

/* NLMSG_ERROR: an acknowledgement, or an error with or without the request behind it. */
static int take_error(struct nl_answer *answer, const struct nlmsghdr *nlh, struct sh_err *err)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t n = mnl_nlmsg_get_payload_len(nlh), skip = sizeof(*e);
	const char *sentence = NULL;

	if (n < sizeof(*e))
		return cut_short(err);
	answer->done = true;
	if (e->error == 0)
		return 0;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > sizeof(e->msg))
		skip += NLMSG_ALIGN((size_t)e->msg.nlmsg_len) - sizeof(e->msg);
	if ((nlh->nlmsg_flags & NLM_F_ACK_TLVS) && skip < n)
		sentence = find_sentence((const uint8_t *)e + skip, n - skip);
	return kernel_says(e->error, sentence, err);
}

/* NLMSG_DONE: the end of a dump, with the error that ended it if one did. */
static int take_end(struct nl_answer *answer, const struct nlmsghdr *nlh, struct sh_err *err)
{
	const uint8_t *payload = mnl_nlmsg_get_payload(nlh);
	size_t n = mnl_nlmsg_get_payload_len(nlh);
	const char *sentence = NULL;
	int32_t code = 0;

	answer->done = true;
	if (n >= sizeof(code))
		memcpy(&code, payload, sizeof(code));
	if (code >= 0)
		return 0;
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		sentence = find_sentence(payload + sizeof(code), n - sizeof(code));
	return kernel_says(code, sentence, err);
}

static int keep(struct nl_answer *answer, const struct nlmsghdr *nlh, struct sh_err *err)
{
	size_t n = NLMSG_ALIGN((size_t)nlh->nlmsg_len), want = answer->n_bytes + n;

	if (want > MAX_ANSWER_BYTES)
		return sh_err_set(err, -EMSGSIZE, "the kernel's answer has no end");
	if (want > answer->n_room) {
		size_t room = want * 2;
		uint8_t *bytes = realloc(answer->bytes, room);

		if (!bytes)
			return sh_err_set(err, -ENOMEM, "out of memory");
		answer->bytes = bytes;
		answer->n_room = room;
	}
	memcpy(answer->bytes + answer->n_bytes, nlh, nlh->nlmsg_len);
	memset(answer->bytes + answer->n_bytes + nlh->nlmsg_len, 0, n - nlh->nlmsg_len);
	answer->n_bytes = want;
	return 0;
}

static int take(struct nl_answer *answer, const struct nlmsghdr *nlh, struct sh_err *err)
{
	if (nlh->nlmsg_seq != answer->seq ||
		(answer->port && nlh->nlmsg_pid && nlh->nlmsg_pid != answer->port))
		return 0;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		answer->interrupted = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		return 0;
	case NLMSG_ERROR:
		return take_error(answer, nlh, err);
	case NLMSG_DONE:
		return take_end(answer, nlh, err);
	case NLMSG_OVERRUN:
		return cut_short(err);
	default:
		return keep(answer, nlh, err);
	}
}

int nl_answer_add(struct nl_answer *answer, const void *bytes, size_t n, struct sh_err *err)
{
	const uint8_t *at = bytes;

	while (n > 0 && !answer->done) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)at;
		size_t len;
		int r;

		if (n < sizeof(*nlh) || nlh->nlmsg_len < sizeof(*nlh) || nlh->nlmsg_len > n)
			return cut_short(err);
		r = take(answer, nlh, err);
		if (r < 0)
			return r;
		len = NLMSG_ALIGN((size_t)nlh->nlmsg_len);
		if (len > n)
			len = n;
		at += len;
		n -= len;
	}
	return 0;
}

void nl_answer_done(struct nl_answer *answer)
{
	free(answer->bytes);
	*answer = (struct nl_answer){ 0 };
}
