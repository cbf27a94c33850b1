/* SPDX-License-Identifier: GPL-2.0 */
/* One model, empty before each test, and short ways to change it; err holds the last error. */
#ifndef LBX_MODEL_FIXTURE_H
#define LBX_MODEL_FIXTURE_H

#include <netinet/in.h>

#include "tests/unit/unit.h"
#include "user/model/model.h"

static struct model model;
static struct err err;

static inline int setup(void **state)
{
	(void)state;
	model_init(&model);
	err = (struct err){0};
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	model_fini(&model);
	return 0;
}

static inline struct service service_of(const char *name, const char *vip_text)
{
	struct endpoint vip = endpoint_of(vip_text);
	struct service service;

	service_init(&service, name, IPPROTO_TCP, &vip);
	return service;
}

static inline int service_add(const char *name, const char *vip)
{
	struct service service = service_of(name, vip);

	return model_service_add(&model, &service, &err);
}

static inline int backend_add(const char *service, const char *text, unsigned weight)
{
	struct endpoint endpoint = endpoint_of(text);

	return model_backend_add(&model, service, &endpoint, weight, &err);
}

static inline int backend_set(const char *service, const char *text, unsigned weight)
{
	struct endpoint endpoint = endpoint_of(text);

	return model_backend_set(&model, service, &endpoint, weight, &err);
}

static inline int backend_remove(const char *service, const char *text)
{
	struct endpoint endpoint = endpoint_of(text);

	return model_backend_remove(&model, service, &endpoint, &err);
}

#define MODEL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
