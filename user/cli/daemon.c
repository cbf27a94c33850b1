// SPDX-License-Identifier: GPL-2.0
#include "user/cli/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/cleanup.h"

extern char **environ;

static bool program_in(const char *dir, int dir_length, const char *below, char *path, size_t size)
{
	int length = snprintf(path, size, "%.*s%s/lbxdpd", dir_length, dir, below);

	return (size_t)length < size && access(path, X_OK) == 0;
}

int daemon_find(const char *self, const char *search_path, char *path, size_t size, struct err *err)
{
	const char *slash = strrchr(self, '/');
	int length = slash ? (int)(slash - self) : 0;

	if (slash && (program_in(self, length, "", path, size) ||
		      program_in(self, length, "/../sbin", path, size)))
		return 0;
	for (const char *dir = search_path; dir; dir = *dir ? dir + 1 : NULL) {
		length = (int)strcspn(dir, ":");
		/* An empty entry means the working directory: not for what root is to run. */
		if (length && program_in(dir, length, "", path, size))
			return 0;
		dir += length;
	}
	return err_set(err, -ENOENT,
		       "lbxdpd: not found beside lbxdp, in ../sbin or in PATH; install it there");
}

static int self_path(char *path, size_t size, struct err *err)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);

	if (length < 0)
		return err_set(err, -errno, "/proc/self/exe: %s", strerror(errno));
	path[length] = '\0';
	return 0;
}

/* Its stdout joins stderr: ours may be JSON that someone parses. */
static int program_spawn(const char *path, const char *instance, pid_t *pid)
{
	char *const argv[] = {(char *)path, (char *)"-n", (char *)instance, NULL};
	posix_spawn_file_actions_t actions;
	int ret = posix_spawn_file_actions_init(&actions);

	if (ret)
		return ret;
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	ret = posix_spawn(pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return ret;
}

/* It turns into a daemon, and exits in the foreground, once it can be talked to. */
static int program_wait(pid_t pid, struct err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return err_set(err, -errno, "lbxdpd: wait: %s", strerror(errno));
	}
	if (WIFSIGNALED(status))
		return err_set(err, -EIO, "lbxdpd: killed by signal %d (%s) while it started",
			       WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status))
		return err_set(err, -EIO,
			       "lbxdpd: did not start (exit status %d); it said why above",
			       WEXITSTATUS(status));
	return 0;
}

int daemon_start(const char *instance, struct err *err)
{
	char self[PATH_MAX], path[PATH_MAX];
	pid_t pid;
	int ret = self_path(self, sizeof(self), err);

	if (ret == 0)
		ret = daemon_find(self, getenv("PATH"), path, sizeof(path), err);
	if (ret < 0)
		return ret;
	ret = program_spawn(path, instance, &pid);
	if (ret)
		return err_set(err, -ret, "%s: %s", path, strerror(ret));
	return program_wait(pid, err);
}
