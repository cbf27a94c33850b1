// SPDX-License-Identifier: GPL-2.0
#include "user/cli/cli.h"
#include "user/cli/view.h"

#define SERVICE_OMITTED "SERVICE may be left out where there is exactly one."

static const struct cli_operand operands[] = {
	{.name = "SERVICE", .key = "service", .optional = true},
	{.name = "ADDR:PORT", .key = "backend"},
	{},
};
static const struct cli_operand list_operands[] = {
	{.name = "SERVICE", .key = "service", .optional = true},
	{},
};
static const struct cli_option options[] = {
	{"weight", "weight", "N", "its share of new connections, 1 to 1000 (default: 1)"},
	{"mtu", "mtu", "BYTES", "ipip, gue: largest packet on the way to it (default: the link's)"},
	{"tunnel-port", "tunnel_port", "N", "gue: its UDP port (default: 6080)"},
	{"tunnel-source", "tunnel_source", "ADDR",
	 "ipip, gue: what its packets come from (default: ours towards it)"},
	{},
};

static int list_print(const json_t *result, FILE *out)
{
	return view_backends(json_object_get(result, "services"), out);
}

static const struct cli_command add = {
	.name = "backend add",
	.summary = "give a service one more server",
	.details = SERVICE_OMITTED " Prints nothing when it worked.\n"
				   "\n"
				   "  lbxdp backend add web 10.0.0.22:80 --weight 2\n"
				   "  lbxdp backend add '[fd00::22]:80'",
	.operands = operands,
	.options = options,
	.request = "backend.add",
	.run = cli_request,
};
static const struct cli_command set = {
	.name = "backend set",
	.summary = "change a backend's weight or tunnel",
	.details = SERVICE_OMITTED,
	.operands = operands,
	.options = options,
	.request = "backend.set",
	.run = cli_request,
};
static const struct cli_command remove_ = {
	.name = "backend remove",
	.summary = "take a server out of a service",
	.details = SERVICE_OMITTED,
	.operands = operands,
	.request = "backend.remove",
	.run = cli_request,
};
static const struct cli_command list = {
	.name = "backend list",
	.summary = "list the backends, of one service or of all",
	.operands = list_operands,
	.request = "backend.list",
	.print = list_print,
	.run = cli_request,
};

static const struct cli_command *const verbs[] = {&add, &set, &remove_, &list, NULL};

const struct cli_command cmd_backend = {
	.name = "backend",
	.summary = "the servers behind a service",
	.verbs = verbs,
};
