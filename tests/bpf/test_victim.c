// SPDX-License-Identifier: GPL-2.0
/*
 * Who loses his slot to a new flow. Each test makes up the eight candidate slots of one key, found
 * by maps/hash.h as the data plane finds them, and sees which one the key gets.
 */
#include "tests/bpf/scene.h"

enum { CANDIDATES = 2 * LBX_BUCKET_SLOTS, STRANGER_SERVICE = 4000, STRANGER_BACKEND = 9000 };

/* The meta words of a client port's candidate slots, in probe order. */
static void candidates(const struct scene *scene, __u16 port, __u64 *metas[CANDIDATES])
{
	const struct lbx_config *config = &world.config;
	struct lbx_addr client = scene_client(scene);
	__u64 hash = scene->v6 ? lbx_hash6(&client, lbx_key6(htons(port), scene->service),
					   config->seeds[0], config->seeds[1])
			       : lbx_hash4(lbx_key4(client.words[3], htons(port), scene->service),
					   config->seeds[0], config->seeds[1]);
	__u32 first = (__u32)hash & config->flow4_mask;
	__u32 second = (__u32)(hash >> 32) & config->flow4_mask;

	if (first == second)
		second ^= 1;
	for (unsigned n = 0; n < CANDIDATES; n++) {
		unsigned slot = (n < 4 ? first : second) * LBX_BUCKET_SLOTS + n % LBX_BUCKET_SLOTS;

		metas[n] = scene->v6 ? &world.flows6[slot].meta : &world.flows4[slot].meta;
	}
}

/* A stranger's flow. */
static __u64 stranger(enum lbx_flow_state state, unsigned age)
{
	return lbx_meta(STRANGER_BACKEND, 0, 0, (__u8)state, (__u16)(tick_now() - age));
}

/* The word before meta is the key's, in both tables. */
static void stranger_put(__u64 *slot, __u64 meta)
{
	slot[-1] = lbx_key6(htons(1), STRANGER_SERVICE);
	*slot = meta;
}

static void fill(__u64 *metas[CANDIDATES], __u64 meta)
{
	for (unsigned n = 0; n < CANDIDATES; n++)
		stranger_put(metas[n], meta);
}

/* Opens the flow and says which candidate it got. */
static unsigned place(const struct scene *scene, __u64 *metas[CANDIDATES])
{
	struct spec spec = from_client(scene, CLIENT_PORT, SYN);
	__u64 *meta;

	expect(&spec, VERDICT_forward_tx);
	meta = flow_meta(scene, CLIENT_PORT);
	for (unsigned n = 0; n < CANDIDATES; n++) {
		if (metas[n] == meta)
			return n;
	}
	fail_msg("the flow is in none of its candidate slots");
	return 0;
}

/* Of these eight, the new flow takes that one. */
static void assert_victim(const struct scene *scene, const __u64 slots[CANDIDATES], unsigned wanted)
{
	__u64 *metas[CANDIDATES];

	candidates(scene, CLIENT_PORT, metas);
	for (unsigned n = 0; n < CANDIDATES; n++)
		stranger_put(metas[n], slots[n]);
	assert_int_equal(place(scene, metas), wanted);
	for (unsigned n = 0; n < CANDIDATES; n++)
		assert_true(n == wanted || *metas[n] == slots[n]);
	fill(metas, 0);
}

static void slots_set(__u64 slots[CANDIDATES], __u64 meta)
{
	for (unsigned n = 0; n < CANDIDATES; n++)
		slots[n] = meta;
}

static unsigned timeout_of(enum lbx_flow_state state)
{
	return world.settings->timeout_ticks[state];
}

/* The only one that may be taken is, wherever it is and whatever the reason. */
static void test_any_place(void **state)
{
	const __u64 victims[] = {
		0,
		stranger(LBX_FLOW_HALF_OPEN, 0),
		stranger(LBX_FLOW_FRESH, 0),
		stranger(LBX_FLOW_UDP_FRESH, 0),
		stranger(LBX_FLOW_CLOSING, 0),
		stranger(LBX_FLOW_HALF_OPEN, timeout_of(LBX_FLOW_HALF_OPEN) + 1),
		stranger(LBX_FLOW_FRESH, timeout_of(LBX_FLOW_FRESH) + 1),
		stranger(LBX_FLOW_ASSURED, timeout_of(LBX_FLOW_ASSURED) + 1),
		stranger(LBX_FLOW_CLOSING, timeout_of(LBX_FLOW_CLOSING) + 1),
		stranger(LBX_FLOW_UDP_FRESH, timeout_of(LBX_FLOW_UDP_FRESH) + 1),
		stranger(LBX_FLOW_UDP_ASSURED, timeout_of(LBX_FLOW_UDP_ASSURED) + 1),
	};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(victims); i++) {
		for (unsigned n = 0; n < CANDIDATES; n++) {
			__u64 slots[CANDIDATES];

			slots_set(slots, stranger(LBX_FLOW_ASSURED, 0));
			slots[n] = victims[i];
			assert_victim(&scene, slots, n);
		}
	}
}

/* Each of the row is preferred to all after it, in any order of places. */
static void test_order(void **state)
{
	const __u64 row[] = {
		stranger(LBX_FLOW_ASSURED, timeout_of(LBX_FLOW_ASSURED) + 1),
		stranger(LBX_FLOW_HALF_OPEN, 9),
		stranger(LBX_FLOW_HALF_OPEN, 8),
		stranger(LBX_FLOW_UDP_FRESH, 3),
		stranger(LBX_FLOW_HALF_OPEN, 0),
		stranger(LBX_FLOW_FRESH, 20),
		stranger(LBX_FLOW_FRESH, 19),
		stranger(LBX_FLOW_ASSURED, 190),
	};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	for (unsigned first = 0; first < CANDIDATES - 1; first++) {
		for (unsigned turn = 0; turn < CANDIDATES; turn++) {
			__u64 slots[CANDIDATES];

			/* the row from `first` on, and the assured one for the rest */
			for (unsigned i = 0; i < CANDIDATES; i++)
				slots[(i + turn) % CANDIDATES] = row[i < first ? 7 : i];
			assert_victim(&scene, slots, (first + turn) % CANDIDATES);
		}
	}
}

/* A slot seen by a CPU whose clock is ahead is the youngest, not the oldest there is. */
static void test_clock_ahead_is_young(void **state)
{
	struct scene scene;
	__u64 slots[CANDIDATES];

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	slots_set(slots, stranger(LBX_FLOW_HALF_OPEN, (unsigned)-1));
	slots[5] = stranger(LBX_FLOW_HALF_OPEN, 1);
	assert_victim(&scene, slots, 5);
	slots_set(slots, stranger(LBX_FLOW_ASSURED, (unsigned)-1));
	slots[6] = stranger(LBX_FLOW_FRESH, (unsigned)-1);
	assert_victim(&scene, slots, 6);
}

/* Living connections keep their slots, and so does a claim of a CPU at work, however old. */
static void test_never(void **state)
{
	const __u64 holders[] = {
		stranger(LBX_FLOW_ASSURED, timeout_of(LBX_FLOW_ASSURED)),
		stranger(LBX_FLOW_UDP_ASSURED, timeout_of(LBX_FLOW_UDP_ASSURED)),
		stranger(LBX_FLOW_CLAIM, 0),
		stranger(LBX_FLOW_CLAIM, 1000),
	};
	__u64 *metas[CANDIDATES];
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	candidates(&scene, CLIENT_PORT, metas);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	for (unsigned i = 0; i < ARRAY_SIZE(holders); i++) {
		fill(metas, holders[i]);
		expect(&syn, VERDICT_drop_flow_table_full);
		for (unsigned n = 0; n < CANDIDATES; n++)
			assert_true(*metas[n] == holders[i]);
	}
	assert_int_equal(cursor(&scene), 0);
}

/* The emptier bucket, but the first one as long as it holds one flow at most. Both are filled from
 * their first slots on. */
static void test_emptier_bucket(void **state)
{
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	for (unsigned first = 0; first <= LBX_BUCKET_SLOTS; first++) {
		for (unsigned second = 0; second <= LBX_BUCKET_SLOTS; second++) {
			bool in_first = first <= 1 || (first <= second && first < 4);
			__u64 slots[CANDIDATES] = {0};

			if (first == 4 && second == 4)
				continue;
			for (unsigned n = 0; n < first; n++)
				slots[n] = stranger(LBX_FLOW_ASSURED, 0);
			for (unsigned n = 0; n < second; n++)
				slots[4 + n] = stranger(LBX_FLOW_ASSURED, 0);
			assert_victim(&scene, slots, in_first ? first : 4 + second);
		}
	}
}

/* Another client port whose candidates share the slot, or 0. */
static __u16 port_sharing(const struct scene *scene, const __u64 *slot)
{
	for (unsigned port = 1024; port < CLIENT_PORT; port++) {
		__u64 *metas[CANDIDATES];

		candidates(scene, (__u16)port, metas);
		for (unsigned n = 0; n < CANDIDATES; n++) {
			if (metas[n] == slot)
				return (__u16)port;
		}
	}
	fail_msg("no port shares the slot");
	return 0;
}

/* The evicted flow's translated port is free at once, and its way back is gone. */
static void test_eviction_releases_the_way_back(void **state)
{
	struct scene scene;
	struct frame forwarded;
	__u64 *metas[CANDIDATES], *loser, before;
	struct spec spec;
	__u16 port;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	forwarded = flow_open(&scene, CLIENT_PORT,
			      scene.protocol == IPPROTO_TCP ? LBX_FLOW_HALF_OPEN
							    : LBX_FLOW_UDP_FRESH);
	loser = flow_meta(&scene, CLIENT_PORT);
	before = *loser;
	port = port_sharing(&scene, loser);
	candidates(&scene, port, metas);
	for (unsigned n = 0; n < CANDIDATES; n++) {
		if (metas[n] != loser)
			stranger_put(metas[n], stranger(LBX_FLOW_ASSURED, 0));
	}
	spec = from_client(&scene, port, SYN);
	expect(&spec, VERDICT_forward_tx);
	assert_ptr_equal(flow_meta(&scene, port), loser);
	assert_null(flow_meta(&scene, CLIENT_PORT));
	assert_int_equal(ways_used(), 1);
	assert_null(way_back(before));
	spec = answer_to(&forwarded, ACK);
	expect(&spec, VERDICT_pass_no_service);
}

/* All flows that were opened: how many have a slot. Each slot must have its way back. */
static unsigned flows_whole(const struct scene *scene, unsigned opened)
{
	unsigned whole = 0;

	for (unsigned i = 0; i < opened; i++) {
		__u64 *meta = flow_meta(scene, (__u16)(1024 + i));

		if (!meta)
			continue;
		whole++;
		assert_non_null(way_back(*meta));
	}
	return whole;
}

/* The table of ways back is full of living ones but for those of some half-open flows: a new flow
 * takes one of them, and the flow that loses it loses its own slot too. */
static void test_eviction_of_a_way_back_releases_the_flow(void **state)
{
	const unsigned opened = 120, rounds = 20;
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned i = 0; i < opened; i++) {
		struct spec spec = from_client(&scene, (__u16)(1024 + i), SYN);

		expect(&spec, VERDICT_forward_tx);
	}
	assert_int_equal(flows_whole(&scene, opened), opened);
	for (unsigned n = 0; n < WORLD_SLOTS; n++) {
		if (!world.reverse[n].meta)
			world.reverse[n].meta = stranger(LBX_FLOW_ASSURED, 0);
	}
	for (unsigned i = opened; i < opened + rounds; i++) {
		struct spec spec = from_client(&scene, (__u16)(1024 + i), SYN);

		expect(&spec, VERDICT_forward_tx);
		assert_int_equal(flows_whole(&scene, i + 1), opened);
		assert_non_null(flow_meta(&scene, (__u16)(1024 + i)));
	}
	assert_int_equal(ways_used(), WORLD_SLOTS);
}

/* Of ten times as many SYNs as there are slots none is refused, and no assured flow is lost. */
static void test_flood_evicts_no_living_connection(void **state)
{
	const unsigned living = 100;
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 2);
	for (unsigned i = 0; i < living; i++)
		flow_open(&scene, (__u16)(1024 + i),
			  scene.protocol == IPPROTO_TCP ? LBX_FLOW_ASSURED : LBX_FLOW_UDP_ASSURED);
	for (unsigned i = 0; i < 10 * WORLD_SLOTS; i++) {
		struct spec spec = from_client(&scene, (__u16)(5000 + i), SYN);

		expect(&spec, VERDICT_forward_tx);
		if (i % 2 && scene.protocol == IPPROTO_TCP) {
			spec.flags = i % 4 == 1 ? RST : ACK;
			expect(&spec, VERDICT_forward_tx);
		}
	}
	assert_int_equal(flows_whole(&scene, living), living);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_any_place),
		KIND_TESTS(test_order),
		KIND_TESTS(test_clock_ahead_is_young),
		KIND_TESTS(test_never),
		KIND_TESTS(test_emptier_bucket),
		KIND_TESTS(test_eviction_releases_the_way_back),
		KIND_TESTS(test_eviction_of_a_way_back_releases_the_flow),
		KIND_TESTS(test_flood_evicts_no_living_connection),
	};

	return cmocka_run_group_tests_name("victim", tests, world_setup, world_teardown);
}
