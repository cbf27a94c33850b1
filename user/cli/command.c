// SPDX-License-Identifier: GPL-2.0
#include "user/cli/command.h"

#include <errno.h>
#include <string.h>

const char *command_word(const struct cli_command *command)
{
	const char *space = strrchr(command->name, ' ');

	return space ? space + 1 : command->name;
}

/* "add, set or remove": the words of a table that begin with prefix. */
static void words_list(const struct cli_command *const *table, const char *prefix, char *text,
		       size_t size)
{
	size_t length = strlen(prefix), used = 0, left = 0;

	for (size_t i = 0; table[i]; i++)
		left += !strncmp(command_word(table[i]), prefix, length);
	text[0] = '\0';
	for (size_t i = 0; table[i] && used < size; i++) {
		const char *word = command_word(table[i]);

		if (strncmp(word, prefix, length) != 0)
			continue;
		left--;
		used += (size_t)snprintf(text + used, size - used, "%s%s", word,
					 left > 1 ? ", "
					 : left	  ? " or "
						  : "");
	}
}

static int find_error(const struct cli_command *const *table, const struct cli_command *group,
		      const char *word, bool ambiguous, struct err *err)
{
	const char *before = group ? group->name : "", *space = group ? " " : "";
	char words[256];

	words_list(table, ambiguous ? word : "", words, sizeof(words));
	if (ambiguous)
		return err_set(err, -EINVAL, "%s%s%s: ambiguous; it may be %s", before, space, word,
			       words);
	if (group)
		return err_set(err, -EINVAL, "%s %s: unknown; it may be %s", before, word, words);
	return err_set(err, -EINVAL, "%s: unknown command; see 'lbxdp help'", word);
}

int command_find(const struct cli_command *const *table, const struct cli_command *group,
		 const char *word, const struct cli_command **found, struct err *err)
{
	const struct cli_command *match = NULL;
	size_t length = strlen(word), matches = 0;

	for (size_t i = 0; table[i] && length; i++) {
		if (!strcmp(command_word(table[i]), word)) {
			*found = table[i];
			return 0;
		}
		if (strncmp(command_word(table[i]), word, length) != 0)
			continue;
		match = table[i];
		matches++;
	}
	if (matches != 1)
		return find_error(table, group, word, matches > 1, err);
	*found = match;
	return 0;
}
