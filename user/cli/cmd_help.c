// SPDX-License-Identifier: GPL-2.0
#include "user/cli/command.h"

static const struct cli_operand operands[] = {
	{.name = "COMMAND", .key = "command", .optional = true},
	{.name = "VERB", .key = "verb", .optional = true},
	{},
};

static enum cli_status run(struct cli *cli, const struct cli_command *command, json_t *args)
{
	const char *const words[] = {
		json_string_value(json_object_get(args, "command")),
		json_string_value(json_object_get(args, "verb")),
	};
	const struct cli_command *const *table = cli_commands;
	const struct cli_command *topic = NULL;

	(void)command;
	for (size_t i = 0; i < 2 && words[i]; i++) {
		if (!table)
			return cli_usage_error(cli, "help: %s has no command %s", topic->name,
					       words[i]);
		if (command_find(table, topic, words[i], &topic, &cli->err) < 0)
			return CLI_USAGE;
		table = topic->verbs;
	}
	command_print_help(topic, cli->out);
	return CLI_DONE;
}

const struct cli_command cmd_help = {
	.name = "help",
	.summary = "explain a command",
	.operands = operands,
	.run = run,
};
