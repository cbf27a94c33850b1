// SPDX-License-Identifier: GPL-2.0
#include "user/control/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int instance_init(struct instance *instance, const char *name, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	const char *directory = getenv("LBXDP_RUNDIR");
	size_t length = strlen(name);

	instance->lock_fd = -1;
	/* It becomes part of paths, where "." and ".." have a meaning of their own. */
	if (!length || length > INSTANCE_NAME_MAX || strspn(name, allowed) != length ||
	    !strcmp(name, ".") || !strcmp(name, ".."))
		return err_set(err, -EINVAL,
			       "instance '%.64s': not a name; use 1 to %d of A-Z a-z 0-9 . _ -",
			       name, INSTANCE_NAME_MAX);
	if (!directory || !*directory)
		directory = "/run/lbxdp";
	if (strlen(directory) >= sizeof(instance->directory))
		return err_set(err, -EINVAL,
			       "LBXDP_RUNDIR: longer than %zu characters; use a shorter path",
			       sizeof(instance->directory) - 1);
	snprintf(instance->name, sizeof(instance->name), "%s", name);
	snprintf(instance->directory, sizeof(instance->directory), "%s", directory);
	return 0;
}

const char *instance_path(const struct instance *instance, const char *suffix,
			  char path[INSTANCE_PATH_MAX])
{
	snprintf(path, INSTANCE_PATH_MAX, "%s/%s.%s", instance->directory, instance->name, suffix);
	return path;
}

static int lock_refused(const struct instance *instance, int fd, struct err *err)
{
	char pid[16] = "";
	ssize_t length = pread(fd, pid, sizeof(pid) - 1, 0);

	if (length > 0)
		pid[strcspn(pid, "\n")] = '\0';
	return err_set(err, -EBUSY, "instance %s: lbxdpd runs already (pid %s); use 'lbxdp%s%s'",
		       instance->name, *pid ? pid : "unknown",
		       strcmp(instance->name, "default") ? " -n " : "",
		       strcmp(instance->name, "default") ? instance->name : "");
}

int instance_lock(struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX], pid[16];
	int length = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	int fd, r;

	if (mkdir(instance->directory, 0755) && errno != EEXIST)
		return err_set(err, -errno, "%s: %s%s", instance->directory, strerror(errno),
			       errno == EACCES ? "; run lbxdpd as root" : "");
	instance_path(instance, "lock", path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s%s", path, strerror(errno),
			       errno == EACCES ? "; run lbxdpd as root" : "");
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		r = errno == EWOULDBLOCK ? lock_refused(instance, fd, err)
					 : err_set(err, -errno, "%s: %s", path, strerror(errno));
		close(fd);
		return r;
	}
	if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)length, 0) != length) {
		r = err_set(err, -errno, "%s: %s", path, strerror(errno));
		close(fd);
		return r;
	}
	instance->lock_fd = fd;
	return 0;
}

/* The file stays: two daemons could otherwise hold locks on two files of the same name. */
void instance_unlock(const struct instance *instance)
{
	flock(instance->lock_fd, LOCK_UN);
}
