// SPDX-License-Identifier: GPL-2.0
#include "user/model/text.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* User text in an error is cut to this, so that the remedy behind it always fits. */
#define SHOWN "%.80s"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const char DIGITS[] = "0123456789";

int text_number(const char *text, const char *what, unsigned long lo, unsigned long hi,
		unsigned *out, struct err *err)
{
	unsigned long value;

	if (!*text || text[strspn(text, DIGITS)] != '\0')
		return err_set(err, -EINVAL,
			       "%s \"" SHOWN "\": not a whole number; give %lu to %lu", what, text,
			       lo, hi);
	value = strtoul(text, NULL, 10); /* too much for it: ULONG_MAX, which is above hi too */
	if (value < lo || value > hi)
		return err_set(err, -EINVAL, "%s " SHOWN ": out of range; give %lu to %lu", what,
			       text, lo, hi);
	*out = (unsigned)value;
	return 0;
}

static const struct duration_unit {
	const char *suffix;
	unsigned ms;
} duration_units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

/* Milliseconds of a unit; a bare number is seconds. 0: no such unit. */
static unsigned duration_unit_ms(const char *suffix)
{
	if (!*suffix)
		return 1000;
	for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++) {
		if (!strcmp(suffix, duration_units[i].suffix))
			return duration_units[i].ms;
	}
	return 0;
}

static const char *duration_format(unsigned ms, char *buffer, size_t size)
{
	const struct duration_unit *unit = duration_units;

	while (ms % unit->ms)
		unit++;
	snprintf(buffer, size, "%u%s", ms / unit->ms, ms ? unit->suffix : "");
	return buffer;
}

int text_duration_ms(const char *text, const char *what, unsigned lo, unsigned hi, unsigned *out,
		     struct err *err)
{
	size_t digits = strspn(text, DIGITS);
	unsigned unit_ms = duration_unit_ms(text + digits);
	char lo_text[16], hi_text[16];
	unsigned long long value;

	if (digits == 0 || unit_ms == 0)
		return err_set(err, -EINVAL,
			       "%s \"" SHOWN "\": not a duration; give one like 500ms, 2s or 1m",
			       what, text);
	value = strtoull(text, NULL, 10);
	/* Compared before the multiplication, which could wrap. */
	if (value > hi / unit_ms || value * unit_ms < lo)
		return err_set(err, -EINVAL, "%s " SHOWN ": out of range; give %s to %s", what,
			       text, duration_format(lo, lo_text, sizeof(lo_text)),
			       duration_format(hi, hi_text, sizeof(hi_text)));
	*out = (unsigned)(value * unit_ms);
	return 0;
}

int text_port_range(const char *text, __u16 *lo, __u16 *hi, struct err *err)
{
	size_t lo_digits = strspn(text, DIGITS);
	char lo_text[8];
	unsigned first = 0, last = 0;

	if (lo_digits == 0 || lo_digits >= sizeof(lo_text) || text[lo_digits] != '-')
		return err_set(err, -EINVAL,
			       "ports \"" SHOWN "\": not a range; give one like 10000-32767", text);
	memcpy(lo_text, text, lo_digits);
	lo_text[lo_digits] = '\0';
	if (text_number(lo_text, "first port", 1, 65535, &first, err) ||
	    text_number(text + lo_digits + 1, "last port", 1, 65535, &last, err))
		return -EINVAL;
	if (first > last)
		return err_set(err, -EINVAL, "ports %s: the first is above the last; write %u-%u",
			       text, last, first);
	*lo = (__u16)first;
	*hi = (__u16)last;
	return 0;
}

/* --- enums: a table of names each, indexed by value --- */

static const char *const forward_names[] = {
	[LBX_FORWARD_FULLNAT] = "fullnat", [LBX_FORWARD_NAT] = "nat", [LBX_FORWARD_DSR] = "dsr",
	[LBX_FORWARD_IPIP] = "ipip",	   [LBX_FORWARD_GUE] = "gue",
};
static const char *const ping_names[] = {"pass", "answer"};
static const char *const scheduler_names[] = {[SCHEDULER_RR] = "rr"};
static const char *const on_down_names[] = {
	[ON_DOWN_DEFAULT] = "default",
	[ON_DOWN_KEEP] = "keep",
	[ON_DOWN_RESET] = "reset",
	[ON_DOWN_MOVE] = "move",
};
static const char *const all_down_names[] = {
	[ALL_DOWN_OPEN] = "open",
	[ALL_DOWN_CLOSED] = "closed",
};
static const char *const protocol_names[] = {"tcp", "udp"};
static const __u8 protocol_values[] = {IPPROTO_TCP, IPPROTO_UDP};

/* "a, b or c" */
static void names_join(const char *const *names, size_t count, char *out, size_t size)
{
	size_t length = 0;

	*out = '\0';
	for (size_t i = 0; i < count && length < size; i++) {
		const char *between = i == 0 ? "" : i + 1 == count ? " or " : ", ";

		length += (size_t)snprintf(out + length, size - length, "%s%s", between, names[i]);
	}
}

/* The index of text among the names, or -EINVAL. */
static int names_find(const char *text, const char *what, const char *const *names, size_t count,
		      struct err *err)
{
	char list[128];

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(text, names[i]))
			return (int)i;
	}
	names_join(names, count, list, sizeof(list));
	return err_set(err, -EINVAL, "%s \"" SHOWN "\": unknown; use %s", what, text, list);
}

static const char *names_get(const char *const *names, size_t count, unsigned value)
{
	return value < count ? names[value] : "unknown";
}

int text_forward(const char *text, enum lbx_forward *out, struct err *err)
{
	int value = names_find(text, "forward", forward_names, ARRAY_SIZE(forward_names), err);

	if (value < 0)
		return value;
	*out = (enum lbx_forward)value;
	return 0;
}

int text_scheduler(const char *text, enum scheduler *out, struct err *err)
{
	int value = names_find(text, "scheduler", scheduler_names, ARRAY_SIZE(scheduler_names),
			       err);

	if (value < 0)
		return value;
	*out = (enum scheduler)value;
	return 0;
}

int text_on_down(const char *text, enum on_down *out, struct err *err)
{
	int value = names_find(text, "on-down", on_down_names, ARRAY_SIZE(on_down_names), err);

	if (value < 0)
		return value;
	*out = (enum on_down)value;
	return 0;
}

int text_all_down(const char *text, enum all_down *out, struct err *err)
{
	int value = names_find(text, "all-down", all_down_names, ARRAY_SIZE(all_down_names), err);

	if (value < 0)
		return value;
	*out = (enum all_down)value;
	return 0;
}

int text_protocol(const char *text, __u8 *out, struct err *err)
{
	int value = names_find(text, "protocol", protocol_names, ARRAY_SIZE(protocol_names), err);

	if (value < 0)
		return value;
	*out = protocol_values[value];
	return 0;
}

int text_ping(const char *text, bool *out, struct err *err)
{
	int value = names_find(text, "ping", ping_names, ARRAY_SIZE(ping_names), err);

	if (value < 0)
		return value;
	*out = value;
	return 0;
}

const char *text_ping_name(bool ping)
{
	return ping_names[ping];
}

const char *text_forward_name(enum lbx_forward forward)
{
	return names_get(forward_names, ARRAY_SIZE(forward_names), forward);
}

const char *text_scheduler_name(enum scheduler scheduler)
{
	return names_get(scheduler_names, ARRAY_SIZE(scheduler_names), scheduler);
}

const char *text_on_down_name(enum on_down on_down)
{
	return names_get(on_down_names, ARRAY_SIZE(on_down_names), on_down);
}

const char *text_all_down_name(enum all_down all_down)
{
	return names_get(all_down_names, ARRAY_SIZE(all_down_names), all_down);
}

const char *text_protocol_name(__u8 protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocol_values); i++) {
		if (protocol_values[i] == protocol)
			return protocol_names[i];
	}
	return "unknown";
}
