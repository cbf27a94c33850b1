/* SPDX-License-Identifier: GPL-2.0 */
/* Which slot a new flow may have. */
#ifndef LBX_BPF_VICTIM_H
#define LBX_BPF_VICTIM_H

#include "bpf/clock.h"
#include "bpf/packet.h"

/*
 * How readily a slot is given up. A slot that certainly holds a living connection is never given
 * up, so no flood can evict one.
 */
enum victim_rank {
	VICTIM_NONE = 0,
	VICTIM_FRESH = 1, /* the handshake seems complete, but may be spoofed; or it is closing */
	VICTIM_HALF_OPEN = 2,
	VICTIM_FREE = 3, /* empty or expired */
};

#define RANK(state, rank) ((__u32)(rank) << ((state)*2))
#define VICTIM_RANKS                                                                               \
	(RANK(LBX_FLOW_EMPTY, VICTIM_FREE) | RANK(LBX_FLOW_HALF_OPEN, VICTIM_HALF_OPEN) |          \
	 RANK(LBX_FLOW_FRESH, VICTIM_FRESH) | RANK(LBX_FLOW_CLOSING, VICTIM_FRESH) |               \
	 RANK(LBX_FLOW_UDP_FRESH, VICTIM_HALF_OPEN))
#define VICTIM_EXPIRABLE 0xfd /* bit per state: all but a claim */

/* The best victims of the two buckets, and how many slots are free there. */
struct victims {
	__u64 best[2]; /* scores */
	__u64 free[2];
};

/* 1 for a negative number. Hides where it comes from, or the compiler would put the branches back
 * in. */
static __always_inline __u64 sign_bit(__u64 difference)
{
	asm volatile("" : "+r"(difference));
	return difference >> 63;
}

/*
 * A slot's score: its rank, its age (the oldest of a kind goes first) and its place, so that one
 * maximum is the whole choice.
 *
 *    17 16 15    0 shifted by 3, below:
 *   | rank |  age  | 7 - slot |
 *
 * Computed without branches: eight slots with three outcomes each would cost the verifier 3^8
 * states.
 */
static __always_inline __u64 victim_score(const struct lbx_settings *s, __u64 meta, __u32 slot,
					  __u16 now)
{
	__u32 state = lbx_meta_state(meta) & 7;
	__u64 age = (__u16)(now - lbx_meta_tick(meta));
	__u64 ahead = (age + 1) >> 16; /* a clock one tick ahead: as young as can be */
	__u64 expired = sign_bit(s->timeout_ticks[state] - age);
	__u64 rank = VICTIM_RANKS >> (state * 2) & 3, free;

	expired &= (ahead ^ 1) & (VICTIM_EXPIRABLE >> state);
	rank |= expired * VICTIM_FREE;
	free = rank & rank >> 1;
	age *= (ahead ^ 1) & (free ^ 1);
	return rank << 19 | age << 3 | (7 - slot);
}

static __always_inline __u32 victim_slot(__u64 score)
{
	return 7 - (score & 7);
}

static __always_inline enum victim_rank victim_rank(__u64 score)
{
	return score >> 19 & 3;
}

/* The greater of two scores, again without a branch. */
static __always_inline __u64 score_max(__u64 a, __u64 b)
{
	__u64 difference = b - a;

	return b - (difference & -sign_bit(difference));
}

/* Whether a slot with this meta may be taken from its holder. */
static __always_inline bool victim_is_fair(const struct lbx_settings *s, __u64 meta, __u16 now)
{
	return victim_rank(victim_score(s, meta, 0, now)) != VICTIM_NONE;
}

static __always_inline void victims_consider(struct victims *victims, const struct lbx_settings *s,
					     __u64 meta, __u32 slot, __u16 now)
{
	__u64 score = victim_score(s, meta, slot, now);
	__u32 bucket = slot / LBX_BUCKET_SLOTS;

	victims->free[bucket] += score >> 19 & score >> 20 & 1;
	victims->best[bucket] = score_max(victims->best[bucket], score);
}

/* 1 if nobody holds or claims the slot. */
static __always_inline __u32 meta_is_empty(__u64 meta)
{
	return sign_bit(meta | -meta) ^ 1;
}

/* Of a mask of four bits: how many, and which is the lowest. Looked up in a constant. */
static __always_inline __u32 mask_count(__u32 mask)
{
	return 0x4332322132212110ULL >> (mask & 15) * 4 & 7;
}

static __always_inline __u32 mask_lowest(__u32 mask)
{
	return 0x12131210U >> (mask & 15) * 2 & 3;
}

/*
 * Whether the first bucket is the better one, by how many slots are free in each. The emptier one
 * is, so that the buckets fill evenly; but a first bucket that holds one flow at most is good
 * enough: most packets then find their flow in the first cache line. (Simulated, 1 Mi slots filled
 * to half: 81% are in the first bucket instead of 73%, and of all 524,288 flows 17 instead of 7 to
 * 9 found their eight slots taken.)
 */
static __always_inline bool bucket_is_preferred(__u64 first, __u64 second)
{
	return first >= LBX_BUCKET_SLOTS - 1 || (first && first >= second);
}

/* A free slot of the better bucket; where nothing is free, the readiest of all eight. */
static __always_inline __u64 victims_best(const struct victims *victims)
{
	if (bucket_is_preferred(victims->free[0], victims->free[1]))
		return victims->best[0];
	if (victims->free[1])
		return victims->best[1];
	return score_max(victims->best[0], victims->best[1]);
}

#endif
