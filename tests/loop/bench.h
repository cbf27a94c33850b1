/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of health checks share: against real sockets, in a network namespace of their own
 * with lo, and eth0 (10.9.0.1/24), behind which 10.9.0.2 swallows what it gets and 10.8.0.0/16 is
 * unreachable.
 */
#ifndef LBX_LOOP_BENCH_H
#define LBX_LOOP_BENCH_H

#include "tests/loop/loop.h"
#include "tests/loop/servers.h"

#include "user/probe/prober.h"

enum { MANY = 500, RESULTS_MAX = 64 };

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

int bench_group_setup(void **state);
int bench_setup(void **state);
int bench_teardown(void **state);

#define BENCH_TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)

struct check_spec tcp_spec(void);
struct check_spec http_spec(const char *host, const char *path);
struct endpoint endpoint_of(const char *text);
/* A port that nobody listens on, and nobody else is given. */
int refusing_socket(struct endpoint *endpoint);

void probe_at(struct bench *bench, __u16 id, const struct endpoint *endpoint,
	      struct check_spec spec, unsigned interval_ms, unsigned timeout_ms);
void results_await(struct bench *bench, unsigned results);
/* One check of this endpoint; its result is compared with the reason, "" being a success. */
void check_once(struct bench *bench, const struct endpoint *endpoint, struct check_spec spec,
		const char *reason);
void check_server(struct bench *bench, enum manner manner, const char *text, struct check_spec spec,
		  const char *reason);

#endif
