// SPDX-License-Identifier: GPL-2.0
#include "user/control/sweep.h"

#include "user/base/log.h"
#include "user/control/runtime.h"
#include "user/control/state.h"
#include "user/control/sync.h"

static bool is_named(const __u64 *bits, __u16 id)
{
	return bits[id / 64] >> (id % 64) & 1;
}

static void backend_id_free(struct controller *controller, struct backend_runtime *runtime)
{
	struct service_runtime *service = controller->services[runtime->service_id];
	struct lbx_backend_stats stats;
	struct err err = {0};

	backend_stats(controller, runtime->id, &stats);
	if (backend_clear(controller, runtime->id, &err)) {
		log_error("backend entry %u: %s; will try again", runtime->id, err.text);
		return;
	}
	if (service)
		stats_add(&service->past, &stats);
	model_backend_id_free(&controller->model, runtime->id);
	backend_runtime_free(controller, runtime->id);
	controller->state_dirty = true;
}

/*
 * A removed backend's flows are answered by resets until the second sweep, so that clients that
 * still send learn of it; then its slots are emptied. Its id is free once a later sweep finds no
 * slot that names it: a packet in flight may have written one at the last moment. True: to be
 * purged.
 */
static bool removed_sweep(struct controller *controller, struct backend_runtime *runtime)
{
	if (runtime->sweeps++ == 0)
		return false;
	if (is_named(controller->sweep->backends_named, runtime->id))
		return true;
	backend_id_free(controller, runtime);
	return false;
}

/* Without flows, only the translation addresses of its next ones matter. */
static void snats_settle(const struct controller *controller, struct backend_runtime *runtime)
{
	if (is_named(controller->sweep->backends_named, runtime->id) || !runtime->installed_known)
		return;
	runtime->snats = (__u16)(((1U << runtime->installed.snat_count) - 1)
				 << runtime->installed.snat_first);
}

static void backends_sweep(struct controller *controller)
{
	__u64 purged[LBX_MAX_BACKENDS / 64] = {0};
	bool any = false;

	for (unsigned id = 1; id < LBX_MAX_BACKENDS; id++) {
		struct backend_runtime *runtime = controller->backends[id];

		if (runtime && !runtime->removed)
			snats_settle(controller, runtime);
		if (!runtime || !runtime->removed || !removed_sweep(controller, runtime))
			continue;
		purged[id / 64] |= 1ULL << (id % 64);
		any = true;
	}
	/* All in one pass: it reads the whole tables. */
	if (any)
		dataplane_flows_purge(controller->dataplane, purged);
}

static void services_sweep(struct controller *controller)
{
	bool needed[LBX_MAX_SERVICES] = {false};

	for (unsigned id = 1; id < LBX_MAX_BACKENDS; id++) {
		if (controller->backends[id])
			needed[controller->backends[id]->service_id] = true;
	}
	for (unsigned id = 1; id < LBX_MAX_SERVICES; id++) {
		const struct service_runtime *runtime = controller->services[id];

		if (!runtime || !runtime->removed || needed[id] ||
		    (controller->dataplane &&
		     is_named(controller->sweep->services_named, (__u16)id)))
			continue;
		model_service_id_free(&controller->model, (__u16)id);
		service_runtime_free(controller, (__u16)id);
		controller->state_dirty = true;
	}
}

static void snats_sweep(struct controller *controller)
{
	__u16 named[2] = {0};
	struct err err = {0};

	for (unsigned id = 1; id < LBX_MAX_BACKENDS; id++) {
		const struct backend_runtime *runtime = controller->backends[id];

		if (runtime)
			named[addr_is_v4(&runtime->endpoint.addr)] |= runtime->snats;
	}
	for (int f = 0; f < 2; f++) {
		struct snat_family *family = &controller->snats.families[f];
		__u16 unused = family->used & (__u16)~named[f] & (__u16)(~0U << family->fixed);

		for (unsigned i = 0; i < LBX_MAX_SNATS; i++) {
			if (!(unused >> i & 1) || dataplane_snat_delete(controller->dataplane, i,
									&family->addrs[i], &err))
				continue;
			family->used &= (__u16) ~(1U << i);
			controller->state_dirty = true;
		}
	}
}

void sweep_refresh(struct controller *controller, long long max_age_ms)
{
	long long now_ms = monotonic_ms();

	if (!controller->dataplane ||
	    (controller->swept_ms && now_ms - controller->swept_ms <= max_age_ms))
		return;
	dataplane_sweep(controller->dataplane, controller->sweep);
	controller->swept_ms = now_ms;
}

void sweep_run(int fd, short events, void *context)
{
	struct controller *controller = context;

	(void)fd;
	(void)events;
	if (controller->exiting)
		return;
	for (unsigned id = 1; id < LBX_MAX_BACKENDS; id++) {
		if (controller->backends[id] && controller->backends[id]->show_later)
			service_touch(controller, controller->backends[id]->service_id);
	}
	if (controller->dataplane) {
		sweep_refresh(controller, -1);
		backends_sweep(controller);
		services_sweep(controller);
		snats_sweep(controller);
	}
	controller_flush(controller);
}

void ids_free_unused(struct controller *controller)
{
	if (controller->dataplane)
		return;
	for (unsigned id = 1; id < LBX_MAX_BACKENDS; id++) {
		if (controller->backends[id] && controller->backends[id]->removed)
			backend_id_free(controller, controller->backends[id]);
	}
	services_sweep(controller);
}
