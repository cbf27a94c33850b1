// SPDX-License-Identifier: GPL-2.0
#include "user/model/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

/* A model by id: an id stays with one service or backend for its lifetime, a name or endpoint can
 * be given to another. */
struct id_index {
	const struct service *services[LBX_MAX_SERVICES];
	const struct backend *backends[LBX_MAX_BACKENDS];
	const struct service *backend_services[LBX_MAX_BACKENDS];
};

static void index_fill(struct id_index *by_id, const struct model *model)
{
	for (size_t i = 0; i < model->service_count; i++) {
		const struct service *service = &model->services[i];

		by_id->services[service->id] = service;
		for (size_t j = 0; j < service->backend_count; j++) {
			const struct backend *backend = &service->backends[j];

			by_id->backends[backend->id] = backend;
			by_id->backend_services[backend->id] = service;
		}
	}
}

/* The backend of that id, if it is one of the service's. */
static const struct backend *index_backend(const struct id_index *by_id, __u16 id,
					   const struct service *service)
{
	return by_id->backend_services[id] == service ? by_id->backends[id] : NULL;
}

static bool check_equal(const struct check_spec *a, const struct check_spec *b)
{
	return a->kind == b->kind && !strcmp(a->host, b->host) && !strcmp(a->path, b->path) &&
	       a->status_lo == b->status_lo && a->status_hi == b->status_hi;
}

static bool timing_equal(const struct check_timing *a, const struct check_timing *b)
{
	return a->interval_ms == b->interval_ms && a->timeout_ms == b->timeout_ms &&
	       a->rise == b->rise && a->fall == b->fall;
}

/* Everything but the backends. */
static bool service_equal(const struct service *a, const struct service *b)
{
	return !strcmp(a->name, b->name) && a->protocol == b->protocol &&
	       endpoint_equal(&a->vip, &b->vip) && a->forward == b->forward &&
	       a->scheduler == b->scheduler && check_equal(&a->check, &b->check) &&
	       timing_equal(&a->timing, &b->timing) && a->on_down == b->on_down &&
	       a->all_down == b->all_down && a->ping == b->ping && !strcmp(a->assign, b->assign);
}

static bool backend_equal(const struct backend *a, const struct backend *b)
{
	return endpoint_equal(&a->endpoint, &b->endpoint) && a->weight == b->weight &&
	       a->tunnel.mtu == b->tunnel.mtu && a->tunnel.port == b->tunnel.port &&
	       addr_equal(&a->tunnel.source, &b->tunnel.source);
}

static void step_push(struct diff *diff, enum step_kind kind, const struct service *service_before,
		      const struct service *service_after, const struct backend *backend_before,
		      const struct backend *backend_after)
{
	diff->steps[diff->count++] = (struct step){
		.kind = kind,
		.service_before = service_before,
		.service_after = service_after,
		.backend_before = backend_before,
		.backend_after = backend_after,
	};
}

static void removals_push(struct diff *diff, const struct model *before,
			  const struct id_index *after)
{
	for (size_t i = 0; i < before->service_count; i++) {
		const struct service *service = &before->services[i];
		const struct service *kept = after->services[service->id];

		if (!kept)
			step_push(diff, STEP_SERVICE_REMOVE, service, NULL, NULL, NULL);
		for (size_t j = 0; kept && j < service->backend_count; j++) {
			const struct backend *backend = &service->backends[j];

			if (!index_backend(after, backend->id, kept))
				step_push(diff, STEP_BACKEND_REMOVE, service, kept, backend, NULL);
		}
	}
}

static void sets_push(struct diff *diff, const struct id_index *before, const struct model *after)
{
	for (size_t i = 0; i < after->service_count; i++) {
		const struct service *service = &after->services[i];
		const struct service *old = before->services[service->id];

		if (old && !service_equal(old, service))
			step_push(diff, STEP_SERVICE_SET, old, service, NULL, NULL);
		for (size_t j = 0; old && j < service->backend_count; j++) {
			const struct backend *backend = &service->backends[j];
			const struct backend *was = index_backend(before, backend->id, old);

			if (was && !backend_equal(was, backend))
				step_push(diff, STEP_BACKEND_SET, old, service, was, backend);
		}
	}
}

static void additions_push(struct diff *diff, const struct id_index *before,
			   const struct model *after)
{
	for (size_t i = 0; i < after->service_count; i++) {
		const struct service *service = &after->services[i];
		const struct service *old = before->services[service->id];

		if (!old)
			step_push(diff, STEP_SERVICE_ADD, NULL, service, NULL, NULL);
		for (size_t j = 0; old && j < service->backend_count; j++) {
			const struct backend *backend = &service->backends[j];

			if (!index_backend(before, backend->id, old))
				step_push(diff, STEP_BACKEND_ADD, old, service, NULL, backend);
		}
	}
}

/* Each service and each backend gives at most one step on either side. */
static size_t steps_max(const struct model *before, const struct model *after)
{
	size_t count = before->service_count + after->service_count;

	for (size_t i = 0; i < before->service_count; i++)
		count += before->services[i].backend_count;
	for (size_t i = 0; i < after->service_count; i++)
		count += after->services[i].backend_count;
	return count;
}

int diff_models(struct diff *diff, const struct model *before, const struct model *after,
		struct err *err)
{
	autofree struct id_index *before_by_id = calloc(1, sizeof(*before_by_id));
	autofree struct id_index *after_by_id = calloc(1, sizeof(*after_by_id));

	*diff = (struct diff){0};
	diff->steps = calloc(steps_max(before, after) + 1, sizeof(*diff->steps));
	if (!before_by_id || !after_by_id || !diff->steps) {
		diff_fini(diff);
		return err_set(err, -ENOMEM, "lbxdpd: out of memory; free some and try again");
	}
	index_fill(before_by_id, before);
	index_fill(after_by_id, after);
	removals_push(diff, before, after_by_id);
	sets_push(diff, before_by_id, after);
	additions_push(diff, before_by_id, after);
	return 0;
}

void diff_fini(struct diff *diff)
{
	free(diff->steps);
	*diff = (struct diff){0};
}

struct step step_inverse(const struct step *step)
{
	static const enum step_kind inverses[] = {
		[STEP_SERVICE_REMOVE] = STEP_SERVICE_ADD, [STEP_SERVICE_SET] = STEP_SERVICE_SET,
		[STEP_SERVICE_ADD] = STEP_SERVICE_REMOVE, [STEP_BACKEND_REMOVE] = STEP_BACKEND_ADD,
		[STEP_BACKEND_SET] = STEP_BACKEND_SET,	  [STEP_BACKEND_ADD] = STEP_BACKEND_REMOVE,
	};

	return (struct step){
		.kind = inverses[step->kind],
		.service_before = step->service_after,
		.service_after = step->service_before,
		.backend_before = step->backend_after,
		.backend_after = step->backend_before,
	};
}
