// SPDX-License-Identifier: GPL-2.0
#include "user/cli/args.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "maps/limits.h"

enum {
	OPTION_BASE = 256, /* getopt's value of a table's row 0, above all characters */
	OPTIONS_MAX = 32
};

static const struct option global_options[] = {
	{"instance", required_argument, NULL, 'n'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
};
enum { GLOBAL_COUNT = sizeof(global_options) / sizeof(global_options[0]) };

int args_check_instance(const char *name, struct err *err)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	size_t length = strlen(name);

	if (length && length <= LBX_NAME_MAX && name[0] != '.' && strspn(name, allowed) == length)
		return 0;
	return err_set(err, -EINVAL,
		       "instance '%s': not a name; use 1 to %d letters, digits, '.', '_' and '-'",
		       name, LBX_NAME_MAX);
}

static int arg_set(json_t *args, const char *key, const char *value, struct err *err)
{
	if (json_object_set_new(args, key, json_string(value)) == 0)
		return 0;
	return err_set(err, -EINVAL, "%s: not UTF-8 text", key);
}

static int option_apply(struct cli *cli, const struct cli_option *options, int value, json_t *args)
{
	const struct cli_option *option;

	switch (value) {
	case 'n':
		cli->instance = optarg;
		return 0;
	case 'j':
		cli->json = true;
		return 0;
	case 'h':
		cli->help = true;
		return 0;
	case 'V':
		cli->version = true;
		return 0;
	}
	option = &options[value - OPTION_BASE];
	if (option->value)
		return arg_set(args, option->key, optarg, &cli->err);
	return json_object_set_new(args, option->key, json_true());
}

/* getopt says '?' or ':' and leaves the rest to be read from optopt and the last word. */
static int option_error(int result, char **argv, struct err *err)
{
	const char *word = argv[optind - 1];

	if (result == ':')
		return err_set(err, -EINVAL, "%s: a value is missing", word);
	if (optopt >= OPTION_BASE || (optopt && !strncmp(word, "--", 2)))
		return err_set(err, -EINVAL, "%s: takes no value", word);
	if (optopt)
		return err_set(err, -EINVAL, "-%c: unknown option", optopt);
	return err_set(err, -EINVAL, "%s: unknown option", word);
}

static void options_build(const struct cli_option *options, struct option *out)
{
	size_t count = GLOBAL_COUNT;

	memcpy(out, global_options, sizeof(global_options));
	for (size_t i = 0; options[i].name && count < OPTIONS_MAX - 1; i++, count++) {
		out[count] = (struct option){
			.name = options[i].name,
			.has_arg = options[i].value ? required_argument : no_argument,
			.val = OPTION_BASE + (int)i,
		};
	}
	out[count] = (struct option){};
}

static int options_parse(struct cli *cli, const struct cli_option *options, const char *letters,
			 int argc, char **argv, json_t *args)
{
	struct option long_options[OPTIONS_MAX];
	int value, result;

	options_build(options, long_options);
	opterr = 0;
	optind = 0; /* glibc's way to start afresh */
	while ((value = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		if (value == '?' || value == ':')
			return option_error(value, argv, &cli->err);
		result = option_apply(cli, options, value, args);
		if (result < 0)
			return result;
	}
	return args_check_instance(cli->instance, &cli->err);
}

int args_parse_global(struct cli *cli, int argc, char **argv, int *next)
{
	static const struct cli_option none[] = {{}};
	int result = options_parse(cli, none, "+:n:jhV", argc, argv, NULL);

	*next = optind;
	return result;
}

static size_t operands_required(const struct cli_operand *operand)
{
	size_t required = 0;

	for (; operand && operand->name; operand++)
		required += !operand->optional;
	return required;
}

static int operands_parse(const struct cli_operand *operand, size_t count, char **words,
			  json_t *args, struct err *err)
{
	size_t required = operands_required(operand);
	size_t spare = count > required ? count - required : 0; /* words for optional operands */

	for (; operand && operand->name; operand++) {
		if (operand->optional && !spare)
			continue;
		spare -= operand->optional;
		if (!count)
			return err_set(err, -EINVAL, "%s is missing", operand->name);
		if (arg_set(args, operand->key, *words, err))
			return err->code;
		words++;
		count--;
	}
	return count ? err_set(err, -EINVAL, "%s: one argument too many", *words) : 0;
}

int args_parse(struct cli *cli, const struct cli_command *command, int argc, char **argv,
	       json_t *args)
{
	static const struct cli_option none[] = {{}};
	const struct cli_option *options = command->options ? command->options : none;
	int result = options_parse(cli, options, ":n:jhV", argc, argv, args);

	if (result < 0)
		return err_prefix(&cli->err, "%s", command->name);
	if (cli->help || cli->version)
		return 0;
	result = operands_parse(command->operands, (size_t)(argc - optind), argv + optind, args,
				&cli->err);
	return result < 0 ? err_prefix(&cli->err, "%s", command->name) : 0;
}
