// SPDX-License-Identifier: GPL-2.0
#include "user/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Text that does not fit ends in "...": half a remedy must not read like a whole one. */
static void text_mark_cut(char *text, size_t size, size_t length)
{
	if (length >= size)
		memcpy(text + size - 4, "...", 4);
}

/* Not straight into err->text: an argument may point there. */
__attribute__((format(printf, 2, 0))) static void text_format(char *out, const char *format,
							      va_list arguments)
{
	int length = vsnprintf(out, sizeof(((struct err *)0)->text), format, arguments);

	text_mark_cut(out, sizeof(((struct err *)0)->text), length < 0 ? 0 : (size_t)length);
}

int err_set(struct err *err, int code, const char *format, ...)
{
	char text[sizeof(err->text)];
	va_list arguments;

	if (!err)
		return code;
	va_start(arguments, format);
	text_format(text, format, arguments);
	va_end(arguments);
	err->code = code;
	memcpy(err->text, text, sizeof(text));
	return code;
}

int err_prefix(struct err *err, const char *format, ...)
{
	char context[sizeof(err->text)], text[2 * sizeof(err->text) + 2];
	va_list arguments;
	int length;

	if (!err)
		return -EINVAL;
	va_start(arguments, format);
	text_format(context, format, arguments);
	va_end(arguments);
	length = snprintf(text, sizeof(text), "%s: %s", context, err->text);
	text_mark_cut(text, sizeof(err->text), (size_t)length);
	memcpy(err->text, text, sizeof(err->text));
	return err->code;
}
