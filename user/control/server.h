/* SPDX-License-Identifier: GPL-2.0 */
/* The control protocol's unix socket. No peer can make the daemon wait, grow or die. */
#ifndef LBX_SERVER_H
#define LBX_SERVER_H

#include "user/control/controller.h"

struct server;

int server_new(struct controller *controller, struct server **server, struct err *err);
/* Also removes the socket. */
void server_free(struct server *server);

#endif
