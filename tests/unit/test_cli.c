// SPDX-License-Identifier: GPL-2.0
/* The client's pure parts: command words, options and operands into args, numbers, tables. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/cli/args.h"
#include "user/cli/command.h"
#include "user/cli/daemon.h"
#include "user/cli/output.h"
#include "user/cli/view.h"

static void test_words_may_be_shortened(void **state)
{
	static const struct {
		const char *word, *name;
	} cases[] = {
		{"a", "attach"},     {"d", "detach"},	 {"serv", "service"}, {"b", "backend"},
		{"statu", "status"}, {"stats", "stats"}, {"v", "version"},    {"h", "help"},
	};
	const struct cli_command *found;
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(command_find(cli_commands, NULL, cases[i].word, &found, &err), 0);
		assert_string_equal(found->name, cases[i].name);
	}
	assert_int_equal(command_find(cmd_backend.verbs, &cmd_backend, "a", &found, &err), 0);
	assert_string_equal(found->name, "backend add");
}

static void test_words_that_do_not_decide(void **state)
{
	const struct cli_command *found = NULL;
	struct err err = {0};

	(void)state;
	assert_err(command_find(cli_commands, NULL, "sta", &found, &err), &err, -EINVAL,
		   "sta: ambiguous; it may be status or stats");
	assert_err(command_find(cmd_service.verbs, &cmd_service, "s", &found, &err), &err, -EINVAL,
		   "service s: ambiguous; it may be set or show");
	assert_err(command_find(cli_commands, NULL, "flows", &found, &err), &err, -EINVAL,
		   "flows: unknown command; see 'lbxdp help'");
	assert_err(command_find(cli_commands, NULL, "", &found, &err), &err, -EINVAL,
		   ": unknown command; see 'lbxdp help'");
	assert_err(command_find(cmd_backend.verbs, &cmd_backend, "drain", &found, &err), &err,
		   -EINVAL, "backend drain: unknown; it may be add, set, remove or list");
	assert_null(found);
}

static const struct cli_command *verb_of(const struct cli_command *group, const char *word)
{
	const struct cli_command *found;

	assert_int_equal(command_find(group->verbs, group, word, &found, NULL), 0);
	return found;
}

/* words: NULL-terminated, the command's own first. Returns the args as JSON, for free(). */
static char *args_of(const struct cli_command *command, const char *const *words, struct cli *cli)
{
	json_t *args = json_object();
	char *argv[16], *text;
	int argc = 0;

	*cli = (struct cli){.instance = "default", .fd = -1};
	for (; words[argc]; argc++)
		argv[argc] = (char *)words[argc];
	argv[argc] = NULL;
	text = args_parse(cli, command, argc, argv, args) ? NULL : json_dumps(args, JSON_COMPACT);
	json_decref(args);
	return text;
}

#define ARGS(command, cli, ...) args_of(command, (const char *const[]){"x", __VA_ARGS__, NULL}, cli)

static void assert_args(char *text, const char *wanted)
{
	assert_non_null(text);
	assert_string_equal(text, wanted);
	free(text);
}

static void test_options_and_operands_mix(void **state)
{
	const struct cli_command *add = verb_of(&cmd_service, "add");
	struct cli cli;

	(void)state;
	assert_args(ARGS(add, &cli, "--on-down", "reset", "web", "--rise=4", "tcp", "10.0.0.1:80"),
		    "{\"on_down\":\"reset\",\"rise\":\"4\",\"name\":\"web\",\"protocol\":\"tcp\","
		    "\"vip\":\"10.0.0.1:80\"}");
	assert_false(cli.json);
	assert_args(ARGS(&cmd_attach, &cli, "eth0", "-j", "--max", "5", "-n", "two"),
		    "{\"max_flows\":\"5\",\"interface\":\"eth0\"}");
	assert_true(cli.json);
	assert_string_equal(cli.instance, "two");
	assert_args(ARGS(&cmd_detach, &cli, "--all"), "{\"all\":true}");
	assert_args(ARGS(&cmd_attach, &cli, "--", "--all"), "{\"interface\":\"--all\"}");
}

static void test_the_service_may_be_left_out(void **state)
{
	const struct cli_command *add = verb_of(&cmd_backend, "add");
	const struct cli_command *list = verb_of(&cmd_backend, "list");
	struct cli cli;

	(void)state;
	assert_args(ARGS(add, &cli, "10.0.0.2:80"), "{\"backend\":\"10.0.0.2:80\"}");
	assert_args(ARGS(add, &cli, "web", "10.0.0.2:80", "--weight", "-1"),
		    "{\"weight\":\"-1\",\"service\":\"web\",\"backend\":\"10.0.0.2:80\"}");
	assert_args(ARGS(list, &cli, "web"), "{\"service\":\"web\"}");
	assert_args(args_of(list, (const char *const[]){"x", NULL}, &cli), "{}");
}

static void test_usage_errors_say_what_is_wrong(void **state)
{
	const struct cli_command *add = verb_of(&cmd_backend, "add");
	struct cli cli;

	(void)state;
	assert_null(args_of(add, (const char *const[]){"x", NULL}, &cli));
	assert_string_equal(cli.err.text, "backend add: ADDR:PORT is missing");
	assert_null(ARGS(add, &cli, "a", "b", "c"));
	assert_string_equal(cli.err.text, "backend add: c: one argument too many");
	assert_null(ARGS(add, &cli, "a", "--weigth", "1"));
	assert_string_equal(cli.err.text, "backend add: --weigth: unknown option");
	assert_null(ARGS(add, &cli, "a", "-x"));
	assert_string_equal(cli.err.text, "backend add: -x: unknown option");
	assert_null(ARGS(add, &cli, "a", "--weight"));
	assert_string_equal(cli.err.text, "backend add: --weight: a value is missing");
	assert_null(ARGS(&cmd_detach, &cli, "--all=yes"));
	assert_string_equal(cli.err.text, "detach: --all=yes: takes no value");
	assert_null(ARGS(&cmd_detach, &cli, "--json=yes"));
	assert_string_equal(cli.err.text, "detach: --json=yes: takes no value");
	assert_null(ARGS(add, &cli, "\xff:80"));
	assert_string_equal(cli.err.text, "backend add: backend: not UTF-8 text");
}

static void test_instance_names(void **state)
{
	struct err err = {0};
	char longest[66];

	(void)state;
	memset(longest, 'a', 65);
	longest[64] = longest[65] = '\0';
	assert_int_equal(args_check_instance(longest, &err), 0);
	assert_int_equal(args_check_instance("Edge-2_b.test", &err), 0);
	longest[64] = 'a';
	assert_int_equal(args_check_instance(longest, &err), -EINVAL);
	assert_int_equal(args_check_instance("../x", &err), -EINVAL);
	assert_int_equal(args_check_instance("a/b", &err), -EINVAL);
	assert_err(args_check_instance("", &err), &err, -EINVAL,
		   "instance '': not a name; use 1 to 64 letters, digits, '.', '_' and '-'");
}

static char *text_of(void (*print)(const struct cli_command *, FILE *),
		     const struct cli_command *command)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	print(command, out);
	fclose(out);
	return text;
}

static void assert_usage(const struct cli_command *command, const char *wanted)
{
	autofree char *text = text_of(command_print_usage, command);

	assert_string_equal(text, wanted);
}

static void test_usage_lines_come_from_the_tables(void **state)
{
	(void)state;
	assert_usage(NULL, "usage: lbxdp [-n INSTANCE] [-j] COMMAND [ARGUMENT]...\n");
	assert_usage(&cmd_backend, "usage: lbxdp backend COMMAND [ARGUMENT]...\n");
	assert_usage(&cmd_detach, "usage: lbxdp detach IFACE | --all\n");
	assert_usage(verb_of(&cmd_backend, "add"),
		     "usage: lbxdp backend add [SERVICE] ADDR:PORT [OPTION]...\n");
	assert_usage(verb_of(&cmd_service, "add"),
		     "usage: lbxdp service add NAME tcp|udp VIP:PORT [OPTION]...\n");
}

static void assert_help_names_options(const struct cli_command *command)
{
	autofree char *text = text_of(command_print_help, command);
	char option[64];

	assert_contains(text, command->name);
	for (const struct cli_option *o = command->options; o && o->name; o++) {
		snprintf(option, sizeof(option), "--%s", o->name);
		assert_contains(text, option);
		assert_contains(text, o->help);
	}
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		assert_in_range(strcspn(line, "\n"), 0, 100);
	}
}

static void test_every_command_has_help(void **state)
{
	autofree char *overview = text_of(command_print_help, NULL);

	(void)state;
	for (size_t i = 0; cli_commands[i]; i++) {
		const struct cli_command *const *verbs = cli_commands[i]->verbs;

		assert_contains(overview, cli_commands[i]->name);
		assert_help_names_options(cli_commands[i]);
		for (size_t j = 0; verbs && verbs[j]; j++) {
			assert_contains(overview, verbs[j]->name);
			assert_help_names_options(verbs[j]);
		}
	}
}

static void test_bytes_and_counts(void **state)
{
	static const struct {
		unsigned long long number;
		const char *bytes, *count;
	} cases[] = {
		{0, "0", "0"},
		{999, "999", "999"},
		{1000, "1000", "1.0k"},
		{1023, "1023", "1.0k"},
		{1024, "1.0K", "1.0k"},
		{10188, "9.9K", "10k"},
		{10189, "10K", "10k"},
		{999499, "976K", "999k"},
		{999500, "976K", "1.0M"},
		{1048063, "1023K", "1.0M"},
		{1048064, "1.0M", "1.0M"},
		{1258291, "1.2M", "1.3M"},
		{~0ULL, "16E", "18E"},
	};
	char text[NUMBER_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_string_equal(bytes_format(cases[i].number, text), cases[i].bytes);
		assert_string_equal(count_format(cases[i].number, text), cases[i].count);
	}
}

static void test_times(void **state)
{
	char text[NUMBER_TEXT_MAX];

	(void)state;
	assert_string_equal(uptime_format(59, text), "59s");
	assert_string_equal(uptime_format(60, text), "1m 0s");
	assert_string_equal(uptime_format(11520 + 59, text), "3h 12m");
	assert_string_equal(uptime_format(90000, text), "1d 1h");
	assert_string_equal(interval_format(2000, text), "2s");
	assert_string_equal(interval_format(2500, text), "2500ms");
}

static char *table_text(struct table *table)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(table_print(table, out), 0);
	fclose(out);
	return text;
}

static void test_tables_align_and_trim(void **state)
{
	static const char *const columns[] = {"NAME", ">N", "NOTE", NULL};
	struct table *table = table_new(columns);
	autofree char *text = NULL, *empty = NULL;

	(void)state;
	table_heading(table, "none%d", 1);
	table_heading(table, "some");
	for (int i = 0; i < 2; i++) {
		table_cell(table, "row%d", i);
		table_cell(table, "%d", i * 1000);
		table_cell(table, "%s", i ? "a note" : "");
	}
	table_heading(table, "last");
	text = table_text(table);
	assert_string_equal(text, "  NAME     N  NOTE\n"
				  "none1\n"
				  "some\n"
				  "  row0     0\n"
				  "  row1  1000  a note\n"
				  "last\n");
	empty = table_text(table_new(columns));
	assert_string_equal(empty, "");
}

static void test_long_lines_are_never_cut(void **state)
{
	static const char *const columns[] = {"A", "B", NULL};
	struct table *table = table_new(columns);
	autofree char *text = NULL;

	(void)state;
	table_cell(table, "%0200d", 7);
	table_cell(table, "%0200d", 9);
	text = table_text(table);
	assert_int_equal(strlen(text), strlen("A") + 199 + strlen("  B\n") + 200 + 2 + 200 + 1);
}

static void test_missing_members_read_as_nothing(void **state)
{
	json_t *object = json_pack("{s:i, s:n}", "number", 7, "null");

	(void)state;
	assert_string_equal(view_text(object, "number"), "");
	assert_string_equal(view_text(NULL, "x"), "");
	assert_int_equal(view_count(object, "number"), 7);
	assert_int_equal(view_count(object, "null"), 0);
	json_decref(object);
}

static void program_make(const char *dir, const char *below)
{
	autofree char *path = NULL;
	FILE *file;

	assert_true(asprintf(&path, "%s/%s", dir, below) > 0);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
}

static void assert_found(const char *dir, const char *search, const char *below)
{
	autofree char *self = NULL, *path_env = NULL, *wanted = NULL;
	char path[256];
	struct err err = {0};

	assert_true(asprintf(&self, "%s/bin/lbxdp", dir) > 0);
	assert_true(asprintf(&path_env, "/nowhere:%s/%s", dir, search) > 0);
	assert_true(asprintf(&wanted, "%s/%s", dir, below) > 0);
	assert_int_equal(daemon_find(self, path_env, path, sizeof(path), &err), 0);
	assert_string_equal(path, wanted);
}

static void test_the_daemon_is_found(void **state)
{
	char dir[] = "/tmp/lbxdp-test-XXXXXX", path[256];
	autofree char *command = NULL;
	struct err err = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_true(asprintf(&command, "cd %s && mkdir bin sbin other", dir) > 0);
	assert_int_equal(system(command), 0);
	assert_err(daemon_find("/nowhere/lbxdp", "::/nowhere", path, sizeof(path), &err), &err,
		   -ENOENT,
		   "lbxdpd: not found beside lbxdp, in ../sbin or in PATH; install it there");
	assert_int_equal(daemon_find("/nowhere/lbxdp", NULL, path, sizeof(path), &err), -ENOENT);
	program_make(dir, "other/lbxdpd");
	assert_found(dir, "other", "other/lbxdpd");
	program_make(dir, "sbin/lbxdpd");
	assert_found(dir, "other", "bin/../sbin/lbxdpd");
	program_make(dir, "bin/lbxdpd");
	assert_found(dir, "other", "bin/lbxdpd");
	free(command);
	assert_true(asprintf(&command, "rm -r %s", dir) > 0);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_may_be_shortened),
		cmocka_unit_test(test_words_that_do_not_decide),
		cmocka_unit_test(test_options_and_operands_mix),
		cmocka_unit_test(test_the_service_may_be_left_out),
		cmocka_unit_test(test_usage_errors_say_what_is_wrong),
		cmocka_unit_test(test_instance_names),
		cmocka_unit_test(test_usage_lines_come_from_the_tables),
		cmocka_unit_test(test_every_command_has_help),
		cmocka_unit_test(test_bytes_and_counts),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_tables_align_and_trim),
		cmocka_unit_test(test_long_lines_are_never_cut),
		cmocka_unit_test(test_missing_members_read_as_nothing),
		cmocka_unit_test(test_the_daemon_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
