// SPDX-License-Identifier: GPL-2.0
/* Usage lines and --help, generated from the tables so that they cannot lie. */
#include <ctype.h>
#include <string.h>

#include "user/cli/command.h"

enum { OPTIONS_SPELLED_OUT = 3 }; /* more than that, and the usage line only says [OPTION]... */

static size_t options_count(const struct cli_option *options)
{
	size_t count = 0;

	while (options && options[count].name)
		count++;
	return count;
}

/* "backend add [SERVICE] ADDR:PORT [--weight N]" */
static void signature_print(const struct cli_command *command, FILE *out)
{
	const struct cli_option *option = command->options;

	fputs(command->name, out);
	if (command->usage) {
		fprintf(out, " %s", command->usage);
		return;
	}
	if (command->verbs)
		fputs(" COMMAND [ARGUMENT]...", out);
	for (const struct cli_operand *o = command->operands; o && o->name; o++)
		fprintf(out, o->optional ? " [%s]" : " %s", o->name);
	if (options_count(option) > OPTIONS_SPELLED_OUT) {
		fputs(" [OPTION]...", out);
		return;
	}
	for (; option && option->name; option++)
		fprintf(out, " [--%s%s%s]", option->name, option->value ? " " : "",
			option->value ? option->value : "");
}

void command_print_usage(const struct cli_command *command, FILE *out)
{
	fputs("usage: lbxdp ", out);
	if (command)
		signature_print(command, out);
	else
		fputs("[-n INSTANCE] [-j] COMMAND [ARGUMENT]...", out);
	fputc('\n', out);
}

static void commands_print(const struct cli_command *const *table, FILE *out)
{
	for (size_t i = 0; table[i]; i++) {
		if (table[i]->verbs)
			commands_print(table[i]->verbs, out);
		else
			fprintf(out, "  %-16s %s\n", table[i]->name, table[i]->summary);
	}
}

static void options_print(const struct cli_option *option, FILE *out)
{
	char left[80];

	for (; option && option->name; option++) {
		snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value ? " " : "",
			 option->value ? option->value : "");
		if (strlen(left) > 20) /* too long for the column: the help goes below */
			fprintf(out, "  %s\n  %-20s %s\n", left, "", option->help);
		else
			fprintf(out, "  %-20s %s\n", left, option->help);
	}
}

static const char options_everywhere[] =
	"  -n, --instance NAME  the controller to talk to (default: LBXDP_INSTANCE, or default)\n"
	"  -j, --json           print the answer as JSON\n"
	"  -h, --help           print this\n";

static void overview_print(FILE *out)
{
	fputs("\nBalances TCP and UDP over backends in XDP.\n\nCommands:\n", out);
	commands_print(cli_commands, out);
	fputs("\nOptions:\n", out);
	fputs(options_everywhere, out);
	fputs("  -V, --version        print the version\n"
	      "\n"
	      "Commands may be shortened: 'lbxdp b a' is 'lbxdp backend add'."
	      " 'lbxdp help COMMAND' says more.\n"
	      "\n"
	      "  lbxdp attach eth0\n"
	      "  lbxdp service add web tcp 10.0.0.100:80\n"
	      "  lbxdp backend add web 10.0.0.21:80\n"
	      "  lbxdp backend add web 10.0.0.22:80 --weight 2\n"
	      "  lbxdp status\n",
	      out);
}

void command_print_help(const struct cli_command *command, FILE *out)
{
	command_print_usage(command, out);
	if (!command) {
		overview_print(out);
		return;
	}
	fprintf(out, "\n%c%s.\n", toupper(command->summary[0]), command->summary + 1);
	if (command->details)
		fprintf(out, "\n%s\n", command->details);
	if (command->verbs) {
		fputs("\nCommands:\n", out);
		commands_print(command->verbs, out);
	}
	fputs("\nOptions:\n", out);
	options_print(command->options, out);
	fputs(options_everywhere, out);
}
