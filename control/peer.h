/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who is at the other end of a UNIX socket, and whether they may use the API.
 */
#pragma once

#include <stdbool.h>

/** True for root, for the user that shuntd runs as, and for members of the group shunt. */
bool peer_is_allowed(int fd);

/** Give a socket file mode 0660 and the group shunt, if there is that group. */
void peer_set_mode(const char *path);
