/* SPDX-License-Identifier: GPL-2.0 */
/* The flow tables' clock: see maps/flow.h. */
#ifndef LBX_BPF_CLOCK_H
#define LBX_BPF_CLOCK_H

#include "bpf/packet.h"

/*
 * The tick as last computed: jiffies (48 bits) | tick (16 bits), one word, so that CPUs may race
 * for it. Asking the kernel for the time costs 14 ns of a 50 ns packet, a look at jiffies (inlined
 * by the JIT) none: the kernel is asked once a jiffy.
 */
__u64 clock_cache;

static __always_inline __u16 clock_tick(void)
{
	__u64 jiffies = bpf_jiffies64(), cache = READ_ONCE(clock_cache);

	if (unlikely(cache >> 16 != (jiffies << 16) >> 16)) {
		cache = jiffies << 16 | (__u16)(bpf_ktime_get_coarse_ns() >> LBX_TICK_SHIFT);
		WRITE_ONCE(clock_cache, cache);
	}
	return (__u16)cache;
}

/* Whether the slot's flow has been idle for longer than its state allows. */
static __always_inline bool meta_is_expired(__u64 meta, __u16 now)
{
	struct lbx_settings *s = settings_lookup();

	return s && lbx_meta_age(meta, now) > s->timeout_ticks[lbx_meta_state(meta) & 7];
}

/* A slot that somebody holds: neither empty nor being filled. */
static __always_inline bool meta_is_live(__u64 meta)
{
	return lbx_meta_state(meta) > LBX_FLOW_CLAIM;
}

#endif
