// SPDX-License-Identifier: GPL-2.0
/* The resets that we answer with: valid segments by RFC 9293, 3.10.7.1, made from scratch here and
 * compared whole. */
#include "tests/bpf/scene.h"

static const __u8 payload[100] = "request";

/* Nobody is there, and the service says so. */
static void closed_scene(struct scene *scene, void **state)
{
	kind_scene(scene, state, LBX_FORWARD_FULLNAT, 0);
	scene->closed = 1;
	scene_put(scene);
}

/* A flow whose backend has gone down. */
static void down_scene(struct scene *scene, void **state)
{
	kind_scene(scene, state, LBX_FORWARD_FULLNAT, 1);
	flow_open(scene, CLIENT_PORT, LBX_FLOW_ASSURED);
	backend_flags(scene, 0, LBX_BACKEND_USED | LBX_BACKEND_RESET);
}

/* The reset that answers the packet. */
static void reset_build(struct frame *reset, const struct spec *packet)
{
	__u32 length = packet->payload_length + !!(packet->flags & SYN) + !!(packet->flags & FIN);
	struct spec spec = {
		.v6 = packet->v6,
		.protocol = IPPROTO_TCP,
		.source = packet->destination,
		.destination = packet->source,
		.source_port = packet->destination_port,
		.destination_port = packet->source_port,
		.flags = packet->flags & ACK ? RST : RST | ACK,
		.seq = packet->flags & ACK ? packet->ack : 0,
		.ack = packet->flags & ACK ? 0 : packet->seq + length,
	};

	memcpy(spec.mac_destination, packet->mac_source, ETH_ALEN);
	memcpy(spec.mac_source, packet->mac_destination, ETH_ALEN);
	frame_build(reset, &spec);
	if (packet->v6)
		frame_ip6(reset)->hop_limit = 64;
	else
		frame_ip4(reset)->ttl = 64;
	frame_tcp(reset)->window = 0;
	frame_fill_checksums(reset);
}

static void expect_reset(const struct spec *packet, enum verdict verdict)
{
	struct frame wanted, out = expect(packet, verdict).frame;

	reset_build(&wanted, packet);
	assert_int_equal(out.length, packet->v6 ? 74 : 54);
	assert_memory_equal(out.bytes, wanted.bytes, wanted.length);
}

static void test_closed_answers_syn(void **state)
{
	const __u32 numbers[] = {0, 1, 0x7fffffff, 0xfffffffe, 0xffffffff};
	struct scene scene;
	struct spec syn;

	closed_scene(&scene, state);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		syn.seq = numbers[i];
		expect_reset(&syn, VERDICT_reply_reset_closed);
	}
	assert_int_equal(slots_used(&scene), 0);
	assert_int_equal(cursor(&scene), 0);
}

/* TCP options, and the data of a fast open: odd and even, it counts for the number acknowledged. */
static void test_closed_counts_data(void **state)
{
	struct scene scene;
	struct spec syn;

	closed_scene(&scene, state);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	syn.payload = payload;
	for (unsigned length = 0; length < sizeof(payload); length++) {
		syn.payload_length = length;
		syn.tcp_options = length % 11 * 4;
		expect_reset(&syn, VERDICT_reply_reset_closed);
	}
}

/* What the frame is padded with is no data. */
static void test_padding_does_not_count(void **state)
{
	struct scene scene;
	struct frame frame, wanted, out;
	struct spec syn;

	closed_scene(&scene, state);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	frame_build(&frame, &syn);
	frame.length += 6;
	out = expect_frame(&frame, VERDICT_reply_reset_closed).frame;
	reset_build(&wanted, &syn);
	assert_int_equal(out.length, wanted.length);
	assert_memory_equal(out.bytes, wanted.bytes, wanted.length);
}

static void test_down_answers(void **state)
{
	const __u8 flags[] = {ACK, PSH | ACK, FIN | ACK, SYN | ACK};
	struct scene scene;
	struct spec packet;

	down_scene(&scene, state);
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
		for (unsigned length = 0; length < 5; length++) {
			packet = from_client(&scene, CLIENT_PORT, flags[i]);
			packet.payload = payload;
			packet.payload_length = length;
			packet.seq = 0xfffffffd;
			packet.ack = flags[i] & ACK ? 0xdeadbeef : 0;
			expect_reset(&packet, VERDICT_reply_reset_down);
		}
	}
}

static void test_reset_is_never_answered(void **state)
{
	struct scene scene;
	struct spec packet;

	down_scene(&scene, state);
	packet = from_client(&scene, CLIENT_PORT, RST);
	expect(&packet, VERDICT_drop_backend_gone);
	packet = from_client(&scene, CLIENT_PORT, RST | ACK);
	expect(&packet, VERDICT_drop_backend_gone);
}

/* It would take a new header. */
static void test_no_reset_for_ip_options(void **state)
{
	struct scene scene;
	struct spec syn;

	closed_scene(&scene, state);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	syn.ip_options = 4;
	expect(&syn, VERDICT_drop_no_backend);
}

/* The IP header says that the packet ends before its TCP header does: no numbers to answer with. */
static void test_no_reset_for_half_a_header(void **state)
{
	struct scene scene;
	struct frame frame;
	struct spec syn;

	closed_scene(&scene, state);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	syn.tcp_options = 8;
	frame_build(&frame, &syn);
	for (unsigned cut = 1; cut <= 28; cut++) {
		if (scene.v6)
			frame_ip6(&frame)->payload_len = htons((__u16)(28 - cut));
		else
			frame_ip4(&frame)->tot_len = htons((__u16)(48 - cut));
		expect_frame(&frame, VERDICT_drop_bad_length);
	}
}

/* As for any new flow: a flooded frame for another station is not answered. */
static void test_no_reset_for_others(void **state)
{
	struct scene scene;
	struct spec syn;

	closed_scene(&scene, state);
	syn = from_client(&scene, CLIENT_PORT, SYN);
	syn.mac_destination[5] ^= 0x80;
	expect(&syn, VERDICT_pass_not_for_us);
}

static void test_udp_is_dropped(void **state)
{
	struct scene scene;
	struct spec packet;

	closed_scene(&scene, state);
	packet = from_client(&scene, CLIENT_PORT, 0);
	expect(&packet, VERDICT_drop_no_backend);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TCP_TESTS(test_closed_answers_syn),
		TCP_TESTS(test_closed_counts_data),
		TCP_TESTS(test_padding_does_not_count),
		TCP_TESTS(test_down_answers),
		TCP_TESTS(test_reset_is_never_answered),
		KIND_TEST(test_no_reset_for_ip_options, tcp4, 0),
		TCP_TESTS(test_no_reset_for_half_a_header),
		TCP_TESTS(test_no_reset_for_others),
		UDP_TESTS(test_udp_is_dropped),
	};

	return cmocka_run_group_tests_name("reset", tests, world_setup, world_teardown);
}
