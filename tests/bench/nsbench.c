// SPDX-License-Identifier: GPL-2.0
/*
 * nsbench: nanoseconds per packet of the data plane, net of what running it costs (see
 * wrapper.bpf.c). A row counts only if every single packet of it met with the right action.
 */
#include <err.h>
#include <fnmatch.h>
#include <getopt.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/measure.h"
#include "tests/bench/stats.h"
#include "user/base/cleanup.h"

enum { KI = 1 << 10, MI = 1 << 20, ROUNDS = 11, PACKETS = 1000000 };

#define ROW_FLOWS(name, kind, service, flows, max_flows, bound)                                    \
	{                                                                                          \
		name, kind, service, 0, flows, max_flows, VERDICT_forward_tx, XDP_TX, bound        \
	}
#define ROWS_HIT(name, kind, service, bound)                                                       \
	ROW_FLOWS(name "-1", kind, service, 1, MI, bound),                                         \
		ROW_FLOWS(name "-64k", kind, service, 64 * KI, MI, 0),                             \
		ROW_FLOWS(name "-1m", kind, service, MI, 2 * MI, 0)
/* A round fills the table by half. */
#define ROW_OPEN(name, service, bound) ROW_FLOWS(name, ROW_NEW, service, PACKETS, 2 * MI, bound)
#define ROW_PASSED(name, ethertype, verdict)                                                       \
	{                                                                                          \
		name, ROW_PASS, SERVICE_DSR4, ethertype, 64 * KI, MI, verdict, XDP_PASS, 22        \
	}

static const struct row rows[] = {
	ROWS_HIT("hit-dsr4", ROW_HIT, SERVICE_DSR4, 53),
	ROWS_HIT("hit-fullnat4", ROW_HIT, SERVICE_FULLNAT4, 0),
	ROWS_HIT("return-fullnat4", ROW_RETURN, SERVICE_FULLNAT4, 0),
	ROW_OPEN("new-dsr4", SERVICE_DSR4, 210),
	ROW_OPEN("new-fullnat4", SERVICE_FULLNAT4, 0),
	ROW_PASSED("pass4", ETH_P_IP, VERDICT_pass_no_service),
	ROW_PASSED("pass6", ETH_P_IPV6, VERDICT_pass_no_service),
	ROW_PASSED("pass-arp", ETH_P_ARP, VERDICT_pass_not_ip),
	ROWS_HIT("hit-dsr6", ROW_HIT, SERVICE_DSR6, 0),
	ROWS_HIT("hit-fullnat6", ROW_HIT, SERVICE_FULLNAT6, 0),
	ROWS_HIT("return-fullnat6", ROW_RETURN, SERVICE_FULLNAT6, 0),
	ROW_OPEN("new-dsr6", SERVICE_DSR6, 0),
	ROW_OPEN("new-fullnat6", SERVICE_FULLNAT6, 0),
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

struct options {
	struct effort effort;
	const char *pattern;
	const char *json;
	int cpu;
};

static const char usage[] =
	"Usage: nsbench [--row PATTERN] [--rounds N] [--packets N] [--cpu N] [--json FILE]\n"
	"               [--perf-friendly]\n"
	"       nsbench --list\n"
	"\n"
	"Nanoseconds per packet of the data plane (median of the rounds, net of the harness).\n"
	"  --row PATTERN    only rows that match, e.g. hit-dsr4-1 or 'new*'\n"
	"  --rounds N       11 if left out\n"
	"  --packets N      a round; 1000000 if left out (new flows: the same at most)\n"
	"  --cpu N          to run on; the last one if left out\n"
	"  --json FILE      the figures as an array of objects\n"
	"  --perf-friendly  the row's program only, nothing subtracted: to run under perf record\n";

static unsigned number(const char *text, unsigned most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!*text || *end || value > most)
		errx(2, "%s: not a number from 0 to %u", text, most);
	return (unsigned)value;
}

static void rows_list(void)
{
	for (int i = 0; i < ROWS; i++)
		puts(rows[i].name);
}

static struct options options_parse(int argc, char **argv)
{
	static const struct option known[] = {
		{"row", required_argument, NULL, 'r'},
		{"rounds", required_argument, NULL, 'n'},
		{"packets", required_argument, NULL, 'p'},
		{"cpu", required_argument, NULL, 'c'},
		{"json", required_argument, NULL, 'j'},
		{"perf-friendly", no_argument, NULL, 'f'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	struct options options = {
		{ROUNDS, PACKETS, false}, "*", NULL, (int)sysconf(_SC_NPROCESSORS_ONLN) - 1};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'r':
			options.pattern = optarg;
			break;
		case 'n':
			options.effort.rounds = number(optarg, 1000000);
			break;
		case 'p':
			options.effort.packets = number(optarg, PACKETS);
			break;
		case 'c':
			options.cpu = (int)number(optarg, CPU_SETSIZE - 1);
			break;
		case 'j':
			options.json = optarg;
			break;
		case 'f':
			options.effort.only_subject = true;
			break;
		case 'l':
			rows_list();
			exit(0);
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind < argc || !options.effort.rounds || !options.effort.packets)
		errx(2, "wrong usage; see nsbench --help");
	return options;
}

static void row_print(const struct row *row, const struct measurement *m)
{
	char bound[32] = "";

	if (row->bound_ns > 0 && m->floor_ns > 0) /* a bound is on what is net */
		snprintf(bound, sizeof(bound), "<= %.0f %s", row->bound_ns,
			 m->ns <= row->bound_ns ? "ok" : "over");
	printf("| %-19s | %8.1f | %6.1f - %6.1f | %6.1f | %7.3f%% %-7s | %4u Ki | %-11s |\n",
	       row->name, m->ns, m->ns_min, m->ns_max, m->floor_ns, m->share * 100,
	       m->share < 1 ? "INVALID" : "", row->max_flows / KI, bound);
	fflush(stdout);
}

static void row_print_json(FILE *file, const struct row *row, const struct measurement *m,
			   bool first)
{
	fprintf(file,
		"%s\n{\"row\": \"%s\", \"ns\": %.2f, \"ns_min\": %.2f, \"ns_max\": %.2f, "
		"\"floor_ns\": %.2f, \"right_share\": %.9f, \"valid\": %s, \"flows\": %u, "
		"\"max_flows\": %u, \"bound_ns\": ",
		first ? "[" : ",", row->name, m->ns, m->ns_min, m->ns_max, m->floor_ns, m->share,
		m->share < 1 ? "false" : "true", row->flows, row->max_flows);
	if (row->bound_ns > 0)
		fprintf(file, "%.0f}", row->bound_ns);
	else
		fprintf(file, "null}");
}

static void header_print(const struct effort *effort)
{
	printf("ns/packet, net of the harness: median of %u rounds of %u packets, one CPU%s\n\n",
	       effort->rounds, effort->packets, effort->only_subject ? "; NOTHING SUBTRACTED" : "");
	puts("| row                 |       ns |   min - max     |  floor | right            | slots   "
	     "| bound       |");
	puts("|---------------------|---------:|----------------:|-------:|-----------------:|--------:"
	     "|-------------|");
}

/* Returns how many rows are void, or -1 if none matches. */
static int rows_run(const struct options *options, FILE *json)
{
	struct measure *measure = measure_open();
	struct measurement measurement;
	int done = 0, invalid = 0;

	for (int i = 0; i < ROWS; i++) {
		if (fnmatch(options->pattern, rows[i].name, 0))
			continue;
		measure_row(measure, &rows[i], &options->effort, &measurement);
		row_print(&rows[i], &measurement);
		if (json)
			row_print_json(json, &rows[i], &measurement, !done);
		invalid += measurement.share < 1;
		done++;
	}
	if (json)
		fputs(done ? "\n]\n" : "[]\n", json);
	measure_close(measure);
	return done ? invalid : -1;
}

int main(int argc, char **argv)
{
	struct options options = options_parse(argc, argv);
	autofclose FILE *json = NULL;
	int invalid;

	if (options.json && !(json = fopen(options.json, "w")))
		err(1, "%s", options.json);
	cpu_pin(options.cpu);
	header_print(&options.effort);
	invalid = rows_run(&options, json);
	if (invalid < 0)
		errx(2, "%s: no such row; see nsbench --list", options.pattern);
	if (invalid)
		errx(1, "%d rows invalid: not all packets met with the right action", invalid);
	return 0;
}
