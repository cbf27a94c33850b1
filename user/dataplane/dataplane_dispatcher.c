// SPDX-License-Identifier: GPL-2.0
/*
 * An interface shared with other XDP programs through libxdp's dispatcher. There our program is of
 * another type (EXT), so it is loaded a second time, over the same maps; one such program serves
 * all interfaces. libxdp pins the dispatcher and its parts itself.
 */
#include "user/dataplane/dataplane_internal.h"

#include <errno.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "user/base/cleanup.h"

enum { PROGRAM_MAPS_MAX = 64, DISPATCHER_PROGRAMS_MAX = 16 };

struct dispatcher {
	struct lbxdp_bpf *skel;
	struct xdp_program *program;
};

/*
 * A devmap binds itself to programs with or without the frags flag, whichever uses it first. An EXT
 * program is loaded without (its dispatcher carries the flag), so it needs a devmap of its own.
 */
int dispatcher_ports_open(struct dataplane *dataplane, struct err *err)
{
	char path[PIN_PATH_MAX];
	int fd = bpf_obj_get(pin_path(path, dataplane->instance, "/maps/tx_ports_ext"));

	if (fd == -ENOENT && !dataplane->features.no_dispatcher) {
		fd = bpf_map_create(BPF_MAP_TYPE_DEVMAP, "tx_ports_ext", sizeof(__u32),
				    sizeof(__u32), LBX_MAX_INTERFACES, NULL);
		if (fd >= 0 && bpf_obj_pin(fd, path)) {
			int code = -errno;

			close(fd);
			fd = code;
		}
	}
	if (fd < 0 && fd != -ENOENT)
		return err_set(err, fd, "map tx_ports_ext: cannot create (%s); retry",
			       strerror(-fd));
	dataplane->dispatcher_ports_fd = fd < 0 ? -1 : fd;
	return 0;
}

void dispatcher_close(struct dispatcher *dispatcher)
{
	if (!dispatcher)
		return;
	if (!libxdp_get_error(dispatcher->program))
		xdp_program__close(dispatcher->program);
	lbxdp_bpf__destroy(dispatcher->skel);
	free(dispatcher);
}

static int maps_share(const struct dataplane *dataplane, struct lbxdp_bpf *skel)
{
	struct bpf_map *map;
	int ret = 0;

	bpf_object__for_each_map(map, skel->obj)
	{
		const struct bpf_map *ours = bpf_object__find_map_by_name(dataplane->skel->obj,
									  bpf_map__name(map));
		int fd = bpf_map__fd(ours);

		if (bpf_map__is_internal(map) || ret)
			continue;
		if (strcmp(bpf_map__name(map), "tx_ports") == 0)
			fd = dataplane->dispatcher_ports_fd;
		ret = bpf_map__reuse_fd(map, fd);
	}
	return ret;
}

static int dispatcher_fill(const struct dataplane *dataplane, struct dispatcher *dispatcher)
{
	LIBBPF_OPTS(xdp_program_opts, opts);
	int ret;

	dispatcher->skel = lbxdp_bpf__open();
	if (!dispatcher->skel)
		return -errno;
	skel_configure(dataplane, dispatcher->skel);
	ret = maps_share(dataplane, dispatcher->skel);
	if (ret)
		return ret;
	opts.obj = dispatcher->skel->obj;
	opts.prog_name = bpf_program__name(dispatcher->skel->progs.lbxdp_main);
	dispatcher->program = xdp_program__create(&opts);
	return (int)libxdp_get_error(dispatcher->program);
}

/* Our EXT program. libxdp loads it with its first attachment and attaches it again after that. */
static int dispatcher_program(struct dataplane *dataplane, struct xdp_program **program)
{
	struct dispatcher *dispatcher = dataplane->dispatcher;
	int ret;

	if (!dispatcher) {
		dispatcher = calloc(1, sizeof(*dispatcher));
		if (!dispatcher)
			return -ENOMEM;
		ret = dispatcher_fill(dataplane, dispatcher);
		if (ret) {
			dispatcher_close(dispatcher);
			return ret;
		}
		dataplane->dispatcher = dispatcher;
	}
	*program = dispatcher->program;
	return 0;
}

static enum xdp_attach_mode libxdp_mode(enum attach_mode mode)
{
	return mode == ATTACH_NATIVE ? XDP_MODE_NATIVE : XDP_MODE_SKB;
}

/* A refused program will be refused again, and an object is not loaded twice. */
static void dispatcher_give_up(struct dataplane *dataplane, int code)
{
	dispatcher_close(dataplane->dispatcher);
	dataplane->dispatcher = NULL;
	snprintf(dataplane->dispatcher_refusal, sizeof(dataplane->dispatcher_refusal), "%s",
		 messages_reason(code));
	dataplane->features.no_dispatcher = dataplane->dispatcher_refusal;
}

/* Whether libxdp tried to load our program, successfully or not. Only an object that it did not
 * try to load allows this setting. */
static bool dispatcher_load_tried(const struct dataplane *dataplane)
{
	struct bpf_program *program = dataplane->dispatcher->skel->progs.lbxdp_main;

	return bpf_program__set_autoload(program, true) != 0;
}

int dispatcher_attach(struct dataplane *dataplane, unsigned ifindex, enum attach_mode mode,
		      __u32 *prog_id)
{
	struct xdp_program *program;
	int ret;

	if (dataplane->features.no_dispatcher)
		return -EOPNOTSUPP;
	ret = dispatcher_program(dataplane, &program);
	if (ret)
		return ret;
	ret = xdp_program__attach(program, (int)ifindex, libxdp_mode(mode), 0);
	if (!ret)
		*prog_id = xdp_program__id(program);
	else if (xdp_program__fd(program) < 0 && dispatcher_load_tried(dataplane))
		dispatcher_give_up(dataplane, ret);
	return ret;
}

static struct xdp_multiprog *multiprog_get(unsigned ifindex)
{
	struct xdp_multiprog *multiprog = xdp_multiprog__get_from_ifindex((int)ifindex);

	if (libxdp_get_error(multiprog) || !multiprog)
		return NULL;
	if (!xdp_multiprog__is_legacy(multiprog))
		return multiprog;
	xdp_multiprog__close(multiprog);
	return NULL;
}

bool dispatcher_present(unsigned ifindex)
{
	struct xdp_multiprog *multiprog = multiprog_get(ifindex);

	xdp_multiprog__close(multiprog);
	return multiprog != NULL;
}

static bool program_uses_map(int fd, __u32 map)
{
	__u32 maps[PROGRAM_MAPS_MAX] = {};
	struct bpf_prog_info info = {.nr_map_ids = PROGRAM_MAPS_MAX, .map_ids = (uintptr_t)maps};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return false;
	for (__u32 i = 0; i < info.nr_map_ids && i < PROGRAM_MAPS_MAX; i++) {
		if (maps[i] == map)
			return true;
	}
	return false;
}

/* The ids of our programs in an interface's dispatcher. */
struct components {
	enum xdp_attach_mode mode;
	unsigned count;
	__u32 ids[DISPATCHER_PROGRAMS_MAX];
};

static void components_find(unsigned ifindex, __u32 map, struct components *components)
{
	struct xdp_multiprog *multiprog = multiprog_get(ifindex);
	struct xdp_program *program = NULL;

	memset(components, 0, sizeof(*components));
	if (!multiprog)
		return;
	components->mode = xdp_multiprog__attach_mode(multiprog);
	while ((program = xdp_multiprog__next_prog(program, multiprog)) &&
	       components->count < DISPATCHER_PROGRAMS_MAX) {
		if (program_uses_map(xdp_program__fd(program), map))
			components->ids[components->count++] = xdp_program__id(program);
	}
	xdp_multiprog__close(multiprog);
}

static int component_detach(unsigned ifindex, enum xdp_attach_mode mode, __u32 id)
{
	struct xdp_program *program = xdp_program__from_id(id);
	int ret = (int)libxdp_get_error(program);

	if (ret)
		return ret;
	ret = xdp_program__detach(program, (int)ifindex, mode, 0);
	xdp_program__close(program);
	return ret;
}

static int components_detach(unsigned ifindex, const struct components *components)
{
	int ret = 0;

	for (unsigned i = 0; i < components->count && !ret; i++)
		ret = component_detach(ifindex, components->mode, components->ids[i]);
	return ret;
}

int dispatcher_detach(unsigned ifindex, __u32 map_id, unsigned *count)
{
	struct components components;

	components_find(ifindex, map_id, &components);
	if (count)
		*count = components.count;
	return components_detach(ifindex, &components);
}

/* The tag is a hash of the instructions as they were loaded: the same for both types of program. */
static bool program_same_build(int fd, __u32 id)
{
	struct bpf_prog_info ours = {}, other = {};
	__u32 size = sizeof(ours);
	autoclose int other_fd = bpf_prog_get_fd_by_id(id);

	if (other_fd < 0 || bpf_obj_get_info_by_fd(fd, &ours, &size))
		return false;
	size = sizeof(other);
	if (bpf_obj_get_info_by_fd(other_fd, &other, &size))
		return false;
	return memcmp(ours.tag, other.tag, sizeof(ours.tag)) == 0;
}

int dispatcher_replace(struct dataplane *dataplane, unsigned ifindex, __u32 *prog_id)
{
	__u32 map = map_id(bpf_map__fd(dataplane->skel->maps.settings));
	struct components old;
	enum attach_mode mode;
	int ret;

	components_find(ifindex, map, &old);
	if (!old.count)
		return -ENOENT;
	*prog_id = old.ids[0];
	if (old.count == 1 &&
	    program_same_build(bpf_program__fd(dataplane->skel->progs.lbxdp_main), old.ids[0]))
		return 0;
	mode = old.mode == XDP_MODE_NATIVE ? ATTACH_NATIVE : ATTACH_GENERIC;
	ret = dispatcher_attach(dataplane, ifindex, mode, prog_id);
	return ret ? ret : components_detach(ifindex, &old);
}
