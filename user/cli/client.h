/* SPDX-License-Identifier: GPL-2.0 */
/* The client's end of the control protocol (user/control/protocol.md). */
#ifndef LBX_CLI_CLIENT_H
#define LBX_CLI_CLIENT_H

#include <jansson.h>

#include "user/base/err.h"

/* An attach may wait for a driver to restart its queues. */
enum { CLIENT_TIMEOUT_MS = 60000 };

/* A connection, or -ENOTCONN: no controller runs; -EACCES; another negative errno. */
int client_open(const char *instance, unsigned timeout_ms, struct err *err);
/* Sends one request (args may be NULL) and waits for its answer, a new reference to an object. */
int client_exchange(int fd, const char *command, json_t *args, json_t **answer, struct err *err);
/* The result inside an answer (a new reference), or the controller's error. */
int client_result(const json_t *answer, json_t **result, struct err *err);

#endif
