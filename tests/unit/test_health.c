// SPDX-License-Identifier: GPL-2.0
#include "tests/unit/unit.h"

#include "user/model/health.h"

enum { RISE = 2, FALL = 3 };

static bool feed(struct health *health, bool success)
{
	return health_result(health, success, success ? NULL : "connect: refused", RISE, FALL);
}

static void test_first_result_decides(void **state)
{
	struct health up = {0}, down = {0};

	(void)state;
	assert_int_equal(up.state, HEALTH_CHECKING);
	assert_true(feed(&up, true));
	assert_int_equal(up.state, HEALTH_UP);
	assert_true(feed(&down, false));
	assert_int_equal(down.state, HEALTH_DOWN);
}

static void test_falls_after_failures_in_a_row(void **state)
{
	struct health health = {.state = HEALTH_UP};

	(void)state;
	assert_false(feed(&health, false));
	assert_false(feed(&health, false));
	assert_int_equal(health.state, HEALTH_UP);
	assert_true(feed(&health, false));
	assert_int_equal(health.state, HEALTH_DOWN);
	assert_false(feed(&health, false));
	assert_int_equal(health.streak, 0);
}

static void test_rises_after_successes_in_a_row(void **state)
{
	struct health health = {.state = HEALTH_DOWN};

	(void)state;
	assert_false(feed(&health, true));
	assert_int_equal(health.state, HEALTH_DOWN);
	assert_true(feed(&health, true));
	assert_int_equal(health.state, HEALTH_UP);
}

static void test_a_break_starts_the_count_again(void **state)
{
	struct health health = {.state = HEALTH_UP};

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_false(feed(&health, false));
		assert_false(feed(&health, false));
		assert_int_equal(health.streak, 2);
		assert_false(feed(&health, true));
		assert_int_equal(health.streak, 0);
	}
	assert_int_equal(health.state, HEALTH_UP);
	health = (struct health){.state = HEALTH_DOWN};
	for (int i = 0; i < 10; i++) {
		assert_false(feed(&health, true));
		assert_false(feed(&health, false));
	}
	assert_int_equal(health.state, HEALTH_DOWN);
}

/* The rise's count must not be taken over into the fall's. */
static void test_streak_starts_at_zero_after_a_change(void **state)
{
	struct health health = {.state = HEALTH_DOWN};

	(void)state;
	feed(&health, true);
	assert_true(feed(&health, true));
	assert_int_equal(health.streak, 0);
	assert_false(feed(&health, false));
	assert_false(feed(&health, false));
	assert_true(feed(&health, false));
}

static void test_reason(void **state)
{
	struct health health = {0};
	char longer[300];

	(void)state;
	feed(&health, false);
	assert_string_equal(health.reason, "connect: refused");
	health_result(&health, false, "HTTP 503, wanted 2xx", RISE, FALL);
	assert_string_equal(health.reason, "HTTP 503, wanted 2xx");
	health_result(&health, true, "left over", RISE, FALL);
	assert_string_equal(health.reason, "");
	health_result(&health, false, NULL, RISE, FALL);
	assert_string_equal(health.reason, "");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	health_result(&health, false, longer, RISE, FALL);
	assert_int_equal(strlen(health.reason), sizeof(health.reason) - 1);
}

static void test_rise_and_fall_of_one(void **state)
{
	struct health health = {.state = HEALTH_UP};

	(void)state;
	assert_true(health_result(&health, false, "x", 1, 1));
	assert_true(health_result(&health, true, "", 1, 1));
	assert_false(health_result(&health, true, "", 1, 1));
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(health_state_name(HEALTH_CHECKING), "checking");
	assert_string_equal(health_state_name(HEALTH_UP), "up");
	assert_string_equal(health_state_name(HEALTH_DOWN), "down");
}

static void test_next_is_within_a_tenth(void **state)
{
	static const unsigned intervals[] = {100, 2000, 3600000};
	uint64_t seed = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(intervals); i++) {
		unsigned interval = intervals[i], tenth = interval / 10;

		assert_int_equal(health_next_ms(interval, 0), interval - tenth);
		assert_int_equal(health_next_ms(interval, UINT32_MAX), interval + tenth);
		assert_in_range(health_next_ms(interval, 1U << 31), interval - 1, interval + 1);
		for (int round = 0; round < 1000; round++)
			assert_in_range(health_next_ms(interval, random_next(&seed)),
					interval - tenth, interval + tenth);
	}
}

static void test_next_is_spread_evenly(void **state)
{
	unsigned long long sum = 0;
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 100000; i++)
		sum += health_next_ms(1000, random_next(&seed));
	assert_in_range(sum / 100000, 998, 1001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_result_decides),
		cmocka_unit_test(test_falls_after_failures_in_a_row),
		cmocka_unit_test(test_rises_after_successes_in_a_row),
		cmocka_unit_test(test_a_break_starts_the_count_again),
		cmocka_unit_test(test_streak_starts_at_zero_after_a_change),
		cmocka_unit_test(test_reason),
		cmocka_unit_test(test_rise_and_fall_of_one),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_next_is_within_a_tenth),
		cmocka_unit_test(test_next_is_spread_evenly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
