/* SPDX-License-Identifier: GPL-2.0 */
/* Who may talk to the daemon: root, its own user, and the group lbxdp. */
#ifndef LBX_PEER_H
#define LBX_PEER_H

#include "user/base/err.h"

/* Gives the socket to the group, where there is one. */
int peer_admit_group(const char *path, struct err *err);
/* Whether the peer of a connected socket may. -EACCES. */
int peer_check(int fd, struct err *err);

#endif
