/* SPDX-License-Identifier: GPL-2.0 */
/* The control protocol's lines (protocol.md), read and written. Pure. */
#ifndef LBX_PROTOCOL_H
#define LBX_PROTOCOL_H

#include <jansson.h>
#include <stddef.h>

#include "user/base/err.h"

enum { REQUEST_LINE_MAX = 64 * 1024 }; /* bytes, without the newline */

struct request {
	char command[64];
	json_t *args; /* an object whose values are all strings, as the user would have typed them
		       */
};

/* -EPROTO with what is wrong, -E2BIG. On success request_fini() frees it. */
int request_parse(const char *line, size_t length, struct request *request, struct err *err);
void request_fini(struct request *request);

/* A line with its newline, to be freed; NULL without memory. `result` and `warnings` may be NULL
 * and are only borrowed. */
char *response_ok(const json_t *result, const json_t *warnings);
char *response_error(const struct err *err);

#endif
