/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The log's one writer. A line is built in one buffer and written with one write(2), so lines of
 * the control thread, of workers' starts and of DPDK never mix. stderr is the only sink:
 * systemd, a terminal and a test all read it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

static const char *const level_names[] = { "err", "warn", "notice", "info", "debug" };
static const int journal_priority[] = { 3, 4, 5, 6, 7 };

static atomic_int log_level = SH_LOG_NOTICE;
static const char *log_program = "shunt";
static bool log_to_journal;

void sh_log_init(const char *program, enum sh_log_level level)
{
	log_program = program;
	log_to_journal = getenv("JOURNAL_STREAM") != NULL;
	sh_log_set_level(level);
}

void sh_log_set_level(enum sh_log_level level)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

enum sh_log_level sh_log_level(void)
{
	return (enum sh_log_level)atomic_load_explicit(&log_level, memory_order_relaxed);
}

int sh_log_level_parse(const char *word, enum sh_log_level *ret)
{
	for (unsigned i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(word, level_names[i]) == 0) {
			*ret = (enum sh_log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *sh_log_level_name(enum sh_log_level level)
{
	return level_names[level];
}

static int line_start(char *line, size_t size, enum sh_log_level level)
{
	struct timespec ts;
	struct tm tm;
	char stamp[32];

	if (log_to_journal)
		return snprintf(line, size, "<%d>", journal_priority[level]);
	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%H:%M:%S", &tm);
	return snprintf(line, size, "%s.%03ld %s %s: ", stamp, ts.tv_nsec / 1000000, log_program,
		level_names[level]);
}

void sh_log(enum sh_log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	size_t n;
	int saved_errno = errno;

	if (level > sh_log_level())
		return;
	n = (size_t)line_start(line, sizeof(line), level);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	n = strlen(line);
	line[n++] = '\n';
	/* A log that cannot be written has nowhere to say so. */
	if (write(STDERR_FILENO, line, n) < 0)
		errno = saved_errno;
	errno = saved_errno;
}

bool sh_log_limit(struct sh_log_limit *limit, uint64_t now_ns, uint64_t *n_suppressed)
{
	if (now_ns < limit->next_ns) {
		limit->n_suppressed++;
		return false;
	}
	*n_suppressed = limit->n_suppressed;
	limit->n_suppressed = 0;
	limit->next_ns = now_ns + 1000000000ull;
	return true;
}
