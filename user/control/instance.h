/* SPDX-License-Identifier: GPL-2.0 */
/* One daemon an instance: its name, its files under /run/lbxdp, its lock. */
#ifndef LBX_INSTANCE_H
#define LBX_INSTANCE_H

#include "user/base/err.h"

enum { INSTANCE_NAME_MAX = 32, INSTANCE_PATH_MAX = 108 /* a socket's path */ };

struct instance {
	char name[INSTANCE_NAME_MAX + 1];
	char directory[64]; /* /run/lbxdp, or $LBXDP_RUNDIR */
	int lock_fd;
};

/* Checks the name ([A-Za-z0-9._-], 1 to 32 characters). -EINVAL. */
int instance_init(struct instance *instance, const char *name, struct err *err);
/* Makes the directory and takes the lock. -EBUSY (names the holder's pid), -EACCES ... */
int instance_lock(struct instance *instance, struct err *err);
void instance_unlock(const struct instance *instance);
/* "DIRECTORY/NAME.SUFFIX" */
const char *instance_path(const struct instance *instance, const char *suffix,
			  char path[INSTANCE_PATH_MAX]);

#endif
