// SPDX-License-Identifier: GPL-2.0
#include "user/control/daemonise.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"

enum { LOG_BYTES_MAX = 4 << 20 };

/* What the daemon reports when it answers; anything else is its error. */
static const char READY[] = "ready";

_Noreturn static void daemon_wait(int fd)
{
	char report[sizeof(((struct err *)NULL)->text) + 1] = "";
	size_t length = 0;
	ssize_t got;

	while ((got = read(fd, report + length, sizeof(report) - 1 - length)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		length += got > 0 ? (size_t)got : 0;
	}
	if (!strcmp(report, READY))
		exit(0);
	fprintf(stderr, "lbxdpd: %s\n", *report ? report : "died while it started; see its log");
	exit(1);
}

int daemonise(int *report_fd, struct err *err)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return err_set(err, -errno, "lbxdpd: pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		return err_set(err, -errno, "lbxdpd: fork: %s", strerror(errno));
	if (pid > 0) {
		close(fds[1]);
		daemon_wait(fds[0]);
	}
	close(fds[0]);
	/* Twice, so that it is no session's leader and can never get a terminal. */
	setsid();
	pid = fork();
	if (pid < 0)
		return err_set(err, -errno, "lbxdpd: fork: %s", strerror(errno));
	if (pid > 0)
		_exit(0);
	(void)!chdir("/");
	*report_fd = fds[1];
	return 0;
}

void daemon_report(int report_fd, const struct err *error)
{
	const char *text = error ? error->text : READY;

	(void)!write(report_fd, text, strlen(text));
	close(report_fd);
}

int daemon_log_open(const char *path, struct err *err)
{
	autoclose int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (log < 0 || null < 0)
		return err_set(err, -errno, "%s: %s", log < 0 ? path : "/dev/null",
			       strerror(errno));
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(log, STDERR_FILENO) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

void daemon_log_trim(const char *path)
{
	struct stat status;
	char aside[256];

	if (fstat(STDERR_FILENO, &status) || status.st_size < LOG_BYTES_MAX)
		return;
	snprintf(aside, sizeof(aside), "%s.old", path);
	if (!rename(path, aside))
		daemon_log_open(path, NULL);
}
