// SPDX-License-Identifier: GPL-2.0
/* Errors and the log. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/log.h"

static void test_set_fills_and_returns(void **state)
{
	struct err err = {0};

	(void)state;
	assert_err(err_set(&err, -EINVAL, "eth%d: %s", 0, "no"), &err, -EINVAL, "eth0: no");
	assert_int_equal(err_set(NULL, -ENOENT, "x"), -ENOENT);
}

static void test_set_may_use_its_own_text(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, -EINVAL, "inner");
	assert_err(err_set(&err, -EIO, "outer (%s)", err.text), &err, -EIO, "outer (inner)");
}

static void test_prefix_keeps_the_code(void **state)
{
	struct err err = {0};

	(void)state;
	err_set(&err, -ENOSPC, "full");
	assert_err(err_prefix(&err, "backend %d", 7), &err, -ENOSPC, "backend 7: full");
	assert_err(err_prefix(&err, "%s", err.text), &err, -ENOSPC,
		   "backend 7: full: backend 7: full");
	assert_int_equal(err_prefix(NULL, "x"), -EINVAL);
}

static void test_too_long_is_cut_visibly(void **state)
{
	char text[2000];
	struct err err = {0};

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&err, -EINVAL, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_string_equal(err.text + sizeof(err.text) - 5, "x...");

	err_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_string_equal(err.text + sizeof(err.text) - 5, "x...");
}

static void test_exact_fit_is_not_cut(void **state)
{
	struct err err = {0};
	char text[sizeof(err.text) + 1];

	(void)state;
	memset(text, 'y', sizeof(err.text));
	text[sizeof(err.text)] = '\0';
	err_set(&err, -EINVAL, "%s", text + 1);
	assert_string_equal(err.text, text + 1);
	err_set(&err, -EINVAL, "%s", text);
	assert_string_equal(err.text + sizeof(err.text) - 5, "y...");
}

/* What the calls of `lines` write to stderr. */
static void stderr_capture(void (*lines)(void), char *out, size_t size)
{
	char path[] = "/tmp/lbxdp-log-XXXXXX";
	int file = mkstemp(path), saved = dup(STDERR_FILENO);
	ssize_t length;

	assert_true(file >= 0 && saved >= 0);
	unlink(path);
	dup2(file, STDERR_FILENO);
	lines();
	dup2(saved, STDERR_FILENO);
	length = pread(file, out, size - 1, 0);
	close(file);
	close(saved);
	assert_true(length >= 0);
	out[length] = '\0';
}

static void log_plain(void)
{
	unsetenv("JOURNAL_STREAM");
	log_init(LOG_LEVEL_INFO);
	errno = ENOENT;
	log_error("one %d", 1);
	log_warning("two");
	log_info("three\nerror: forged \033[31m");
	log_debug("never");
	assert_int_equal(errno, ENOENT);
}

static void test_log_lines(void **state)
{
	char text[1024], expected[1024];
	const char *name = program_invocation_short_name;

	(void)state;
	stderr_capture(log_plain, text, sizeof(text));
	snprintf(expected, sizeof(expected),
		 "%s: error: one 1\n%s: warning: two\n%s: three error: forged  [31m\n", name, name,
		 name);
	assert_string_equal(text, expected);
}

static void log_to_journal(void)
{
	char stream[64];
	struct stat status;

	fstat(STDERR_FILENO, &status);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_init(LOG_LEVEL_DEBUG);
	log_warning("two");
	log_debug("four");
}

static void test_log_priorities_for_the_journal(void **state)
{
	char text[1024];

	(void)state;
	stderr_capture(log_to_journal, text, sizeof(text));
	assert_string_equal(text, "<4>two\n<7>four\n");
	unsetenv("JOURNAL_STREAM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_fills_and_returns),
		cmocka_unit_test(test_set_may_use_its_own_text),
		cmocka_unit_test(test_prefix_keeps_the_code),
		cmocka_unit_test(test_too_long_is_cut_visibly),
		cmocka_unit_test(test_exact_fit_is_not_cut),
		cmocka_unit_test(test_log_lines),
		cmocka_unit_test(test_log_priorities_for_the_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
