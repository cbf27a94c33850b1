// SPDX-License-Identifier: GPL-2.0
/* Pings: answered for VIPs whose services want it, and for nobody else. */
#include "tests/bpf/scene.h"

enum { ECHO_BYTES = 56 };

/* An echo request to the VIP; the ICMP header begins at frame.l4. */
static struct frame ping_of(const struct scene *scene)
{
	struct spec spec = from_client(scene, 1, 0);
	struct frame frame;
	__u8 *icmp;

	spec.protocol = IPPROTO_UDP; /* so many bytes, and the IP header is right */
	spec.payload = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST";
	spec.payload_length = ECHO_BYTES;
	frame_build(&frame, &spec);
	frame.protocol = scene->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	if (scene->v6)
		frame_ip6(&frame)->nexthdr = IPPROTO_ICMPV6;
	else
		frame_ip4(&frame)->protocol = IPPROTO_ICMP;
	icmp = frame.bytes + frame.l4;
	memcpy(icmp, (__u8[]){scene->v6 ? 128 : 8, 0, 0, 0, 0x12, 0x34, 0, 7}, 8);
	return frame;
}

static void sums_fill(struct frame *frame)
{
	unsigned length = frame->length - frame->l4;
	__u8 *icmp = frame->bytes + frame->l4;
	__u32 sum = 0;

	icmp[2] = icmp[3] = 0;
	for (unsigned i = 0; i < length; i++)
		sum += i & 1 ? icmp[i] : (__u32)icmp[i] << 8;
	for (unsigned i = 0; frame_is_v6(frame) && i < 32; i += 2)
		sum += (__u32)frame->bytes[22 + i] << 8 | frame->bytes[23 + i];
	sum += frame_is_v6(frame) ? 58 + length : 0;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	icmp[2] = (__u8)(~sum >> 8);
	icmp[3] = (__u8)~sum;
	if (!frame_is_v6(frame))
		frame_ip4(frame)->check = frame_ip4_checksum(frame);
}

static struct frame pong_of(const struct frame *ping)
{
	struct frame pong = *ping;
	bool v6 = frame_is_v6(ping);
	struct lbx_addr source = frame_source(ping), destination = frame_destination(ping);

	memcpy(frame_eth(&pong)->h_dest, frame_eth(ping)->h_source, 6);
	memcpy(frame_eth(&pong)->h_source, frame_eth(ping)->h_dest, 6);
	if (v6) {
		memcpy(&frame_ip6(&pong)->saddr, &destination, 16);
		memcpy(&frame_ip6(&pong)->daddr, &source, 16);
		frame_ip6(&pong)->hop_limit = 64;
	} else {
		frame_ip4(&pong)->saddr = destination.words[3];
		frame_ip4(&pong)->daddr = source.words[3];
		frame_ip4(&pong)->ttl = 64;
	}
	pong.bytes[pong.l4] = v6 ? 129 : 0;
	sums_fill(&pong);
	return pong;
}

static void test_answered(void **state)
{
	struct scene scene;
	struct frame ping, out, pong;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	scene_address(&scene, LBX_ADDRESS_VIP | LBX_ADDRESS_PING);
	for (unsigned sequence = 0; sequence < 300; sequence++) {
		ping = ping_of(&scene);
		ping.bytes[ping.l4 + 6] = (__u8)(sequence * 101 >> 8);
		ping.bytes[ping.l4 + 7] = (__u8)(sequence * 101);
		sums_fill(&ping);
		out = expect_frame(&ping, VERDICT_reply_ping).frame;
		pong = pong_of(&ping);
		assert_int_equal(out.length, pong.length);
		assert_memory_equal(out.bytes, pong.bytes, pong.length);
	}
}

static void test_left_alone(void **state)
{
	struct scene scene;
	struct frame ping;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	ping = ping_of(&scene);
	sums_fill(&ping);
	expect_frame(&ping, VERDICT_pass_protocol); /* no address entry at all */
	scene_address(&scene, LBX_ADDRESS_VIP);
	expect_frame(&ping, VERDICT_pass_protocol);
	scene_address(&scene, LBX_ADDRESS_VIP | LBX_ADDRESS_PING);
	ping.bytes[ping.l4] ^= 1; /* a reply, or something else */
	expect_frame(&ping, VERDICT_pass_protocol);
	ping.bytes[ping.l4] ^= 1;
	ping.bytes[ping.l4 + 1] = 1; /* no code is known */
	expect_frame(&ping, VERDICT_pass_protocol);
	ping.bytes[ping.l4 + 1] = 0;
	frame_eth(&ping)->h_dest[5] ^= 1; /* for another station */
	expect_frame(&ping, VERDICT_pass_not_for_us);
}

/* Never to a group. */
static void test_from_a_group(void **state)
{
	struct scene scene;
	struct frame ping;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	scene_address(&scene, LBX_ADDRESS_VIP | LBX_ADDRESS_PING);
	ping = ping_of(&scene);
	if (scene.v6)
		frame_ip6(&ping)->saddr.s6_addr[0] = 0xff;
	else
		frame_ip4(&ping)->saddr = htonl(0xe0000001);
	sums_fill(&ping);
	expect_frame(&ping, VERDICT_pass_not_for_us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UDP_TESTS(test_answered),
		UDP_TESTS(test_left_alone),
		UDP_TESTS(test_from_a_group),
	};

	return cmocka_run_group_tests_name("ping", tests, world_setup, world_teardown);
}
