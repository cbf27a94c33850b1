/* SPDX-License-Identifier: GPL-2.0 */
/* The servers that the health checks are tried on: on the same loop, on ports of the kernel's
 * choice. */
#ifndef LBX_SERVERS_H
#define LBX_SERVERS_H

#include "tests/loop/loop.h"

struct evconnlistener;
struct server;

enum manner {
	SERVER_ACCEPT, /* says nothing */
	SERVER_EMPTY,  /* closes once it was asked */
	SERVER_SAY,    /* says its text once it was asked, and closes */
	SERVER_STALL,  /* says its text once it was asked, and no more */
	SERVER_FLOOD,  /* says its text, and then the letter x for ever */
	SERVER_LINES,  /* says its text, and then header lines for ever */
};

struct server {
	struct event_base *base;
	struct evconnlistener *listener;
	enum manner manner;
	const char *text;
	struct endpoint endpoint;
	unsigned accepted;
	unsigned open, open_most; /* connections at the same time */
	size_t sent_bytes;
	char request[2048]; /* the last one */
};

struct server *server_new(struct event_base *base, const char *addr, enum manner manner,
			  const char *text);
void server_free(struct server *server);

#endif
