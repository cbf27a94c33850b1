// SPDX-License-Identifier: GPL-2.0
/* The controller: who is scheduled when, and what becomes of what is removed. */
#include "tests/unit/controller_fixture.h"

static void test_scheduled_after_the_first_success(void **state)
{
	(void)state;
	attach();
	web_add("");
	backends_add(2);
	assert_string_equal(schedule_text(1), "");
	probe_end(1, true);
	assert_string_equal(schedule_text(1), ""); /* at the end of the turn */
	turn();
	assert_string_equal(schedule_text(1), "1");
	probe_end(2, true);
	turn();
	assert_string_equal(schedule_text(1), "1,2");
	assert_int_equal(world.backends[2].mac_destination[5], 2);
	assert_int_equal(world.backends[2].snat_count, 1);
	must("backend.set", "\"backend\":\"10.0.0.1:80\",\"weight\":2");
	assert_string_equal(schedule_text(1), "1,2,1");
}

static void test_several_changes_are_one_swap(void **state)
{
	unsigned before;

	(void)state;
	attach();
	web_add("");
	backends_add(4);
	before = writes;
	probes_end(4, true);
	assert_string_equal(schedule_text(1), "1,2,3,4");
	assert_int_equal(writes, before + 1);
}

static void test_no_change_is_no_write(void **state)
{
	unsigned before;

	(void)state;
	attach();
	web_add("");
	backends_add(3);
	probes_end(3, true);
	before = writes;
	services_touch(controller);
	turn();
	probes_end(3, true);
	must("backend.set", "\"backend\":\"10.0.0.1:80\",\"weight\":1");
	assert_int_equal(writes, before);
}

static void test_failure_and_recovery(void **state)
{
	(void)state;
	attach();
	web_add(",\"fall\":2,\"on_down\":\"reset\"");
	backends_add(2);
	probes_end(2, true);
	probe_end(2, false);
	turn();
	assert_string_equal(schedule_text(1), "1,2");
	probe_end(2, false);
	turn();
	/* schedules_check() has seen to it that the reset came after the swap. */
	assert_string_equal(schedule_text(1), "1");
	assert_true(world.backends[2].flags & LBX_BACKEND_RESET);
	probe_end(2, true);
	turn();
	assert_string_equal(schedule_text(1), "1");
	probe_end(2, true);
	turn();
	assert_string_equal(schedule_text(1), "1,2");
	path_set("10.0.0.1", false);
	turn();
	assert_string_equal(schedule_text(1), "2");
	assert_int_equal(world.backends[1].flags, LBX_BACKEND_USED | LBX_BACKEND_UNRESOLVED);
	path_set("10.0.0.1", true);
	turn();
	assert_string_equal(schedule_text(1), "1,2");
}

static void test_all_down(void **state)
{
	(void)state;
	attach();
	web_add(",\"fall\":1,\"rise\":1,\"on_down\":\"reset\"");
	backends_add(2);
	probes_end(2, true);
	probes_end(2, false);
	assert_string_equal(schedule_text(1), "1,2");
	must("service.set", "\"name\":\"web\",\"all_down\":\"closed\"");
	assert_string_equal(schedule_text(1), "closed");
	probe_end(2, true);
	turn();
	assert_string_equal(schedule_text(1), "2");
}

static void test_services_before_the_first_attach(void **state)
{
	json_t *backend;

	(void)state;
	web_add("");
	backends_add(1);
	probes_end(1, true);
	assert_false(world.exists);
	backend = run("backend.add", "\"backend\":\"10.0.0.2:80\"");
	assert_string_equal(json_string_value(json_object_get(backend, "state")), "unreachable");
	json_decref(backend);
	attach();
	assert_string_equal(schedule_text(1), "1");
}

static void test_a_check_given_later_costs_nobody(void **state)
{
	(void)state;
	attach();
	web_add(",\"check\":\"none\"");
	backends_add(2);
	assert_string_equal(schedule_text(1), "1,2");
	must("service.set", "\"name\":\"web\",\"check\":\"tcp\"");
	assert_string_equal(schedule_text(1), "1,2");
	must("service.set", "\"name\":\"web\",\"check\":\"http:///\"");
	assert_string_equal(schedule_text(1), "1,2");
}

static void test_removal_frees_ids_when_unnamed(void **state)
{
	(void)state;
	attach();
	web_add(",\"check\":\"none\"");
	backends_add(2);
	world.named[2] = true;
	world.stats[2].connections = 5;
	must("backend.remove", "\"backend\":\"10.0.0.2:80\"");
	assert_string_equal(schedule_text(1), "1");
	assert_true(world.backends[2].flags & LBX_BACKEND_RESET);
	sweep_run(0, 0, controller); /* its clients get their resets */
	assert_true(world.named[2]);
	backends_add(0);
	must("backend.add", "\"backend\":\"10.0.0.3:80\"");
	assert_string_equal(schedule_text(1), "1,3"); /* not 2: that is still named */
	sweep_run(0, 0, controller);		      /* purges */
	assert_false(world.named[2]);
	assert_non_null(controller->backends[2]);
	sweep_run(0, 0, controller); /* frees */
	assert_null(controller->backends[2]);
	assert_int_equal(world.backends[2].flags, 0);
	must("backend.add", "\"backend\":\"10.0.0.4:80\"");
	assert_string_equal(schedule_text(1), "1,3,2");
	/* What it did is not forgotten, nor counted as its successor's. */
	assert_int_equal(controller->services[1]->past.connections, 5);
	assert_int_equal(world.stats[2].connections, 0);
}

static void test_removed_service(void **state)
{
	(void)state;
	attach();
	web_add(",\"check\":\"none\"");
	backends_add(2);
	must("service.remove", "\"name\":\"web\"");
	for (int i = 0; i < VIPS_MAX; i++)
		assert_false(world.vips[i].used);
	web_add(""); /* the same VIP at once, under another id */
	assert_string_equal(schedule_text(2), "");
	for (int i = 0; i < 3; i++)
		sweep_run(0, 0, controller);
	assert_null(controller->services[1]);
	assert_non_null(controller->services[2]);
}

static void test_translation_address_clash(void **state)
{
	json_t *backend;

	(void)state;
	attach();
	must("service.add",
	     "\"name\":\"own\",\"protocol\":\"tcp\",\"vip\":\"10.0.0.250:10080\",\"check\":\"none\"");
	backend = run("backend.add", "\"backend\":\"10.0.0.1:80\"");
	assert_string_equal(json_string_value(json_object_get(backend, "state")), "unreachable");
	assert_contains(json_string_value(json_object_get(backend, "reason")), "another port");
	json_decref(backend);
	must("service.remove", "\"name\":\"own\"");
	web_add(",\"check\":\"none\"");
	backends_add(1);
	assert_false(works("service.add", "\"name\":\"own\",\"protocol\":\"tcp\","
					  "\"vip\":\"10.0.0.250:10080\""));
	assert_contains(error, "another port");
	must("service.add", "\"name\":\"own\",\"protocol\":\"tcp\",\"vip\":\"10.0.0.250:8080\"");
	assert_false(works("attach", "\"interface\":\"lo\",\"ports\":\"1-2\""));
	assert_contains(error, "runs with 10000-32767 already");
}

/* 10.0.0.N is reached from the source from now on. */
static void source_set(const char *backend, const char *source)
{
	struct lbx_addr addr;
	struct path path;

	assert_int_equal(addr_parse(backend, &addr, NULL), 0);
	assert_int_equal(addr_parse(source, &path_of(&addr)->source, NULL), 0);
	path = *path_of(&addr);
	neighbours_only.callback(neighbours_only.context, &addr, &path);
	turn();
}

static void test_translation_addresses_come_and_go(void **state)
{
	(void)state;
	attach();
	web_add(",\"check\":\"none\"");
	backends_add(2);
	world.named[1] = true;
	source_set("10.0.0.1", "10.0.0.251");
	source_set("10.0.0.2", "10.0.0.252");
	assert_int_equal(world.backends[1].snat_first, 1);
	assert_int_equal(world.backends[2].snat_first, 2);
	/* The first one is in no entry any more, but a flow of backend 1 may name it. */
	sweep_run(0, 0, controller);
	assert_true(world.snats_used[1][0]);
	controller_end();
	controller_begin();
	sweep_run(0, 0, controller);
	assert_true(world.snats_used[1][0]);
	world.named[1] = false;
	sweep_run(0, 0, controller);
	assert_false(world.snats_used[1][0]);
	assert_true(world.snats_used[1][1]);
	must("backend.remove", "\"backend\":\"10.0.0.2:80\"");
	sweep_run(0, 0, controller);
	assert_true(world.snats_used[1][2]);
	sweep_run(0, 0, controller);
	assert_false(world.snats_used[1][2]);
	source_set("10.0.0.1", "10.0.0.253");
	assert_int_equal(world.backends[1].snat_first, 0);
	assert_string_equal(schedule_text(1), "1");
}

static void test_given_translation_addresses(void **state)
{
	(void)state;
	must("attach", "\"interface\":\"lo\",\"snat\":\"10.0.0.60,10.0.0.61,fd00::60\"");
	web_add(",\"check\":\"none\"");
	backends_add(1);
	assert_int_equal(world.backends[1].snat_first, 0);
	assert_int_equal(world.backends[1].snat_count, 2);
	sweep_run(0, 0, controller);
	assert_true(world.snats_used[0][0] && world.snats_used[1][0] && world.snats_used[1][1]);
	assert_false(works("service.add", "\"name\":\"a\",\"protocol\":\"udp\","
					  "\"vip\":\"10.0.0.61:10000\""));
	must("detach", "\"interface\":\"lo\"");
	assert_false(works("attach", "\"interface\":\"lo\",\"snat\":\"10.0.0.60\""));
	must("attach", "\"interface\":\"lo\",\"snat\":\"10.0.0.61,fd00::60,10.0.0.60\"");
}

static void test_assign(void **state)
{
	(void)state;
	web_add(",\"assign\":\"lo\"");
	assert_int_equal(assigned, 1);
	must("service.add", "\"name\":\"tls\",\"protocol\":\"tcp\",\"vip\":\"10.0.0.100:443\","
			    "\"assign\":\"lo\"");
	must("service.remove", "\"name\":\"web\"");
	assert_int_equal(assigned, 1); /* the other one still needs it */
	must("service.remove", "\"name\":\"tls\"");
	assert_int_equal(assigned, 0);
	assert_false(works("service.add",
			   "\"name\":\"a\",\"protocol\":\"tcp\",\"vip\":\"10.0.0.9:1\","
			   "\"assign\":\"nowhere\""));
	assert_contains(error, "no such interface");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_scheduled_after_the_first_success),
		TEST(test_several_changes_are_one_swap),
		TEST(test_no_change_is_no_write),
		TEST(test_failure_and_recovery),
		TEST(test_all_down),
		TEST(test_services_before_the_first_attach),
		TEST(test_a_check_given_later_costs_nobody),
		TEST(test_removal_frees_ids_when_unnamed),
		TEST(test_removed_service),
		TEST(test_translation_address_clash),
		TEST(test_translation_addresses_come_and_go),
		TEST(test_given_translation_addresses),
		TEST(test_assign),
	};

	return tests_run("controller", tests, ARRAY_SIZE(tests));
}
