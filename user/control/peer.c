// SPDX-License-Identifier: GPL-2.0
#include "user/control/peer.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP "lbxdp"

enum { GROUPS_MAX = 256 };

int peer_admit_group(const char *path, struct err *err)
{
	const struct group *group = getgrnam(GROUP);

	if (group && chown(path, (uid_t)-1, group->gr_gid))
		return err_set(err, -errno, "%s: cannot be given to group %s: %s", path, GROUP,
			       strerror(errno));
	if (chmod(path, 0660))
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

static bool is_in_group(int fd, gid_t own, gid_t wanted)
{
	gid_t groups[GROUPS_MAX];
	socklen_t size = sizeof(groups);

	if (own == wanted)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
		return false;
	for (size_t i = 0; i < size / sizeof(groups[0]); i++) {
		if (groups[i] == wanted)
			return true;
	}
	return false;
}

/* The socket's mode says the same, but a mode is easily changed by mistake. */
int peer_check(int fd, struct err *err)
{
	const struct group *group = getgrnam(GROUP);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return err_set(err, -errno, "lbxdpd: cannot tell who you are: %s", strerror(errno));
	if (!peer.uid || peer.uid == geteuid() ||
	    (group && is_in_group(fd, peer.gid, group->gr_gid)))
		return 0;
	return err_set(err, -EACCES, "lbxdpd: user %u may not; be root or in the group %s",
		       peer.uid, GROUP);
}
