// SPDX-License-Identifier: GPL-2.0
#include "user/model/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

/*
 * A backend while the table is filled. With m backends, K = 2m - 2, weight w, length L, and x slots
 * served before step t, the paper's fractions are kept exact by multiplying them through:
 *
 *   lag       w/L * t - x >= 1/K                 <=>  K*w*t - K*x*L >= L
 *   deadline  (1 - 1/K + x) / (w/L), minimal     <=>  (K - 1 + K*x) / w, minimal
 */
struct contender {
	__u64 weight;
	__s64 lag;	 /* K*w*t - K*x*L - L: may be served if >= 0 */
	__u64 deadline;	 /* K - 1 + K*x, still to be divided by the weight */
	__u64 remainder; /* while scaling: of the exact share */
	__u16 id;
	__u8 fixed_at_one; /* while scaling: its share is below 1 */
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
			contender->fixed_at_one = 1;
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

/* One step: the earliest deadline among those whose lag allows it, the first of equals. The paper
 * proves that there is always one. */
static struct contender *contender_next(struct contender *contenders, size_t count, __s64 factor)
{
	struct contender *next = NULL;

	for (size_t i = 0; i < count; i++) {
		struct contender *contender = &contenders[i];

		contender->lag += factor * (__s64)contender->weight;
		if (contender->lag >= 0 && (!next || contender->deadline * next->weight <
							     next->deadline * contender->weight))
			next = contender;
	}
	return next;
}

static void table_fill(struct lbx_schedule *schedule, struct contender *contenders, size_t count,
		       __u64 length)
{
	__s64 factor = count > 1 ? 2 * (__s64)count - 2 : 1;

	for (size_t i = 0; i < count; i++) {
		contenders[i].lag = -(__s64)length;
		contenders[i].deadline = (__u64)factor - 1;
	}
	for (__u64 slot = 0; slot < length; slot++) {
		struct contender *served = contender_next(contenders, count, factor);

		served->lag -= factor * (__s64)length;
		served->deadline += (__u64)factor;
		schedule->backends[slot] = served->id;
	}
	schedule->length = (__u32)length;
}

int schedule_compute(struct lbx_schedule *schedule, const struct schedule_entry *entries,
		     size_t count)
{
	autofree struct contender *contenders = NULL;
	__u64 length;

	if (count > LBX_BACKENDS_PER_SERVICE)
		return -EINVAL;
	contenders = calloc(count ? count : 1, sizeof(*contenders));
	if (!contenders)
		return -ENOMEM;
	memset(schedule, 0, sizeof(*schedule));
	count = contenders_init(contenders, entries, count);
	length = weight_sum(contenders, count);
	if (length > LBX_SCHEDULE_MAX) {
		weights_scale(contenders, count);
		length = LBX_SCHEDULE_MAX;
	}
	table_fill(schedule, contenders, count, length);
	return 0;
}
