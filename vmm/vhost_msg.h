/* SPDX-License-Identifier: BSD-3-Clause
 *
 * vhost-user messages as a front end sends and reads them. Names and numbers are those of the
 * vhost-user specification. What comes from the back end is checked here, before anybody sees it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "mem.h"

enum vhost_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_SEND_RARP = 19,
	VHOST_USER_NET_SET_MTU = 20,
};

#define VHOST_VERSION      0x1
#define VHOST_VERSION_MASK 0x3
#define VHOST_REPLY        0x4
#define VHOST_NEED_REPLY   0x8

#define VHOST_VRING_NOFD 0x100

struct vhost_header {
	uint32_t request, flags, size;
};

struct vhost_state {
	uint32_t index, num;
};

struct vhost_addr {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;
};

struct vhost_region {
	uint64_t gpa, size, uva, mmap_offset;
};

struct vhost_regions {
	uint32_t n, padding;
	struct vhost_region regions[VMM_MEM_REGIONS];
};

union vhost_payload {
	uint64_t u64;
	struct vhost_state state;
	struct vhost_addr addr;
	struct vhost_regions mem;
};

#define VHOST_ANSWER_BYTES 8 /* a number, or a ring's state */

/* An answer, read as it comes. */
struct vhost_answer {
	uint8_t bytes[sizeof(struct vhost_header) + VHOST_ANSWER_BYTES];
	size_t n_read; /* 0: the next one begins */
};

/**
 * Send a message.
 *
 * errors:  -EAGAIN (the back end does not read), -errno
 * thread:  any, one at a time, as below
 */
int vhost_send(int fd, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
	const int *fds, unsigned n_fds);

/**
 * Read on at the answer to a request; *ret is set when it is whole.
 *
 * return:  1 when it is whole, 0 when more must come
 * errors:  -ECONNRESET (the back end left), -EPROTO (not what was asked), -errno
 */
int vhost_read(int fd, uint32_t request, struct vhost_answer *answer, uint64_t *ret);
