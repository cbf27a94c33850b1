// SPDX-License-Identifier: GPL-2.0
#include "tests/bpf/scene.h"

#include <bpf/bpf.h>
#include <unistd.h>

const struct kind kinds[4] = {
	{false, IPPROTO_TCP},
	{true, IPPROTO_TCP},
	{false, IPPROTO_UDP},
	{true, IPPROTO_UDP},
};

void kind_scene(struct scene *scene, void **state, enum lbx_forward forward, unsigned backends)
{
	const struct kind *kind = *state;

	scene_make(scene, kind->v6, kind->protocol, forward, backends);
}

struct lbx_addr scene_client(const struct scene *scene)
{
	return scene->v6 ? addr6(0xc, 7) : addr4(198, 51, 100, 7);
}

struct lbx_addr scene_backend(const struct scene *scene, unsigned place)
{
	__u16 id = scene->backends[place];

	return scene->v6 ? addr6(0xb, id) : addr4(10, 0, (__u8)(id >> 8), (__u8)id);
}

struct lbx_addr scene_snat(const struct scene *scene, unsigned index)
{
	return scene->v6 ? addr6(0xa, (__u16)(index + 1)) : addr4(10, 1, 0, (__u8)(index + 1));
}

void backend_mac(__u16 id, __u8 mac[6])
{
	const __u8 bytes[6] = {2, 0, 0, 0xbb, id >> 8, id & 0xff};

	memcpy(mac, bytes, 6);
}

/* What an address, a port and a protocol mean. */
static void ref_put(bool v6, struct lbx_addr addr, __u16 port, __u8 protocol,
		    const struct lbx_service_ref *ref)
{
	if (v6) {
		struct lbx_service_key6 key = {addr, htons(port), protocol, 0};

		map_put(world.maps.services6, &key, ref);
	} else {
		struct lbx_service_key4 key = {addr.words[3], htons(port), protocol, 0};

		map_put(world.maps.services4, &key, ref);
	}
	world.settings->generation++;
}

void scene_put(const struct scene *scene)
{
	struct lbx_service_ref ref = {
		.id = scene->service,
		.kind = LBX_REF_SERVICE,
		.forward = scene->forward,
		.flags = (scene->closed ? LBX_SERVICE_CLOSED : 0) |
			 (scene->wild ? LBX_SERVICE_WILD : 0),
	};
	struct lbx_service service = {
		.vip = scene->vip,
		.port = htons(scene->vip_port),
		.protocol = scene->protocol,
		.forward = scene->forward,
	};
	__u32 id = scene->service;

	ref_put(scene->v6, scene->vip, scene->vip_port, scene->protocol, &ref);
	map_put(world.maps.services, &id, &service);
}

/* Where the backend's answers come from, in mode nat. */
static void nat_put(const struct scene *scene, unsigned place)
{
	const struct lbx_backend *backend = &world.backends[scene->backends[place]];
	const struct lbx_nat_backends backends = {{scene->backends[place]}};
	struct lbx_nat_key key = {backend->addr, backend->port, backend->protocol, 0};

	map_put(world.maps.nat_backends, &key, &backends);
	world.settings->features |= LBX_FEATURE_NAT;
}

void scene_wild(struct scene *scene)
{
	scene->wild = true;
	scene->vip_port = 0;
	scene->vip = scene->v6 ? addr6(0xf, 0x4444) : addr4(203, 0, 113, 244);
	for (unsigned place = 0; place < scene->count; place++) {
		world.backends[scene->backends[place]].port = 0;
		if (scene->forward == LBX_FORWARD_NAT)
			nat_put(scene, place);
	}
	scene_put(scene);
}

void scene_address(const struct scene *scene, __u8 flags)
{
	struct lbx_service_ref ref = {.kind = LBX_REF_ADDRESS, .flags = flags};

	ref_put(scene->v6, scene->vip, 0, 0, &ref);
}

void scene_schedule(const struct scene *scene, const unsigned *places, unsigned length)
{
	static struct lbx_schedule schedule;
	int inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "schedule", sizeof(__u32), sizeof(schedule),
				   1, NULL);
	__u32 id = scene->service;

	assert_true(inner >= 0);
	schedule.length = length;
	for (unsigned i = 0; i < length; i++)
		schedule.backends[i] = scene->backends[places[i]];
	map_put(inner, &(__u32){0}, &schedule);
	map_put(world.maps.schedules, &id, &inner);
	close(inner);
}

void scene_snats(const struct scene *scene, unsigned count)
{
	for (__u32 index = 0; index < count; index++) {
		struct lbx_service_ref ref = {
			.id = (__u16)index, .kind = LBX_REF_ADDRESS, .flags = LBX_ADDRESS_SNAT};
		struct lbx_addr addr = scene_snat(scene, index);

		if (scene->v6)
			map_put(world.maps.snat6, &index, &addr);
		else
			map_put(world.maps.snat4, &index, &addr.words[3]);
		ref_put(scene->v6, addr, 0, 0, &ref);
	}
	for (unsigned place = 0; place < scene->count; place++)
		world.backends[scene->backends[place]].snat_count = (__u8)count;
}

static void backend_put(const struct scene *scene, unsigned place)
{
	__u16 id = scene->backends[place];
	struct lbx_backend backend = {
		.addr = scene_backend(scene, place),
		.port = htons(BACKEND_PORT),
		.service = scene->service,
		.flags = LBX_BACKEND_USED,
		.protocol = scene->protocol,
		.interface = INDEX_IN,
		.ifindex = IFINDEX_IN,
		.mtu = 1500,
	};

	backend_mac(id, backend.mac_destination);
	memcpy(backend.mac_source, mac_ours, sizeof(mac_ours));
	world.backends[id] = backend;
}

void backend_behind_other(const struct scene *scene, unsigned place)
{
	struct lbx_backend *backend = &world.backends[scene->backends[place]];

	backend->interface = INDEX_OUT;
	backend->ifindex = world.ifindex_out;
	memcpy(backend->mac_source, mac_other, sizeof(mac_other));
}

void backend_flags(const struct scene *scene, unsigned place, __u8 flags)
{
	world.backends[scene->backends[place]].flags = flags;
}

void scene_make(struct scene *scene, bool v6, __u8 protocol, enum lbx_forward forward,
		unsigned backends)
{
	unsigned places[SCENE_BACKENDS_MAX];

	assert_true(backends <= SCENE_BACKENDS_MAX);
	*scene = (struct scene){
		.v6 = v6,
		.protocol = protocol,
		.forward = (__u8)forward,
		.service = ++world.services,
		.vip_port = VIP_PORT,
		.count = backends,
	};
	scene->vip = v6 ? addr6(0xf, scene->service) : addr4(203, 0, 113, (__u8)scene->service);
	for (unsigned place = 0; place < backends; place++) {
		scene->backends[place] = ++world.backends_used;
		backend_put(scene, place);
		if (forward == LBX_FORWARD_NAT)
			nat_put(scene, place);
		places[place] = place;
	}
	scene_put(scene);
	scene_snats(scene, 1);
	scene_schedule(scene, places, backends);
}

struct spec from_client(const struct scene *scene, __u16 port, __u8 flags)
{
	struct spec spec = {
		.v6 = scene->v6,
		.protocol = scene->protocol,
		.flags = scene->protocol == IPPROTO_TCP ? flags : 0,
		.source = scene_client(scene),
		.destination = scene->vip,
		.source_port = port,
		.destination_port = scene->vip_port,
		.seq = 0x01020304,
		.ack = flags & ACK ? 0x05060708 : 0,
	};

	memcpy(spec.mac_destination, mac_ours, sizeof(mac_ours));
	memcpy(spec.mac_source, mac_client, sizeof(mac_client));
	return spec;
}

struct spec answer_to(const struct frame *forwarded, __u8 flags)
{
	struct spec spec = {
		.v6 = frame_is_v6(forwarded),
		.protocol = forwarded->protocol,
		.flags = forwarded->protocol == IPPROTO_TCP ? flags : 0,
		.source = frame_destination(forwarded),
		.destination = frame_source(forwarded),
		.source_port = frame_destination_port(forwarded),
		.destination_port = frame_source_port(forwarded),
		.seq = 0x11121314,
		.ack = flags & ACK ? 0x15161718 : 0,
	};

	memcpy(spec.mac_destination, mac_ours, sizeof(mac_ours));
	memcpy(spec.mac_source, frame_eth(forwarded)->h_dest, ETH_ALEN);
	return spec;
}

unsigned frame_backend(const struct scene *scene, const struct frame *frame)
{
	for (unsigned place = 0; place < scene->count; place++) {
		__u8 mac[6];

		backend_mac(scene->backends[place], mac);
		if (!memcmp(frame_eth(frame)->h_dest, mac, sizeof(mac)))
			return place;
	}
	fail_msg("sent to a station that is no backend");
	return 0;
}

__u64 cursor(const struct scene *scene)
{
	return world.cursors[scene->service].ticket;
}
