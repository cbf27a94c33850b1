// SPDX-License-Identifier: GPL-2.0
/*
 * The health checks against real sockets, in a network namespace of their own: lo, and eth0
 * (10.9.0.1/24), behind which 10.9.0.2 swallows what it gets and 10.8.0.0/16 is unreachable.
 */
#include "tests/loop/loop.h"
#include "tests/loop/servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/probe/prober.h"

enum { WAIT_MS = 5000, MANY = 500, RESULTS_MAX = 64 };

#define OK_TEXT "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

struct bench {
	struct event_base *base;
	struct prober *prober;
	struct probe *probes[MANY];
	struct server *server;
	unsigned results, successes;
	bool success; /* of the last result */
	char reason[128];
	double result_ms[RESULTS_MAX];
	bool stops, frees; /* the callback does */
};

static void result_take(void *context, __u16 id, bool success, const char *reason)
{
	struct bench *bench = context;

	bench->result_ms[bench->results % RESULTS_MAX] = clock_ms();
	bench->results++;
	bench->successes += success;
	bench->success = success;
	snprintf(bench->reason, sizeof(bench->reason), "%s", reason);
	if (bench->stops) {
		prober_stop(bench->probes[id]);
		bench->probes[id] = NULL;
	}
	if (bench->frees) {
		prober_free(bench->prober);
		bench->prober = NULL;
	}
}

static int bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct err err = {0};

	assert_non_null(bench);
	bench->base = event_base_new();
	bench->prober = prober_new(bench->base, result_take, bench, &err);
	assert_non_null(bench->prober);
	*state = bench;
	return 0;
}

static int bench_teardown(void **state)
{
	struct bench *bench = *state;

	prober_free(bench->prober);
	/* The servers see the end of what is open. */
	loop_until(bench->base, NULL, NULL, 50);
	server_free(bench->server);
	event_base_free(bench->base);
	free(bench);
	return 0;
}

static struct check_spec tcp_spec(void)
{
	return (struct check_spec){.kind = CHECK_TCP};
}

static struct check_spec http_spec(const char *host, const char *path)
{
	struct check_spec spec = {.kind = CHECK_HTTP, .status_lo = 200, .status_hi = 299};

	snprintf(spec.host, sizeof(spec.host), "%s", host);
	snprintf(spec.path, sizeof(spec.path), "%s", path);
	return spec;
}

static void probe_at(struct bench *bench, __u16 id, const struct endpoint *endpoint,
		     struct check_spec spec, unsigned interval_ms, unsigned timeout_ms)
{
	struct check_timing timing = {
		.interval_ms = interval_ms, .timeout_ms = timeout_ms, .rise = 1, .fall = 1};
	struct err err = {0};

	bench->probes[id] = prober_start(bench->prober, id, endpoint, &spec, &timing, &err);
	if (!bench->probes[id])
		fail_msg("%s", err.text);
}

static struct endpoint endpoint_of(const char *text)
{
	struct endpoint endpoint;
	struct err err = {0};

	if (endpoint_parse(text, false, &endpoint, &err))
		fail_msg("%s", err.text);
	return endpoint;
}

struct expected {
	struct bench *bench;
	unsigned results;
};

static bool results_are(void *context)
{
	const struct expected *expected = context;

	return expected->bench->results >= expected->results;
}

static void results_await(struct bench *bench, unsigned results)
{
	struct expected expected = {.bench = bench, .results = results};

	if (!loop_until(bench->base, results_are, &expected, WAIT_MS))
		fail_msg("%u results, wanted %u", bench->results, results);
}

/* One check of this endpoint; its result is compared with the reason, "" being a success. */
static void check_once(struct bench *bench, const struct endpoint *endpoint, struct check_spec spec,
		       const char *reason)
{
	bench->stops = true;
	probe_at(bench, 0, endpoint, spec, 1000, 300);
	assert_int_equal(bench->results, 0);
	results_await(bench, 1);
	assert_string_equal(bench->reason, reason);
	assert_int_equal(bench->success, !*reason);
}

static void check_server(struct bench *bench, enum manner manner, const char *text,
			 struct check_spec spec, const char *reason)
{
	bench->server = server_new(bench->base, "127.0.0.1", manner, text);
	check_once(bench, &bench->server->endpoint, spec, reason);
}

/* A port that nobody listens on, and nobody else is given. */
static int refusing_socket(struct endpoint *endpoint)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_storage name;
	struct sockaddr_in bound;
	socklen_t bytes;

	*endpoint = (struct endpoint){.addr = addr_of("127.0.0.1")};
	bytes = endpoint_sockaddr(endpoint, &name);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, bytes), 0);
	bytes = sizeof(bound);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&bound, &bytes), 0);
	endpoint->port = bound.sin_port;
	return fd;
}

/* --- TCP --- */

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

/* --- HTTP --- */

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

/* --- the driver --- */

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

static int group_setup(void **state)
{
	struct rlimit files;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	/* Both ends of MANY connections are ours. */
	files.rlim_cur = files.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	shell("ip link set lo up && ip link add eth0 type veth peer name hole0 && "
	      "ip addr add 10.9.0.1/24 dev eth0 && ip link set eth0 up && ip link set hole0 up && "
	      "ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:99 nud permanent dev eth0 && "
	      "ip route add unreachable 10.8.0.0/16");
	return 0;
}

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_tcp_up),
		BENCH_TEST(test_tcp_up_ipv6),
		BENCH_TEST(test_tcp_refused),
		BENCH_TEST(test_tcp_unreachable),
		BENCH_TEST(test_tcp_no_network),
		BENCH_TEST(test_tcp_times_out),
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

	return cmocka_run_group_tests(tests, group_setup, NULL);
}
