// SPDX-License-Identifier: GPL-2.0
/*
 * Two CPUs open flows at the same time: one key never gets two slots, one connection never two
 * tickets, one translated port never two owners. Two threads, each on a CPU of its own, start
 * together, the second a little later each time, so that its steps fall between all steps of the
 * first.
 *
 * That a round was a race shows in the table: who yields leaves his key in the slot that he
 * releases.
 */
#include "tests/bpf/lanes.h"

#include <linux/bpf.h>
#include <stdatomic.h>

enum {
	ROUNDS = 8000,
	BACKENDS = 3,
	DELAYS = 97,
	KEYS = 12,
	BUCKET = 5,
	PORT_LO = 20000,
	PORT_HI = 20007
};

/* Like flow_meta(), but the slots that somebody released: how many have the key. */
static unsigned keys_left(const struct scene *scene, __u16 port)
{
	__u32 client = scene_client(scene).words[3];
	unsigned left = 0;

	for (unsigned n = 0; n < WORLD_SLOTS; n++) {
		__u64 key = scene->v6 ? world.flows6[n].key : world.flows4[n].key;
		__u64 meta = scene->v6 ? world.flows6[n].meta : world.flows4[n].meta;

		if (key == (scene->v6 ? lbx_key6(htons(port), scene->service)
				      : lbx_key4(client, htons(port), scene->service)))
			left += !meta;
	}
	return left;
}

static void tables_clear(void)
{
	memset(world.flows4, 0, WORLD_SLOTS * sizeof(*world.flows4));
	memset(world.flows6, 0, WORLD_SLOTS * sizeof(*world.flows6));
	memset(world.reverse, 0, WORLD_SLOTS * sizeof(*world.reverse));
}

/* A table in which every slot may be taken but none is empty. */
static void tables_fill(enum lbx_flow_state state)
{
	__u64 meta = lbx_meta(9000, 0, 0, (__u8)state, tick_now());

	for (unsigned n = 0; n < WORLD_SLOTS; n++)
		world.flows4[n].meta = world.flows6[n].meta = world.reverse[n].meta = meta;
}

struct tally {
	unsigned contested, both, one, none;
};

static void same_key_check(const struct scene *scene, __u16 port, __u64 tickets,
			   struct tally *tally)
{
	bool first = lanes[0].actions[0] == XDP_TX, second = lanes[1].actions[0] == XDP_TX;
	__u64 *meta = flow_meta(scene, port); /* fails if there are two */

	tally->contested += keys_left(scene, port) > 0;
	tally->both += first && second;
	tally->one += first != second;
	tally->none += !first && !second;
	if (first || second) {
		assert_non_null(meta);
		assert_int_equal(cursor(scene), tickets + 1);
	}
	if (first && second)
		assert_int_equal(frame_backend(scene, &lanes[0].out[0]),
				 frame_backend(scene, &lanes[1].out[0]));
	if (meta && lbx_meta_port(*meta))
		assert_non_null(way_back(*meta));
}

static const char *kind_name(const struct scene *scene)
{
	static char name[32];

	snprintf(name, sizeof(name), "%s, %s", scene->v6 ? "IPv6" : "IPv4",
		 scene->forward == LBX_FORWARD_DSR ? "dsr" : "fullnat");
	return name;
}

/* prepare: makes the table before each round, given the key. */
static void same_key(void **state, enum lbx_forward forward,
		     void (*prepare)(const struct scene *scene, __u16 port), const char *what)
{
	struct tally tally = {0};
	struct scene scene;
	unsigned rounds = 0;
	__u64 races;

	kind_scene(&scene, state, forward, BACKENDS);
	races = verdict_count(VERDICT_drop_flow_race);
	/* More of them where, for a while, a busy host does not run both CPUs at a time. */
	for (; rounds < ROUNDS || (!tally.contested && rounds < 20 * ROUNDS); rounds++) {
		unsigned round = rounds % ROUNDS;
		__u16 port = (__u16)(1024 + round);
		struct spec syn = from_client(&scene, port, SYN);
		__u64 tickets;

		prepare(&scene, port);
		tickets = cursor(&scene);
		for (unsigned i = 0; i < 2; i++) {
			lanes[i].count = 0;
			lanes[i].work = lane_send;
			lane_add(&lanes[i], &syn);
		}
		lanes_run(round % DELAYS);
		same_key_check(&scene, port, tickets, &tally);
	}
	verdicts_sync();
	printf("# same key, %s, %s: %u rounds, %u contested; both forwarded %u, one %u, none %u; "
	       "drop_flow_race %llu; duplicates 0\n",
	       what, kind_name(&scene), rounds, tally.contested, tally.both, tally.one, tally.none,
	       (unsigned long long)(verdict_count(VERDICT_drop_flow_race) - races));
	/* Losers are dropped only while a winner stands still, preempted. */
	assert_true(tally.none < rounds / 20 && tally.both > rounds / 2);
	assert_true(tally.contested > 0);
}

static void prepare_empty(const struct scene *scene, __u16 port)
{
	(void)scene;
	(void)port;
	tables_clear();
}

static void prepare_half_open(const struct scene *scene, __u16 port)
{
	(void)scene;
	(void)port;
	tables_clear();
	tables_fill(LBX_FLOW_HALF_OPEN);
}

/* Every slot has the very meta word that the new flow will have (no translated port in DSR):
 * whoever compares only meta words takes the one for the other. */
static void prepare_alike(const struct scene *scene, __u16 port)
{
	__u16 backend = scene->backends[cursor(scene) % scene->count];
	__u64 meta = lbx_meta(backend, 0, 0, LBX_FLOW_HALF_OPEN, tick_now());

	(void)port;
	tables_clear();
	for (unsigned n = 0; n < WORLD_SLOTS; n++)
		world.flows4[n].meta = world.flows6[n].meta = meta;
}

static void own_slot(const struct scene *scene, __u16 port, enum lbx_flow_state state, unsigned age)
{
	struct spec syn = from_client(scene, port, SYN);
	struct frame frame, out;
	__u64 *meta;

	tables_clear();
	frame_build(&frame, &syn);
	assert_int_equal(run_raw(&frame, 0, &out), XDP_TX);
	meta = flow_meta(scene, port);
	*meta = lbx_meta_touch(*meta, (__u8)state, (__u16)(tick_now() - age));
}

static void prepare_own_expired(const struct scene *scene, __u16 port)
{
	own_slot(scene, port, LBX_FLOW_ASSURED, 1000);
}

static void prepare_own_closing(const struct scene *scene, __u16 port)
{
	own_slot(scene, port, LBX_FLOW_CLOSING, 0);
}

static void test_same_key_dsr(void **state)
{
	same_key(state, LBX_FORWARD_DSR, prepare_empty, "empty table");
}

static void test_same_key_fullnat(void **state)
{
	same_key(state, LBX_FORWARD_FULLNAT, prepare_empty, "empty table");
}

static void test_same_key_evicting(void **state)
{
	same_key(state, LBX_FORWARD_FULLNAT, prepare_half_open, "full table");
}

static void test_same_key_alike(void **state)
{
	same_key(state, LBX_FORWARD_DSR, prepare_alike, "full of the same meta word");
}

static void test_same_key_expired(void **state)
{
	same_key(state, LBX_FORWARD_FULLNAT, prepare_own_expired, "own slot expired");
}

static void test_same_key_closing(void **state)
{
	same_key(state, LBX_FORWARD_DSR, prepare_own_closing, "own slot closing");
}

/* Every flow has its own way back, and every way back its flow. */
static void assert_halves_match(const struct scene *scene, const __u16 *ports, unsigned count)
{
	unsigned flows = 0;

	for (unsigned i = 0; i < count; i++) {
		__u64 *meta = flow_meta(scene, ports[i]);
		struct lbx_slot_reverse *way;

		if (!meta)
			continue;
		flows++;
		way = way_back(*meta);
		assert_non_null(way);
		assert_int_equal(ntohs((__be16)(way->peer >> 48)), ports[i]);
	}
	assert_int_equal(flows, ways_used());
	assert_int_equal(flows, slots_used(scene));
}

/* More flows than ports, opened from both CPUs. */
static void test_ports_are_never_doubled(void **state)
{
	unsigned opened = 0, refused = 0;
	struct scene scene;

	world_unload();
	world_load(PORT_LO, PORT_HI);
	world_clear(state);
	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, 1);
	for (unsigned round = 0; round < ROUNDS / 2; round++) {
		__u16 ports[12];

		tables_clear();
		for (unsigned i = 0; i < 12; i++) {
			struct spec syn;

			ports[i] = (__u16)(1024 + round * 12 + i);
			syn = from_client(&scene, ports[i], SYN);
			lanes[i % 2].work = lane_send;
			lanes[i % 2].count = i / 2;
			lane_add(&lanes[i % 2], &syn);
		}
		lanes_run(round % DELAYS);
		assert_halves_match(&scene, ports, 12);
		assert_in_range(ways_used(), 1, PORT_HI - PORT_LO + 1);
		opened += ways_used();
		refused += 12 - ways_used();
	}
	printf("# ports, %s: %u flows from two CPUs on %u ports, %u refused; doubled 0\n",
	       kind_name(&scene), opened, PORT_HI - PORT_LO + 1, refused);
	world_unload();
	world_load(LBX_PORT_LO_DEFAULT, LBX_PORT_HI_DEFAULT);
}

static __u32 buckets_of(const struct scene *scene, __u16 port)
{
	const struct lbx_config *config = &world.config;
	struct lbx_addr client = scene_client(scene);
	__u64 hash = scene->v6 ? lbx_hash6(&client, lbx_key6(htons(port), scene->service),
					   config->seeds[0], config->seeds[1])
			       : lbx_hash4(lbx_key4(client.words[3], htons(port), scene->service),
					   config->seeds[0], config->seeds[1]);
	__u32 first = (__u32)hash & config->flow4_mask;
	__u32 second = (__u32)(hash >> 32) & config->flow4_mask;

	return first << 16 | (first == second ? second ^ 1 : second);
}

/* Client ports whose first bucket is the same: they meet there, whatever their second. */
static void ports_colliding(const struct scene *scene, __u16 *ports, unsigned count)
{
	unsigned found = 0;

	for (unsigned port = 1024; port < 65536 && found < count; port++) {
		if (buckets_of(scene, (__u16)port) >> 16 == BUCKET)
			ports[found++] = (__u16)port;
	}
	assert_int_equal(found, count);
}

/* The other buckets are full of living flows. */
static void prepare_one_bucket(void)
{
	__u64 meta = lbx_meta(9000, 0, 0, LBX_FLOW_ASSURED, tick_now());

	tables_clear();
	for (unsigned n = 0; n < WORLD_SLOTS; n++) {
		if (n / LBX_BUCKET_SLOTS != BUCKET)
			world.flows4[n].meta = world.flows6[n].meta = meta;
	}
}

static unsigned flows_live(const struct scene *scene, const __u16 *ports)
{
	unsigned live = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		__u64 *meta = flow_meta(scene, ports[i]); /* fails if there are two */

		if (!meta)
			continue;
		live++;
		assert_non_null(way_back(*meta));
	}
	return live;
}

/* Twelve keys for one bucket: they push each other out all the time, and still each has one slot or
 * none, and each slot its way back. */
static void test_colliding_keys(void **state)
{
	const unsigned rounds = ROUNDS / 4;
	unsigned forwarded = 0, live = 0;
	struct scene scene;
	__u16 ports[KEYS];

	kind_scene(&scene, state, LBX_FORWARD_FULLNAT, BACKENDS);
	ports_colliding(&scene, ports, KEYS);
	for (unsigned i = 0; i < KEYS; i++) {
		struct spec syn = from_client(&scene, ports[i], SYN);
		struct spec mirror = from_client(&scene, ports[KEYS - 1 - i], SYN);

		lanes[0].count = lanes[1].count = i;
		lanes[0].work = lanes[1].work = lane_send;
		lane_add(&lanes[0], &syn);
		lane_add(&lanes[1], &mirror);
	}
	for (unsigned round = 0; round < rounds; round++) {
		unsigned now;

		prepare_one_bucket();
		lanes_run(round % DELAYS);
		now = flows_live(&scene, ports);
		/* who yields to a rival has evicted somebody already: a slot may stay empty */
		assert_in_range(now, 1, LBX_BUCKET_SLOTS);
		assert_int_equal(slots_used(&scene), WORLD_SLOTS - LBX_BUCKET_SLOTS + now);
		assert_int_equal(ways_used(), now);
		live += now;
		for (unsigned i = 0; i < KEYS; i++)
			forwarded += lanes[0].actions[i] == XDP_TX;
	}
	assert_true(live > rounds * (LBX_BUCKET_SLOTS - 1));
	printf("# colliding keys, %s: %u rounds of 24 SYNs for 4 slots; one CPU forwarded %u of "
	       "%u; duplicates 0\n",
	       kind_name(&scene), rounds, forwarded, rounds * KEYS);
}

/* Different connections, from both CPUs at once: no ticket is lost, none given out twice, so the
 * backends' counts are exact. */
static void test_tickets_are_exact(void **state)
{
	unsigned counts[BACKENDS] = {0}, opened = 0;
	struct scene scene;

	kind_scene(&scene, state, LBX_FORWARD_DSR, BACKENDS);
	for (unsigned round = 0; round < ROUNDS / 4; round++) {
		tables_clear();
		for (unsigned i = 0; i < 2 * LANE_MAX; i++) {
			struct lane *lane = &lanes[i % 2];
			struct spec syn = from_client(&scene, (__u16)(1024 + opened++), SYN);

			lane->work = lane_send;
			lane->count = i / 2;
			lane_add(lane, &syn);
		}
		lanes_run(round % DELAYS);
		for (unsigned i = 0; i < 2 * LANE_MAX; i++)
			counts[frame_backend(&scene, &lanes[i % 2].out[i / 2])]++;
		assert_true(cursor(&scene) == opened);
	}
	for (unsigned i = 0; i < BACKENDS; i++)
		assert_in_range(counts[i], opened / BACKENDS, opened / BACKENDS + 1);
	printf("# tickets, %s: %u connections from two CPUs, backends' counts %u, %u, %u\n",
	       kind_name(&scene), opened, counts[0], counts[1], counts[2]);
}

static atomic_ulong swept;

static __u64 *slot_meta(bool v6, unsigned n)
{
	return v6 ? &world.flows6[n].meta : &world.flows4[n].meta;
}

/* The controller: empties what is expired, and makes the rest expire. */
static void lane_sweep(struct lane *lane)
{
	bool v6 = frame_is_v6(&lane->frames[0]);

	for (unsigned n = 0; n < WORLD_SLOTS; n++) {
		__u64 *word = slot_meta(v6, n), meta = __atomic_load_n(word, __ATOMIC_ACQUIRE);
		__u64 old = lbx_meta_touch(meta, lbx_meta_state(meta), (__u16)(tick_now() - 1000));

		if (lbx_meta_state(meta) <= LBX_FLOW_CLAIM)
			continue;
		if (meta == old)
			old = 0;
		if (__atomic_compare_exchange_n(word, &meta, old, false, __ATOMIC_ACQ_REL,
						__ATOMIC_ACQUIRE))
			swept++;
	}
}

/* One CPU opens flows while the other makes them expire and empties their slots. */
static void test_insert_against_expiry(void **state)
{
	struct scene scene;
	unsigned forwarded = 0;

	kind_scene(&scene, state, LBX_FORWARD_DSR, BACKENDS);
	atomic_store(&swept, 0);
	lanes[0].work = lane_send;
	lanes[1].work = lane_sweep;
	for (unsigned i = 0; i < 2; i++)
		lanes[i].count = 0;
	for (unsigned i = 0; i < LANE_MAX; i++) {
		struct spec syn = from_client(&scene, (__u16)(1024 + i), SYN);

		lane_add(&lanes[i < LANE_MAX - 1 ? 0 : 1], &syn);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		lanes_run(round % DELAYS);
		for (unsigned i = 0; i < lanes[0].count; i++) {
			forwarded += lanes[0].actions[i] == XDP_TX;
			flow_meta(&scene, (__u16)(1024 + i)); /* fails if there are two */
		}
	}
	assert_int_equal(forwarded, ROUNDS * (LANE_MAX - 1));
	assert_true(cursor(&scene) <= forwarded);
	assert_true(swept > ROUNDS);
	printf("# insert against expiry, %s: %u SYNs, all forwarded, by %llu tickets; %lu slots "
	       "swept; duplicates 0\n",
	       kind_name(&scene), forwarded, (unsigned long long)cursor(&scene),
	       atomic_load(&swept));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TCP_TESTS(test_same_key_dsr),
		TCP_TESTS(test_same_key_fullnat),
		TCP_TESTS(test_same_key_evicting),
		TCP_TESTS(test_same_key_alike),
		TCP_TESTS(test_same_key_expired),
		TCP_TESTS(test_same_key_closing),
		TCP_TESTS(test_colliding_keys),
		TCP_TESTS(test_tickets_are_exact),
		TCP_TESTS(test_ports_are_never_doubled),
		TCP_TESTS(test_insert_against_expiry),
	};

	return cmocka_run_group_tests_name("race", tests, lanes_setup, lanes_teardown);
}
