// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include "user/cli/cli.h"
#include "user/cli/view.h"
#include "version.h"

static int print(const json_t *result, FILE *out)
{
	const json_t *daemon = json_object_get(result, "daemon");

	fprintf(out, "lbxdp %s\n", view_text(result, "client"));
	if (json_is_object(daemon))
		fprintf(out, "lbxdpd %s (pid %llu, instance %s)\n", view_text(daemon, "version"),
			view_count(daemon, "pid"), view_text(daemon, "instance"));
	return 0;
}

/* No controller, or one that we may not ask, is nothing that this command could fail at. */
static enum cli_status run(struct cli *cli, const struct cli_command *command, json_t *args)
{
	json_t *daemon = NULL, *result;
	enum cli_status status;
	int ret = cli_call(cli, command->request, args, &daemon);

	if (ret < 0 && ret != -ENOTCONN)
		fprintf(stderr, "lbxdp: warning: %s\n", cli->err.text);
	result = json_pack("{s:s, s:o?}", "client", LBX_VERSION, "daemon", daemon);
	status = cli_print(cli, command, result);
	json_decref(result);
	return status;
}

const struct cli_command cmd_version = {
	.name = "version",
	.summary = "show the versions of lbxdp and of the lbxdpd that runs",
	.request = "version",
	.print = print,
	.run = run,
};
