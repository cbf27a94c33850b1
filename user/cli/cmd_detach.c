// SPDX-License-Identifier: GPL-2.0
#include "user/cli/cli.h"

static const struct cli_operand operands[] = {
	{.name = "IFACE", .key = "interface", .optional = true},
	{},
};

static const struct cli_option options[] = {
	{"all", "all", NULL, "every interface; then forget all state and end lbxdpd"},
	{},
};

static enum cli_status run(struct cli *cli, const struct cli_command *command, json_t *args)
{
	size_t given = json_object_size(args);

	if (given != 1)
		return cli_usage_error(cli, "detach: %s",
				       given ? "IFACE and --all exclude each other"
					     : "IFACE is missing; or say --all");
	return cli_request(cli, command, args);
}

const struct cli_command cmd_detach = {
	.name = "detach",
	.summary = "stop balancing what arrives on an interface",
	.details =
		"lbxdpd goes on, with its services and flows. With --all everything is removed: the\n"
		"program, the tables, the services and lbxdpd.",
	.usage = "IFACE | --all",
	.operands = operands,
	.options = options,
	.request = "detach",
	.run = run,
};
