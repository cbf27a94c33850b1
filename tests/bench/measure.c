// SPDX-License-Identifier: GPL-2.0
#include "tests/bench/measure.h"

#include <bpf/bpf.h>
#include <err.h>
#include <linux/bpf.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/bench/frame.h"
#include "tests/bench/stats.h"
#include "tests/bench/wrapper.skel.h"
#include "user/base/cleanup.h"

enum { TEST_RUN_IFINDEX = 1 }; /* what a test run says it came in by */

struct measure {
	struct wrapper *wrapper;
	struct way *ways;
	struct plane *plane;
	unsigned max_flows; /* of the plane */
};

struct measure *measure_open(void)
{
	struct measure *measure = calloc(1, sizeof(*measure));

	if (!measure || !(measure->wrapper = wrapper__open_and_load()))
		err(1, "wrapper program: cannot be loaded; run as root");
	measure->ways = mmap(NULL, WAYS_MAX * sizeof(struct way), PROT_READ | PROT_WRITE,
			     MAP_SHARED, bpf_map__fd(measure->wrapper->maps.ways), 0);
	if (measure->ways == MAP_FAILED)
		err(1, "ways: mmap");
	return measure;
}

void measure_close(struct measure *measure)
{
	munmap(measure->ways, WAYS_MAX * sizeof(struct way));
	plane_close(measure->plane);
	wrapper__destroy(measure->wrapper);
	free(measure);
}

/* Tables of the row's size. */
static struct plane *plane_get(struct measure *measure, unsigned max_flows)
{
	if (measure->max_flows != max_flows) {
		plane_close(measure->plane);
		measure->plane = plane_open(max_flows, TEST_RUN_IFINDEX);
		measure->max_flows = max_flows;
	}
	return measure->plane;
}

static double thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/*
 * Nanoseconds per packet of CPU time: the machine has other things to do, and a test run's own
 * `duration` has no fractions.
 */
static double packets_run(struct measure *measure, int program, unsigned packets)
{
	static __u8 frame[FRAME_SIZE];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = (int)packets);
	int fd = bpf_map__fd(measure->wrapper->maps.under_test);
	__u32 zero = 0;
	double start;

	if (bpf_map_update_elem(fd, &zero, &program, BPF_ANY))
		err(1, "program under test: the wrapper cannot call it");
	memset(&measure->wrapper->bss->outcome, 0, sizeof(struct wrapper_outcome));
	start = thread_ns();
	if (bpf_prog_test_run_opts(bpf_program__fd(measure->wrapper->progs.bench_iteration), &opts))
		err(1, "test run");
	return (thread_ns() - start) / packets;
}

static double floor_run(struct measure *measure, unsigned packets)
{
	return packets_run(measure, bpf_program__fd(measure->wrapper->progs.bench_empty), packets);
}

static void flows_start(struct measure *measure, __u64 mask)
{
	measure->wrapper->bss->setup.next = 0;
	measure->wrapper->bss->setup.mask = mask;
}

/* All clients there are, in order. */
static void clients_init(struct measure *measure)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		measure->wrapper->bss->setup.clients[i] = CLIENT_FIRST + i;
}

/* Chooses clients whose flows are all in the table, and forgets the others' flows. Returns how many
 * it found. */
static unsigned clients_choose(struct measure *measure, const unsigned *flows, unsigned wanted,
			       unsigned flows_each)
{
	bool keep[CLIENTS_MAX] = {false};
	unsigned found = 0;

	for (unsigned i = 0; i < CLIENTS_MAX && found < wanted; i++) {
		keep[i] = flows[i] == flows_each;
		if (keep[i])
			measure->wrapper->bss->setup.clients[found++] = CLIENT_FIRST + i;
	}
	if (found == wanted)
		plane_keep(measure->plane, CLIENT_FIRST, keep, CLIENTS_MAX);
	return found;
}

/*
 * Opens the row's flows through the program itself, so that they lie where it puts them. In a table
 * that is half full some dozens in a million find no room; so we open more, and take the clients
 * who got all they wanted.
 */
static void flows_establish(struct measure *measure, const struct row *row)
{
	unsigned each = row->flows < CLIENT_FLOWS ? row->flows : CLIENT_FLOWS;
	unsigned wanted = row->flows / each, more = wanted / 32 + 1, opened = 0;
	unsigned flows[CLIENTS_MAX];

	frame_to_service(&measure->wrapper->bss->setup, row->service, TH_SYN);
	clients_init(measure);
	flows_start(measure, ~0ULL);
	for (; opened + more <= CLIENTS_MAX; opened += more) {
		packets_run(measure, plane_program(measure->plane), more * each);
		plane_assure(measure->plane, CLIENT_FIRST, flows, CLIENTS_MAX);
		if (clients_choose(measure, flows, wanted, each) == wanted)
			return;
	}
	errx(1, "%s: not enough flows could be opened", row->name);
}

static void ways_learn(struct measure *measure, const struct row *row)
{
	unsigned count = plane_ways(measure->plane, service_is_v6(row->service), measure->ways,
				    WAYS_MAX);

	if (count != row->flows)
		errx(1, "%s: %u ways back for %u flows", row->name, count, row->flows);
}

static void row_prepare(struct measure *measure, const struct row *row)
{
	struct wrapper_setup *setup = &measure->wrapper->bss->setup;

	plane_clear(plane_get(measure, row->max_flows));
	switch (row->kind) {
	case ROW_HIT:
		flows_establish(measure, row);
		frame_to_service(setup, row->service, TH_ACK);
		break;
	case ROW_RETURN:
		flows_establish(measure, row);
		ways_learn(measure, row);
		frame_to_client(setup, row->service);
		break;
	case ROW_NEW:
		clients_init(measure);
		frame_to_service(setup, row->service, TH_SYN);
		break;
	case ROW_PASS:
		clients_init(measure);
		frame_to_nobody(setup, row->ethertype);
		break;
	}
	flows_start(measure, row->kind == ROW_NEW ? ~0ULL : row->flows - 1);
}

static __u64 least(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

/* How many packets of a round met with what was right, by the program's own books as well. */
static __u64 packets_right(struct measure *measure, const struct row *row, __u64 verdicts,
			   __u64 tickets, unsigned packets)
{
	const struct wrapper_outcome *outcome = &measure->wrapper->bss->outcome;
	__u64 right = outcome->actions[row->action & 7];

	right = least(right, plane_verdicts(measure->plane, row->verdict) - verdicts);
	if (row->kind != ROW_PASS) {
		tickets = plane_tickets(measure->plane, row->service) - tickets;
		right = least(right, row->kind == ROW_NEW ? tickets : packets - tickets);
	}
	return right - least(right, outcome->resized);
}

/* One round. Adds the right packets to *right. */
static double subject_run(struct measure *measure, const struct row *row, unsigned packets,
			  __u64 *right)
{
	__u64 verdicts, tickets;
	double ns;

	if (row->kind == ROW_NEW) {
		plane_clear(measure->plane);
		flows_start(measure, ~0ULL);
	}
	verdicts = plane_verdicts(measure->plane, row->verdict);
	tickets = plane_tickets(measure->plane, row->service);
	ns = packets_run(measure, plane_program(measure->plane), packets);
	*right += packets_right(measure, row, verdicts, tickets, packets);
	return ns;
}

void measure_row(struct measure *measure, const struct row *row, const struct effort *effort,
		 struct measurement *result)
{
	autofree double *floors = calloc(effort->rounds, sizeof(double));
	autofree double *net = calloc(effort->rounds, sizeof(double));
	__u64 right = 0;

	if (!floors || !net)
		err(1, "memory");
	row_prepare(measure, row);
	for (unsigned i = 0; i < effort->rounds; i++) {
		if (!effort->only_subject)
			floors[i] = floor_run(measure, effort->packets);
		net[i] = subject_run(measure, row, effort->packets, &right) - floors[i];
	}
	result->ns = median(net, effort->rounds);
	result->ns_min = net[0];
	result->ns_max = net[effort->rounds - 1];
	result->floor_ns = median(floors, effort->rounds);
	result->share = (double)right / effort->rounds / effort->packets;
}
