// SPDX-License-Identifier: GPL-2.0
/* Who gets new connections, and what becomes of the flows of the others. */
#include "tests/unit/unit.h"

#include "user/model/eligibility.h"

enum { COUNT_MAX = 8 };

static struct schedule_entry entries[COUNT_MAX];

static struct backend_facts facts_of(__u16 id, enum health_state health, bool reachable)
{
	return (struct backend_facts){
		.id = id, .weight = 1, .checked = true, .health = health, .reachable = reachable};
}

static void test_states(void **state)
{
	struct backend_facts facts = facts_of(1, HEALTH_CHECKING, true);

	(void)state;
	assert_int_equal(backend_state(&facts), BACKEND_CHECKING);
	facts.health = HEALTH_UP;
	assert_int_equal(backend_state(&facts), BACKEND_UP);
	facts.health = HEALTH_DOWN;
	assert_int_equal(backend_state(&facts), BACKEND_DOWN);
	facts.reachable = false;
	assert_int_equal(backend_state(&facts), BACKEND_UNREACHABLE);
	facts = facts_of(1, HEALTH_CHECKING, true);
	facts.checked = false;
	assert_int_equal(backend_state(&facts), BACKEND_UP);
	assert_string_equal(backend_state_name(BACKEND_UNREACHABLE), "unreachable");
	assert_string_equal(backend_state_name(BACKEND_CHECKING), "checking");
}

static void test_only_those_up_and_with_a_weight(void **state)
{
	struct backend_facts facts[] = {
		facts_of(1, HEALTH_UP, true),	    facts_of(2, HEALTH_DOWN, true),
		facts_of(3, HEALTH_CHECKING, true), facts_of(4, HEALTH_UP, false),
		facts_of(5, HEALTH_UP, true),	    facts_of(6, HEALTH_UP, true),
	};
	struct eligibility result;

	(void)state;
	facts[4].weight = 0;
	facts[5].weight = 7;
	result = eligibility_compute(facts, ARRAY_SIZE(facts), ALL_DOWN_CLOSED, entries);
	assert_int_equal(result.count, 2);
	assert_int_equal(entries[0].id, 1);
	assert_int_equal(entries[1].id, 6);
	assert_int_equal(entries[1].weight, 7);
	assert_false(result.all_down);
	assert_false(result.closed);
}

static void test_all_down(void **state)
{
	struct backend_facts facts[] = {
		facts_of(1, HEALTH_DOWN, true),
		facts_of(2, HEALTH_DOWN, false),
		facts_of(3, HEALTH_UP, false),
	};
	struct eligibility result;

	(void)state;
	result = eligibility_compute(facts, ARRAY_SIZE(facts), ALL_DOWN_OPEN, entries);
	assert_int_equal(result.count, 1);
	assert_int_equal(entries[0].id, 1);
	assert_true(result.all_down);
	assert_false(result.closed);
	result = eligibility_compute(facts, ARRAY_SIZE(facts), ALL_DOWN_CLOSED, entries);
	assert_int_equal(result.count, 0);
	assert_true(result.closed);
	/* A service without backends refuses too. */
	assert_true(eligibility_compute(facts, 0, ALL_DOWN_CLOSED, entries).closed);
	assert_false(eligibility_compute(facts, 0, ALL_DOWN_OPEN, entries).closed);
}

static void test_nobody_is_refused_before_the_first_result(void **state)
{
	struct backend_facts facts[] = {facts_of(1, HEALTH_CHECKING, true),
					facts_of(2, HEALTH_DOWN, true)};
	struct eligibility result;

	(void)state;
	result = eligibility_compute(facts, 2, ALL_DOWN_CLOSED, entries);
	assert_int_equal(result.count, 0);
	assert_false(result.closed);
	result = eligibility_compute(facts, 1, ALL_DOWN_OPEN, entries);
	assert_int_equal(result.count, 0);
	assert_false(result.all_down);
}

static void test_flags(void **state)
{
	struct backend_facts up = facts_of(1, HEALTH_UP, true);
	struct backend_facts down = facts_of(1, HEALTH_DOWN, true);
	struct backend_facts lost = facts_of(1, HEALTH_UP, false);
	const __u8 used = LBX_BACKEND_USED;

	(void)state;
	assert_int_equal(backend_flags(&up, ON_DOWN_RESET, true), used);
	assert_int_equal(backend_flags(&down, ON_DOWN_KEEP, false), used);
	assert_int_equal(backend_flags(&down, ON_DOWN_RESET, false), used | LBX_BACKEND_RESET);
	assert_int_equal(backend_flags(&down, ON_DOWN_MOVE, false), used | LBX_BACKEND_MOVE);
	/* All are down and all are used: what they get must not be reset at once. */
	assert_int_equal(backend_flags(&down, ON_DOWN_RESET, true), used);
	/* A short ARP failure costs no connection where a check decides. */
	assert_int_equal(backend_flags(&lost, ON_DOWN_RESET, false), used | LBX_BACKEND_UNRESOLVED);
	lost.checked = false;
	assert_int_equal(backend_flags(&lost, ON_DOWN_MOVE, false),
			 used | LBX_BACKEND_UNRESOLVED | LBX_BACKEND_MOVE);
}

static struct backend_facts facts_random(__u16 id, uint64_t *seed)
{
	return (struct backend_facts){
		.id = id,
		.weight = random_next(seed) % 3,
		.checked = random_next(seed) % 2,
		.health = random_next(seed) % 3,
		.reachable = random_next(seed) % 2,
	};
}

static bool any_up(const struct backend_facts *facts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (facts[i].weight && backend_state(&facts[i]) == BACKEND_UP)
			return true;
	}
	return false;
}

static void test_never_one_that_is_not_eligible(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 100000; round++) {
		enum all_down policy = random_next(&seed) % 2 ? ALL_DOWN_OPEN : ALL_DOWN_CLOSED;
		size_t count = random_next(&seed) % (COUNT_MAX + 1);
		struct backend_facts facts[COUNT_MAX];
		struct eligibility result;

		for (size_t i = 0; i < count; i++)
			facts[i] = facts_random((__u16)i, &seed);
		result = eligibility_compute(facts, count, policy, entries);
		assert_true(result.count <= count);
		for (size_t i = 0; i < result.count; i++) {
			const struct backend_facts *chosen = &facts[entries[i].id];
			enum backend_state is = backend_state(chosen);

			assert_int_equal(entries[i].weight, chosen->weight);
			assert_true(chosen->weight > 0 && chosen->reachable);
			assert_true(is == BACKEND_UP || (is == BACKEND_DOWN && result.all_down));
		}
		assert_true(!result.all_down || !any_up(facts, count));
		assert_true(!any_up(facts, count) || result.count);
		assert_true(!result.closed || (!result.count && policy == ALL_DOWN_CLOSED));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_only_those_up_and_with_a_weight),
		cmocka_unit_test(test_all_down),
		cmocka_unit_test(test_nobody_is_refused_before_the_first_result),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_never_one_that_is_not_eligible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
