// SPDX-License-Identifier: GPL-2.0
/* What a TCP check says of which server. */
#include "tests/loop/bench.h"

#include <unistd.h>

static unsigned time_waits_count(void)
{
	FILE *file = fopen("/proc/self/net/tcp", "r");
	unsigned count = 0, tcp_state;
	char line[256];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		count += sscanf(line, "%*s %*s %*s %x", &tcp_state) == 1 && tcp_state == 6;
	fclose(file);
	return count;
}

static void test_tcp_up(void **state)
{
	struct bench *bench = *state;
	double start = clock_ms();

	check_server(bench, SERVER_ACCEPT, NULL, tcp_spec(), "");
	printf("# the first TCP check's result is there after %.1f ms\n",
	       bench->result_ms[0] - start);
	assert_int_equal(time_waits_count(), 0);
}

static void test_tcp_up_ipv6(void **state)
{
	struct bench *bench = *state;

	bench->server = server_new(bench->base, "::1", SERVER_ACCEPT, NULL);
	check_once(bench, &bench->server->endpoint, tcp_spec(), "");
}

static void test_tcp_refused(void **state)
{
	struct endpoint endpoint;
	int fd = refusing_socket(&endpoint);

	check_once(*state, &endpoint, tcp_spec(), "connect: refused");
	close(fd);
}

static void test_tcp_unreachable(void **state)
{
	struct endpoint endpoint = endpoint_of("10.8.0.1:80");

	check_once(*state, &endpoint, tcp_spec(), "connect: no route to host");
}

static void test_tcp_no_network(void **state)
{
	struct endpoint endpoint = endpoint_of("192.0.2.1:80");

	check_once(*state, &endpoint, tcp_spec(), "connect: network unreachable");
}

static void test_tcp_times_out(void **state)
{
	struct bench *bench = *state;
	struct endpoint endpoint = endpoint_of("10.9.0.2:80");
	double start = clock_ms(), ms;

	check_once(bench, &endpoint, tcp_spec(), "connect: timed out");
	ms = bench->result_ms[0] - start;
	printf("# a timeout of 300 ms takes %.1f ms\n", ms);
	/* libevent's clock is a coarse one, some ms wide. */
	assert_true(ms >= 290 && ms < 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_tcp_up),	 BENCH_TEST(test_tcp_up_ipv6),
		BENCH_TEST(test_tcp_refused),	 BENCH_TEST(test_tcp_unreachable),
		BENCH_TEST(test_tcp_no_network), BENCH_TEST(test_tcp_times_out),
	};

	return cmocka_run_group_tests(tests, bench_group_setup, NULL);
}
