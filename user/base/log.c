// SPDX-License-Identifier: GPL-2.0
#include "user/base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum log_level log_most_verbose = LOG_LEVEL_INFO;
static bool log_to_journal;

/* systemd sets JOURNAL_STREAM to device:inode of the stderr it gave us; after a redirection it is
 * another. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return false;
	return !fstat(STDERR_FILENO, &status) && status.st_dev == device && status.st_ino == inode;
}

void log_init(enum log_level most_verbose)
{
	log_most_verbose = most_verbose;
	log_to_journal = stderr_is_journal();
}

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error: ";
	case LOG_LEVEL_WARNING:
		return "warning: ";
	case LOG_LEVEL_DEBUG:
		return "debug: ";
	case LOG_LEVEL_INFO:
		break;
	}
	return "";
}

/* Text from outside must not forge a line of its own, nor drive the terminal. */
static void text_flatten(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
	}
}

void log_line(enum log_level level, const char *format, ...)
{
	int errno_before = errno;
	char text[1024];
	va_list arguments;

	if (level > log_most_verbose)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text_flatten(text);
	/* One write each, so that lines of several processes do not mix. */
	if (log_to_journal)
		dprintf(STDERR_FILENO, "<%d>%s\n", level, text);
	else
		dprintf(STDERR_FILENO, "%s: %s%s\n", program_invocation_short_name,
			level_name(level), text);
	errno = errno_before;
}
