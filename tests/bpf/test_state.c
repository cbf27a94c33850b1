// SPDX-License-Identifier: GPL-2.0
/* The life of a flow: its states, its clock, and which packets take a ticket. */
#include "tests/bpf/scene.h"

static void client_sends(const struct scene *scene, __u8 flags)
{
	struct spec spec = from_client(scene, CLIENT_PORT, flags);

	expect(&spec, VERDICT_forward_tx);
}

static void backend_answers(const struct frame *forwarded, __u8 flags)
{
	struct spec spec = answer_to(forwarded, flags);

	expect(&spec, VERDICT_forward_tx);
}

/* Both halves. */
static void assert_state(const struct scene *scene, enum lbx_flow_state wanted)
{
	__u64 *meta = flow_meta(scene, CLIENT_PORT);
	struct lbx_slot_reverse *way;

	assert_non_null(meta);
	assert_int_equal(lbx_meta_state(*meta), wanted);
	if (scene->forward != LBX_FORWARD_FULLNAT)
		return;
	way = way_back(*meta);
	assert_non_null(way);
	assert_int_equal(lbx_meta_state(way->meta), wanted);
}

static void test_fullnat_is_assured_by_the_answer(void **state)
{
	struct scene scene;
	struct frame forwarded;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	forwarded = flow_open(&scene, CLIENT_PORT, LBX_FLOW_HALF_OPEN);
	assert_state(&scene, LBX_FLOW_HALF_OPEN);
	backend_answers(&forwarded, SYN | ACK);
	assert_state(&scene, LBX_FLOW_HALF_OPEN);
	/* a challenge ACK, as a TIME-WAIT answers any SYN */
	backend_answers(&forwarded, ACK);
	assert_state(&scene, LBX_FLOW_HALF_OPEN);
	client_sends(&scene, ACK);
	assert_state(&scene, LBX_FLOW_FRESH);
	/* a client alone does not get further, however long it tries */
	for (int i = 0; i < 5; i++) {
		flow_age(&scene, CLIENT_PORT, 3);
		client_sends(&scene, ACK | PSH);
		assert_state(&scene, LBX_FLOW_FRESH);
	}
	backend_answers(&forwarded, SYN | ACK);
	assert_state(&scene, LBX_FLOW_FRESH);
	backend_answers(&forwarded, ACK);
	assert_state(&scene, LBX_FLOW_ASSURED);
	assert_int_equal(cursor(&scene), 1);
}

static void test_dsr_is_assured_by_time(void **state)
{
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	flow_open(&scene, CLIENT_PORT, LBX_FLOW_HALF_OPEN);
	client_sends(&scene, ACK);
	assert_state(&scene, LBX_FLOW_FRESH);
	for (int i = 0; i < 5; i++)
		client_sends(&scene, ACK | PSH);
	assert_state(&scene, LBX_FLOW_FRESH);
	flow_age(&scene, CLIENT_PORT, 1);
	client_sends(&scene, ACK | PSH);
	assert_state(&scene, LBX_FLOW_ASSURED);
	assert_int_equal(cursor(&scene), 1);
}

/* A flood of SYNs and nothing else never counts as more than half open. */
static void test_syns_alone_stay_half_open(void **state)
{
	const __u8 modes[] = {LBX_FORWARD_FULLNAT, LBX_FORWARD_DSR};
	struct scene scene;

	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		kind_scene(&scene, state, modes[i], 1);
		flow_open(&scene, CLIENT_PORT, LBX_FLOW_HALF_OPEN);
		for (int n = 0; n < 5; n++) {
			flow_age(&scene, CLIENT_PORT, 2);
			client_sends(&scene, SYN);
			assert_state(&scene, LBX_FLOW_HALF_OPEN);
		}
	}
}

static void test_udp_is_assured_by_time(void **state)
{
	const __u8 modes[] = {LBX_FORWARD_FULLNAT, LBX_FORWARD_DSR};
	struct scene scene;

	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		kind_scene(&scene, state, modes[i], 1);
		for (int n = 0; n < 5; n++) {
			client_sends(&scene, 0);
			assert_state(&scene, LBX_FLOW_UDP_FRESH);
		}
		flow_age(&scene, CLIENT_PORT, 1);
		client_sends(&scene, 0);
		assert_state(&scene, LBX_FLOW_UDP_ASSURED);
		assert_int_equal(cursor(&scene), 1);
	}
}

static void test_udp_answers_do_not_assure(void **state)
{
	struct scene scene;
	struct frame forwarded;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	forwarded = flow_open(&scene, CLIENT_PORT, LBX_FLOW_UDP_FRESH);
	flow_age(&scene, CLIENT_PORT, 1);
	backend_answers(&forwarded, 0);
	assert_state(&scene, LBX_FLOW_UDP_FRESH);
}

/* From every state, by either end, by FIN and by RST. */
static void test_fin_and_rst_close(void **state)
{
	const __u8 states[] = {LBX_FLOW_HALF_OPEN, LBX_FLOW_FRESH, LBX_FLOW_ASSURED};
	const __u8 flags[] = {FIN | ACK, RST, RST | ACK};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned i = 0; i < 18; i++) {
		struct frame forwarded = flow_open(&scene, CLIENT_PORT, states[i % 3]);

		if (i / 9)
			backend_answers(&forwarded, flags[i / 3 % 3]);
		else
			client_sends(&scene, flags[i / 3 % 3]);
		assert_state(&scene, LBX_FLOW_CLOSING);
		client_sends(&scene, ACK);
		backend_answers(&forwarded, ACK);
		assert_state(&scene, LBX_FLOW_CLOSING);
		assert_int_equal(cursor(&scene), i + 1);
	}
}

static void test_dsr_closes(void **state)
{
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	flow_open(&scene, CLIENT_PORT, LBX_FLOW_ASSURED);
	client_sends(&scene, FIN | ACK);
	assert_state(&scene, LBX_FLOW_CLOSING);
	flow_age(&scene, CLIENT_PORT, 1);
	client_sends(&scene, ACK);
	assert_state(&scene, LBX_FLOW_CLOSING);
}

/* The port is used again: a new connection, the next backend, another translated port. */
static void test_syn_reopens_a_closing_flow(void **state)
{
	const __u8 modes[] = {LBX_FORWARD_FULLNAT, LBX_FORWARD_DSR};

	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		struct scene scene;
		unsigned first;
		struct frame out;
		struct spec syn;

		kind_scene(&scene, state, modes[i], 2);
		out = flow_open(&scene, CLIENT_PORT, LBX_FLOW_CLOSING);
		first = frame_backend(&scene, &out);
		syn = from_client(&scene, CLIENT_PORT, SYN);
		out = expect(&syn, VERDICT_forward_tx).frame;
		assert_int_equal(frame_backend(&scene, &out), !first);
		assert_state(&scene, LBX_FLOW_HALF_OPEN);
		assert_int_equal(cursor(&scene), 2);
		/* and again, as if that SYN had been lost */
		out = expect(&syn, VERDICT_forward_tx).frame;
		assert_int_equal(frame_backend(&scene, &out), !first);
		assert_int_equal(cursor(&scene), 2);
		assert_int_equal(slots_used(&scene), i + 1);
	}
}

/* Answers of the first connection that are still under way find their client. */
static void test_old_way_back_stays(void **state)
{
	struct scene scene;
	struct frame first;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 2);
	first = flow_open(&scene, CLIENT_PORT, LBX_FLOW_CLOSING);
	client_sends(&scene, SYN);
	backend_answers(&first, ACK);
	assert_int_equal(ways_used(), 2);
	assert_state(&scene, LBX_FLOW_HALF_OPEN);
}

static void test_syn_retransmits_take_no_ticket(void **state)
{
	const __u8 states[] = {LBX_FLOW_HALF_OPEN, LBX_FLOW_FRESH, LBX_FLOW_ASSURED};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 3);
	for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
		__u16 port = (__u16)(CLIENT_PORT + i);
		struct spec syn = from_client(&scene, port, SYN);
		struct frame first = flow_open(&scene, port, states[i]), again;

		for (int n = 0; n < 6; n++) {
			again = expect(&syn, VERDICT_forward_tx).frame;
			assert_int_equal(frame_backend(&scene, &again),
					 frame_backend(&scene, &first));
			assert_int_equal(frame_source_port(&again), frame_source_port(&first));
			assert_int_equal(flow_state(&scene, port), states[i]);
			flow_age(&scene, port, 1 + (unsigned)n);
		}
		assert_int_equal(cursor(&scene), i + 1);
	}
}

static unsigned timeout_of(enum lbx_flow_state state)
{
	return world.settings->timeout_ticks[state];
}

static const struct life {
	__u8 protocol, state;
} lives[] = {
	{IPPROTO_TCP, LBX_FLOW_HALF_OPEN}, {IPPROTO_TCP, LBX_FLOW_FRESH},
	{IPPROTO_TCP, LBX_FLOW_ASSURED},   {IPPROTO_TCP, LBX_FLOW_CLOSING},
	{IPPROTO_UDP, LBX_FLOW_UDP_FRESH}, {IPPROTO_UDP, LBX_FLOW_UDP_ASSURED},
};

/* As old as its state allows: still there, and young again. */
static void test_not_yet_expired(void **state)
{
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 2);
	for (unsigned i = 0; i < ARRAY_SIZE(lives); i++) {
		__u16 port = (__u16)(CLIENT_PORT + i);
		struct spec spec = from_client(&scene, port, ACK);
		struct frame first, later;
		__u64 tickets;

		if (lives[i].protocol != scene.protocol)
			continue;
		first = flow_open(&scene, port, lives[i].state);
		tickets = cursor(&scene);
		flow_age(&scene, port, timeout_of(lives[i].state));
		later = expect(&spec, VERDICT_forward_tx).frame;
		assert_int_equal(frame_backend(&scene, &later), frame_backend(&scene, &first));
		assert_int_equal(lbx_meta_tick(*flow_meta(&scene, port)), tick_now());
		assert_int_equal(lbx_meta_tick(way_back(*flow_meta(&scene, port))->meta),
				 tick_now());
		assert_int_equal(cursor(&scene), tickets);
	}
}

/* One tick older: as if it had never been. */
static void test_expired(void **state)
{
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 2);
	for (unsigned i = 0; i < ARRAY_SIZE(lives); i++) {
		__u16 port = (__u16)(CLIENT_PORT + i);
		struct spec spec = from_client(&scene, port, ACK);
		struct frame first, later;

		if (lives[i].protocol != scene.protocol)
			continue;
		first = flow_open(&scene, port, lives[i].state);
		flow_age(&scene, port, timeout_of(lives[i].state) + 1);
		if (scene.protocol == IPPROTO_TCP)
			expect(&spec, VERDICT_pass_no_flow);
		spec = answer_to(&first, ACK);
		expect(&spec, VERDICT_pass_no_service);
		spec = from_client(&scene, port, SYN);
		later = expect(&spec, VERDICT_forward_tx).frame;
		assert_int_not_equal(frame_backend(&scene, &later), frame_backend(&scene, &first));
		assert_int_equal(lbx_meta_tick(*flow_meta(&scene, port)), tick_now());
	}
}

/* 16 bits of ticks wrap every 19.5 hours: here a flow was last seen before that, and it is now
 * after it. */
static void test_ticks_wrap(void **state)
{
	__u16 now = tick_now(), age = (__u16)(now + 1000);
	struct scene scene;
	struct spec ack;

	if (now > 64000)
		skip(); /* within 27 minutes of a wrap the age would not fit; try again later */
	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	flow_open(&scene, CLIENT_PORT, LBX_FLOW_ASSURED);
	flow_age(&scene, CLIENT_PORT, age);
	assert_true(lbx_meta_tick(*flow_meta(&scene, CLIENT_PORT)) > now);
	world.settings->timeout_ticks[LBX_FLOW_ASSURED] = age - 1;
	ack = from_client(&scene, CLIENT_PORT, ACK);
	expect(&ack, VERDICT_pass_no_flow);
	world.settings->timeout_ticks[LBX_FLOW_ASSURED] = age;
	expect(&ack, VERDICT_forward_tx);
	assert_int_equal(lbx_meta_tick(*flow_meta(&scene, CLIENT_PORT)), now);
}

/* Another CPU was here when it was already the next tick: not 65,535 ticks ago. */
static void test_clock_one_tick_ahead(void **state)
{
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(lives); i++) {
		__u16 port = (__u16)(CLIENT_PORT + i);
		struct spec spec = from_client(&scene, port, ACK);
		struct frame forwarded;
		__u64 tickets;

		if (lives[i].protocol != scene.protocol)
			continue;
		forwarded = flow_open(&scene, port, lives[i].state);
		tickets = cursor(&scene);
		flow_age(&scene, port, (unsigned)-1);
		expect(&spec, VERDICT_forward_tx);
		flow_age(&scene, port, (unsigned)-1);
		backend_answers(&forwarded, ACK);
		assert_int_equal(cursor(&scene), tickets);
	}
}

/* Most packets write nothing: the slot's cache line stays shared. */
static void test_quiet_packets_write_nothing(void **state)
{
	struct scene scene;
	struct lbx_slot_reverse way;
	struct frame forwarded;
	__u64 meta;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	forwarded = flow_open(&scene, CLIENT_PORT,
			      scene.protocol == IPPROTO_TCP ? LBX_FLOW_ASSURED
							    : LBX_FLOW_UDP_FRESH);
	meta = *flow_meta(&scene, CLIENT_PORT);
	way = *way_back(meta);
	for (int i = 0; i < 10; i++) {
		client_sends(&scene, ACK);
		backend_answers(&forwarded, ACK);
		assert_true(*flow_meta(&scene, CLIENT_PORT) == meta);
		assert_memory_equal(way_back(meta), &way, sizeof(way));
	}
}

/* Each direction keeps both halves alive. */
static void test_either_end_refreshes_both(void **state)
{
	struct scene scene;
	struct frame forwarded;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	forwarded = flow_open(&scene, CLIENT_PORT,
			      scene.protocol == IPPROTO_TCP ? LBX_FLOW_ASSURED
							    : LBX_FLOW_UDP_FRESH);
	for (int i = 0; i < 4; i++) {
		__u64 *meta = flow_meta(&scene, CLIENT_PORT);

		flow_age(&scene, CLIENT_PORT, 5);
		if (i & 1)
			backend_answers(&forwarded, ACK);
		else
			client_sends(&scene, ACK);
		assert_int_equal(lbx_meta_tick(*meta), tick_now());
		assert_int_equal(lbx_meta_tick(way_back(*meta)->meta), tick_now());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TCP_TESTS(test_fullnat_is_assured_by_the_answer),
		TCP_TESTS(test_dsr_is_assured_by_time),
		TCP_TESTS(test_syns_alone_stay_half_open),
		UDP_TESTS(test_udp_is_assured_by_time),
		UDP_TESTS(test_udp_answers_do_not_assure),
		TCP_TESTS(test_fin_and_rst_close),
		TCP_TESTS(test_dsr_closes),
		TCP_TESTS(test_syn_reopens_a_closing_flow),
		TCP_TESTS(test_old_way_back_stays),
		TCP_TESTS(test_syn_retransmits_take_no_ticket),
		KIND_TESTS(test_not_yet_expired),
		KIND_TESTS(test_expired),
		TCP_TESTS(test_ticks_wrap),
		KIND_TESTS(test_clock_one_tick_ahead),
		KIND_TESTS(test_quiet_packets_write_nothing),
		KIND_TESTS(test_either_end_refreshes_both),
	};

	return cmocka_run_group_tests_name("state", tests, world_setup, world_teardown);
}
