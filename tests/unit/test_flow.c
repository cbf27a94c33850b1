// SPDX-License-Identifier: GPL-2.0
/* The packing of maps/flow.h: what the data plane writes, the controller reads. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>

#include "maps/flow.h"

static void test_sizes(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct lbx_slot4), 16);
	assert_int_equal(sizeof(struct lbx_slot6), 32);
	assert_int_equal(sizeof(struct lbx_slot_reverse), 32);
	assert_int_equal(sizeof(struct lbx_bucket4), 64);
	assert_int_equal(sizeof(struct lbx_bucket6), 128);
	assert_int_equal(sizeof(struct lbx_bucket_reverse), 128);
	assert_int_equal(sizeof(struct lbx_addr), 16);
	assert_int_equal(sizeof(struct lbx_backend), 64);
	assert_int_equal(sizeof(struct lbx_cursor), 64);
}

static void test_meta_layout(void **state)
{
	__u64 meta = lbx_meta(0x1122, 0x3344, 0x55, 0x66, 0x7788);

	(void)state;
	assert_true(meta == 0x1122334455667788ULL);
	assert_int_equal(lbx_meta_snat(meta), 0x5);
	assert_int_equal(lbx_meta_interface(meta), 0x5);
	assert_int_equal(lbx_meta_snat(lbx_meta(0, 0, 0xa3, 0, 0)), 0x3);
	assert_int_equal(lbx_meta_interface(lbx_meta(0, 0, 0xa3, 0, 0)), 0xa);
}

static void test_meta_round_trips(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		__u16 backend = (__u16)random_next(&seed), port = (__u16)random_next(&seed);
		__u8 flags = (__u8)random_next(&seed), flow_state = (__u8)random_next(&seed);
		__u16 tick = (__u16)random_next(&seed);
		__u64 meta = lbx_meta(backend, port, flags, flow_state, tick);

		assert_int_equal(lbx_meta_backend(meta), backend);
		assert_int_equal(lbx_meta_port(meta), port);
		assert_int_equal(lbx_meta_flags(meta), flags);
		assert_int_equal(lbx_meta_snat(meta), flags & 0xf);
		assert_int_equal(lbx_meta_interface(meta), flags >> 4);
		assert_int_equal(lbx_meta_state(meta), flow_state);
		assert_int_equal(lbx_meta_tick(meta), tick);
	}
}

/* Each field all ones, the others zero: none spills into another. */
static void test_meta_fields_are_apart(void **state)
{
	__u64 fields[] = {
		lbx_meta(0xffff, 0, 0, 0, 0), lbx_meta(0, 0xffff, 0, 0, 0),
		lbx_meta(0, 0, 0xff, 0, 0),   lbx_meta(0, 0, 0, 0xff, 0),
		lbx_meta(0, 0, 0, 0, 0xffff),
	};
	__u64 sum = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		assert_true((sum & fields[i]) == 0);
		sum |= fields[i];
	}
	assert_true(sum == ~0ULL);
}

static void test_touch_changes_state_and_tick_only(void **state)
{
	__u64 meta = lbx_meta(0xfedc, 0xba98, 0x76, 0xff, 0xffff);
	__u64 touched = lbx_meta_touch(meta, LBX_FLOW_CLOSING, 0x1234);

	(void)state;
	assert_true(touched == lbx_meta(0xfedc, 0xba98, 0x76, LBX_FLOW_CLOSING, 0x1234));
	assert_true(lbx_meta_touch(touched, 0xff, 0xffff) == meta);
}

static void test_keys(void **state)
{
	__u64 key = lbx_key4(htonl(0xffffffff), htons(0x8001), 4095);

	(void)state;
	assert_int_equal(lbx_key_client4(key), 0xffffffff);
	assert_int_equal(lbx_key_port(key), htons(0x8001));
	assert_int_equal(lbx_key_service(key), 4095);
	key = lbx_key4(htonl(0x0a000001), 0, 0);
	assert_int_equal(ntohl(lbx_key_client4(key)), 0x0a000001);
	assert_int_equal(lbx_key_port(key), 0);
	assert_int_equal(lbx_key_service(key), 0);
	key = lbx_key6(htons(0xffff), 0xffff);
	assert_int_equal(lbx_key_client4(key), 0);
	assert_int_equal(lbx_key_port(key), 0xffff);
	assert_int_equal(lbx_key_service(key), 0xffff);
}

/* Two keys are equal only if all three parts are. */
static void test_keys_differ_in_each_part(void **state)
{
	__u64 key = lbx_key4(1, 2, 3);

	(void)state;
	assert_true(key != lbx_key4(2, 2, 3));
	assert_true(key != lbx_key4(1, 3, 3));
	assert_true(key != lbx_key4(1, 2, 4));
	assert_true(lbx_key6(1, 2) != lbx_key6(2, 2));
	assert_true(lbx_key6(1, 2) != lbx_key6(1, 3));
}

static __u16 age(__u16 seen, __u16 now)
{
	return lbx_meta_age(lbx_meta(0xffff, 0xffff, 0xff, 0xff, seen), now);
}

static void test_age(void **state)
{
	(void)state;
	assert_int_equal(age(100, 100), 0);
	assert_int_equal(age(100, 101), 1);
	assert_int_equal(age(0, 0x7fff), 0x7fff);
}

static void test_age_over_the_wrap(void **state)
{
	(void)state;
	assert_int_equal(age(0xffff, 0), 1);
	assert_int_equal(age(0xfff0, 0x10), 0x20);
	assert_int_equal(age(0xffff, 0x7ffe), 0x7fff);
}

/* A flow touched by a CPU whose clock is a tick ahead is new, not 19 hours old. */
static void test_age_of_the_future_is_zero(void **state)
{
	(void)state;
	assert_int_equal(age(101, 100), 0);
	assert_int_equal(age(0, 0xffff), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_meta_layout),
		cmocka_unit_test(test_meta_round_trips),
		cmocka_unit_test(test_meta_fields_are_apart),
		cmocka_unit_test(test_touch_changes_state_and_tick_only),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_keys_differ_in_each_part),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_age_over_the_wrap),
		cmocka_unit_test(test_age_of_the_future_is_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
