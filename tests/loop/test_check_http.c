// SPDX-License-Identifier: GPL-2.0
/* What an HTTP check says of which server, and what it asks it. */
#include "tests/loop/bench.h"

#include <unistd.h>

static void test_http_up(void **state)
{
	struct bench *bench = *state;
	char text[ENDPOINT_TEXT_MAX], host[ENDPOINT_TEXT_MAX + 16];

	check_server(bench, SERVER_SAY, OK_TEXT, http_spec("", "/"), "");
	snprintf(host, sizeof(host), "\r\nHost: %s\r\n",
		 endpoint_format(&bench->server->endpoint, text));
	assert_non_null(strstr(bench->server->request, "GET / HTTP/1.1\r\n"));
	assert_non_null(strstr(bench->server->request, host));
}

static void test_http_up_ipv6(void **state)
{
	struct bench *bench = *state;

	bench->server = server_new(bench->base, "::1", SERVER_SAY, OK_TEXT);
	check_once(bench, &bench->server->endpoint, http_spec("", "/"), "");
	assert_non_null(strstr(bench->server->request, "\r\nHost: [::1]:"));
}

static void test_http_host_and_path(void **state)
{
	struct bench *bench = *state;

	check_server(bench, SERVER_SAY, OK_TEXT, http_spec("www.example.org", "/a/../b?c=%20d"),
		     "");
	assert_non_null(strstr(bench->server->request, "GET /a/../b?c=%20d HTTP/1.1\r\n"));
	assert_non_null(strstr(bench->server->request, "\r\nHost: www.example.org\r\n"));
	assert_null(strstr(bench->server->request, "127.0.0.1"));
}

static void test_http_unavailable(void **state)
{
	check_server(*state, SERVER_SAY,
		     "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
		     http_spec("", "/"), "HTTP 503, wanted 2xx");
}

static void test_http_redirect_is_not_followed(void **state)
{
	struct bench *bench = *state;

	check_server(bench, SERVER_SAY,
		     "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
		     http_spec("", "/"), "HTTP 302, wanted 2xx");
	assert_int_equal(bench->server->accepted, 1);
}

static void test_http_wanted_status(void **state)
{
	struct check_spec spec = http_spec("", "/");

	spec.status_lo = spec.status_hi = 503;
	check_server(*state, SERVER_SAY, "HTTP/1.0 503 So it should be\r\n\r\n", spec, "");
}

static void test_http_unwanted_range(void **state)
{
	struct check_spec spec = http_spec("", "/");

	spec.status_hi = 399;
	check_server(*state, SERVER_SAY, "HTTP/1.0 404 Not Found\r\n\r\n", spec,
		     "HTTP 404, wanted 200-399");
}

static void test_http_refused(void **state)
{
	struct endpoint endpoint;
	int fd = refusing_socket(&endpoint);

	check_once(*state, &endpoint, http_spec("", "/"), "connect: refused");
	close(fd);
}

static void test_http_unreachable(void **state)
{
	struct endpoint endpoint = endpoint_of("10.8.0.1:80");

	check_once(*state, &endpoint, http_spec("", "/"), "connect: no route to host");
}

static void test_http_connect_times_out(void **state)
{
	struct endpoint endpoint = endpoint_of("10.9.0.2:80");

	check_once(*state, &endpoint, http_spec("", "/"), "connect: timed out");
}

static void test_http_answer_times_out(void **state)
{
	check_server(*state, SERVER_ACCEPT, NULL, http_spec("", "/"), "HTTP: timed out");
}

static void test_http_body_times_out(void **state)
{
	check_server(*state, SERVER_STALL, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		     http_spec("", "/"), "HTTP: timed out");
}

static void test_http_empty_answer(void **state)
{
	check_server(*state, SERVER_EMPTY, NULL, http_spec("", "/"), "HTTP: empty answer");
}

static void test_http_garbage(void **state)
{
	check_server(*state, SERVER_SAY, "SSH-2.0-OpenSSH_9.2p1\r\n", http_spec("", "/"),
		     "HTTP: not an HTTP answer");
}

static void test_http_answer_cut_short(void **state)
{
	check_server(*state, SERVER_SAY, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		     http_spec("", "/"), "HTTP: answer cut short");
}

static void test_http_endless_body_is_not_read(void **state)
{
	struct bench *bench = *state;

	check_server(bench, SERVER_FLOOD, "HTTP/1.1 200 OK\r\n\r\n", http_spec("", "/"), "");
	printf("# of an endless body %zu KiB were sent\n", bench->server->sent_bytes >> 10);
	assert_true(bench->server->sent_bytes < 8 << 20);
}

static void test_http_endless_header_is_not_read(void **state)
{
	struct bench *bench = *state;

	check_server(bench, SERVER_LINES, "HTTP/1.1 200 OK\r\n", http_spec("", "/"),
		     "HTTP: header too long");
	assert_true(bench->server->sent_bytes < 8 << 20);
}

static void test_http_endless_header_line_is_not_read(void **state)
{
	struct bench *bench = *state;

	check_server(bench, SERVER_FLOOD, "HTTP/1.1 200 OK\r\nX: ", http_spec("", "/"),
		     "HTTP: header too long");
	assert_int_equal(bench->server->accepted, 1);
	assert_true(bench->server->sent_bytes < 8 << 20);
}

static void test_http_environment_is_ignored(void **state)
{
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("all_proxy", "http://127.0.0.1:1", 1);
	check_server(*state, SERVER_SAY, OK_TEXT, http_spec("", "/"), "");
	unsetenv("http_proxy");
	unsetenv("all_proxy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_http_up),
		BENCH_TEST(test_http_up_ipv6),
		BENCH_TEST(test_http_host_and_path),
		BENCH_TEST(test_http_unavailable),
		BENCH_TEST(test_http_redirect_is_not_followed),
		BENCH_TEST(test_http_wanted_status),
		BENCH_TEST(test_http_unwanted_range),
		BENCH_TEST(test_http_refused),
		BENCH_TEST(test_http_unreachable),
		BENCH_TEST(test_http_connect_times_out),
		BENCH_TEST(test_http_answer_times_out),
		BENCH_TEST(test_http_body_times_out),
		BENCH_TEST(test_http_empty_answer),
		BENCH_TEST(test_http_garbage),
		BENCH_TEST(test_http_answer_cut_short),
		BENCH_TEST(test_http_endless_body_is_not_read),
		BENCH_TEST(test_http_endless_header_is_not_read),
		BENCH_TEST(test_http_endless_header_line_is_not_read),
		BENCH_TEST(test_http_environment_is_ignored),
	};

	return cmocka_run_group_tests(tests, bench_group_setup, NULL);
}
