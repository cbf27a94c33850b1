// SPDX-License-Identifier: GPL-2.0
/* Weighted round robin: exact counts, and no prefix that strays from the exact share by 1. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <time.h>

#include "user/model/schedule.h"

enum { BACKENDS_MAX = LBX_BACKENDS_PER_SERVICE };

#ifdef __SANITIZE_ADDRESS__
enum { VECTORS = 5000 };
static const char SHORTENED[] = " (sanitized build: fewer)";
#else
enum { VECTORS = 100000 };
static const char SHORTENED[] = "";
#endif

static struct lbx_schedule schedule;
static struct schedule_entry entries[BACKENDS_MAX + 1];

/* Backend i has id i + 1. */
static void compute(const unsigned *weights, size_t count)
{
	for (size_t i = 0; i < count; i++)
		entries[i] = (struct schedule_entry){.id = (__u16)(i + 1), .weight = weights[i]};
	assert_int_equal(schedule_compute(&schedule, entries, count), 0);
}

static void counts_take(unsigned *counts, size_t count)
{
	memset(counts, 0, count * sizeof(*counts));
	for (unsigned slot = 0; slot < schedule.length; slot++) {
		if (schedule.backends[slot] - 1U >= count)
			fail_msg("slot %u: backend %u", slot, schedule.backends[slot]);
		counts[schedule.backends[slot] - 1]++;
	}
}

static long long magnitude(long long value)
{
	return value < 0 ? -value : value;
}

/*
 * The largest |count - share| over all backends and all prefixes of two periods, times the length.
 * Between two of its turns a backend only falls behind, so looking just before and just after each
 * turn sees every extreme.
 */
static long long deviation_scaled(const unsigned *counts, size_t count)
{
	long long served[BACKENDS_MAX] = {0}, length = schedule.length, largest = 0;

	for (long long step = 1; step <= 2 * length; step++) {
		size_t i = schedule.backends[(step - 1) % length] - 1U;
		long long behind = magnitude((step - 1) * counts[i] - served[i] * length);
		long long ahead = magnitude(step * counts[i] - ++served[i] * length);

		largest = behind > largest ? behind : largest;
		largest = ahead > largest ? ahead : largest;
	}
	for (size_t i = 0; i < count; i++)
		assert_int_equal(served[i], 2 * counts[i]);
	return largest;
}

/* The same by the definition, for every backend at every prefix. */
static long long deviation_naive(const unsigned *counts, size_t count)
{
	long long served[BACKENDS_MAX] = {0}, length = schedule.length, largest = 0;

	for (long long step = 1; step <= 2 * length; step++) {
		served[schedule.backends[(step - 1) % length] - 1]++;
		for (size_t i = 0; i < count; i++) {
			long long off = magnitude(step * counts[i] - served[i] * length);

			largest = off > largest ? off : largest;
		}
	}
	return largest;
}

/* Below 1, and within the bound the paper proves: 1 - 1/(2m - 2). */
static double deviation_check(const unsigned *counts, size_t count)
{
	long long scaled = deviation_scaled(counts, count), length = schedule.length;
	long long factor = 2 * (long long)count - 2;

	assert_true(scaled < length);
	if (count > 1)
		assert_true(scaled * factor <= length * (factor - 1));
	return (double)scaled / (double)length;
}

static unsigned divisor_of(const unsigned *weights, size_t count)
{
	unsigned divisor = weights[0];

	for (size_t i = 1; i < count; i++) {
		unsigned a = divisor, b = weights[i];

		while (b) {
			unsigned rest = a % b;

			a = b;
			b = rest;
		}
		divisor = a;
	}
	return divisor;
}

/* One random vector: counts exact, then the deviation, which is returned. */
static double vector_check(uint64_t *seed)
{
	unsigned weights[64], counts[64], sum = 0, divisor;
	size_t count = 2 + random_next(seed) % 63;

	for (size_t i = 0; i < count; i++) {
		weights[i] = 1 + random_next(seed) % 100;
		sum += weights[i];
	}
	divisor = divisor_of(weights, count);
	compute(weights, count);
	counts_take(counts, count);
	if (sum / divisor > LBX_SCHEDULE_MAX) {
		assert_int_equal(schedule.length, LBX_SCHEDULE_MAX);
		return deviation_check(counts, count);
	}
	assert_int_equal(schedule.length, sum / divisor);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(counts[i], weights[i] / divisor);
	return deviation_check(counts, count);
}

static void test_random_weights_never_stray_by_one(void **state)
{
	uint64_t seed = 20251118;
	double largest = 0;

	(void)state;
	for (int i = 0; i < VECTORS; i++) {
		double deviation = vector_check(&seed);

		largest = deviation > largest ? deviation : largest;
	}
	assert_true(largest > 0.5 && largest < 1);
	print_message("# largest deviation %.4f over %d vectors%s\n", largest, VECTORS, SHORTENED);
}

static void test_the_two_measures_agree(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 200; i++) {
		unsigned counts[64];

		vector_check(&seed);
		memset(counts, 0, sizeof(counts));
		for (unsigned slot = 0; slot < schedule.length; slot++)
			counts[schedule.backends[slot] - 1]++;
		assert_true(deviation_naive(counts, 64) == deviation_scaled(counts, 64));
	}
}

/*
 * The paper's rule as it is written, one look at every backend in each step; weights without a
 * common divisor, at least two backends.
 */
static void reference_check(const unsigned *weights, size_t count, unsigned length)
{
	long long served[64] = {0}, k = 2 * (long long)count - 2;

	for (long long step = 1; step <= length; step++) {
		size_t best = count;

		for (size_t i = 0; i < count; i++) {
			if (k * (weights[i] * step - served[i] * length) < length)
				continue;
			if (best == count || (k - 1 + k * served[i]) * weights[best] <
						     (k - 1 + k * served[best]) * weights[i])
				best = i;
		}
		assert_in_range(best, 0, count - 1);
		served[best]++;
		assert_int_equal(schedule.backends[step - 1], best + 1);
	}
}

static void test_follows_the_paper(void **state)
{
	uint64_t seed = 17;

	(void)state;
	for (int i = 0; i < 300; i++) {
		unsigned counts[64];
		size_t count = 2 + random_next(&seed) % 63;
		unsigned most = 1 + random_next(&seed) % 60;

		for (size_t j = 0; j < count; j++)
			counts[j] = 1 + random_next(&seed) % most;
		counts[0] = 1; /* no common divisor */
		compute(counts, count);
		reference_check(counts, count, schedule.length);
	}
}

static void known_check(const unsigned *weights, size_t count, unsigned length)
{
	unsigned counts[8];

	compute(weights, count);
	assert_int_equal(schedule.length, length);
	counts_take(counts, count);
	assert_memory_equal(counts, weights, count * sizeof(*weights));
	assert_true(deviation_naive(counts, count) < length);
	deviation_check(counts, count);
}

static void test_known_weights(void **state)
{
	(void)state;
	known_check((const unsigned[]){5, 1, 1}, 3, 7);
	known_check((const unsigned[]){3, 2, 7}, 3, 12);
	known_check((const unsigned[]){1, 100}, 2, 101);
	known_check((const unsigned[]){1000, 999}, 2, 1999);
}

static void test_common_divisor_shortens(void **state)
{
	(void)state;
	compute((const unsigned[]){300, 200, 700}, 3);
	assert_int_equal(schedule.length, 12);
	compute((const unsigned[]){1000, 1000}, 2);
	assert_int_equal(schedule.length, 2);
}

static void test_equal_weights_rotate_in_order(void **state)
{
	(void)state;
	for (size_t count = 1; count <= BACKENDS_MAX; count = count < 70 ? count + 1 : count * 2) {
		for (size_t i = 0; i < count; i++)
			entries[i] = (struct schedule_entry){.id = (__u16)(500 + i), .weight = 7};
		assert_int_equal(schedule_compute(&schedule, entries, count), 0);
		assert_int_equal(schedule.length, count);
		for (size_t slot = 0; slot < count; slot++)
			assert_int_equal(schedule.backends[slot], 500 + slot);
	}
}

/* How much the busiest is ahead of the idlest after `window` tickets from `first` on. */
static unsigned window_spread(size_t count, unsigned first, unsigned window)
{
	unsigned served[16] = {0}, most = 0, least = window;

	for (unsigned ticket = first; ticket < first + window; ticket++)
		served[schedule.backends[ticket % schedule.length] - 1]++;
	for (size_t i = 0; i < count; i++) {
		most = served[i] > most ? served[i] : most;
		least = served[i] < least ? served[i] : least;
	}
	return most - least;
}

static void test_equal_weights_any_window_is_even(void **state)
{
	(void)state;
	for (unsigned count = 1; count <= 16; count++) {
		unsigned weights[16];

		for (unsigned i = 0; i < count; i++)
			weights[i] = 3;
		compute(weights, count);
		for (unsigned first = 0; first < 2 * count; first++)
			for (unsigned window = 1; window <= 3 * count; window++)
				assert_in_range(window_spread(count, first, window), 0, 1);
	}
}

static void test_none_and_one(void **state)
{
	(void)state;
	compute(NULL, 0);
	assert_int_equal(schedule.length, 0);
	compute((const unsigned[]){0, 0}, 2);
	assert_int_equal(schedule.length, 0);
	compute((const unsigned[]){42}, 1);
	assert_int_equal(schedule.length, 1);
	assert_int_equal(schedule.backends[0], 1);
}

static void test_zero_weights_are_left_out(void **state)
{
	unsigned counts[4];

	(void)state;
	compute((const unsigned[]){0, 2, 0, 1}, 4);
	assert_int_equal(schedule.length, 3);
	counts_take(counts, 4);
	assert_memory_equal(counts, ((const unsigned[]){0, 2, 0, 1}), sizeof(counts));
}

/* 10000 : 7000 : 1 over 4096 slots: 1 slot for the last, 4095 for 17000, of which 2408.82 and
 * 1686.18. */
static void test_cap_by_largest_remainder(void **state)
{
	unsigned counts[3];

	(void)state;
	compute((const unsigned[]){10000, 7000, 1}, 3);
	assert_int_equal(schedule.length, LBX_SCHEDULE_MAX);
	counts_take(counts, 3);
	assert_memory_equal(counts, ((const unsigned[]){2409, 1686, 1}), sizeof(counts));
	deviation_check(counts, 3);
}

static void test_cap_keeps_everyone(void **state)
{
	static unsigned weights[BACKENDS_MAX], counts[BACKENDS_MAX];

	(void)state;
	for (size_t i = 0; i < BACKENDS_MAX; i++)
		weights[i] = i < 3 ? LBX_WEIGHT_MAX : 1 + i % 3;
	weights[0] = UINT32_MAX;
	compute(weights, BACKENDS_MAX);
	assert_int_equal(schedule.length, LBX_SCHEDULE_MAX);
	counts_take(counts, BACKENDS_MAX);
	assert_int_equal(counts[0], LBX_SCHEDULE_MAX - BACKENDS_MAX + 1);
	for (size_t i = 1; i < BACKENDS_MAX; i++)
		assert_int_equal(counts[i], 1);
	deviation_check(counts, BACKENDS_MAX);
}

static void test_cap_is_near_the_exact_share(void **state)
{
	static unsigned weights[BACKENDS_MAX], counts[BACKENDS_MAX];
	uint64_t seed = 11, sum = 0;

	(void)state;
	/* No share below 1: largest remainder alone decides, so each is less than 1 off. */
	for (size_t i = 0; i < BACKENDS_MAX; i++) {
		weights[i] = 500 + random_next(&seed) % 501;
		sum += weights[i];
	}
	compute(weights, BACKENDS_MAX);
	assert_int_equal(schedule.length, LBX_SCHEDULE_MAX);
	counts_take(counts, BACKENDS_MAX);
	for (size_t i = 0; i < BACKENDS_MAX; i++)
		assert_true(magnitude((long long)(counts[i] * sum) -
				      (long long)weights[i] * LBX_SCHEDULE_MAX) < (long long)sum);
	deviation_check(counts, BACKENDS_MAX);
}

static void test_too_many_are_refused(void **state)
{
	(void)state;
	assert_int_equal(schedule_compute(&schedule, entries, BACKENDS_MAX + 1), -EINVAL);
}

static void test_same_input_same_table(void **state)
{
	struct lbx_schedule first;
	uint64_t seed = 5;

	(void)state;
	vector_check(&seed);
	first = schedule;
	memset(&schedule, 0xff, sizeof(schedule));
	seed = 5;
	vector_check(&seed);
	assert_memory_equal(&first, &schedule, sizeof(first));
}

/* Told, not asserted: a time that depends on the machine makes no good test. */
static void test_largest_table(void **state)
{
	static unsigned weights[BACKENDS_MAX];
	struct timespec start, end;

	(void)state;
	for (unsigned i = 0; i < BACKENDS_MAX; i++)
		weights[i] = 1 + i * 7 % LBX_WEIGHT_MAX;
	clock_gettime(CLOCK_MONOTONIC, &start);
	compute(weights, BACKENDS_MAX);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_int_equal(schedule.length, LBX_SCHEDULE_MAX);
	print_message("# %d backends, %u slots: %.1f ms\n", BACKENDS_MAX, schedule.length,
		      (double)(end.tv_sec - start.tv_sec) * 1e3 +
			      (double)(end.tv_nsec - start.tv_nsec) / 1e6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_weights_never_stray_by_one),
		cmocka_unit_test(test_the_two_measures_agree),
		cmocka_unit_test(test_follows_the_paper),
		cmocka_unit_test(test_known_weights),
		cmocka_unit_test(test_common_divisor_shortens),
		cmocka_unit_test(test_equal_weights_rotate_in_order),
		cmocka_unit_test(test_equal_weights_any_window_is_even),
		cmocka_unit_test(test_none_and_one),
		cmocka_unit_test(test_zero_weights_are_left_out),
		cmocka_unit_test(test_cap_by_largest_remainder),
		cmocka_unit_test(test_cap_keeps_everyone),
		cmocka_unit_test(test_cap_is_near_the_exact_share),
		cmocka_unit_test(test_too_many_are_refused),
		cmocka_unit_test(test_same_input_same_table),
		cmocka_unit_test(test_largest_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
