/* SPDX-License-Identifier: GPL-2.0 */
/* A controller between stand-ins (seams.h), new before each test, driven by lines of the control
 * protocol. */
#ifndef LBX_CONTROLLER_FIXTURE_H
#define LBX_CONTROLLER_FIXTURE_H

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
static inline void schedules_check(void)
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

static inline void turn(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static inline void controller_begin(void)
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
static inline void controller_end(void)
{
	controller_free(controller);
	controller = NULL;
	assert_int_equal(watches, 0);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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
static inline json_t *run(const char *command, const char *args)
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

static inline bool works(const char *command, const char *args)
{
	json_t *result = run(command, args);
	bool worked = result;

	json_decref(result);
	return worked;
}

static inline void must(const char *command, const char *args)
{
	if (!works(command, args))
		fail_msg("%s: %s", command, error);
}

static inline void web_add(const char *settings)
{
	char args[256];

	snprintf(args, sizeof(args),
		 "\"name\":\"web\",\"protocol\":\"tcp\",\"vip\":\"10.0.0.100:80\"%s", settings);
	must("service.add", args);
}

static inline void backends_add(int count)
{
	for (int i = 1; i <= count; i++) {
		char args[64];

		snprintf(args, sizeof(args), "\"backend\":\"10.0.0.%d:80\"", i);
		must("backend.add", args);
	}
}

static inline void attach(void)
{
	must("attach", "\"interface\":\"lo\"");
}

/* The schedule of a service as "1,2", a closed one as "closed", none as "none". */
static inline const char *schedule_text(__u16 id)
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

static inline void probes_end(int count, bool success)
{
	for (int id = 1; id <= count; id++)
		probe_end((__u16)id, success);
	turn();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Runs a program's tests with a directory of their own for state files. */
static inline int tests_run(const char *name, const struct CMUnitTest *tests, size_t count)
{
	int failed;

	if (!mkdtemp(directory))
		return 1;
	setenv("LBXDP_RUNDIR", directory, 1);
	log_init(0);
	failed = _cmocka_run_group_tests(name, tests, count, NULL, NULL);
	rmdir(directory);
	return failed;
}

#endif
