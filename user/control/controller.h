/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The controller: the model (what the user asked for), what was learned at run time, and the data
 * plane that is kept in line with both. One thread, one event loop.
 *
 *   command -> copy of the model -> controller_apply() -> diff -> steps -> service_sync()
 *   check result, path, link -> runtime -> service_touch() -> (end of the loop's turn)
 * service_sync()
 *
 * service_sync() alone decides what a service's entries and schedule should be and writes what
 * differs, so a command, an event, a rollback and an adoption all go the same way.
 */
#ifndef LBX_CONTROLLER_H
#define LBX_CONTROLLER_H

#include <stdbool.h>
#include <time.h>

#include "user/control/instance.h"
#include "user/control/snat.h"
#include "user/dataplane/dataplane.h"
#include "user/model/eligibility.h"
#include "user/model/model.h"
#include "user/netlink/neighbour.h"
#include "user/probe/prober.h"

struct event;
struct event_base;

/* A backend at run time, by id; also a removed one until no flow names it any more. */
struct backend_runtime {
	__u16 id, service_id;
	struct endpoint endpoint;
	bool removed;
	unsigned sweeps; /* since it was removed */

	struct probe *probe; /* NULL: the service has no check */
	struct health health;
	unsigned failures; /* in a row */

	bool watched;
	bool path_adopted; /* the path is what a former controller left; see adopt.c */
	struct path path;
	__u16 snats; /* translation addresses that its flows may name: bit per index */

	long long born_ms; /* monotonic */
	bool show_later;   /* not logged yet: it may pass */
	enum backend_state state, shown_state;
	char reason[256], shown_reason[256]; /* why it is unreachable */

	bool installed_known;
	struct lbx_backend installed; /* its entry in the data plane */
};

/* A service at run time, by id; also a removed one until no flow names it any more. */
struct service_runtime {
	__u16 id;
	bool removed;
	bool dirty;    /* to be synced at the end of this turn of the loop */
	bool all_down; /* was logged */
	struct lbx_service service;
	bool fresh;		       /* its cursor is to be zeroed first */
	bool ping;		       /* wanted for its VIP */
	bool installed;		       /* the data plane has it, */
	__u8 flags;		       /* with these enum lbx_service_flag */
	struct lbx_schedule *schedule; /* the same; NULL: not known */
	struct lbx_backend_stats past; /* of removed backends */
};

struct wanted_interface {
	char name[16];
	enum attach_mode mode;
};

struct controller {
	struct instance instance;
	bool verbose;
	time_t started_s; /* monotonic */
	char orphan[512]; /* why the pinned maps cannot be adopted; empty: all is well */
	bool exiting;	  /* set by `exit` and `detach --all`; the server ends the loop */

	struct event_base *base;
	struct neighbours *neighbours;
	struct prober *prober;
	struct event *flush, *sweep_timer, *adopt_timer;

	struct model model;
	struct backend_runtime *backends[LBX_MAX_BACKENDS];
	struct service_runtime *services[LBX_MAX_SERVICES];

	struct dataplane *dataplane; /* NULL before the first attach */
	struct dataplane_options options;
	struct snat_table snats;
	struct wanted_interface wanted[LBX_MAX_INTERFACES];
	size_t wanted_count;

	struct dataplane_sweep *sweep; /* the last one */
	long long swept_ms;	       /* monotonic; 0: never */
	bool state_dirty;
};

int controller_new(struct controller **controller, const struct instance *instance, bool verbose,
		   struct event_base *base, struct err *err);
/* Leaves the kernel forwarding. */
void controller_free(struct controller *controller);
/* Adopts what a former controller of this instance left. */
int controller_start(struct controller *controller, struct err *err);

/* The service is to be synced at the end of this turn of the loop. */
void service_touch(struct controller *controller, __u16 service_id);
void services_touch(struct controller *controller);
/* Syncs what was touched, now. Errors are logged; the sweep's timer tries again. */
void controller_flush(struct controller *controller);
long long monotonic_ms(void);

#endif
