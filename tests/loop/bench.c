// SPDX-License-Identifier: GPL-2.0
#include "tests/loop/bench.h"

#include <arpa/inet.h>
#include <sched.h>
#include <sys/resource.h>

enum { WAIT_MS = 5000 };

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

int bench_setup(void **state)
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

int bench_teardown(void **state)
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

struct check_spec tcp_spec(void)
{
	return (struct check_spec){.kind = CHECK_TCP};
}

struct check_spec http_spec(const char *host, const char *path)
{
	struct check_spec spec = {.kind = CHECK_HTTP, .status_lo = 200, .status_hi = 299};

	snprintf(spec.host, sizeof(spec.host), "%s", host);
	snprintf(spec.path, sizeof(spec.path), "%s", path);
	return spec;
}

void probe_at(struct bench *bench, __u16 id, const struct endpoint *endpoint,
	      struct check_spec spec, unsigned interval_ms, unsigned timeout_ms)
{
	struct check_timing timing = {
		.interval_ms = interval_ms, .timeout_ms = timeout_ms, .rise = 1, .fall = 1};
	struct err err = {0};

	bench->probes[id] = prober_start(bench->prober, id, endpoint, &spec, &timing, &err);
	if (!bench->probes[id])
		fail_msg("%s", err.text);
}

struct endpoint endpoint_of(const char *text)
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

void results_await(struct bench *bench, unsigned results)
{
	struct expected expected = {.bench = bench, .results = results};

	if (!loop_until(bench->base, results_are, &expected, WAIT_MS))
		fail_msg("%u results, wanted %u", bench->results, results);
}

void check_once(struct bench *bench, const struct endpoint *endpoint, struct check_spec spec,
		const char *reason)
{
	bench->stops = true;
	probe_at(bench, 0, endpoint, spec, 1000, 300);
	assert_int_equal(bench->results, 0);
	results_await(bench, 1);
	assert_string_equal(bench->reason, reason);
	assert_int_equal(bench->success, !*reason);
}

void check_server(struct bench *bench, enum manner manner, const char *text, struct check_spec spec,
		  const char *reason)
{
	bench->server = server_new(bench->base, "127.0.0.1", manner, text);
	check_once(bench, &bench->server->endpoint, spec, reason);
}

int refusing_socket(struct endpoint *endpoint)
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

int bench_group_setup(void **state)
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
