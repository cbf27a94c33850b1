// SPDX-License-Identifier: GPL-2.0
/* The data plane's flow tables, read and changed as the controller's sweep does it. */
#include "tests/bench/plane_internal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/wrapper.h"

void plane_clear(struct plane *plane)
{
	memset(plane->flows4, 0, plane->buckets * sizeof(*plane->flows4));
	memset(plane->flows6, 0, plane->buckets * sizeof(*plane->flows6));
	memset(plane->reverse, 0, plane->buckets * sizeof(*plane->reverse));
}

/* A slot of any of the three tables. */
struct slot {
	__u64 *meta;
	__u32 client; /* last word of its address, host order */
	bool forward;
};

typedef void slot_function(struct slot slot, void *data);

static void slots_visit(struct plane *plane, slot_function *visit, void *data)
{
	for (unsigned b = 0; b < plane->buckets; b++)
		for (unsigned s = 0; s < LBX_BUCKET_SLOTS; s++) {
			struct lbx_slot4 *four = &plane->flows4[b].slots[s];
			struct lbx_slot6 *six = &plane->flows6[b].slots[s];
			struct lbx_slot_reverse *back = &plane->reverse[b].slots[s];

			if (four->meta)
				visit((struct slot){&four->meta, ntohl(lbx_key_client4(four->key)),
						    true},
				      data);
			if (six->meta)
				visit((struct slot){&six->meta, ntohl(six->client.words[3]), true},
				      data);
			if (back->meta)
				visit((struct slot){&back->meta, ntohl(back->client.words[3]),
						    false},
				      data);
		}
}

struct clients {
	__u32 first;
	unsigned count;
	unsigned *flows;
	const bool *keep;
};

static void slot_assure(struct slot slot, void *data)
{
	struct clients *clients = data;

	*slot.meta = lbx_meta_touch(*slot.meta, LBX_FLOW_ASSURED, lbx_meta_tick(*slot.meta));
	if (slot.forward && slot.client - clients->first < clients->count)
		clients->flows[slot.client - clients->first]++;
}

void plane_assure(struct plane *plane, __u32 first, unsigned *counts, unsigned clients)
{
	struct clients known = {first, clients, counts, NULL};

	memset(counts, 0, clients * sizeof(*counts));
	slots_visit(plane, slot_assure, &known);
}

static void slot_keep(struct slot slot, void *data)
{
	const struct clients *clients = data;

	if (slot.client - clients->first >= clients->count ||
	    !clients->keep[slot.client - clients->first])
		*slot.meta = 0;
}

void plane_keep(struct plane *plane, __u32 first, const bool *keep, unsigned clients)
{
	struct clients known = {first, clients, NULL, keep};

	slots_visit(plane, slot_keep, &known);
}

static struct way way_of_slot(const struct lbx_slot_reverse *slot, bool v6)
{
	unsigned number = (lbx_meta_backend(slot->meta) - 1) % PLANE_BACKENDS;

	return (struct way){
		backend_addr(v6 ? SERVICE_FULLNAT6 : SERVICE_FULLNAT4, number).words[3],
		snat_addr(lbx_meta_snat(slot->meta), v6).words[3],
		htons(lbx_meta_port(slot->meta)),
		{0},
	};
}

/* In the table's order the ways would be a walk through memory, which no traffic is. */
static void ways_shuffle(struct way *ways, unsigned count)
{
	unsigned seed = 1;

	for (unsigned i = count; i > 1; i--) {
		unsigned j = (unsigned)rand_r(&seed) % i;
		struct way swapped = ways[j];

		ways[j] = ways[i - 1];
		ways[i - 1] = swapped;
	}
}

unsigned plane_ways(const struct plane *plane, bool v6, struct way *ways, unsigned max)
{
	unsigned count = 0;

	for (unsigned b = 0; b < plane->buckets; b++)
		for (unsigned s = 0; s < LBX_BUCKET_SLOTS; s++) {
			const struct lbx_slot_reverse *slot = &plane->reverse[b].slots[s];

			if (slot->meta && count < max)
				ways[count++] = way_of_slot(slot, v6);
		}
	ways_shuffle(ways, count);
	return count;
}
