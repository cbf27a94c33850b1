// SPDX-License-Identifier: GPL-2.0
/* Changes of the model: what they do, and what they leave alone. */
#include "tests/unit/random_model.h"

#include <stdio.h>

#include "tests/unit/model_fixture.h"

static void test_service_add_copies_and_numbers(void **state)
{
	struct service template = service_of("web", "10.0.0.100:80");
	struct backend stray = {.id = 9};
	const struct service *added;

	(void)state;
	template.id = 77;
	template.backends = &stray;
	template.backend_count = 1;
	template.timing.rise = 5;
	assert_int_equal(model_service_add(&model, &template, &err), 0);
	added = model_service(&model, "web");
	assert_non_null(added);
	assert_int_equal(added->id, 1);
	assert_int_equal(added->timing.rise, 5);
	assert_int_equal(added->backend_count, 0);
	assert_ptr_equal(model_service_by_id(&model, 1), added);
	assert_null(model_service_by_id(&model, 77));
	assert_null(model_service(&model, "other"));
}

static void test_service_name_and_vip_are_unique(void **state)
{
	struct endpoint vip = endpoint_of("10.0.0.100:80");
	struct service udp;

	(void)state;
	assert_int_equal(service_add("web", "10.0.0.100:80"), 0);
	assert_err(service_add("web", "10.0.0.101:80"), &err, -EEXIST,
		   "service \"web\": exists already; use 'service set' to change it");
	assert_err(service_add("other", "10.0.0.100:80"), &err, -EEXIST,
		   "service \"other\": VIP 10.0.0.100:80 (tcp) is taken by service web; give "
		   "another address or port");
	assert_int_equal(model.service_count, 1);
	assert_int_equal(service_add("port", "10.0.0.100:81"), 0);
	service_init(&udp, "udp", IPPROTO_UDP, &vip);
	assert_int_equal(model_service_add(&model, &udp, &err), 0);
}

static void test_service_set_changes_settings_only(void **state)
{
	struct service template = service_of("web", "10.9.9.9:99");
	const struct service *service;

	(void)state;
	assert_int_equal(service_add("web", "10.0.0.100:80"), 0);
	assert_int_equal(backend_add("web", "10.0.0.1:80", 1), 0);
	template.protocol = IPPROTO_UDP;
	template.forward = LBX_FORWARD_DSR;
	template.check.kind = CHECK_NONE;
	template.timing.fall = 9;
	template.on_down = ON_DOWN_MOVE;
	template.all_down = ALL_DOWN_CLOSED;
	strcpy(template.assign, "eth0");
	assert_int_equal(model_service_set(&model, &template, &err), 0);

	service = model_service(&model, "web");
	assert_int_equal(service->id, 1);
	assert_int_equal(service->protocol, IPPROTO_TCP);
	assert_int_equal(service->forward, LBX_FORWARD_FULLNAT);
	assert_int_equal(ntohs(service->vip.port), 80);
	assert_int_equal(service->backend_count, 1);
	assert_int_equal(service->check.kind, CHECK_NONE);
	assert_int_equal(service->timing.fall, 9);
	assert_int_equal(service->on_down, ON_DOWN_MOVE);
	assert_int_equal(service->all_down, ALL_DOWN_CLOSED);
	assert_string_equal(service->assign, "eth0");
}

static void test_service_set_refusals(void **state)
{
	struct service template = service_of("web", "10.0.0.100:80");

	(void)state;
	assert_int_equal(service_add("web", "10.0.0.100:80"), 0);
	template.timing.fall = 0;
	assert_err(model_service_set(&model, &template, &err), &err, -EINVAL,
		   "fall 0: out of range; give 1 to 100");
	assert_int_equal(model_service(&model, "web")->timing.fall, 3);
	template = service_of("wob", "10.0.0.100:80");
	assert_err(model_service_set(&model, &template, &err), &err, -ENOENT,
		   "service \"wob\": unknown; there are: web");
}

static void test_service_find(void **state)
{
	struct service *service = NULL;

	(void)state;
	assert_err(model_service_find(&model, NULL, &service, &err), &err, -ENOENT,
		   "no service yet; add one with 'lbxdp service add NAME tcp VIP:PORT'");
	assert_err(model_service_find(&model, "x", &service, &err), &err, -ENOENT,
		   "service \"x\": unknown, no service yet; add one with 'lbxdp service add NAME "
		   "tcp VIP:PORT'");
	assert_int_equal(service_add("a", "10.0.0.100:80"), 0);
	assert_int_equal(model_service_find(&model, NULL, &service, &err), 0);
	assert_string_equal(service->name, "a");
	assert_int_equal(model_service_find(&model, "", &service, &err), 0);
	assert_int_equal(service_add("b", "10.0.0.100:81"), 0);
	assert_err(model_service_find(&model, NULL, &service, &err), &err, -EINVAL,
		   "several services; name one of: a, b");
	assert_int_equal(model_service_find(&model, "b", &service, &err), 0);
	assert_string_equal(service->name, "b");
	assert_err(model_service_find(&model, "c", &service, &err), &err, -ENOENT,
		   "service \"c\": unknown; there are: a, b");
}

static void test_service_find_among_many(void **state)
{
	struct service *service;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		char name[24], vip[24];

		snprintf(name, sizeof(name), "service-%u", i);
		snprintf(vip, sizeof(vip), "10.0.1.%u:80", i);
		assert_int_equal(service_add(name, vip), 0);
	}
	assert_int_equal(model_service_find(&model, NULL, &service, &err), -EINVAL);
	assert_contains(err.text, "name one of: service-0, service-1, ");
	assert_string_equal(err.text + strlen(err.text) - 5, ", ...");
}

static void test_backend_add(void **state)
{
	const struct service *service;

	(void)state;
	assert_int_equal(service_add("web", "10.0.0.100:80"), 0);
	assert_int_equal(backend_add("web", "10.0.0.1:80", 1), 0);
	assert_int_equal(backend_add(NULL, "10.0.0.1:81", 1000), 0);
	service = model_service(&model, "web");
	assert_int_equal(service->backend_count, 2);
	assert_int_equal(service->backends[0].id, 1);
	assert_int_equal(service->backends[1].id, 2);
	assert_int_equal(service->backends[1].weight, 1000);
	assert_err(backend_add("web", "10.0.0.1:80", 2), &err, -EEXIST,
		   "backend 10.0.0.1:80: exists already in service web; use 'backend set' to "
		   "change its weight");
	assert_int_equal(service->backends[0].weight, 1);
}

static void test_backend_of_two_services(void **state)
{
	(void)state;
	assert_int_equal(service_add("a", "10.0.0.100:80"), 0);
	assert_int_equal(service_add("b", "10.0.0.100:81"), 0);
	assert_int_equal(backend_add("a", "10.0.0.1:80", 1), 0);
	assert_int_equal(backend_add("b", "10.0.0.1:80", 1), 0);
	assert_int_equal(model_service(&model, "b")->backends[0].id, 2);
}

static void test_backend_remove(void **state)
{
	const struct service *service;

	(void)state;
	assert_int_equal(service_add("web", "10.0.0.100:80"), 0);
	assert_int_equal(backend_add("web", "10.0.0.1:80", 1), 0);
	assert_int_equal(backend_add("web", "10.0.0.2:80", 2), 0);
	assert_int_equal(backend_add("web", "10.0.0.3:80", 3), 0);
	assert_int_equal(backend_remove("web", "10.0.0.2:80"), 0);
	service = model_service(&model, "web");
	assert_int_equal(service->backend_count, 2);
	assert_int_equal(service->backends[0].weight, 1);
	assert_int_equal(service->backends[1].weight, 3);
	assert_int_equal(backend_remove("web", "10.0.0.2:80"), -ENOENT);
	assert_int_equal(backend_remove(NULL, "10.0.0.3:80"), 0);
	assert_int_equal(backend_remove(NULL, "10.0.0.1:80"), 0);
	assert_int_equal(model_service(&model, "web")->backend_count, 0);
}

static void test_service_remove(void **state)
{
	(void)state;
	assert_int_equal(service_add("a", "10.0.0.100:80"), 0);
	assert_int_equal(service_add("b", "10.0.0.100:81"), 0);
	assert_int_equal(backend_add("a", "10.0.0.1:80", 1), 0);
	assert_int_equal(model_service_remove(&model, "a", &err), 0);
	assert_null(model_service(&model, "a"));
	assert_int_equal(model.service_count, 1);
	assert_string_equal(model.services[0].name, "b");
	assert_err(model_service_remove(&model, "a", &err), &err, -ENOENT,
		   "service \"a\": unknown; there are: b");
	/* Leaving the name out must not remove the only one. */
	assert_int_equal(model_service_remove(&model, NULL, &err), -EINVAL);
	assert_int_equal(model_service_remove(&model, "", &err), -EINVAL);
	assert_int_equal(model.service_count, 1);
}

static void test_ids_stay_reserved_until_freed(void **state)
{
	(void)state;
	assert_int_equal(service_add("a", "10.0.0.100:80"), 0);
	assert_int_equal(backend_add("a", "10.0.0.1:80", 1), 0);
	assert_int_equal(backend_add("a", "10.0.0.2:80", 1), 0);
	assert_int_equal(backend_remove("a", "10.0.0.1:80"), 0);
	assert_int_equal(backend_add("a", "10.0.0.1:80", 1), 0);
	assert_int_equal(model.services[0].backends[1].id, 3);
	model_backend_id_free(&model, 1);
	assert_int_equal(backend_add("a", "10.0.0.3:80", 1), 0);
	assert_int_equal(model.services[0].backends[2].id, 1);

	assert_int_equal(model_service_remove(&model, "a", &err), 0);
	assert_int_equal(service_add("a", "10.0.0.100:80"), 0);
	assert_int_equal(model.services[0].id, 2);
	assert_int_equal(backend_add("a", "10.0.0.9:80", 1), 0);
	assert_int_equal(model.services[0].backends[0].id, 4);
	model_service_id_free(&model, 1);
	assert_int_equal(service_add("b", "10.0.0.100:81"), 0);
	assert_int_equal(model.services[1].id, 1);
}

static void test_id_free_ignores_nonsense(void **state)
{
	(void)state;
	model_service_id_free(&model, LBX_MAX_SERVICES);
	model_service_id_free(&model, 65535);
	model_backend_id_free(&model, LBX_MAX_BACKENDS);
	model_backend_id_free(&model, 0);
	assert_int_equal(service_add("a", "10.0.0.100:80"), 0);
	assert_int_equal(model.services[0].id, 1);
}

static void test_service_limit(void **state)
{
	(void)state;
	for (unsigned id = 1; id < LBX_MAX_SERVICES - 1; id++)
		model.service_ids_used[id / 64] |= 1ULL << id % 64;
	assert_int_equal(service_add("last", "10.0.0.100:80"), 0);
	assert_int_equal(model.services[0].id, LBX_MAX_SERVICES - 1);
	assert_err(service_add("more", "10.0.0.100:81"), &err, -ENOSPC,
		   "service \"more\": all 4095 ids are in use or named by flows of removed "
		   "services; remove one, or wait until those flows expire");
	assert_int_equal(model.service_count, 1);
}

static void test_backend_limits(void **state)
{
	struct endpoint endpoint = endpoint_of("10.1.0.0:80");

	(void)state;
	assert_int_equal(service_add("web", "10.0.0.100:80"), 0);
	for (unsigned i = 0; i < LBX_BACKENDS_PER_SERVICE; i++) {
		addr_from_v4(&endpoint.addr, htonl(0x0a010000 + i));
		assert_int_equal(model_backend_add(&model, "web", &endpoint, 1, &err), 0);
	}
	assert_err(backend_add("web", "10.0.0.1:80", 1), &err, -ENOSPC,
		   "backend 10.0.0.1:80: service web has 1024 backends, the most there can be; "
		   "remove one first");
	assert_int_equal(backend_remove("web", "10.1.0.0:80"), 0);
	memset(model.backend_ids_used, 0xff, sizeof(model.backend_ids_used));
	assert_err(backend_add("web", "10.0.0.1:80", 1), &err, -ENOSPC,
		   "backend 10.0.0.1:80: all 16383 ids are in use or named by flows of removed "
		   "backends; remove one, or wait until those flows expire");
	assert_int_equal(model.services[0].backend_count, LBX_BACKENDS_PER_SERVICE - 1);
}

static void test_copy_is_deep(void **state)
{
	struct model copy;

	(void)state;
	assert_int_equal(model_copy(&copy, &model, &err), 0);
	assert_int_equal(copy.service_count, 0);
	assert_int_equal(service_add("a", "10.0.0.100:80"), 0);
	assert_int_equal(service_add("b", "10.0.0.100:81"), 0);
	assert_int_equal(backend_add("a", "10.0.0.1:80", 1), 0);
	assert_int_equal(model_copy(&copy, &model, &err), 0);
	assert_model_equal(&copy, &model);
	assert_memory_equal(copy.backend_ids_used, model.backend_ids_used,
			    sizeof(model.backend_ids_used));
	assert_int_equal(backend_set("a", "10.0.0.1:80", 7), 0);
	assert_int_equal(model_service(&copy, "a")->backends[0].weight, 1);
	assert_int_equal(model_service_remove(&model, "a", &err), 0);
	assert_int_equal(copy.service_count, 2);
	model_fini(&copy);
	assert_int_equal(copy.service_count, 0);
}

static bool bit_is_set(const __u64 *bits, unsigned id)
{
	return bits[id / 64] >> id % 64 & 1;
}

/* Ids in range, unique and marked; names and VIPs unique; every backend fits its service. */
static void invariants_check(const struct model *m)
{
	static __u8 backends_seen[LBX_MAX_BACKENDS], services_seen[LBX_MAX_SERVICES];

	memset(backends_seen, 0, sizeof(backends_seen));
	memset(services_seen, 0, sizeof(services_seen));
	for (size_t i = 0; i < m->service_count; i++) {
		const struct service *service = &m->services[i];

		assert_in_range(service->id, 1, LBX_MAX_SERVICES - 1);
		assert_true(bit_is_set(m->service_ids_used, service->id));
		assert_int_equal(services_seen[service->id]++, 0);
		assert_ptr_equal(model_service(m, service->name), service);
		for (size_t j = 0; j < i; j++)
			assert_false(endpoint_equal(&m->services[j].vip, &service->vip) &&
				     m->services[j].protocol == service->protocol);
		for (size_t j = 0; j < service->backend_count; j++) {
			const struct backend *backend = &service->backends[j];

			assert_in_range(backend->id, 1, LBX_MAX_BACKENDS - 1);
			assert_true(bit_is_set(m->backend_ids_used, backend->id));
			assert_int_equal(backends_seen[backend->id]++, 0);
			assert_ptr_equal(service_backend(service, &backend->endpoint), backend);
			assert_in_range(backend->weight, 1, LBX_WEIGHT_MAX);
			assert_true(service->forward != LBX_FORWARD_DSR ||
				    backend->endpoint.port == service->vip.port);
		}
	}
}

static void test_random_operations_keep_the_invariants(void **state)
{
	uint64_t seed = 42;
	unsigned done = 0, refused = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct model before;
		int result;

		assert_int_equal(model_copy(&before, &model, &err), 0);
		err = (struct err){0};
		result = random_operation(&model, &seed, &err);
		invariants_check(&model);
		if (result) {
			refused++;
			assert_int_equal(err.code, result);
			assert_contains(err.text, "; ");
			assert_model_equal(&before, &model);
			assert_memory_equal(before.backend_ids_used, model.backend_ids_used,
					    sizeof(model.backend_ids_used));
			assert_memory_equal(before.service_ids_used, model.service_ids_used,
					    sizeof(model.service_ids_used));
		} else {
			done++;
		}
		model_fini(&before);
	}
	/* Both kinds must have been seen for this to mean anything. */
	assert_in_range(done, 1000, 19000);
	assert_in_range(refused, 1000, 19000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MODEL_TEST(test_service_add_copies_and_numbers),
		MODEL_TEST(test_service_name_and_vip_are_unique),
		MODEL_TEST(test_service_set_changes_settings_only),
		MODEL_TEST(test_service_set_refusals),
		MODEL_TEST(test_service_find),
		MODEL_TEST(test_service_find_among_many),
		MODEL_TEST(test_backend_add),
		MODEL_TEST(test_backend_of_two_services),
		MODEL_TEST(test_backend_remove),
		MODEL_TEST(test_service_remove),
		MODEL_TEST(test_ids_stay_reserved_until_freed),
		MODEL_TEST(test_id_free_ignores_nonsense),
		MODEL_TEST(test_service_limit),
		MODEL_TEST(test_backend_limits),
		MODEL_TEST(test_copy_is_deep),
		MODEL_TEST(test_random_operations_keep_the_invariants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
