/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Next hops of the clients of mode nat (maps/types.h), by index: what a flow's slot has room for.
 * An answer goes back the way that the flow's first frame came, as in full NAT.
 */
#ifndef LBX_BPF_HOP_H
#define LBX_BPF_HOP_H

#include "bpf/packet.h"

#define HOP_PROBES 16

/* The hop's index, entered if it is not there yet. 0: no room. Not static: see reverse_open.h. */
__u32 __noinline hop_take(__u64 hop)
{
	__u32 start = hop * config.seeds[1] >> 40;

	for (__u32 i = 0; i < HOP_PROBES; i++) {
		__u32 index = (start + i) & (LBX_HOPS - 1);
		__u64 *entry = bpf_map_lookup_elem(&hops, &index), found;

		if (!entry || !index)
			continue;
		found = READ_ONCE(*entry);
		if (!found)
			found = __sync_val_compare_and_swap(entry, 0, hop);
		if (!found || found == hop)
			return index;
	}
	return 0;
}

/* 0: there is none. */
static __always_inline __u64 hop_lookup(__u32 index)
{
	__u64 *entry = bpf_map_lookup_elem(&hops, &index);

	return entry ? *entry : 0;
}

#endif
