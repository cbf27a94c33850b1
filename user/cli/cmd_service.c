// SPDX-License-Identifier: GPL-2.0
#include "user/cli/cli.h"
#include "user/cli/view.h"

static const struct cli_operand add_operands[] = {
	{.name = "NAME", .key = "name"},
	{.name = "tcp|udp", .key = "protocol"},
	{.name = "VIP:PORT", .key = "vip"},
	{},
};
static const struct cli_operand name_operand[] = {
	{.name = "NAME", .key = "name"},
	{},
};
/* `set` begins below what is fixed for a service's life. */
enum { OPTION_SET_FIRST = 2 };
static const struct cli_option options[] = {
	{"forward", "forward", "MODE", "fullnat, nat, dsr, ipip or gue (default: fullnat)"},
	{"assign", "assign", "IFACE", "put the VIP on this interface while the service exists"},
	{"scheduler", "scheduler", "NAME", "how new connections are spread: rr"},
	{"check", "check", "SPEC", "tcp, http://[HOST]/PATH[=STATUS] or none"},
	{"interval", "interval", "TIME", "between two checks (default: 2s)"},
	{"timeout", "timeout", "TIME", "for one check (default: 1s)"},
	{"rise", "rise", "N", "good checks until a backend is up (default: 2)"},
	{"fall", "fall", "N", "bad checks until a backend is down (default: 3)"},
	{"on-down", "on_down", "keep|reset|move",
	 "flows of a backend that is down (default: TCP keep, UDP move)"},
	{"all-down", "all_down", "open|closed",
	 "when no backend is up: use all, or refuse (default: open)"},
	{"ping", "ping", "answer|pass", "answer pings of the VIP, or leave them (default: pass)"},
	{},
};

static int list_print(const json_t *result, FILE *out)
{
	return view_services(json_object_get(result, "services"), out);
}

static const struct cli_command add = {
	.name = "service add",
	.summary = "balance the connections to an address and port",
	.details =
		"fullnat: the backend sees the balancer's address; nothing to set up there.\n"
		"nat: the backend sees the client's; the balancer must be its gateway.\n"
		"dsr: the backend answers the client itself; it needs the VIP on its lo and must be\n"
		"on the same network segment.\n"
		"ipip, gue: like dsr, through a tunnel that ends at the backend, wherever it is.\n"
		"\n"
		"Port 0 is every port that has no service of its own; its backends have port 0 too.\n"
		"\n"
		"Prints nothing when it worked. Example:\n"
		"  lbxdp service add web tcp 10.0.0.100:80 --check http:///health",
	.operands = add_operands,
	.options = options,
	.request = "service.add",
	.run = cli_request,
};
static const struct cli_command set = {
	.name = "service set",
	.summary = "change a service's settings",
	.details = "What is not named stays as it is, and so do flows and health.",
	.operands = name_operand,
	.options = &options[OPTION_SET_FIRST],
	.request = "service.set",
	.run = cli_request,
};
static const struct cli_command remove_ = {
	.name = "service remove",
	.summary = "end a service and forget its backends",
	.operands = name_operand,
	.request = "service.remove",
	.run = cli_request,
};
static const struct cli_command show = {
	.name = "service show",
	.summary = "show one service, its settings and its backends",
	.operands = name_operand,
	.request = "service.show",
	.print = view_service,
	.run = cli_request,
};
static const struct cli_command list = {
	.name = "service list",
	.summary = "list the services",
	.request = "service.list",
	.print = list_print,
	.run = cli_request,
};

static const struct cli_command *const verbs[] = {&add, &set, &remove_, &show, &list, NULL};

const struct cli_command cmd_service = {
	.name = "service",
	.summary = "what is balanced: an address, a port and how",
	.verbs = verbs,
};
