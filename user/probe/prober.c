// SPDX-License-Identifier: GPL-2.0
/* When to check whom: each probe's one timer is its next start, or its running check's end. */
#include "user/probe/prober.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "user/probe/checker.h"

enum { SHORTAGE_RETRY_MS = 100 };

static const struct checker *const checkers[] = {
	[CHECK_TCP] = &checker_tcp,
	[CHECK_HTTP] = &checker_http,
};
enum { CHECKERS = sizeof(checkers) / sizeof(checkers[0]) };

struct prober {
	struct event_base *base;
	prober_callback callback;
	void *context;
	void *shared[CHECKERS]; /* opened with the first probe of the kind */
	LIST_HEAD(, probe) probes;
};

struct probe {
	LIST_ENTRY(probe) all;
	struct prober *prober;
	const struct checker *checker;
	struct event *timer;
	void *check; /* running; NULL: none */
	__u64 next_start_ms;
	__u64 short_since_ms; /* nothing could be checked since; 0: all is well */
	__u16 backend_id;
	struct endpoint endpoint;
	struct check_spec spec;
	struct check_timing timing;
};

static __u64 now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * 1000 + (__u64)now.tv_nsec / 1000000;
}

static __u32 random_draw(void)
{
	__u32 random;

	evutil_secure_rng_get_bytes(&random, sizeof(random));
	return random;
}

static void timer_arm(struct probe *probe, __u64 ms)
{
	struct timeval delay = {.tv_sec = (time_t)(ms / 1000), .tv_usec = ms % 1000 * 1000};

	/* From now on, not from when the loop last looked: thousands may start in one turn. */
	event_base_update_cache_time(probe->prober->base);
	evtimer_add(probe->timer, &delay);
}

static void check_stop(struct probe *probe)
{
	if (probe->check)
		probe->checker->stop(probe->check);
	probe->check = NULL;
}

/* The callback comes last: it may stop the probe, or free the prober. */
static void check_report(struct probe *probe, bool success, const char *reason)
{
	struct prober *prober = probe->prober;
	__u64 now = now_ms();

	probe->short_since_ms = 0;
	timer_arm(probe, probe->next_start_ms > now ? probe->next_start_ms - now : 0);
	prober->callback(prober->context, probe->backend_id, success, success ? "" : reason);
}

/*
 * We lack something, the backend may be fine: try again soon. Only when that has gone on for as
 * long as a check may take does it count as a failure.
 */
static void check_postpone(struct probe *probe, const char *reason)
{
	__u64 now = now_ms();

	if (!probe->short_since_ms)
		probe->short_since_ms = now;
	if (now - probe->short_since_ms >= probe->timing.timeout_ms)
		check_report(probe, false, reason);
	else
		timer_arm(probe, health_next_ms(SHORTAGE_RETRY_MS, random_draw()));
}

static void check_end(struct probe *probe, enum check_result result, const char *reason)
{
	check_stop(probe);
	if (result == CHECK_SHORTAGE)
		check_postpone(probe, reason);
	else
		check_report(probe, result == CHECK_PASSED, reason);
}

static void check_ended(void *context, enum check_result result, const char *reason)
{
	check_end(context, result, reason);
}

static void check_expire(struct probe *probe)
{
	char reason[REASON_MAX];
	enum check_result result = probe->checker->expire(probe->check, reason);

	check_end(probe, result, reason);
}

static void check_start(struct probe *probe)
{
	struct check_target target = {
		.endpoint = &probe->endpoint,
		.spec = &probe->spec,
		.done = check_ended,
		.context = probe,
	};
	void *shared = probe->prober->shared[probe->spec.kind];
	char reason[REASON_MAX];

	probe->next_start_ms = now_ms() + health_next_ms(probe->timing.interval_ms, random_draw());
	probe->check = probe->checker->start(probe->prober->base, shared, &target, reason);
	if (probe->check)
		timer_arm(probe, probe->timing.timeout_ms);
	else
		check_postpone(probe, reason);
}

static void timer_fired(evutil_socket_t fd, short what, void *context)
{
	struct probe *probe = context;

	(void)fd;
	(void)what;
	if (probe->check)
		check_expire(probe);
	else
		check_start(probe);
}

struct prober *prober_new(struct event_base *base, prober_callback callback, void *context,
			  struct err *err)
{
	struct prober *prober = calloc(1, sizeof(*prober));

	if (!prober) {
		err_set(err, -ENOMEM, "health checks: out of memory");
		return NULL;
	}
	prober->base = base;
	prober->callback = callback;
	prober->context = context;
	LIST_INIT(&prober->probes);
	return prober;
}

void prober_free(struct prober *prober)
{
	struct probe *probe, *next;

	if (!prober)
		return;
	for (probe = LIST_FIRST(&prober->probes); probe; probe = next) {
		next = LIST_NEXT(probe, all);
		prober_stop(probe);
	}
	for (size_t kind = 0; kind < CHECKERS; kind++) {
		if (checkers[kind] && prober->shared[kind])
			checkers[kind]->close(prober->shared[kind]);
	}
	free(prober);
}

static int checker_open(struct prober *prober, enum check_kind kind, struct err *err)
{
	if ((size_t)kind >= CHECKERS || !checkers[kind])
		return err_set(err, -EINVAL, "health checks: kind %d is not known", (int)kind);
	if (!checkers[kind]->open || prober->shared[kind])
		return 0;
	prober->shared[kind] = checkers[kind]->open(prober->base);
	return prober->shared[kind] ? 0 : err_set(err, -ENOMEM, "health checks: out of memory");
}

struct probe *prober_start(struct prober *prober, __u16 backend_id, const struct endpoint *endpoint,
			   const struct check_spec *spec, const struct check_timing *timing,
			   struct err *err)
{
	struct probe *probe;

	if (checker_open(prober, spec->kind, err))
		return NULL;
	probe = calloc(1, sizeof(*probe));
	if (probe)
		probe->timer = evtimer_new(prober->base, timer_fired, probe);
	if (!probe || !probe->timer) {
		free(probe);
		err_set(err, -ENOMEM, "health checks: out of memory");
		return NULL;
	}
	probe->prober = prober;
	probe->checker = checkers[spec->kind];
	probe->backend_id = backend_id;
	probe->endpoint = *endpoint;
	probe->spec = *spec;
	probe->timing = *timing;
	LIST_INSERT_HEAD(&prober->probes, probe, all);
	timer_arm(probe, 0);
	return probe;
}

void prober_stop(struct probe *probe)
{
	if (!probe)
		return;
	check_stop(probe);
	LIST_REMOVE(probe, all);
	event_free(probe->timer);
	free(probe);
}
