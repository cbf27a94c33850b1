// SPDX-License-Identifier: GPL-2.0
#include "user/control/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/control/command.h"
#include "user/control/peer.h"
#include "user/control/protocol.h"

enum {
	CONNECTIONS_MAX = 64,
	IDLE_S = 60,		    /* without a request */
	STUCK_S = 10,		    /* without taking its answer */
	OUTPUT_ENOUGH = 256 * 1024, /* bytes; no further request until some of them are taken */
	LINGER_S = 2,
	LINGER_BYTES = 1024 * 1024,
};

struct connection {
	LIST_ENTRY(connection) list;
	struct server *server;
	struct bufferevent *buffers;
	bool ended;   /* the peer sends no more */
	bool closing; /* once the answers are out */
	bool shut;    /* they are */
	size_t discarded;
};

struct server {
	struct controller *controller;
	struct evconnlistener *listener;
	struct event *resume;
	LIST_HEAD(, connection) connections;
	unsigned connection_count;
};

static void connection_free(struct connection *connection)
{
	struct server *server = connection->server;

	LIST_REMOVE(connection, list);
	server->connection_count--;
	bufferevent_free(connection->buffers);
	free(connection);
	if (server->controller->exiting)
		event_base_loopexit(server->controller->base, NULL);
}

static void connection_send(struct connection *connection, const char *answer)
{
	if (!answer || bufferevent_write(connection->buffers, answer, strlen(answer)))
		connection->closing = true;
}

/* Makes room for another daemon: whoever reads the answer may start one at once. */
static void server_retire(struct server *server)
{
	char path[INSTANCE_PATH_MAX];

	if (!server->listener)
		return;
	evconnlistener_free(server->listener);
	server->listener = NULL;
	event_del(server->resume);
	unlink(instance_path(&server->controller->instance, "sock", path));
	instance_unlock(&server->controller->instance);
}

static void connection_answer(struct connection *connection, const char *line, size_t length)
{
	struct controller *controller = connection->server->controller;
	static const struct timeval patience = {.tv_sec = 2};
	bool malformed;
	autofree char *answer = command_run(controller, line, length, &malformed);

	if (controller->exiting) {
		server_retire(connection->server);
		/* The answer gets out, but a peer that does not take it cannot hold us. */
		event_base_loopexit(controller->base, &patience);
	}
	connection_send(connection, answer);
	connection->closing |= malformed || controller->exiting;
}

static void connection_refuse_long(struct connection *connection)
{
	autofree char *answer = NULL;
	struct err err;

	err_set(&err, -E2BIG, "request: longer than %d bytes", REQUEST_LINE_MAX);
	answer = response_error(&err);
	connection_send(connection, answer);
	connection->closing = true;
}

/*
 * The answers are out. Closing with input unread would reset the connection, and the peer might
 * lose the last answer: what still comes in is thrown away, within reason.
 */
static void connection_linger(struct connection *connection)
{
	static const struct timeval linger = {.tv_sec = LINGER_S};
	struct evbuffer *input = bufferevent_get_input(connection->buffers);

	connection->discarded += evbuffer_get_length(input);
	evbuffer_drain(input, evbuffer_get_length(input));
	if (connection->ended || connection->server->controller->exiting ||
	    connection->discarded > LINGER_BYTES) {
		connection_free(connection);
		return;
	}
	if (connection->shut)
		return;
	connection->shut = true;
	shutdown(bufferevent_getfd(connection->buffers), SHUT_WR);
	bufferevent_set_timeouts(connection->buffers, &linger, NULL);
}

/* Answers the lines that have come in, as far as the answers are taken. False: there is none left.
 */
static bool connection_answer_all(struct connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->buffers);
	struct evbuffer *output = bufferevent_get_output(connection->buffers);

	while (!connection->closing && evbuffer_get_length(output) < OUTPUT_ENOUGH) {
		size_t length;
		autofree char *line = evbuffer_readln(input, &length, EVBUFFER_EOL_LF);

		if (!line)
			return false;
		connection_answer(connection, line, length);
	}
	return true;
}

static void connection_serve(struct connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->buffers);
	bool more;

	connection->closing |= connection->server->controller->exiting;
	more = connection_answer_all(connection);

	if (!more && evbuffer_get_length(input) > REQUEST_LINE_MAX)
		connection_refuse_long(connection);
	if (!more && connection->ended)
		connection->closing = true;
	if (connection->closing &&
	    !evbuffer_get_length(bufferevent_get_output(connection->buffers)))
		connection_linger(connection);
	else if (connection->closing)
		evbuffer_drain(input, evbuffer_get_length(input));
}

static void connection_readable(struct bufferevent *buffers, void *context)
{
	(void)buffers;
	connection_serve(context);
}

static void connection_event(struct bufferevent *buffers, short events, void *context)
{
	struct connection *connection = context;

	(void)buffers;
	if (!(events & BEV_EVENT_EOF)) {
		connection_free(connection);
		return;
	}
	/* It may still wait for answers (half-closed). */
	connection->ended = true;
	connection_serve(connection);
}

static void connection_new(struct server *server, int fd)
{
	static const struct timeval idle = {.tv_sec = IDLE_S}, stuck = {.tv_sec = STUCK_S};
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection)
		connection->buffers = bufferevent_socket_new(server->controller->base, fd,
							     BEV_OPT_CLOSE_ON_FREE);
	if (!connection || !connection->buffers) {
		free(connection);
		close(fd);
		return;
	}
	connection->server = server;
	LIST_INSERT_HEAD(&server->connections, connection, list);
	server->connection_count++;
	bufferevent_setcb(connection->buffers, connection_readable, connection_readable,
			  connection_event, connection);
	/* Room for the longest line and its newline. */
	bufferevent_setwatermark(connection->buffers, EV_READ, 0, REQUEST_LINE_MAX + 1);
	bufferevent_set_timeouts(connection->buffers, &idle, &stuck);
	bufferevent_enable(connection->buffers, EV_READ | EV_WRITE);
}

static void peer_refuse(int fd, const struct err *err)
{
	autofree char *answer = response_error(err);

	/* If its buffer does not take that much, so be it. */
	if (answer)
		(void)!send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void peer_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr,
			int length, void *context)
{
	struct server *server = context;
	struct err err = {0};
	int r = peer_check(fd, &err);

	(void)listener;
	(void)addr;
	(void)length;
	if (!r && server->connection_count >= CONNECTIONS_MAX)
		r = err_set(&err, -EUSERS, "lbxdpd: has %d connections already; try again later",
			    CONNECTIONS_MAX);
	if (r)
		peer_refuse(fd, &err);
	else
		connection_new(server, fd);
}

/* Mostly out of file descriptors: accepting again at once would only spin. */
static void accept_failed(struct evconnlistener *listener, void *context)
{
	static const struct timeval pause = {.tv_sec = 1};
	struct server *server = context;

	log_error("control socket: accept: %s", strerror(errno));
	evconnlistener_disable(listener);
	event_add(server->resume, &pause);
}

static void accept_resume(evutil_socket_t fd, short events, void *context)
{
	struct server *server = context;

	(void)fd;
	(void)events;
	evconnlistener_enable(server->listener);
}

static struct evconnlistener *listener_new(struct server *server, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct evconnlistener *listener;
	mode_t mask;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	/* A former daemon's: we hold the instance's lock. */
	unlink(path);
	/* Nobody may connect before it has its group. */
	mask = umask(0177);
	listener = evconnlistener_new_bind(server->controller->base, peer_accept, server,
					   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, -1,
					   (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	return listener;
}

int server_new(struct controller *controller, struct server **out, struct err *err)
{
	struct server *server = calloc(1, sizeof(*server));
	char path[INSTANCE_PATH_MAX];
	int r = 0;

	if (!server)
		return err_set(err, -ENOMEM, "lbxdpd: out of memory");
	server->controller = controller;
	LIST_INIT(&server->connections);
	instance_path(&controller->instance, "sock", path);
	server->resume = event_new(controller->base, -1, 0, accept_resume, server);
	server->listener = server->resume ? listener_new(server, path) : NULL;
	if (!server->listener)
		r = err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!r)
		r = peer_admit_group(path, err);
	if (r) {
		server_free(server);
		return r;
	}
	evconnlistener_set_error_cb(server->listener, accept_failed);
	*out = server;
	return 0;
}

void server_free(struct server *server)
{
	struct connection *connection, *next;

	if (!server)
		return;
	for (connection = LIST_FIRST(&server->connections); connection; connection = next) {
		next = LIST_NEXT(connection, list);
		connection_free(connection);
	}
	server_retire(server);
	if (server->resume)
		event_free(server->resume);
	free(server);
}
