/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The log: one line an event, on stderr, with the journal's priority prefix when the journal reads
 * it. ERR: what was asked for did not happen. WARN: odd, going on. NOTICE: a state change seen in
 * production. Workers never log.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum sh_log_level {
	SH_LOG_ERR,
	SH_LOG_WARN,
	SH_LOG_NOTICE,
	SH_LOG_INFO,
	SH_LOG_DEBUG,
};

/** Start the log. thread: main, before any other thread. */
void sh_log_init(const char *program, enum sh_log_level level);

/** Change the level at run time. thread: any. */
void sh_log_set_level(enum sh_log_level level);
enum sh_log_level sh_log_level(void);

/** return: 0, or -EINVAL when the word is none of err, warn, notice, info, debug. thread: any. */
int sh_log_level_parse(const char *word, enum sh_log_level *ret);
const char *sh_log_level_name(enum sh_log_level level);

void sh_log(enum sh_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define sh_log_err(...)    sh_log(SH_LOG_ERR, __VA_ARGS__)
#define sh_log_warn(...)   sh_log(SH_LOG_WARN, __VA_ARGS__)
#define sh_log_notice(...) sh_log(SH_LOG_NOTICE, __VA_ARGS__)
#define sh_log_info(...)   sh_log(SH_LOG_INFO, __VA_ARGS__)
#define sh_log_debug(...)  sh_log(SH_LOG_DEBUG, __VA_ARGS__)

/* At most one line a second from one place; the next line says how many were left out. */
struct sh_log_limit {
	uint64_t next_ns;
	uint64_t n_suppressed;
};

/**
 * return:  true when the caller may log now; *n_suppressed is what was left out since the last
 * units:   now in nanoseconds of CLOCK_MONOTONIC
 * thread:  the owner of the limit
 */
bool sh_log_limit(struct sh_log_limit *limit, uint64_t now_ns, uint64_t *n_suppressed);
