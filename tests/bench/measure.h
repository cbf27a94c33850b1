/* SPDX-License-Identifier: GPL-2.0 */
/* One row of nsbench's table: what is sent, what must come of it, and how long it takes. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "tests/bench/plane.h"

enum row_kind {
	ROW_HIT,    /* packets of established flows, from clients */
	ROW_RETURN, /* the same, from backends */
	ROW_NEW,    /* every packet opens a flow */
	ROW_PASS,   /* to no service */
};

struct row {
	const char *name;
	enum row_kind kind;
	enum plane_service service;
	__u16 ethertype; /* of ROW_PASS */
	unsigned flows;
	unsigned max_flows;   /* slots of each table */
	enum verdict verdict; /* the right one */
	int action;
	double bound_ns; /* 0: none */
};

struct measurement {
	double ns, ns_min, ns_max; /* median, least and most of the rounds' */
	double floor_ns;	   /* median of the wrapper around an empty program */
	double share; /* of packets that met with what was right; 1 or the row is void */
};

struct effort {
	unsigned rounds;
	unsigned packets;  /* a round */
	bool only_subject; /* no floor in between: for a profiler */
};

struct measure;

struct measure *measure_open(void);
void measure_close(struct measure *measure);
void measure_row(struct measure *measure, const struct row *row, const struct effort *effort,
		 struct measurement *result);

#endif
