/* SPDX-License-Identifier: GPL-2.0 */
/* From a verdict to an XDP action: the only place that counts verdicts and knows actions. */
#ifndef LBX_BPF_VERDICT_H
#define LBX_BPF_VERDICT_H

#include "bpf/maps.h"

#define VERDICT_ACTION_FORWARD XDP_TX
#define VERDICT_ACTION_REPLY XDP_TX
#define VERDICT_ACTION_PASS XDP_PASS
#define VERDICT_ACTION_DROP XDP_DROP

static __always_inline int verdict_action(enum verdict verdict)
{
	switch (verdict) {
#define LBX_VERDICT(name, class, help)                                                             \
	case VERDICT_##name:                                                                       \
		return VERDICT_ACTION_##class;
#include "maps/verdict.def"
#undef LBX_VERDICT
	default:
		return XDP_PASS;
	}
}

static __always_inline void verdict_count(enum verdict verdict)
{
	__u32 key = verdict;
	__u64 *count = bpf_map_lookup_elem(&verdicts, &key);

	if (count)
		*count += 1;
}

/* way: struct packet has it. */
static __always_inline int verdict_finish(enum verdict verdict, __u32 way)
{
	verdict_count(verdict);
	if (way)
		return bpf_redirect_map(&tx_ports, way - 1, XDP_DROP);
	return verdict_action(verdict);
}

#endif
