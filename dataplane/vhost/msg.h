/* SPDX-License-Identifier: BSD-3-Clause
 *
 * vhost-user messages on the wire, and reading and writing them without ever waiting for a peer.
 * Names and numbers are those of the vhost-user specification.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhost/mem.h"

enum vhost_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_RESET_OWNER = 4,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_LOG_BASE = 6,
	VHOST_USER_SET_LOG_FD = 7,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_SET_VRING_ERR = 14,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_SEND_RARP = 19,
	VHOST_USER_NET_SET_MTU = 20,
	VHOST_USER_GET_MAX_MEM_SLOTS = 36,
	VHOST_USER_ADD_MEM_REG = 37,
	VHOST_USER_REM_MEM_REG = 38,
	VHOST_USER_N_REQUESTS,
};

#define VHOST_VERSION      0x1
#define VHOST_VERSION_MASK 0x3
#define VHOST_REPLY        0x4
#define VHOST_NEED_REPLY   0x8

#define VHOST_VRING_NOFD 0x100

struct vhost_header {
	uint32_t request, flags, size;
};

struct vhost_state_msg {
	uint32_t index, num;
};

struct vhost_addr_msg {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;
};

struct vhost_mem_msg {
	uint32_t n, padding;
	struct vhost_region_msg regions[VHOST_MAX_REGIONS];
};

struct vhost_one_region_msg {
	uint64_t padding;
	struct vhost_region_msg region;
};

struct vhost_log_msg {
	uint64_t size, offset;
};

union vhost_payload {
	uint64_t u64;
	struct vhost_state_msg state;
	struct vhost_addr_msg addr;
	struct vhost_mem_msg mem;
	struct vhost_one_region_msg region;
	struct vhost_log_msg log;
};

struct vhost_user_msg {
	uint32_t padding; /* so that the payload follows the header without a gap */
	struct vhost_header header;
	union vhost_payload payload;
	int fds[VHOST_MAX_REGIONS]; /* owned: what nobody took is closed by vhost_msg_done */
	unsigned n_fds;
	size_t n_read; /* bytes of header and payload that are there */
};

/**
 * Read on at a message.
 *
 * return:  1 when it is whole, 0 when more must come
 * errors:  -ECONNRESET (the peer left), -EPROTO (no message of this version, too long, or with too
 *          many descriptors), -errno
 * thread:  control
 */
int vhost_msg_read(int fd, struct vhost_user_msg *msg);

/** Close what is left and be ready for the next. */
void vhost_msg_done(struct vhost_user_msg *msg);

/** Take a descriptor that came with the message, -1 if there is none. The caller closes it. */
int vhost_msg_take_fd(struct vhost_user_msg *msg);

/** Answer with `size` bytes of msg->payload. errors: -EAGAIN (the peer does not read), -errno. */
int vhost_msg_reply(int fd, const struct vhost_user_msg *msg, uint32_t size);
