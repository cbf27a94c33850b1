/* SPDX-License-Identifier: GPL-2.0 */
/* The maps, and the configuration that the loader writes before the program is verified. */
#ifndef LBX_BPF_MAPS_H
#define LBX_BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "maps/flow.h"
#include "maps/types.h"
#include "maps/verdict.h"

const volatile struct lbx_config config = {};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct lbx_service_key4);
	__type(value, struct lbx_service_ref);
	__uint(max_entries, 2 * LBX_MAX_SERVICES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} services4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct lbx_service_key6);
	__type(value, struct lbx_service_ref);
	__uint(max_entries, 2 * LBX_MAX_SERVICES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} services6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct lbx_cached_ref);
	__uint(max_entries, LBX_SERVICE_CACHE);
} service_cache SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct lbx_cached_ref6);
	__uint(max_entries, LBX_SERVICE_CACHE);
} service_cache6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct lbx_service);
	__uint(max_entries, LBX_MAX_SERVICES);
} services SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct lbx_nat_key);
	__type(value, struct lbx_nat_backends);
	__uint(max_entries, LBX_MAX_BACKENDS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} nat_backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64); /* lbx_hop() */
	__uint(max_entries, LBX_HOPS);
} hops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct lbx_cursor);
	__uint(max_entries, LBX_MAX_SERVICES);
	__uint(map_flags, BPF_F_MMAPABLE); /* page-aligned, so that a cursor is a cache line */
} cursors SEC(".maps");

struct schedule_inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(key_size, sizeof(__u32)); /* sizes: clang keeps only a forward of types named here */
	__uint(value_size, sizeof(struct lbx_schedule));
	__uint(max_entries, 1);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(key_size, sizeof(__u32));
	__uint(max_entries, LBX_MAX_SERVICES);
	__array(values, struct schedule_inner);
} schedules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct lbx_backend);
	__uint(max_entries, LBX_MAX_BACKENDS);
	__uint(map_flags, BPF_F_MMAPABLE); /* page-aligned, so that a backend is a cache line */
} backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct lbx_backend_stats);
	__uint(max_entries, LBX_MAX_BACKENDS);
} backend_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, VERDICT_COUNT);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct lbx_interface);
	__uint(max_entries, LBX_MAX_INTERFACES);
} interfaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct lbx_interface);
	__uint(max_entries, LBX_MAX_INTERFACES);
} interfaces_by_ifindex SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, LBX_MAX_INTERFACES);
} tx_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __be32);
	__uint(max_entries, LBX_MAX_SNATS);
} snat4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct lbx_addr);
	__uint(max_entries, LBX_MAX_SNATS);
} snat6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct lbx_settings);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
} settings SEC(".maps");

/* The flow tables (maps/flow.h). The loader sets their sizes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct lbx_bucket4);
	__uint(max_entries, LBX_FLOWS_DEFAULT / LBX_BUCKET_SLOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
} flows4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct lbx_bucket6);
	__uint(max_entries, LBX_FLOWS_DEFAULT / LBX_BUCKET_SLOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
} flows6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct lbx_bucket_reverse);
	__uint(max_entries, LBX_FLOWS_DEFAULT / LBX_BUCKET_SLOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
} reverse SEC(".maps");

static __always_inline struct lbx_settings *settings_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

#endif
