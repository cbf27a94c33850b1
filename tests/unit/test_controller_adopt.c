// SPDX-License-Identifier: GPL-2.0
/* A new controller goes on where the former one was killed. */
#include "tests/unit/controller_fixture.h"

static void test_adoption_changes_nothing(void **state)
{
	unsigned before;

	(void)state;
	attach();
	web_add(",\"fall\":1,\"rise\":3,\"on_down\":\"reset\"");
	backends_add(3);
	probes_end(3, true);
	probe_end(3, false);
	turn();
	must("backend.remove", "\"backend\":\"10.0.0.2:80\"");
	assert_string_equal(schedule_text(1), "1");
	controller_end();
	/* The new one hears of the next hops only later. */
	path_now[1] = path_now[3] = (struct path){.ifindex = IFINDEX, .problem = "not asked yet"};
	before = writes;
	controller_begin();
	/* The program is put in place, the schedule is written again; no entry changes. */
	assert_true(writes - before <= 2 + 1);
	assert_string_equal(schedule_text(1), "1");
	assert_int_equal(controller->backends[3]->health.state, HEALTH_DOWN);
	assert_true(controller->backends[2]->removed);
	path_set("10.0.0.1", true);
	path_set("10.0.0.3", true);
	probe_end(3, true);
	probe_end(3, true);
	turn();
	assert_string_equal(schedule_text(1), "1");
	probe_end(3, true);
	turn();
	assert_string_equal(schedule_text(1), "1,3");
	for (int i = 0; i < 3; i++)
		sweep_run(0, 0, controller);
	assert_null(controller->backends[2]);
}

static void test_a_removal_cut_short_is_finished(void **state)
{
	struct world_vip vip;

	(void)state;
	attach();
	web_add(",\"check\":\"none\"");
	backends_add(2);
	must("backend.remove", "\"backend\":\"10.0.0.2:80\"");
	vip = world.vips[0];
	must("service.remove", "\"name\":\"web\"");
	controller_end();
	/* As if the state had been written and nothing else. */
	world.vips[0] = vip;
	world.schedules[1] = calloc(1, sizeof(*world.schedules[1]));
	world.backends[2].flags = LBX_BACKEND_USED;
	controller_begin();
	assert_false(world.vips[0].used);
	assert_true(world.backends[2].flags & LBX_BACKEND_RESET);
}

static void test_adopted_paths_expire(void **state)
{
	(void)state;
	attach();
	web_add("");
	backends_add(2);
	probes_end(2, true);
	controller_end();
	path_set("10.0.0.1", false);
	controller_begin();
	assert_string_equal(schedule_text(1), "1,2");
	adopt_grace_over(0, 0, controller);
	turn();
	assert_string_equal(schedule_text(1), "2");
}

static void test_pins_without_state_are_left_alone(void **state)
{
	char path[INSTANCE_PATH_MAX];

	(void)state;
	attach();
	web_add("");
	unlink(instance_path(&controller->instance, "json", path));
	controller_end();
	controller_begin();
	assert_false(works("service.list", ""));
	assert_contains(error, "lbxdp detach --all");
	assert_true(world.exists);
	must("status", "");
	must("detach", "\"all\":true");
	assert_false(world.exists);
	assert_true(controller->exiting);
}

static void test_state_without_pins_keeps_the_services(void **state)
{
	(void)state;
	attach();
	web_add(",\"check\":\"none\"");
	backends_add(2);
	must("backend.remove", "\"backend\":\"10.0.0.1:80\"");
	controller_end();
	dataplane_destroy("unit", NULL);
	controller_begin();
	assert_null(controller->backends[1]); /* no flow can name it */
	attach();
	assert_string_equal(schedule_text(1), "2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_adoption_changes_nothing),
		TEST(test_a_removal_cut_short_is_finished),
		TEST(test_adopted_paths_expire),
		TEST(test_pins_without_state_are_left_alone),
		TEST(test_state_without_pins_keeps_the_services),
	};

	return tests_run("controller_adopt", tests, ARRAY_SIZE(tests));
}
