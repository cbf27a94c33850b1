/* SPDX-License-Identifier: GPL-2.0 */
/* What all benchmarks do with their figures, and before they take them. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

/* Sorts the values. */
double median(double *values, unsigned count);
/* Exits with a message on failure. */
void cpu_pin(int cpu);

#endif
