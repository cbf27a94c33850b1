/* SPDX-License-Identifier: GPL-2.0 */
/* The words of a command line into the args of a request, by the command's tables. Pure. */
#ifndef LBX_CLI_ARGS_H
#define LBX_CLI_ARGS_H

#include "user/cli/cli.h"

/*
 * Options that every command takes, up to the first word that is none. argv[0] is skipped; `next`
 * becomes the index of the first word not used. -EINVAL.
 */
int args_parse_global(struct cli *cli, int argc, char **argv, int *next);
/* Everything after a command's name (argv[0]): options and operands in any order. -EINVAL. */
int args_parse(struct cli *cli, const struct cli_command *command, int argc, char **argv,
	       json_t *args);
/* A name that can be a file's: 1..64 of [A-Za-z0-9._-], no dot first. -EINVAL. */
int args_check_instance(const char *name, struct err *err);

#endif
