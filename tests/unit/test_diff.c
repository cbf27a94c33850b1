// SPDX-License-Identifier: GPL-2.0
/* The steps between two models: right in kind and order, and together the whole way. */
#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/random_model.h"
#include "user/model/diff.h"

static struct model before, after;
static struct diff diff;
static struct err err;

static int setup(void **state)
{
	(void)state;
	model_init(&before);
	model_init(&after);
	diff = (struct diff){0};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	diff_fini(&diff);
	model_fini(&before);
	model_fini(&after);
	return 0;
}

static void service_add(struct model *model, const char *name, const char *vip_text)
{
	struct endpoint vip = endpoint_of(vip_text);
	struct service service;

	service_init(&service, name, IPPROTO_TCP, &vip);
	if (model_service_add(model, &service, &err))
		fail_msg("%s", err.text);
}

static void backend_add(struct model *model, const char *service, const char *text)
{
	struct endpoint endpoint = endpoint_of(text);

	if (model_backend_add(model, service, &endpoint, 1, &err))
		fail_msg("%s", err.text);
}

/* before: web with two backends, dns with one; after: a copy of it, to be changed. */
static void models_fill(void)
{
	service_add(&before, "web", "10.0.0.100:80");
	backend_add(&before, "web", "10.0.0.1:80");
	backend_add(&before, "web", "10.0.0.2:80");
	service_add(&before, "dns", "10.0.0.100:53");
	backend_add(&before, "dns", "10.0.0.1:53");
	assert_int_equal(model_copy(&after, &before, &err), 0);
}

static void diff_take(void)
{
	diff_fini(&diff);
	assert_int_equal(diff_models(&diff, &before, &after, &err), 0);
}

static void test_equal_models_give_no_step(void **state)
{
	(void)state;
	diff_take();
	assert_int_equal(diff.count, 0);
	models_fill();
	diff_take();
	assert_int_equal(diff.count, 0);
}

static void test_service_add_is_one_step(void **state)
{
	const struct service *web;

	(void)state;
	models_fill();
	model_fini(&before);
	diff_take();
	web = model_service(&after, "web");
	assert_int_equal(diff.count, 2);
	assert_int_equal(diff.steps[0].kind, STEP_SERVICE_ADD);
	assert_null(diff.steps[0].service_before);
	assert_ptr_equal(diff.steps[0].service_after, web);
	assert_null(diff.steps[0].backend_before);
	assert_null(diff.steps[0].backend_after);
	assert_ptr_equal(diff.steps[1].service_after, model_service(&after, "dns"));
}

static void test_service_remove_is_one_step(void **state)
{
	(void)state;
	models_fill();
	assert_int_equal(model_service_remove(&after, "web", &err), 0);
	diff_take();
	assert_int_equal(diff.count, 1);
	assert_int_equal(diff.steps[0].kind, STEP_SERVICE_REMOVE);
	assert_ptr_equal(diff.steps[0].service_before, model_service(&before, "web"));
	assert_null(diff.steps[0].service_after);
	assert_null(diff.steps[0].backend_before);
}

static void test_backend_steps(void **state)
{
	struct endpoint one = endpoint_of("10.0.0.1:80"), two = endpoint_of("10.0.0.2:80");
	const struct service *web_before, *web_after;

	(void)state;
	models_fill();
	assert_int_equal(model_backend_remove(&after, "web", &one, &err), 0);
	assert_int_equal(model_backend_set(&after, "web", &two, 5, &err), 0);
	backend_add(&after, "web", "10.0.0.3:80");
	diff_take();
	web_before = model_service(&before, "web");
	web_after = model_service(&after, "web");
	assert_int_equal(diff.count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(diff.steps[i].service_before, web_before);
		assert_ptr_equal(diff.steps[i].service_after, web_after);
	}
	assert_int_equal(diff.steps[0].kind, STEP_BACKEND_REMOVE);
	assert_ptr_equal(diff.steps[0].backend_before, &web_before->backends[0]);
	assert_null(diff.steps[0].backend_after);
	assert_int_equal(diff.steps[1].kind, STEP_BACKEND_SET);
	assert_ptr_equal(diff.steps[1].backend_before, &web_before->backends[1]);
	assert_ptr_equal(diff.steps[1].backend_after, &web_after->backends[0]);
	assert_int_equal(diff.steps[2].kind, STEP_BACKEND_ADD);
	assert_null(diff.steps[2].backend_before);
	assert_ptr_equal(diff.steps[2].backend_after, &web_after->backends[1]);
}

static void test_service_set_and_backends(void **state)
{
	struct service template;

	(void)state;
	models_fill();
	template = *model_service(&after, "web");
	template.timing.rise = 9;
	assert_int_equal(model_service_set(&after, &template, &err), 0);
	backend_add(&after, "web", "10.0.0.3:80");
	diff_take();
	assert_int_equal(diff.count, 2);
	assert_int_equal(diff.steps[0].kind, STEP_SERVICE_SET);
	assert_ptr_equal(diff.steps[0].service_before, model_service(&before, "web"));
	assert_ptr_equal(diff.steps[0].service_after, model_service(&after, "web"));
	assert_null(diff.steps[0].backend_before);
	assert_int_equal(diff.steps[1].kind, STEP_BACKEND_ADD);
}

/* Each setting, changed alone, is a SERVICE_SET. */
static void test_every_setting_counts(void **state)
{
	struct service *web;

	(void)state;
	models_fill();
	web = model_service(&after, "web");
	for (int setting = 0; setting < 13; setting++) {
		struct service saved = *web;

		switch (setting) {
		case 0:
			web->check.kind = CHECK_NONE;
			break;
		case 1:
			strcpy(web->check.host, "h");
			break;
		case 2:
			strcpy(web->check.path, "/p");
			break;
		case 3:
			web->check.status_lo++;
			break;
		case 4:
			web->check.status_hi++;
			break;
		case 5:
			web->timing.interval_ms++;
			break;
		case 6:
			web->timing.timeout_ms++;
			break;
		case 7:
			web->timing.rise++;
			break;
		case 8:
			web->timing.fall++;
			break;
		case 9:
			web->on_down = ON_DOWN_MOVE;
			break;
		case 10:
			web->all_down = ALL_DOWN_CLOSED;
			break;
		case 11:
			strcpy(web->assign, "eth0");
			break;
		case 12:
			web->forward = LBX_FORWARD_DSR;
			break;
		}
		diff_take();
		assert_int_equal(diff.count, 1);
		assert_int_equal(diff.steps[0].kind, STEP_SERVICE_SET);
		*web = saved;
	}
}

/* What is left behind a string's end does not make two services different. */
static void test_stale_bytes_do_not_count(void **state)
{
	struct service *web;

	(void)state;
	models_fill();
	web = model_service(&after, "web");
	web->assign[5] = 'x';
	web->check.path[7] = 'y';
	web->name[20] = 'z';
	diff_take();
	assert_int_equal(diff.count, 0);
}

/* The same name and VIP under a new id is another service: its old flows are not the new one's. */
static void test_identity_is_the_id(void **state)
{
	(void)state;
	models_fill();
	assert_int_equal(model_service_remove(&after, "web", &err), 0);
	service_add(&after, "web", "10.0.0.100:80");
	diff_take();
	assert_int_equal(diff.count, 2);
	assert_int_equal(diff.steps[0].kind, STEP_SERVICE_REMOVE);
	assert_int_equal(diff.steps[1].kind, STEP_SERVICE_ADD);
}

/* A backend's id under another service is another backend. */
static void test_backend_belongs_to_its_service(void **state)
{
	(void)state;
	models_fill();
	model_service(&after, "dns")->backends[0].id = 1;
	model_service(&after, "web")->backends[0].id = 3;
	diff_take();
	assert_int_equal(diff.count, 4);
	assert_int_equal(diff.steps[0].kind, STEP_BACKEND_REMOVE);
	assert_int_equal(diff.steps[1].kind, STEP_BACKEND_REMOVE);
	assert_int_equal(diff.steps[2].kind, STEP_BACKEND_ADD);
	assert_int_equal(diff.steps[3].kind, STEP_BACKEND_ADD);
}

static int kind_phase(enum step_kind kind)
{
	switch (kind) {
	case STEP_SERVICE_REMOVE:
	case STEP_BACKEND_REMOVE:
		return 0;
	case STEP_SERVICE_SET:
	case STEP_BACKEND_SET:
		return 1;
	default:
		return 2;
	}
}

/* --- a small apply, over models instead of maps --- */

static void service_erase(struct model *model, __u16 id)
{
	struct service *service = model_service_by_id(model, id);

	assert_non_null(service);
	free(service->backends);
	*service = model->services[--model->service_count];
}

static void backend_put(struct service *service, const struct backend *backend)
{
	service->backends = realloc(service->backends,
				    (service->backend_count + 1) * sizeof(*service->backends));
	assert_non_null(service->backends);
	service->backends[service->backend_count++] = *backend;
}

static void service_put(struct model *model, const struct service *service)
{
	struct service *put;

	/* The VIP is free by now, whatever had it before. */
	for (size_t i = 0; i < model->service_count; i++)
		assert_false(endpoint_equal(&model->services[i].vip, &service->vip) &&
			     model->services[i].protocol == service->protocol);
	assert_null(model_service_by_id(model, service->id));
	model->services = realloc(model->services,
				  (model->service_count + 1) * sizeof(*model->services));
	assert_non_null(model->services);
	put = &model->services[model->service_count++];
	*put = *service;
	put->backends = NULL;
	put->backend_count = 0;
	for (size_t i = 0; i < service->backend_count; i++)
		backend_put(put, &service->backends[i]);
}

static struct backend *backend_by_id(const struct service *service, __u16 id)
{
	for (size_t i = 0; i < service->backend_count; i++) {
		if (service->backends[i].id == id)
			return &service->backends[i];
	}
	return NULL;
}

static void backend_step_apply(struct service *service, const struct step *step)
{
	struct backend *old;

	assert_non_null(service);
	if (step->kind == STEP_BACKEND_ADD) {
		assert_null(backend_by_id(service, step->backend_after->id));
		backend_put(service, step->backend_after);
		return;
	}
	old = backend_by_id(service, step->backend_before->id);
	assert_non_null(old);
	if (step->kind == STEP_BACKEND_SET)
		*old = *step->backend_after;
	else
		*old = service->backends[--service->backend_count];
}

static void step_apply(struct model *model, const struct step *step)
{
	struct service *service;

	switch (step->kind) {
	case STEP_SERVICE_REMOVE:
		service_erase(model, step->service_before->id);
		break;
	case STEP_SERVICE_ADD:
		service_put(model, step->service_after);
		break;
	case STEP_SERVICE_SET: {
		struct backend *backends;
		size_t count;

		service = model_service_by_id(model, step->service_before->id);
		assert_non_null(service);
		backends = service->backends;
		count = service->backend_count;
		*service = *step->service_after;
		service->backends = backends;
		service->backend_count = count;
		break;
	}
	default:
		backend_step_apply(model_service_by_id(model, step->service_before->id), step);
	}
}

static void assert_step_equal(const struct step *a, const struct step *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_ptr_equal(a->service_before, b->service_before);
	assert_ptr_equal(a->service_after, b->service_after);
	assert_ptr_equal(a->backend_before, b->backend_before);
	assert_ptr_equal(a->backend_after, b->backend_after);
}

/* Applies the steps to a copy of `before` and gets `after`, then the inverses and gets `before`. */
static void steps_check(void)
{
	struct model applied;
	int phase = 0;

	assert_int_equal(model_copy(&applied, &before, &err), 0);
	for (size_t i = 0; i < diff.count; i++) {
		assert_true(kind_phase(diff.steps[i].kind) >= phase);
		phase = kind_phase(diff.steps[i].kind);
		step_apply(&applied, &diff.steps[i]);
	}
	assert_model_equal(&applied, &after);
	for (size_t i = diff.count; i-- > 0;) {
		struct step undo = step_inverse(&diff.steps[i]);
		struct step redo = step_inverse(&undo);

		assert_step_equal(&redo, &diff.steps[i]);
		step_apply(&applied, &undo);
	}
	assert_model_equal(&applied, &before);
	model_fini(&applied);
}

static void test_vip_moves_between_services(void **state)
{
	(void)state;
	models_fill();
	assert_int_equal(model_service_remove(&after, "web", &err), 0);
	service_add(&after, "new", "10.0.0.100:80");
	diff_take();
	assert_int_equal(diff.count, 2);
	steps_check();
}

static void test_random_diffs_lead_there_and_back(void **state)
{
	uint64_t seed = 99;
	size_t steps = 0, kinds_seen[STEP_BACKEND_ADD + 1] = {0};

	(void)state;
	for (int round = 0; round < 3000; round++) {
		unsigned operations = random_next(&seed) % 12;

		for (unsigned i = 0; i < operations; i++)
			random_operation(&after, &seed, &err);
		diff_take();
		steps_check();
		steps += diff.count;
		for (size_t i = 0; i < diff.count; i++)
			kinds_seen[diff.steps[i].kind]++;
		model_fini(&before);
		assert_int_equal(model_copy(&before, &after, &err), 0);
		/* As the controller's sweep does now and then: ids come back. */
		if (round % 50 == 0) {
			memset(after.backend_ids_used, 0, sizeof(after.backend_ids_used));
			for (size_t i = 0; i < after.service_count; i++) {
				const struct service *service = &after.services[i];

				for (size_t j = 0; j < service->backend_count; j++)
					after.backend_ids_used[service->backends[j].id / 64] |=
						1ULL << service->backends[j].id % 64;
			}
		}
	}
	assert_true(steps > 1000);
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds_seen); kind++)
		assert_true(kinds_seen[kind] > 10);
}

#define DIFF_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DIFF_TEST(test_equal_models_give_no_step),
		DIFF_TEST(test_service_add_is_one_step),
		DIFF_TEST(test_service_remove_is_one_step),
		DIFF_TEST(test_backend_steps),
		DIFF_TEST(test_service_set_and_backends),
		DIFF_TEST(test_every_setting_counts),
		DIFF_TEST(test_stale_bytes_do_not_count),
		DIFF_TEST(test_identity_is_the_id),
		DIFF_TEST(test_backend_belongs_to_its_service),
		DIFF_TEST(test_vip_moves_between_services),
		DIFF_TEST(test_random_diffs_lead_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
