// SPDX-License-Identifier: GPL-2.0
/*
 * Each verdict of maps/verdict.def, produced at least once. run_frame() checks that it is the only
 * one counted, once, and that the XDP action is of its class. The last test fails for a verdict
 * that none of the others produced: whoever adds one adds its packet here.
 */
#include "tests/bpf/scene.h"

static void test_forward_tx(void **state)
{
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	expect(&syn, VERDICT_forward_tx);
}

static void test_forward_redirect(void **state)
{
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	backend_behind_other(&scene, 0);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	expect(&syn, VERDICT_forward_redirect);
}

static void test_reply_reset_down(void **state)
{
	struct scene scene;
	struct spec ack;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	flow_open(&scene, CLIENT_PORT, LBX_FLOW_ASSURED);
	backend_flags(&scene, 0, LBX_BACKEND_USED | LBX_BACKEND_RESET);
	ack = from_client(&scene, CLIENT_PORT, ACK);
	expect(&ack, VERDICT_reply_reset_down);
}

static void test_reply_reset_closed(void **state)
{
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 0);
	scene.closed = 1;
	scene_put(&scene);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	expect(&syn, VERDICT_reply_reset_closed);
}

static void test_pass_not_ip(void **state)
{
	struct frame frame = {.length = 60};

	(void)state;
	frame_eth(&frame)->h_proto = htons(ETH_P_ARP);
	expect_frame(&frame, VERDICT_pass_not_ip);
}

static void test_pass_short(void **state)
{
	struct frame frame;
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	frame_build(&frame, &syn);
	frame.length--;
	expect_frame(&frame, VERDICT_pass_short);
}

static void test_pass_malformed(void **state)
{
	struct frame frame;
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	frame_build(&frame, &syn);
	frame_tcp(&frame)->doff = 4;
	expect_frame(&frame, VERDICT_pass_malformed);
}

static void test_pass_protocol(void **state)
{
	struct frame frame;
	struct scene scene;
	struct spec syn;

	(void)state;
	scene_make(&scene, false, IPPROTO_TCP, LBX_FORWARD_FULLNAT, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	frame_build(&frame, &syn);
	frame_ip4(&frame)->protocol = IPPROTO_SCTP;
	expect_frame(&frame, VERDICT_pass_protocol);
}

static void test_pass_fragment(void **state)
{
	struct frame frame;
	struct scene scene;
	struct spec syn;

	(void)state;
	scene_make(&scene, false, IPPROTO_TCP, LBX_FORWARD_FULLNAT, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	frame_build(&frame, &syn);
	frame_ip4(&frame)->frag_off = htons(0x2000);
	expect_frame(&frame, VERDICT_pass_fragment);
}

static void test_pass_no_service(void **state)
{
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	syn.destination_port++;
	expect(&syn, VERDICT_pass_no_service);
}

static void test_pass_no_flow(void **state)
{
	struct scene scene;
	struct spec ack;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	ack = from_client(&scene, CLIENT_PORT, ACK);
	expect(&ack, VERDICT_pass_no_flow);
}

static void test_pass_not_for_us(void **state)
{
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	syn.mac_destination[5] ^= 0x80;
	expect(&syn, VERDICT_pass_not_for_us);
}

static void test_drop_no_backend(void **state)
{
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 0);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	expect(&syn, VERDICT_drop_no_backend);
}

static void test_drop_backend_gone(void **state)
{
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	flow_open(&scene, CLIENT_PORT,
		  scene.protocol == IPPROTO_TCP ? LBX_FLOW_HALF_OPEN : LBX_FLOW_UDP_FRESH);
	backend_flags(&scene, 0, 0);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	expect(&syn, VERDICT_drop_backend_gone);
}

static void test_drop_no_neighbour(void **state)
{
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	backend_flags(&scene, 0, LBX_BACKEND_USED | LBX_BACKEND_UNRESOLVED);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	expect(&syn, VERDICT_drop_no_neighbour);
}

/* Every slot there is holds somebody's living connection. */
static void test_drop_flow_table_full(void **state)
{
	__u64 meta = lbx_meta(1, 0, 0, LBX_FLOW_ASSURED, tick_now());
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned n = 0; n < WORLD_SLOTS; n++)
		world.flows4[n].meta = world.flows6[n].meta = meta;
	syn = from_client(&scene, CLIENT_PORT, SYN);
	expect(&syn, VERDICT_drop_flow_table_full);
	assert_int_equal(cursor(&scene), 0);
}

/* Another CPU is opening the same flow, and stands still: its claim is there, confirmed. */
static void test_drop_flow_race(void **state)
{
	struct scene scene;
	struct spec syn;
	__u64 *meta, claim;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	expect(&syn, VERDICT_forward_tx);
	meta = flow_meta(&scene, CLIENT_PORT);
	*meta = claim = lbx_meta(99, 0, 0x10, LBX_FLOW_CLAIM, tick_now());
	expect(&syn, VERDICT_drop_flow_race);
	assert_true(*meta == claim);
	assert_int_equal(slots_used(&scene), 1);
	assert_int_equal(cursor(&scene), 1);
}

/* The translated port belongs to nobody any more: the flow may not go on using it. */
static void test_drop_flow_stale(void **state)
{
	struct scene scene;
	struct spec packet;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	flow_open(&scene, CLIENT_PORT,
		  scene.protocol == IPPROTO_TCP ? LBX_FLOW_ASSURED : LBX_FLOW_UDP_FRESH);
	way_back(*flow_meta(&scene, CLIENT_PORT))->meta = 0;
	meta_age(flow_meta(&scene, CLIENT_PORT), 1);
	packet = from_client(&scene, CLIENT_PORT, ACK);
	expect(&packet, VERDICT_drop_flow_stale);
	assert_null(flow_meta(&scene, CLIENT_PORT));
}

static void test_drop_ports_exhausted(void **state)
{
	__u64 meta = lbx_meta(1, 0, 0, LBX_FLOW_ASSURED, tick_now());
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned n = 0; n < WORLD_SLOTS; n++)
		world.reverse[n].meta = meta;
	syn = from_client(&scene, CLIENT_PORT, SYN);
	expect(&syn, VERDICT_drop_ports_exhausted);
	assert_int_equal(slots_used(&scene), 0);
}

static void test_drop_no_snat(void **state)
{
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	scene_snats(&scene, 0);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	expect(&syn, VERDICT_drop_no_snat);
	assert_int_equal(slots_used(&scene), 0);
}

/* A flow's translation address was taken away: never send from 0.0.0.0 or :: instead. */
static void test_drop_snat_gone(void **state)
{
	const struct lbx_addr none6 = {};
	const __be32 none4 = 0;
	const __u32 index = 0;
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	expect(&syn, VERDICT_forward_tx);
	map_put(world.maps.snat4, &index, &none4);
	map_put(world.maps.snat6, &index, &none6);
	expect(&syn, VERDICT_drop_no_snat);
}

static void tunnel_scene(struct scene *scene, void **state, __u16 mtu)
{
	struct lbx_backend *backend;

	kind_scene(scene, state, LBX_FORWARD_IPIP, 1);
	backend = &world.backends[scene->backends[0]];
	backend->tunnel_source = scene_snat(scene, 0);
	backend->mtu = mtu;
}

static struct spec large_of(const struct scene *scene)
{
	static const __u8 payload[1280];
	struct spec spec = from_client(scene, CLIENT_PORT, SYN);

	spec.payload = payload;
	spec.payload_length = sizeof(payload);
	return spec;
}

static void test_reply_too_big(void **state)
{
	struct scene scene;
	struct spec large;

	tunnel_scene(&scene, state, 1320);
	large = large_of(&scene);
	expect(&large, VERDICT_reply_too_big);
}

/* The smallest MTU there is of IPv6 (RFC 8200) is not enough for what is in it. */
static void test_drop_too_big(void **state)
{
	struct scene scene;
	struct spec large;

	tunnel_scene(&scene, state, 1280);
	large = large_of(&scene);
	expect(&large, VERDICT_drop_too_big);
}

static __u8 *hops_of(struct frame *frame)
{
	return frame_is_v6(frame) ? &frame_ip6(frame)->hop_limit : &frame_ip4(frame)->ttl;
}

static void test_pass_expired(void **state)
{
	struct scene scene;
	struct spec syn;
	struct frame frame;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	frame_build(&frame, &syn);
	*hops_of(&frame) = 1;
	frame_fill_checksums(&frame);
	expect_frame(&frame, VERDICT_pass_expired);
}

static void test_drop_bad_length(void **state)
{
	struct scene scene;
	struct spec syn;
	struct frame frame;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	frame_build(&frame, &syn);
	if (scene.protocol == IPPROTO_TCP)
		frame_tcp(&frame)->doff = 15;
	else
		frame_udp(&frame)->len = htons(7);
	expect_frame(&frame, VERDICT_drop_bad_length);
	assert_int_equal(cursor(&scene), 0);
}

static void test_drop_bad_flags(void **state)
{
	struct scene scene;
	struct spec syn;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN | FIN);
	expect(&syn, VERDICT_drop_bad_flags);
	assert_int_equal(cursor(&scene), 0);
}

/* Rewritten, so not with run_frame(), which wants a PASSed frame unchanged; see test_nat. */
static void test_pass_nat_route(void **state)
{
	__u64 before = verdict_count(VERDICT_pass_nat_route), none = 0;
	struct scene scene;
	struct spec spec;
	struct frame frame, out;
	__u32 hop;

	kind_scene(&scene, state, LBX_FORWARD_NAT, 1);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	frame = expect(&spec, VERDICT_forward_tx).frame;
	hop = lbx_meta_port(*flow_meta(&scene, CLIENT_PORT));
	map_put(world.maps.hops, &hop, &none);
	spec = answer_to(&frame, SYN | ACK);
	frame_build(&frame, &spec);
	run_raw(&frame, 0, &out);
	verdicts_sync();
	assert_int_equal(verdict_count(VERDICT_pass_nat_route), before + 1);
	world.produced[VERDICT_pass_nat_route]++;
}

/* Maps that the controller never makes: a backend's interface that cannot be, a mode not there yet,
 * a backend of a service that cannot be. */
static void test_drop_error(void **state)
{
	struct scene scene;
	struct spec syn, answer;
	struct frame forwarded;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	forwarded = expect(&syn, VERDICT_forward_tx).frame;
	world.backends[scene.backends[0]].ifindex = 0;
	expect(&syn, VERDICT_drop_error);
	world.backends[scene.backends[0]].service = LBX_MAX_SERVICES;
	answer = answer_to(&forwarded, SYN | ACK);
	expect(&answer, VERDICT_drop_error);
	scene.forward = LBX_FORWARD_GUE + 1;
	scene_put(&scene);
	expect(&syn, VERDICT_drop_error);
}

/* What a program of its own is about. */
static bool is_tested_elsewhere(enum verdict verdict)
{
	return verdict == VERDICT_forward_error || /* test_icmp */
	       verdict == VERDICT_reply_ping ||	   /* test_ping */
	       verdict == VERDICT_drop_fragment;   /* test_fragment */
}

/* Runs last. */
static void test_no_verdict_is_missing(void **state)
{
	(void)state;
	for (enum verdict verdict = VERDICT_CONTINUE + 1; verdict < VERDICT_COUNT; verdict++) {
		if (!world.produced[verdict] && !is_tested_elsewhere(verdict))
			fail_msg("no test produces %s", verdict_name(verdict));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_forward_tx),
		KIND_TESTS(test_forward_redirect),
		TCP_TESTS(test_reply_reset_down),
		TCP_TESTS(test_reply_reset_closed),
		WORLD_TEST(test_pass_not_ip),
		KIND_TESTS(test_pass_short),
		TCP_TESTS(test_pass_malformed),
		WORLD_TEST(test_pass_protocol),
		WORLD_TEST(test_pass_fragment),
		KIND_TESTS(test_pass_no_service),
		TCP_TESTS(test_pass_no_flow),
		KIND_TESTS(test_pass_not_for_us),
		KIND_TESTS(test_drop_no_backend),
		KIND_TESTS(test_drop_backend_gone),
		KIND_TESTS(test_drop_no_neighbour),
		KIND_TESTS(test_drop_flow_table_full),
		KIND_TESTS(test_drop_flow_race),
		KIND_TESTS(test_drop_flow_stale),
		KIND_TESTS(test_drop_ports_exhausted),
		KIND_TESTS(test_drop_no_snat),
		KIND_TESTS(test_drop_snat_gone),
		KIND_TESTS(test_reply_too_big),
		UDP_TESTS(test_pass_expired),
		KIND_TESTS(test_drop_bad_length),
		TCP_TESTS(test_drop_bad_flags),
		KIND_TESTS(test_pass_nat_route),
		KIND_TEST(test_drop_too_big, tcp6, 1),
		KIND_TESTS(test_drop_error),
		WORLD_TEST(test_no_verdict_is_missing),
	};

	return cmocka_run_group_tests_name("verdict", tests, world_setup, world_teardown);
}
