/* SPDX-License-Identifier: GPL-2.0 */
/* Stages 3 and 4 of a new flow: win its slot (the protocol is in slot.h), then take a ticket and
 * publish. */
#ifndef LBX_BPF_OPEN_H
#define LBX_BPF_OPEN_H

#include "bpf/reverse_open.h"

#define OPEN_ATTEMPTS 4
#define OPEN_WAIT_READS 64 /* of the winner's slot; some microseconds */

/* What an attempt to win a slot came to. */
enum contest {
	CONTEST_AGAIN,	 /* the victim changed */
	CONTEST_PENDING, /* a rival claim, later in probe order, will be published or released */
	CONTEST_WON,
	CONTEST_FOUND, /* the flow is there: opening->meta */
	CONTEST_LOST,  /* another CPU is opening it */
	CONTEST_FULL,
};

static __always_inline bool opening_buckets(struct buckets *buckets, const struct opening *opening,
					    bool v6)
{
	return buckets_at(buckets, opening->first, opening->second, v6);
}

/* Bit n: slot n of that bucket is empty. */
static __always_inline __u32 bucket_empties(const struct buckets *buckets, __u32 bucket, bool v6)
{
	__u32 mask = 0;

#pragma unroll
	for (__u32 n = 0; n < LBX_BUCKET_SLOTS; n++) {
		__u32 slot = bucket * LBX_BUCKET_SLOTS + n;

		mask |= meta_is_empty(READ_ONCE(*candidate(buckets, slot, v6))) << n;
	}
	return mask;
}

/* The common case, a new slot in a table that is not full: an empty one, or NULL. */
static __always_inline __u64 *flow_empty(const struct buckets *buckets, bool v6)
{
	__u32 first = bucket_empties(buckets, 0, v6), second = bucket_empties(buckets, 1, v6);

	if (bucket_is_preferred(mask_count(first), mask_count(second)))
		return candidate(buckets, mask_lowest(first), v6);
	return second ? candidate(buckets, LBX_BUCKET_SLOTS + mask_lowest(second), v6) : NULL;
}

/* The best slot to take; *before: its meta. */
static __always_inline enum contest flow_victim(__u64 **meta, __u64 *before,
						const struct buckets *buckets, __u16 now, bool v6)
{
	struct lbx_settings *s = settings_lookup();
	struct victims victims = {};
	__u64 best;

	*before = 0;
	*meta = flow_empty(buckets, v6);
	if (likely(*meta != NULL))
		return CONTEST_WON;
	if (!s)
		return CONTEST_FULL;
#pragma unroll
	for (__u32 n = 0; n < CANDIDATES; n++)
		victims_consider(&victims, s, READ_ONCE(*candidate(buckets, n, v6)), n, now);
	best = victims_best(&victims);
	if (victim_rank(best) == VICTIM_NONE)
		return CONTEST_FULL;
	*meta = candidate(buckets, victim_slot(best), v6);
	*before = READ_ONCE(**meta);
	/* It may have changed since it was judged. */
	return victim_is_fair(s, *before, now) ? CONTEST_WON : CONTEST_AGAIN;
}

/* What a slot's key says of the client. Its MAC is not known. */
static __always_inline void slot_peer(__u64 *meta, struct peer *peer, bool v6)
{
	__u64 key = v6 ? slot6_of(meta)->key : slot4_of(meta)->key;

	if (v6) {
		peer->client = slot6_of(meta)->client;
	} else {
		peer->client.halves[0] = 0;
		peer->client.words[2] = bpf_htonl(0xffff);
		peer->client.words[3] = lbx_key_client4(key);
	}
	peer->word = (__u64)lbx_key_port(key) << 48;
	peer->destination = v6 ? lbx_key_destination6(key) : 0;
}

/* Notes who loses the slot, if that is a living flow with a translated port, for evicted_release.
 */
static __always_inline void evicted_note(struct opening *opening, __u64 *meta, __u64 before,
					 bool v6)
{
	/* A closing or moved flow's way back is left to expire: answers under way still find it. */
	if (!lbx_meta_translated(before) || before == opening->replace ||
	    meta_is_expired(before, opening->now))
		return;
	opening->evicted_meta = before;
	slot_peer(meta, &opening->evicted, v6);
}

/* Step 1: take the key's own slot if that is over, or else a victim's, and write our key into it.
 */
static __always_inline enum contest slot_claim(__u64 **meta, const struct buckets *buckets,
					       struct opening *opening, bool v6)
{
	enum contest contest;
	__u64 before;
	bool own;

	*meta = opening->absent ? NULL : flow_lookup(buckets, &opening->key, &before, v6);
	own = *meta != NULL;
	if (!own) {
		contest = flow_victim(meta, &before, buckets, opening->now, v6);
		if (contest != CONTEST_WON)
			return contest;
	} else if (before != opening->replace && !meta_is_expired(before, opening->now)) {
		opening->meta = before;
		return CONTEST_FOUND;
	}
	opening->claim = claim_meta(0, opening->now);
	if (meta_swap(*meta, before, opening->claim) != before)
		return CONTEST_AGAIN;
	/* Between our look and our swap another CPU opened our flow right here, with a meta word as
	 * fair to take, or even the same: give it back. */
	if (!own && meta_is_live(before) && slot_has_key(*meta, &opening->key, v6)) {
		meta_swap(*meta, opening->claim, before);
		return CONTEST_AGAIN;
	}
	evicted_note(opening, *meta, before, v6);
	slot_write_key(*meta, &opening->key, v6);
	return CONTEST_WON;
}

/* Step 2, for one other slot with our key. */
static __always_inline enum contest rival_judge(__u64 meta, bool earlier, struct opening *opening)
{
	if (!lbx_meta_state(meta))
		return CONTEST_WON;
	if (!meta_is_live(meta))
		return earlier ? CONTEST_LOST : CONTEST_PENDING;
	if (meta_is_expired(meta, opening->now))
		return CONTEST_WON;
	opening->meta = meta;
	return CONTEST_FOUND;
}

/* Sets opening->slot, as the loop comes by it. */
static __always_inline enum contest rivals_scan(const __u64 *mine, const struct buckets *buckets,
						struct opening *opening, bool v6)
{
	enum contest contest;
	bool earlier = true;

#pragma unroll
	for (__u32 n = 0; n < CANDIDATES; n++) {
		__u64 *meta = candidate(buckets, n, v6);

		if (meta == mine) {
			opening->slot = n;
			earlier = false;
			continue;
		}
		if (!slot_has_key(meta, &opening->key, v6))
			continue;
		contest = rival_judge(READ_ONCE(*meta), earlier, opening);
		if (contest != CONTEST_WON)
			return contest;
	}
	return CONTEST_WON;
}

/* Step 2. Unless the claim stands or has to wait, it is released. */
static __always_inline enum contest rivals_settle(__u64 *mine, const struct buckets *buckets,
						  struct opening *opening, bool v6)
{
	enum contest contest = rivals_scan(mine, buckets, opening, v6);

	if (contest != CONTEST_WON && contest != CONTEST_PENDING)
		meta_swap(mine, opening->claim, 0);
	return contest;
}

/* Steps 1 and 2, once. */
static __always_inline enum contest slot_contest(struct opening *opening, bool v6)
{
	enum contest contest;
	struct buckets buckets;
	__u64 *meta;

	if (!opening_buckets(&buckets, opening, v6))
		return CONTEST_FULL;
	contest = slot_claim(&meta, &buckets, opening, v6);
	return contest == CONTEST_WON ? rivals_settle(meta, &buckets, opening, v6) : contest;
}

/* Step 2 again, for a pending claim. */
static __always_inline enum contest slot_recontest(struct opening *opening, bool v6)
{
	struct buckets buckets;

	if (!opening_buckets(&buckets, opening, v6))
		return CONTEST_FULL;
	return rivals_settle(candidate(&buckets, opening->slot & 7, v6), &buckets, opening, v6);
}

/* Not static, so that they are verified once; see reverse_open.h. Return an enum contest. */
int __noinline flow4_contest(struct opening *opening)
{
	return opening ? slot_contest(opening, false) : CONTEST_FULL;
}

int __noinline flow6_contest(struct opening *opening)
{
	return opening ? slot_contest(opening, true) : CONTEST_FULL;
}

int __noinline flow4_recontest(struct opening *opening)
{
	return opening ? slot_recontest(opening, false) : CONTEST_FULL;
}

int __noinline flow6_recontest(struct opening *opening)
{
	return opening ? slot_recontest(opening, true) : CONTEST_FULL;
}

/* Steps 1 and 2, until they come to something. */
static __always_inline enum contest slot_win(struct opening *opening, bool v6)
{
	enum contest contest = CONTEST_AGAIN;

	opening->evicted_meta = 0;
	opening->absent = !opening->replace;
	for (int i = 0; i < OPEN_ATTEMPTS && contest == CONTEST_AGAIN; i++) {
		contest = v6 ? flow6_contest(opening) : flow4_contest(opening);
		opening->absent = false;
	}
	for (int i = 0; i < OPEN_WAIT_READS && unlikely(contest == CONTEST_PENDING); i++)
		contest = v6 ? flow6_recontest(opening) : flow4_recontest(opening);
	return contest;
}

static __always_inline void backend_count_connection(__u32 id)
{
	struct lbx_backend_stats *stats = bpf_map_lookup_elem(&backend_stats, &id);

	if (stats)
		stats->connections++;
}

/* Step 4: ticket, backend, translated port. Sets opening->meta. */
static __always_inline enum verdict backend_assign(struct opening *opening)
{
	__u16 id = backend_pick(opening->service);
	struct lbx_backend *backend = backend_lookup(id);
	enum verdict verdict = VERDICT_CONTINUE;

	if (!id)
		return opening->closed ? VERDICT_reply_reset_closed : VERDICT_drop_no_backend;
	if (!backend)
		return VERDICT_drop_error;
	opening->meta = lbx_meta(id, opening->hop, opening->hop ? LBX_META_HOP : 0, opening->state,
				 opening->now);
	if (opening->forward == LBX_FORWARD_FULLNAT)
		verdict = reverse_open(opening, id, backend);
	if (verdict == VERDICT_CONTINUE)
		backend_count_connection(id);
	return verdict;
}

/* Writes the flow, or (on another verdict than CONTINUE) nothing, into the slot that we won. */
static __always_inline enum verdict claim_publish(struct opening *opening, enum verdict verdict,
						  bool v6)
{
	__u64 after = verdict == VERDICT_CONTINUE ? opening->meta : 0, claim = opening->claim;
	struct buckets buckets;

	if (!opening_buckets(&buckets, opening, v6))
		return VERDICT_drop_error;
	if (meta_swap(candidate(&buckets, opening->slot & 7, v6), claim, after) != claim)
		return VERDICT_drop_flow_race; /* the controller's sweep took the claim for a dead
						  one */
	return verdict;
}

/* Another CPU opens our flow: wait for what it decides. */
static __always_inline enum verdict winner_await(struct opening *opening, bool v6)
{
	struct buckets buckets;

	if (!opening_buckets(&buckets, opening, v6))
		return VERDICT_drop_error;
	for (int i = 0; i < OPEN_WAIT_READS; i++) {
		if (flow_lookup(&buckets, &opening->key, &opening->meta, v6))
			return VERDICT_CONTINUE;
	}
	return VERDICT_drop_flow_race;
}

/* Releases the other half of an evicted flow. */
static __always_inline void evicted_release(struct opening *opening,
					    int (*release)(const struct peer *, __u64))
{
	if (opening->evicted_meta)
		release(&opening->evicted, opening->evicted_meta);
	opening->evicted_meta = 0;
}

static __always_inline enum verdict flow_open(struct opening *opening, bool v6)
{
	enum contest contest = slot_win(opening, v6);
	enum verdict verdict;

	evicted_release(opening, reverse_release);
	switch (contest) {
	case CONTEST_WON:
		verdict = backend_assign(opening);
		evicted_release(opening, forward_release);
		return claim_publish(opening, verdict, v6);
	case CONTEST_PENDING:
		return claim_publish(opening, VERDICT_drop_flow_race, v6);
	case CONTEST_FOUND:
		return VERDICT_CONTINUE;
	case CONTEST_LOST:
		return winner_await(opening, v6);
	case CONTEST_FULL:
		return VERDICT_drop_flow_table_full;
	default:
		return VERDICT_drop_flow_race;
	}
}

int __noinline flow4_open(struct opening *opening)
{
	return opening ? flow_open(opening, false) : VERDICT_drop_error;
}

int __noinline flow6_open(struct opening *opening)
{
	return opening ? flow_open(opening, true) : VERDICT_drop_error;
}

#endif
