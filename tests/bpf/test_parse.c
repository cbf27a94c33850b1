// SPDX-License-Identifier: GPL-2.0
/*
 * The edges of headers. What is not certainly for a service PASSes unchanged (run_frame() compares)
 * and is never ABORTED (run_frame() knows the action of each verdict); what is, is forwarded.
 */
#include "tests/bpf/scene.h"

enum { FUZZ_FRAMES = 20000 };

static const __u8 payload[] = "lbxdp's data";

/* A packet that opens a flow, of a service with one backend. */
static struct frame opening_frame(void **state, struct scene *scene)
{
	struct frame frame;
	struct spec spec;

	kind_scene(scene, state, LBX_FORWARD_FULLNAT, 1);
	spec = from_client(scene, CLIENT_PORT, SYN);
	spec.payload = payload;
	spec.payload_length = sizeof(payload);
	frame_build(&frame, &spec);
	return frame;
}

static void ip_length_set(struct frame *frame, unsigned length)
{
	if (frame_is_v6(frame))
		frame_ip6(frame)->payload_len = htons((__u16)(length - sizeof(struct ipv6hdr)));
	else
		frame_ip4(frame)->tot_len = htons((__u16)length);
}

static void test_cut_frames_pass(void **state)
{
	struct scene scene;
	struct frame frame = opening_frame(state, &scene);
	unsigned whole = frame.length;

	for (frame.length = ETH_HLEN; frame.length < whole; frame.length++)
		expect_frame(&frame, VERDICT_pass_short);
	assert_int_equal(cursor(&scene), 0);
	expect_frame(&frame, VERDICT_forward_tx);
}

/* Cut, but the IP header says so: all right as soon as the transport header is whole. */
static void test_short_packets_pass(void **state)
{
	struct scene scene;
	struct frame frame = opening_frame(state, &scene);
	unsigned whole = frame.length;
	unsigned header = scene.protocol == IPPROTO_TCP ? sizeof(struct tcphdr)
							: sizeof(struct udphdr);

	for (unsigned length = frame.l4; length <= whole; length++) {
		frame.length = length;
		ip_length_set(&frame, length - ETH_HLEN);
		/* the length in a UDP header says how much was cut */
		expect_frame(&frame, length < frame.l4 + header ? VERDICT_pass_short
				     : length < whole && scene.protocol == IPPROTO_UDP
					     ? VERDICT_drop_bad_length
					     : VERDICT_forward_tx);
	}
}

/* A switch pads short frames; what follows the packet is not part of it. */
static void test_padding_is_carried(void **state)
{
	struct scene scene;
	struct frame frame = opening_frame(state, &scene), out;

	frame.length += 6;
	out = expect_frame(&frame, VERDICT_forward_tx).frame;
	assert_int_equal(out.length, frame.length);
	assert_checksums(&out);
}

static void test_ip_length_beyond_the_frame_passes(void **state)
{
	struct scene scene;
	struct frame frame = opening_frame(state, &scene);

	for (unsigned excess = 1; excess < 0xffff - FRAME_MAX; excess = excess * 3 + 1) {
		ip_length_set(&frame, frame.length - ETH_HLEN + excess);
		expect_frame(&frame, VERDICT_pass_short);
	}
}

static void test_ipv4_options(void **state)
{
	const struct kind *kind = *state;

	for (unsigned options = 0; options <= 40; options += 4) {
		struct scene scene;
		struct spec spec;
		struct frame out;

		scene_make(&scene, false, kind->protocol, LBX_FORWARD_FULLNAT, 1);
		spec = from_client(&scene, CLIENT_PORT, SYN);
		spec.ip_options = options;
		out = expect(&spec, VERDICT_forward_tx).frame;
		assert_int_equal(frame_ip4(&out)->ihl, 5 + options / 4);
		assert_int_equal(frame_destination_port(&out), BACKEND_PORT);
		assert_checksums(&out);
		spec = answer_to(&out, SYN | ACK);
		spec.ip_options = options;
		out = expect(&spec, VERDICT_forward_tx).frame;
		assert_addr(frame_destination(&out), scene_client(&scene));
		assert_checksums(&out);
	}
}

static void test_ipv4_header_too_short_passes(void **state)
{
	struct scene scene;
	struct frame frame = opening_frame(state, &scene);

	for (unsigned ihl = 0; ihl < 5; ihl++) {
		frame_ip4(&frame)->ihl = ihl & 0xf;
		expect_frame(&frame, VERDICT_pass_malformed);
	}
}

/* The header claims to go on where the frame ends. */
static void test_ipv4_options_beyond_the_frame_pass(void **state)
{
	struct scene scene;
	struct frame frame = opening_frame(state, &scene);

	frame.length = frame.l4;
	ip_length_set(&frame, frame.length - ETH_HLEN);
	for (unsigned ihl = 5; ihl <= 15; ihl++) {
		frame_ip4(&frame)->ihl = ihl & 0xf;
		expect_frame(&frame, VERDICT_pass_short);
	}
}

static void test_wrong_version_passes(void **state)
{
	struct scene scene;
	struct frame frame = opening_frame(state, &scene);
	unsigned right = scene.v6 ? 6 : 4;

	for (unsigned version = 0; version < 16; version++) {
		frame.bytes[ETH_HLEN] = (__u8)(version << 4 | (frame.bytes[ETH_HLEN] & 0xf));
		expect_frame(&frame,
			     version == right ? VERDICT_forward_tx : VERDICT_pass_malformed);
	}
}

static void test_ipv4_fragments_pass(void **state)
{
	const __u16 fragments[] = {0x2000, 0x0001, 0x2001, 0x1fff, 0x3fff, 0x6000, 0x4001};
	const __u16 wholes[] = {0, 0x4000, 0x8000, 0xc000};
	struct scene scene;
	struct frame frame = opening_frame(state, &scene);

	for (unsigned i = 0; i < ARRAY_SIZE(fragments); i++) {
		frame_ip4(&frame)->frag_off = htons(fragments[i]);
		expect_frame(&frame, VERDICT_pass_fragment);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(wholes); i++) {
		frame_ip4(&frame)->frag_off = htons(wholes[i]);
		expect_frame(&frame, VERDICT_forward_tx);
	}
}

/* Tags of before the standard, and of provider backbones. */
static void test_other_tags_pass(void **state)
{
	const __u16 tags[] = {0x9100, 0x9200, 0x88e7};
	struct scene scene;
	struct frame frame = opening_frame(state, &scene), tagged = frame;

	tagged.length += 4;
	memcpy(tagged.bytes + 16, frame.bytes + 12, frame.length - 12);
	for (unsigned i = 0; i < ARRAY_SIZE(tags); i++) {
		frame_eth(&tagged)->h_proto = htons(tags[i]);
		expect_frame(&tagged, VERDICT_pass_not_ip);
	}
}

/* ARP, MPLS, PPPoE, LLDP, length fields of 802.3 and all the others. */
static void test_other_ethertypes_pass(void **state)
{
	struct scene scene;
	struct frame frame = opening_frame(state, &scene);

	for (unsigned type = 0; type < 0x10000; type += 13) {
		if (type == ETH_P_IP || type == ETH_P_IPV6)
			continue;
		frame_eth(&frame)->h_proto = htons((__u16)type);
		expect_frame(&frame, VERDICT_pass_not_ip);
	}
}

static bool is_extension(unsigned next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT;
}

/* ICMP, ND, IGMP, tunnels, ESP, OSPF, VRRP, SCTP and all the others. */
static void test_other_protocols_pass(void **state)
{
	struct scene scene;
	struct frame frame = opening_frame(state, &scene);

	for (unsigned protocol = 0; protocol < 256; protocol++) {
		if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP)
			continue;
		if (scene.v6 && is_extension(protocol))
			continue;
		if (scene.v6)
			frame_ip6(&frame)->nexthdr = (__u8)protocol;
		else
			frame_ip4(&frame)->protocol = (__u8)protocol;
		expect_frame(&frame, VERDICT_pass_protocol);
	}
}

static void test_other_ports_pass(void **state)
{
	struct scene scene;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	for (unsigned port = 0; port < 0x10000; port += 7) {
		spec.destination_port = (__u16)port;
		if (port != VIP_PORT)
			expect(&spec, VERDICT_pass_no_service);
	}
	spec.destination_port = VIP_PORT;
	spec.protocol = spec.protocol == IPPROTO_TCP ? IPPROTO_UDP : IPPROTO_TCP;
	expect(&spec, VERDICT_pass_no_service);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	spec.destination.bytes[15] ^= 1;
	expect(&spec, VERDICT_pass_no_service);
	/* a translation address is nobody's service */
	spec.destination = scene_snat(&scene, 0);
	expect(&spec, VERDICT_pass_no_service);
	spec.destination_port = LBX_PORT_LO_DEFAULT;
	expect(&spec, VERDICT_pass_no_service);
}

static void test_tcp_header_length(void **state)
{
	struct scene scene;
	struct frame frame = opening_frame(state, &scene);

	for (unsigned doff = 0; doff < 16; doff++) {
		frame_tcp(&frame)->doff = doff & 0xf;
		unsigned left = frame.length - frame.l4;

		expect_frame(&frame, doff < 5	       ? VERDICT_pass_malformed
				     : doff * 4 > left ? VERDICT_drop_bad_length
						       : VERDICT_forward_tx);
	}
}

/* Exactly one of SYN and RST, or an ACK with neither; a FIN only in the latter (RFC 9293). */
static bool flags_are_possible(unsigned flags)
{
	unsigned opens = !!(flags & SYN) + !!(flags & RST);

	return opens ? opens == 1 && !(flags & FIN) : (flags & ACK) != 0;
}

/* Only a SYN alone opens a flow: all 256 combinations of flags. */
static void test_only_syn_opens(void **state)
{
	struct scene scene;
	struct frame frame = opening_frame(state, &scene);
	__u64 opened = 0;

	for (unsigned flags = 0; flags < 256; flags++) {
		bool opens = (flags & (SYN | ACK | RST | FIN)) == SYN;

		frame_tcp(&frame)->source = htons((__u16)(1024 + flags));
		frame.bytes[frame.l4 + 13] = (__u8)flags;
		expect_frame(&frame, opens			 ? VERDICT_forward_tx
				     : flags_are_possible(flags) ? VERDICT_pass_no_flow
								 : VERDICT_drop_bad_flags);
		assert_int_equal(cursor(&scene), opened += opens);
	}
}

/* Random bytes over good packets: whatever comes out, it is one of the verdicts. */
static void test_random_damage(void **state)
{
	struct scene scene;
	const struct frame frame = opening_frame(state, &scene);
	uint64_t random = 42;

	for (int i = 0; i < FUZZ_FRAMES; i++) {
		struct frame damaged = frame;
		unsigned bytes = 1 + random_next(&random) % 4;

		while (bytes--)
			damaged.bytes[12 + random_next(&random) % (frame.l4 + 20 - 12)] =
				(__u8)random_next(&random);
		if (random_next(&random) % 4 == 0)
			damaged.length = ETH_HLEN + random_next(&random) % (frame.length - 13);
		run_frame(&damaged);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_cut_frames_pass),
		KIND_TESTS(test_short_packets_pass),
		KIND_TESTS(test_padding_is_carried),
		KIND_TESTS(test_ip_length_beyond_the_frame_passes),
		KIND_TEST(test_ipv4_options, tcp4, 0),
		KIND_TEST(test_ipv4_options, udp4, 2),
		KIND_TEST(test_ipv4_header_too_short_passes, tcp4, 0),
		KIND_TEST(test_ipv4_header_too_short_passes, udp4, 2),
		KIND_TEST(test_ipv4_options_beyond_the_frame_pass, tcp4, 0),
		KIND_TEST(test_ipv4_options_beyond_the_frame_pass, udp4, 2),
		KIND_TESTS(test_wrong_version_passes),
		KIND_TEST(test_ipv4_fragments_pass, tcp4, 0),
		KIND_TEST(test_ipv4_fragments_pass, udp4, 2),
		KIND_TEST(test_other_tags_pass, tcp4, 0),
		KIND_TEST(test_other_tags_pass, udp6, 3),
		KIND_TEST(test_other_ethertypes_pass, tcp4, 0),
		KIND_TEST(test_other_protocols_pass, tcp4, 0),
		KIND_TEST(test_other_protocols_pass, tcp6, 1),
		KIND_TESTS(test_other_ports_pass),
		TCP_TESTS(test_tcp_header_length),
		TCP_TESTS(test_only_syn_opens),
		KIND_TESTS(test_random_damage),
	};

	return cmocka_run_group_tests_name("parse", tests, world_setup, world_teardown);
}
