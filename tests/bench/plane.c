// SPDX-License-Identifier: GPL-2.0
#include "tests/bench/plane_internal.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "user/base/cleanup.h"

enum { TIMEOUT_TICKS = 7000 }; /* nothing expires while we measure */

const __u8 plane_mac[6] = {2, 0, 0, 0, 0, 1}, client_mac[6] = {2, 0, 0, 0, 0, 2};

static struct lbx_addr addr4(unsigned a, unsigned b, unsigned c, unsigned d)
{
	struct lbx_addr addr = {.words[2] = htonl(0xffff)};

	addr.words[3] = htonl(a << 24 | b << 16 | c << 8 | d);
	return addr;
}

static struct lbx_addr addr6(unsigned net, unsigned host)
{
	struct lbx_addr addr = {};

	addr.words[0] = htonl(0xfd000000 | net);
	addr.words[3] = htonl(host);
	return addr;
}

struct lbx_addr service_vip(enum plane_service service)
{
	return service_is_v6(service) ? addr6(0, 0x100 + service) : addr4(10, 0, 0, 100 + service);
}

struct lbx_addr backend_addr(enum plane_service service, unsigned number)
{
	return service_is_v6(service) ? addr6(service, 1 + number)
				      : addr4(10, 1, service, 1 + number);
}

struct lbx_addr snat_addr(unsigned index, bool v6)
{
	return v6 ? addr6(0, 0x200 + index) : addr4(10, 0, 2, 1 + index);
}

static unsigned backend_id(enum plane_service service, unsigned number)
{
	return (service - 1) * PLANE_BACKENDS + number + 1;
}

static void map_put(const struct bpf_map *map, const void *key, const void *value)
{
	int ret = bpf_map__update_elem(map, key, bpf_map__key_size(map), value,
				       bpf_map__value_size(map), BPF_ANY);

	if (ret)
		errx(1, "map %s: cannot write (%s)", bpf_map__name(map), strerror(-ret));
}

/* --- what the controller would write --- */

static void ref_put(struct plane *plane, const struct lbx_addr *addr, __be16 port, __u8 protocol,
		    const struct lbx_service_ref *ref)
{
	struct lbx_service_key6 key6 = {*addr, port, protocol, 0};
	struct lbx_service_key4 key4 = {addr->words[3], port, protocol, 0};

	if (!addr->halves[0] && addr->words[2] == htonl(0xffff))
		map_put(plane->skel->maps.services4, &key4, ref);
	else
		map_put(plane->skel->maps.services6, &key6, ref);
}

static void schedule_put(struct plane *plane, enum plane_service service)
{
	struct lbx_schedule schedule = {.length = PLANE_BACKENDS};
	__u32 zero = 0, id = service;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "schedule", sizeof(zero), sizeof(schedule), 1,
				NULL);

	for (unsigned i = 0; i < PLANE_BACKENDS; i++)
		schedule.backends[i] = backend_id(service, i);
	if (fd < 0 || bpf_map_update_elem(fd, &zero, &schedule, BPF_ANY))
		err(1, "schedule");
	map_put(plane->skel->maps.schedules, &id, &fd);
	close(fd);
}

static void backend_put(struct plane *plane, enum plane_service service, unsigned number)
{
	struct lbx_backend backend = {
		.addr = backend_addr(service, number),
		.port = htons(PLANE_PORT),
		.service = service,
		.flags = LBX_BACKEND_USED,
		.protocol = IPPROTO_TCP,
		.snat_count = PLANE_SNATS,
		.mac_destination = {2, 0, 0, 1, service, number},
	};
	__u32 id = backend_id(service, number);

	backend.ifindex = plane->ifindex;
	memcpy(backend.mac_source, plane_mac, sizeof(plane_mac));
	map_put(plane->skel->maps.backends, &id, &backend);
}

static void service_put(struct plane *plane, enum plane_service id)
{
	struct lbx_service service = {
		.vip = service_vip(id),
		.port = htons(PLANE_PORT),
		.protocol = IPPROTO_TCP,
		.forward = service_is_fullnat(id) ? LBX_FORWARD_FULLNAT : LBX_FORWARD_DSR,
	};
	struct lbx_service_ref ref = {id, LBX_REF_SERVICE, service.forward, 0, {0}};
	__u32 key = id;

	for (unsigned i = 0; i < PLANE_BACKENDS; i++)
		backend_put(plane, id, i);
	schedule_put(plane, id);
	map_put(plane->skel->maps.services, &key, &service);
	ref_put(plane, &service.vip, service.port, service.protocol, &ref);
}

static void snats_put(struct plane *plane)
{
	for (__u32 i = 0; i < PLANE_SNATS; i++) {
		struct lbx_service_ref ref = {i, LBX_REF_ADDRESS, 0, LBX_ADDRESS_SNAT, {0}};
		struct lbx_addr four = snat_addr(i, false), six = snat_addr(i, true);

		map_put(plane->skel->maps.snat4, &i, &four.words[3]);
		map_put(plane->skel->maps.snat6, &i, &six);
		ref_put(plane, &four, 0, 0, &ref);
		ref_put(plane, &six, 0, 0, &ref);
	}
}

static void interface_put(struct plane *plane, unsigned ifindex)
{
	struct lbx_interface interface = {.ifindex = ifindex};
	__u32 index = 0;

	memcpy(interface.mac, plane_mac, sizeof(plane_mac));
	map_put(plane->skel->maps.interfaces, &index, &interface);
	map_put(plane->skel->maps.interfaces_by_ifindex, &interface.ifindex, &interface);
}

/* --- loading --- */

static struct lbx_settings plane_settings(unsigned buckets)
{
	struct lbx_settings settings = {
		.layout_version = LBX_LAYOUT_VERSION,
		.seeds = {0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9}, /* fixed: runs compare */
		.flow4_buckets = buckets,
		.flow6_buckets = buckets,
		.reverse_buckets = buckets,
		.port_lo = LBX_PORT_LO_DEFAULT,
		.port_hi = LBX_PORT_HI_DEFAULT,
	};

	for (int i = 0; i < 8; i++)
		settings.timeout_ticks[i] = TIMEOUT_TICKS;
	return settings;
}

static void skel_configure(struct lbxdp_bpf *skel, const struct lbx_settings *settings)
{
	struct lbx_config *config = (struct lbx_config *)&skel->rodata->config;

	memcpy(config->seeds, settings->seeds, sizeof(config->seeds));
	config->flow4_mask = settings->flow4_buckets - 1;
	config->flow6_mask = settings->flow6_buckets - 1;
	config->reverse_mask = settings->reverse_buckets - 1;
	config->frags = true; /* as the loader on any kernel that can run the wrapper */
	config->port_lo = settings->port_lo;
	config->port_hi = settings->port_hi;
	bpf_map__set_max_entries(skel->maps.flows4, settings->flow4_buckets);
	bpf_map__set_max_entries(skel->maps.flows6, settings->flow6_buckets);
	bpf_map__set_max_entries(skel->maps.reverse, settings->reverse_buckets);
	/* The wrapper's PROG_ARRAY takes only programs that agree with it in this. */
	bpf_program__set_flags(skel->progs.lbxdp_main,
			       bpf_program__flags(skel->progs.lbxdp_main) | BPF_F_XDP_HAS_FRAGS);
}

static void *map_mmap(const struct bpf_map *map)
{
	size_t size = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (memory == MAP_FAILED)
		err(1, "map %s: mmap", bpf_map__name(map));
	return memory;
}

static void plane_fill(struct plane *plane, const struct lbx_settings *settings, unsigned ifindex)
{
	__u32 zero = 0;

	map_put(plane->skel->maps.settings, &zero, settings);
	interface_put(plane, ifindex);
	snats_put(plane);
	for (int id = SERVICE_DSR4; id < SERVICES_END; id++)
		service_put(plane, id);
}

struct plane *plane_open(unsigned max_flows, unsigned ifindex)
{
	struct lbx_settings settings = plane_settings(max_flows / LBX_BUCKET_SLOTS);
	struct plane *plane = calloc(1, sizeof(*plane));
	int ret;

	if (!plane || !(plane->skel = lbxdp_bpf__open()))
		err(1, "BPF object");
	skel_configure(plane->skel, &settings);
	ret = lbxdp_bpf__load(plane->skel);
	if (ret)
		errx(1, "BPF object: cannot be loaded (%s); run as root", strerror(-ret));
	plane->ifindex = ifindex;
	plane->buckets = settings.flow4_buckets;
	plane->flows4 = map_mmap(plane->skel->maps.flows4);
	plane->flows6 = map_mmap(plane->skel->maps.flows6);
	plane->reverse = map_mmap(plane->skel->maps.reverse);
	plane->cursors = map_mmap(plane->skel->maps.cursors);
	plane_fill(plane, &settings, ifindex);
	return plane;
}

void plane_close(struct plane *plane)
{
	if (!plane)
		return;
	munmap(plane->flows4, plane->buckets * sizeof(*plane->flows4));
	munmap(plane->flows6, plane->buckets * sizeof(*plane->flows6));
	munmap(plane->reverse, plane->buckets * sizeof(*plane->reverse));
	munmap(plane->cursors, LBX_MAX_SERVICES * sizeof(*plane->cursors));
	lbxdp_bpf__destroy(plane->skel);
	free(plane);
}

int plane_program(const struct plane *plane)
{
	return bpf_program__fd(plane->skel->progs.lbxdp_main);
}

/* --- what the program says of itself --- */

__u64 plane_tickets(const struct plane *plane, enum plane_service service)
{
	return plane->cursors[service].ticket;
}

__u64 plane_verdicts(const struct plane *plane, enum verdict verdict)
{
	int cpus = libbpf_num_possible_cpus();
	__u32 key = verdict;
	autofree __u64 *counts = cpus > 0 ? calloc((size_t)cpus, sizeof(*counts)) : NULL;
	__u64 sum = 0;

	if (!counts || bpf_map_lookup_elem(bpf_map__fd(plane->skel->maps.verdicts), &key, counts))
		err(1, "verdicts");
	for (int i = 0; i < cpus; i++)
		sum += counts[i];
	return sum;
}
