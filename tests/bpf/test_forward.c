// SPDX-License-Identifier: GPL-2.0
/* Which frames are for us, where they go, by which interface, and who counts them. */
#include "tests/bpf/scene.h"

#include <bpf/bpf.h>

static void test_dsr_changes_only_macs(void **state)
{
	struct scene scene;
	struct frame frame, out;
	struct spec spec;
	__u8 mac[6];

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	spec.payload = "hello";
	spec.payload_length = 5;
	spec.ip_options = scene.v6 ? 0 : 8;
	frame_build(&frame, &spec);
	out = expect_frame(&frame, VERDICT_forward_tx).frame;
	assert_int_equal(out.length, frame.length);
	assert_memory_equal(out.bytes + 12, frame.bytes + 12, frame.length - 12);
	backend_mac(scene.backends[0], mac);
	assert_memory_equal(frame_eth(&out)->h_dest, mac, 6);
	assert_memory_equal(frame_eth(&out)->h_source, mac_ours, 6);
}

/* A flow of DSR is no way back: nothing is translated, no port is taken. */
static void test_dsr_takes_no_port(void **state)
{
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	flow_open(&scene, CLIENT_PORT,
		  scene.protocol == IPPROTO_TCP ? LBX_FLOW_ASSURED : LBX_FLOW_UDP_ASSURED);
	assert_int_equal(ways_used(), 0);
	assert_int_equal(lbx_meta_port(*flow_meta(&scene, CLIENT_PORT)), 0);
}

static const struct station {
	__u8 mac[6];
	bool ours;
} stations[] = {
	{{2, 0, 0, 0, 0, 1}, true},	 {{0, 0, 0x5e, 0, 1, 7}, true}, /* VRRP, IPv4 */
	{{0, 0, 0x5e, 0, 2, 255}, true}, {{0, 0, 0x5e, 0, 0, 7}, false},
	{{0, 0, 0x5e, 0, 3, 7}, false},	 {{0, 0, 0x5e, 1, 1, 7}, false},
	{{0, 0, 0x5f, 0, 1, 7}, false},	 {{0, 1, 0x5e, 0, 1, 7}, false},
	{{1, 0, 0x5e, 0, 1, 7}, false}, /* multicast */
	{{2, 0, 0, 0, 0, 2}, false},	/* our other interface's */
	{{2, 0, 0, 0, 0, 0xbb}, false},	 {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, false},
};

static void test_only_our_frames_open(void **state)
{
	struct scene scene;
	__u64 opened = 0;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(stations); i++) {
		struct spec spec = from_client(&scene, (__u16)(CLIENT_PORT + i), SYN);

		memcpy(spec.mac_destination, stations[i].mac, 6);
		expect(&spec, stations[i].ours ? VERDICT_forward_tx : VERDICT_pass_not_for_us);
		opened += stations[i].ours;
		assert_int_equal(cursor(&scene), opened);
		assert_int_equal(slots_used(&scene), opened);
	}
}

static void test_unknown_interface_opens_nothing(void **state)
{
	const struct lbx_interface none = {};
	__u32 ifindex = IFINDEX_IN, index = INDEX_IN;
	struct scene scene;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	bpf_map_delete_elem(world.maps.interfaces_by_ifindex, &ifindex);
	map_put(world.maps.interfaces, &index, &none);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	expect(&spec, VERDICT_pass_not_for_us);
}

/* By the other interface: from its MAC, with its index. harness.c has no other index in tx_ports,
 * so any other would be dropped. */
static void test_backend_behind_another_interface(void **state)
{
	struct scene scene;
	struct spec spec;
	struct frame out;
	__u8 mac[6];

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	backend_behind_other(&scene, 0);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	out = expect(&spec, VERDICT_forward_redirect).frame;
	backend_mac(scene.backends[0], mac);
	assert_memory_equal(frame_eth(&out)->h_dest, mac, 6);
	assert_memory_equal(frame_eth(&out)->h_source, mac_other, 6);
	assert_checksums(&out);
}

/* That interface was detached since: dropped, and not counted as sent. */
static void test_backend_behind_a_detached_interface(void **state)
{
	struct scene scene;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	backend_behind_other(&scene, 0);
	world.backends[scene.backends[0]].ifindex = 0;
	spec = from_client(&scene, CLIENT_PORT, SYN);
	expect(&spec, VERDICT_drop_error);
}

/* The client came by the other interface, so the answer to it goes there. */
static void test_client_behind_another_interface(void **state)
{
	struct scene scene;
	struct spec spec;
	struct frame frame;
	struct outcome outcome;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	memcpy(spec.mac_destination, mac_other, 6);
	frame_build(&frame, &spec);
	backend_behind_other(&scene, 0);
	outcome = run_frame_on(&frame, world.ifindex_out);
	assert_int_equal(outcome.verdict, VERDICT_forward_tx);
	spec = answer_to(&outcome.frame, SYN | ACK);
	outcome.frame = expect(&spec, VERDICT_forward_redirect).frame;
	assert_memory_equal(frame_eth(&outcome.frame)->h_dest, mac_client, 6);
	assert_memory_equal(frame_eth(&outcome.frame)->h_source, mac_other, 6);
	assert_addr(frame_destination(&outcome.frame), scene_client(&scene));
}

/* Answers go to the next hop that the client's first frame came from. */
static void test_answers_go_back_the_way(void **state)
{
	const __u8 gateway[6] = {0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54};
	struct scene scene;
	struct spec spec;
	struct frame out;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	memcpy(spec.mac_source, gateway, 6);
	out = expect(&spec, VERDICT_forward_tx).frame;
	spec = answer_to(&out, SYN | ACK);
	out = expect(&spec, VERDICT_forward_tx).frame;
	assert_memory_equal(frame_eth(&out)->h_dest, gateway, 6);
}

/* Any one of them wrong, and it is no answer. */
static void test_only_the_backends_answer_returns(void **state)
{
	struct scene scene;
	struct frame forwarded;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	scene_snats(&scene, 2);
	forwarded = flow_open(&scene, CLIENT_PORT,
			      scene.protocol == IPPROTO_TCP ? LBX_FLOW_HALF_OPEN
							    : LBX_FLOW_UDP_FRESH);
	for (int wrong = 0; wrong < 6; wrong++) {
		struct spec spec = answer_to(&forwarded, SYN | ACK);

		if (wrong == 0)
			spec.source_port++;
		else if (wrong == 1)
			spec.source.bytes[15]++;
		else if (wrong == 2)
			spec.destination_port ^= 1;
		else if (wrong == 3)
			spec.destination.bytes[15] ^= 3; /* 1 <-> 2: the other address */
		else if (wrong == 4)
			spec.protocol ^= IPPROTO_TCP ^ IPPROTO_UDP;
		expect(&spec, wrong == 5 ? VERDICT_forward_tx : VERDICT_pass_no_service);
	}
}

static void assert_counted(const struct scene *scene, struct lbx_backend_stats before,
			   struct lbx_backend_stats wanted)
{
	struct lbx_backend_stats after = backend_stats(scene, 0);

	assert_int_equal(after.connections - before.connections, wanted.connections);
	assert_int_equal(after.packets - before.packets, wanted.packets);
	assert_int_equal(after.bytes - before.bytes, wanted.bytes);
	assert_int_equal(after.return_packets - before.return_packets, wanted.return_packets);
	assert_int_equal(after.return_bytes - before.return_bytes, wanted.return_bytes);
}

static void test_backend_counts(void **state)
{
	struct lbx_backend_stats before, wanted = {0};
	struct scene scene;
	struct spec spec;
	struct frame out;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	before = backend_stats(&scene, 0);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	out = expect(&spec, VERDICT_forward_tx).frame;
	wanted.connections = wanted.packets = 1;
	wanted.bytes = out.length;
	assert_counted(&scene, before, wanted);
	spec.payload = "0123456789";
	spec.payload_length = 10;
	expect(&spec, VERDICT_forward_tx);
	wanted.packets++;
	wanted.bytes += out.length + 10;
	assert_counted(&scene, before, wanted);
	spec = answer_to(&out, SYN | ACK);
	expect(&spec, VERDICT_forward_tx);
	wanted.return_packets = 1;
	wanted.return_bytes = out.length;
	assert_counted(&scene, before, wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_dsr_changes_only_macs),
		KIND_TESTS(test_dsr_takes_no_port),
		KIND_TESTS(test_only_our_frames_open),
		KIND_TESTS(test_unknown_interface_opens_nothing),
		KIND_TESTS(test_backend_behind_another_interface),
		KIND_TESTS(test_backend_behind_a_detached_interface),
		KIND_TESTS(test_client_behind_another_interface),
		KIND_TESTS(test_answers_go_back_the_way),
		KIND_TESTS(test_only_the_backends_answer_returns),
		KIND_TESTS(test_backend_counts),
	};

	return cmocka_run_group_tests_name("forward", tests, world_setup, world_teardown);
}
