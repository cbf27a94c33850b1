/* SPDX-License-Identifier: GPL-2.0 */
/* Looking commands up and describing them, from their tables. Pure. */
#ifndef LBX_CLI_COMMAND_H
#define LBX_CLI_COMMAND_H

#include "user/cli/cli.h"

/* The last word of its name: "add" of "backend add". */
const char *command_word(const struct cli_command *command);
/*
 * The command of a table (NULL-terminated) that `word` names or abbreviates uniquely. `group` is
 * the command whose verbs they are, NULL at the top. -EINVAL: none, or several.
 */
int command_find(const struct cli_command *const *table, const struct cli_command *group,
		 const char *word, const struct cli_command **found, struct err *err);

/* One line: "usage: lbxdp backend add [SERVICE] ADDR:PORT [--weight N]". NULL: lbxdp itself. */
void command_print_usage(const struct cli_command *command, FILE *out);
/* The whole help. NULL: lbxdp itself. */
void command_print_help(const struct cli_command *command, FILE *out);

#endif
