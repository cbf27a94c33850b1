/* SPDX-License-Identifier: GPL-2.0 */
/* A command's arguments: which there are, and what they say. Pure. */
#ifndef LBX_ARGS_H
#define LBX_ARGS_H

#include <jansson.h>
#include <stdbool.h>

#include "user/base/err.h"
#include "user/model/model.h"

struct arg_spec {
	const char *name; /* NULL ends a list */
	bool required;
};

/* -EINVAL for an unknown argument (listing the known ones) or a missing one. */
int args_check(const char *command, const json_t *args, const struct arg_spec *specs,
	       struct err *err);
/* The argument's text, NULL if it is not given. */
const char *args_text(const json_t *args, const char *name);
/* "true" and "false"; not given is false. -EINVAL. */
int args_bool(const json_t *args, const char *name, bool *out, struct err *err);

/* The new service that service.add's arguments describe. */
int args_service(const json_t *args, struct service *service, struct err *err);
/* Changes the settings that are given, those of service.set. */
int args_service_settings(const json_t *args, struct service *service, struct err *err);
/* `backend`, and `weight` if given. */
int args_backend(const json_t *args, struct endpoint *endpoint, unsigned *weight, struct err *err);

/* Changes the tunnel settings that are given: `mtu`, `tunnel_port`, `tunnel_source`. *given: any
 * is. */
int args_tunnel(const json_t *args, struct tunnel *tunnel, bool *given, struct err *err);

/* "A,B,...": distinct addresses, at most LBX_MAX_SNATS a family. */
struct address_list {
	struct lbx_addr addrs[2 * LBX_MAX_SNATS];
	size_t count;
};
int args_addresses(const char *text, struct address_list *list, struct err *err);

#endif
