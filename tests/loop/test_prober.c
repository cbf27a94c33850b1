// SPDX-License-Identifier: GPL-2.0
/* The driver of the checks: when they run, end and are given up, and what many of them take. */
#include "tests/loop/bench.h"

#include <errno.h>
#include <sys/resource.h>

static void test_interval_and_jitter(void **state)
{
	struct bench *bench = *state;
	double gap, shortest = 1e9, longest = 0;

	bench->server = server_new(bench->base, "127.0.0.1", SERVER_ACCEPT, NULL);
	probe_at(bench, 0, &bench->server->endpoint, tcp_spec(), 100, 50);
	results_await(bench, 30);
	for (int i = 1; i < 30; i++) {
		gap = bench->result_ms[i] - bench->result_ms[i - 1];
		shortest = gap < shortest ? gap : shortest;
		longest = gap > longest ? gap : longest;
	}
	printf("# 30 checks at 100 ms: %.1f to %.1f ms apart\n", shortest, longest);
	/* 90 to 110, and what a busy machine adds. */
	assert_true(shortest >= 60 && longest < 250 && longest - shortest > 3);
	assert_int_equal(bench->successes, bench->results);
}

static void test_checks_of_one_probe_do_not_overlap(void **state)
{
	struct bench *bench = *state;

	bench->server = server_new(bench->base, "127.0.0.1", SERVER_ACCEPT, NULL);
	probe_at(bench, 0, &bench->server->endpoint, http_spec("", "/"), 100, 250);
	loop_until(bench->base, NULL, NULL, 1400);
	assert_in_range(bench->results, 4, 6);
	assert_string_equal(bench->reason, "HTTP: timed out");
	/* The server may see the end of one after the start of the next. */
	assert_in_range(bench->server->open_most, 1, 2);
	assert_in_range(bench->server->accepted, bench->results, bench->results + 1);
}

static void test_goes_down_and_comes_back(void **state)
{
	struct bench *bench = *state;

	bench->server = server_new(bench->base, "127.0.0.1", SERVER_SAY, OK_TEXT);
	probe_at(bench, 0, &bench->server->endpoint, http_spec("", "/"), 100, 100);
	results_await(bench, 2);
	assert_true(bench->success);
	bench->server->text = "HTTP/1.0 500 Oh\r\n\r\n";
	results_await(bench, 4);
	assert_string_equal(bench->reason, "HTTP 500, wanted 2xx");
	bench->server->text = OK_TEXT;
	results_await(bench, 6);
	assert_true(bench->success);
	assert_string_equal(bench->reason, "");
}

static void test_stop_while_running(void **state)
{
	struct bench *bench = *state;
	struct endpoint hole = endpoint_of("10.9.0.2:80");

	bench->server = server_new(bench->base, "127.0.0.1", SERVER_ACCEPT, NULL);
	probe_at(bench, 0, &hole, tcp_spec(), 1000, 200);
	probe_at(bench, 1, &hole, http_spec("", "/"), 1000, 200);
	probe_at(bench, 2, &bench->server->endpoint, http_spec("", "/"), 1000, 200);
	probe_at(bench, 3, &bench->server->endpoint, tcp_spec(), 1000, 200);
	prober_stop(bench->probes[3]);
	loop_until(bench->base, NULL, NULL, 50);
	for (int i = 0; i < 3; i++)
		prober_stop(bench->probes[i]);
	loop_until(bench->base, NULL, NULL, 400);
	assert_int_equal(bench->results, 0);
}

static void test_free_while_running(void **state)
{
	struct bench *bench = *state;
	struct endpoint hole = endpoint_of("10.9.0.2:80");

	for (int i = 0; i < 10; i++)
		probe_at(bench, i, &hole, i % 2 ? tcp_spec() : http_spec("", "/"), 1000, 200);
	loop_until(bench->base, NULL, NULL, 50);
	prober_free(bench->prober);
	bench->prober = NULL;
	loop_until(bench->base, NULL, NULL, 300);
	assert_int_equal(bench->results, 0);
}

static void free_in_callback(struct bench *bench, struct check_spec first)
{
	bench->server = server_new(bench->base, "127.0.0.1", SERVER_SAY, OK_TEXT);
	bench->frees = true;
	for (int i = 0; i < 10; i++)
		probe_at(bench, i, &bench->server->endpoint, i % 2 ? first : http_spec("", "/"),
			 100, 200);
	results_await(bench, 1);
	loop_until(bench->base, NULL, NULL, 300);
	assert_int_equal(bench->results, 1);
}

static void test_free_in_the_callback(void **state)
{
	free_in_callback(*state, tcp_spec());
}

static void test_free_in_the_http_callback(void **state)
{
	free_in_callback(*state, http_spec("", "/"));
}

static void test_many_at_once(void **state)
{
	struct bench *bench = *state;
	double start;

	bench->server = server_new(bench->base, "127.0.0.1", SERVER_SAY, OK_TEXT);
	bench->stops = true;
	start = clock_ms();
	for (int i = 0; i < MANY; i++)
		probe_at(bench, i, &bench->server->endpoint,
			 i % 2 ? tcp_spec() : http_spec("", "/"), 10000, 1000);
	results_await(bench, MANY);
	printf("# %d checks at once, half of them HTTP: done after %.0f ms\n", MANY,
	       clock_ms() - start);
	assert_int_equal(bench->successes, MANY);
}

/* The limit on descriptors is no reason to take backends down. */
static void test_shortage_is_not_a_failure(void **state)
{
	struct bench *bench = *state;
	struct rlimit normal, tight;

	bench->server = server_new(bench->base, "127.0.0.1", SERVER_SAY, OK_TEXT);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &normal), 0);
	/* What exists goes on; nothing new can be opened. */
	tight = (struct rlimit){.rlim_cur = 3, .rlim_max = normal.rlim_max};
	probe_at(bench, 0, &bench->server->endpoint, tcp_spec(), 100, 2000);
	probe_at(bench, 1, &bench->server->endpoint, http_spec("", "/"), 100, 2000);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	loop_until(bench->base, NULL, NULL, 500);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &normal), 0);
	assert_int_equal(bench->results, 0);
	results_await(bench, 2);
	assert_int_equal(bench->successes, bench->results);
}

static void test_lasting_shortage_is_reported(void **state)
{
	struct bench *bench = *state;
	struct endpoint endpoint = endpoint_of("127.0.0.1:9");
	struct rlimit normal, tight;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &normal), 0);
	tight = (struct rlimit){.rlim_cur = 3, .rlim_max = normal.rlim_max};
	probe_at(bench, 0, &endpoint, tcp_spec(), 100, 300);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	results_await(bench, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &normal), 0);
	assert_string_equal(bench->reason, "connect: too many open files here");
}

static void test_unknown_kind(void **state)
{
	struct bench *bench = *state;
	struct endpoint endpoint = endpoint_of("127.0.0.1:9");
	struct check_spec spec = {.kind = CHECK_NONE};
	struct check_timing timing = {.interval_ms = 100, .timeout_ms = 100};
	struct err err = {0};

	assert_null(prober_start(bench->prober, 1, &endpoint, &spec, &timing, &err));
	assert_int_equal(err.code, -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_interval_and_jitter),
		BENCH_TEST(test_checks_of_one_probe_do_not_overlap),
		BENCH_TEST(test_goes_down_and_comes_back),
		BENCH_TEST(test_stop_while_running),
		BENCH_TEST(test_free_while_running),
		BENCH_TEST(test_free_in_the_callback),
		BENCH_TEST(test_free_in_the_http_callback),
		BENCH_TEST(test_many_at_once),
		BENCH_TEST(test_shortage_is_not_a_failure),
		BENCH_TEST(test_lasting_shortage_is_reported),
		BENCH_TEST(test_unknown_kind),
	};

	return cmocka_run_group_tests(tests, bench_group_setup, NULL);
}
