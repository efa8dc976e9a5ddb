/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A socket's owner may connect to it, and nobody else but root: so a guest that takes over its
 * process reaches no port but its own.
 */
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/port_target.h"
#include "vm_definition.h"
#include "vm_socket.h"

static uint32_t n_nics(const struct conf_item *vm)
{
	return conf_nested(vm, API_VM, "nics")->n;
}

static const struct conf_item *vm_of(const struct conf *conf, const char *port)
{
	const struct conf_items *vms = &conf->of[API_VM];
	char name[64];

	for (uint32_t i = 0; i < vms->n; i++) {
		for (uint32_t n = 0; n < n_nics(&vms->items[i]); n++) {
			vm_nic_port(&vms->items[i], n, name);
			if (strcmp(name, port) == 0)
				return &vms->items[i];
		}
	}
	return NULL;
}

static void give(const struct conf_item *vm, const char *path)
{
	const char *name = conf_get(vm, API_VM, "user");
	const struct passwd *user = name ? getpwnam(name) : NULL;

	/* A user that is not there is named when the machine starts. */
	if (name && !user)
		return;
	if (lchown(path, user ? user->pw_uid : geteuid(), (gid_t)-1) < 0)
		sh_log_warn("VM '%s': cannot give it its socket %s: %s",
			conf_get(vm, API_VM, "name"), path, strerror(errno));
}

void vm_socket_admit(const struct conf *conf, const char *port, const char *path)
{
	const struct conf_item *vm = vm_of(conf, port);

	if (vm && conf_get(vm, API_VM, "user"))
		give(vm, path);
}

void vm_sockets_admit(const struct conf *conf, const struct conf_item *vm, const char *run_dir)
{
	for (uint32_t n = 0; n < n_nics(vm); n++) {
		const struct conf_item *port;
		char name[64], path[PORT_TARGET_LEN];

		vm_nic_port(vm, n, name);
		port = name[0] ? conf_item(conf, API_PORT, name) : NULL;
		if (port && port_socket_path(port, run_dir, path, NULL) == 0)
			give(vm, path);
	}
}
