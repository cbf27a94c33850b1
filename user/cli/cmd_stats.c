// SPDX-License-Identifier: GPL-2.0
#include "user/cli/cli.h"
#include "user/cli/output.h"
#include "user/cli/view.h"

/* Not for the controller: which counters the text leaves out is decided here. */
static const struct cli_option options[] = {
	{"all", "all", NULL, "counters that are zero as well (JSON always has them)"},
	{},
};

static int verdicts_print(const json_t *verdicts, bool all, FILE *out)
{
	static const char *const columns[] = {"VERDICT", "CLASS", ">PACKETS", "MEANING", NULL};
	struct table *table = table_new(columns);
	size_t i, shown = 0;
	json_t *verdict;

	json_array_foreach (verdicts, i, verdict) {
		if (!all && !view_count(verdict, "packets"))
			continue;
		table_cell(table, "%s", view_text(verdict, "name"));
		table_cell(table, "%s", view_text(verdict, "class"));
		table_cell(table, "%llu", view_count(verdict, "packets"));
		table_cell(table, "%s", view_text(verdict, "help"));
		shown++;
	}
	if (!shown)
		fputs("no packet has been counted yet\n", out);
	return table_print(table, out);
}

static int print(const json_t *result, bool all, FILE *out)
{
	const json_t *services = json_object_get(result, "services");
	int ret = verdicts_print(json_object_get(result, "verdicts"), all, out);

	if (ret < 0 || !json_array_size(services))
		return ret;
	fputc('\n', out);
	return view_totals(services, out);
}

static int print_some(const json_t *result, FILE *out)
{
	return print(result, false, out);
}

static int print_all(const json_t *result, FILE *out)
{
	return print(result, true, out);
}

static enum cli_status run(struct cli *cli, const struct cli_command *command, json_t *args)
{
	struct cli_command chosen = *command;

	chosen.print = json_object_get(args, "all") ? print_all : print_some;
	return cli_request(cli, &chosen, NULL);
}

const struct cli_command cmd_stats = {
	.name = "stats",
	.summary = "show what became of every packet, and each service's totals",
	.options = options,
	.request = "stats",
	.run = run,
};
