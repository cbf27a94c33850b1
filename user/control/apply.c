// SPDX-License-Identifier: GPL-2.0
#include "user/control/apply.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "user/base/log.h"
#include "user/control/runtime.h"
#include "user/control/state.h"
#include "user/control/sweep.h"
#include "user/control/sync.h"
#include "user/model/diff.h"

/* --- what has to be there before a step can be made --- */

static int backend_prepare(struct controller *controller, const struct service *service,
			   const struct backend *backend, struct err *err)
{
	char text[ENDPOINT_TEXT_MAX];
	int r = backend_runtime_new(controller, service->id, backend, err);

	if (!r)
		r = backend_runtime_start(controller, service, controller->backends[backend->id],
					  err);
	if (r)
		err_prefix(err, "backend %s", endpoint_format(&backend->endpoint, text));
	return r;
}

static int service_prepare(struct controller *controller, const struct service *service,
			   struct err *err)
{
	int r = service_runtime_new(controller, service, err);

	if (r)
		return r;
	controller->services[service->id]->fresh = true;
	for (size_t i = 0; !r && i < service->backend_count; i++)
		r = backend_prepare(controller, service, &service->backends[i], err);
	return r;
}

/* Unchecked so far means used so far: `fall` failures take such a backend out, not the lack of a
 * first result. */
static void checks_prepare(struct controller *controller, const struct service *before)
{
	for (size_t i = 0; before->check.kind == CHECK_NONE && i < before->backend_count; i++)
		controller->backends[before->backends[i].id]->health =
			(struct health){.state = HEALTH_UP};
}

static int step_prepare(struct controller *controller, const struct step *step, struct err *err)
{
	if (step->kind == STEP_SERVICE_SET)
		checks_prepare(controller, step->service_before);
	if (step->kind == STEP_SERVICE_ADD)
		return service_prepare(controller, step->service_after, err);
	if (step->kind == STEP_BACKEND_ADD)
		return backend_prepare(controller, step->service_after, step->backend_after, err);
	return 0;
}

/* --- what goes when a step was made, or could not be --- */

static void backend_retire(struct controller *controller, __u16 id)
{
	struct backend_runtime *runtime = controller->backends[id];

	if (!runtime)
		return;
	backend_runtime_stop(controller, runtime);
	runtime->removed = true;
	/* Reserved until no flow names it; set already unless an addition is being undone. */
	controller->model.backend_ids_used[id / 64] |= 1ULL << (id % 64);
}

static void service_retire(struct controller *controller, const struct service *service)
{
	if (controller->services[service->id])
		controller->services[service->id]->removed = true;
	controller->model.service_ids_used[service->id / 64] |= 1ULL << (service->id % 64);
	for (size_t i = 0; i < service->backend_count; i++)
		backend_retire(controller, service->backends[i].id);
}

/* --- the steps --- */

static int step_perform(struct controller *controller, const struct step *step, struct err *err)
{
	int r;

	switch (step->kind) {
	case STEP_SERVICE_REMOVE:
		return service_take_down(controller, step->service_before, err);
	case STEP_BACKEND_REMOVE:
		r = service_sync(controller, step->service_after, err);
		return r ? r : backend_take_down(controller, step->backend_before->id, err);
	case STEP_SERVICE_SET:
	case STEP_SERVICE_ADD:
	case STEP_BACKEND_SET:
	case STEP_BACKEND_ADD:
		/* The first step of a service does it all; the others find nothing to do. */
		return service_sync(controller, step->service_after, err);
	}
	return 0;
}

static void steps_undo(struct controller *controller, const struct diff *diff, size_t count)
{
	struct err err = {0};

	/* From the one that failed on: it may be half done. */
	for (size_t i = count; i-- > 0;) {
		struct step step = step_inverse(&diff->steps[i]);

		if (step_perform(controller, &step, &err))
			log_error("undoing a failed change: %s", err.text);
	}
}

static int steps_perform(struct controller *controller, const struct diff *diff, struct err *err)
{
	for (size_t i = 0; i < diff->count; i++) {
		int r = step_perform(controller, &diff->steps[i], err);

		if (r) {
			steps_undo(controller, diff, i + 1);
			return r;
		}
	}
	return 0;
}

/* --- all or nothing --- */

static bool checks_differ(const struct service *a, const struct service *b)
{
	const struct check_spec *x = &a->check, *y = &b->check;
	const struct check_timing *s = &a->timing, *t = &b->timing;

	return x->kind != y->kind || strcmp(x->host, y->host) != 0 ||
	       strcmp(x->path, y->path) != 0 || x->status_lo != y->status_lo ||
	       x->status_hi != y->status_hi || s->interval_ms != t->interval_ms ||
	       s->timeout_ms != t->timeout_ms;
}

/* What can no longer fail the change. */
static void step_finish(struct controller *controller, const struct step *step)
{
	struct err err = {0};

	if (step->kind == STEP_SERVICE_REMOVE)
		service_retire(controller, step->service_before);
	if (step->kind == STEP_BACKEND_REMOVE)
		backend_retire(controller, step->backend_before->id);
	if (step->kind == STEP_SERVICE_SET &&
	    checks_differ(step->service_before, step->service_after) &&
	    service_checks_restart(controller, step->service_after, &err))
		log_error("%s: %s", step->service_after->name, err.text);
}

static void step_abandon(struct controller *controller, const struct step *step)
{
	if (step->kind == STEP_SERVICE_ADD)
		service_retire(controller, step->service_after);
	if (step->kind == STEP_BACKEND_ADD)
		backend_retire(controller, step->backend_after->id);
}

static void apply_commit(struct controller *controller, const struct diff *diff, struct model *next)
{
	for (size_t i = 0; i < diff->count; i++)
		step_finish(controller, &diff->steps[i]);
	model_fini(&controller->model);
	controller->model = *next;
	model_init(next);
}

static void apply_abandon(struct controller *controller, const struct diff *diff)
{
	struct err err = {0};

	for (size_t i = 0; i < diff->count; i++)
		step_abandon(controller, &diff->steps[i]);
	if (state_save(controller, &controller->model, &err))
		log_error("%s", err.text);
}

/* What the model alone cannot know. */
static int apply_check(struct controller *controller, const struct model *next, struct err *err)
{
	const struct dataplane_options *options = &controller->options;

	for (int f = 0; f < 2; f++) {
		const struct snat_family *family = &controller->snats.families[f];

		for (int i = 0; i < LBX_MAX_SNATS; i++) {
			const struct service *clash = NULL;
			char vip[ENDPOINT_TEXT_MAX];

			if (family->used >> i & 1)
				clash = snat_conflict(next, &family->addrs[i], options->port_lo,
						      options->port_hi);
			if (!clash)
				continue;
			return err_set(err, -EINVAL,
				       "service \"%s\": VIP %s is a translation address too, and "
				       "port %u a translated one (%u-%u); use another port, or "
				       "attach with --ports",
				       clash->name, endpoint_format(&clash->vip, vip),
				       ntohs(clash->vip.port), options->port_lo, options->port_hi);
		}
	}
	return 0;
}

int controller_apply(struct controller *controller, struct model *next, struct err *err)
{
	struct diff diff;
	int r = apply_check(controller, next, err);

	if (!r)
		r = diff_models(&diff, &controller->model, next, err);
	if (r)
		return r;
	for (size_t i = 0; !r && i < diff.count; i++)
		r = step_prepare(controller, &diff.steps[i], err);
	/* Written ahead: whatever the data plane gets, a later controller knows of it. */
	if (!r)
		r = state_save(controller, next, err);
	if (!r)
		r = steps_perform(controller, &diff, err);
	if (r)
		apply_abandon(controller, &diff);
	else
		apply_commit(controller, &diff, next);
	diff_fini(&diff);
	ids_free_unused(controller);
	controller_flush(controller);
	return r;
}
