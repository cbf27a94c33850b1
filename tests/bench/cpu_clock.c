// SPDX-License-Identifier: GPL-2.0
#include "tests/bench/cpu_clock.h"

#include <err.h>
#include <stdio.h>
#include <time.h>

#include "user/base/cleanup.h"

double cpu_clock_s(const struct cpu_clock *clock)
{
	struct timespec ours;
	unsigned long long softirqs_ns;
	autofclose FILE *file = fopen(clock->softirqs, "r");

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ours);
	if (!file || fscanf(file, "%llu", &softirqs_ns) != 1)
		err(1, "%s", clock->softirqs);
	return (double)ours.tv_sec + ((double)ours.tv_nsec + (double)softirqs_ns) * 1e-9;
}

void cpu_clock_init(struct cpu_clock *clock, int cpu)
{
	char command[64];
	FILE *pgrep;
	int pid;

	snprintf(command, sizeof(command), "pgrep -x ksoftirqd/%d", cpu);
	pgrep = popen(command, "r");
	if (!pgrep || fscanf(pgrep, "%d", &pid) != 1)
		errx(1, "ksoftirqd/%d: not found", cpu);
	pclose(pgrep);
	snprintf(clock->softirqs, sizeof(clock->softirqs), "/proc/%d/schedstat", pid);
}
