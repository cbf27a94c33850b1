/* SPDX-License-Identifier: GPL-2.0 */
/* The control protocol's commands: a table of names, arguments and handlers. */
#ifndef LBX_COMMAND_H
#define LBX_COMMAND_H

#include "user/control/args.h"
#include "user/control/controller.h"

struct call {
	struct controller *controller;
	const json_t *args;
	json_t *result;	  /* set by the handler; NULL: {} */
	json_t *warnings; /* an array */
};

struct command {
	const char *name;
	struct arg_spec args[16];
	int (*run)(struct call *call, struct err *err);
	bool when_orphan; /* also where the pinned maps could not be adopted */
};

/* Runs one line and returns the answer's line (to be freed; NULL without memory). malformed: the
 * connection is to be closed. */
char *command_run(struct controller *controller, const char *line, size_t length, bool *malformed);

__attribute__((format(printf, 2, 3))) void call_warn(struct call *call, const char *format, ...);
/* -ENOMEM if there is no result. */
int call_result(struct call *call, json_t *result, struct err *err);

#define automodel __attribute__((cleanup(model_fini)))

/* command_attach.c */
int command_attach(struct call *call, struct err *err);
int command_detach(struct call *call, struct err *err);
int command_exit(struct call *call, struct err *err);
/* command_service.c */
int command_service_add(struct call *call, struct err *err);
int command_service_set(struct call *call, struct err *err);
int command_service_remove(struct call *call, struct err *err);
int command_service_show(struct call *call, struct err *err);
int command_service_list(struct call *call, struct err *err);
/* command_backend.c */
int command_backend_add(struct call *call, struct err *err);
int command_backend_set(struct call *call, struct err *err);
int command_backend_remove(struct call *call, struct err *err);
int command_backend_list(struct call *call, struct err *err);
/* command_status.c */
int command_version(struct call *call, struct err *err);
int command_status(struct call *call, struct err *err);
int command_stats(struct call *call, struct err *err);

#endif
