// SPDX-License-Identifier: GPL-2.0
#include "user/probe/checker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *connect_problem(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "refused";
	case ETIMEDOUT:
		return "timed out";
	case EHOSTUNREACH:
		return "no route to host";
	case ENETUNREACH:
		return "network unreachable";
	case ECONNRESET:
		return "reset";
	case EMFILE:
	case ENFILE:
		return "too many open files here";
	case EADDRNOTAVAIL:
		return "no free local port or address";
	default:
		return strerror(error);
	}
}

static bool is_shortage(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case EADDRNOTAVAIL:
	case EAGAIN:
		return true;
	default:
		return false;
	}
}

enum check_result connect_result(int error, char reason[REASON_MAX])
{
	reason[0] = '\0';
	if (!error)
		return CHECK_PASSED;
	snprintf(reason, REASON_MAX, "connect: %s", connect_problem(error));
	return is_shortage(error) ? CHECK_SHORTAGE : CHECK_FAILED;
}

int check_socket(int family, int type, int protocol)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);

	/* On failure we are left with a TIME_WAIT, which is no reason not to check. */
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return fd;
}
