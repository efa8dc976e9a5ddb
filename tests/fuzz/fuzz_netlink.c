/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any answer of a kernel: datagrams that are put together, and what each message in them says of
 * links, VFs and devlink. First byte: how many datagrams the rest is cut into.
 */
#include <string.h>

#include "fuzz.h"
#include "nl_answer.h"
#include "sriov/msg.h"

#define SEQ     7
#define MAX_VFS 8

static void check_text(const char *text, size_t size)
{
	CHECK(memchr(text, '\0', size));
}

static void parse_link(const struct nlmsghdr *nlh)
{
	struct sriov_vf vfs[MAX_VFS] = { 0 };
	struct sriov_link link;
	int n;

	if (sriov_link_parse(nlh, &link) == 0) {
		check_text(link.name, sizeof(link.name));
		check_text(link.parent, sizeof(link.parent));
	}
	n = sriov_link_parse_vfs(nlh, vfs, MAX_VFS);
	for (unsigned i = 0; i < MAX_VFS; i++) {
		CHECK(!(vfs[i].known & 1u << SRIOV_LINK_STATE) ||
			vfs[i].link_state <= SRIOV_LINK_DISABLE);
		/* What is said of a VF has its address. */
		CHECK(!vfs[i].known || vfs[i].known & 1u << SRIOV_MAC);
		CHECK(n != 0 || !vfs[i].known);
	}
}

static void parse_devlink(const struct nlmsghdr *nlh)
{
	struct sriov_eswitch_modes modes;
	struct sriov_fn_rate rate;
	struct sriov_port port;
	uint16_t family;

	(void)sriov_family_parse(nlh, &family);
	if (sriov_eswitch_parse(nlh, &modes) == 0) {
		check_text(modes.inline_mode, sizeof(modes.inline_mode));
		check_text(modes.encap_mode, sizeof(modes.encap_mode));
	}
	if (sriov_port_parse(nlh, &port) == 0) {
		check_text(port.address, sizeof(port.address));
		check_text(port.netdev, sizeof(port.netdev));
	}
	if (sriov_rate_parse(nlh, &rate) == 0)
		check_text(rate.address, sizeof(rate.address));
}

static void look_at(const struct nl_answer *answer)
{
	size_t at = 0;

	while (at < answer->n_bytes) {
		const struct nlmsghdr *nlh = (const void *)(answer->bytes + at);

		CHECK(nlh->nlmsg_len >= sizeof(*nlh));
		CHECK(nlh->nlmsg_seq == SEQ);
		parse_link(nlh);
		parse_devlink(nlh);
		at += NLMSG_ALIGN(nlh->nlmsg_len);
	}
	CHECK(at == answer->n_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nl_answer answer = { .seq = SEQ };
	struct sh_err err = { "" };
	size_t n, at = 1;
	int r = 0;

	if (size < 2)
		return 0;
	n = (size - 1) / (1u + data[0] % 4) / NLMSG_ALIGNTO * NLMSG_ALIGNTO;
	while (r == 0 && !answer.done && at < size) {
		size_t part = n && size - at > n ? n : size - at;
		/* Where no byte behind it may be read. */
		uint8_t *datagram = malloc(part);

		CHECK(datagram);
		memcpy(datagram, data + at, part);
		r = nl_answer_add(&answer, datagram, part, &err);
		free(datagram);
		CHECK(r == 0 || (r < 0 && *err.text));
		check_text(err.text, sizeof(err.text));
		at += part;
	}
	look_at(&answer);
	nl_answer_done(&answer);
	return 0;
}
