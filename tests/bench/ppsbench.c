// SPDX-License-Identifier: GPL-2.0
/*
 * ppsbench: packets per second to a balancer and back, with the data plane and with a program that
 * only swaps MAC addresses: that is the floor. Generator, balancer and far end share one CPU, in a
 * network namespace that ends with this process. Two ways there:
 *
 *   veth    generator (test run, live frames) -> far ~~> near: subject, XDP_TX ~~> far: count, drop
 *   bridge  the same with a bridge between far and near, as in scripts/lab: frames become sk_buffs
 */
#include <bpf/bpf.h>
#include <err.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/frame.h"
#include "tests/bench/plane.h"
#include "tests/bench/cpu_clock.h"
#include "tests/bench/network.h"
#include "tests/bench/stats.h"
#include "tests/bench/veth.skel.h"
#include "user/base/cleanup.h"

enum {
	KI = 1 << 10,
	MI = 1 << 20,
	ROUNDS = 11,
	PACKETS = 100000,
	ATTEMPTS = 5,
	PATIENCE = 60,
	ROUNDS_MAX = 1000
};

#define RATIO_BOUND 0.90

enum subject { SUBJECT_BOUNCE, SUBJECT_DSR, SUBJECT_FULLNAT, SUBJECTS };

static const char *const subject_names[] = {"mac-bounce", "lbxdp-dsr", "lbxdp-fullnat"};

static const struct scene {
	const char *name;
	unsigned flows;
	bool bridge;
	bool v6;
	bool bounded;
} scenes[] = {
	{"veth-ipv4-1", 1, false, false, true},		 {"veth-ipv4-1k", KI, false, false, true},
	{"veth-ipv4-64k", 64 * KI, false, false, false}, {"veth-ipv6-1k", KI, false, true, true},
	{"bridge-ipv4-1k", KI, true, false, true},
};

enum { SCENES = sizeof(scenes) / sizeof(scenes[0]) };

struct bench {
	struct veth *veth;
	struct plane *plane;
	struct network network;
	unsigned rounds;
	struct cpu_clock clock;
};

struct figures {
	double pps[SUBJECTS];
	double ratio[SUBJECTS]; /* to the floor's */
	double added_ns[SUBJECTS];
	double share; /* of the packets sent that were delivered: the least of all rounds' */
};

static int subject_program(const struct bench *bench, enum subject subject)
{
	return subject == SUBJECT_BOUNCE ? bpf_program__fd(bench->veth->progs.veth_bounce)
					 : plane_program(bench->plane);
}

static enum plane_service subject_service(const struct scene *scene, enum subject subject)
{
	if (subject == SUBJECT_FULLNAT)
		return scene->v6 ? SERVICE_FULLNAT6 : SERVICE_FULLNAT4;
	return scene->v6 ? SERVICE_DSR6 : SERVICE_DSR4;
}

/* The last namespace ends when its place is taken. */
static void bench_open(struct bench *bench, bool bridge)
{
	bench->veth = veth__open_and_load();
	if (!bench->veth)
		err(1, "veth programs; run as root");
	network_create(&bench->network, bench->veth, bridge);
	bench->plane = plane_open(MI, (unsigned)bench->network.near);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		bench->veth->bss->setup.clients[i] = CLIENT_FIRST + i;
}

static void bench_close(struct bench *bench)
{
	plane_close(bench->plane);
	veth__destroy(bench->veth);
}

/* Until all are back that still are on their way. */
static unsigned long long packets_await(const struct bench *bench, unsigned packets)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	for (int i = 0; i < 50 && bench->veth->bss->delivered < packets; i++)
		nanosleep(&pause, NULL);
	return bench->veth->bss->delivered;
}

/* Returns how many packets came back per second; *share: of those sent. */
static double packets_send(struct bench *bench, unsigned packets, unsigned flows, double *share)
{
	static __u8 frame[FRAME_SIZE];
	struct xdp_md context = {.data_end = FRAME_SIZE,
				 .ingress_ifindex = (__u32)bench->network.far};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .ctx_in = &context, .ctx_size_in = sizeof(context), .repeat = (int)packets,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES);
	double start;

	bench->veth->bss->setup.next = 0;
	bench->veth->bss->setup.mask = flows - 1;
	bench->veth->bss->delivered = 0;
	start = cpu_clock_s(&bench->clock);
	if (bpf_prog_test_run_opts(bpf_program__fd(bench->veth->progs.veth_generate), &opts))
		err(1, "live frames");
	*share = (double)packets_await(bench, packets) / packets;
	return *share * packets / (cpu_clock_s(&bench->clock) - start);
}

/* The same, once more if a busy machine lost some. */
static double packets_measure(struct bench *bench, unsigned flows, double *share)
{
	double pps = 0;

	*share = 0;
	for (int i = 0; i < ATTEMPTS && *share < 1; i++)
		pps = packets_send(bench, PACKETS, flows, share);
	return pps;
}

/* Sends SYNs until all get through: a new bridge takes its time. */
static void flows_open(struct bench *bench, const struct scene *scene)
{
	const struct timespec pause = {.tv_nsec = 50000000};
	double share = 0;

	for (int i = 0; i < PATIENCE && share < 1; i++) {
		packets_send(bench, scene->flows, scene->flows, &share);
		if (share < 1)
			nanosleep(&pause, NULL);
	}
	if (share < 1)
		errx(1, "%s: only %.1f%% of the flows could be opened", scene->name, share * 100);
}

/* The same way as the packets that we measure. */
static void flows_establish(struct bench *bench, const struct scene *scene)
{
	unsigned flows[CLIENTS_MAX];

	network_attach(bench->network.near, plane_program(bench->plane));
	for (enum subject subject = SUBJECT_DSR; subject < SUBJECTS; subject++) {
		frame_to_service(&bench->veth->bss->setup, subject_service(scene, subject), TH_SYN);
		flows_open(bench, scene);
	}
	plane_assure(bench->plane, CLIENT_FIRST, flows, CLIENTS_MAX);
}

/* Of the rounds: pairs that stood next to each other are compared. */
static void figures_from(struct figures *figures, double pps[SUBJECTS][ROUNDS_MAX], unsigned rounds)
{
	static double ratio[ROUNDS_MAX], added_ns[ROUNDS_MAX], sorted[ROUNDS_MAX];

	for (enum subject s = SUBJECT_BOUNCE; s < SUBJECTS; s++) {
		for (unsigned i = 0; i < rounds; i++) {
			sorted[i] = pps[s][i];
			ratio[i] = pps[s][i] / pps[SUBJECT_BOUNCE][i];
			added_ns[i] = 1e9 / pps[s][i] - 1e9 / pps[SUBJECT_BOUNCE][i];
		}
		figures->pps[s] = median(sorted, rounds);
		figures->ratio[s] = median(ratio, rounds);
		figures->added_ns[s] = median(added_ns, rounds);
	}
}

static void scene_run(struct bench *bench, const struct scene *scene, struct figures *figures)
{
	static double pps[SUBJECTS][ROUNDS_MAX];
	double share;

	flows_establish(bench, scene);
	figures->share = 1;
	for (unsigned i = 0; i < bench->rounds; i++) {
		for (enum subject s = SUBJECT_BOUNCE; s < SUBJECTS; s++) {
			network_attach(bench->network.near, subject_program(bench, s));
			frame_to_service(&bench->veth->bss->setup, subject_service(scene, s),
					 TH_ACK);
			pps[s][i] = packets_measure(bench, scene->flows, &share);
			figures->share = share < figures->share ? share : figures->share;
		}
	}
	figures_from(figures, pps, bench->rounds);
}

static void figures_print(const struct scene *scene, const struct figures *figures)
{
	for (enum subject s = SUBJECT_BOUNCE; s < SUBJECTS; s++) {
		const char *bound = "";

		if (scene->bounded && s != SUBJECT_BOUNCE)
			bound = figures->ratio[s] >= RATIO_BOUND ? ">= 0.90 ok" : ">= 0.90 under";
		printf("| %-14s | %-13s | %9.0f | %5.3f | %8.1f | %8.3f%% %-7s | %-13s |\n",
		       scene->name, subject_names[s], figures->pps[s], figures->ratio[s],
		       figures->added_ns[s], figures->share * 100,
		       figures->share < 1 ? "INVALID" : "", bound);
	}
	fflush(stdout);
}

static void figures_print_json(FILE *file, const struct scene *scene, const struct figures *figures,
			       bool first)
{
	for (enum subject s = SUBJECT_BOUNCE; s < SUBJECTS; s++)
		fprintf(file,
			"%s\n{\"scene\": \"%s\", \"subject\": \"%s\", \"flows\": %u, \"pps\": "
			"%.0f, \"ratio\": %.4f, \"added_ns\": %.1f, \"delivered_share\": %.9f, "
			"\"bound_ratio\": %s}",
			first && s == SUBJECT_BOUNCE ? "[" : ",", scene->name, subject_names[s],
			scene->flows, figures->pps[s], figures->ratio[s], figures->added_ns[s],
			figures->share, scene->bounded && s != SUBJECT_BOUNCE ? "0.90" : "null");
}

static int scenes_run(struct bench *bench, FILE *json)
{
	struct figures figures;
	int invalid = 0;

	for (int i = 0; i < SCENES; i++) {
		bench_open(bench, scenes[i].bridge);
		scene_run(bench, &scenes[i], &figures);
		bench_close(bench);
		figures_print(&scenes[i], &figures);
		if (json)
			figures_print_json(json, &scenes[i], &figures, !i);
		invalid += figures.share < 1;
	}
	if (json)
		fputs("\n]\n", json);
	return invalid;
}

static void header_print(unsigned rounds)
{
	printf("packets/s to a balancer and back, of one CPU that does it all: medians of %u "
	       "alternating rounds of %u packets\n\n",
	       rounds, PACKETS);
	puts("| scene          | subject       | packets/s | ratio | ns added | delivered         "
	     "| bound         |");
	puts("|----------------|---------------|----------:|------:|---------:|------------------:"
	     "|---------------|");
}

int main(int argc, char **argv)
{
	static const struct option known[] = {{"rounds", required_argument, NULL, 'n'},
					      {"json", required_argument, NULL, 'j'},
					      {}};
	struct bench bench = {.rounds = ROUNDS};
	autofclose FILE *json = NULL;
	int option, invalid, cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 'n')
			bench.rounds = (unsigned)atoi(optarg);
		else if (option != 'j' || !(json = fopen(optarg, "w")))
			errx(2, "usage: ppsbench [--rounds N] [--json FILE]");
	}
	if (!bench.rounds || bench.rounds > ROUNDS_MAX)
		errx(2, "--rounds: must be 1 to %d", ROUNDS_MAX);
	cpu_pin(cpu);
	cpu_clock_init(&bench.clock, cpu);
	header_print(bench.rounds);
	invalid = scenes_run(&bench, json);
	if (invalid)
		errx(1, "%d scenes invalid: packets were lost", invalid);
	return 0;
}
