/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The allocator that fails on demand, in front of the one that would have been there: libc's, or
 * the address sanitizer's, which then still finds what is lost on the way out of a failure.
 */
#include "unit.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fail_malloc.h"

#define MAX_ALLOCATIONS 100000
#define EARLY_BYTES     4096

static unsigned n_asked, fail_at;
static enum fail_malloc_mode fail_mode;
static bool has_failed;

/* dlsym itself may allocate before the real allocator is known. */
static char early[EARLY_BYTES] __attribute__((aligned(16)));
static size_t early_used;

static void *early_alloc(size_t size)
{
	void *p = early + early_used;

	size = (size + 15) & ~(size_t)15;
	if (size > sizeof(early) - early_used)
		abort();
	early_used += size;
	return p;
}

static bool is_early(const void *p)
{
	return (const char *)p >= early && (const char *)p < early + sizeof(early);
}

static struct {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	void (*free)(void *);
	bool is_ready, is_starting;
} real;

static bool start(void)
{
	if (real.is_ready || real.is_starting)
		return real.is_ready;
	real.is_starting = true;
	*(void **)&real.malloc = dlsym(RTLD_NEXT, "malloc");
	*(void **)&real.calloc = dlsym(RTLD_NEXT, "calloc");
	*(void **)&real.realloc = dlsym(RTLD_NEXT, "realloc");
	*(void **)&real.aligned_alloc = dlsym(RTLD_NEXT, "aligned_alloc");
	*(void **)&real.free = dlsym(RTLD_NEXT, "free");
	real.is_ready = true;
	return true;
}

static bool fails(void)
{
	if (!fail_at)
		return false;
	n_asked++;
	if (n_asked != fail_at && (n_asked < fail_at || fail_mode == FAIL_ONE))
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	if (!start())
		return early_alloc(size);
	return fails() ? NULL : real.malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (!start())
		return early_alloc(n * size);
	return fails() ? NULL : real.calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	if (!start())
		abort();
	return fails() ? NULL : real.realloc(p, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	if (!start())
		abort();
	return fails() ? NULL : real.aligned_alloc(alignment, size);
}

/* The sanitizer's strdup would not come by malloc. */
char *strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

void free(void *p)
{
	if (!is_early(p) && start())
		real.free(p);
}

void fail_malloc_arm(unsigned n, enum fail_malloc_mode mode)
{
	n_asked = 0;
	has_failed = false;
	fail_mode = mode;
	fail_at = n;
}

bool fail_malloc_disarm(void)
{
	fail_at = 0;
	return has_failed;
}

static unsigned each(int (*op)(void *ctx), void (*check)(void *ctx, int r, bool failed), void *ctx,
	enum fail_malloc_mode mode)
{
	for (unsigned n = 1; n < MAX_ALLOCATIONS; n++) {
		bool failed;
		int r;

		fail_malloc_arm(n, mode);
		r = op(ctx);
		failed = fail_malloc_disarm();
		check(ctx, r, failed);
		if (!failed) {
			assert_int_equal(r, 0);
			return n - 1;
		}
	}
	fail_msg("it allocates for ever");
	return 0;
}

unsigned fail_malloc_each(
	int (*op)(void *ctx), void (*check)(void *ctx, int r, bool failed), void *ctx)
{
	unsigned n = each(op, check, ctx, FAIL_ONE);

	(void)each(op, check, ctx, FAIL_AFTER);
	return n;
}
