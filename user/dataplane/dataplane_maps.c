// SPDX-License-Identifier: GPL-2.0
/* The entries that the controller writes: services, backends, schedules, translation addresses. */
#include "user/dataplane/dataplane_internal.h"

#include <errno.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"

static const char *write_remedy(int code)
{
	switch (code) {
	case -E2BIG:
	case -ENOSPC:
		return "it is full: remove something first";
	case -ENOMEM:
		return "free some memory and retry";
	case -EPERM:
		return "run as root";
	}
	return "retry";
}

int map_write(const struct bpf_map *map, const void *key, const void *value, struct err *err)
{
	if (!bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY))
		return 0;
	return err_set(err, -errno, "map %s: cannot write (%s); %s", bpf_map__name(map),
		       strerror(errno), write_remedy(-errno));
}

int map_remove(const struct bpf_map *map, const void *key, struct err *err)
{
	if (!bpf_map_delete_elem(bpf_map__fd(map), key) || errno == ENOENT)
		return 0;
	return err_set(err, -errno, "map %s: cannot delete (%s); retry", bpf_map__name(map),
		       strerror(errno));
}

__u32 map_id(int fd)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

/* An entry of services4 or services6. */
struct ref_key {
	struct bpf_map *map;
	union {
		struct lbx_service_key4 v4;
		struct lbx_service_key6 v6;
	};
};

static void ref_key_init(const struct dataplane *dataplane, const struct lbx_addr *addr,
			 __be16 port, __u8 protocol, struct ref_key *key)
{
	memset(key, 0, sizeof(*key));
	if (addr_is_v4(addr)) {
		key->map = dataplane->skel->maps.services4;
		key->v4.addr = addr_v4(addr);
		key->v4.port = port;
		key->v4.protocol = protocol;
		return;
	}
	key->map = dataplane->skel->maps.services6;
	key->v6.addr = *addr;
	key->v6.port = port;
	key->v6.protocol = protocol;
}

/* Tells the program that what its CPUs remember of services4 and services6 is out of date. */
static int generation_raise(struct dataplane *dataplane, struct err *err)
{
	__u32 zero = 0;

	dataplane->settings.generation++;
	return map_write(dataplane->skel->maps.settings, &zero, &dataplane->settings, err);
}

static int ref_write(struct dataplane *dataplane, const struct ref_key *key,
		     const struct lbx_service_ref *ref, struct err *err)
{
	int ret = map_write(key->map, &key->v4, ref, err);

	return ret ? ret : generation_raise(dataplane, err);
}

/* Deletes the entry unless another service or address has taken it over by now. */
static int ref_delete(struct dataplane *dataplane, const struct ref_key *key,
		      enum lbx_ref_kind kind, __u16 id, struct err *err)
{
	struct lbx_service_ref ref;
	int ret;

	if (bpf_map_lookup_elem(bpf_map__fd(key->map), &key->v4, &ref))
		return 0;
	if (ref.kind != kind || ref.id != id)
		return 0;
	ret = map_remove(key->map, &key->v4, err);
	return ret ? ret : generation_raise(dataplane, err);
}

static void address_read(const struct ref_key *key, struct lbx_service_ref *ref)
{
	if (bpf_map_lookup_elem(bpf_map__fd(key->map), &key->v4, ref))
		*ref = (struct lbx_service_ref){.kind = LBX_REF_ADDRESS};
}

/* Sets those of an address's flags that the mask has; an address that has none left goes. */
static int address_change(struct dataplane *dataplane, const struct ref_key *key, __u8 mask,
			  __u8 flags, __u16 snat, struct err *err)
{
	struct lbx_service_ref before, after;
	int ret;

	address_read(key, &before);
	after = before;
	after.flags = (__u8)((before.flags & ~mask) | flags);
	if (mask & LBX_ADDRESS_SNAT)
		after.id = snat;
	if (!memcmp(&before, &after, sizeof(after)))
		return 0;
	if (after.flags)
		return ref_write(dataplane, key, &after, err);
	ret = map_remove(key->map, &key->v4, err);
	return ret ? ret : generation_raise(dataplane, err);
}

int dataplane_vip_put(struct dataplane *dataplane, const struct lbx_addr *vip, __u8 flags,
		      struct err *err)
{
	const __u8 mask = LBX_ADDRESS_VIP | LBX_ADDRESS_PING | LBX_ADDRESS_TCP | LBX_ADDRESS_UDP;
	struct ref_key key;

	ref_key_init(dataplane, vip, 0, 0, &key);
	return address_change(dataplane, &key, mask, flags & mask, 0, err);
}

int dataplane_service_put(struct dataplane *dataplane, __u16 id, const struct lbx_service *service,
			  __u8 flags, struct err *err)
{
	const struct bpf_map *services = dataplane->skel->maps.services;
	const struct lbx_service_ref ref = {
		.id = id,
		.kind = LBX_REF_SERVICE,
		.forward = service->forward,
		.flags = flags,
	};
	struct lbx_service before = {};
	struct ref_key key;
	__u32 index = id;
	int ret;

	ref_key_init(dataplane, &service->vip, service->port, service->protocol, &key);
	bpf_map_lookup_elem(bpf_map__fd(services), &index, &before);
	ret = map_write(services, &index, service, err);
	if (ret)
		return ret;
	ret = ref_write(dataplane, &key, &ref, err);
	if (ret)
		map_write(services, &index, &before, NULL);
	return ret;
}

/*
 * The entry in `services` stays until the id is given out again: flows that are still being wound
 * up need the VIP for their way back.
 */
int dataplane_service_delete(struct dataplane *dataplane, __u16 id,
			     const struct lbx_service *service, struct err *err)
{
	struct ref_key key;
	__u32 index = id;
	int ret;

	ref_key_init(dataplane, &service->vip, service->port, service->protocol, &key);
	ret = ref_delete(dataplane, &key, LBX_REF_SERVICE, id, err);
	return ret ? ret : map_remove(dataplane->skel->maps.schedules, &index, err);
}

int dataplane_backend_put(struct dataplane *dataplane, __u16 id, const struct lbx_backend *backend,
			  struct err *err)
{
	__u32 index = id;

	return map_write(dataplane->skel->maps.backends, &index, backend, err);
}

int dataplane_backend_get(const struct dataplane *dataplane, __u16 id, struct lbx_backend *backend)
{
	__u32 index = id;

	if (bpf_map_lookup_elem(bpf_map__fd(dataplane->skel->maps.backends), &index, backend))
		return -errno;
	return 0;
}

/* The kernel waits for an RCU grace period before an update of a map of maps returns (see
 * maybe_wait_bpf_programs()), so nobody uses the old schedule then. */
int dataplane_schedule_put(struct dataplane *dataplane, __u16 service_id,
			   const struct lbx_schedule *schedule, struct err *err)
{
	autoclose int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "schedule", sizeof(__u32),
					  sizeof(*schedule), 1, NULL);
	__u32 index = service_id, zero = 0;

	if (fd < 0)
		return err_set(err, fd, "schedule: cannot create a map (%s); %s", strerror(-fd),
			       write_remedy(fd));
	if (bpf_map_update_elem(fd, &zero, schedule, BPF_ANY))
		return err_set(err, -errno, "schedule: cannot write (%s); retry", strerror(errno));
	return map_write(dataplane->skel->maps.schedules, &index, &fd, err);
}

int dataplane_service_reset(struct dataplane *dataplane, __u16 id, struct err *err)
{
	const struct lbx_cursor cursor = {};
	__u32 index = id;

	return map_write(dataplane->skel->maps.cursors, &index, &cursor, err);
}

int dataplane_backend_reset(struct dataplane *dataplane, __u16 id, struct err *err)
{
	int cpus = libbpf_num_possible_cpus();
	autofree void *zeros = NULL;
	__u32 index = id;

	if (cpus > 0)
		zeros = calloc((size_t)cpus, sizeof(struct lbx_backend_stats));
	if (!zeros)
		return err_set(err, -ENOMEM, "statistics: out of memory; retry");
	return map_write(dataplane->skel->maps.backend_stats, &index, zeros, err);
}

/* The address of that index, of either family. False if it is not set. */
static bool snat_get(const struct dataplane *dataplane, bool v4, __u32 index, struct lbx_addr *addr)
{
	const struct lbx_addr none = {};
	__be32 word = 0;

	if (!v4)
		return !bpf_map_lookup_elem(bpf_map__fd(dataplane->skel->maps.snat6), &index,
					    addr) &&
		       !addr_equal(addr, &none);
	if (bpf_map_lookup_elem(bpf_map__fd(dataplane->skel->maps.snat4), &index, &word) || !word)
		return false;
	addr_from_v4(addr, word);
	return true;
}

static int snat_write(struct dataplane *dataplane, bool v4, __u32 index,
		      const struct lbx_addr *addr, struct err *err)
{
	const struct lbx_addr none = {};
	__be32 word = addr ? addr_v4(addr) : 0;

	if (v4)
		return map_write(dataplane->skel->maps.snat4, &index, &word, err);
	return map_write(dataplane->skel->maps.snat6, &index, addr ? addr : &none, err);
}

static int snat_index_check(unsigned index, struct err *err)
{
	if (index < LBX_MAX_SNATS)
		return 0;
	return err_set(err, -ENOSPC, "translation addresses: more than %d; give fewer",
		       LBX_MAX_SNATS);
}

static int snat_take_away(struct dataplane *dataplane, unsigned index, struct err *err)
{
	struct lbx_addr addr;
	int ret = 0;

	for (int v4 = 0; v4 <= 1 && !ret; v4++) {
		if (snat_get(dataplane, v4, index, &addr))
			ret = dataplane_snat_delete(dataplane, index, &addr, err);
	}
	return ret;
}

/* Unless the address is another index's by now. */
static int snat_ref_clear(struct dataplane *dataplane, const struct lbx_addr *addr, unsigned index,
			  struct err *err)
{
	struct lbx_service_ref ref;
	struct ref_key key;

	ref_key_init(dataplane, addr, 0, 0, &key);
	address_read(&key, &ref);
	if (!(ref.flags & LBX_ADDRESS_SNAT) || ref.id != index)
		return 0;
	return address_change(dataplane, &key, LBX_ADDRESS_SNAT, 0, 0, err);
}

int dataplane_snat_put(struct dataplane *dataplane, unsigned index, const struct lbx_addr *addr,
		       struct err *err)
{
	struct lbx_addr before;
	struct ref_key key;
	bool had, v4;
	int ret = snat_index_check(index, err);

	if (ret)
		return ret;
	if (!addr)
		return snat_take_away(dataplane, index, err);
	v4 = addr_is_v4(addr);
	had = snat_get(dataplane, v4, index, &before);
	ret = snat_write(dataplane, v4, index, addr, err);
	if (ret)
		return ret;
	ref_key_init(dataplane, addr, 0, 0, &key);
	ret = address_change(dataplane, &key, LBX_ADDRESS_SNAT, LBX_ADDRESS_SNAT, (__u16)index,
			     err);
	if (ret) {
		snat_write(dataplane, v4, index, had ? &before : NULL, NULL);
		return ret;
	}
	if (!had || addr_equal(&before, addr))
		return 0;
	return snat_ref_clear(dataplane, &before, index, err);
}

int dataplane_snat_delete(struct dataplane *dataplane, unsigned index, const struct lbx_addr *addr,
			  struct err *err)
{
	struct lbx_addr current;
	int ret = snat_index_check(index, err);

	if (ret)
		return ret;
	ret = snat_ref_clear(dataplane, addr, index, err);
	if (ret)
		return ret;
	if (!snat_get(dataplane, addr_is_v4(addr), index, &current) || !addr_equal(&current, addr))
		return 0;
	return snat_write(dataplane, addr_is_v4(addr), index, NULL, err);
}
