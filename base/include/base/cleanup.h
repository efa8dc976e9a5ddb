/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Cleanup attributes for the slow path: what a function acquires is released on every way out,
 * unless TAKE_PTR or TAKE_FD hands it on.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__auto_type taken_ = (p);                                                          \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int taken_ = (fd);                                                                 \
		(fd) = -1;                                                                         \
		taken_;                                                                            \
	})

static inline void sh_freep(void *p)
{
	free(*(void **)p);
}

static inline void sh_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void sh_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_   _cleanup_(sh_freep)
#define _cleanup_close_  _cleanup_(sh_closep)
#define _cleanup_fclose_ _cleanup_(sh_fclosep)
