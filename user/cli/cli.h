/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command line client: a table of commands, each declared in a file of its own (cmd_*.c). The
 * client checks the shape of a command only; what the values mean is for lbxdpd to say
 * (user/control/protocol.md).
 */
#ifndef LBX_CLI_H
#define LBX_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "user/base/err.h"

enum cli_status { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* A word of the command line that is no option. A row without name ends a table. */
struct cli_operand {
	const char *name; /* as in the usage line: "IFACE" */
	const char *key;  /* of the request's args */
	bool optional;	  /* left out from the left: `[SERVICE] ADDR:PORT` */
};

/* A row without name ends a table. */
struct cli_option {
	const char *name;  /* without the dashes */
	const char *key;   /* of the request's args */
	const char *value; /* what it takes, as in the usage line; NULL: nothing, it means true */
	const char *help;
};

struct cli;

struct cli_command {
	const char *name; /* with its group: "backend add" */
	const char *summary;
	const char *details; /* for --help; may be NULL */
	const char *usage;   /* overrides what the tables would give; may be NULL */
	const struct cli_command *const *verbs; /* a group: its commands, NULL-terminated */
	const struct cli_operand *operands;
	const struct cli_option *options;
	const char *request; /* the protocol's name for it; cli_request sends it */
	/* Text for people; NULL: nothing to say when all went well. 0 or negative errno. */
	int (*print)(const json_t *result, FILE *out);
	enum cli_status (*run)(struct cli *cli, const struct cli_command *command, json_t *args);
};

/* One run of the client. */
struct cli {
	const char *instance;
	bool json, help, version;
	int fd; /* to the controller, -1 until needed */
	FILE *out;
	struct err err;
	const struct cli_command *command; /* as far as it is known: the usage line of an error */
};

int cli_main(int argc, char **argv);

/* Connects unless it is connected. -ENOTCONN: no controller runs. */
int cli_connect(struct cli *cli);
/* One request and its answer; warnings go to stderr. Result: a new reference. */
int cli_call(struct cli *cli, const char *request, json_t *args, json_t **result);
/* Prints as JSON with -j, else by the command's print. */
enum cli_status cli_print(struct cli *cli, const struct cli_command *command, const json_t *result);
/* The `run` of most commands: call, then print. */
enum cli_status cli_request(struct cli *cli, const struct cli_command *command, json_t *args);
__attribute__((format(printf, 2, 3))) enum cli_status cli_usage_error(struct cli *cli,
								      const char *format, ...);

extern const struct cli_command *const cli_commands[]; /* NULL-terminated */
extern const struct cli_command cmd_attach, cmd_detach, cmd_service, cmd_backend, cmd_status,
	cmd_stats, cmd_version, cmd_help;

#endif
