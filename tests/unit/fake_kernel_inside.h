/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the parts of the fake kernel share: its thread and folder, devices, answers.
 */
#pragma once

#include <linux/netlink.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>

#include "fake_kernel.h"

#define FAKE_FILE_LEN  256
#define FAKE_BLOCKS    1    /* result of a write that never returns */
#define FAKE_LOST_MARK 0xee /* a datagram of one byte: stands for ENOBUFS */
#define FAKE_DEVLINK   0x15 /* number of the family */

/* A write below sysfs. */
struct fake_write {
	char path[FAKE_FILE_LEN]; /* relative to it, links resolved */
	char text[64];
};

struct fake_kernel_inside {
	pthread_t thread;
	pthread_mutex_t lock;
	int route[2], generic[2], files[2], stop[2]; /* [0] is the thread's end */
	char sysfs[FAKE_PATH_LEN + 8], proc[FAKE_PATH_LEN + 8], dev[FAKE_PATH_LEN + 8];
};

/* Files; paths are relative to the root. */
void fake_path(const struct fake_kernel *k, char *ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void fake_put(struct fake_kernel *k, const void *bytes, size_t n, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A link at the path of fmt that points to another. */
void fake_link(struct fake_kernel *k, const char *to, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void fake_remove(struct fake_kernel *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fake_log(struct fake_kernel *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Devices: what a write does. return: 0, -errno or FAKE_BLOCKS */
int32_t fake_take_write(struct fake_kernel *k, const struct fake_write *w);

/* Answers to a netlink request. */
void fake_answer(struct fake_kernel *k, int fd, bool is_generic, const struct nlmsghdr *request);
