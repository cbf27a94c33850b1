// SPDX-License-Identifier: GPL-2.0
/* The model comes back from its JSON as it was, ids and all, or not at all. */
#include "tests/unit/random_model.h"

#include "user/model/model_json.h"

static int round_trip(const struct model *from, struct model *to, struct err *err)
{
	json_t *json = model_to_json(from), *reread;
	char *text = json_dumps(json, 0);
	int r;

	assert_non_null(text);
	reread = json_loads(text, 0, NULL);
	model_init(to);
	r = model_from_json(reread, to, err);
	json_decref(json);
	json_decref(reread);
	free(text);
	return r;
}

static void assert_same(const struct model *a, const struct model *b)
{
	assert_model_equal(a, b);
	for (size_t i = 0; i < a->service_count; i++)
		assert_string_equal(a->services[i].name, b->services[i].name);
	assert_memory_equal(a->service_ids_used, b->service_ids_used, sizeof(a->service_ids_used));
	assert_memory_equal(a->backend_ids_used, b->backend_ids_used, sizeof(a->backend_ids_used));
}

static void test_every_setting(void **state)
{
	struct endpoint vip = endpoint_of("[fd00::1]:443"), backend = endpoint_of("[fd00::2]:443");
	struct model model, back;
	struct service service;
	struct err err = {0};

	(void)state;
	model_init(&model);
	service_init(&service, "web", IPPROTO_TCP, &vip);
	service.forward = LBX_FORWARD_DSR;
	service.check = (struct check_spec){.kind = CHECK_HTTP, .status_lo = 200, .status_hi = 399};
	strcpy(service.check.host, "example.org");
	strcpy(service.check.path, "/up?a=b");
	service.timing = (struct check_timing){500, 250, 7, 9};
	service.on_down = ON_DOWN_MOVE;
	service.all_down = ALL_DOWN_CLOSED;
	strcpy(service.assign, "eth0");
	assert_int_equal(model_service_add(&model, &service, &err), 0);
	assert_int_equal(model_backend_add(&model, "web", &backend, 12, &err), 0);
	assert_int_equal(round_trip(&model, &back, &err), 0);
	assert_same(&model, &back);
	model_fini(&model);
	model_fini(&back);
}

static void test_random_models(void **state)
{
	uint64_t seed = 11;
	struct model model;

	(void)state;
	model_init(&model);
	for (int round = 0; round < 3000; round++) {
		struct model back;
		struct err err = {0};

		random_operation(&model, &seed, NULL);
		/* Some ids are free again. */
		if (round % 7 == 0)
			model_backend_id_free(&model, (__u16)(1000 + round % 64));
		if (round % 10)
			continue;
		if (round_trip(&model, &back, &err))
			fail_msg("%s", err.text);
		assert_same(&model, &back);
		model_fini(&back);
	}
	model_fini(&model);
}

#define SERVICE                                                                                    \
	"\"name\":\"a\",\"protocol\":\"tcp\",\"vip\":\"10.0.0.1:80\",\"forward\":\"fullnat\","     \
	"\"scheduler\":\"rr\",\"check\":\"tcp\",\"interval_ms\":2000,\"timeout_ms\":1000,"         \
	"\"rise\":2,\"fall\":3,\"on_down\":\"default\",\"all_down\":\"open\",\"assign\":\"\","
#define BACKEND(id, port) "{\"id\":" id ",\"endpoint\":\"10.0.0.2:" port "\",\"weight\":1}"

static void test_refused(void **state)
{
	static const char *const cases[][2] = {
		{"{}", "no services"},
		{"{\"services\":7}", "no services"},
		{"{\"services\":[7]}", "service"},
		{"{\"services\":[{\"name\":\"a\"}]}", "service"},
		{"{\"services\":[{" SERVICE "\"id\":0,\"backends\":[]}]}", "out of range"},
		{"{\"services\":[{" SERVICE "\"id\":4096,\"backends\":[]}]}", "out of range"},
		{"{\"services\":[{" SERVICE "\"id\":1,\"backends\":[]},{" SERVICE
		 "\"id\":2,\"backends\":[]}]}",
		 "exists"},
		{"{\"services\":[{" SERVICE
		 "\"id\":1,\"backends\":[" BACKEND("3", "80") "," BACKEND("3", "81") "]}]}",
		 "used twice"},
		{"{\"services\":[{" SERVICE "\"id\":1,\"backends\":[" BACKEND("3", "0") "]}]}",
		 "port 0"},
		{"{\"services\":[{" SERVICE "\"id\":1,\"backends\":[{}]}]}", "without endpoint"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *json = json_loads(cases[i][0], 0, NULL);
		struct err err = {0};
		struct model model;

		assert_non_null(json);
		model_init(&model);
		if (!model_from_json(json, &model, &err))
			fail_msg("taken: %s", cases[i][0]);
		assert_contains(err.text, cases[i][1]);
		assert_int_equal(model.service_count, 0);
		assert_null(model.services);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_setting),
		cmocka_unit_test(test_random_models),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
