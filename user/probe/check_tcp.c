// SPDX-License-Identifier: GPL-2.0
/* A backend is up if it accepts a TCP connection. */
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/probe/checker.h"

struct tcp_check {
	struct check_target target;
	struct event *writable;
	int fd;
	int error; /* of a connect that failed at once */
};

static enum check_result tcp_result(const struct tcp_check *check, char reason[REASON_MAX])
{
	int error = check->error;
	socklen_t bytes = sizeof(error);

	if (!error && getsockopt(check->fd, SOL_SOCKET, SO_ERROR, &error, &bytes))
		error = errno;
	return connect_result(error, reason);
}

static void tcp_writable(evutil_socket_t fd, short what, void *context)
{
	struct tcp_check *check = context;
	char reason[REASON_MAX];
	enum check_result result = tcp_result(check, reason);

	(void)fd;
	(void)what;
	check->target.done(check->target.context, result, reason);
}

static int tcp_connect(struct tcp_check *check)
{
	struct sockaddr_storage addr;
	socklen_t bytes = endpoint_sockaddr(check->target.endpoint, &addr);

	check->fd = check_socket(addr.ss_family, SOCK_STREAM, IPPROTO_TCP);
	if (check->fd < 0)
		return errno;
	return connect(check->fd, (struct sockaddr *)&addr, bytes) ? errno : 0;
}

static void tcp_stop(void *context)
{
	struct tcp_check *check = context;

	/* The event first: it must not outlive its descriptor. */
	if (check->writable)
		event_free(check->writable);
	if (check->fd >= 0)
		close(check->fd);
	free(check);
}

static void *tcp_fail(struct tcp_check *check, int error, char reason[REASON_MAX])
{
	connect_result(error, reason);
	if (check)
		tcp_stop(check);
	return NULL;
}

static void *tcp_start(struct event_base *base, void *shared, const struct check_target *target,
		       char reason[REASON_MAX])
{
	struct tcp_check *check = calloc(1, sizeof(*check));
	int error;

	(void)shared;
	if (!check)
		return tcp_fail(NULL, ENOMEM, reason);
	check->target = *target;
	error = tcp_connect(check);
	if (connect_result(error, reason) == CHECK_SHORTAGE)
		return tcp_fail(check, error, reason);
	check->writable = event_new(base, check->fd, EV_WRITE, tcp_writable, check);
	if (!check->writable || event_add(check->writable, NULL))
		return tcp_fail(check, ENOMEM, reason);
	if (error && error != EINPROGRESS) {
		check->error = error;
		event_active(check->writable, EV_WRITE, 0);
	}
	return check;
}

static enum check_result tcp_expire(void *context, char reason[REASON_MAX])
{
	struct tcp_check *check = context;
	struct pollfd poller = {.fd = check->fd, .events = POLLOUT};

	if (check->error || poll(&poller, 1, 0) > 0)
		return tcp_result(check, reason);
	return connect_result(ETIMEDOUT, reason);
}

const struct checker checker_tcp = {
	.start = tcp_start,
	.expire = tcp_expire,
	.stop = tcp_stop,
};
