// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a program under test once per iteration of a test run, on a fresh frame each time: a test
 * run with `repeat` hands one buffer on from iteration to iteration, so that from the second on a
 * program would see its own output. The program is tail-called from a function of its own, so
 * control comes back here; and the same around an empty program is what to subtract.
 */
#include "tests/bench/restore.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} under_test SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct way);
	__uint(max_entries, WAYS_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
} ways SEC(".maps");

struct wrapper_outcome outcome = {};

static __always_inline void way_vary(void *source, void *destination, void *ports, __u64 flow)
{
	__u32 key = flow;
	struct way *way = bpf_map_lookup_elem(&ways, &key);

	if (!way)
		return;
	store32(source, way->backend);
	store32(destination, way->snat);
	store16(ports + 2, way->port);
}

static __always_inline void frame_vary(void *frame)
{
	__u64 flow = setup.next++ & setup.mask;

	switch (setup.vary) {
	case VARY_CLIENT4:
		client_vary(frame + OFFSET_SOURCE4, frame + OFFSET_PORTS4, flow);
		break;
	case VARY_CLIENT6:
		client_vary(frame + OFFSET_SOURCE6, frame + OFFSET_PORTS6, flow);
		break;
	case VARY_WAY4:
		way_vary(frame + OFFSET_SOURCE4, frame + OFFSET_DESTINATION4, frame + OFFSET_PORTS4,
			 flow);
		break;
	case VARY_WAY6:
		way_vary(frame + OFFSET_SOURCE6, frame + OFFSET_DESTINATION6, frame + OFFSET_PORTS6,
			 flow);
		break;
	}
}

static __noinline int program_run(struct xdp_md *ctx)
{
	int missing = 7;

	bpf_tail_call(ctx, &under_test, 0);
	/* Hidden, or the compiler takes it for the only thing that can come back. */
	asm volatile("" : "+r"(missing));
	return missing;
}

SEC("xdp.frags")
int bench_iteration(struct xdp_md *ctx)
{
	void *frame = (void *)(long)ctx->data;
	__u32 action;
	__u64 length;

	if (frame + FRAME_SIZE > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	frame_restore(frame);
	frame_vary(frame);
	action = program_run(ctx);
	outcome.actions[action & 7]++;
	length = ctx->data_end - ctx->data;
	if (length != FRAME_SIZE) {
		outcome.resized++;
		bpf_xdp_adjust_head(ctx, length - FRAME_SIZE);
	}
	return XDP_TX;
}

SEC("xdp.frags")
int bench_empty(struct xdp_md *ctx)
{
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
