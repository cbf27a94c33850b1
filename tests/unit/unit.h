/* SPDX-License-Identifier: GPL-2.0 */
/* What the unit tests share. Each is a cmocka program of its own. */
#ifndef LBX_UNIT_H
#define LBX_UNIT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "user/base/addr.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* An error must carry its code and exactly this text: users and other tests read it. */
static inline void assert_err(int result, const struct err *err, int code, const char *text)
{
	assert_int_equal(result, code);
	assert_int_equal(err->code, code);
	assert_string_equal(err->text, text);
}

static inline void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static inline struct endpoint endpoint_of(const char *text)
{
	struct endpoint endpoint;
	struct err err = {0};

	if (endpoint_parse(text, false, &endpoint, &err))
		fail_msg("%s", err.text);
	return endpoint;
}

/* xorshift64*: the same numbers on every run and every libc. */
static inline uint32_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * 0x2545f4914f6cdd1dULL >> 32);
}

#endif
