/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stand-ins for the controller's neighbours: a data plane that is plain memory and outlives the
 * controller as pinned maps do, paths and check results as the test wants them. `fails_in` makes
 * the Nth write from now fail. Before and after every write the data plane is looked at as a packet
 * would: world_check().
 */
#ifndef LBX_SEAMS_H
#define LBX_SEAMS_H

#include "tests/unit/unit.h"

#include <event2/event.h>
#include <stdlib.h>

#include "user/dataplane/dataplane.h"
#include "user/netlink/neighbour.h"
#include "user/probe/prober.h"

enum { VIPS_MAX = 32, PATHS_MAX = 8, IFINDEX = 1 /* lo: there in every namespace */ };

struct world_vip {
	bool used;
	__u16 id;
	struct lbx_service service;
	bool closed;
};

struct world_address {
	struct lbx_addr vip;
	__u8 flags; /* 0: not in use */
};

/* What is pinned. */
struct world {
	bool exists, attached;
	struct dataplane_options options;
	struct world_vip vips[VIPS_MAX];
	struct world_address addresses[VIPS_MAX];
	bool nat[LBX_MAX_BACKENDS];
	struct lbx_schedule *schedules[LBX_MAX_SERVICES];
	struct lbx_backend backends[LBX_MAX_BACKENDS];
	struct lbx_backend_stats stats[LBX_MAX_BACKENDS];
	struct lbx_addr snats[2][LBX_MAX_SNATS];
	bool snats_used[2][LBX_MAX_SNATS];
	bool named[LBX_MAX_BACKENDS]; /* by a flow */
};

static struct world world;
static int fails_in;	/* writes; 0: none fails */
static unsigned writes; /* that succeeded */
static void (*world_check)(void);

/* --- data plane --- */

struct dataplane {
	int unused;
};

static struct dataplane dataplane_only;

static int write_begin(struct err *err)
{
	if (world_check)
		world_check();
	if (fails_in && --fails_in == 0)
		return err_set(err, -EIO, "map: write failed on purpose");
	writes++;
	return 0;
}

static int write_end(void)
{
	if (world_check)
		world_check();
	return 0;
}

bool dataplane_exists(const char *instance)
{
	(void)instance;
	return world.exists;
}

int dataplane_open(const char *instance, const struct dataplane_options *options, bool verbose,
		   bool *adopted, struct dataplane **dataplane, struct err *err)
{
	(void)instance;
	(void)verbose;
	*adopted = world.exists;
	if (write_begin(err))
		return -EIO;
	if (!world.exists)
		world.options = *options;
	world.exists = true;
	*dataplane = &dataplane_only;
	return 0;
}

void dataplane_close(struct dataplane *dataplane)
{
	(void)dataplane;
}

int dataplane_destroy(const char *instance, struct err *err)
{
	(void)instance;
	(void)err;
	for (int i = 0; i < LBX_MAX_SERVICES; i++)
		free(world.schedules[i]);
	memset(&world, 0, sizeof(world));
	return 0;
}

int dataplane_attach(struct dataplane *dataplane, const char *interface, enum attach_mode mode,
		     struct err *err)
{
	(void)dataplane;
	(void)interface;
	(void)mode;
	if (world.attached)
		return err_set(err, -EEXIST, "lo: attached already");
	if (write_begin(err))
		return -EIO;
	world.attached = true;
	return 0;
}

int dataplane_detach(struct dataplane *dataplane, const char *interface, struct err *err)
{
	(void)dataplane;
	(void)interface;
	if (!world.attached)
		return err_set(err, -ENOENT, "lo: not attached");
	world.attached = false;
	return 0;
}

size_t dataplane_interfaces(const struct dataplane *dataplane,
			    struct dataplane_interface out[LBX_MAX_INTERFACES])
{
	(void)dataplane;
	out[0] = (struct dataplane_interface){
		.ifindex = IFINDEX, .name = "lo", .mode = ATTACH_NATIVE, .note = ""};
	return world.attached;
}

int dataplane_interface_index(const struct dataplane *dataplane, unsigned ifindex)
{
	(void)dataplane;
	return world.attached && ifindex == IFINDEX ? 0 : -ENOENT;
}

int dataplane_interface_refresh(struct dataplane *dataplane, unsigned ifindex, bool gone,
				struct err *err)
{
	(void)dataplane;
	(void)ifindex;
	(void)gone;
	(void)err;
	return 0;
}

/* The entry of a VIP, or a free one. */
static struct world_address *address_of(const struct lbx_addr *vip)
{
	struct world_address *empty = NULL;

	for (int i = 0; i < VIPS_MAX; i++) {
		struct world_address *address = &world.addresses[i];

		if (address->flags && addr_equal(&address->vip, vip))
			return address;
		if (!address->flags)
			empty = address;
	}
	return empty;
}

static struct world_vip *vip_of(const struct lbx_service *service)
{
	struct world_vip *empty = NULL;

	for (int i = 0; i < VIPS_MAX; i++) {
		struct world_vip *vip = &world.vips[i];

		if (vip->used && addr_equal(&vip->service.vip, &service->vip) &&
		    vip->service.port == service->port &&
		    vip->service.protocol == service->protocol)
			return vip;
		if (!vip->used && !empty)
			empty = vip;
	}
	return empty;
}

int dataplane_service_put(struct dataplane *dataplane, __u16 id, const struct lbx_service *service,
			  __u8 flags, struct err *err)
{
	(void)dataplane;
	if (write_begin(err))
		return -EIO;
	*vip_of(service) = (struct world_vip){
		.used = true, .id = id, .service = *service, .closed = flags & LBX_SERVICE_CLOSED};
	return write_end();
}

int dataplane_service_delete(struct dataplane *dataplane, __u16 id,
			     const struct lbx_service *service, struct err *err)
{
	struct world_vip *vip = vip_of(service);

	(void)dataplane;
	if (write_begin(err))
		return -EIO;
	if (vip->used && vip->id == id)
		vip->used = false;
	free(world.schedules[id]);
	world.schedules[id] = NULL;
	return write_end();
}

int dataplane_vip_put(struct dataplane *dataplane, const struct lbx_addr *vip, __u8 flags,
		      struct err *err)
{
	struct world_address *address = address_of(vip);

	(void)dataplane;
	if (address->flags == flags)
		return 0;
	if (write_begin(err))
		return -EIO;
	address->vip = *vip;
	address->flags = flags;
	return write_end();
}

int dataplane_nat_put(struct dataplane *dataplane, __u16 id, const struct lbx_backend *backend,
		      bool present, struct err *err)
{
	(void)dataplane;
	(void)backend;
	if (write_begin(err))
		return -EIO;
	world.nat[id] = present;
	return write_end();
}

int dataplane_backend_put(struct dataplane *dataplane, __u16 id, const struct lbx_backend *backend,
			  struct err *err)
{
	(void)dataplane;
	if (write_begin(err))
		return -EIO;
	world.backends[id] = *backend;
	return write_end();
}

int dataplane_backend_get(const struct dataplane *dataplane, __u16 id, struct lbx_backend *backend)
{
	(void)dataplane;
	*backend = world.backends[id];
	return 0;
}

int dataplane_schedule_put(struct dataplane *dataplane, __u16 service_id,
			   const struct lbx_schedule *schedule, struct err *err)
{
	(void)dataplane;
	if (write_begin(err))
		return -EIO;
	if (!world.schedules[service_id])
		world.schedules[service_id] = malloc(sizeof(*schedule));
	*world.schedules[service_id] = *schedule;
	return write_end();
}

int dataplane_service_reset(struct dataplane *dataplane, __u16 id, struct err *err)
{
	(void)dataplane;
	(void)id;
	return write_begin(err);
}

int dataplane_backend_reset(struct dataplane *dataplane, __u16 id, struct err *err)
{
	(void)dataplane;
	if (write_begin(err))
		return -EIO;
	memset(&world.stats[id], 0, sizeof(world.stats[id]));
	return 0;
}

int dataplane_snat_put(struct dataplane *dataplane, unsigned index, const struct lbx_addr *addr,
		       struct err *err)
{
	(void)dataplane;
	if (write_begin(err))
		return -EIO;
	world.snats[addr_is_v4(addr)][index] = *addr;
	world.snats_used[addr_is_v4(addr)][index] = true;
	return 0;
}

int dataplane_snat_delete(struct dataplane *dataplane, unsigned index, const struct lbx_addr *addr,
			  struct err *err)
{
	(void)dataplane;
	if (write_begin(err))
		return -EIO;
	world.snats_used[addr_is_v4(addr)][index] = false;
	return 0;
}

int dataplane_backend_stats(const struct dataplane *dataplane, __u16 id,
			    struct lbx_backend_stats *sum)
{
	(void)dataplane;
	*sum = world.stats[id];
	return 0;
}

int dataplane_verdicts(const struct dataplane *dataplane, __u64 counts[VERDICT_COUNT])
{
	(void)dataplane;
	counts[VERDICT_forward_tx] = 7;
	return 0;
}

void dataplane_memory(const struct dataplane *dataplane, struct dataplane_memory *memory)
{
	(void)dataplane;
	*memory = (struct dataplane_memory){16384, 32768, 32768, 1024};
}

void dataplane_config(const struct dataplane *dataplane, struct dataplane_options *options)
{
	(void)dataplane;
	*options = world.options;
}

void dataplane_sweep(struct dataplane *dataplane, struct dataplane_sweep *sweep)
{
	(void)dataplane;
	memset(sweep, 0, sizeof(*sweep));
	for (unsigned id = 0; id < LBX_MAX_BACKENDS; id++) {
		if (!world.named[id])
			continue;
		sweep->backends_named[id / 64] |= 1ULL << (id % 64);
		sweep->services_named[world.backends[id].service / 64] |=
			1ULL << (world.backends[id].service % 64);
		sweep->active[id] = 1;
	}
}

unsigned dataplane_flows_purge(struct dataplane *dataplane,
			       const __u64 backend_ids[LBX_MAX_BACKENDS / 64])
{
	unsigned purged = 0;

	(void)dataplane;
	for (unsigned id = 0; id < LBX_MAX_BACKENDS; id++) {
		if (!world.named[id] || !(backend_ids[id / 64] >> (id % 64) & 1))
			continue;
		world.named[id] = false;
		purged++;
	}
	return purged;
}

/* --- paths --- */

struct neighbours {
	neighbours_callback callback;
	neighbours_link_callback link_callback;
	void *context;
};

static struct neighbours neighbours_only;
static int watches; /* minus unwatches */

/* Backend 10.0.0.N, fd00::N: its path is path_now[N % PATHS_MAX]. */
static struct path path_now[PATHS_MAX];

static struct path *path_of(const struct lbx_addr *addr)
{
	return &path_now[addr->bytes[15] % PATHS_MAX];
}

static inline void path_set(const char *address, bool resolved)
{
	struct lbx_addr addr;
	struct path *path;

	assert_int_equal(addr_parse(address, &addr, NULL), 0);
	path = path_of(&addr);
	*path = (struct path){.resolved = resolved, .ifindex = IFINDEX, .next_hop = addr};
	addr_parse(addr_is_v4(&addr) ? "10.0.0.250" : "fd00::250", &path->source, NULL);
	path->mac_destination[5] = addr.bytes[15];
	if (!resolved)
		strcpy(path->problem, "no answer to ARP");
	if (neighbours_only.callback)
		neighbours_only.callback(neighbours_only.context, &addr, path);
}

struct neighbours *neighbours_new(struct event_base *base, neighbours_callback callback,
				  neighbours_link_callback link_callback, void *context,
				  struct err *err)
{
	(void)base;
	(void)err;
	neighbours_only = (struct neighbours){callback, link_callback, context};
	return &neighbours_only;
}

void neighbours_free(struct neighbours *neighbours)
{
	memset(neighbours, 0, sizeof(*neighbours));
}

int neighbours_watch(struct neighbours *neighbours, const struct lbx_addr *addr, struct err *err)
{
	if (fails_in && --fails_in == 0)
		return err_set(err, -ENOMEM, "watch: failed on purpose");
	watches++;
	neighbours->callback(neighbours->context, addr, path_of(addr));
	return 0;
}

void neighbours_unwatch(struct neighbours *neighbours, const struct lbx_addr *addr)
{
	(void)neighbours;
	(void)addr;
	watches--;
}

bool neighbours_path(const struct neighbours *neighbours, const struct lbx_addr *addr,
		     struct path *path)
{
	(void)neighbours;
	*path = *path_of(addr);
	return true;
}

bool neighbours_is_local(struct neighbours *neighbours, const struct lbx_addr *addr)
{
	(void)neighbours;
	(void)addr;
	return false;
}

static int assigned; /* minus unassigned */

int neighbours_assign(const char *interface, const struct lbx_addr *addr, struct err *err)
{
	(void)interface;
	(void)addr;
	if (assigned)
		return err_set(err, -EEXIST, "assigned already");
	assigned++;
	return 0;
}

int neighbours_unassign(const char *interface, const struct lbx_addr *addr, struct err *err)
{
	(void)interface;
	(void)addr;
	(void)err;
	assigned--;
	return 0;
}

/* --- health checks --- */

struct prober {
	prober_callback callback;
	void *context;
};

struct probe {
	int unused;
};

static struct prober prober_only;
static struct probe probes[LBX_MAX_BACKENDS];
static bool probing[LBX_MAX_BACKENDS];

struct prober *prober_new(struct event_base *base, prober_callback callback, void *context,
			  struct err *err)
{
	(void)base;
	(void)err;
	prober_only = (struct prober){callback, context};
	return &prober_only;
}

void prober_free(struct prober *prober)
{
	memset(prober, 0, sizeof(*prober));
}

struct probe *prober_start(struct prober *prober, __u16 backend_id, const struct endpoint *endpoint,
			   const struct check_spec *spec, const struct check_timing *timing,
			   struct err *err)
{
	(void)prober;
	(void)endpoint;
	(void)spec;
	(void)timing;
	if (fails_in && --fails_in == 0) {
		err_set(err, -ENOMEM, "probe: failed on purpose");
		return NULL;
	}
	assert_false(probing[backend_id]);
	probing[backend_id] = true;
	return &probes[backend_id];
}

void prober_stop(struct probe *probe)
{
	assert_true(probing[probe - probes]);
	probing[probe - probes] = false;
}

/* A check of that backend has ended, if there is one. */
static inline void probe_end(__u16 backend_id, bool success)
{
	if (probing[backend_id])
		prober_only.callback(prober_only.context, backend_id, success,
				     success ? "" : "connect: refused");
}

#endif
