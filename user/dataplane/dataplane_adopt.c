// SPDX-License-Identifier: GPL-2.0
/* Taking over what a previous controller left running: its maps under our program. */
#include "user/dataplane/dataplane_internal.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "user/base/cleanup.h"

static int incompatible(const char *map, struct err *err)
{
	return err_set(err, -EPROTO,
		       "map %s: left by an incompatible version; run 'lbxdp detach --all' to start "
		       "anew (connections break), or run the old version",
		       map);
}

static int pinned_open(const struct dataplane *dataplane, const char *map,
		       struct bpf_map_info *info)
{
	char path[PIN_PATH_MAX];
	__u32 size = sizeof(*info);
	int fd = bpf_obj_get(pin_path(path, dataplane->instance, "/maps/%s", map));

	memset(info, 0, sizeof(*info));
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, info, &size)) {
		close(fd);
		return -errno;
	}
	return fd;
}

int settings_adopt(struct dataplane *dataplane, struct err *err)
{
	struct bpf_map_info info;
	autoclose int fd = pinned_open(dataplane, "settings", &info);
	const __u32 zero = 0;

	if (fd < 0)
		return err_set(err, fd, "map settings: cannot open its pin (%s); run as root",
			       strerror(-fd));
	if (info.value_size != sizeof(dataplane->settings) ||
	    bpf_map_lookup_elem(fd, &zero, &dataplane->settings) ||
	    dataplane->settings.layout_version != LBX_LAYOUT_VERSION)
		return incompatible("settings", err);
	return 0;
}

/* Counters only: not worth breaking connections for when a version has more of them. */
static bool map_is_statistics(const struct bpf_map *map)
{
	return strcmp(bpf_map__name(map), "verdicts") == 0 ||
	       strcmp(bpf_map__name(map), "backend_stats") == 0;
}

static bool map_is_table(const struct bpf_map *map)
{
	return strcmp(bpf_map__name(map), "flows4") == 0 ||
	       strcmp(bpf_map__name(map), "flows6") == 0 ||
	       strcmp(bpf_map__name(map), "reverse") == 0;
}

static bool map_agrees(const struct bpf_map *map, const struct bpf_map_info *info)
{
	return info->type == bpf_map__type(map) && info->key_size == bpf_map__key_size(map) &&
	       info->value_size == bpf_map__value_size(map) &&
	       (map_is_table(map) || info->max_entries == bpf_map__max_entries(map));
}

static int map_adopt(const struct dataplane *dataplane, struct bpf_map *map, struct err *err)
{
	const char *name = bpf_map__name(map);
	char path[PIN_PATH_MAX];
	struct bpf_map_info info;
	autoclose int fd = pinned_open(dataplane, name, &info);
	int ret;

	/* A map that a later version added, without changing the others. */
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(err, fd, "map %s: cannot open its pin (%s); run as root", name,
			       strerror(-fd));
	if (!map_agrees(map, &info)) {
		if (!map_is_statistics(map))
			return incompatible(name, err);
		unlink(pin_path(path, dataplane->instance, "/maps/%s", name));
		return 0;
	}
	ret = bpf_map__reuse_fd(map, fd);
	if (ret)
		return err_set(err, ret, "map %s: cannot reuse (%s); retry", name, strerror(-ret));
	return 0;
}

int maps_adopt(struct dataplane *dataplane, struct lbxdp_bpf *skel, struct err *err)
{
	struct bpf_map *map;
	int ret;

	bpf_object__for_each_map(map, skel->obj)
	{
		ret = bpf_map__is_internal(map) ? 0 : map_adopt(dataplane, map, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* Puts our program onto the interface that an entry of `interfaces` names. */
static int program_adopt(struct dataplane *dataplane, struct attachment *attachment)
{
	struct dataplane_interface *interface = &attachment->interface;
	struct occupant occupant = {};
	int ret = link_replace(dataplane, interface->ifindex);

	interface->dispatcher = ret == -ENOENT;
	if (interface->dispatcher)
		ret = dispatcher_replace(dataplane, interface->ifindex, &interface->prog_id);
	if (ret == -ENOENT || ret == -ENODEV)
		return ret;
	if (!interface->dispatcher)
		link_note(dataplane, attachment, "it was attached without");
	if (ret)
		attachment_note(attachment, "still runs the previous version of the program");
	occupant_query(interface->ifindex, &occupant);
	interface->mode = occupant.mode;
	if (!interface->dispatcher || !interface->prog_id)
		interface->prog_id = occupant.prog_id;
	return 0;
}

static void interface_adopt(struct dataplane *dataplane, __u32 index)
{
	struct attachment *attachment = &dataplane->attachments[index];
	struct dataplane_interface *interface = &attachment->interface;
	int fd = bpf_map__fd(dataplane->skel->maps.interfaces);
	struct lbx_interface entry;

	if (bpf_map_lookup_elem(fd, &index, &entry) || !entry.ifindex)
		return;
	interface->ifindex = entry.ifindex;
	/* Gone, or detached behind our back while no controller ran. */
	if (!if_indextoname(entry.ifindex, interface->name) ||
	    program_adopt(dataplane, attachment)) {
		link_detach(dataplane->instance, entry.ifindex);
		interface_clear(dataplane, attachment);
		return;
	}
	/* The MAC address may have changed. If this fails the old entries stay, which work. */
	interface_put(dataplane, attachment, NULL);
}

void interfaces_adopt(struct dataplane *dataplane)
{
	for (__u32 index = 0; index < LBX_MAX_INTERFACES; index++)
		interface_adopt(dataplane, index);
}
