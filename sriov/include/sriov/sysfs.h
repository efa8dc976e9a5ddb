/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Files below sysfs, or below any root: short texts, numbers, and what links point to. A path is
 * given as printf does, relative to the root; errors name the whole file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SRIOV_SYSFS_TIMEOUT_MS 30000 /* of a write: drivers take their time with 256 VFs */

/**
 * Read a file of one line into ret, without the line's end.
 *
 * errors:  -ENOENT, -EACCES and others of open(2) and read(2)
 * thread:  any
 */
int sriov_sysfs_read(const char *root, char *ret, size_t size, struct sh_err *err, const char *fmt,
	...) __attribute__((format(printf, 5, 6)));

/** Read up to size bytes. return: how many. errors: those of open(2) and read(2). */
int sriov_sysfs_read_bytes(const char *root, void *ret, size_t size, struct sh_err *err,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/** Read a number, decimal or with 0x. errors: those of read, and -EIO when it is none. */
int sriov_sysfs_read_number(const char *root, int64_t *ret, struct sh_err *err, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));

/** The last part of what a link points to: the name of a driver, a group, a device. */
int sriov_sysfs_read_link(const char *root, char *ret, size_t size, struct sh_err *err,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

bool sriov_sysfs_exists(const char *root, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * Call each with each name in a folder, but . and ..; a return above 0 ends it.
 *
 * return:  the last return of each; 0 for a folder that is empty
 * errors:  those of opendir(3), and of each
 */
int sriov_sysfs_each(const char *root, int (*each)(const char *name, void *ctx), void *ctx,
	struct sh_err *err, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/**
 * Write a text to a file that is there, in one write(2) by a child, since drivers work in it.
 *
 * units:   timeout_ms: 0 is SRIOV_SYSFS_TIMEOUT_MS
 * errors:  those of open(2) and of the driver; -ETIMEDOUT: whether it was done is not known
 * thread:  any
 */
int sriov_sysfs_write(const char *root, const char *text, unsigned timeout_ms, struct sh_err *err,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));
