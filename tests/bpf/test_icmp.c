// SPDX-License-Identifier: GPL-2.0
/*
 * ICMP errors: each reaches the end of the flow that it quotes, and that end finds itself in it.
 * The checksums are computed from scratch; who sends errors that quote nothing of ours, or changes
 * a flow by one, is disappointed.
 */
#include "tests/bpf/scene.h"

enum { ICMP_BYTES = 8, MTU = 1280, FRAME_L4_MIN = 8 };

static const __u8 router_mac[6] = {2, 0, 0, 0, 0, 0xee};
static __u8 payload[64];

static unsigned header_of(bool v6)
{
	return v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

static struct lbx_addr router_addr(bool v6)
{
	return v6 ? addr6(0xe, 1) : addr4(192, 0, 2, 1);
}

static __u32 sum_of(const __u8 *bytes, unsigned length, __u32 sum)
{
	for (unsigned i = 0; i < length; i++)
		sum += i & 1 ? bytes[i] : (__u32)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of the whole ICMP message; with its own checksum in it, 0xffff is right. */
static __u32 icmp_sum(const struct frame *frame)
{
	unsigned header = header_of(frame_is_v6(frame)), offset = ETH_HLEN + header;
	unsigned length = frame->length - offset;
	__u32 pseudo = 0;

	if (frame_is_v6(frame))
		pseudo = sum_of(frame->bytes + ETH_HLEN + 8, 32, 58 + length);
	return sum_of(frame->bytes + offset, length, pseudo);
}

static void ends_write(struct frame *frame, struct lbx_addr source, struct lbx_addr destination)
{
	if (frame_is_v6(frame)) {
		memcpy(&frame_ip6(frame)->saddr, &source, 16);
		memcpy(&frame_ip6(frame)->daddr, &destination, 16);
	} else {
		frame_ip4(frame)->saddr = source.words[3];
		frame_ip4(frame)->daddr = destination.words[3];
	}
}

/* A router's error about a frame that was on its way, with so many bytes of its transport. */
static struct frame error_about(const struct frame *quoted, unsigned l4_bytes)
{
	bool v6 = frame_is_v6(quoted);
	unsigned header = header_of(v6), quote = quoted->l4 - ETH_HLEN + l4_bytes;
	struct frame error = *quoted;
	__u8 *icmp = error.bytes + ETH_HLEN + header;
	__u16 sum;

	memcpy(frame_eth(&error)->h_dest, mac_ours, 6);
	memcpy(frame_eth(&error)->h_source, router_mac, 6);
	ends_write(&error, router_addr(v6), frame_source(quoted));
	if (v6) {
		frame_ip6(&error)->nexthdr = IPPROTO_ICMPV6;
		frame_ip6(&error)->payload_len = htons((__u16)(ICMP_BYTES + quote));
		frame_ip6(&error)->hop_limit = 40;
	} else {
		frame_ip4(&error)->ihl = 5;
		frame_ip4(&error)->protocol = IPPROTO_ICMP;
		frame_ip4(&error)->tot_len = htons((__u16)(header + ICMP_BYTES + quote));
		frame_ip4(&error)->ttl = 40;
		frame_ip4(&error)->check = frame_ip4_checksum(&error);
	}
	memset(icmp, 0, ICMP_BYTES);
	icmp[0] = v6 ? 2 : 3;
	icmp[1] = v6 ? 0 : 4;
	icmp[6] = MTU >> 8;
	memcpy(icmp + ICMP_BYTES, quoted->bytes + ETH_HLEN, quote);
	error.length = ETH_HLEN + header + ICMP_BYTES + quote;
	sum = (__u16)~icmp_sum(&error);
	icmp[2] = sum >> 8;
	icmp[3] = sum & 0xff;
	return error;
}

/* The frame that the error quotes, cut off as it is, to be read as any. */
static struct frame quote_of(const struct frame *error, __u8 protocol, unsigned l4)
{
	unsigned offset = ETH_HLEN + header_of(frame_is_v6(error)) + ICMP_BYTES;
	struct frame quote = {.l4 = l4, .protocol = protocol};

	quote.length = ETH_HLEN + error->length - offset;
	memcpy(quote.bytes, error->bytes, ETH_HLEN);
	memcpy(quote.bytes + ETH_HLEN, error->bytes + offset, error->length - offset);
	return quote;
}

/* What a whole flow looks like: what was sent to the backend and what came back to the client. */
struct flow {
	struct scene scene;
	struct frame to_backend, to_client;
};

static void flow_make(struct flow *flow, void **state, enum lbx_forward forward)
{
	struct spec spec;

	kind_scene(&flow->scene, state, forward, 1);
	flow_open(&flow->scene, CLIENT_PORT,
		  flow->scene.protocol == IPPROTO_TCP ? LBX_FLOW_ASSURED : LBX_FLOW_UDP_FRESH);
	spec = from_client(&flow->scene, CLIENT_PORT, ACK);
	spec.payload = payload;
	spec.payload_length = sizeof(payload);
	flow->to_backend = expect(&spec, VERDICT_forward_tx).frame;
	if (forward == LBX_FORWARD_DSR) { /* the backend answers from the VIP */
		spec.source = flow->scene.vip;
		spec.destination = scene_client(&flow->scene);
		spec.source_port = VIP_PORT;
		spec.destination_port = CLIENT_PORT;
		frame_build(&flow->to_client, &spec);
		return;
	}
	spec = answer_to(&flow->to_backend, ACK);
	spec.payload = payload;
	spec.payload_length = sizeof(payload);
	flow->to_client = expect(&spec, VERDICT_forward_tx).frame;
}

struct ends {
	struct lbx_addr source, destination;
	__u16 source_port, destination_port;
};

static void assert_ends(const struct frame *frame, struct ends ends)
{
	assert_addr(frame_source(frame), ends.source);
	assert_addr(frame_destination(frame), ends.destination);
	assert_int_equal(frame_source_port(frame), ends.source_port);
	assert_int_equal(frame_destination_port(frame), ends.destination_port);
}

/* All checksums of the error, and those in its quote that are there. */
static void assert_error_sums(const struct flow *flow, const struct frame *error, unsigned bytes)
{
	struct frame quote = quote_of(error, flow->scene.protocol, flow->to_backend.l4);

	assert_int_equal(icmp_sum(error), 0xffff);
	if (!frame_is_v6(error)) {
		assert_int_equal(frame_ip4(error)->check, frame_ip4_checksum(error));
		assert_int_equal(frame_ip4(&quote)->check, frame_ip4_checksum(&quote));
	}
	/* A transport's checksum can be told to be right only where all of it is quoted. */
	if (bytes > 60)
		assert_checksums(&quote);
}

static const unsigned quotes[] = {FRAME_L4_MIN, 18, 20, 40, 0};

static unsigned quote_bytes(const struct frame *frame, unsigned i)
{
	return quotes[i] ? quotes[i] : frame->length - frame->l4;
}

/* From the client's side: the backend finds the packet that it sent. */
static void to_backend(void **state, enum lbx_forward forward)
{
	struct flow flow;
	__u64 *meta, before;
	__u8 mac[6];

	flow_make(&flow, state, forward);
	meta = flow_meta(&flow.scene, CLIENT_PORT);
	meta_age(meta, 3);
	before = *meta;
	backend_mac(flow.scene.backends[0], mac);
	for (unsigned i = 0; i < ARRAY_SIZE(quotes); i++) {
		unsigned bytes = quote_bytes(&flow.to_client, i);
		struct frame error = error_about(&flow.to_client, bytes), out, quote;

		out = expect_frame(&error, VERDICT_forward_error).frame;
		assert_memory_equal(frame_eth(&out)->h_dest, mac, 6);
		assert_memory_equal(frame_eth(&out)->h_source, mac_ours, 6);
		assert_error_sums(&flow, &out, bytes);
		quote = quote_of(&out, flow.scene.protocol, flow.to_client.l4);
		if (forward == LBX_FORWARD_DSR) {
			assert_memory_equal(out.bytes + 12, error.bytes + 12, error.length - 12);
			continue;
		}
		assert_addr(frame_destination(&out), scene_backend(&flow.scene, 0));
		assert_addr(frame_source(&out), forward == LBX_FORWARD_NAT
							? router_addr(flow.scene.v6)
							: scene_snat(&flow.scene, 0));
		assert_ends(&quote, (struct ends){frame_destination(&flow.to_backend),
						  frame_source(&flow.to_backend),
						  frame_destination_port(&flow.to_backend),
						  frame_source_port(&flow.to_backend)});
	}
	assert_int_equal(*meta, before);
	assert_int_equal(cursor(&flow.scene), 1);
}

static void test_to_backend_fullnat(void **state)
{
	to_backend(state, LBX_FORWARD_FULLNAT);
}

static void test_to_backend_nat(void **state)
{
	to_backend(state, LBX_FORWARD_NAT);
}

static void test_to_backend_dsr(void **state)
{
	to_backend(state, LBX_FORWARD_DSR);
}

/* From the backend's side: the client finds the packet that it sent, to the VIP. */
static void to_client(void **state, enum lbx_forward forward)
{
	struct flow flow;

	flow_make(&flow, state, forward);
	for (unsigned i = 0; i < ARRAY_SIZE(quotes); i++) {
		unsigned bytes = quote_bytes(&flow.to_backend, i);
		struct frame error = error_about(&flow.to_backend, bytes), out, quote;

		out = expect_frame(&error, VERDICT_forward_error).frame;
		assert_memory_equal(frame_eth(&out)->h_dest, mac_client, 6);
		assert_memory_equal(frame_eth(&out)->h_source, mac_ours, 6);
		assert_error_sums(&flow, &out, bytes);
		assert_addr(frame_destination(&out), scene_client(&flow.scene));
		assert_addr(frame_source(&out), flow.scene.vip);
		quote = quote_of(&out, flow.scene.protocol, flow.to_backend.l4);
		assert_ends(&quote, (struct ends){scene_client(&flow.scene), flow.scene.vip,
						  CLIENT_PORT, VIP_PORT});
	}
}

static void test_to_client_fullnat(void **state)
{
	to_client(state, LBX_FORWARD_FULLNAT);
}

static void test_to_client_nat(void **state)
{
	to_client(state, LBX_FORWARD_NAT);
}

/* UDP without a checksum: there is none to bring up to date. */
static void test_quote_without_checksum(void **state)
{
	struct flow flow;
	struct frame error, out, quote;

	flow_make(&flow, state, LBX_FORWARD_FULLNAT);
	frame_udp(&flow.to_client)->check = 0;
	error = error_about(&flow.to_client, 8);
	out = expect_frame(&error, VERDICT_forward_error).frame;
	quote = quote_of(&out, flow.scene.protocol, flow.to_client.l4);
	assert_int_equal(frame_udp(&quote)->check, 0);
	assert_error_sums(&flow, &out, 8);
}

/* By whatever ends it is not of a flow of ours: unchanged, to the kernel. */
static void test_strangers_pass(void **state)
{
	struct flow flow;
	struct frame quoted, error;

	flow_make(&flow, state, LBX_FORWARD_FULLNAT);
	quoted = flow.to_client;
	frame_udp(&quoted)->dest ^= htons(1);
	error = error_about(&quoted, 8);
	expect_frame(&error, VERDICT_pass_no_flow);
	quoted = flow.to_client;
	frame_udp(&quoted)->source ^= htons(1);
	error = error_about(&quoted, 8);
	expect_frame(&error, VERDICT_pass_no_flow);
	quoted = flow.to_backend;
	frame_udp(&quoted)->source ^= htons(1);
	error = error_about(&quoted, 8);
	expect_frame(&error, VERDICT_pass_no_flow);
	error = error_about(&flow.to_client, 8);
	ends_write(&error, router_addr(flow.scene.v6), scene_client(&flow.scene));
	if (!flow.scene.v6)
		frame_ip4(&error)->check = frame_ip4_checksum(&error);
	expect_frame(&error, VERDICT_pass_protocol);
}

/* Cut anywhere, it passes or is right: nothing beyond the frame is read. */
static void test_truncated(void **state)
{
	struct flow flow;
	struct frame error;
	unsigned whole;

	flow_make(&flow, state, LBX_FORWARD_FULLNAT);
	error = error_about(&flow.to_client, 8);
	whole = error.length;
	for (error.length = ETH_HLEN; error.length < whole; error.length++)
		expect_frame(&error, VERDICT_pass_short);
	/* The IP header agrees that it is short. */
	for (unsigned cut = 1; cut < 8 + header_of(flow.scene.v6); cut++) {
		error = error_about(&flow.to_client, 8);
		error.length -= cut;
		if (flow.scene.v6)
			frame_ip6(&error)->payload_len =
				htons((__u16)(error.length - ETH_HLEN - 40));
		else
			frame_ip4(&error)->tot_len = htons((__u16)(error.length - ETH_HLEN));
		expect_frame(&error, VERDICT_pass_protocol);
	}
}

static void test_other_types_pass(void **state)
{
	struct flow flow;
	struct frame error;
	unsigned offset;

	flow_make(&flow, state, LBX_FORWARD_FULLNAT);
	error = error_about(&flow.to_client, 8);
	offset = ETH_HLEN + header_of(flow.scene.v6);
	for (unsigned type = 0; type < 256; type++) {
		bool is_error = flow.scene.v6 ? type >= 1 && type <= 4
					      : type == 3 || type == 11 || type == 12;

		error.bytes[offset] = (__u8)type;
		expect_frame(&error, is_error ? VERDICT_forward_error : VERDICT_pass_protocol);
	}
}

static void test_last_hop(void **state)
{
	struct flow flow;
	struct frame error;

	flow_make(&flow, state, LBX_FORWARD_FULLNAT);
	error = error_about(&flow.to_client, 8);
	if (flow.scene.v6) {
		frame_ip6(&error)->hop_limit = 1;
	} else {
		frame_ip4(&error)->ttl = 1;
		frame_ip4(&error)->check = frame_ip4_checksum(&error);
	}
	expect_frame(&error, VERDICT_pass_expired);
}

/* Whole, in the tunnel: the packet inside is the one that came. */
static void test_through_a_tunnel(void **state)
{
	struct flow flow;
	struct spec spec;
	struct frame error, out;
	struct lbx_backend *backend;

	kind_scene(&flow.scene, state, LBX_FORWARD_IPIP, 1);
	backend = &world.backends[flow.scene.backends[0]];
	backend->addr = addr4(10, 9, 8, 7);
	backend->tunnel_source = addr4(10, 6, 5, 4);
	flow_open(&flow.scene, CLIENT_PORT,
		  flow.scene.protocol == IPPROTO_TCP ? LBX_FLOW_HALF_OPEN : LBX_FLOW_UDP_FRESH);
	spec = from_client(&flow.scene, CLIENT_PORT, ACK);
	spec.source = flow.scene.vip;
	spec.destination = scene_client(&flow.scene);
	spec.source_port = VIP_PORT;
	spec.destination_port = CLIENT_PORT;
	frame_build(&flow.to_client, &spec);
	error = error_about(&flow.to_client, 8);
	out = expect_frame(&error, VERDICT_forward_error).frame;
	assert_int_equal(out.length, error.length + 20);
	assert_memory_equal(out.bytes + ETH_HLEN + 20 + header_of(flow.scene.v6),
			    error.bytes + ETH_HLEN + header_of(flow.scene.v6),
			    error.length - ETH_HLEN - header_of(flow.scene.v6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_to_backend_fullnat),
		KIND_TESTS(test_to_backend_nat),
		KIND_TESTS(test_to_backend_dsr),
		KIND_TESTS(test_to_client_fullnat),
		KIND_TESTS(test_to_client_nat),
		KIND_TEST(test_quote_without_checksum, udp4, 2),
		KIND_TESTS(test_strangers_pass),
		KIND_TESTS(test_truncated),
		KIND_TESTS(test_other_types_pass),
		KIND_TESTS(test_last_hop),
		KIND_TESTS(test_through_a_tunnel),
	};

	return cmocka_run_group_tests_name("icmp", tests, world_setup, world_teardown);
}
