// SPDX-License-Identifier: GPL-2.0
#include "tests/bpf/harness.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lbxdp.skel.h"

#define NS_PER_S 1000000000ULL
#define BUCKETS (WORLD_SLOTS / LBX_BUCKET_SLOTS)

struct world world = {.program = -1};
const __u8 mac_ours[6] = {2, 0, 0, 0, 0, 1}, mac_other[6] = {2, 0, 0, 0, 0, 2},
	   mac_client[6] = {2, 0, 0, 0, 0, 0xc1};

static struct lbxdp_bpf *skel;

static void *map_memory(const struct bpf_map *map)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
	void *memory = mmap(NULL, (bytes + page - 1) / page * page, PROT_READ | PROT_WRITE,
			    MAP_SHARED, bpf_map__fd(map), 0);

	assert_true(memory != MAP_FAILED);
	return memory;
}

static void world_map_fds(void)
{
	struct world_maps *maps = &world.maps;

	maps->services4 = bpf_map__fd(skel->maps.services4);
	maps->services6 = bpf_map__fd(skel->maps.services6);
	maps->services = bpf_map__fd(skel->maps.services);
	maps->nat_backends = bpf_map__fd(skel->maps.nat_backends);
	maps->hops = bpf_map__fd(skel->maps.hops);
	maps->schedules = bpf_map__fd(skel->maps.schedules);
	maps->backends = bpf_map__fd(skel->maps.backends);
	maps->backend_stats = bpf_map__fd(skel->maps.backend_stats);
	maps->verdicts = bpf_map__fd(skel->maps.verdicts);
	maps->interfaces = bpf_map__fd(skel->maps.interfaces);
	maps->interfaces_by_ifindex = bpf_map__fd(skel->maps.interfaces_by_ifindex);
	maps->tx_ports = bpf_map__fd(skel->maps.tx_ports);
	maps->snat4 = bpf_map__fd(skel->maps.snat4);
	maps->snat6 = bpf_map__fd(skel->maps.snat6);
	maps->settings = bpf_map__fd(skel->maps.settings);
}

/* A verifier's log can be 100,000 lines long; its end is what tells. */
static int libbpf_log(enum libbpf_print_level level, const char *format, va_list args)
{
	static char text[1 << 24];
	int length = vsnprintf(text, sizeof(text), format, args);
	const char *end = length > 3000 && length < (int)sizeof(text) ? text + length - 3000 : text;

	return level == LIBBPF_DEBUG ? 0 : fprintf(stderr, "%.3000s", end);
}

void world_load(__u16 port_lo, __u16 port_hi)
{
	world.config = (struct lbx_config){
		.seeds = {0x0123456789abcdefULL, 0x9e3779b97f4a7c15ULL},
		.flow4_mask = BUCKETS - 1,
		.flow6_mask = BUCKETS - 1,
		.reverse_mask = BUCKETS - 1,
		.port_lo = port_lo,
		.port_hi = port_hi,
	};
	libbpf_set_print(libbpf_log);
	skel = lbxdp_bpf__open();
	assert_non_null(skel);
	memcpy(&skel->rodata->config, &world.config, sizeof(world.config));
	bpf_map__set_max_entries(skel->maps.flows4, BUCKETS);
	bpf_map__set_max_entries(skel->maps.flows6, BUCKETS);
	bpf_map__set_max_entries(skel->maps.reverse, BUCKETS);
	assert_int_equal(lbxdp_bpf__load(skel), 0);
	world.program = bpf_program__fd(skel->progs.lbxdp_main);
	world_map_fds();
	world.flows4 = map_memory(skel->maps.flows4);
	world.flows6 = map_memory(skel->maps.flows6);
	world.reverse = map_memory(skel->maps.reverse);
	world.cursors = map_memory(skel->maps.cursors);
	world.settings = map_memory(skel->maps.settings);
	world.backends = map_memory(skel->maps.backends);
	verdicts_sync();
}

/* The mappings stay until the process ends: a stray pointer then reads old flows, and does not
 * crash. */
void world_unload(void)
{
	lbxdp_bpf__destroy(skel);
	skel = NULL;
	world.program = -1;
}

static void network_make(void)
{
	if (unshare(CLONE_NEWNET) || system("ip link set lo up && ip link add out0 type veth peer "
					    "name out1 && ip link set out0 up"))
		fail_msg("no network namespace with a veth pair (%s)", strerror(errno));
	world.ifindex_out = if_nametoindex("out0");
	assert_true(world.ifindex_out > IFINDEX_IN);
}

int world_setup(void **state)
{
	(void)state;
	network_make();
	world_load(LBX_PORT_LO_DEFAULT, LBX_PORT_HI_DEFAULT);
	return 0;
}

int world_teardown(void **state)
{
	(void)state;
	world_unload();
	return 0;
}

void map_put(int map, const void *key, const void *value)
{
	if (bpf_map_update_elem(map, key, value, BPF_ANY))
		fail_msg("map update: %s", strerror(errno));
}

void map_get(int map, const void *key, void *value)
{
	if (bpf_map_lookup_elem(map, key, value))
		fail_msg("map lookup: %s", strerror(errno));
}

static void hash_clear(int map)
{
	__u8 key[sizeof(struct lbx_service_key6)];

	while (!bpf_map_get_next_key(map, NULL, key))
		assert_int_equal(bpf_map_delete_elem(map, key), 0);
}

static void interfaces_put(void)
{
	struct lbx_interface in = {.ifindex = IFINDEX_IN, .index = INDEX_IN};
	struct lbx_interface out = {.ifindex = world.ifindex_out, .index = INDEX_OUT};
	const struct lbx_interface none = {0};

	memcpy(in.mac, mac_ours, sizeof(in.mac));
	memcpy(out.mac, mac_other, sizeof(out.mac));
	for (__u32 index = 0; index < LBX_MAX_INTERFACES; index++) {
		map_put(world.maps.interfaces, &index, &none);
		bpf_map_delete_elem(world.maps.tx_ports, &index);
	}
	map_put(world.maps.interfaces, &(__u32){INDEX_IN}, &in);
	map_put(world.maps.interfaces, &(__u32){INDEX_OUT}, &out);
	map_put(world.maps.interfaces_by_ifindex, &in.ifindex, &in);
	map_put(world.maps.interfaces_by_ifindex, &out.ifindex, &out);
	map_put(world.maps.tx_ports, &(__u32){INDEX_OUT}, &out.ifindex);
}

static void settings_put(void)
{
	*world.settings = (struct lbx_settings){
		.layout_version = LBX_LAYOUT_VERSION,
		.generation = world.settings->generation + 1,
		.seeds = {world.config.seeds[0], world.config.seeds[1]},
		.flow4_buckets = BUCKETS,
		.flow6_buckets = BUCKETS,
		.reverse_buckets = BUCKETS,
		.port_lo = world.config.port_lo,
		.port_hi = world.config.port_hi,
		.timeout_ticks = {[LBX_FLOW_CLAIM] = 2,
				  [LBX_FLOW_HALF_OPEN] = 20,
				  [LBX_FLOW_FRESH] = 40,
				  [LBX_FLOW_ASSURED] = 200,
				  [LBX_FLOW_CLOSING] = 30,
				  [LBX_FLOW_UDP_FRESH] = 25,
				  [LBX_FLOW_UDP_ASSURED] = 50},
	};
}

/* All but the schedules: who makes a service makes its schedule, and each change of one waits for
 * an RCU grace period. */
int world_clear(void **state)
{
	const __be32 none4 = 0;
	const struct lbx_addr none6 = {0};

	(void)state;
	memset(world.flows4, 0, WORLD_SLOTS * sizeof(*world.flows4));
	memset(world.flows6, 0, WORLD_SLOTS * sizeof(*world.flows6));
	memset(world.reverse, 0, WORLD_SLOTS * sizeof(*world.reverse));
	memset(world.cursors, 0, 64 * sizeof(*world.cursors));
	memset(world.backends, 0, LBX_MAX_BACKENDS * sizeof(*world.backends));
	hash_clear(world.maps.services4);
	hash_clear(world.maps.services6);
	hash_clear(world.maps.nat_backends);
	hash_clear(world.maps.interfaces_by_ifindex);
	for (__u32 index = 0; index < LBX_MAX_SNATS; index++) {
		map_put(world.maps.snat4, &index, &none4);
		map_put(world.maps.snat6, &index, &none6);
	}
	interfaces_put();
	settings_put();
	world.services = 0;
	world.backends_used = 0;
	tick_settle();
	return 0;
}

static __u64 clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (__u64)now.tv_sec * NS_PER_S + (__u64)now.tv_nsec;
}

__u16 tick_now(void)
{
	return (__u16)(clock_ns() >> LBX_TICK_SHIFT);
}

void tick_settle(void)
{
	const __u64 tick = 1ULL << LBX_TICK_SHIFT, enough = tick / 3;
	__u64 left = tick - clock_ns() % tick;

	if (left < enough)
		usleep((unsigned)(left / 1000 + 20000));
}

uint32_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (uint32_t)(*state * 0x2545f4914f6cdd1dULL >> 32);
}
