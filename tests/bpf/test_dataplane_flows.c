// SPDX-License-Identifier: GPL-2.0
/* The controller's side of the flow tables: the sweep and the purge. */
#include "tests/bpf/dataplane_fixture.h"

#include <arpa/inet.h>
#include <time.h>

static __u16 tick(int ago)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (__u16)((((__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec) >> 30) - (__u64)ago);
}

static void slot4_put(__u32 bucket, int slot, __u16 service, __u64 meta)
{
	autoclose int fd = pinned_map("flows4");
	struct lbx_bucket4 value;

	assert_int_equal(bpf_map_lookup_elem(fd, &bucket, &value), 0);
	value.slots[slot].key = lbx_key4(inet_addr("10.9.9.9"), htons(1), service);
	value.slots[slot].meta = meta;
	assert_int_equal(bpf_map_update_elem(fd, &bucket, &value, BPF_ANY), 0);
}

static void slot_reverse_put(__u32 bucket, __u64 meta)
{
	autoclose int fd = pinned_map("reverse");
	struct lbx_bucket_reverse value = {};

	value.slots[3].meta = meta;
	assert_int_equal(bpf_map_update_elem(fd, &bucket, &value, BPF_ANY), 0);
}

static bool named(const __u64 *bits, unsigned id)
{
	return bits[id / 64] >> (id % 64) & 1;
}

static void test_sweep(void **state)
{
	const __u32 last = SMALL_FLOWS / LBX_BUCKET_SLOTS - 1;
	const struct lbx_backend backend = {.service = 30, .flags = LBX_BACKEND_USED};
	autofree struct dataplane_sweep *sweep = calloc(1, sizeof(*sweep));

	(void)state;
	check(dataplane_backend_put(dataplane, 70, &backend, &err));
	slot4_put(0, 0, 20, lbx_meta(65, 0, 0, LBX_FLOW_ASSURED, tick(300)));
	slot4_put(0, 1, 21, lbx_meta(66, 0, 0, LBX_FLOW_HALF_OPEN, tick(60)));
	slot4_put(last, 3, 22, lbx_meta(67, 0, 0, LBX_FLOW_HALF_OPEN, tick(40)));
	slot4_put(5, 2, 23, lbx_meta(68, 0, 0, LBX_FLOW_CLAIM, tick(0)));
	slot4_put(5, 3, 24, lbx_meta(69, 0, 0, LBX_FLOW_CLAIM, tick(5)));
	/* A clock of another CPU, one tick ahead. */
	slot4_put(6, 0, 25, lbx_meta(65, 0, 0, LBX_FLOW_HALF_OPEN, tick(-1)));
	slot_reverse_put(last, lbx_meta(70, 10000, 0, LBX_FLOW_FRESH, tick(1)));
	dataplane_sweep(dataplane, sweep);
	assert_int_equal(sweep->used4, 4);
	assert_int_equal(sweep->used6, 0);
	assert_int_equal(sweep->used_reverse, 1);
	assert_int_equal(sweep->expired, 2);
	assert_int_equal(sweep->active[65], 2);
	assert_int_equal(sweep->active[66], 0);
	assert_int_equal(sweep->active[67], 1);
	assert_int_equal(sweep->active[70], 0);
	assert_true(named(sweep->services_named, 20) && named(sweep->services_named, 22));
	assert_true(named(sweep->services_named, 30) && named(sweep->backends_named, 70));
	assert_false(named(sweep->services_named, 21) || named(sweep->services_named, 23));
	assert_false(named(sweep->backends_named, 66) || named(sweep->backends_named, 68));
	dataplane_sweep(dataplane, sweep);
	assert_int_equal(sweep->expired, 0);
	assert_int_equal(sweep->used4, 4);
}

static void test_purge(void **state)
{
	autofree struct dataplane_sweep *sweep = calloc(1, sizeof(*sweep));
	const __u64 backends[LBX_MAX_BACKENDS / 64] = {[65 / 64] = 1ULL << 65 % 64};

	(void)state;
	slot4_put(0, 0, 20, lbx_meta(65, 0, 0, LBX_FLOW_ASSURED, tick(0)));
	slot4_put(0, 1, 20, lbx_meta(66, 0, 0, LBX_FLOW_ASSURED, tick(0)));
	slot_reverse_put(1, lbx_meta(65, 10000, 0, LBX_FLOW_ASSURED, tick(0)));
	assert_int_equal(dataplane_flows_purge(dataplane, backends), 2);
	assert_int_equal(dataplane_flows_purge(dataplane, backends), 0);
	dataplane_sweep(dataplane, sweep);
	assert_int_equal(sweep->used4, 1);
	assert_int_equal(sweep->used_reverse, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_sweep), TEST(test_purge)};

	return fixture_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
