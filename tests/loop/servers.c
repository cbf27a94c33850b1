// SPDX-License-Identifier: GPL-2.0
#include "tests/loop/servers.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <unistd.h>

static void client_event(struct bufferevent *client, short what, void *context)
{
	struct server *server = context;

	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	server->open--;
	bufferevent_free(client);
}

static void client_fill(struct bufferevent *client, struct server *server)
{
	const char *unit = server->manner == SERVER_LINES ? "X-Filling: xxxx\r\n" : "x";
	size_t bytes = strlen(unit);

	for (int i = 0; i < 512; i++)
		bufferevent_write(client, unit, bytes);
	server->sent_bytes += 512 * bytes;
}

static void client_written(struct bufferevent *client, void *context)
{
	struct server *server = context;

	if (server->manner == SERVER_SAY) {
		server->open--;
		bufferevent_free(client);
	} else if (server->manner == SERVER_FLOOD || server->manner == SERVER_LINES) {
		client_fill(client, server);
	}
}

static void client_asked(struct bufferevent *client, void *context)
{
	struct server *server = context;
	struct evbuffer *input = bufferevent_get_input(client);
	size_t bytes = evbuffer_remove(input, server->request, sizeof(server->request) - 1);

	server->request[bytes] = '\0';
	if (server->manner == SERVER_EMPTY) {
		server->open--;
		bufferevent_free(client);
		return;
	}
	if (!server->text)
		return;
	bufferevent_setcb(client, client_asked, client_written, client_event, server);
	bufferevent_write(client, server->text, strlen(server->text));
}

static void client_accepted(struct evconnlistener *listener, evutil_socket_t fd,
			    struct sockaddr *addr, int bytes, void *context)
{
	struct server *server = context;
	struct bufferevent *client;

	(void)listener;
	(void)addr;
	(void)bytes;
	server->accepted++;
	server->open++;
	if (server->open > server->open_most)
		server->open_most = server->open;
	client = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(client, client_asked, NULL, client_event, server);
	bufferevent_enable(client, EV_READ | EV_WRITE);
}

static __be16 port_of(evutil_socket_t fd)
{
	struct sockaddr_storage addr;
	socklen_t bytes = sizeof(addr);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &bytes), 0);
	if (addr.ss_family == AF_INET)
		return ((struct sockaddr_in *)&addr)->sin_port;
	return ((struct sockaddr_in6 *)&addr)->sin6_port;
}

struct server *server_new(struct event_base *base, const char *addr, enum manner manner,
			  const char *text)
{
	struct server *server = calloc(1, sizeof(*server));
	struct sockaddr_storage name;
	socklen_t bytes;

	assert_non_null(server);
	server->base = base;
	server->manner = manner;
	server->text = text;
	server->endpoint.addr = addr_of(addr);
	bytes = endpoint_sockaddr(&server->endpoint, &name);
	server->listener = evconnlistener_new_bind(base, client_accepted, server,
						   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
						   1024, (struct sockaddr *)&name, (int)bytes);
	assert_non_null(server->listener);
	server->endpoint.port = port_of(evconnlistener_get_fd(server->listener));
	return server;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	evconnlistener_free(server->listener);
	free(server);
}
