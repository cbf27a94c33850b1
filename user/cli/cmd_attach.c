// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <unistd.h>

#include "user/cli/cli.h"
#include "user/cli/daemon.h"
#include "user/cli/view.h"

static const struct cli_operand operands[] = {
	{.name = "IFACE", .key = "interface"},
	{},
};

static const struct cli_option options[] = {
	{"mode", "mode", "auto|native|generic", "where XDP runs (default: auto, native first)"},
	{"max-flows", "max_flows", "N", "flows of each address family (default: 1048576)"},
	{"snat", "snat", "ADDR,...",
	 "fullnat's source addresses (default: the route's to each backend)"},
	{"ports", "ports", "LO-HI", "fullnat's source ports (default: 10000-32767)"},
	{},
};

/* A failed attach leaves nothing behind, so not our controller either, unless it has adopted
 * something. Whether that worked changes nothing for the user, who reads the first error. */
static void daemon_undo(struct cli *cli)
{
	struct err first = cli->err;
	json_t *result, *args = json_pack("{s:b}", "idle", 1);

	if (cli_call(cli, "exit", args, &result) == 0)
		json_decref(result);
	json_decref(args);
	cli->err = first;
}

/* 1: started, 0: it runs already. */
static int daemon_ensure(struct cli *cli)
{
	struct err start;
	int ret = cli_connect(cli);

	/* The group lbxdp may talk to a controller, but only root can start one that works. */
	if ((ret == -ENOTCONN || ret == -EACCES) && geteuid() != 0)
		return err_set(&cli->err, -EPERM, "attach: not root; run with sudo");
	if (ret != -ENOTCONN)
		return ret;
	if (daemon_start(cli->instance, &start) == 0)
		return cli_connect(cli) < 0 ? cli->err.code : 1;
	/* Someone else may have started one at the same moment. */
	if (cli_connect(cli) == 0)
		return 0;
	cli->err = start;
	return start.code;
}

static enum cli_status run(struct cli *cli, const struct cli_command *command, json_t *args)
{
	int started = daemon_ensure(cli);
	enum cli_status status;
	json_t *result;

	if (started < 0)
		return CLI_FAILED;
	if (cli_call(cli, command->request, args, &result) < 0) {
		if (started)
			daemon_undo(cli);
		return CLI_FAILED;
	}
	status = cli_print(cli, command, result);
	json_decref(result);
	return status;
}

static int print(const json_t *interface, FILE *out)
{
	const char *note = view_text(interface, "note");
	int dispatcher = json_is_true(json_object_get(interface, "dispatcher"));

	fprintf(out, "%s: attached (%s, %s%s%s)\n", view_text(interface, "name"),
		view_text(interface, "mode"), dispatcher ? "dispatcher" : "single program",
		*note ? ": " : "", note);
	return 0;
}

const struct cli_command cmd_attach = {
	.name = "attach",
	.summary = "balance what arrives on an interface",
	.details =
		"Starts lbxdpd if it does not run, and says which mode the kernel and the driver allow.",
	.operands = operands,
	.options = options,
	.request = "attach",
	.print = print,
	.run = run,
};
