// SPDX-License-Identifier: GPL-2.0
/* Packets given to the program, and what it says of them. */
#include "tests/bpf/harness.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#define CPUS_MAX 512

static __u64 counted[VERDICT_COUNT]; /* as last read */

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[VERDICT_COUNT] = {
		[VERDICT_CONTINUE] = "(none)",
#define LBX_VERDICT(name, class, help) [VERDICT_##name] = #name,
#include "maps/verdict.def"
#undef LBX_VERDICT
	};

	return names[verdict];
}

enum class { CLASS_NONE, CLASS_FORWARD, CLASS_REPLY, CLASS_PASS, CLASS_DROP };

static enum class verdict_class(enum verdict verdict) {
	static const enum class classes[VERDICT_COUNT] =
		{
#define LBX_VERDICT(name, class, help) [VERDICT_##name] = CLASS_##class,
#include "maps/verdict.def"
#undef LBX_VERDICT
		};

	return classes[verdict];
}

/* All counters in one system call. */
static void verdicts_read(__u64 counts[VERDICT_COUNT])
{
	static __u64 values[VERDICT_COUNT * CPUS_MAX];
	__u32 keys[VERDICT_COUNT], batch, count = VERDICT_COUNT;
	int cpus = libbpf_num_possible_cpus();

	assert_in_range(cpus, 1, CPUS_MAX);
	if (bpf_map_lookup_batch(world.maps.verdicts, NULL, &batch, keys, values, &count, NULL) ||
	    count != VERDICT_COUNT)
		fail_msg("counters: %s", strerror(errno));
	for (unsigned i = 0; i < VERDICT_COUNT; i++) {
		counts[keys[i]] = 0;
		for (int cpu = 0; cpu < cpus; cpu++)
			counts[keys[i]] += values[i * (unsigned)cpus + (unsigned)cpu];
	}
}

__u64 verdict_count(enum verdict verdict)
{
	__u64 counts[VERDICT_COUNT];

	verdicts_read(counts);
	return counts[verdict];
}

void verdicts_sync(void)
{
	verdicts_read(counted);
}

/* The one verdict that was counted since the last call. */
static enum verdict verdict_counted(void)
{
	enum verdict found = VERDICT_CONTINUE;
	__u64 counts[VERDICT_COUNT];

	verdicts_read(counts);
	for (enum verdict verdict = 0; verdict < VERDICT_COUNT; verdict++) {
		if (counts[verdict] == counted[verdict])
			continue;
		if (found != VERDICT_CONTINUE || counts[verdict] != counted[verdict] + 1)
			fail_msg("more than one verdict counted, one of them %s",
				 verdict_name(verdict));
		found = verdict;
		counted[verdict] = counts[verdict];
	}
	if (found == VERDICT_CONTINUE)
		fail_msg("no verdict counted");
	world.produced[found]++;
	return found;
}

static void action_check(const struct outcome *outcome, const struct frame *before)
{
	static const int actions[] = {
		[CLASS_FORWARD] = XDP_TX,
		[CLASS_REPLY] = XDP_TX,
		[CLASS_PASS] = XDP_PASS,
		[CLASS_DROP] = XDP_DROP,
	};
	enum class class = verdict_class(outcome->verdict);
	int wanted = outcome->verdict == VERDICT_forward_redirect ? XDP_REDIRECT : actions[class];

	if (outcome->verdict == VERDICT_forward_error && outcome->action == XDP_REDIRECT)
		wanted = XDP_REDIRECT; /* either, by the way to its receiver */
	if (outcome->action != wanted)
		fail_msg("%s: XDP action %d, wanted %d", verdict_name(outcome->verdict),
			 outcome->action, wanted);
	if (class == CLASS_PASS && (outcome->frame.length != before->length ||
				    memcmp(outcome->frame.bytes, before->bytes, before->length)))
		fail_msg("%s: the frame was changed", verdict_name(outcome->verdict));
}

int run_raw(const struct frame *frame, unsigned ifindex, struct frame *out)
{
	struct xdp_md context = {.data_end = frame->length, .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes, .data_size_in = frame->length,
		    .data_out = out->bytes, .data_size_out = FRAME_MAX);

	if (ifindex) {
		opts.ctx_in = &context;
		opts.ctx_size_in = sizeof(context);
	}
	if (bpf_prog_test_run_opts(world.program, &opts))
		fail_msg("test run of %u bytes: %s", frame->length, strerror(errno));
	out->l4 = frame->l4;
	out->protocol = frame->protocol;
	out->length = opts.data_size_out;
	return (int)opts.retval;
}

struct outcome run_frame_on(const struct frame *frame, unsigned ifindex)
{
	struct outcome outcome;

	outcome.action = run_raw(frame, ifindex, &outcome.frame);
	outcome.verdict = verdict_counted();
	action_check(&outcome, frame);
	return outcome;
}

struct outcome run_frame(const struct frame *frame)
{
	return run_frame_on(frame, 0);
}

struct outcome run(const struct spec *spec)
{
	struct frame frame;

	frame_build(&frame, spec);
	return run_frame(&frame);
}

struct outcome expect_frame(const struct frame *frame, enum verdict verdict)
{
	struct outcome outcome = run_frame(frame);

	if (outcome.verdict != verdict)
		fail_msg("verdict %s, wanted %s", verdict_name(outcome.verdict),
			 verdict_name(verdict));
	return outcome;
}

struct outcome expect(const struct spec *spec, enum verdict verdict)
{
	struct frame frame;

	frame_build(&frame, spec);
	return expect_frame(&frame, verdict);
}
