/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the user asked for: services and their backends. Pure: no I/O, no clock, no BPF. A command
 * copies the model, changes the copy (every change validates), and the controller applies the
 * difference (diff.h) and keeps the copy.
 *
 * What is learned at run time (health, neighbours, counters) lives in the controller, by backend
 * id.
 */
#ifndef LBX_MODEL_H
#define LBX_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "maps/types.h"
#include "user/base/addr.h"
#include "user/base/err.h"

enum check_kind { CHECK_NONE, CHECK_TCP, CHECK_HTTP };

struct check_spec {
	enum check_kind kind;
	char host[256];		       /* http: the Host header; empty: the backend's endpoint */
	char path[512];		       /* http: begins with '/' */
	unsigned status_lo, status_hi; /* http: accepted, both ends included; default 200..299 */
};

enum on_down { ON_DOWN_DEFAULT, ON_DOWN_KEEP, ON_DOWN_RESET, ON_DOWN_MOVE };
enum all_down { ALL_DOWN_OPEN, ALL_DOWN_CLOSED };
enum scheduler { SCHEDULER_RR };

struct check_timing {
	unsigned interval_ms; /* 100 .. 3600000 */
	unsigned timeout_ms;  /* 10 .. 3600000 */
	unsigned rise, fall;  /* 1 .. 100 */
};

/* The way to a backend of ipip and gue, where it is not what the routes say. */
struct tunnel {
	unsigned mtu;  /* bytes of the largest IP packet, outer header included; 0: the link's */
	unsigned port; /* gue: the UDP port; 0: LBX_GUE_PORT */
	struct lbx_addr source; /* outer source address; all 0: the route's */
};

struct backend {
	__u16 id; /* 1 .. LBX_MAX_BACKENDS - 1; stable for its lifetime */
	struct endpoint endpoint;
	unsigned weight; /* 0: no new flows */
	struct tunnel tunnel;
};

struct service {
	__u16 id;		     /* 1 .. LBX_MAX_SERVICES - 1; stable for its lifetime */
	char name[LBX_NAME_MAX + 2]; /* room for one too many, so that too long a name is seen */
	__u8 protocol;		     /* IPPROTO_TCP or IPPROTO_UDP */
	struct endpoint vip;
	enum lbx_forward forward;
	enum scheduler scheduler;
	struct check_spec check;
	struct check_timing timing;
	enum on_down on_down; /* ON_DOWN_DEFAULT: TCP keep, UDP move */
	enum all_down all_down;
	bool ping;		  /* echo requests to the VIP are answered by us */
	char assign[16];	  /* interface the VIP was put on by us; empty: none */
	struct backend *backends; /* in order of addition */
	size_t backend_count;
};

struct model {
	struct service *services; /* in order of addition */
	size_t service_count;
	/*
	 * Ids that may not be given out yet: a flow slot may still name them (freed by the
	 * controller's sweep). Bit per id.
	 */
	__u64 service_ids_used[LBX_MAX_SERVICES / 64];
	__u64 backend_ids_used[LBX_MAX_BACKENDS / 64];
};

void model_init(struct model *model);
void model_fini(struct model *model);
/* Deep copy; -ENOMEM. */
int model_copy(struct model *to, const struct model *from, struct err *err);

struct service *model_service(const struct model *model, const char *name);
struct service *model_service_by_id(const struct model *model, __u16 id);
struct backend *service_backend(const struct service *service, const struct endpoint *endpoint);
/* The service of that name; with name NULL or "", the only one there is. -ENOENT, -EINVAL (none, or
 * several). */
int model_service_find(const struct model *model, const char *name, struct service **service,
		       struct err *err);

/* A service with the defaults (fullnat, rr, tcp or no check, 2s/1s/2/3, keep or move, open). */
void service_init(struct service *service, const char *name, __u8 protocol,
		  const struct endpoint *vip);

/*
 * Validate, then change. On error nothing is changed. Errors: -EEXIST (name, VIP or endpoint
 * taken), -EINVAL (name too long or with characters outside [A-Za-z0-9._-], family differs from the
 * VIP's, weight, timings, backend equal to the VIP), -ENOSPC (limits.h). `service_add` copies the
 * template (its id and backends are ignored) and gives it an id.
 */
int model_service_add(struct model *model, const struct service *template, struct err *err);
/* Replaces the settings of the service of template->name; name, protocol, VIP, forward, id and
 * backends stay. */
int model_service_set(struct model *model, const struct service *template, struct err *err);
int model_service_remove(struct model *model, const char *name, struct err *err);
int model_backend_add(struct model *model, const char *service, const struct endpoint *endpoint,
		      unsigned weight, struct err *err);
int model_backend_set(struct model *model, const char *service, const struct endpoint *endpoint,
		      unsigned weight, struct err *err);
/* Of services with mode ipip or gue. Port: gue only. -EINVAL. */
int model_backend_tunnel_set(struct model *model, const char *service,
			     const struct endpoint *endpoint, const struct tunnel *tunnel,
			     struct err *err);
int model_backend_remove(struct model *model, const char *service, const struct endpoint *endpoint,
			 struct err *err);

/* Removal keeps ids reserved; the controller frees them when no flow slot names them any more. */
void model_service_id_free(struct model *model, __u16 id);
void model_backend_id_free(struct model *model, __u16 id);

/* Whether it is a service of every port of its VIP that has none of its own. */
static inline bool service_is_wild(const struct service *service)
{
	return !service->vip.port;
}

/* Whether its packets reach the backends in an outer header. */
static inline bool service_is_tunnelled(const struct service *service)
{
	return service->forward == LBX_FORWARD_IPIP || service->forward == LBX_FORWARD_GUE;
}

/* The policy with the default resolved for the protocol. */
enum on_down service_on_down(const struct service *service);

#endif
