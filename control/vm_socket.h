/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who may connect to the sockets of virtual machines' ports: a process that runs as a user of its
 * own could not, as all else in the run folder is shuntd's. Control thread.
 */
#pragma once

#include "conf/conf.h"

/**
 * A port's socket was made: give it to the user of the virtual machine whose interface the port is.
 * One of no machine, or of a machine without a user of its own, is left as it is.
 *
 * path:    the socket, which is there
 * errors:  logged; the machine then waits for its switch, and says so
 */
void vm_socket_admit(const struct conf *conf, const char *port, const char *path);

/**
 * A virtual machine starts: its ports' sockets are its user's, or shuntd's again where it has none.
 */
void vm_sockets_admit(const struct conf *conf, const struct conf_item *vm, const char *run_dir);
