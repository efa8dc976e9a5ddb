/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Credentials of the peer as the kernel tells them, not as the peer does. Control thread.
 */
#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/paths.h"
#include "peer.h"

#define MAX_GROUPS 1024

static bool in_group(int fd, gid_t group)
{
	gid_t groups[MAX_GROUPS];
	socklen_t len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

bool peer_is_allowed(int fd)
{
	const struct group *group = getgrnam(sh_group());
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	if (cred.uid == 0 || cred.uid == geteuid())
		return true;
	return group && (cred.gid == group->gr_gid || in_group(fd, group->gr_gid));
}

void peer_set_mode(const char *path)
{
	const struct group *group = getgrnam(sh_group());

	if (chmod(path, 0660) < 0)
		sh_log_warn("cannot set the mode of %s: %s", path, strerror(errno));
	if (group && chown(path, (uid_t)-1, group->gr_gid) < 0 && errno != EPERM)
		sh_log_warn("cannot set the group of %s: %s", path, strerror(errno));
}
