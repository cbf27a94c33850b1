// SPDX-License-Identifier: GPL-2.0
/* IPv6 extension headers (RFC 8200, section 4): stepped over where that is safe, or left alone. */
#include "tests/bpf/scene.h"

enum { CHAIN_MAX = 1400, EXTENSIONS_MAX = 8 };

/* Extension headers in a row. */
struct chain {
	__u8 bytes[CHAIN_MAX];
	unsigned length, last; /* last: offset of the last one */
	__u8 first;
};

static void chain_add(struct chain *chain, __u8 type, unsigned bytes)
{
	if (chain->length)
		chain->bytes[chain->last] = type;
	else
		chain->first = type;
	chain->last = chain->length;
	chain->length += bytes;
	assert_true(chain->length <= CHAIN_MAX);
	chain->bytes[chain->last + 1] = (__u8)(bytes / 8 - 1);
	/* PadN for the options, which is what a routing header of type 1, 0 segments left, says */
	chain->bytes[chain->last + 2] = 1;
	chain->bytes[chain->last + 3] = type == IPPROTO_ROUTING ? 0 : (__u8)(bytes - 4);
}

/* A frame that opens a flow, with these headers before its transport header. */
static struct frame chain_frame(const struct scene *scene, struct chain *chain)
{
	struct spec spec = from_client(scene, CLIENT_PORT, SYN);
	struct frame frame;

	if (chain->length)
		chain->bytes[chain->last] = spec.protocol;
	spec.extensions = chain->bytes;
	spec.extensions_length = chain->length;
	spec.extensions_first = chain->first;
	frame_build(&frame, &spec);
	return frame;
}

/* Forwarded, and right: addresses and ports changed, the headers between not, checksums good. */
static void expect_forward(const struct scene *scene, struct chain *chain)
{
	struct frame frame = chain_frame(scene, chain), out;

	out = expect_frame(&frame, VERDICT_forward_tx).frame;
	assert_checksums(&out);
	assert_addr(frame_destination(&out), scene_backend(scene, 0));
	assert_int_equal(frame_destination_port(&out), BACKEND_PORT);
	assert_memory_equal(out.bytes + ETH_HLEN + sizeof(struct ipv6hdr), chain->bytes,
			    chain->length);
}

static void expect_pass(const struct scene *scene, struct chain *chain, enum verdict verdict)
{
	struct frame frame = chain_frame(scene, chain);

	expect_frame(&frame, verdict);
}

static void test_each_is_stepped_over(void **state)
{
	const __u8 types[] = {IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, IPPROTO_ROUTING};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		for (unsigned bytes = 8; bytes <= 1400; bytes += 8) {
			struct chain chain = {.length = 0};

			chain_add(&chain, types[i], bytes);
			expect_forward(&scene, &chain);
		}
	}
}

/* The order that RFC 8200 recommends. */
static void test_all_in_order(void **state)
{
	struct chain chain = {.length = 0};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	chain_add(&chain, IPPROTO_HOPOPTS, 8);
	chain_add(&chain, IPPROTO_DSTOPTS, 24);
	chain_add(&chain, IPPROTO_ROUTING, 16);
	chain_add(&chain, IPPROTO_DSTOPTS, 8);
	expect_forward(&scene, &chain);
}

static void test_segments_left_pass(void **state)
{
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned left = 1; left < 256; left++) {
		struct chain chain = {.length = 0};

		chain_add(&chain, IPPROTO_ROUTING, 24);
		chain.bytes[3] = (__u8)left;
		expect_pass(&scene, &chain, VERDICT_pass_protocol);
	}
}

/* To an address that the controller said nothing of; see test_fragment.c. */
static void test_fragments_pass(void **state)
{
	const __u8 offsets[][2] = {{0, 1}, {0, 8}, {0xff, 0xf9}};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
		for (int hop_by_hop = 0; hop_by_hop < 2; hop_by_hop++) {
			struct chain chain = {.length = 0};

			if (hop_by_hop)
				chain_add(&chain, IPPROTO_HOPOPTS, 16);
			chain_add(&chain, IPPROTO_FRAGMENT, 8);
			chain.bytes[chain.last + 1] = 0; /* reserved */
			memcpy(chain.bytes + chain.last + 2, offsets[i], 2);
			expect_pass(&scene, &chain, VERDICT_pass_fragment);
		}
	}
}

static void test_eight_and_nine(void **state)
{
	struct chain chain = {.length = 0};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (int i = 0; i < EXTENSIONS_MAX; i++)
		chain_add(&chain, IPPROTO_DSTOPTS, 8);
	expect_forward(&scene, &chain);
	chain_add(&chain, IPPROTO_DSTOPTS, 8);
	expect_pass(&scene, &chain, VERDICT_pass_protocol);
}

/* A fragment header in the ninth place is still seen as one. */
static void test_fragment_after_eight(void **state)
{
	struct chain chain = {.length = 0};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (int i = 0; i < EXTENSIONS_MAX; i++)
		chain_add(&chain, IPPROTO_DSTOPTS, 8);
	chain_add(&chain, IPPROTO_FRAGMENT, 8);
	expect_pass(&scene, &chain, VERDICT_pass_fragment);
}

/* Each length that its field can say: within the frame the transport header is not where it says,
 * but wherever it points, nothing may be forwarded as if it were. */
static void test_wrong_lengths_pass(void **state)
{
	struct chain chain = {.length = 0};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	chain_add(&chain, IPPROTO_DSTOPTS, 8);
	for (unsigned units = 1; units < 256; units++) {
		struct frame frame = chain_frame(&scene, &chain);

		frame.bytes[ETH_HLEN + sizeof(struct ipv6hdr) + 1] = (__u8)units;
		expect_frame(&frame, VERDICT_pass_short);
	}
}

/* Eight headers of which each says that it is 2 KiB long: 16 KiB, far beyond the frame. */
static void test_longest_chain_passes(void **state)
{
	struct chain chain = {.length = 0};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		chain_add(&chain, IPPROTO_DSTOPTS, 8);
		chain.bytes[chain.last + 1] = 255;
	}
	expect_pass(&scene, &chain, VERDICT_pass_short);
}

/* The frame ends within the chain, at each byte, and the IPv6 header knows. */
static void test_cut_chains_pass(void **state)
{
	struct chain chain = {.length = 0};
	struct scene scene;
	struct frame frame;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	chain_add(&chain, IPPROTO_HOPOPTS, 8);
	chain_add(&chain, IPPROTO_ROUTING, 24);
	chain_add(&chain, IPPROTO_DSTOPTS, 16);
	frame = chain_frame(&scene, &chain);
	for (frame.length = ETH_HLEN + sizeof(struct ipv6hdr); frame.length < frame.l4;
	     frame.length++) {
		frame_ip6(&frame)->payload_len =
			htons((__u16)(frame.length - ETH_HLEN - sizeof(struct ipv6hdr)));
		expect_frame(&frame, VERDICT_pass_short);
	}
}

static void test_other_headers_pass(void **state)
{
	/* AH, ESP, none, ICMPv6, mobility, HIP, shim6 */
	const __u8 types[] = {51, 50, 59, 58, 135, 139, 140};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		struct chain chain = {.length = 0};

		chain_add(&chain, IPPROTO_HOPOPTS, 8);
		chain_add(&chain, types[i], 8);
		expect_pass(&scene, &chain, VERDICT_pass_protocol);
	}
}

/* No reset is made of such a packet: it would need a new header. */
static void test_no_reset(void **state)
{
	struct chain chain = {.length = 0};
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 0);
	scene.closed = 1;
	scene_put(&scene);
	chain_add(&chain, IPPROTO_DSTOPTS, 8);
	expect_pass(&scene, &chain, VERDICT_drop_no_backend);
}

#define TCP6_UDP6(name) KIND_TEST(name, tcp6, 1), KIND_TEST(name, udp6, 3)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TCP6_UDP6(test_each_is_stepped_over), TCP6_UDP6(test_all_in_order),
		TCP6_UDP6(test_segments_left_pass),   TCP6_UDP6(test_fragments_pass),
		TCP6_UDP6(test_eight_and_nine),	      TCP6_UDP6(test_fragment_after_eight),
		TCP6_UDP6(test_wrong_lengths_pass),   TCP6_UDP6(test_longest_chain_passes),
		TCP6_UDP6(test_cut_chains_pass),      TCP6_UDP6(test_other_headers_pass),
		KIND_TEST(test_no_reset, tcp6, 1),
	};

	return cmocka_run_group_tests_name("extension", tests, world_setup, world_teardown);
}
