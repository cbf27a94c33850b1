// SPDX-License-Identifier: GPL-2.0
/*
 * IP fragments: a datagram that was cut up comes out as one that was cut up in the same way, and is
 * right when it is put together again. Order, strangers, tricks and time.
 */
#include "tests/bpf/scene.h"

enum { PART = 600, PAYLOAD = 1700, FRAGMENT_HEADER = 8, PARTS = 3 };

static __u8 payload[PAYLOAD];

/* So many bytes of the whole frame's transport from an offset on, as a fragment. */
static struct frame fragment_of(const struct frame *whole, unsigned offset, unsigned bytes,
				bool more, __u32 id)
{
	unsigned extra = frame_is_v6(whole) ? FRAGMENT_HEADER : 0;
	struct frame part = *whole;

	part.l4 = whole->l4 + extra;
	part.length = part.l4 + bytes;
	memcpy(part.bytes + part.l4, whole->bytes + whole->l4 + offset, bytes);
	if (extra) {
		const __be16 place = htons((__u16)(offset | more));
		const __be32 name = htonl(id);
		__u8 *header = part.bytes + whole->l4;

		frame_ip6(&part)->payload_len = htons((__u16)(bytes + extra));
		frame_ip6(&part)->nexthdr = IPPROTO_FRAGMENT;
		header[0] = whole->protocol;
		header[1] = 0;
		memcpy(header + 2, &place, sizeof(place));
		memcpy(header + 4, &name, sizeof(name));
	} else {
		frame_ip4(&part)->tot_len = htons((__u16)(part.length - ETH_HLEN));
		frame_ip4(&part)->id = htons((__u16)id);
		frame_ip4(&part)->frag_off = htons((__u16)(offset / 8 | (more ? 0x2000 : 0)));
		frame_ip4(&part)->check = frame_ip4_checksum(&part);
	}
	return part;
}

/* Adds a fragment to the datagram that it is of. Its own headers must be right. */
static void fragment_add(struct frame *whole, const struct frame *part)
{
	bool v6 = frame_is_v6(part);
	const __u8 *header = part->bytes + part->l4 - FRAGMENT_HEADER;
	unsigned offset = v6 ? ((unsigned)header[2] << 8 | header[3]) & 0xfff8
			     : (ntohs(frame_ip4(part)->frag_off) & 0x1fff) * 8U;
	unsigned bytes = part->length - part->l4, l4 = part->l4 - (v6 ? FRAGMENT_HEADER : 0);

	if (!v6)
		assert_int_equal(frame_ip4(part)->check, frame_ip4_checksum(part));
	if (!offset) {
		memcpy(whole->bytes, part->bytes, l4);
		whole->l4 = l4;
		whole->protocol = part->protocol;
	}
	memcpy(whole->bytes + l4 + offset, part->bytes + part->l4, bytes);
	if (whole->length < l4 + offset + bytes)
		whole->length = l4 + offset + bytes;
}

static void lengths_finish(struct frame *whole)
{
	if (frame_is_v6(whole)) {
		frame_ip6(whole)->payload_len = htons((__u16)(whole->length - whole->l4));
		frame_ip6(whole)->nexthdr = whole->protocol;
	} else {
		frame_ip4(whole)->tot_len = htons((__u16)(whole->length - ETH_HLEN));
		frame_ip4(whole)->frag_off = 0;
		frame_ip4(whole)->check = frame_ip4_checksum(whole);
	}
}

/* Cuts it up, forwards the parts in that order, and puts together what comes out. */
static struct frame through(const struct frame *whole, __u32 id)
{
	unsigned length = whole->length - whole->l4;
	struct frame result = {.length = 0};

	for (unsigned offset = 0; offset < length; offset += PART) {
		unsigned bytes = length - offset < PART ? length - offset : PART;
		struct frame part = fragment_of(whole, offset, bytes, offset + bytes < length, id);
		struct frame out = expect_frame(&part, VERDICT_forward_tx).frame;

		fragment_add(&result, &out);
	}
	lengths_finish(&result);
	assert_checksums(&result);
	assert_int_equal(result.length, whole->length);
	assert_memory_equal(result.bytes + result.length - PAYLOAD, payload, PAYLOAD);
	return result;
}

static void fragment_scene(struct scene *scene, void **state, enum lbx_forward forward)
{
	for (unsigned i = 0; i < PAYLOAD; i++)
		payload[i] = (__u8)(i * 31 + i / 256);
	kind_scene(scene, state, forward, 1);
	scene_address(scene, LBX_ADDRESS_VIP | (scene->protocol == IPPROTO_TCP ? LBX_ADDRESS_TCP
									       : LBX_ADDRESS_UDP));
}

static struct frame whole_of(struct spec spec)
{
	struct frame frame;

	spec.payload = payload;
	spec.payload_length = PAYLOAD;
	frame_build(&frame, &spec);
	return frame;
}

static void there_and_back(void **state, enum lbx_forward forward)
{
	struct scene scene;
	struct frame whole, out;

	fragment_scene(&scene, state, forward);
	whole = whole_of(from_client(&scene, CLIENT_PORT, SYN));
	out = through(&whole, 77);
	if (forward == LBX_FORWARD_DSR)
		return;
	assert_addr(frame_destination(&out), scene_backend(&scene, 0));
	assert_int_equal(frame_destination_port(&out), BACKEND_PORT);
	whole = whole_of(answer_to(&out, SYN | ACK));
	out = through(&whole, 78);
	assert_addr(frame_source(&out), scene.vip);
	assert_addr(frame_destination(&out), scene_client(&scene));
	assert_int_equal(frame_destination_port(&out), CLIENT_PORT);
	assert_int_equal(cursor(&scene), 1);
}

static void test_fullnat(void **state)
{
	there_and_back(state, LBX_FORWARD_FULLNAT);
}

static void test_nat(void **state)
{
	there_and_back(state, LBX_FORWARD_NAT);
}

static void test_dsr(void **state)
{
	there_and_back(state, LBX_FORWARD_DSR);
}

/* In a tunnel each fragment travels whole. */
static void test_ipip(void **state)
{
	struct scene scene;
	struct frame whole;
	struct lbx_backend *backend;

	fragment_scene(&scene, state, LBX_FORWARD_IPIP);
	backend = &world.backends[scene.backends[0]];
	backend->addr = addr4(10, 9, 8, 7);
	backend->tunnel_source = addr4(10, 6, 5, 4);
	whole = whole_of(from_client(&scene, CLIENT_PORT, SYN));
	for (unsigned offset = 0; offset < PARTS * PART; offset += PART) {
		unsigned bytes = offset == 2 * PART ? whole.length - whole.l4 - offset : PART;
		struct frame part = fragment_of(&whole, offset, bytes, offset < 2 * PART, 5);
		struct frame out = expect_frame(&part, VERDICT_forward_tx).frame;

		assert_int_equal(out.length, part.length + 20);
		assert_memory_equal(out.bytes + out.length - bytes, part.bytes + part.l4, bytes);
	}
}

/* The last one first: dropped, and so not for the kernel to wait for the others. */
static void test_wrong_order(void **state)
{
	struct scene scene;
	struct frame whole, part;

	fragment_scene(&scene, state, LBX_FORWARD_FULLNAT);
	whole = whole_of(from_client(&scene, CLIENT_PORT, SYN));
	part = fragment_of(&whole, PART, PART, true, 9);
	expect_frame(&part, VERDICT_drop_fragment);
	assert_int_equal(cursor(&scene), 0);
	assert_int_equal(slots_used(&scene), 0);
	part = fragment_of(&whole, 0, PART, true, 9);
	expect_frame(&part, VERDICT_forward_tx);
	part = fragment_of(&whole, PART, PART, true, 9);
	expect_frame(&part, VERDICT_forward_tx);
}

/* Datagrams of several clients at a time, with one id. */
static void test_interleaved(void **state)
{
	enum { CLIENTS = 20 };
	struct frame wholes[CLIENTS], results[CLIENTS] = {{.length = 0}};
	struct scene scene;

	fragment_scene(&scene, state, LBX_FORWARD_FULLNAT);
	for (unsigned i = 0; i < CLIENTS; i++) {
		struct spec spec = from_client(&scene, (__u16)(CLIENT_PORT + i), SYN);

		spec.source.bytes[15] = (__u8)(i + 1);
		wholes[i] = whole_of(spec);
	}
	for (unsigned offset = 0; offset < PARTS * PART; offset += PART) {
		for (unsigned i = 0; i < CLIENTS; i++) {
			unsigned left = wholes[i].length - wholes[i].l4 - offset;
			unsigned bytes = left < PART ? left : PART;
			struct frame part = fragment_of(&wholes[i], offset, bytes, left > PART, 1);

			part = expect_frame(&part, VERDICT_forward_tx).frame;
			fragment_add(&results[i], &part);
		}
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		lengths_finish(&results[i]);
		assert_checksums(&results[i]);
	}
	assert_int_equal(cursor(&scene), CLIENTS);
}

/* What is for no service passes, all parts of it: the VIP may be the balancer's own address. */
static void test_strangers_pass(void **state)
{
	struct scene scene;
	struct frame whole, part;
	struct spec spec;

	fragment_scene(&scene, state, LBX_FORWARD_FULLNAT);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	spec.destination_port++;
	whole = whole_of(spec);
	part = fragment_of(&whole, 0, PART, true, 4);
	expect_frame(&part, VERDICT_pass_no_service);
	part = fragment_of(&whole, PART, PART, true, 4);
	expect_frame(&part, VERDICT_pass_no_service);
	spec.destination.bytes[15]++; /* no VIP */
	whole = whole_of(spec);
	part = fragment_of(&whole, PART, PART, true, 4);
	expect_frame(&part, VERDICT_pass_fragment);
	spec = from_client(&scene, CLIENT_PORT, SYN); /* no service of that protocol */
	spec.protocol = spec.protocol == IPPROTO_TCP ? IPPROTO_UDP : IPPROTO_TCP;
	whole = whole_of(spec);
	part = fragment_of(&whole, PART, PART, true, 4);
	expect_frame(&part, VERDICT_pass_fragment);
}

/* Headers cut so that filters cannot see them (RFC 1858), or written over later (RFC 3128). */
static void test_tricks(void **state)
{
	struct scene scene;
	struct frame whole, part;
	unsigned header;

	fragment_scene(&scene, state, LBX_FORWARD_FULLNAT);
	header = scene.protocol == IPPROTO_TCP ? 20 : 8;
	whole = whole_of(from_client(&scene, CLIENT_PORT, SYN));
	for (unsigned bytes = 0; bytes < header; bytes += 8) {
		part = fragment_of(&whole, 0, bytes, true, 4);
		expect_frame(&part, VERDICT_drop_fragment);
	}
	part = fragment_of(&whole, 0, PART, true, 4);
	expect_frame(&part, VERDICT_forward_tx);
	part = fragment_of(&whole, 8, PART, true, 4);
	expect_frame(&part,
		     scene.protocol == IPPROTO_TCP ? VERDICT_drop_fragment : VERDICT_forward_tx);
}

/* A flow that is known takes no ticket, however its packets come; a later fragment opens none. */
static void test_flow_is_gone(void **state)
{
	struct scene scene;
	struct frame whole, part;

	fragment_scene(&scene, state, LBX_FORWARD_FULLNAT);
	whole = whole_of(from_client(&scene, CLIENT_PORT, SYN));
	part = fragment_of(&whole, 0, PART, true, 4);
	expect_frame(&part, VERDICT_forward_tx);
	*flow_meta(&scene, CLIENT_PORT) = 0;
	part = fragment_of(&whole, PART, PART, true, 4);
	expect_frame(&part, VERDICT_pass_no_flow);
	assert_int_equal(cursor(&scene), 1);
	assert_int_equal(slots_used(&scene), 0);
}

/* Offset 0 and no more to come: whole, whatever its header says (RFC 6946). */
static void test_atomic(void **state)
{
	struct scene scene;
	struct spec spec;
	struct frame whole, part, out;

	fragment_scene(&scene, state, LBX_FORWARD_FULLNAT);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	frame_build(&whole, &spec);
	part = fragment_of(&whole, 0, whole.length - whole.l4, false, 4);
	out = expect_frame(&part, VERDICT_forward_tx).frame;
	out.l4 = part.l4;
	assert_addr(frame_destination(&out), scene_backend(&scene, 0));
	assert_int_equal(frame_destination_port(&out), BACKEND_PORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_fullnat),
		KIND_TESTS(test_nat),
		KIND_TESTS(test_dsr),
		KIND_TESTS(test_ipip),
		KIND_TESTS(test_wrong_order),
		KIND_TESTS(test_interleaved),
		KIND_TESTS(test_strangers_pass),
		KIND_TESTS(test_tricks),
		KIND_TESTS(test_flow_is_gone),
		KIND_TEST(test_atomic, tcp6, 1),
		KIND_TEST(test_atomic, udp6, 3),
	};

	return cmocka_run_group_tests_name("fragment", tests, world_setup, world_teardown);
}
