/* SPDX-License-Identifier: GPL-2.0 */
/* What the loop tests share: an event loop that runs until something happened, and shell commands.
 */
#ifndef LBX_LOOP_H
#define LBX_LOOP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <event2/event.h>

#include "user/base/addr.h"

typedef bool (*condition)(void *context);

static inline double clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static inline void loop_awake(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
}

/* Runs the loop until the condition holds; false: it did not within so long. NULL: just runs. */
static inline bool loop_until(struct event_base *base, condition holds, void *context, unsigned ms)
{
	struct event *tick = event_new(base, -1, EV_PERSIST, loop_awake, NULL);
	struct timeval period = {.tv_usec = 5000};
	double end = clock_ms() + ms;
	bool held;

	assert_non_null(tick);
	event_add(tick, &period);
	while (!(held = holds && holds(context)) && clock_ms() < end)
		event_base_loop(base, EVLOOP_ONCE);
	event_free(tick);
	return held;
}

__attribute__((format(printf, 1, 2))) static inline void shell(const char *format, ...)
{
	char command[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static inline struct lbx_addr addr_of(const char *text)
{
	struct lbx_addr addr;
	struct err err = {0};

	if (addr_parse(text, &addr, &err))
		fail_msg("%s", err.text);
	return addr;
}

#endif
