/* SPDX-License-Identifier: GPL-2.0 */
/* Finding and starting the controller, as tmux starts its server. */
#ifndef LBX_CLI_DAEMON_H
#define LBX_CLI_DAEMON_H

#include <stddef.h>

#include "user/base/err.h"

/*
 * lbxdpd beside `self` (this program's path), else in ../sbin, else in the directories of
 * search_path (as PATH; may be NULL). -ENOENT.
 */
int daemon_find(const char *self, const char *search_path, char *path, size_t size,
		struct err *err);
/* Returns when it is ready to be connected to. What it has to say goes to stderr. */
int daemon_start(const char *instance, struct err *err);

#endif
