// SPDX-License-Identifier: GPL-2.0
/* From the command line to the command, and the only place that prints errors. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/cli/args.h"
#include "user/cli/client.h"
#include "user/cli/command.h"
#include "version.h"

const struct cli_command *const cli_commands[] = {
	&cmd_attach, &cmd_detach,  &cmd_service, &cmd_backend, &cmd_status,
	&cmd_stats,  &cmd_version, &cmd_help,	 NULL,
};

enum cli_status cli_usage_error(struct cli *cli, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(cli->err.text, sizeof(cli->err.text), format, list);
	va_end(list);
	cli->err.code = -EINVAL;
	return CLI_USAGE;
}

int cli_connect(struct cli *cli)
{
	if (cli->fd < 0)
		cli->fd = client_open(cli->instance, CLIENT_TIMEOUT_MS, &cli->err);
	return cli->fd < 0 ? cli->fd : 0;
}

static void warnings_print(const json_t *answer)
{
	json_t *warning;
	size_t i;

	json_array_foreach (json_object_get(answer, "warnings"), i, warning) {
		if (json_is_string(warning))
			fprintf(stderr, "lbxdp: warning: %s\n", json_string_value(warning));
	}
}

int cli_call(struct cli *cli, const char *request, json_t *args, json_t **result)
{
	json_t *answer;
	int ret = cli_connect(cli);

	if (ret < 0)
		return ret;
	ret = client_exchange(cli->fd, request, args, &answer, &cli->err);
	if (ret < 0)
		return ret;
	warnings_print(answer);
	ret = client_result(answer, result, &cli->err);
	json_decref(answer);
	return ret;
}

enum cli_status cli_print(struct cli *cli, const struct cli_command *command, const json_t *result)
{
	int ret = 0;

	if (cli->json) {
		if (json_dumpf(result, cli->out, JSON_INDENT(2) | JSON_PRESERVE_ORDER))
			ret = -errno;
		fputc('\n', cli->out);
	} else if (command->print) {
		ret = command->print(result, cli->out);
	}
	if (ret == 0)
		return CLI_DONE;
	err_set(&cli->err, ret, "output: %s", strerror(-ret));
	return CLI_FAILED;
}

enum cli_status cli_request(struct cli *cli, const struct cli_command *command, json_t *args)
{
	enum cli_status status;
	json_t *result;

	if (cli_call(cli, command->request, args, &result) < 0)
		return CLI_FAILED;
	status = cli_print(cli, command, result);
	json_decref(result);
	return status;
}

static enum cli_status help_print(struct cli *cli)
{
	if (cli->version)
		fprintf(cli->out, "lbxdp %s\n", LBX_VERSION);
	else
		command_print_help(cli->command, cli->out);
	return CLI_DONE;
}

static enum cli_status command_run(struct cli *cli, int argc, char **argv)
{
	json_t *args = json_object();
	enum cli_status status = CLI_USAGE;

	if (args_parse(cli, cli->command, argc, argv, args) == 0)
		status = cli->help || cli->version ? help_print(cli)
						   : cli->command->run(cli, cli->command, args);
	json_decref(args);
	return status;
}

static enum cli_status word_missing(struct cli *cli)
{
	if (cli->command)
		return cli_usage_error(cli, "%s: a command is missing; see 'lbxdp help %s'",
				       cli->command->name, cli->command->name);
	return cli_usage_error(cli, "a command is missing; see 'lbxdp help'");
}

/* Options that hold for all commands may stand before, between and after the command's words. */
static enum cli_status dispatch(struct cli *cli, int argc, char **argv)
{
	const struct cli_command *const *table = cli_commands;
	int next;

	while (table) {
		if (args_parse_global(cli, argc, argv, &next) < 0)
			return CLI_USAGE;
		if (cli->help || cli->version)
			return help_print(cli);
		argc -= next;
		argv += next;
		if (!argc)
			return word_missing(cli);
		if (command_find(table, cli->command, argv[0], &cli->command, &cli->err) < 0)
			return CLI_USAGE;
		table = cli->command->verbs;
	}
	return command_run(cli, argc, argv);
}

static bool output_lost(struct cli *cli)
{
	if (fflush(cli->out) == 0 && !ferror(cli->out))
		return false;
	err_set(&cli->err, -EIO, "standard output: %s", strerror(errno));
	return true;
}

int cli_main(int argc, char **argv)
{
	const char *instance = getenv("LBXDP_INSTANCE");
	struct cli cli = {
		.instance = instance && *instance ? instance : "default",
		.fd = -1,
		.out = stdout,
	};
	enum cli_status status = dispatch(&cli, argc, argv);

	if (status == CLI_DONE && output_lost(&cli))
		status = CLI_FAILED;
	if (cli.fd >= 0)
		close(cli.fd);
	if (status != CLI_DONE)
		fprintf(stderr, "lbxdp: %s\n", cli.err.text);
	if (status == CLI_USAGE)
		command_print_usage(cli.command, stderr);
	return (int)status;
}
