// SPDX-License-Identifier: GPL-2.0
/* Whatever fails, and whatever happens in whatever order: nothing is half done, and nobody is
 * scheduled who should not be. */
#include "tests/unit/controller_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_failed_writes_are_undone),
		TEST(test_failed_first_attach_leaves_nothing),
		TEST(test_random_events),
	};

	return tests_run("controller_undo", tests, ARRAY_SIZE(tests));
}
