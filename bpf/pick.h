/* SPDX-License-Identifier: GPL-2.0 */
/* Stage 4: the next backend of a service, in strict (weighted) round robin over all CPUs. */
#ifndef LBX_BPF_PICK_H
#define LBX_BPF_PICK_H

#include "bpf/packet.h"

/* Takes a ticket only if there is somebody to serve. Returns the backend's id, or 0. */
static __always_inline __u16 backend_pick(__u32 service)
{
	void *inner = bpf_map_lookup_elem(&schedules, &service);
	struct lbx_cursor *cursor = bpf_map_lookup_elem(&cursors, &service);
	struct lbx_schedule *schedule;
	__u32 zero = 0;
	__u64 index, ticket;

	if (!inner || !cursor)
		return 0;
	schedule = bpf_map_lookup_elem(inner, &zero);
	if (!schedule || !schedule->length)
		return 0;
	/* A 64-bit division takes twice as long, and 2^32 connections are years. */
	ticket = __sync_fetch_and_add(&cursor->ticket, 1);
	index = ticket >> 32 ? ticket % schedule->length : (__u32)ticket % schedule->length;
	return index < LBX_SCHEDULE_MAX ? schedule->backends[index] : 0;
}

static __always_inline struct lbx_backend *backend_lookup(__u32 id)
{
	return bpf_map_lookup_elem(&backends, &id);
}

static __always_inline void backend_count(__u32 id, const struct packet *packet)
{
	struct lbx_backend_stats *stats = bpf_map_lookup_elem(&backend_stats, &id);

	if (stats) {
		stats->packets++;
		stats->bytes += packet->bytes;
	}
}

#endif
