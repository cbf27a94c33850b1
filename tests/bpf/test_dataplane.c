// SPDX-License-Identifier: GPL-2.0
/* The data plane's loader against the running kernel: instances and the entries of their maps. */
#include "tests/bpf/dataplane_fixture.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <netinet/in.h>

#include "user/base/addr.h"

/* --- opening --- */

static void test_create_fills_settings(void **state)
{
	struct dataplane_options options;
	struct dataplane_memory memory;
	struct lbx_settings settings;
	__u32 zero = 0;

	(void)state;
	autoclose int fd = pinned_map("settings");
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &settings), 0);
	assert_int_equal(settings.layout_version, LBX_LAYOUT_VERSION);
	assert_int_equal(settings.seeds[1] & 1, 1);
	assert_true(settings.seeds[0] != 0);
	assert_int_equal(settings.flow4_buckets, SMALL_FLOWS / LBX_BUCKET_SLOTS);
	/* 7440 s in ticks of 1.0737 s, rounded up */
	assert_int_equal(settings.timeout_ticks[LBX_FLOW_ASSURED], 6930);
	dataplane_config(dataplane, &options);
	assert_int_equal(options.max_flows, SMALL_FLOWS);
	assert_int_equal(options.port_lo, LBX_PORT_LO_DEFAULT);
	dataplane_memory(dataplane, &memory);
	assert_int_equal(memory.flows4, SMALL_FLOWS * 16);
	assert_int_equal(memory.reverse, SMALL_FLOWS * 32);
	assert_true(pinned_exists("/prog"));
}

static void test_options_are_checked(void **state)
{
	const struct dataplane_options few = {.max_flows = 1000000},
				       ports = {.port_lo = 5, .port_hi = 4};
	struct dataplane *other = NULL;
	bool adopted;

	(void)state;
	assert_int_equal(dataplane_open(instance, &few, false, &adopted, &other, &err), -EINVAL);
	assert_non_null(strstr(err.text, "the running instance has 4096"));
	assert_int_equal(dataplane_open(instance, &ports, false, &adopted, &other, &err), -EINVAL);
	assert_int_equal(dataplane_open("a.b", NULL, false, &adopted, &other, &err), -EINVAL);
	assert_int_equal(dataplane_open("", NULL, false, &adopted, &other, &err), -EINVAL);
	assert_null(other);
	assert_true(pinned_exists("/maps/settings"));
}

static void test_adopt_keeps_what_is_there(void **state)
{
	const struct lbx_backend backend = {
		.port = htons(80), .service = 3, .flags = LBX_BACKEND_USED};
	struct lbx_settings before, after;
	struct lbx_backend found;
	const __u32 zero = 0;

	(void)state;
	autoclose int fd = pinned_map("settings");
	bpf_map_lookup_elem(fd, &zero, &before);
	check(dataplane_backend_put(dataplane, 9, &backend, &err));
	reopen_instance();
	bpf_map_lookup_elem(fd, &zero, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(dataplane_backend_get(dataplane, 9, &found), 0);
	assert_memory_equal(&found, &backend, sizeof(backend));
}

static void test_adopt_refuses_another_layout(void **state)
{
	struct lbx_settings settings;
	const __u32 zero = 0;
	bool adopted;

	(void)state;
	autoclose int fd = pinned_map("settings");
	bpf_map_lookup_elem(fd, &zero, &settings);
	settings.layout_version++;
	bpf_map_update_elem(fd, &zero, &settings, BPF_ANY);
	dataplane_close(dataplane);
	dataplane = NULL;
	assert_int_equal(dataplane_open(instance, &small, false, &adopted, &dataplane, &err),
			 -EPROTO);
	assert_non_null(strstr(err.text, "lbxdp detach --all"));
	assert_true(pinned_exists("/maps/flows4"));
}

/* Puts an array map of another shape under a pin's name. */
static void pin_replace(const char *name, __u32 value_size)
{
	autoclose int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wrong", 4, value_size, 1, NULL);
	char path[64];

	snprintf(path, sizeof(path), "/maps/%s", name);
	assert_true(fd >= 0);
	assert_int_equal(unlink(pinned(path)), 0);
	assert_int_equal(bpf_obj_pin(fd, pinned(path)), 0);
}

static void test_adopt_refuses_another_map(void **state)
{
	bool adopted;

	(void)state;
	dataplane_close(dataplane);
	dataplane = NULL;
	pin_replace("backends", 8);
	assert_int_equal(dataplane_open(instance, &small, false, &adopted, &dataplane, &err),
			 -EPROTO);
	assert_non_null(strstr(err.text, "map backends"));
}

static void test_adopt_replaces_other_statistics(void **state)
{
	__u64 counts[VERDICT_COUNT];

	(void)state;
	pin_replace("verdicts", 8);
	reopen_instance();
	assert_int_equal(dataplane_verdicts(dataplane, counts), 0);
	assert_int_equal(counts[VERDICT_COUNT - 1], 0);
	reopen_instance();
}

static void test_create_over_leftovers(void **state)
{
	(void)state;
	dataplane_close(dataplane);
	dataplane = NULL;
	unlink(pinned("/maps/settings"));
	open_instance(false);
	assert_true(pinned_exists("/maps/settings"));
}

/* --- entries --- */

static void test_service(void **state)
{
	struct lbx_service service = {
		.port = htons(80), .protocol = IPPROTO_TCP, .forward = LBX_FORWARD_DSR};
	struct lbx_service_key4 key = {.port = htons(80), .protocol = IPPROTO_TCP};
	struct lbx_service_ref ref;
	autoclose int fd = pinned_map("services4");

	(void)state;
	check(addr_parse("10.0.0.100", &service.vip, &err));
	key.addr = inet_addr("10.0.0.100");
	check(dataplane_service_put(dataplane, 7, &service, false, &err));
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &ref), 0);
	assert_int_equal(ref.id, 7);
	assert_int_equal(ref.kind, LBX_REF_SERVICE);
	assert_int_equal(ref.forward, LBX_FORWARD_DSR);
	assert_int_equal(ref.flags, 0);
	check(dataplane_service_put(dataplane, 7, &service, true, &err));
	bpf_map_lookup_elem(fd, &key, &ref);
	assert_int_equal(ref.flags, LBX_SERVICE_CLOSED);
	/* Another service took the VIP over: deleting the old one must not take it away. */
	check(dataplane_service_put(dataplane, 8, &service, false, &err));
	check(dataplane_service_delete(dataplane, 7, &service, &err));
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &ref), 0);
	check(dataplane_service_delete(dataplane, 8, &service, &err));
	assert_int_not_equal(bpf_map_lookup_elem(fd, &key, &ref), 0);
	check(dataplane_service_delete(dataplane, 8, &service, &err));
}

static __u32 generation(void)
{
	struct lbx_settings settings;
	autoclose int fd = pinned_map("settings");
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &settings), 0);
	return settings.generation;
}

/* Without this the CPUs would go on with what they remember. */
static void test_changes_raise_the_generation(void **state)
{
	struct lbx_service service = {.port = htons(81), .protocol = IPPROTO_TCP};
	struct lbx_addr snat;
	__u32 before = generation();

	(void)state;
	check(addr_parse("10.0.0.101", &service.vip, &err));
	check(addr_parse("10.0.0.102", &snat, &err));
	check(dataplane_service_put(dataplane, 9, &service, false, &err));
	assert_int_equal(generation(), before + 1);
	check(dataplane_service_put(dataplane, 9, &service, true, &err));
	assert_int_equal(generation(), before + 2);
	check(dataplane_service_delete(dataplane, 9, &service, &err));
	assert_int_equal(generation(), before + 3);
	check(dataplane_snat_put(dataplane, 3, &snat, &err));
	assert_int_equal(generation(), before + 4);
	check(dataplane_snat_delete(dataplane, 3, &snat, &err));
	assert_int_equal(generation(), before + 5);
}

static void test_service6(void **state)
{
	struct lbx_service service = {.port = htons(53), .protocol = IPPROTO_UDP};
	struct lbx_service_key6 key = {.port = htons(53), .protocol = IPPROTO_UDP};
	struct lbx_service_ref ref;
	autoclose int fd = pinned_map("services6");

	(void)state;
	check(addr_parse("fd00::1", &service.vip, &err));
	key.addr = service.vip;
	check(dataplane_service_put(dataplane, 4095, &service, false, &err));
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &ref), 0);
	assert_int_equal(ref.id, 4095);
	assert_int_not_equal(dataplane_service_put(dataplane, 4096, &service, false, &err), 0);
	assert_non_null(strstr(err.text, "map services"));
	check(dataplane_service_delete(dataplane, 4095, &service, &err));
}

static void test_schedule_swap(void **state)
{
	struct lbx_schedule schedule = {.length = 2, .backends = {5, 6}}, found;
	autoclose int outer = pinned_map("schedules");
	__u32 id = 3, zero = 0, inner_id;

	(void)state;
	for (__u32 length = 2; length <= 4; length++) {
		schedule.length = length;
		check(dataplane_schedule_put(dataplane, (__u16)id, &schedule, &err));
		assert_int_equal(bpf_map_lookup_elem(outer, &id, &inner_id), 0);
		autoclose int inner = bpf_map_get_fd_by_id(inner_id);
		assert_int_equal(bpf_map_lookup_elem(inner, &zero, &found), 0);
		assert_memory_equal(&found, &schedule, sizeof(found));
	}
	reopen_instance();
	check(dataplane_schedule_put(dataplane, (__u16)id, &schedule, &err));
}

static bool snat_known(int fd, const char *address, __u16 index)
{
	struct lbx_service_key4 key = {.addr = inet_addr(address)};
	struct lbx_service_ref ref;

	return !bpf_map_lookup_elem(fd, &key, &ref) && ref.kind == LBX_REF_ADDRESS &&
	       ref.flags == LBX_ADDRESS_SNAT && ref.id == index;
}

static void test_snat(void **state)
{
	struct lbx_addr first, second, six;
	autoclose int refs = pinned_map("services4");
	autoclose int array = pinned_map("snat4");
	__u32 index = 2, word;

	(void)state;
	check(addr_parse("10.0.0.5", &first, &err));
	check(addr_parse("10.0.0.6", &second, &err));
	check(addr_parse("fd00::5", &six, &err));
	check(dataplane_snat_put(dataplane, index, &first, &err));
	check(dataplane_snat_put(dataplane, index, &six, &err));
	assert_true(snat_known(refs, "10.0.0.5", 2));
	check(dataplane_snat_put(dataplane, index, &second, &err));
	assert_false(snat_known(refs, "10.0.0.5", 2));
	assert_true(snat_known(refs, "10.0.0.6", 2));
	check(dataplane_snat_delete(dataplane, index, &first, &err));
	assert_true(snat_known(refs, "10.0.0.6", 2));
	check(dataplane_snat_delete(dataplane, index, &second, &err));
	assert_false(snat_known(refs, "10.0.0.6", 2));
	assert_int_equal(bpf_map_lookup_elem(array, &index, &word), 0);
	assert_int_equal(word, 0);
	check(dataplane_snat_put(dataplane, index, &first, &err));
	check(dataplane_snat_put(dataplane, index, NULL, &err));
	assert_false(snat_known(refs, "10.0.0.5", 2));
	assert_int_equal(dataplane_snat_put(dataplane, LBX_MAX_SNATS, &first, &err), -ENOSPC);
}

static void test_counters(void **state)
{
	int cpus = libbpf_num_possible_cpus();
	autofree struct lbx_backend_stats *each = calloc((size_t)cpus, sizeof(*each));
	const struct lbx_cursor cursor = {.ticket = 41};
	struct lbx_backend_stats sum;
	autoclose int stats = pinned_map("backend_stats");
	autoclose int cursors = pinned_map("cursors");
	__u32 id = 12;

	(void)state;
	for (int i = 0; i < cpus; i++)
		each[i].packets = 10;
	assert_int_equal(bpf_map_update_elem(stats, &id, each, BPF_ANY), 0);
	assert_int_equal(dataplane_backend_stats(dataplane, 12, &sum), 0);
	assert_int_equal(sum.packets, 10 * cpus);
	check(dataplane_backend_reset(dataplane, 12, &err));
	assert_int_equal(dataplane_backend_stats(dataplane, 12, &sum), 0);
	assert_int_equal(sum.packets, 0);
	assert_int_equal(bpf_map_update_elem(cursors, &id, &cursor, BPF_ANY), 0);
	assert_int_equal(dataplane_cursor(dataplane, 12), 41);
	check(dataplane_service_reset(dataplane, 12, &err));
	assert_int_equal(dataplane_cursor(dataplane, 12), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_fills_settings),
		TEST(test_options_are_checked),
		TEST(test_adopt_keeps_what_is_there),
		TEST(test_adopt_refuses_another_layout),
		TEST(test_adopt_refuses_another_map),
		TEST(test_adopt_replaces_other_statistics),
		TEST(test_create_over_leftovers),
		TEST(test_service),
		TEST(test_changes_raise_the_generation),
		TEST(test_service6),
		TEST(test_schedule_swap),
		TEST(test_snat),
		TEST(test_counters),
	};

	return fixture_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
