// SPDX-License-Identifier: GPL-2.0
/* Services of every port (port 0): the port stays on the way to the backend and back, and is part
 * of the flow. */
#include "tests/bpf/scene.h"

static const __u16 ports[] = {1, 22, 80, 443, 9999, 40000, 65535};

/* The scene's packets go to that port from here on. */
static void aim(struct scene *scene, __u16 port)
{
	scene->vip_port = port;
}

static void wild_scene(struct scene *scene, void **state, enum lbx_forward forward,
		       unsigned backends)
{
	kind_scene(scene, state, forward, backends);
	scene_wild(scene);
}

static void there_and_back(struct scene *scene, __u16 port)
{
	struct spec spec;
	struct frame out;

	aim(scene, port);
	spec = from_client(scene, CLIENT_PORT, SYN);
	out = expect(&spec, VERDICT_forward_tx).frame;
	assert_int_equal(frame_destination_port(&out), port);
	assert_checksums(&out);
	if (scene->forward == LBX_FORWARD_DSR)
		return;
	assert_addr(frame_destination(&out), scene_backend(scene, frame_backend(scene, &out)));
	spec = answer_to(&out, SYN | ACK);
	out = expect(&spec, VERDICT_forward_tx).frame;
	assert_addr(frame_source(&out), scene->vip);
	assert_int_equal(frame_source_port(&out), port);
	assert_int_equal(frame_destination_port(&out), CLIENT_PORT);
	assert_checksums(&out);
}

/* From one client port to many of the service: each a flow of its own, with its own ticket. */
static void every_port(void **state, enum lbx_forward forward)
{
	struct scene scene;

	wild_scene(&scene, state, forward, 3);
	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
		there_and_back(&scene, ports[i]);
		there_and_back(&scene, ports[i]);
		assert_int_equal(cursor(&scene), i + 1);
		assert_non_null(flow_meta(&scene, CLIENT_PORT));
	}
	assert_int_equal(slots_used(&scene), ARRAY_SIZE(ports));
}

static void test_every_port_fullnat(void **state)
{
	every_port(state, LBX_FORWARD_FULLNAT);
	assert_int_equal(ways_used(), ARRAY_SIZE(ports));
}

static void test_every_port_nat(void **state)
{
	every_port(state, LBX_FORWARD_NAT);
}

static void test_every_port_dsr(void **state)
{
	every_port(state, LBX_FORWARD_DSR);
}

/* A port with a service of its own is that service's, whichever was asked for first. */
static void test_exact_port_goes_first(void **state)
{
	struct scene wild, exact;
	struct spec spec;

	wild_scene(&wild, state, LBX_FORWARD_DSR, 1);
	there_and_back(&wild, VIP_PORT);
	kind_scene(&exact, state, LBX_FORWARD_DSR, 1);
	exact.vip = wild.vip;
	scene_put(&exact);
	spec = from_client(&exact, CLIENT_PORT + 1, SYN);
	expect(&spec, VERDICT_forward_tx);
	assert_int_equal(cursor(&exact), 1);
	there_and_back(&wild, VIP_PORT + 1);
	assert_int_equal(cursor(&wild), 2);
}

/* The same backend, on the same port, is an ordinary service's too. */
static void test_shared_with_an_exact_one(void **state)
{
	struct lbx_nat_backends backends = {{0}};
	struct lbx_nat_key key = {};
	struct scene wild, exact;

	kind_scene(&wild, state, LBX_FORWARD_NAT, 1);
	kind_scene(&exact, state, LBX_FORWARD_NAT, 1);
	scene_wild(&wild);
	key = (struct lbx_nat_key){scene_backend(&wild, 0), htons(BACKEND_PORT), wild.protocol, 0};
	world.backends[exact.backends[0]].addr = key.addr;
	backends.ids[0] = exact.backends[0];
	map_put(world.maps.nat_backends, &key, &backends);
	there_and_back(&wild, BACKEND_PORT);
	assert_int_equal(cursor(&wild), 1);
}

/* The other protocol, and the address itself, are not its. */
static void test_only_its_protocol(void **state)
{
	struct scene scene;
	struct spec spec;

	wild_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	aim(&scene, 5000);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	spec.protocol = spec.protocol == IPPROTO_TCP ? IPPROTO_UDP : IPPROTO_TCP;
	spec.flags = spec.protocol == IPPROTO_TCP ? SYN : 0;
	expect(&spec, VERDICT_pass_no_service);
}

/* Both halves live on together, whichever way the packets go. */
static void test_halves_are_refreshed(void **state)
{
	struct scene scene;
	struct spec spec;
	struct frame out;
	__u64 *meta;

	wild_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	there_and_back(&scene, 5000);
	meta = flow_meta(&scene, CLIENT_PORT);
	meta_age(meta, 5);
	meta_age(&way_back(*meta)->meta, 5);
	spec = from_client(&scene, CLIENT_PORT, ACK);
	out = expect(&spec, VERDICT_forward_tx).frame;
	assert_int_equal(lbx_meta_tick(*meta), tick_now());
	assert_int_equal(lbx_meta_tick(way_back(*meta)->meta), tick_now());
	meta_age(meta, 5);
	meta_age(&way_back(*meta)->meta, 5);
	spec = answer_to(&out, ACK);
	expect(&spec, VERDICT_forward_tx);
	assert_int_equal(lbx_meta_tick(*meta), tick_now());
	assert_int_equal(lbx_meta_tick(way_back(*meta)->meta), tick_now());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_every_port_fullnat),   KIND_TESTS(test_every_port_nat),
		KIND_TESTS(test_every_port_dsr),       KIND_TESTS(test_exact_port_goes_first),
		KIND_TESTS(test_only_its_protocol),    KIND_TESTS(test_shared_with_an_exact_one),
		KIND_TESTS(test_halves_are_refreshed),
	};

	return cmocka_run_group_tests_name("wild", tests, world_setup, world_teardown);
}
