// SPDX-License-Identifier: GPL-2.0
/*
 * What full NAT makes of a packet, both ways: addresses, ports and MACs as they must be, checksums
 * as computed from scratch, and not one other bit changed.
 */
#include "tests/bpf/scene.h"

enum { ROUNDS = 300, PAYLOAD_MAX = 1400 };

static __u8 payload[PAYLOAD_MAX];

static void payload_fill(struct spec *spec, unsigned length, uint64_t *random)
{
	for (unsigned i = 0; i < length; i++)
		payload[i] = (__u8)random_next(random);
	spec->payload = payload;
	spec->payload_length = length;
}

static void ends_copy(struct frame *to, const struct frame *from)
{
	memcpy(to->bytes, from->bytes, 12);
	if (frame_is_v6(to)) {
		memcpy(&frame_ip6(to)->saddr, &frame_ip6(from)->saddr, 32);
	} else {
		memcpy(&frame_ip4(to)->saddr, &frame_ip4(from)->saddr, 8);
		frame_ip4(to)->check = frame_ip4(from)->check;
	}
	memcpy(frame_udp(to), frame_udp(from), 4);
	if (to->protocol == IPPROTO_TCP)
		frame_tcp(to)->check = frame_tcp(from)->check;
	else
		frame_udp(to)->check = frame_udp(from)->check;
}

static __u8 *frame_hops(struct frame *frame)
{
	return frame_is_v6(frame) ? &frame_ip6(frame)->hop_limit : &frame_ip4(frame)->ttl;
}

/* But for the ends, the checksums and one hop the frames are the same. */
static void assert_only_ends_changed(const struct frame *before, struct frame after)
{
	assert_int_equal(after.length, before->length);
	ends_copy(&after, before);
	++*frame_hops(&after);
	assert_memory_equal(after.bytes, before->bytes, before->length);
}

static struct frame forward_check(const struct scene *scene, const struct spec *spec)
{
	struct frame frame, out;
	__u8 mac[6];

	frame_build(&frame, spec);
	out = expect_frame(&frame, VERDICT_forward_tx).frame;
	assert_checksums(&out);
	assert_addr(frame_source(&out), scene_snat(scene, 0));
	assert_addr(frame_destination(&out), scene_backend(scene, 0));
	assert_in_range(frame_source_port(&out), LBX_PORT_LO_DEFAULT, LBX_PORT_HI_DEFAULT);
	assert_int_equal(frame_destination_port(&out), BACKEND_PORT);
	backend_mac(scene->backends[0], mac);
	assert_memory_equal(frame_eth(&out)->h_dest, mac, 6);
	assert_memory_equal(frame_eth(&out)->h_source, mac_ours, 6);
	assert_only_ends_changed(&frame, out);
	return out;
}

static void return_check(const struct scene *scene, const struct spec *spec, __u16 client_port)
{
	struct frame frame, out;

	frame_build(&frame, spec);
	out = expect_frame(&frame, VERDICT_forward_tx).frame;
	assert_checksums(&out);
	assert_addr(frame_source(&out), scene->vip);
	assert_addr(frame_destination(&out), scene_client(scene));
	assert_int_equal(frame_source_port(&out), VIP_PORT);
	assert_int_equal(frame_destination_port(&out), client_port);
	assert_memory_equal(frame_eth(&out)->h_dest, mac_client, 6);
	assert_memory_equal(frame_eth(&out)->h_source, mac_ours, 6);
	assert_only_ends_changed(&frame, out);
}

/* One flow: its first packet and the answer, with that much payload each. */
static void there_and_back(const struct scene *scene, __u16 port, unsigned length, unsigned options,
			   uint64_t *random)
{
	struct spec spec = from_client(scene, port, SYN);
	struct frame out;

	spec.seq = random_next(random);
	spec.tcp_options = options;
	payload_fill(&spec, length, random);
	out = forward_check(scene, &spec);
	spec = answer_to(&out, SYN | ACK);
	spec.ack = random_next(random);
	payload_fill(&spec, length, random);
	return_check(scene, &spec, port);
}

static void test_random_payloads(void **state)
{
	struct scene scene;
	uint64_t random = 1;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (int i = 0; i < ROUNDS; i++)
		there_and_back(&scene, (__u16)(1024 + i), random_next(&random) % PAYLOAD_MAX,
			       random_next(&random) % 11 * 4, &random);
}

static void test_every_small_payload(void **state)
{
	struct scene scene;
	uint64_t random = 2;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned length = 0; length < 70; length++)
		there_and_back(&scene, (__u16)(1024 + length), length, 0, &random);
}

/* All the values that carry: payloads of ones and of zeros, ports of both. */
static void test_extreme_values(void **state)
{
	const __u16 ports[] = {1, 0x00ff, 0xff00, 0x7fff, 0x8000, 0xfffe, 0xffff};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
		for (unsigned fill = 0; fill < 2; fill++) {
			struct spec spec = from_client(&scene, ports[i], SYN);
			struct frame out;

			memset(payload, fill ? 0xff : 0, sizeof(payload));
			spec.payload = payload;
			spec.payload_length = 33;
			out = forward_check(&scene, &spec);
			spec = answer_to(&out, SYN | ACK);
			spec.payload = payload;
			spec.payload_length = 33;
			return_check(&scene, &spec, ports[i]);
		}
	}
}

/* Two bytes of payload chosen so that the checksum of what comes out is computed as zero, which UDP
 * sends as 0xffff and TCP as it is. */
static void test_computed_zero(void **state)
{
	struct scene scene;
	struct spec spec;
	struct frame frame, out;
	__u16 word = 0;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	spec.payload = &word;
	spec.payload_length = sizeof(word);
	out = forward_check(&scene, &spec);
	word = frame_l4_checksum(&out);
	frame_build(&frame, &spec);
	out = expect_frame(&frame, VERDICT_forward_tx).frame;
	assert_int_equal(scene.protocol == IPPROTO_UDP ? frame_udp(&out)->check ^ 0xffff
						       : frame_tcp(&out)->check,
			 0);
	assert_checksums(&out);
}

static void test_computed_zero_on_the_way_back(void **state)
{
	struct scene scene;
	struct spec spec;
	struct frame forwarded, out;
	__u16 word = 0;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	forwarded = flow_open(&scene, CLIENT_PORT, LBX_FLOW_UDP_FRESH);
	spec = answer_to(&forwarded, 0);
	spec.payload = &word;
	spec.payload_length = sizeof(word);
	out = expect(&spec, VERDICT_forward_tx).frame;
	word = frame_l4_checksum(&out);
	out = expect(&spec, VERDICT_forward_tx).frame;
	assert_int_equal(frame_udp(&out)->check, 0xffff);
	assert_checksums(&out);
}

static void test_no_udp_checksum_stays_none(void **state)
{
	struct scene scene;
	struct spec spec;
	struct frame out;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	spec = from_client(&scene, CLIENT_PORT, 0);
	spec.no_checksum = true;
	spec.payload = "odd";
	spec.payload_length = 3;
	out = expect(&spec, VERDICT_forward_tx).frame;
	assert_int_equal(frame_udp(&out)->check, 0);
	spec = answer_to(&out, 0);
	spec.no_checksum = true;
	out = expect(&spec, VERDICT_forward_tx).frame;
	assert_int_equal(frame_udp(&out)->check, 0);
	assert_addr(frame_destination(&out), scene_client(&scene));
}

/* A damaged packet stays damaged: a checksum made anew would hide that from its receiver. */
static void test_wrong_checksums_stay_wrong(void **state)
{
	struct scene scene;
	struct spec spec;
	struct frame frame, out;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	spec.payload = "damaged";
	spec.payload_length = 7;
	frame_build(&frame, &spec);
	frame.bytes[frame.length - 1] ^= 0x10;
	if (!scene.v6)
		frame_ip4(&frame)->ttl ^= 1;
	out = expect_frame(&frame, VERDICT_forward_tx).frame;
	assert_int_not_equal(scene.protocol == IPPROTO_TCP ? frame_tcp(&out)->check
							   : frame_udp(&out)->check,
			     frame_l4_checksum(&out));
	if (!scene.v6)
		assert_int_not_equal(frame_ip4(&out)->check, frame_ip4_checksum(&out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_random_payloads),
		KIND_TESTS(test_every_small_payload),
		KIND_TESTS(test_extreme_values),
		KIND_TESTS(test_computed_zero),
		UDP_TESTS(test_computed_zero_on_the_way_back),
		UDP_TESTS(test_no_udp_checksum_stays_none),
		KIND_TESTS(test_wrong_checksums_stay_wrong),
	};

	return cmocka_run_group_tests_name("checksum", tests, world_setup, world_teardown);
}
