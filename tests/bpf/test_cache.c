// SPDX-License-Identifier: GPL-2.0
/* What a CPU remembers of services4 and services6, and how the controller makes it forget. */
#include <arpa/inet.h>
#include <bpf/bpf.h>

#include "tests/bpf/scene.h"

/* The entry of what a packet goes to. */
struct entry {
	int map;
	union {
		struct lbx_service_key4 v4;
		struct lbx_service_key6 v6;
	} key;
	struct lbx_service_ref ref;
};

static struct entry entry_of(const struct spec *spec)
{
	__u16 port = htons(spec->destination_port);
	struct entry entry = {.map = world.maps.services4};

	if (spec->v6) {
		entry.map = world.maps.services6;
		entry.key.v6 = (struct lbx_service_key6){spec->destination, port, spec->protocol,
							 0};
	} else {
		entry.key.v4 = (struct lbx_service_key4){spec->destination.words[3], port,
							 spec->protocol, 0};
	}
	assert_int_equal(bpf_map_lookup_elem(entry.map, &entry.key, &entry.ref), 0);
	return entry;
}

/* A service that is gone is remembered until the generation is raised, then no longer. */
static void test_removal_is_seen_with_the_generation(void **state)
{
	struct scene scene;
	struct entry entry;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	expect(&spec, VERDICT_forward_tx);
	entry = entry_of(&spec);
	assert_int_equal(bpf_map_delete_elem(entry.map, &entry.key), 0);
	expect(&spec, VERDICT_forward_tx);
	world.settings->generation++;
	expect(&spec, VERDICT_pass_no_service);
}

/* Likewise, that there was no service. */
static void test_addition_is_seen_with_the_generation(void **state)
{
	struct scene scene;
	struct entry entry;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	entry = entry_of(&spec);
	assert_int_equal(bpf_map_delete_elem(entry.map, &entry.key), 0);
	world.settings->generation++;
	expect(&spec, VERDICT_pass_no_service);
	map_put(entry.map, &entry.key, &entry.ref);
	expect(&spec, VERDICT_pass_no_service);
	world.settings->generation++;
	expect(&spec, VERDICT_forward_tx);
}

/* Far more ports than there are slots, so that each takes another's: no answer is mixed up. */
static void test_slots_are_shared_by_exact_key(void **state)
{
	struct scene scene;
	struct spec spec;

	kind_scene(&scene, state, LBX_FORWARD_DSR, 1);
	spec = from_client(&scene, CLIENT_PORT, SYN);
	for (unsigned port = 1; port <= 8 * LBX_SERVICE_CACHE; port++) {
		struct spec other = spec;

		other.destination_port = (__u16)port;
		if (port == spec.destination_port)
			continue;
		expect(&other, VERDICT_pass_no_service);
		if (port % 16 == 0)
			expect(&spec, VERDICT_forward_tx);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KIND_TESTS(test_removal_is_seen_with_the_generation),
		KIND_TESTS(test_addition_is_seen_with_the_generation),
		KIND_TESTS(test_slots_are_shared_by_exact_key),
	};

	return cmocka_run_group_tests_name("cache", tests, world_setup, world_teardown);
}
