// SPDX-License-Identifier: GPL-2.0
/*
 * The inputs of another balancer's tests, where they are at hand (../shared/packets.tsv, or as
 * LBX_PACKETS says: NAME<TAB>BASE64 lines): packets that were made to be hard.
 */
#include "tests/bpf/scene.h"

#include <linux/bpf.h>
#include <stdlib.h>

enum { PACKETS_MAX = 512, LINE_MAX_BYTES = 16384, PACKETS_LEAST = 100 };

static struct frame *packets;
static unsigned packet_count;

static int base64_value(int c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *digit = c ? strchr(digits, c) : NULL;

	return digit ? (int)(digit - digits) : -1;
}

static void base64_decode(const char *text, struct frame *frame)
{
	unsigned bits = 0, held = 0;

	for (; base64_value(*text) >= 0; text++) {
		bits = bits << 6 | (unsigned)base64_value(*text);
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		assert_true(frame->length < FRAME_MAX);
		frame->bytes[frame->length++] = (__u8)(bits >> held);
	}
}

static int setup(void **state)
{
	const char *path = getenv("LBX_PACKETS") ?: "../shared/packets.tsv";
	static char line[LINE_MAX_BYTES];
	FILE *file = fopen(path, "r");

	world_setup(state);
	if (!file)
		return 0;
	packets = calloc(PACKETS_MAX, sizeof(*packets));
	assert_non_null(packets);
	while (fgets(line, sizeof(line), file)) {
		char *tab = strchr(line, '\t');

		if (*line == '#' || !tab)
			continue;
		assert_true(packet_count < PACKETS_MAX);
		base64_decode(tab + 1, &packets[packet_count++]);
	}
	fclose(file);
	return 0;
}

static int teardown(void **state)
{
	free(packets);
	return world_teardown(state);
}

static void packets_needed(void)
{
	if (!packets) {
		printf("# skipped: there is no ../shared/packets.tsv\n");
		skip();
	}
	assert_true(packet_count >= PACKETS_LEAST);
}

static void test_no_service_all_pass(void **state)
{
	(void)state;
	packets_needed();
	for (unsigned i = 0; i < packet_count; i++)
		assert_int_equal(run_frame(&packets[i]).action, XDP_PASS);
	printf("# %u packets passed\n", packet_count);
}

/* The service that the packet is for: its destination and port, by its own header. */
static bool service_for(const struct frame *frame, struct scene *scene)
{
	bool v6 = frame_is_v6(frame);
	struct frame seen = *frame;
	struct scene made;

	if (!v6 && frame_eth(frame)->h_proto != htons(ETH_P_IP))
		return false;
	seen.l4 = ETH_HLEN + (v6 ? sizeof(struct ipv6hdr) : frame_ip4(frame)->ihl * 4u);
	seen.protocol = v6 ? frame_ip6(frame)->nexthdr : frame_ip4(frame)->protocol;
	if (seen.protocol != IPPROTO_TCP && seen.protocol != IPPROTO_UDP)
		return false;
	scene_make(&made, v6, seen.protocol, LBX_FORWARD_FULLNAT, 1);
	made.vip = frame_destination(&seen);
	made.vip_port = frame_destination_port(&seen);
	scene_put(&made);
	*scene = made;
	return true;
}

/* For each packet alone, with a service on its very destination and all frames for us: whatever it
 * is, one verdict and its action (run_frame() checks). Then the same once more, as a SYN before had
 * opened the flow. */
static void test_services_there(void **state)
{
	unsigned forwarded = 0, matched = 0;

	packets_needed();
	for (unsigned i = 0; i < packet_count; i++) {
		struct frame frame = packets[i];
		struct scene scene;

		world_clear(state);
		if (!service_for(&frame, &scene))
			continue;
		matched++;
		memcpy(frame_eth(&frame)->h_dest, mac_ours, 6);
		for (int again = 0; again < 2; again++) {
			struct outcome outcome = run_frame(&frame);

			forwarded += outcome.verdict == VERDICT_forward_tx;
		}
	}
	assert_true(matched > 0 && forwarded > 0);
	printf("# %u packets with a service, forwarded %u times of 2 each\n", matched, forwarded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_no_service_all_pass),
		WORLD_TEST(test_services_there),
	};

	return cmocka_run_group_tests_name("packets", tests, setup, teardown);
}
