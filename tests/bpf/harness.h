/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The data plane in a test: loaded by its skeleton, its maps filled by hand, packets given to it by
 * BPF_PROG_TEST_RUN. A test is packet, setup, check. The flow tables are mapped into memory, so
 * that tests can read, place and age flows.
 *
 * The program runs in a network namespace of its own, with lo (ifindex 1, which a test run comes in
 * by unless told otherwise) and a veth pair to redirect to.
 */
#ifndef LBX_TEST_HARNESS_H
#define LBX_TEST_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "maps/flow.h"
#include "maps/hash.h"
#include "maps/types.h"
#include "maps/verdict.h"
#include "tests/bpf/packet.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define WORLD_SLOTS 1024u

enum {
	IFINDEX_IN = 1, /* lo */
	INDEX_IN = 0,
	INDEX_OUT = 3, /* the other interface; that index and no lower one is in tx_ports */
};

struct world_maps {
	int services4, services6, services, nat_backends, hops, schedules, backends, backend_stats,
		verdicts;
	int interfaces, interfaces_by_ifindex, tx_ports, snat4, snat6, settings;
};

/* Everything of the loaded program. The tables are arrays of WORLD_SLOTS slots. */
struct world {
	int program;
	struct world_maps maps;
	struct lbx_config config;
	struct lbx_slot4 *flows4;
	struct lbx_slot6 *flows6;
	struct lbx_slot_reverse *reverse;
	struct lbx_cursor *cursors;
	struct lbx_settings *settings;
	struct lbx_backend *backends;
	unsigned ifindex_out;
	__u16 services, backends_used; /* ids given out since the last clear; scene.h */
	__u64 produced[VERDICT_COUNT]; /* by this process */
};

extern struct world world;
/* Of lo and the other interface, as the program is told; and of the client's next hop. */
extern const __u8 mac_ours[6], mac_other[6], mac_client[6];

/* Loads the program with that range of translated ports. */
void world_load(__u16 port_lo, __u16 port_hi);
void world_unload(void);
/* Group and test fixtures: load with the default range; empty all maps, default settings. */
int world_setup(void **state);
int world_teardown(void **state);
int world_clear(void **state);

void map_put(int map, const void *key, const void *value);
void map_get(int map, const void *key, void *value);

/* What came of a packet. */
struct outcome {
	enum verdict verdict;
	int action;
	struct frame frame;
};

const char *verdict_name(enum verdict verdict);
/* How often it was counted, on all CPUs; and: count from here, after runs that are not run_frame's.
 */
__u64 verdict_count(enum verdict verdict);
void verdicts_sync(void);
/*
 * Gives the frame to the program, come in by ifindex (0: as it is, lo). Fails the test unless
 * exactly one verdict was counted, the action is one of the verdict's class, and a PASSed frame is
 * unchanged.
 */
struct outcome run_frame_on(const struct frame *frame, unsigned ifindex);
struct outcome run_frame(const struct frame *frame);
/* Only the run, and the action; for threads, which cannot count. */
int run_raw(const struct frame *frame, unsigned ifindex, struct frame *out);
/* Builds and runs. The second also checks the verdict. */
struct outcome run(const struct spec *spec);
struct outcome expect(const struct spec *spec, enum verdict verdict);
struct outcome expect_frame(const struct frame *frame, enum verdict verdict);

/* The program's clock, in ticks; and a wait until a tick is young enough for a test to end in it.
 */
__u16 tick_now(void);
void tick_settle(void);

/* xorshift64*: the same numbers on every run and every libc. */
uint32_t random_next(uint64_t *state);

#define WORLD_TEST(name) cmocka_unit_test_setup(name, world_clear)

#endif
