// SPDX-License-Identifier: GPL-2.0
/*
 * Mode nat: the backend sees the client, and its answers come by on their way to it. Addresses,
 * ports, MACs, one hop less, checksums from scratch, and not one other bit changed.
 */
#include "tests/bpf/scene.h"

static const __u8 payload[] = "what the client and its backend have to say";

static struct spec with_payload(struct spec spec)
{
	spec.payload = payload;
	spec.payload_length = sizeof(payload);
	return spec;
}

static __u8 *hops_left(struct frame *frame)
{
	return frame_is_v6(frame) ? &frame_ip6(frame)->hop_limit : &frame_ip4(frame)->ttl;
}

/* The frame that is wanted of one: other MACs, one end changed, a hop less. */
struct wanted {
	struct lbx_addr source, destination;
	__u16 source_port, destination_port;
	__u8 mac_destination[6], mac_source[6];
};

static void assert_rewritten(const struct frame *before, struct frame out, struct wanted wanted)
{
	struct frame made = *before;

	memcpy(frame_eth(&made)->h_dest, wanted.mac_destination, 6);
	memcpy(frame_eth(&made)->h_source, wanted.mac_source, 6);
	if (frame_is_v6(&made)) {
		memcpy(&frame_ip6(&made)->saddr, &wanted.source, 16);
		memcpy(&frame_ip6(&made)->daddr, &wanted.destination, 16);
	} else {
		frame_ip4(&made)->saddr = wanted.source.words[3];
		frame_ip4(&made)->daddr = wanted.destination.words[3];
	}
	frame_udp(&made)->source = htons(wanted.source_port);
	frame_udp(&made)->dest = htons(wanted.destination_port);
	--*hops_left(&made);
	frame_fill_checksums(&made);
	assert_int_equal(out.length, made.length);
	assert_memory_equal(out.bytes, made.bytes, made.length);
}

static struct frame forward(const struct scene *scene, __u8 flags)
{
	struct spec spec = with_payload(from_client(scene, CLIENT_PORT, flags));
	struct frame frame, out;
	struct wanted wanted = {
		scene_client(scene), scene_backend(scene, 0), CLIENT_PORT, BACKEND_PORT, {0}, {0}};

	frame_build(&frame, &spec);
	out = expect_frame(&frame, VERDICT_forward_tx).frame;
	backend_mac(scene->backends[0], wanted.mac_destination);
	memcpy(wanted.mac_source, mac_ours, 6);
	assert_rewritten(&frame, out, wanted);
	return out;
}

static struct frame answer_frame(const struct frame *forwarded, __u8 flags)
{
	struct spec spec = with_payload(answer_to(forwarded, flags));
	struct frame frame;

	frame_build(&frame, &spec);
	return frame;
}

static void answer(const struct scene *scene, const struct frame *forwarded, __u8 flags)
{
	struct frame frame = answer_frame(forwarded, flags);
	struct wanted wanted = {scene->vip, scene_client(scene), VIP_PORT, CLIENT_PORT, {0}, {0}};

	memcpy(wanted.mac_destination, mac_client, 6);
	memcpy(wanted.mac_source, mac_ours, 6);
	assert_rewritten(&frame, expect_frame(&frame, VERDICT_forward_tx).frame, wanted);
}

static void test_there_and_back(void **state)
{
	struct lbx_backend_stats before, after;
	struct scene scene;
	struct frame forwarded;

	kind_scene(&scene, state, LBX_FORWARD_NAT, 1);
	before = backend_stats(&scene, 0);
	forwarded = forward(&scene, SYN);
	answer(&scene, &forwarded, SYN | ACK);
	forward(&scene, ACK);
	answer(&scene, &forwarded, PSH | ACK);
	after = backend_stats(&scene, 0);
	assert_int_equal(after.connections - before.connections, 1);
	assert_int_equal(after.packets - before.packets, 2);
	assert_int_equal(after.return_packets - before.return_packets, 2);
	assert_int_equal(cursor(&scene), 1);
	assert_int_equal(ways_used(), 0);
}

/* As in full NAT: the backend must have answered a client that completed the handshake. */
static void test_assured_by_the_backend(void **state)
{
	struct scene scene;
	struct frame forwarded;

	kind_scene(&scene, state, LBX_FORWARD_NAT, 1);
	forwarded = forward(&scene, SYN);
	answer(&scene, &forwarded, SYN | ACK);
	answer(&scene, &forwarded, ACK);
	assert_int_equal(flow_state(&scene, CLIENT_PORT), LBX_FLOW_HALF_OPEN);
	forward(&scene, ACK);
	assert_int_equal(flow_state(&scene, CLIENT_PORT), LBX_FLOW_FRESH);
	meta_age(flow_meta(&scene, CLIENT_PORT), 3);
	forward(&scene, ACK);
	assert_int_equal(flow_state(&scene, CLIENT_PORT), LBX_FLOW_FRESH);
	answer(&scene, &forwarded, ACK);
	assert_int_equal(flow_state(&scene, CLIENT_PORT), LBX_FLOW_ASSURED);
	answer(&scene, &forwarded, FIN | ACK);
	assert_int_equal(flow_state(&scene, CLIENT_PORT), LBX_FLOW_CLOSING);
}

/* Answers alone keep a flow alive: a download. */
static void test_answers_refresh(void **state)
{
	struct scene scene;
	struct frame forwarded;

	kind_scene(&scene, state, LBX_FORWARD_NAT, 1);
	forwarded = forward(&scene, SYN);
	meta_age(flow_meta(&scene, CLIENT_PORT), 9);
	answer(&scene, &forwarded, SYN | ACK);
	assert_int_equal(lbx_meta_tick(*flow_meta(&scene, CLIENT_PORT)), tick_now());
}

/* Who talks to a backend directly, through us as its gateway, is none of our business. */
static void test_strangers_pass(void **state)
{
	struct scene scene;
	struct frame forwarded, frame;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_NAT, 1);
	forwarded = forward(&scene, SYN);
	spec = answer_to(&forwarded, SYN | ACK);
	spec.destination_port++;
	frame_build(&frame, &spec);
	expect_frame(&frame, VERDICT_pass_no_service);
	spec.destination_port--;
	spec.source_port++;
	frame_build(&frame, &spec);
	expect_frame(&frame, VERDICT_pass_no_service);
	spec.source_port--;
	spec.destination.bytes[15]++;
	frame_build(&frame, &spec);
	expect_frame(&frame, VERDICT_pass_no_service);
}

/* The flow is another backend's: what this one sends is not its answer. */
static void test_another_backend_passes(void **state)
{
	struct scene scene;
	struct frame forwarded;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_NAT, 2);
	forwarded = forward(&scene, SYN);
	spec = answer_to(&forwarded, SYN | ACK);
	spec.source = scene_backend(&scene, 1);
	expect(&spec, VERDICT_pass_no_service);
}

static void test_expired_passes(void **state)
{
	struct scene scene;
	struct frame forwarded, frame;

	kind_scene(&scene, state, LBX_FORWARD_NAT, 1);
	forwarded = forward(&scene, SYN);
	frame = answer_frame(&forwarded, SYN | ACK);
	meta_age(flow_meta(&scene, CLIENT_PORT), 1000);
	expect_frame(&frame, VERDICT_pass_no_service);
}

/* The controller says whether anybody has mode nat: if not, the map is not even asked. */
static void test_feature_off(void **state)
{
	struct scene scene;
	struct frame forwarded, frame;

	kind_scene(&scene, state, LBX_FORWARD_NAT, 1);
	forwarded = forward(&scene, SYN);
	frame = answer_frame(&forwarded, SYN | ACK);
	world.settings->features = 0;
	expect_frame(&frame, VERDICT_pass_no_service);
}

static void test_last_hop(void **state)
{
	struct scene scene;
	struct frame forwarded, frame;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_NAT, 1);
	forwarded = forward(&scene, SYN);
	for (__u8 hops = 0; hops < 3; hops++) {
		frame = answer_frame(&forwarded, SYN | ACK);
		*hops_left(&frame) = hops;
		frame_fill_checksums(&frame);
		expect_frame(&frame, hops > 1 ? VERDICT_forward_tx : VERDICT_pass_expired);
		spec = from_client(&scene, CLIENT_PORT, ACK);
		frame_build(&frame, &spec);
		*hops_left(&frame) = hops;
		frame_fill_checksums(&frame);
		expect_frame(&frame, hops > 1 ? VERDICT_forward_tx : VERDICT_pass_expired);
	}
}

/* Two services with one backend's endpoint. */
static void shared_scenes(void **state, struct scene *first, struct scene *second)
{
	struct lbx_nat_backends backends = {{0}};
	struct lbx_backend *backend;
	struct lbx_nat_key key = {};

	kind_scene(first, state, LBX_FORWARD_NAT, 1);
	kind_scene(second, state, LBX_FORWARD_NAT, 1);
	backend = &world.backends[second->backends[0]];
	backend->addr = scene_backend(first, 0);
	key = (struct lbx_nat_key){backend->addr, backend->port, backend->protocol, 0};
	backends.ids[1] = first->backends[0];
	backends.ids[3] = second->backends[0];
	map_put(world.maps.nat_backends, &key, &backends);
}

static struct frame answer_by_second(const struct scene *second, __u16 port)
{
	struct spec spec = from_client(second, port, SYN);
	struct frame out = expect(&spec, VERDICT_forward_tx).frame;

	spec = answer_to(&out, SYN | ACK);
	return expect(&spec, VERDICT_forward_tx).frame;
}

/* The client's flow says whose answer it is. */
static void test_shared_endpoint(void **state)
{
	struct scene first, second;
	struct frame forwarded, out;

	shared_scenes(state, &first, &second);
	forwarded = forward(&first, SYN);
	answer(&first, &forwarded, SYN | ACK);
	out = answer_by_second(&second, CLIENT_PORT + 1);
	assert_addr(frame_source(&out), second.vip);
	assert_int_equal(frame_destination_port(&out), CLIENT_PORT + 1);
}

/* From one client port to both, one after the other: the backend has heard the end of the first. */
static void test_shared_endpoint_in_turn(void **state)
{
	struct scene first, second;
	struct frame forwarded, out;

	shared_scenes(state, &first, &second);
	forwarded = forward(&first, SYN);
	answer(&first, &forwarded, SYN | ACK);
	if (first.protocol == IPPROTO_TCP)
		answer(&first, &forwarded, FIN | ACK);
	else
		meta_age(flow_meta(&first, CLIENT_PORT), 2);
	out = answer_by_second(&second, CLIENT_PORT);
	assert_addr(frame_source(&out), second.vip);
}

/* Each client's answers go by the hop that its first frame came from; a hop is entered once. */
static void test_hops(void **state)
{
	enum { CLIENTS = 300 };
	struct scene scene;
	__u16 hops[CLIENTS];

	kind_scene(&scene, state, LBX_FORWARD_NAT, 1);
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct spec spec = from_client(&scene, (__u16)(CLIENT_PORT + i), SYN);
		struct frame out;

		spec.mac_source[4] = (__u8)(i % 100);
		out = expect(&spec, VERDICT_forward_tx).frame;
		spec = answer_to(&out, SYN | ACK);
		out = expect(&spec, VERDICT_forward_tx).frame;
		assert_int_equal(frame_eth(&out)->h_dest[4], i % 100);
		assert_memory_equal(frame_eth(&out)->h_dest, mac_client, 4);
		hops[i] = lbx_meta_port(*flow_meta(&scene, (__u16)(CLIENT_PORT + i)));
		if (i >= 100)
			assert_int_equal(hops[i], hops[i - 100]);
		for (unsigned j = i < 100 ? 0 : i; j < i; j++)
			assert_int_not_equal(hops[i], hops[j]);
	}
}

/* The client came by the other interface: the answer goes there. */
static void test_client_behind_another_interface(void **state)
{
	struct scene scene;
	struct spec spec;
	struct frame frame;

	kind_scene(&scene, state, LBX_FORWARD_NAT, 1);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	memcpy(spec.mac_destination, mac_other, 6);
	frame_build(&frame, &spec);
	backend_behind_other(&scene, 0);
	frame = run_frame_on(&frame, world.ifindex_out).frame;
	spec = answer_to(&frame, SYN | ACK);
	frame = expect(&spec, VERDICT_forward_redirect).frame;
	assert_memory_equal(frame_eth(&frame)->h_dest, mac_client, 6);
	assert_memory_equal(frame_eth(&frame)->h_source, mac_other, 6);
}

/* No room for another hop: the kernel finds the way, from the VIP, and takes the hop off itself. */
static void test_no_hop(void **state)
{
	struct scene scene;
	struct frame forwarded, frame, out;
	__u64 *meta, none = 0;
	__u32 hop;

	kind_scene(&scene, state, LBX_FORWARD_NAT, 1);
	forwarded = forward(&scene, SYN);
	meta = flow_meta(&scene, CLIENT_PORT);
	hop = lbx_meta_port(*meta);
	assert_true(hop > 0 && lbx_meta_flags(*meta) == LBX_META_HOP);
	map_put(world.maps.hops, &hop, &none);
	frame = answer_frame(&forwarded, SYN | ACK);
	run_raw(&frame, 0, &out);
	verdicts_sync();
	assert_checksums(&out);
	assert_addr(frame_source(&out), scene.vip);
	assert_addr(frame_destination(&out), scene_client(&scene));
	assert_int_equal(*hops_left(&out), *hops_left(&frame));
	assert_memory_equal(out.bytes, frame.bytes, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_there_and_back),
		TCP_TESTS(test_assured_by_the_backend),
		KIND_TESTS(test_answers_refresh),
		KIND_TESTS(test_strangers_pass),
		KIND_TESTS(test_another_backend_passes),
		KIND_TESTS(test_expired_passes),
		KIND_TESTS(test_feature_off),
		KIND_TESTS(test_last_hop),
		KIND_TESTS(test_shared_endpoint),
		KIND_TESTS(test_shared_endpoint_in_turn),
		KIND_TESTS(test_hops),
		KIND_TESTS(test_client_behind_another_interface),
		KIND_TESTS(test_no_hop),
	};

	return cmocka_run_group_tests_name("nat", tests, world_setup, world_teardown);
}
