// SPDX-License-Identifier: GPL-2.0
#include "user/control/sync.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/control/reach.h"
#include "user/control/runtime.h"
#include "user/model/schedule.h"

enum { SHOW_DELAY_MS = 1000 };

/* What one backend should be. */
struct target {
	struct backend_runtime *runtime;
	struct backend_facts facts;
	struct lbx_backend entry;
	bool scheduled;
	char problem[256]; /* why it is unreachable */
};

/* What the service should be. */
struct plan {
	const struct service *service;
	struct target *targets; /* by its backends' order */
	struct backend_facts *facts;
	struct schedule_entry *entries;
	struct eligibility eligibility;
	struct lbx_schedule schedule;
};

static void plan_free(struct plan **plan)
{
	if (!*plan)
		return;
	free((*plan)->targets);
	free((*plan)->facts);
	free((*plan)->entries);
	free(*plan);
	*plan = NULL;
}

static struct plan *plan_new(const struct service *service)
{
	struct plan *plan = calloc(1, sizeof(*plan));
	size_t count = service->backend_count + 1; /* calloc(0) may be NULL */

	if (!plan)
		return NULL;
	plan->service = service;
	plan->targets = calloc(count, sizeof(*plan->targets));
	plan->facts = calloc(count, sizeof(*plan->facts));
	plan->entries = calloc(count, sizeof(*plan->entries));
	if (!plan->targets || !plan->facts || !plan->entries)
		plan_free(&plan);
	return plan;
}

static void target_compute(struct controller *controller, const struct service *service,
			   const struct backend *backend, struct target *target)
{
	struct backend_runtime *runtime = controller->backends[backend->id];

	target->runtime = runtime;
	target->entry = (struct lbx_backend){
		.addr = backend->endpoint.addr,
		.port = backend->endpoint.port,
		.service = service->id,
		.protocol = service->protocol,
	};
	target->facts = (struct backend_facts){
		.id = backend->id,
		.weight = backend->weight,
		.checked = service->check.kind != CHECK_NONE,
		.health = runtime->health.state,
		.reachable = backend_reach(controller, service, backend, &target->entry,
					   target->problem, sizeof(target->problem)),
	};
}

static void scheduled_mark(struct plan *plan)
{
	size_t next = 0;

	/* The entries are in the targets' order. */
	for (size_t i = 0; i < plan->service->backend_count; i++) {
		struct target *target = &plan->targets[i];

		target->scheduled = next < plan->eligibility.count &&
				    plan->entries[next].id == target->facts.id;
		next += target->scheduled;
		target->entry.flags = backend_flags(&target->facts, service_on_down(plan->service),
						    target->scheduled);
	}
}

static int plan_compute(struct controller *controller, struct plan *plan, struct err *err)
{
	const struct service *service = plan->service;
	int r;

	for (size_t i = 0; i < service->backend_count; i++) {
		target_compute(controller, service, &service->backends[i], &plan->targets[i]);
		plan->facts[i] = plan->targets[i].facts;
	}
	plan->eligibility = eligibility_compute(plan->facts, service->backend_count,
						service->all_down, plan->entries);
	scheduled_mark(plan);
	r = schedule_compute(&plan->schedule, plan->entries, plan->eligibility.count);
	return r ? err_set(err, r, "schedule: %s", strerror(-r)) : 0;
}

/* Whose answers are known by its endpoint; not while its flows are answered by resets. */
static bool entry_is_nat(const struct controller *controller, const struct lbx_backend *entry)
{
	const struct service_runtime *runtime = controller->services[entry->service];

	return runtime && runtime->service.forward == LBX_FORWARD_NAT;
}

static int entry_put(struct controller *controller, struct backend_runtime *runtime,
		     const struct lbx_backend *entry, struct err *err)
{
	int r = 0;

	if (!runtime->installed_known)
		r = dataplane_backend_get(controller->dataplane, runtime->id, &runtime->installed);
	if (r)
		return err_set(err, r, "backend entry %u: %s", runtime->id, strerror(-r));
	runtime->installed_known = true;
	if (!memcmp(&runtime->installed, entry, sizeof(*entry)))
		return 0;
	/* An unused entry's counters are those of whoever had the id before. */
	if (!(runtime->installed.flags & LBX_BACKEND_USED))
		r = dataplane_backend_reset(controller->dataplane, runtime->id, err);
	if (!r && entry_is_nat(controller, entry))
		r = dataplane_nat_put(controller->dataplane, runtime->id, entry,
				      !(entry->flags & LBX_BACKEND_RESET), err);
	if (!r)
		r = dataplane_backend_put(controller->dataplane, runtime->id, entry, err);
	if (!r)
		runtime->installed = *entry;
	return r;
}

static int entries_put(struct controller *controller, const struct plan *plan, bool scheduled,
		       struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < plan->service->backend_count; i++) {
		const struct target *target = &plan->targets[i];

		if (target->scheduled == scheduled)
			r = entry_put(controller, target->runtime, &target->entry, err);
	}
	return r;
}

static bool schedule_equal(const struct lbx_schedule *a, const struct lbx_schedule *b)
{
	return a->length == b->length &&
	       !memcmp(a->backends, b->backends, a->length * sizeof(a->backends[0]));
}

static int schedule_put(struct controller *controller, struct service_runtime *runtime,
			const struct lbx_schedule *schedule, struct err *err)
{
	int r;

	if (runtime->schedule && schedule_equal(runtime->schedule, schedule))
		return 0;
	if (!runtime->schedule) {
		runtime->schedule = malloc(sizeof(*schedule));
		if (!runtime->schedule)
			return err_set(err, -ENOMEM, "schedule: out of memory");
		runtime->schedule->length = ~0U; /* equals none */
	}
	r = dataplane_schedule_put(controller->dataplane, runtime->id, schedule, err);
	if (!r)
		*runtime->schedule = *schedule;
	return r;
}

int address_sync(struct controller *controller, const struct lbx_addr *vip, struct err *err)
{
	__u8 flags = 0;

	for (unsigned id = 1; id < LBX_MAX_SERVICES; id++) {
		const struct service_runtime *runtime = controller->services[id];

		if (!runtime || !runtime->installed || !addr_equal(&runtime->service.vip, vip))
			continue;
		flags |= LBX_ADDRESS_VIP;
		flags |= runtime->service.protocol == IPPROTO_TCP ? LBX_ADDRESS_TCP
								  : LBX_ADDRESS_UDP;
		flags |= runtime->ping ? LBX_ADDRESS_PING : 0;
	}
	return dataplane_vip_put(controller->dataplane, vip, flags, err);
}

static int vip_put(struct controller *controller, const struct service *service, bool closed,
		   struct err *err)
{
	struct service_runtime *runtime = controller->services[service->id];
	__u8 flags = (closed ? LBX_SERVICE_CLOSED : 0) |
		     (service_is_wild(service) ? LBX_SERVICE_WILD : 0);
	int r;

	if (runtime->installed && runtime->flags == flags && runtime->ping == service->ping)
		return 0;
	r = dataplane_service_put(controller->dataplane, runtime->id, &runtime->service, flags,
				  err);
	if (r)
		return r;
	runtime->installed = true;
	runtime->flags = flags;
	runtime->ping = service->ping;
	return address_sync(controller, &runtime->service.vip, err);
}

static int plan_install(struct controller *controller, const struct plan *plan, struct err *err)
{
	struct service_runtime *runtime = controller->services[plan->service->id];
	int r = 0;

	if (runtime->fresh)
		r = dataplane_service_reset(controller->dataplane, runtime->id, err);
	if (r)
		return r;
	runtime->fresh = false;
	r = entries_put(controller, plan, true, err);
	if (!r)
		r = schedule_put(controller, runtime, &plan->schedule, err);
	if (!r)
		r = entries_put(controller, plan, false, err);
	return r ? r : vip_put(controller, plan->service, plan->eligibility.closed, err);
}

const char *backend_reason(const struct backend_runtime *runtime, const struct service *service,
			   char *text, size_t size)
{
	unsigned failures = runtime->failures;

	*text = '\0';
	if (runtime->state == BACKEND_UNREACHABLE)
		snprintf(text, size, "%s", runtime->reason);
	else if (service->check.kind == CHECK_NONE)
		return text;
	else if (runtime->state == BACKEND_DOWN && !failures)
		snprintf(text, size, "recovering (%u of %u successes)", runtime->health.streak,
			 service->timing.rise);
	else if (runtime->state == BACKEND_DOWN)
		snprintf(text, size, "%s (%u failure%s)", runtime->health.reason, failures,
			 failures == 1 ? "" : "s");
	else if (failures)
		snprintf(text, size, "%s (%u of %u failures)", runtime->health.reason, failures,
			 service->timing.fall);
	return text;
}

/* A new backend is unreachable until its next hop has answered, mostly within a millisecond: not
 * worth a line, unless it stays so. */
static bool is_worth_showing(struct backend_runtime *runtime)
{
	runtime->show_later = runtime->state == BACKEND_UNREACHABLE && runtime->path.ifindex &&
			      monotonic_ms() - runtime->born_ms < SHOW_DELAY_MS;
	return !runtime->show_later && (runtime->state != runtime->shown_state ||
					strcmp(runtime->reason, runtime->shown_reason) != 0);
}

static void state_show(const struct service *service, const struct target *target)
{
	struct backend_runtime *runtime = target->runtime;
	char endpoint[ENDPOINT_TEXT_MAX], reason[300];
	enum backend_state state = backend_state(&target->facts);

	runtime->state = state;
	snprintf(runtime->reason, sizeof(runtime->reason), "%s", target->problem);
	if (!is_worth_showing(runtime))
		return;
	runtime->shown_state = state;
	memcpy(runtime->shown_reason, runtime->reason, sizeof(runtime->shown_reason));
	endpoint_format(&runtime->endpoint, endpoint);
	backend_reason(runtime, service, reason, sizeof(reason));
	log_line(state == BACKEND_UP || state == BACKEND_CHECKING ? LOG_LEVEL_INFO
								  : LOG_LEVEL_WARNING,
		 "%s: backend %s %s%s%s", service->name, endpoint, backend_state_name(state),
		 *reason ? ": " : "", reason);
}

static void states_show(struct controller *controller, const struct plan *plan)
{
	struct service_runtime *runtime = controller->services[plan->service->id];

	for (size_t i = 0; i < plan->service->backend_count; i++)
		state_show(plan->service, &plan->targets[i]);
	if (plan->eligibility.all_down && !runtime->all_down)
		log_warning("%s: every backend is down: using all that can be reached "
			    "(--all-down open)",
			    plan->service->name);
	runtime->all_down = plan->eligibility.all_down;
}

int service_sync(struct controller *controller, const struct service *service, struct err *err)
{
	__attribute__((cleanup(plan_free))) struct plan *plan = plan_new(service);
	int r;

	if (!plan)
		return err_set(err, -ENOMEM, "service %s: out of memory", service->name);
	r = plan_compute(controller, plan, err);
	if (!r && controller->dataplane)
		r = plan_install(controller, plan, err);
	if (!r)
		states_show(controller, plan);
	return r;
}

int backend_take_down(struct controller *controller, __u16 id, struct err *err)
{
	struct backend_runtime *runtime = controller->backends[id];
	struct lbx_backend entry;

	if (!controller->dataplane || !runtime)
		return 0;
	if (!runtime->installed_known &&
	    dataplane_backend_get(controller->dataplane, id, &runtime->installed))
		return err_set(err, -EIO, "backend entry %u: cannot be read", id);
	runtime->installed_known = true;
	entry = runtime->installed;
	if (!(entry.flags & LBX_BACKEND_USED))
		return 0;
	entry.flags &= (__u8)~LBX_BACKEND_MOVE;
	entry.flags |= LBX_BACKEND_RESET;
	return entry_put(controller, runtime, &entry, err);
}

int backend_clear(struct controller *controller, __u16 id, struct err *err)
{
	static const struct lbx_backend empty;
	struct backend_runtime *runtime = controller->backends[id];
	int r = controller->dataplane
			? dataplane_backend_put(controller->dataplane, id, &empty, err)
			: 0;

	if (!r) {
		runtime->installed = empty;
		runtime->installed_known = true;
	}
	return r;
}

int service_take_down(struct controller *controller, const struct service *service, struct err *err)
{
	struct service_runtime *runtime = controller->services[service->id];
	int r;

	if (!controller->dataplane)
		return 0;
	r = dataplane_service_delete(controller->dataplane, service->id, &runtime->service, err);
	if (r && r != -ENOENT)
		return r;
	/* Its schedule went with it. */
	free(runtime->schedule);
	runtime->schedule = NULL;
	runtime->installed = false;
	r = address_sync(controller, &runtime->service.vip, err);
	for (size_t i = 0; !r && i < service->backend_count; i++)
		r = backend_take_down(controller, service->backends[i].id, err);
	return r;
}

void installed_forget(struct controller *controller)
{
	for (unsigned id = 0; id < LBX_MAX_SERVICES; id++) {
		struct service_runtime *runtime = controller->services[id];

		if (!runtime)
			continue;
		free(runtime->schedule);
		runtime->schedule = NULL;
		runtime->installed = false;
	}
	for (unsigned id = 0; id < LBX_MAX_BACKENDS; id++) {
		struct backend_runtime *runtime = controller->backends[id];

		if (!runtime)
			continue;
		runtime->installed_known = false;
		runtime->snats = 0;
	}
}
