// SPDX-License-Identifier: GPL-2.0
#include "user/cli/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "user/base/cleanup.h"

static int address_set(const char *instance, struct sockaddr_un *address, struct err *err)
{
	const char *dir = getenv("LBXDP_RUNDIR");
	int length;

	if (!dir || !*dir)
		dir = "/run/lbxdp";
	address->sun_family = AF_UNIX;
	length = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s.sock", dir,
			  instance);
	if ((size_t)length < sizeof(address->sun_path))
		return 0;
	return err_set(err, -ENAMETOOLONG, "%s/%s.sock: too long for a socket; use a shorter name",
		       dir, instance);
}

static int connect_error(const char *instance, const char *path, int code, struct err *err)
{
	switch (code) {
	case ENOENT:
	case ECONNREFUSED:
		if (!strcmp(instance, "default"))
			return err_set(err, -ENOTCONN,
				       "lbxdpd: not running for instance default; start it with "
				       "'lbxdp attach IFACE' or 'systemctl start lbxdp'");
		return err_set(err, -ENOTCONN,
			       "lbxdpd: not running for instance %s; start it with "
			       "'lbxdp -n %s attach IFACE'",
			       instance, instance);
	case EACCES:
	case EPERM:
		return err_set(err, -EACCES,
			       "%s: permission denied; run as root or join group lbxdp", path);
	case EAGAIN:
		return err_set(err, -ETIMEDOUT, "lbxdpd: does not accept connections; see its log");
	default:
		return err_set(err, -code, "%s: %s", path, strerror(code));
	}
}

int client_open(const char *instance, unsigned timeout_ms, struct err *err)
{
	struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	struct sockaddr_un address;
	int fd, code;

	if (address_set(instance, &address, err) < 0)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "socket: %s", strerror(errno));
	/* The send timeout bounds connect(2) as well. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	code = errno;
	close(fd);
	return connect_error(instance, address.sun_path, code, err);
}

static int transfer_error(int code, struct err *err)
{
	if (code == EAGAIN)
		return err_set(err, -ETIMEDOUT,
			       "lbxdpd: no answer in time; see its log, then 'lbxdp status'");
	if (code == ECONNRESET || code == EPIPE)
		return err_set(
			err, -ECONNRESET,
			"lbxdpd: ended before it answered; see its log, then 'lbxdp status'");
	return err_set(err, -code, "lbxdpd: %s", strerror(code));
}

static int line_send(int fd, const char *line, size_t size, struct err *err)
{
	while (size) {
		ssize_t sent = send(fd, line, size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return transfer_error(errno, err);
		line += sent;
		size -= (size_t)sent;
	}
	return 0;
}

static int request_send(int fd, const char *command, json_t *args, struct err *err)
{
	json_t *request = json_pack("{s:s, s:O*}", "command", command, "args", args);
	autofree char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;
	int ret;

	json_decref(request);
	if (!line)
		return err_set(err, -ENOMEM, "%s: out of memory", command);
	ret = line_send(fd, line, strlen(line), err);
	return ret < 0 ? ret : line_send(fd, "\n", 1, err);
}

/* Reads up to the newline; *line is the caller's to free, also on errors. An answer may be large:
 * thousands of backends. Nothing follows it, as only one request is under way. */
static ssize_t line_receive(int fd, char **line, struct err *err)
{
	size_t size = 0, room = 0;

	for (;;) {
		ssize_t got;
		char *grown = *line;

		if (room - size < 4096)
			grown = realloc(*line, room = room ? room * 2 : 16384);
		if (!grown)
			return err_set(err, -ENOMEM, "lbxdpd: answer: out of memory");
		*line = grown;
		got = recv(fd, grown + size, room - size, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return transfer_error(got ? errno : ECONNRESET, err);
		size += (size_t)got;
		if (grown[size - 1] == '\n')
			return (ssize_t)size;
	}
}

int client_exchange(int fd, const char *command, json_t *args, json_t **answer, struct err *err)
{
	autofree char *line = NULL;
	json_error_t error;
	ssize_t size;
	int ret = request_send(fd, command, args, err);

	/* A refusal is sent before the question is read, and the daemon may have hung up since. */
	if (ret < 0 && ret != -ECONNRESET)
		return ret;
	size = line_receive(fd, &line, err);
	if (size < 0)
		return (int)size;
	*answer = json_loadb(line, (size_t)size, 0, &error);
	if (json_is_object(*answer))
		return 0;
	json_decref(*answer);
	return err_set(err, -EPROTO, "lbxdpd: answer is no JSON object; compare 'lbxdp version'");
}

int client_result(const json_t *answer, json_t **result, struct err *err)
{
	const char *text = json_string_value(json_object_get(answer, "error"));
	json_int_t code = json_integer_value(json_object_get(answer, "code"));

	if (json_is_true(json_object_get(answer, "ok"))) {
		*result = json_incref(json_object_get(answer, "result"));
		if (!*result)
			*result = json_object();
		return 0;
	}
	return err_set(err, code > 0 && code < 4096 ? (int)-code : -EIO, "%s",
		       text ? text : "lbxdpd: refused without a reason; see its log");
}
