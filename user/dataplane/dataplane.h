/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The data plane as the controller sees it. The only code that knows libbpf and libxdp is behind
 * this header. Everything is pinned under /sys/fs/bpf/lbxdp/INSTANCE/ and outlives the process:
 * maps, program, and a link per interface.
 */
#ifndef LBX_DATAPLANE_H
#define LBX_DATAPLANE_H

#include <stdbool.h>
#include <stddef.h>

#include "maps/flow.h"
#include "maps/types.h"
#include "maps/verdict.h"
#include "user/base/err.h"

enum attach_mode { ATTACH_AUTO, ATTACH_NATIVE, ATTACH_GENERIC };

struct dataplane;

struct dataplane_options {
	unsigned max_flows; /* per family; rounded up to a power of two */
	__u16 port_lo, port_hi;
};

struct dataplane_interface {
	unsigned ifindex;
	char name[16];
	enum attach_mode mode; /* native or generic: what it got */
	bool dispatcher;       /* attached through libxdp's dispatcher */
	unsigned prog_id;
	const char *note; /* why not native or no dispatcher, "" if nothing to say */
};

struct dataplane_memory {
	unsigned long long flows4, flows6, reverse; /* bytes */
	unsigned max_flows;			    /* slots per table */
};

/* Whether an instance of that name is pinned, so that dataplane_open() would adopt it. */
bool dataplane_exists(const char *instance);
/*
 * Loads program and maps, or adopts those pinned under the instance's name (then `adopted` is set,
 * options must agree or be 0, and the program is replaced by ours in place on every interface it is
 * attached to). Mounts bpffs if it is not. Errors: -EPERM (not root), -EOPNOTSUPP (kernel without
 * what we need: says which), -EPROTO (pinned by an incompatible version). A verifier log goes to
 * stderr with verbose only.
 */
int dataplane_open(const char *instance, const struct dataplane_options *options, bool verbose,
		   bool *adopted, struct dataplane **dataplane, struct err *err);
/* Closes our handles; what is pinned goes on. */
void dataplane_close(struct dataplane *dataplane);
/* Detaches everywhere and removes every pin of the instance. Safe on half of an instance, and on
 * none. */
int dataplane_destroy(const char *instance, struct err *err);

/* -ENODEV, -EEXIST (attached already), -EBUSY (a stranger's program is there: says whose),
 * -EOPNOTSUPP (native wanted). */
int dataplane_attach(struct dataplane *dataplane, const char *interface, enum attach_mode mode,
		     struct err *err);
int dataplane_detach(struct dataplane *dataplane, const char *interface, struct err *err);
/* Fills at most LBX_MAX_INTERFACES; returns how many. */
size_t dataplane_interfaces(const struct dataplane *dataplane,
			    struct dataplane_interface out[LBX_MAX_INTERFACES]);
/* The index of ifindex in the `interfaces` map, or -ENOENT if we are not attached to it. */
int dataplane_interface_index(const struct dataplane *dataplane, unsigned ifindex);
/* The interface's MAC or name changed, or (gone) the interface went away: brings maps and pins in
 * line. */
int dataplane_interface_refresh(struct dataplane *dataplane, unsigned ifindex, bool gone,
				struct err *err);

/* Entries. Each is one map update; a failed one leaves the map as it was. */
/* flags: enum lbx_service_flag. */
int dataplane_service_put(struct dataplane *dataplane, __u16 id, const struct lbx_service *service,
			  __u8 flags, struct err *err);
/* The entry by id stays until the id is put again: flows being wound up need the VIP. */
int dataplane_service_delete(struct dataplane *dataplane, __u16 id,
			     const struct lbx_service *service, struct err *err);
/*
 * What a VIP is to us beside its services: LBX_ADDRESS_VIP, _PING, _TCP and _UDP; 0: it is no VIP
 * any more. Whether it is a translation address too is left as it is.
 */
int dataplane_vip_put(struct dataplane *dataplane, const struct lbx_addr *vip, __u8 flags,
		      struct err *err);
/*
 * Enters a backend of mode nat under the endpoint that it answers from, or (present false) takes it
 * out. Nothing to do is no error. -ENOSPC: LBX_NAT_SHARED others are there.
 */
int dataplane_nat_put(struct dataplane *dataplane, __u16 id, const struct lbx_backend *backend,
		      bool present, struct err *err);
int dataplane_backend_put(struct dataplane *dataplane, __u16 id, const struct lbx_backend *backend,
			  struct err *err);
int dataplane_backend_get(const struct dataplane *dataplane, __u16 id, struct lbx_backend *backend);
/* Swaps the schedule whole. When it returns, no packet is scheduled by the old one any more. */
int dataplane_schedule_put(struct dataplane *dataplane, __u16 service_id,
			   const struct lbx_schedule *schedule, struct err *err);
/* Zeroes a new service's cursor / a new backend's statistics. */
int dataplane_service_reset(struct dataplane *dataplane, __u16 id, struct err *err);
int dataplane_backend_reset(struct dataplane *dataplane, __u16 id, struct err *err);
/* The translation address of that index (0 .. LBX_MAX_SNATS - 1) of addr's family; NULL addr takes
 * it away. */
int dataplane_snat_put(struct dataplane *dataplane, unsigned index, const struct lbx_addr *addr,
		       struct err *err);
int dataplane_snat_delete(struct dataplane *dataplane, unsigned index, const struct lbx_addr *addr,
			  struct err *err);

/* Reading. */
__u64 dataplane_cursor(const struct dataplane *dataplane, __u16 service_id);
int dataplane_backend_stats(const struct dataplane *dataplane, __u16 id,
			    struct lbx_backend_stats *sum);
int dataplane_verdicts(const struct dataplane *dataplane,
		       __u64 counts[VERDICT_COUNT]); /* summed over CPUs */
void dataplane_memory(const struct dataplane *dataplane, struct dataplane_memory *memory);
void dataplane_config(const struct dataplane *dataplane, struct dataplane_options *options);

/*
 * One pass over the mapped tables: empties expired slots (compare-and-swap), counts live flows by
 * backend id, and marks every service and backend id that a slot still names. No system call.
 */
struct dataplane_sweep {
	unsigned used4, used6, used_reverse;	     /* live slots */
	unsigned expired;			     /* slots emptied */
	unsigned active[LBX_MAX_BACKENDS];	     /* live flows by backend id */
	__u64 services_named[LBX_MAX_SERVICES / 64]; /* bit per id */
	__u64 backends_named[LBX_MAX_BACKENDS / 64];
};
void dataplane_sweep(struct dataplane *dataplane, struct dataplane_sweep *sweep);
/* Empties every slot of those backends (bit per id; removed ones, once their flows were reset).
 * Returns how many. */
unsigned dataplane_flows_purge(struct dataplane *dataplane,
			       const __u64 backend_ids[LBX_MAX_BACKENDS / 64]);

#endif
