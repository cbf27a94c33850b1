// SPDX-License-Identifier: GPL-2.0
#include "tests/bpf/lanes.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

struct lane lanes[2];
static atomic_uint started, finished;
static atomic_bool stop;
static pthread_t thread;
static bool have_two;

static void cpu_pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof(set), &set), 0);
}

/* Others may want this CPU too: spin for some microseconds, then let them. */
static void wait_for(atomic_uint *counter, unsigned value)
{
	for (unsigned spins = 0; atomic_load(counter) != value && !atomic_load(&stop); spins++) {
		if (spins > 20000)
			sched_yield();
	}
}

static void lane_work(struct lane *lane)
{
	for (volatile unsigned i = 0; i < lane->delay; i++)
		;
	lane->work(lane);
}

static void *second_cpu(void *unused)
{
	cpu_pin(lanes[1].cpu);
	for (unsigned round = 1;; round++) {
		wait_for(&started, round);
		if (atomic_load(&stop))
			return unused;
		lane_work(&lanes[1]);
		atomic_store(&finished, round);
	}
}

void lanes_run(unsigned delay)
{
	unsigned round = atomic_load(&started) + 1;

	if (!have_two) {
		printf("# skipped: races need two CPUs\n");
		skip();
	}
	lanes[0].delay = delay % 2 ? delay * 4 : 0;
	lanes[1].delay = delay % 2 ? 0 : delay * 4;
	atomic_store(&started, round);
	lane_work(&lanes[0]);
	wait_for(&finished, round);
}

void lane_send(struct lane *lane)
{
	for (unsigned i = 0; i < lane->count; i++)
		lane->actions[i] = run_raw(&lane->frames[i], 0, &lane->out[i]);
}

void lane_add(struct lane *lane, const struct spec *spec)
{
	assert_true(lane->count < LANE_MAX);
	frame_build(&lane->frames[lane->count++], spec);
}

int lanes_setup(void **state)
{
	cpu_set_t allowed;
	unsigned found = 0;

	world_setup(state);
	assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
		if (CPU_ISSET(cpu, &allowed))
			lanes[found++].cpu = cpu;
	}
	if (found < 2)
		return 0;
	cpu_pin(lanes[0].cpu);
	have_two = !pthread_create(&thread, NULL, second_cpu, NULL);
	return have_two ? 0 : -1;
}

int lanes_teardown(void **state)
{
	atomic_store(&stop, true);
	if (have_two)
		pthread_join(thread, NULL);
	return world_teardown(state);
}
