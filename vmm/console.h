/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The other end of a serial port: a pseudo-terminal, this program's terminal, a file, or nothing.
 */
#pragma once

#include <termios.h>

#include "base/err.h"
#include "kvm.h"
#include "loop.h"
#include "serial.h"

struct vmm_console {
	struct vmm_serial serial;
	struct vmm_kvm *kvm;
	struct vmm_loop *loop;
	unsigned irq;
	int in_fd, out_fd; /* -1: none */
	int slave_fd;      /* keeps the pseudo-terminal alive while nobody has it open */
	char path[64];     /* of the pseudo-terminal */
	bool is_raw;       /* our own terminal was changed */
	struct termios before;
	struct vmm_source source;
	void (*on_quit)(void *ctx); /* Ctrl-] at our own terminal */
	void *ctx;
};

/**
 * what: "pty", "stdio", "off", or a file's path, which is made and appended to.
 *
 * errors:  -errno, naming what
 * thread:  main
 */
int vmm_console_open(const char *what, struct vmm_console *ret, struct sh_err *err);

/** Connect it with the guest's port i. The console stays where it is from now on. */
int vmm_console_attach(
	struct vmm_console *console, struct vmm_kvm *kvm, unsigned i, struct vmm_loop *loop);
void vmm_console_close(struct vmm_console *console);
