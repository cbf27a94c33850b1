// SPDX-License-Identifier: GPL-2.0
/*
 * The flow tables through their mapped memory: no system call per slot. Every change is a
 * compare-and-swap, as the data plane's are, so a flow that gets a packet meanwhile stays.
 */
#include "user/dataplane/dataplane_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { CLAIM_TICKS_MAX = 2 }; /* older: its CPU gave up, for a claim lasts a microsecond */

static int map_mmap(const struct bpf_map *map, int protection, struct mapped *mapped,
		    struct err *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
	void *memory;

	bytes = (bytes + page - 1) / page * page;
	memory = mmap(NULL, bytes, protection, MAP_SHARED, bpf_map__fd(map), 0);
	if (memory == MAP_FAILED)
		return err_set(err, -errno, "map %s: cannot map its memory (%s); retry",
			       bpf_map__name(map), strerror(errno));
	mapped->memory = memory;
	mapped->bytes = bytes;
	return 0;
}

int tables_map(struct dataplane *dataplane, struct err *err)
{
	struct lbxdp_bpf *skel = dataplane->skel;
	int ret = map_mmap(skel->maps.flows4, PROT_READ | PROT_WRITE, &dataplane->flows4, err);

	if (!ret)
		ret = map_mmap(skel->maps.flows6, PROT_READ | PROT_WRITE, &dataplane->flows6, err);
	if (!ret)
		ret = map_mmap(skel->maps.reverse, PROT_READ | PROT_WRITE, &dataplane->reverse,
			       err);
	if (!ret)
		ret = map_mmap(skel->maps.backends, PROT_READ, &dataplane->backends, err);
	if (!ret)
		ret = map_mmap(skel->maps.cursors, PROT_READ, &dataplane->cursors, err);
	return ret;
}

static void mapped_release(struct mapped *mapped)
{
	if (mapped->memory)
		munmap(mapped->memory, mapped->bytes);
	mapped->memory = NULL;
}

void tables_unmap(struct dataplane *dataplane)
{
	mapped_release(&dataplane->flows4);
	mapped_release(&dataplane->flows6);
	mapped_release(&dataplane->reverse);
	mapped_release(&dataplane->backends);
	mapped_release(&dataplane->cursors);
}

/* A table as the sweep sees it: the meta word is the last of every kind of slot. */
struct table {
	char *memory;
	size_t slots, slot_bytes;
	bool reverse; /* the word before meta is no key, and the flow is counted elsewhere */
};

enum { TABLES = 3 };

static void tables_list(const struct dataplane *dataplane, struct table tables[TABLES])
{
	const struct lbx_settings *settings = &dataplane->settings;

	tables[0] = (struct table){dataplane->flows4.memory,
				   (size_t)settings->flow4_buckets * LBX_BUCKET_SLOTS,
				   sizeof(struct lbx_slot4), false};
	tables[1] = (struct table){dataplane->flows6.memory,
				   (size_t)settings->flow6_buckets * LBX_BUCKET_SLOTS,
				   sizeof(struct lbx_slot6), false};
	tables[2] = (struct table){dataplane->reverse.memory,
				   (size_t)settings->reverse_buckets * LBX_BUCKET_SLOTS,
				   sizeof(struct lbx_slot_reverse), true};
}

static __u64 *slot_meta(const struct table *table, size_t slot)
{
	return (__u64 *)(void *)(table->memory + (slot + 1) * table->slot_bytes - sizeof(__u64));
}

/* The data plane's clock (bpf_ktime_get_coarse_ns()) in ticks. */
static __u16 tick_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (__u16)(((__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec) >> LBX_TICK_SHIFT);
}

static bool meta_expired(const struct lbx_settings *settings, __u64 meta, __u16 now)
{
	__u8 state = lbx_meta_state(meta);

	if (state == LBX_FLOW_CLAIM)
		return lbx_meta_age(meta, now) > CLAIM_TICKS_MAX;
	return lbx_meta_age(meta, now) > settings->timeout_ticks[state & 7];
}

/* Empties the slot if it is expired. Returns what is there afterwards. */
static __u64 slot_expire(const struct dataplane *dataplane, __u64 *word, __u16 now,
			 unsigned *expired)
{
	__u64 meta = __atomic_load_n(word, __ATOMIC_ACQUIRE);

	while (meta && meta_expired(&dataplane->settings, meta, now)) {
		if (__atomic_compare_exchange_n(word, &meta, 0, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE)) {
			(*expired)++;
			return 0;
		}
	}
	return meta;
}

static void name_service(struct dataplane_sweep *sweep, __u16 service)
{
	if (service < LBX_MAX_SERVICES)
		sweep->services_named[service / 64] |= 1ULL << (service % 64);
}

/* Notes whom a live slot names. A claim names nobody yet: its other fields are the data plane's. */
static void slot_account(const struct dataplane *dataplane, const struct table *table,
			 const __u64 *word, __u64 meta, struct dataplane_sweep *sweep)
{
	const struct lbx_backend *backends = (const void *)dataplane->backends.memory;
	__u16 backend = lbx_meta_backend(meta);

	if (lbx_meta_state(meta) == LBX_FLOW_CLAIM || backend >= LBX_MAX_BACKENDS)
		return;
	sweep->backends_named[backend / 64] |= 1ULL << (backend % 64);
	if (table->reverse) {
		name_service(sweep, backends[backend].service);
		return;
	}
	sweep->active[backend]++;
	name_service(sweep, lbx_key_service(word[-1]));
}

static unsigned table_sweep(const struct dataplane *dataplane, const struct table *table, __u16 now,
			    struct dataplane_sweep *sweep)
{
	unsigned used = 0;

	for (size_t slot = 0; slot < table->slots; slot++) {
		__u64 *word = slot_meta(table, slot);
		__u64 meta = slot_expire(dataplane, word, now, &sweep->expired);

		if (!meta)
			continue;
		used++;
		slot_account(dataplane, table, word, meta, sweep);
	}
	return used;
}

void dataplane_sweep(struct dataplane *dataplane, struct dataplane_sweep *sweep)
{
	struct table tables[TABLES];
	__u16 now = tick_now();

	memset(sweep, 0, sizeof(*sweep));
	tables_list(dataplane, tables);
	sweep->used4 = table_sweep(dataplane, &tables[0], now, sweep);
	sweep->used6 = table_sweep(dataplane, &tables[1], now, sweep);
	sweep->used_reverse = table_sweep(dataplane, &tables[2], now, sweep);
}

static bool slot_names(__u64 meta, const __u64 *backends)
{
	__u16 backend = lbx_meta_backend(meta);

	return lbx_meta_state(meta) > LBX_FLOW_CLAIM && backend < LBX_MAX_BACKENDS &&
	       backends[backend / 64] >> (backend % 64) & 1;
}

static unsigned table_purge(const struct table *table, const __u64 *backends)
{
	unsigned purged = 0;

	for (size_t slot = 0; slot < table->slots; slot++) {
		__u64 *word = slot_meta(table, slot);
		__u64 meta = __atomic_load_n(word, __ATOMIC_ACQUIRE);

		while (slot_names(meta, backends)) {
			if (__atomic_compare_exchange_n(word, &meta, 0, false, __ATOMIC_ACQ_REL,
							__ATOMIC_ACQUIRE)) {
				purged++;
				break;
			}
		}
	}
	return purged;
}

unsigned dataplane_flows_purge(struct dataplane *dataplane,
			       const __u64 backend_ids[LBX_MAX_BACKENDS / 64])
{
	struct table tables[TABLES];
	unsigned purged = 0;

	tables_list(dataplane, tables);
	for (int i = 0; i < TABLES; i++)
		purged += table_purge(&tables[i], backend_ids);
	return purged;
}
