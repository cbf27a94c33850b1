// SPDX-License-Identifier: GPL-2.0
/*
 * Modes ipip and gue: every byte of the outer header, the packet in it untouched but for a hop, and
 * what becomes of packets that do not fit.
 */
#include "tests/bpf/scene.h"

#include <linux/bpf.h>
#include <unistd.h>

enum { MTU = 1500, GUE_BYTES = 12, QUOTE = 128 };

static __u8 payload[2000];

struct tunnel {
	struct scene scene;
	struct lbx_backend *backend;
	bool gue, outer6;
	unsigned overhead;
};

static void tunnel_make(struct tunnel *tunnel, void **state, enum lbx_forward forward, bool outer6)
{
	kind_scene(&tunnel->scene, state, forward, 1);
	tunnel->gue = forward == LBX_FORWARD_GUE;
	tunnel->outer6 = outer6;
	tunnel->overhead = (outer6 ? 40 : 20) + (tunnel->gue ? GUE_BYTES : 0);
	tunnel->backend = &world.backends[tunnel->scene.backends[0]];
	tunnel->backend->addr = outer6 ? addr6(0xb, 5) : addr4(10, 9, 8, 7);
	tunnel->backend->tunnel_source = outer6 ? addr6(0xa, 6) : addr4(10, 6, 5, 4);
	tunnel->backend->tunnel_port = htons(6080);
	tunnel->backend->mtu = MTU;
	for (unsigned i = 0; i < sizeof(payload); i++)
		payload[i] = (__u8)(i * 7 + 1);
}

/* The one's complement sum of some bytes; an odd one at the end is padded. */
static __u32 sum_bytes(const __u8 *bytes, unsigned length)
{
	__u32 sum = 0;

	for (unsigned i = 0; i < length; i++)
		sum += i & 1 ? bytes[i] : (__u32)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static unsigned short_at(const __u8 *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static void outer4_check(const struct tunnel *tunnel, const __u8 *outer, const struct frame *in)
{
	bool df = in->bytes[14 + 6] & 0x40 || frame_is_v6(in);
	__u8 class = frame_is_v6(in) ? (__u8)((in->bytes[14] << 4 | in->bytes[15] >> 4) & 0xff)
				     : in->bytes[15];

	assert_int_equal(outer[0], 0x45);
	assert_int_equal(outer[1], class);
	assert_int_equal(short_at(outer + 2), in->length - 14 + tunnel->overhead);
	if (df)
		assert_int_equal(short_at(outer + 4), 0);
	assert_int_equal(short_at(outer + 6), df ? 0x4000 : 0);
	assert_int_equal(outer[8], 64);
	assert_int_equal(outer[9], tunnel->gue ? 17 : tunnel->scene.v6 ? 41 : 4);
	assert_int_equal(sum_bytes(outer, 20), 0xffff);
	assert_memory_equal(outer + 12, &tunnel->backend->tunnel_source.words[3], 4);
	assert_memory_equal(outer + 16, &tunnel->backend->addr.words[3], 4);
}

static void outer6_check(const struct tunnel *tunnel, const __u8 *outer, const struct frame *in)
{
	unsigned class = frame_is_v6(in) ? (in->bytes[14] << 4 | in->bytes[15] >> 4) & 0xff
					 : in->bytes[15];

	assert_int_equal(short_at(outer), 0x6000 | class << 4);
	assert_int_equal(short_at(outer + 2), 0);
	assert_int_equal(short_at(outer + 4), in->length - 14 + tunnel->overhead - 40);
	assert_int_equal(outer[6], tunnel->gue ? 17 : tunnel->scene.v6 ? 41 : 4);
	assert_int_equal(outer[7], 64);
	assert_memory_equal(outer + 8, &tunnel->backend->tunnel_source, 16);
	assert_memory_equal(outer + 24, &tunnel->backend->addr, 16);
}

/* Returns the source port. */
static unsigned gue_check(const struct tunnel *tunnel, const __u8 *outer, const __u8 *gue,
			  unsigned length, bool summed)
{
	__u32 sum;

	assert_true(short_at(gue) >= 0xc000);
	assert_int_equal(short_at(gue + 2), 6080);
	assert_int_equal(short_at(gue + 4), length);
	assert_int_equal(gue[8], 0);
	assert_int_equal(gue[9], tunnel->scene.v6 ? 41 : 4);
	assert_int_equal(short_at(gue + 10), 0);
	if (!summed) {
		assert_int_equal(short_at(gue + 6), 0);
		return short_at(gue);
	}
	sum = sum_bytes(outer + 8, 32) + 17 + length + sum_bytes(gue, length);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
	return short_at(gue);
}

/* Sends it, and checks all that comes out. Returns the source port of gue. */
static unsigned wrapped_check(const struct tunnel *tunnel, const struct frame *in, bool summed)
{
	struct frame out = expect_frame(in, VERDICT_forward_tx).frame, inner = *in;
	const __u8 *outer = out.bytes + 14, *packet = outer + tunnel->overhead;
	__u8 mac[6];

	assert_int_equal(out.length, in->length + tunnel->overhead);
	backend_mac(tunnel->scene.backends[0], mac);
	assert_memory_equal(out.bytes, mac, 6);
	assert_memory_equal(out.bytes + 6, mac_ours, 6);
	assert_int_equal(short_at(out.bytes + 12), tunnel->outer6 ? ETH_P_IPV6 : ETH_P_IP);
	if (tunnel->outer6)
		outer6_check(tunnel, outer, in);
	else
		outer4_check(tunnel, outer, in);
	if (frame_is_v6(&inner)) {
		frame_ip6(&inner)->hop_limit--;
	} else {
		frame_ip4(&inner)->ttl--;
		frame_ip4(&inner)->check = frame_ip4_checksum(&inner);
	}
	assert_memory_equal(packet, inner.bytes + 14, in->length - 14);
	if (!tunnel->gue)
		return 0;
	return gue_check(tunnel, outer, packet - GUE_BYTES, in->length - 14 + GUE_BYTES,
			 tunnel->outer6 && summed);
}

static struct spec spec_of(const struct tunnel *tunnel, __u8 flags, unsigned length)
{
	struct spec spec = from_client(&tunnel->scene, CLIENT_PORT, flags);

	spec.payload = payload;
	spec.payload_length = length;
	return spec;
}

static void each_length(void **state, enum lbx_forward forward, bool outer6)
{
	struct lbx_backend_stats before, after;
	struct tunnel tunnel;
	__u64 bytes = 0;

	tunnel_make(&tunnel, state, forward, outer6);
	before = backend_stats(&tunnel.scene, 0);
	for (unsigned length = 0; length < 50; length++) {
		struct spec spec = spec_of(&tunnel, length ? ACK : SYN, length);
		struct frame frame;

		frame_build(&frame, &spec);
		wrapped_check(&tunnel, &frame, true);
		bytes += frame.length;
	}
	after = backend_stats(&tunnel.scene, 0);
	assert_int_equal(after.packets - before.packets, 50);
	assert_int_equal(after.bytes - before.bytes, bytes);
	assert_int_equal(cursor(&tunnel.scene), 1);
}

static void test_ipip_in_4(void **state)
{
	each_length(state, LBX_FORWARD_IPIP, false);
}

static void test_ipip_in_6(void **state)
{
	each_length(state, LBX_FORWARD_IPIP, true);
}

static void test_gue_in_4(void **state)
{
	each_length(state, LBX_FORWARD_GUE, false);
}

static void test_gue_in_6(void **state)
{
	each_length(state, LBX_FORWARD_GUE, true);
}

/* RFC 6040: what a router marks inside, and what it may mark outside, agree. */
static void test_class_and_df(void **state)
{
	struct tunnel tunnel;

	tunnel_make(&tunnel, state, LBX_FORWARD_IPIP, false);
	for (unsigned class = 0; class < 256; class += 5) {
		struct spec spec = spec_of(&tunnel, class ? ACK : SYN, 9);
		struct frame frame;

		frame_build(&frame, &spec);
		if (tunnel.scene.v6) {
			frame.bytes[14] = (__u8)(0x60 | class >> 4);
			frame.bytes[15] = (__u8)(class << 4);
		} else {
			frame.bytes[15] = (__u8) class;
			frame_ip4(&frame)->frag_off = htons(class & 1 ? 0x4000 : 0);
			frame_fill_checksums(&frame);
		}
		wrapped_check(&tunnel, &frame, true);
	}
}

/* The entropy of gue: one flow, one port; many flows, many ports. */
static void test_gue_ports(void **state)
{
	enum { FLOWS = 200 };
	unsigned ports[FLOWS], same = 0;
	struct tunnel tunnel;

	tunnel_make(&tunnel, state, LBX_FORWARD_GUE, false);
	for (unsigned i = 0; i < FLOWS; i++) {
		struct spec spec = spec_of(&tunnel, SYN, 3);
		struct frame frame;

		spec.source_port = (__u16)(1024 + i);
		frame_build(&frame, &spec);
		ports[i] = wrapped_check(&tunnel, &frame, true);
		assert_int_equal(wrapped_check(&tunnel, &frame, true), ports[i]);
		for (unsigned j = 0; j < i; j++)
			same += ports[j] == ports[i];
	}
	assert_true(same < FLOWS / 10);
}

/* Nothing is known of what it sums to. */
static void test_gue_without_inner_checksum(void **state)
{
	struct tunnel tunnel;
	struct spec spec;
	struct frame frame;

	tunnel_make(&tunnel, state, LBX_FORWARD_GUE, true);
	spec = spec_of(&tunnel, 0, 20);
	spec.no_checksum = true;
	frame_build(&frame, &spec);
	wrapped_check(&tunnel, &frame, false);
}

static void tags_insert(struct frame *frame, unsigned tags)
{
	static const __u8 both[8] = {0x88, 0xa8, 0x20, 0x07, 0x81, 0x00, 0x61, 0x23};

	memmove(frame->bytes + 12 + 4 * tags, frame->bytes + 12, frame->length - 12);
	memcpy(frame->bytes + 12, tags == 2 ? both : both + 4, 4 * tags);
	frame->length += 4 * tags;
}

static void test_tags_stay_in_front(void **state)
{
	struct tunnel tunnel;

	tunnel_make(&tunnel, state, LBX_FORWARD_GUE, false);
	for (unsigned tags = 1; tags <= 2; tags++) {
		struct spec spec = spec_of(&tunnel, SYN, 9);
		struct frame plain, tagged, out;

		frame_build(&plain, &spec);
		tagged = plain;
		tags_insert(&tagged, tags);
		out = expect_frame(&tagged, VERDICT_forward_tx).frame;
		assert_memory_equal(out.bytes + 12, tagged.bytes + 12, 4 * tags);
		plain = expect_frame(&plain, VERDICT_forward_tx).frame;
		assert_int_equal(out.length, plain.length + 4 * tags);
		/* but for the id and the checksum of the outer header */
		assert_memory_equal(out.bytes + 12 + 4 * tags, plain.bytes + 12, 6);
		assert_memory_equal(out.bytes + 26 + 4 * tags, plain.bytes + 26, plain.length - 26);
	}
}

static void test_other_interface(void **state)
{
	struct tunnel tunnel;
	struct spec spec;
	struct frame out;

	tunnel_make(&tunnel, state, LBX_FORWARD_IPIP, true);
	backend_behind_other(&tunnel.scene, 0);
	spec = spec_of(&tunnel, SYN, 9);
	out = expect(&spec, VERDICT_forward_redirect).frame;
	assert_memory_equal(frame_eth(&out)->h_source, mac_other, 6);
}

/* Who sent it: from the VIP, with the largest size that fits, and the packet's front quoted. */
static void too_big_check(const struct tunnel *tunnel, const struct frame *in,
			  const struct frame *out, unsigned mtu)
{
	bool v6 = tunnel->scene.v6;
	unsigned header = v6 ? 40 : 20;
	const __u8 *ip = out->bytes + 14, *icmp = ip + header;
	__u32 sum = sum_bytes(icmp, 8 + QUOTE);

	assert_int_equal(out->length, 14 + header + 8 + QUOTE);
	assert_memory_equal(out->bytes, in->bytes + 6, 6);
	assert_memory_equal(out->bytes + 6, in->bytes, 6);
	assert_addr(frame_source(out), tunnel->scene.vip);
	assert_addr(frame_destination(out), scene_client(&tunnel->scene));
	if (v6) {
		assert_int_equal(ip[6], 58);
		assert_int_equal(short_at(ip + 4), 8 + QUOTE);
		sum += sum_bytes(ip + 8, 32) + 58 + 8 + QUOTE;
		assert_int_equal(short_at(icmp), 2 << 8);
	} else {
		assert_int_equal(sum_bytes(ip, 20), 0xffff);
		assert_int_equal(ip[9], 1);
		assert_int_equal(short_at(ip + 2), 20 + 8 + QUOTE);
		assert_int_equal(short_at(icmp), 3 << 8 | 4);
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum, 0xffff);
	assert_int_equal(short_at(icmp + 4), 0);
	assert_int_equal(short_at(icmp + 6), mtu);
	assert_memory_equal(icmp + 8, in->bytes + 14, QUOTE);
}

static void too_big(void **state, enum lbx_forward forward, bool outer6)
{
	struct tunnel tunnel;
	struct frame frame, out;
	struct spec spec;
	unsigned headers, fits;

	tunnel_make(&tunnel, state, forward, outer6);
	spec = spec_of(&tunnel, SYN, 0);
	frame_build(&frame, &spec);
	wrapped_check(&tunnel, &frame, true);
	headers = frame.length - 14;
	fits = MTU - tunnel.overhead - headers;
	spec = spec_of(&tunnel, ACK, fits);
	frame_build(&frame, &spec);
	wrapped_check(&tunnel, &frame, true);
	spec.payload_length++;
	frame_build(&frame, &spec);
	out = expect_frame(&frame, VERDICT_reply_too_big).frame;
	too_big_check(&tunnel, &frame, &out, MTU - tunnel.overhead);
	assert_int_equal(cursor(&tunnel.scene), 1);
}

static void test_too_big_ipip_in_4(void **state)
{
	too_big(state, LBX_FORWARD_IPIP, false);
}

static void test_too_big_ipip_in_6(void **state)
{
	too_big(state, LBX_FORWARD_IPIP, true);
}

static void test_too_big_gue_in_4(void **state)
{
	too_big(state, LBX_FORWARD_GUE, false);
}

static void test_too_big_gue_in_6(void **state)
{
	too_big(state, LBX_FORWARD_GUE, true);
}

static void test_too_big_with_tags(void **state)
{
	struct tunnel tunnel;
	struct frame plain, tagged;
	struct spec spec;

	tunnel_make(&tunnel, state, LBX_FORWARD_IPIP, false);
	spec = spec_of(&tunnel, SYN, MTU);
	frame_build(&plain, &spec);
	tagged = plain;
	tags_insert(&tagged, 2);
	plain = expect_frame(&plain, VERDICT_reply_too_big).frame;
	tagged = expect_frame(&tagged, VERDICT_reply_too_big).frame;
	tags_insert(&plain, 2);
	assert_int_equal(tagged.length, plain.length);
	assert_memory_equal(tagged.bytes, plain.bytes, plain.length);
}

/* A tick's replies are counted; in the next one there are new ones. */
static void test_replies_are_limited(void **state)
{
	enum { LIMIT = 1000 };
	struct tunnel tunnel;
	struct frame frame, out;
	struct spec spec;
	unsigned replies = 0;
	__u16 began;

	tunnel_make(&tunnel, state, LBX_FORWARD_IPIP, false);
	spec = spec_of(&tunnel, SYN, MTU);
	frame_build(&frame, &spec);
	tick_settle();
	began = tick_now();
	for (int i = 0; i < 4 * LIMIT && tick_now() == began; i++)
		replies += run_raw(&frame, 0, &out) == XDP_TX;
	verdicts_sync();
	/* CPUs have a budget each, and a test may be moved; nobody gets more. */
	assert_in_range(replies, LIMIT / 2, 2 * LIMIT);
	while (tick_now() == began) /* or the next test finds none left */
		usleep(10000);
}

/* Below 1280 no IPv6 sender goes: to tell it would not help. */
static void test_no_reply_below_1280(void **state)
{
	struct tunnel tunnel;
	struct spec spec;

	tunnel_make(&tunnel, state, LBX_FORWARD_IPIP, true);
	tunnel.backend->mtu = 1280 + 40 - 1;
	spec = spec_of(&tunnel, SYN, 1300);
	expect(&spec, VERDICT_drop_too_big);
	tunnel.backend->mtu = 1280 + 40;
	expect(&spec, VERDICT_reply_too_big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_ipip_in_4),
		KIND_TESTS(test_ipip_in_6),
		KIND_TESTS(test_gue_in_4),
		KIND_TESTS(test_gue_in_6),
		KIND_TESTS(test_class_and_df),
		KIND_TESTS(test_gue_ports),
		KIND_TEST(test_gue_without_inner_checksum, udp4, 2),
		KIND_TESTS(test_tags_stay_in_front),
		KIND_TESTS(test_other_interface),
		KIND_TESTS(test_too_big_ipip_in_4),
		KIND_TESTS(test_too_big_ipip_in_6),
		KIND_TESTS(test_too_big_gue_in_4),
		KIND_TESTS(test_too_big_gue_in_6),
		KIND_TESTS(test_too_big_with_tags),
		KIND_TEST(test_replies_are_limited, tcp4, 0),
		KIND_TEST(test_no_reply_below_1280, tcp6, 1),
	};

	return cmocka_run_group_tests_name("tunnel", tests, world_setup, world_teardown);
}
