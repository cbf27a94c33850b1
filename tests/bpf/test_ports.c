// SPDX-License-Identifier: GPL-2.0
/* Translated ports, from a range so small that it runs out. */
#include "tests/bpf/scene.h"

enum { PORT_LO = 20000, PORT_HI = 20007, PORTS = PORT_HI - PORT_LO + 1, SNATS = 3 };

/* Retransmits until there is a port: one packet tries at most LBX_PORT_TRIES. NULL: none found. */
static __u64 *open_patiently(const struct scene *scene, __u16 port, struct frame *forwarded)
{
	struct spec syn = from_client(scene, port, SYN);

	for (int i = 0; i < 100; i++) {
		struct outcome outcome = run(&syn);

		if (forwarded)
			*forwarded = outcome.frame;
		if (outcome.verdict == VERDICT_forward_tx)
			return flow_meta(scene, port);
		assert_int_equal(outcome.verdict, VERDICT_drop_ports_exhausted);
		assert_null(flow_meta(scene, port));
	}
	return NULL;
}

/* Opens as many flows as there are ports for. */
static unsigned exhaust(const struct scene *scene)
{
	unsigned opened = 0;

	while (open_patiently(scene, (__u16)(CLIENT_PORT + opened), NULL)) {
		opened++;
		assert_true(opened <= PORTS * SNATS);
	}
	return opened;
}

static void assert_ways_differ(const struct scene *scene, unsigned opened)
{
	bool used[SNATS][PORTS] = {{false}};

	for (unsigned i = 0; i < opened; i++) {
		__u64 meta = *flow_meta(scene, (__u16)(CLIENT_PORT + i));
		unsigned snat = lbx_meta_snat(meta), port = lbx_meta_port(meta);

		assert_in_range(port, PORT_LO, PORT_HI);
		assert_true(snat < SNATS);
		assert_false(used[snat][port - PORT_LO]);
		used[snat][port - PORT_LO] = true;
	}
}

/* Every port of every address is used, each once; then no flow is opened. */
static void test_all_ports_are_used_once(void **state)
{
	for (unsigned snats = 1; snats <= SNATS; snats++) {
		struct scene scene;

		world_clear(state);
		kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
		scene_snats(&scene, snats);
		assert_int_equal(exhaust(&scene), PORTS * snats);
		assert_ways_differ(&scene, PORTS * snats);
		assert_int_equal(ways_used(), PORTS * snats);
	}
}

/* What the backend sees: the address that the flow says, and the answer to it comes back. */
static void test_each_address_returns(void **state)
{
	bool seen[SNATS] = {false};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	scene_snats(&scene, SNATS);
	for (unsigned i = 0; i < PORTS * SNATS; i++) {
		struct frame forwarded, back;
		__u64 *meta = open_patiently(&scene, (__u16)(CLIENT_PORT + i), &forwarded);
		struct spec spec;

		assert_non_null(meta);
		seen[lbx_meta_snat(*meta)] = true;
		assert_addr(frame_source(&forwarded), scene_snat(&scene, lbx_meta_snat(*meta)));
		assert_int_equal(frame_source_port(&forwarded), lbx_meta_port(*meta));
		spec = answer_to(&forwarded, SYN | ACK);
		back = expect(&spec, VERDICT_forward_tx).frame;
		assert_addr(frame_destination(&back), scene_client(&scene));
		assert_int_equal(frame_destination_port(&back), CLIENT_PORT + i);
	}
	for (unsigned snat = 0; snat < SNATS; snat++)
		assert_true(seen[snat]);
}

/* From its first address on, not from address 0 on. */
static void test_first_address(void **state)
{
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	scene_snats(&scene, SNATS);
	world.backends[scene.backends[0]].snat_first = 2;
	world.backends[scene.backends[0]].snat_count = 1;
	for (unsigned i = 0; i < PORTS; i++) {
		__u64 *meta = open_patiently(&scene, (__u16)(CLIENT_PORT + i), NULL);

		assert_non_null(meta);
		assert_int_equal(lbx_meta_snat(*meta), 2);
	}
	assert_null(open_patiently(&scene, 1, NULL));
}

static unsigned timeout_of(enum lbx_flow_state state)
{
	return world.settings->timeout_ticks[state];
}

/* When a flow expires its port is free for the next one. */
static void test_recovery_by_expiry(void **state)
{
	struct scene scene;
	__u64 *meta, expired;
	unsigned opened;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	opened = exhaust(&scene);
	expired = *flow_meta(&scene, CLIENT_PORT + 3);
	flow_age(&scene, CLIENT_PORT + 3, timeout_of(lbx_meta_state(expired)) + 1);
	meta = open_patiently(&scene, (__u16)(CLIENT_PORT + opened), NULL);
	assert_non_null(meta);
	assert_int_equal(lbx_meta_port(*meta), lbx_meta_port(expired));
	assert_null(open_patiently(&scene, (__u16)(CLIENT_PORT + opened + 1), NULL));
}

/* When nothing better is left, a flow that is closing gives up its port, and both its halves. */
static void test_closing_flow_gives_its_port(void **state)
{
	struct scene scene;
	__u64 *meta, closing;
	unsigned opened;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	opened = exhaust(&scene);
	spec = from_client(&scene, CLIENT_PORT + 3, RST);
	expect(&spec, VERDICT_forward_tx);
	closing = *flow_meta(&scene, CLIENT_PORT + 3);
	meta = open_patiently(&scene, (__u16)(CLIENT_PORT + opened), NULL);
	assert_non_null(meta);
	assert_int_equal(lbx_meta_port(*meta), lbx_meta_port(closing));
	assert_null(flow_meta(&scene, CLIENT_PORT + 3));
	assert_int_equal(ways_used(), PORTS);
	assert_null(open_patiently(&scene, (__u16)(CLIENT_PORT + opened + 1), NULL));
}

/* The expired flow wakes up: its port is another's by now. */
static void test_expired_flow_gets_no_port_of_another(void **state)
{
	struct scene scene;
	struct frame forwarded;
	struct spec spec;
	__u64 *meta;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	exhaust(&scene);
	meta = flow_meta(&scene, CLIENT_PORT);
	/* its way back only: as when the two halves' last packets were a tick apart */
	meta_age(&way_back(*meta)->meta, timeout_of(lbx_meta_state(*meta)) + 1);
	assert_non_null(open_patiently(&scene, 1, &forwarded));
	assert_int_equal(frame_source_port(&forwarded), lbx_meta_port(*meta));
	meta_age(meta, 1);
	spec = from_client(&scene, CLIENT_PORT, ACK);
	expect(&spec, VERDICT_drop_flow_stale);
	assert_null(flow_meta(&scene, CLIENT_PORT));
	spec = from_client(&scene, 1, ACK);
	expect(&spec, VERDICT_forward_tx);
}

/* Two backends have the same ports to themselves: their answers are told apart by their addresses.
 */
static void test_backends_do_not_share_ports(void **state)
{
	struct scene scene;
	unsigned opened;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 2);
	opened = exhaust(&scene);
	assert_in_range(opened, PORTS + 1, 2 * PORTS);
	for (unsigned i = 0; i < opened; i++) {
		for (unsigned j = 0; j < i; j++) {
			__u64 a = *flow_meta(&scene, (__u16)(CLIENT_PORT + i));
			__u64 b = *flow_meta(&scene, (__u16)(CLIENT_PORT + j));

			assert_false(lbx_meta_backend(a) == lbx_meta_backend(b) &&
				     lbx_meta_port(a) == lbx_meta_port(b));
		}
	}
}

static int setup(void **state)
{
	world_setup(state);
	world_unload();
	world_load(PORT_LO, PORT_HI);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_all_ports_are_used_once),
		KIND_TESTS(test_each_address_returns),
		KIND_TESTS(test_first_address),
		KIND_TESTS(test_recovery_by_expiry),
		TCP_TESTS(test_closing_flow_gives_its_port),
		KIND_TESTS(test_expired_flow_gets_no_port_of_another),
		KIND_TESTS(test_backends_do_not_share_ports),
	};

	return cmocka_run_group_tests_name("ports", tests, setup, world_teardown);
}
