// SPDX-License-Identifier: GPL-2.0
/* Which backend a new flow gets, in strict turns; and what becomes of the flows of one that is no
 * longer well. */
#include "tests/bpf/scene.h"

enum { FLOWS = 2000, VECTOR_MAX = 16 };

/* Opens a flow from another port of the client, and says whose it is. */
static unsigned open_next(const struct scene *scene, unsigned number)
{
	struct spec spec = from_client(scene, (__u16)(1024 + number), SYN);
	struct frame out = expect(&spec, VERDICT_forward_tx).frame;

	return frame_backend(scene, &out);
}

/* The turns are the schedule's, flow by flow: so every window is as strict as the schedule is. */
static void test_strict_turns(void **state)
{
	static const unsigned schedules[][VECTOR_MAX] = {
		{1, 0},
		{2, 0, 1},
		{2, 0, 1, 1},
		{7, 0, 1, 2, 3, 4, 5, 6},
		{7, 0, 0, 1, 0, 2, 0, 0},
		{12, 0, 2, 1, 2, 0, 2, 2, 1, 2, 0, 2, 2},
	};
	struct scene scene;
	unsigned number = 0;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 7);
	for (unsigned i = 0; i < ARRAY_SIZE(schedules); i++) {
		const unsigned *schedule = schedules[i], length = schedule[0];

		scene_schedule(&scene, schedule + 1, length);
		for (unsigned n = 0; n < FLOWS / 4; n++, number++) {
			assert_int_equal(cursor(&scene), number);
			assert_int_equal(open_next(&scene, number), schedule[1 + number % length]);
		}
	}
}

/* In any row of flows, from wherever to wherever, equal backends' counts differ by 1 at most. */
static void test_equal_shares_everywhere(void **state)
{
	static unsigned counts[FLOWS + 1][7];
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 7);
	for (unsigned n = 0; n < FLOWS; n++) {
		memcpy(counts[n + 1], counts[n], sizeof(counts[n]));
		counts[n + 1][open_next(&scene, n)]++;
	}
	for (unsigned from = 0; from < FLOWS; from += 13) {
		for (unsigned to = from + 1; to <= FLOWS; to++) {
			unsigned least = FLOWS, most = 0;

			for (unsigned i = 0; i < 7; i++) {
				unsigned count = counts[to][i] - counts[from][i];

				least = count < least ? count : least;
				most = count > most ? count : most;
			}
			assert_true(most - least <= 1);
		}
	}
}

/* The longest schedule there is, and the cursor's last 32-bit value. */
static void test_longest_schedule(void **state)
{
	static unsigned places[LBX_SCHEDULE_MAX];
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 5);
	for (unsigned i = 0; i < LBX_SCHEDULE_MAX; i++)
		places[i] = i * i % 5;
	scene_schedule(&scene, places, LBX_SCHEDULE_MAX);
	for (unsigned n = 0; n < 40; n++) {
		__u64 ticket = n < 20 ? LBX_SCHEDULE_MAX - 10 + n : 0xfffffff6ULL + n;

		world.cursors[scene.service].ticket = ticket;
		assert_int_equal(open_next(&scene, n), places[ticket % LBX_SCHEDULE_MAX]);
		assert_true(cursor(&scene) == ticket + 1);
	}
}

/* Two services have turns of their own. */
static void test_services_do_not_share_turns(void **state)
{
	struct scene a, b;

	kind_scene(&a, state, LBX_FORWARD_FULLNAT, 2);
	kind_scene(&b, state, LBX_FORWARD_FULLNAT, 3);
	for (unsigned n = 0; n < 60; n++) {
		assert_int_equal(open_next(&a, n), n % 2);
		if (n % 3 == 0)
			assert_int_equal(open_next(&b, n), n / 3 % 3);
	}
}

/* A flow keeps its backend when the schedule changes. */
static void test_schedule_swap_moves_no_flow(void **state)
{
	const unsigned places[] = {1};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 2);
	assert_int_equal(open_next(&scene, 0), 0);
	scene_schedule(&scene, places, 1);
	assert_int_equal(open_next(&scene, 1), 1);
	assert_int_equal(open_next(&scene, 2), 1);
	assert_int_equal(open_next(&scene, 0), 0);
	assert_int_equal(cursor(&scene), 3);
}

/* Nobody to serve: no ticket is taken, and no slot kept; known flows go on. */
static void test_empty_schedule(void **state)
{
	struct scene scene;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 2);
	open_next(&scene, 0);
	scene_schedule(&scene, NULL, 0);
	spec = from_client(&scene, 5, SYN);
	expect(&spec, VERDICT_drop_no_backend);
	scene.closed = 1;
	scene_put(&scene);
	expect(&spec, scene.protocol == IPPROTO_TCP ? VERDICT_reply_reset_closed
						    : VERDICT_drop_no_backend);
	assert_int_equal(cursor(&scene), 1);
	assert_int_equal(slots_used(&scene), 1);
	assert_int_equal(open_next(&scene, 0), 0);
}

static void test_missing_schedule(void **state)
{
	struct scene scene;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	scene.service = LBX_MAX_SERVICES - 1; /* no test gives it one */
	scene_put(&scene);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	expect(&spec, VERDICT_drop_no_backend);
}

static enum lbx_flow_state opened_state(const struct scene *scene)
{
	return scene->protocol == IPPROTO_TCP ? LBX_FLOW_ASSURED : LBX_FLOW_UDP_ASSURED;
}

/* --on-down keep: nothing changes for a flow; only new ones go elsewhere. */
static void test_keep(void **state)
{
	const unsigned places[] = {1};
	struct scene scene;
	struct spec spec;
	struct frame out;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 2);
	out = flow_open(&scene, CLIENT_PORT, opened_state(&scene));
	scene_schedule(&scene, places, 1);
	spec = from_client(&scene, CLIENT_PORT, ACK);
	out = expect(&spec, VERDICT_forward_tx).frame;
	assert_int_equal(frame_backend(&scene, &out), 0);
}

static void test_reset(void **state)
{
	struct scene scene;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 2);
	flow_open(&scene, CLIENT_PORT, opened_state(&scene));
	backend_flags(&scene, 0, LBX_BACKEND_USED | LBX_BACKEND_RESET);
	spec = from_client(&scene, CLIENT_PORT, ACK);
	expect(&spec, scene.protocol == IPPROTO_TCP ? VERDICT_reply_reset_down
						    : VERDICT_drop_backend_gone);
}

/* A SYN from the same port is a new connection, or one that the dead backend never answered: either
 * way it is the next backend's, by one ticket. */
static void test_reset_lets_a_syn_start_over(void **state)
{
	const __u8 states[] = {LBX_FLOW_HALF_OPEN, LBX_FLOW_FRESH, LBX_FLOW_ASSURED};
	const unsigned before[] = {0}, after[] = {1};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 2);
	for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
		__u16 port = (__u16)(CLIENT_PORT + i);
		struct spec syn = from_client(&scene, port, SYN);
		struct frame out;

		backend_flags(&scene, 0, LBX_BACKEND_USED);
		scene_schedule(&scene, before, 1);
		flow_open(&scene, port, states[i]);
		scene_schedule(&scene, after, 1);
		backend_flags(&scene, 0, LBX_BACKEND_USED | LBX_BACKEND_RESET);
		for (int n = 0; n < 3; n++) {
			out = expect(&syn, VERDICT_forward_tx).frame;
			assert_int_equal(frame_backend(&scene, &out), 1);
			assert_int_equal(cursor(&scene), 2 * (i + 1));
		}
	}
}

/* From the next tick on, its flow is another backend's, by one ticket. */
static void test_move(void **state)
{
	const unsigned places[] = {1};
	struct scene scene;
	struct spec spec;
	struct frame out;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 2);
	out = flow_open(&scene, CLIENT_PORT, opened_state(&scene));
	assert_int_equal(frame_backend(&scene, &out), 0);
	scene_schedule(&scene, places, 1);
	backend_flags(&scene, 0, LBX_BACKEND_USED | LBX_BACKEND_MOVE);
	flow_age(&scene, CLIENT_PORT, 1);
	spec = from_client(&scene, CLIENT_PORT, ACK);
	for (int i = 0; i < 3; i++) {
		out = expect(&spec, VERDICT_forward_tx).frame;
		assert_int_equal(frame_backend(&scene, &out), 1);
		assert_checksums(&out);
		assert_int_equal(cursor(&scene), 2);
		assert_int_equal(slots_used(&scene), 1);
	}
}

/* Nobody to move to. The flow is over. */
static void test_move_to_nobody(void **state)
{
	struct scene scene;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	flow_open(&scene, CLIENT_PORT, opened_state(&scene));
	scene_schedule(&scene, NULL, 0);
	backend_flags(&scene, 0, LBX_BACKEND_USED | LBX_BACKEND_MOVE);
	flow_age(&scene, CLIENT_PORT, 1);
	spec = from_client(&scene, CLIENT_PORT, ACK);
	expect(&spec, VERDICT_drop_no_backend);
	assert_null(flow_meta(&scene, CLIENT_PORT));
}

/* The MAC becomes known, and the flow that waited goes on; later it becomes another. */
static void test_unresolved(void **state)
{
	const __u8 moved[6] = {2, 9, 9, 9, 9, 9};
	struct scene scene;
	struct spec spec;
	struct frame out;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	backend_flags(&scene, 0, LBX_BACKEND_USED | LBX_BACKEND_UNRESOLVED);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	expect(&spec, VERDICT_drop_no_neighbour);
	expect(&spec, VERDICT_drop_no_neighbour);
	backend_flags(&scene, 0, LBX_BACKEND_USED);
	expect(&spec, VERDICT_forward_tx);
	assert_int_equal(cursor(&scene), 1);
	memcpy(world.backends[scene.backends[0]].mac_destination, moved, 6);
	out = expect(&spec, VERDICT_forward_tx).frame;
	assert_memory_equal(frame_eth(&out)->h_dest, moved, 6);
}

/* A removed backend's flows do not go to whoever has its place in the map. */
static void test_removed(void **state)
{
	struct scene scene;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 2);
	flow_open(&scene, CLIENT_PORT, opened_state(&scene));
	backend_flags(&scene, 0, 0);
	spec = from_client(&scene, CLIENT_PORT, ACK);
	expect(&spec, VERDICT_drop_backend_gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_strict_turns),
		KIND_TESTS(test_equal_shares_everywhere),
		KIND_TESTS(test_longest_schedule),
		KIND_TESTS(test_services_do_not_share_turns),
		KIND_TESTS(test_schedule_swap_moves_no_flow),
		KIND_TESTS(test_empty_schedule),
		KIND_TESTS(test_missing_schedule),
		KIND_TESTS(test_keep),
		KIND_TESTS(test_reset),
		TCP_TESTS(test_reset_lets_a_syn_start_over),
		KIND_TESTS(test_move),
		KIND_TESTS(test_move_to_nobody),
		KIND_TESTS(test_unresolved),
		KIND_TESTS(test_removed),
	};

	return cmocka_run_group_tests_name("backend", tests, world_setup, world_teardown);
}
