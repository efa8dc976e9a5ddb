/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The handler puts private zero pages where the file ended, so the access goes through, and marks
 * the port as broken; the control thread then hangs up. Runs in whatever thread touched the page,
 * so it calls only what a signal handler may.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sigbus.h"
#include "vhost/vhost.h"

_Thread_local struct vhost *dp_sigbus_guests[2];

static int cover(uintptr_t at)
{
	/* The mapping's page size is not known here; a smaller size than it is refused. */
	static const size_t page_sizes[] = { 4096, (size_t)2 << 20, (size_t)1 << 30 };

	for (unsigned i = 0; i < sizeof(page_sizes) / sizeof(page_sizes[0]); i++) {
		uintptr_t page = at & ~(page_sizes[i] - 1);

		if (mmap((void *)page, page_sizes[i], PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
			    0) != MAP_FAILED)
			return 0;
	}
	return -1;
}

static void die(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sigaction(SIGBUS, &dfl, NULL);
	raise(SIGBUS);
}

static bool in_log(const struct vhost_log *log, const void *at)
{
	const uint8_t *mapping = log->mapping;

	return (const uint8_t *)at >= mapping && (const uint8_t *)at < mapping + log->mapping_len;
}

/* NULL: the address is no guest's. */
static struct vhost *guest_at(const void *at)
{
	for (unsigned i = 0; i < 2; i++)
		if (dp_sigbus_guests[i] && (vhost_mem_has(&dp_sigbus_guests[i]->mem, at) ||
						   in_log(&dp_sigbus_guests[i]->log, at)))
			return dp_sigbus_guests[i];
	return NULL;
}

static void on_sigbus(int signal_number, siginfo_t *info, void *context)
{
	struct vhost *guest = guest_at(info->si_addr);
	int saved_errno = errno;

	if (!guest || info->si_code != BUS_ADRERR || cover((uintptr_t)info->si_addr) < 0) {
		die();
		return;
	}
	atomic_store(&guest->broken, true);
	dp_port_notify(guest->port);
	errno = saved_errno;
}

void dp_sigbus_install(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}
