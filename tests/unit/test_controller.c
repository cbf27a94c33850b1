// SPDX-License-Identifier: GPL-2.0
/* The controller between stand-ins (seams.h), driven by lines of the control protocol. */
#include "tests/unit/seams.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "user/base/log.h"
#include "user/control/adopt.h"
#include "user/control/command.h"
#include "user/control/sweep.h"

static struct event_base *base;
static struct controller *controller;
/* In memory: every change is synced to the state file. */
static char directory[] = "/dev/shm/lbxdp-unit.XXXXXX";
static char error[512]; /* of the last command */

/* Every backend that a packet could be sent to must be able to take it. */
static void schedules_check(void)
{
	for (int i = 0; i < VIPS_MAX; i++) {
		const struct world_vip *vip = &world.vips[i];
		const struct lbx_schedule *schedule = world.schedules[vip->id];

		if (!vip->used)
			continue;
		assert_non_null(schedule);
		for (unsigned s = 0; s < schedule->length; s++) {
			const struct lbx_backend *backend = &world.backends[schedule->backends[s]];

			assert_int_equal(backend->flags, LBX_BACKEND_USED);
			assert_int_equal(backend->service, vip->id);
		}
	}
}

static void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void controller_begin(void)
{
	struct instance instance;
	struct err err = {0};

	assert_int_equal(instance_init(&instance, "unit", &err), 0);
	if (controller_new(&controller, &instance, false, base, &err) ||
	    controller_start(controller, &err))
		fail_msg("%s", err.text);
	turn();
}

/* As after kill -9: nothing is tidied up in the data plane or the state file. */
static void controller_end(void)
{
	controller_free(controller);
	controller = NULL;
	assert_int_equal(watches, 0);
}

static int setup(void **state)
{
	(void)state;
	world_check = schedules_check;
	fails_in = 0;
	memset(path_now, 0, sizeof(path_now));
	base = event_base_new();
	for (int i = 1; i <= 7; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "10.0.0.%d", i);
		path_set(addr, true);
	}
	controller_begin();
	return 0;
}

static int teardown(void **state)
{
	char path[INSTANCE_PATH_MAX];

	(void)state;
	unlink(instance_path(&controller->instance, "json", path));
	controller_end();
	event_base_free(base);
	dataplane_destroy("unit", NULL);
	memset(probing, 0, sizeof(probing));
	return 0;
}

/* The result (to be given back), or NULL with the error's text in `error`. */
static json_t *run(const char *command, const char *args)
{
	char line[512];
	bool malformed;
	json_t *answer, *result;
	char *text;

	snprintf(line, sizeof(line), "{\"command\":\"%s\",\"args\":{%s}}", command, args);
	text = command_run(controller, line, strlen(line), &malformed);
	assert_false(malformed);
	answer = json_loads(text, 0, NULL);
	free(text);
	snprintf(error, sizeof(error), "%s",
		 json_string_value(json_object_get(answer, "error")) ?: "");
	result = json_incref(json_object_get(answer, "result"));
	json_decref(answer);
	return result;
}

static bool works(const char *command, const char *args)
{
	json_t *result = run(command, args);
	bool worked = result;

	json_decref(result);
	return worked;
}

static void must(const char *command, const char *args)
{
	if (!works(command, args))
		fail_msg("%s: %s", command, error);
}

static void web_add(const char *settings)
{
	char args[256];

	snprintf(args, sizeof(args),
		 "\"name\":\"web\",\"protocol\":\"tcp\",\"vip\":\"10.0.0.100:80\"%s", settings);
	must("service.add", args);
}

static void backends_add(int count)
{
	for (int i = 1; i <= count; i++) {
		char args[64];

		snprintf(args, sizeof(args), "\"backend\":\"10.0.0.%d:80\"", i);
		must("backend.add", args);
	}
}

static void attach(void)
{
	must("attach", "\"interface\":\"lo\"");
}

/* The schedule of a service as "1,2", a closed one as "closed", none as "none". */
static const char *schedule_text(__u16 id)
{
	static char text[256];
	const struct lbx_schedule *schedule = world.schedules[id];
	int used = 0;

	for (int i = 0; i < VIPS_MAX; i++) {
		if (world.vips[i].used && world.vips[i].id == id && world.vips[i].closed)
			return "closed";
	}
	if (!schedule)
		return "none";
	*text = '\0';
	for (unsigned i = 0; i < schedule->length; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%u", i ? "," : "",
				 schedule->backends[i]);
	return text;
}

static void probes_end(int count, bool success)
{
	for (int id = 1; id <= count; id++)
		probe_end((__u16)id, success);
	turn();
}

/* --- tests --- */

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

/* --- nothing half done --- */

/* What packets can see, and what the controller would answer. */
static char *snapshot(void)
{
	json_t *list = run("service.list", "");
	char *text = json_dumps(list, JSON_COMPACT), *all;
	size_t used;

	json_decref(list);
	all = malloc(strlen(text) + 8192);
	used = (size_t)sprintf(all, "%s", text);
	free(text);
	for (int i = 0; i < VIPS_MAX; i++) {
		const struct world_vip *vip = &world.vips[i];

		if (vip->used)
			used += (size_t)sprintf(all + used, " %u:%u:%s", vip->service.port, vip->id,
						schedule_text(vip->id));
	}
	for (size_t s = 0; s < controller->model.service_count; s++) {
		const struct service *service = &controller->model.services[s];

		for (size_t b = 0; b < service->backend_count; b++)
			used += (size_t)sprintf(all + used, " %u=%02x", service->backends[b].id,
						world.backends[service->backends[b].id].flags);
	}
	return all;
}

/* Flows may name what was there for a moment: its id must not be given to another. */
static void assert_ids_reserved(void)
{
	for (unsigned id = 1; id < 64; id++) {
		if (world.backends[id].flags & LBX_BACKEND_USED)
			assert_true(controller->model.backend_ids_used[0] >> id & 1);
	}
}

static void assert_undone(const char *command, const char *args)
{
	char *before = snapshot(), *after;
	int failures = 0;

	for (int n = 1; n < 100; n++) {
		fails_in = n;
		if (works(command, args))
			break;
		fails_in = 0;
		failures++;
		assert_contains(error, "on purpose");
		after = snapshot();
		assert_string_equal(after, before);
		assert_ids_reserved();
		free(after);
	}
	fails_in = 0;
	free(before);
	assert_true(failures > 0);
}

static void test_failed_writes_are_undone(void **state)
{
	(void)state;
	attach();
	web_add(",\"check\":\"none\",\"on_down\":\"reset\"");
	backends_add(2);
	assert_undone("backend.add", "\"backend\":\"10.0.0.3:80\",\"weight\":4");
	assert_undone("backend.set", "\"backend\":\"10.0.0.3:80\",\"weight\":2");
	assert_undone("backend.remove", "\"backend\":\"10.0.0.2:80\"");
	assert_undone("service.add",
		      "\"name\":\"tls\",\"protocol\":\"tcp\",\"vip\":\"10.0.0.100:443\"");
	assert_undone("service.remove", "\"name\":\"web\"");
}

static void test_failed_first_attach_leaves_nothing(void **state)
{
	(void)state;
	web_add(",\"check\":\"none\"");
	backends_add(2);
	for (int n = 1;; n++) {
		fails_in = n;
		if (works("attach", "\"interface\":\"lo\",\"snat\":\"10.0.0.60\""))
			break;
		assert_false(world.exists);
		assert_null(controller->dataplane);
		assert_int_equal(controller->snats.families[1].used, 0);
	}
	fails_in = 0;
	assert_string_equal(schedule_text(1), "1,2");
	assert_true(addr_equal(&world.snats[1][0], &controller->snats.families[1].addrs[0]));
}

/* --- another controller --- */

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

/* --- anything, in any order --- */

static void event_random(uint64_t *seed)
{
	static const char *const services[] = {"a", "b", "c"};
	const char *service = services[random_next(seed) % 3];
	unsigned n = 1 + random_next(seed) % 7, port = 80 + (unsigned)(*service - 'a');
	char args[256], addr[32];

	snprintf(addr, sizeof(addr), "10.0.0.%u", n);
	switch (random_next(seed) % 16) {
	case 0:
		snprintf(args, sizeof(args),
			 "\"name\":\"%s\",\"protocol\":\"tcp\",\"vip\":\"10.0.0.100:%u\","
			 "\"fall\":%u,\"rise\":1,\"on_down\":\"%s\"",
			 service, port, 1 + random_next(seed) % 2,
			 random_next(seed) % 2 ? "reset" : "move");
		works("service.add", args);
		break;
	case 1:
		snprintf(args, sizeof(args), "\"name\":\"%s\"", service);
		if (random_next(seed) % 4 == 0)
			works("service.remove", args);
		break;
	case 2:
		snprintf(args, sizeof(args), "\"name\":\"%s\",\"check\":\"%s\",\"all_down\":\"%s\"",
			 service, random_next(seed) % 2 ? "tcp" : "none",
			 random_next(seed) % 2 ? "open" : "closed");
		works("service.set", args);
		break;
	case 3:
	case 4:
		snprintf(args, sizeof(args),
			 "\"service\":\"%s\",\"backend\":\"%s:80\",\"weight\":%u", service, addr,
			 1 + random_next(seed) % 3);
		works(random_next(seed) % 2 ? "backend.add" : "backend.set", args);
		break;
	case 5:
		snprintf(args, sizeof(args), "\"service\":\"%s\",\"backend\":\"%s:80\"", service,
			 addr);
		works("backend.remove", args);
		break;
	case 6:
		path_set(addr, random_next(seed) % 3);
		break;
	case 7:
		sweep_run(0, 0, controller);
		break;
	case 8:
		if (random_next(seed) % 8 == 0)
			works(random_next(seed) % 2 ? "attach" : "detach", "\"interface\":\"lo\"");
		break;
	case 9:
		fails_in = 1 + (int)(random_next(seed) % 6);
		break;
	case 10:
		if (random_next(seed) % 8)
			break;
		fails_in = 0;
		controller_end();
		memset(probing, 0, sizeof(probing));
		controller_begin();
		break;
	default:
		probe_end((__u16)(1 + random_next(seed) % 20), random_next(seed) % 3);
		break;
	}
	if (random_next(seed) % 4)
		turn();
}

/* Once no write fails any more, every schedule is what the rules say. */
static void settled_check(void)
{
	fails_in = 0;
	services_touch(controller);
	turn();
	for (size_t s = 0; s < controller->model.service_count; s++) {
		const struct service *service = &controller->model.services[s];
		const struct lbx_schedule *schedule = world.schedules[service->id];

		for (unsigned i = 0; schedule && i < schedule->length; i++) {
			const struct backend_runtime *runtime =
				controller->backends[schedule->backends[i]];
			enum backend_state is = runtime->state;

			assert_false(runtime->removed);
			assert_int_equal(runtime->service_id, service->id);
			assert_true(world.attached);
			assert_false(world.backends[runtime->id].flags & LBX_BACKEND_UNRESOLVED);
			assert_true(is == BACKEND_UP ||
				    (is == BACKEND_DOWN && service->all_down == ALL_DOWN_OPEN));
		}
	}
}

static void test_random_events(void **state)
{
	uint64_t seed = 5;

	(void)state;
	attach();
	for (int i = 0; i < 20000; i++) {
		event_random(&seed);
		if (i % 50 == 0)
			settled_check();
	}
	settled_check();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(test_failed_writes_are_undone),
		TEST(test_failed_first_attach_leaves_nothing),
		TEST(test_adoption_changes_nothing),
		TEST(test_a_removal_cut_short_is_finished),
		TEST(test_adopted_paths_expire),
		TEST(test_pins_without_state_are_left_alone),
		TEST(test_state_without_pins_keeps_the_services),
		TEST(test_random_events),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	setenv("LBXDP_RUNDIR", directory, 1);
	log_init(0);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
