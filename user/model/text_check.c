// SPDX-License-Identifier: GPL-2.0
/* Check specifications as text; see text.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/model/text.h"

/* User text in an error is cut to this, so that the remedy behind it always fits. */
#define SHOWN "%.160s"

static const char HTTP[] = "http://";
enum { STATUS_MIN = 100, STATUS_MAX = 599, STATUS_LO_DEFAULT = 200, STATUS_HI_DEFAULT = 299 };

/* Exactly three digits at text, within the range of HTTP statuses; 0 if not. */
static unsigned status_number(const char *text)
{
	unsigned value = 0;

	for (int i = 0; i < 3; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	return value >= STATUS_MIN && value <= STATUS_MAX ? value : 0;
}

/* "200", "2xx" or "200-399" */
static bool status_parse(const char *text, unsigned *lo, unsigned *hi)
{
	size_t length = strlen(text);

	if (length == 3 && text[0] >= '1' && text[0] <= '5' && !strcmp(text + 1, "xx")) {
		*lo = (unsigned)(text[0] - '0') * 100;
		*hi = *lo + 99;
		return true;
	}
	if (length != 3 && (length != 7 || text[3] != '-'))
		return false;
	*lo = status_number(text);
	*hi = length == 7 ? status_number(text + 4) : *lo;
	return *lo && *hi >= *lo;
}

/* What follows the last '=' of the path. Always taken as the status: "=20x" must not silently
 * become part of the path. */
static int check_status(const char *text, const char *status, struct check_spec *spec,
			struct err *err)
{
	if (status_parse(status, &spec->status_lo, &spec->status_hi))
		return 0;
	return err_set(err, -EINVAL,
		       "check " SHOWN ": \"%.40s\" is not a status; give one like =200, =2xx or "
		       "=200-399 (also behind a path that has a '=' itself)",
		       text, status);
}

/* Host and path go into the request as they are: nothing in them may end its line. */
static bool text_is_printable(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~')
			return false;
	}
	return true;
}

static bool host_is_valid(const char *host, size_t length)
{
	return strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			    ".-_:[]") >= length;
}

/* rest: behind "http://". */
static int check_http(const char *text, const char *rest, struct check_spec *spec, struct err *err)
{
	size_t host_length = strcspn(rest, "/");
	const char *path = rest + host_length;
	const char *equals = strrchr(path, '=');
	size_t path_length = equals ? (size_t)(equals - path) : strlen(path);

	if (!*path)
		return err_set(err, -EINVAL, "check " SHOWN ": no path; write " SHOWN "/", text,
			       text);
	if (host_length >= sizeof(spec->host) || path_length >= sizeof(spec->path))
		return err_set(err, -EINVAL,
			       "check " SHOWN ": too long; give at most %zu characters of host and "
			       "%zu of path",
			       text, sizeof(spec->host) - 1, sizeof(spec->path) - 1);
	if (!host_is_valid(rest, host_length))
		return err_set(err, -EINVAL, "check " SHOWN ": not a host name; give NAME[:PORT]",
			       text);
	if (!text_is_printable(path))
		return err_set(err, -EINVAL,
			       "check " SHOWN ": a space, control or non-ASCII character in the "
			       "path; write it as %%XX",
			       text);
	if (equals && check_status(text, equals + 1, spec, err))
		return -EINVAL;
	memcpy(spec->host, rest, host_length);
	memcpy(spec->path, path, path_length);
	return 0;
}

int text_check(const char *text, struct check_spec *spec, struct err *err)
{
	struct check_spec parsed = {
		.kind = CHECK_HTTP, .status_lo = STATUS_LO_DEFAULT, .status_hi = STATUS_HI_DEFAULT};

	if (!strcmp(text, "none"))
		parsed = (struct check_spec){.kind = CHECK_NONE};
	else if (!strcmp(text, "tcp"))
		parsed = (struct check_spec){.kind = CHECK_TCP};
	else if (strncmp(text, HTTP, sizeof(HTTP) - 1) != 0)
		return err_set(err, -EINVAL,
			       "check \"" SHOWN
			       "\": unknown; use none, tcp or http://[HOST]/PATH[=STATUS]",
			       text);
	else if (check_http(text, text + sizeof(HTTP) - 1, &parsed, err))
		return -EINVAL;
	*spec = parsed;
	return 0;
}

/* "" where the status is the default and the path does not need one behind it. */
static void status_format(const struct check_spec *spec, char *out, size_t size)
{
	unsigned lo = spec->status_lo, hi = spec->status_hi;

	if (lo == STATUS_LO_DEFAULT && hi == STATUS_HI_DEFAULT && !strchr(spec->path, '='))
		*out = '\0';
	else if (lo == hi)
		snprintf(out, size, "=%u", lo);
	else if (lo % 100 == 0 && hi == lo + 99)
		snprintf(out, size, "=%uxx", lo / 100);
	else
		snprintf(out, size, "=%u-%u", lo, hi);
}

const char *text_check_format(const struct check_spec *spec, char *buffer, size_t size)
{
	char status[32];

	switch (spec->kind) {
	case CHECK_NONE:
		snprintf(buffer, size, "none");
		break;
	case CHECK_TCP:
		snprintf(buffer, size, "tcp");
		break;
	case CHECK_HTTP:
		status_format(spec, status, sizeof(status));
		snprintf(buffer, size, "%s%s%s%s", HTTP, spec->host, spec->path, status);
		break;
	}
	return buffer;
}
