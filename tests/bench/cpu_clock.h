/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BENCH_CPU_CLOCK_H
#define BENCH_CPU_CLOCK_H

/*
 * Seconds of CPU time that packets took which one thread sent on one CPU: its own, and those of the
 * kernel's thread that takes over when there is much to do. A wall clock would count all else that
 * the machine does.
 */
struct cpu_clock {
	char softirqs[64]; /* path of that thread's statistics */
};

void cpu_clock_init(struct cpu_clock *clock, int cpu);
double cpu_clock_s(const struct cpu_clock *clock);

#endif
