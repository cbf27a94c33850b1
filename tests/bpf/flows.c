// SPDX-License-Identifier: GPL-2.0
/* A scene's flows, as they stand in the tables (scene.h). */
#include "tests/bpf/scene.h"

#include <bpf/libbpf.h>
#include <stdlib.h>

bool addr_equal(const struct lbx_addr *a, const struct lbx_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

void assert_addr(struct lbx_addr found, struct lbx_addr wanted)
{
	assert_memory_equal(&found, &wanted, sizeof(found));
}

static __u64 *slot_match(const struct scene *scene, unsigned n, const struct lbx_addr *client,
			 __u16 port)
{
	if (scene->v6 || scene->wild) {
		struct lbx_slot6 *slot = &world.flows6[n];

		return slot->key == lbx_key_wild(htons(port), scene->service,
						 htons(scene->wild ? scene->vip_port : 0)) &&
				       addr_equal(&slot->client, client)
			       ? &slot->meta
			       : NULL;
	}
	return world.flows4[n].key == lbx_key4(client->words[3], htons(port), scene->service)
		       ? &world.flows4[n].meta
		       : NULL;
}

__u64 *flow_meta_of(const struct scene *scene, const struct lbx_addr *client, __u16 port)
{
	__u64 *found = NULL;

	for (unsigned n = 0; n < WORLD_SLOTS; n++) {
		__u64 *meta = slot_match(scene, n, client, port);

		if (!meta || !lbx_meta_state(*meta))
			continue;
		if (found)
			fail_msg("client port %u has two slots", port);
		found = meta;
	}
	return found;
}

__u64 *flow_meta(const struct scene *scene, __u16 port)
{
	struct lbx_addr client = scene_client(scene);

	return flow_meta_of(scene, &client, port);
}

enum lbx_flow_state flow_state(const struct scene *scene, __u16 port)
{
	__u64 *meta = flow_meta(scene, port);

	return meta ? lbx_meta_state(*meta) : LBX_FLOW_EMPTY;
}

struct lbx_slot_reverse *way_back(__u64 meta)
{
	for (unsigned n = 0; n < WORLD_SLOTS; n++) {
		__u64 way = world.reverse[n].meta;

		if (lbx_meta_state(way) && lbx_meta_port(way) == lbx_meta_port(meta) &&
		    lbx_meta_snat(way) == lbx_meta_snat(meta) &&
		    lbx_meta_backend(way) == lbx_meta_backend(meta))
			return &world.reverse[n];
	}
	return NULL;
}

void meta_age(__u64 *meta, unsigned ticks)
{
	*meta = lbx_meta_touch(*meta, lbx_meta_state(*meta), (__u16)(lbx_meta_tick(*meta) - ticks));
}

void flow_age(const struct scene *scene, __u16 port, unsigned ticks)
{
	__u64 *meta = flow_meta(scene, port);
	struct lbx_slot_reverse *way;

	assert_non_null(meta);
	way = lbx_meta_port(*meta) ? way_back(*meta) : NULL;
	meta_age(meta, ticks);
	if (way)
		meta_age(&way->meta, ticks);
}

unsigned slots_used(const struct scene *scene)
{
	unsigned used = 0;

	for (unsigned n = 0; n < WORLD_SLOTS; n++)
		used += !!(scene->v6 || scene->wild ? world.flows6[n].meta : world.flows4[n].meta);
	return used;
}

unsigned ways_used(void)
{
	unsigned used = 0;

	for (unsigned n = 0; n < WORLD_SLOTS; n++)
		used += !!world.reverse[n].meta;
	return used;
}

/* The rest of the handshake, and beyond it, as far as the state. */
static struct frame tcp_advance(const struct scene *scene, __u16 port, struct frame forwarded,
				enum lbx_flow_state state)
{
	struct spec spec = from_client(scene, port, ACK);

	if (state >= LBX_FLOW_FRESH)
		forwarded = expect(&spec, VERDICT_forward_tx).frame;
	if (state < LBX_FLOW_ASSURED)
		return forwarded;
	if (scene->forward == LBX_FORWARD_FULLNAT || scene->forward == LBX_FORWARD_NAT) {
		struct spec answer = answer_to(&forwarded, ACK);

		expect(&answer, VERDICT_forward_tx);
	} else {
		flow_age(scene, port, 1);
		expect(&spec, VERDICT_forward_tx);
	}
	if (state == LBX_FLOW_CLOSING) {
		spec.flags = FIN | ACK;
		forwarded = expect(&spec, VERDICT_forward_tx).frame;
	}
	return forwarded;
}

struct frame flow_open(const struct scene *scene, __u16 port, enum lbx_flow_state state)
{
	struct spec spec = from_client(scene, port, SYN);
	struct frame forwarded = expect(&spec, VERDICT_forward_tx).frame;

	if (scene->protocol == IPPROTO_TCP) {
		forwarded = tcp_advance(scene, port, forwarded, state);
	} else if (state == LBX_FLOW_UDP_ASSURED) {
		flow_age(scene, port, 1);
		expect(&spec, VERDICT_forward_tx);
	}
	assert_int_equal(flow_state(scene, port), state);
	return forwarded;
}

struct lbx_backend_stats backend_stats(const struct scene *scene, unsigned place)
{
	struct lbx_backend_stats *values, sum = {0};
	__u32 id = scene->backends[place];
	int cpus = libbpf_num_possible_cpus();

	values = calloc((size_t)cpus, sizeof(*values));
	assert_non_null(values);
	map_get(world.maps.backend_stats, &id, values);
	for (int cpu = 0; cpu < cpus; cpu++) {
		sum.connections += values[cpu].connections;
		sum.packets += values[cpu].packets;
		sum.bytes += values[cpu].bytes;
		sum.return_packets += values[cpu].return_packets;
		sum.return_bytes += values[cpu].return_bytes;
	}
	free(values);
	return sum;
}
