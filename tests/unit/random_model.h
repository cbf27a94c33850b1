/* SPDX-License-Identifier: GPL-2.0 */
/* Random operations on a model, drawn from few names and endpoints so that they often meet. */
#ifndef LBX_RANDOM_MODEL_H
#define LBX_RANDOM_MODEL_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "tests/unit/unit.h"
#include "user/model/model.h"

static inline struct endpoint random_endpoint(uint64_t *seed, unsigned last_byte)
{
	struct endpoint endpoint = {.port = htons((__u16)(80 + random_next(seed) % 3))};

	addr_from_v4(&endpoint.addr, htonl(0x0a000000 + last_byte));
	return endpoint;
}

static inline struct service random_service(uint64_t *seed)
{
	struct endpoint vip = random_endpoint(seed, 200 + random_next(seed) % 3);
	__u8 protocol = random_next(seed) % 2 ? IPPROTO_TCP : IPPROTO_UDP;
	struct service service;
	char name[8];

	snprintf(name, sizeof(name), "s%u", random_next(seed) % 6);
	service_init(&service, name, protocol, &vip);
	service.timing.rise = 1 + random_next(seed) % 3;
	service.all_down = random_next(seed) % 2 ? ALL_DOWN_OPEN : ALL_DOWN_CLOSED;
	service.forward = random_next(seed) % 4 ? LBX_FORWARD_FULLNAT : LBX_FORWARD_DSR;
	return service;
}

static inline int random_operation(struct model *model, uint64_t *seed, struct err *err)
{
	struct service service = random_service(seed);
	struct endpoint endpoint = random_endpoint(seed, 1 + random_next(seed) % 5);
	unsigned weight = random_next(seed) % 5;

	switch (random_next(seed) % 10) {
	case 0:
	case 1:
		return model_service_add(model, &service, err);
	case 2:
		return model_service_set(model, &service, err);
	case 3:
		return model_service_remove(model, service.name, err);
	case 4:
		return model_backend_set(model, service.name, &endpoint, weight, err);
	case 5:
	case 6:
		return model_backend_remove(model, service.name, &endpoint, err);
	default:
		return model_backend_add(model, service.name, &endpoint, weight, err);
	}
}

/* What diff and copy must preserve; order aside, by id. */
static inline void assert_service_equal(const struct service *a, const struct service *b)
{
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(a->id, b->id);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->protocol, b->protocol);
	assert_true(endpoint_equal(&a->vip, &b->vip));
	assert_int_equal(a->forward, b->forward);
	assert_int_equal(a->scheduler, b->scheduler);
	assert_memory_equal(&a->check, &b->check, sizeof(a->check));
	assert_memory_equal(&a->timing, &b->timing, sizeof(a->timing));
	assert_int_equal(a->on_down, b->on_down);
	assert_int_equal(a->all_down, b->all_down);
	assert_string_equal(a->assign, b->assign);
	assert_int_equal(a->backend_count, b->backend_count);
	for (size_t i = 0; i < a->backend_count; i++) {
		const struct backend *other = service_backend(b, &a->backends[i].endpoint);

		assert_non_null(other);
		assert_int_equal(a->backends[i].id, other->id);
		assert_int_equal(a->backends[i].weight, other->weight);
	}
}

static inline void assert_model_equal(const struct model *a, const struct model *b)
{
	assert_int_equal(a->service_count, b->service_count);
	for (size_t i = 0; i < a->service_count; i++)
		assert_service_equal(&a->services[i], model_service_by_id(b, a->services[i].id));
}

#endif
