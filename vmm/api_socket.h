/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The machine's API socket: JSON-RPC 2.0, one object a line, as shuntd's (doc/api.md).
 */
#pragma once

#include "api/rpc.h"
#include "snapshot.h"

#define VMM_API_CLIENTS 16

struct vmm_api;

struct vmm_api_client {
	struct vmm_api *api;
	int fd; /* -1: free */
	struct vmm_source source;
	struct api_lines lines;
	struct vmm_files files; /* that came with the request */
};

struct vmm_api {
	struct vmm_machine *machine;
	const char *path; /* NULL without a socket */
	int fd;
	struct vmm_source source;
	struct vmm_api_client clients[VMM_API_CLIENTS];
};

/**
 * Make the socket; a stale one is replaced, one that is served is not.
 *
 * errors:  -EADDRINUSE, -ENAMETOOLONG, -errno
 * thread:  main
 */
int vmm_api_listen(struct vmm_api *api, const char *path, struct sh_err *err);

/** Serve it in the machine's loop; api stays where it is. errors: -errno. */
int vmm_api_attach(struct vmm_api *api, struct vmm_machine *machine);
void vmm_api_close(struct vmm_api *api);

/** api_method.c: do what a request asks. return: the reply's line, NULL when out of memory. */
char *vmm_api_answer(
	struct vmm_machine *machine, const char *line, size_t n, const struct vmm_files *files);
