// SPDX-License-Identifier: GPL-2.0
#include "user/model/schedule.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

/*
 * A backend while the table is filled. With m backends, K = 2m - 2, weight w, length L, and x slots
 * served before step t, the paper's fractions are kept exact by multiplying them through:
 *
 *   released  w/L * t - x >= 1/K                 <=>  t >= L * (1 + K*x) / (K*w)
 *   deadline  (1 - 1/K + x) / (w/L), minimal     <=>  (K - 1 + K*x) / w, minimal
 *
 * So the step of its release is known as soon as it was served: until then it waits in that step's
 * list, from then on in a heap by deadline. That is O(L log m), where looking at all backends in
 * each step took 10 ms for a large table.
 */
struct contender {
	__u64 weight;
	__u64 served;		/* x */
	__u64 deadline;		/* K - 1 + K*x, still to be divided by the weight */
	__u64 remainder;	/* while scaling: of the exact share */
	struct contender *next; /* in its step's list */
	__u16 id;
	bool fixed_at_one; /* while scaling: its share is below 1 */
};

/* The filling of one table. */
struct filling {
	__u64 length, factor;				  /* L, K */
	struct contender *released[LBX_SCHEDULE_MAX + 1]; /* by step, which counts from 1 */
	struct contender *heap[LBX_BACKENDS_PER_SERVICE];
	size_t heap_count;
};

static __u64 common_divisor(__u64 a, __u64 b)
{
	while (b) {
		__u64 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static __u64 weight_sum(const struct contender *contenders, size_t count)
{
	__u64 sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += contenders[i].weight;
	return sum;
}

/* Copies the entries that have a weight, with the weights divided by what they have in common. */
static size_t contenders_init(struct contender *contenders, const struct schedule_entry *entries,
			      size_t entry_count)
{
	__u64 divisor = 0;
	size_t count = 0;

	for (size_t i = 0; i < entry_count; i++) {
		if (!entries[i].weight)
			continue;
		divisor = common_divisor(divisor, entries[i].weight);
		contenders[count++] = (struct contender){
			.id = entries[i].id,
			.weight = entries[i].weight,
		};
	}
	for (size_t i = 0; i < count; i++)
		contenders[i].weight /= divisor;
	return count;
}

/*
 * Gives one slot to each backend whose share would be less. That leaves less for the others, which
 * may push more of them below 1: again until none is. Returns the slots left for the others and
 * their weights' sum.
 */
static __u64 small_shares_fix(struct contender *contenders, size_t count, __u64 *sum)
{
	__u64 slots = LBX_SCHEDULE_MAX;
	size_t fixed_before, fixed = 0;

	*sum = weight_sum(contenders, count);
	do {
		__u64 round_slots = slots, round_sum = *sum;

		fixed_before = fixed;
		for (size_t i = 0; i < count; i++) {
			struct contender *contender = &contenders[i];

			if (contender->fixed_at_one || contender->weight * round_slots >= round_sum)
				continue;
			contender->fixed_at_one = true;
			*sum -= contender->weight;
			slots--;
			fixed++;
		}
	} while (fixed != fixed_before);
	return slots;
}

/* The index of the largest remainder, the first of equals; it is then out of the running. */
static size_t remainder_take(struct contender *contenders, size_t count)
{
	size_t largest = 0;

	for (size_t i = 1; i < count; i++) {
		if (contenders[i].remainder > contenders[largest].remainder)
			largest = i;
	}
	contenders[largest].remainder = 0;
	return largest;
}

/* Scales the weights so that their sum is LBX_SCHEDULE_MAX, by largest remainder, at least 1 each.
 */
static void weights_scale(struct contender *contenders, size_t count)
{
	__u64 sum, slots = small_shares_fix(contenders, count, &sum), left = slots;

	for (size_t i = 0; i < count; i++) {
		struct contender *contender = &contenders[i];
		__u64 product = contender->weight * slots;

		if (contender->fixed_at_one) {
			contender->weight = 1;
			continue;
		}
		contender->weight = product / sum;
		contender->remainder = product % sum;
		left -= contender->weight;
	}
	/* Fewer are left than there are remainders above 0. */
	for (; left; left--)
		contenders[remainder_take(contenders, count)].weight++;
}

/* The earlier deadline; of equal ones that of the earlier entry. */
static bool contender_is_before(const struct contender *a, const struct contender *b)
{
	__u64 a_scaled = a->deadline * b->weight, b_scaled = b->deadline * a->weight;

	return a_scaled != b_scaled ? a_scaled < b_scaled : a < b;
}

static void heap_push(struct filling *filling, struct contender *contender)
{
	struct contender **heap = filling->heap;
	size_t at = filling->heap_count++;

	for (; at && contender_is_before(contender, heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = contender;
}

static struct contender *heap_pop(struct filling *filling)
{
	struct contender **heap = filling->heap, *first = heap[0];
	struct contender *moved = heap[--filling->heap_count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < filling->heap_count) {
		if (child + 1 < filling->heap_count &&
		    contender_is_before(heap[child + 1], heap[child]))
			child++;
		if (!contender_is_before(heap[child], moved))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = moved;
	return first;
}

/* Has it wait for its next release, which is after the step `now`; one after the last step is none.
 */
static void contender_wait(struct filling *filling, struct contender *contender, __u64 now)
{
	__u64 divisor = filling->factor * contender->weight;
	__u64 dividend = filling->length * (1 + filling->factor * contender->served);
	__u64 step = (dividend + divisor - 1) / divisor;

	if (step <= now)
		step = now + 1;
	if (step > filling->length)
		return;
	contender->deadline = filling->factor - 1 + filling->factor * contender->served;
	contender->next = filling->released[step];
	filling->released[step] = contender;
}

static void table_fill(struct lbx_schedule *schedule, struct filling *filling,
		       struct contender *contenders, size_t count)
{
	filling->factor = count > 1 ? 2 * count - 2 : 1;
	for (size_t i = 0; i < count; i++)
		contender_wait(filling, &contenders[i], 0);
	for (__u64 step = 1; step <= filling->length; step++) {
		struct contender *served = filling->released[step];

		for (; served; served = served->next)
			heap_push(filling, served);
		assert(filling->heap_count); /* the paper proves it */
		served = heap_pop(filling);
		served->served++;
		schedule->backends[step - 1] = served->id;
		contender_wait(filling, served, step);
	}
	schedule->length = (__u32)filling->length;
}

int schedule_compute(struct lbx_schedule *schedule, const struct schedule_entry *entries,
		     size_t count)
{
	autofree struct contender *contenders = NULL;
	autofree struct filling *filling = NULL;

	if (count > LBX_BACKENDS_PER_SERVICE)
		return -EINVAL;
	contenders = calloc(count ? count : 1, sizeof(*contenders));
	filling = calloc(1, sizeof(*filling));
	if (!contenders || !filling)
		return -ENOMEM;
	memset(schedule, 0, sizeof(*schedule));
	count = contenders_init(contenders, entries, count);
	filling->length = weight_sum(contenders, count);
	if (filling->length > LBX_SCHEDULE_MAX) {
		weights_scale(contenders, count);
		filling->length = LBX_SCHEDULE_MAX;
	}
	table_fill(schedule, filling, contenders, count);
	return 0;
}
