// SPDX-License-Identifier: GPL-2.0
#include "user/cli/cli.h"
#include "user/cli/output.h"
#include "user/cli/view.h"

static void controller_print(const json_t *controller, FILE *out)
{
	const char *problem = view_text(controller, "problem");
	char uptime[32];

	fprintf(out, "lbxdpd %s, pid %llu, instance %s, up %s\n", view_text(controller, "version"),
		view_count(controller, "pid"), view_text(controller, "instance"),
		uptime_format(view_count(controller, "uptime_s"), uptime));
	if (*problem)
		fprintf(out, "problem: %s\n", problem);
}

static void flows_print(const json_t *flows, FILE *out)
{
	unsigned long long used = view_count(flows, "used"), max = view_count(flows, "max");

	fprintf(out, "flows  %llu of %llu (%.1f%%), tables %.1f MiB\n", used, max,
		max ? 100.0 * (double)used / (double)max : 0.0,
		(double)view_count(flows, "bytes") / (1 << 20));
}

static void snat_print(const json_t *status, FILE *out)
{
	const json_t *list = json_object_get(status, "snat");
	json_t *address;
	size_t i;

	if (!json_array_size(list))
		return;
	fputs("snat   ", out);
	json_array_foreach (list, i, address)
		fprintf(out, "%s%s", i ? ", " : "", json_string_value(address));
	fprintf(out, ", ports %s\n", view_text(status, "ports"));
}

static int interfaces_print(const json_t *interfaces, FILE *out)
{
	static const char *const columns[] = {"INTERFACE", "MODE", "DISPATCHER",
					      ">PROGRAM",  "NOTE", NULL};
	struct table *table = table_new(columns);
	json_t *interface;
	size_t i;

	json_array_foreach (interfaces, i, interface) {
		table_cell(table, "%s", view_text(interface, "name"));
		table_cell(table, "%s", view_text(interface, "mode"));
		table_cell(table, "%s",
			   json_is_true(json_object_get(interface, "dispatcher")) ? "yes" : "no");
		table_cell(table, "%llu", view_count(interface, "prog_id"));
		table_cell(table, "%s", view_text(interface, "note"));
	}
	if (!json_array_size(interfaces))
		fputs("no interface attached; add one with 'lbxdp attach IFACE'\n", out);
	return table_print(table, out);
}

static int print(const json_t *status, FILE *out)
{
	int ret;

	controller_print(json_object_get(status, "controller"), out);
	flows_print(json_object_get(status, "flows"), out);
	snat_print(status, out);
	fputc('\n', out);
	ret = interfaces_print(json_object_get(status, "interfaces"), out);
	if (ret < 0)
		return ret;
	fputc('\n', out);
	return view_backends(json_object_get(status, "services"), out);
}

const struct cli_command cmd_status = {
	.name = "status",
	.summary = "show interfaces, flows, services and backends",
	.details = "up: gets new connections; down: failed its check; checking: not checked yet;\n"
		   "unreachable: its next hop has no known MAC address. REASON says why.",
	.request = "status",
	.print = print,
	.run = cli_request,
};
