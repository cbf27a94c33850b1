// SPDX-License-Identifier: GPL-2.0
/*
 * What is pinned, and so outlives us:
 *
 *   /sys/fs/bpf/lbxdp/INSTANCE/maps/NAME       each map
 *   /sys/fs/bpf/lbxdp/INSTANCE/prog            the program
 *   /sys/fs/bpf/lbxdp/INSTANCE/link_IFINDEX    the bpf_link of each interface that has one
 *
 * Interfaces in dispatcher mode have no pin of ours: libxdp pins what it needs in /sys/fs/bpf/xdp,
 * and our programs are told from others' by their using our `settings` map.
 */
#include "user/dataplane/dataplane_internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "user/base/cleanup.h"

/* bpffs refuses names with a dot. */
int instance_check(const char *instance, struct err *err)
{
	size_t length = strlen(instance);

	if (length == 0 || length > INSTANCE_NAME_MAX)
		return err_set(err, -EINVAL,
			       "instance: name is empty or longer than %d; shorten it",
			       INSTANCE_NAME_MAX);
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)instance[i]) && !strchr("_-", instance[i]))
			return err_set(err, -EINVAL,
				       "instance '%s': bad name; use letters, digits, '_' and '-'",
				       instance);
	}
	return 0;
}

static bool bpffs_mounted(void)
{
	struct statfs fs;

	return !statfs(PINS_ROOT, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

int bpffs_mount(struct err *err)
{
	if (bpffs_mounted() || !mount("bpf", PINS_ROOT, "bpf", 0, "mode=0700"))
		return 0;
	return err_set(err, -errno, "%s: cannot mount bpffs (%s); run as root with sysfs on /sys",
		       PINS_ROOT, strerror(errno));
}

char *pin_path(char path[PIN_PATH_MAX], const char *instance, const char *format, ...)
{
	int length = snprintf(path, PIN_PATH_MAX, PINS_ROOT "/lbxdp/%s", instance);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(path + length, PIN_PATH_MAX - (size_t)length, format, arguments);
	va_end(arguments);
	return path;
}

bool pins_exist(const char *instance)
{
	char path[PIN_PATH_MAX];

	return !access(pin_path(path, instance, "/maps/settings"), F_OK);
}

bool dataplane_exists(const char *instance)
{
	return pins_exist(instance);
}

static int directory_make(const char *path, struct err *err)
{
	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	return err_set(err, -errno, "%s: cannot create (%s); run as root", path, strerror(errno));
}

static int pin(int fd, const char *path, struct err *err)
{
	if (!bpf_obj_pin(fd, path))
		return 0;
	return err_set(err, -errno, "%s: cannot pin (%s); run as root", path, strerror(errno));
}

/* A name appears or is replaced at once: whoever looks finds the old program or the new one. */
static int program_pin(const struct dataplane *dataplane, struct err *err)
{
	char fresh[PIN_PATH_MAX], path[PIN_PATH_MAX];
	int ret;

	pin_path(fresh, dataplane->instance, "/prog_new");
	pin_path(path, dataplane->instance, "/prog");
	unlink(fresh);
	ret = pin(bpf_program__fd(dataplane->skel->progs.lbxdp_main), fresh, err);
	if (ret)
		return ret;
	if (!rename(fresh, path))
		return 0;
	ret = err_set(err, -errno, "%s: cannot replace (%s); run as root", path, strerror(errno));
	unlink(fresh);
	return ret;
}

/* Pins every map that has no pin yet, but for `except`. */
static int maps_pin(const struct dataplane *dataplane, const struct bpf_map *except,
		    struct err *err)
{
	char path[PIN_PATH_MAX];
	struct bpf_map *map;
	int ret = 0;

	bpf_object__for_each_map(map, dataplane->skel->obj)
	{
		if (bpf_map__is_internal(map) || map == except)
			continue;
		pin_path(path, dataplane->instance, "/maps/%s", bpf_map__name(map));
		if (access(path, F_OK))
			ret = pin(bpf_map__fd(map), path, err);
		if (ret)
			return ret;
	}
	return 0;
}

int pins_create(struct dataplane *dataplane, struct err *err)
{
	char path[PIN_PATH_MAX];
	int ret = directory_make(PINS_ROOT "/lbxdp", err);

	if (!ret)
		ret = directory_make(pin_path(path, dataplane->instance, "%s", ""), err);
	if (!ret)
		ret = directory_make(pin_path(path, dataplane->instance, "/maps"), err);
	if (!ret)
		ret = maps_pin(dataplane, dataplane->skel->maps.settings, err);
	if (!ret)
		ret = program_pin(dataplane, err);
	return ret ? ret : maps_pin(dataplane, NULL, err);
}

int pins_renew(struct dataplane *dataplane, struct err *err)
{
	int ret = maps_pin(dataplane, NULL, err);

	return ret ? ret : program_pin(dataplane, err);
}

static void directory_empty(const char *path, const char *except)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	char name[PIN_PATH_MAX + NAME_MAX];

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, except) == 0)
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		unlink(name);
	}
	closedir(directory);
}

/* Every link_IFINDEX of the instance. Also those whose interface the maps do not know any more. */
static int links_detach(const char *instance)
{
	char path[PIN_PATH_MAX];
	DIR *directory = opendir(pin_path(path, instance, "%s", ""));
	const struct dirent *entry;
	unsigned ifindex;
	int ret = 0;

	if (!directory)
		return 0;
	while ((entry = readdir(directory))) {
		if (sscanf(entry->d_name, "link_%u", &ifindex) == 1 && !ret)
			ret = link_detach(instance, ifindex);
	}
	closedir(directory);
	return ret;
}

/* Our program in the dispatcher of any interface. */
static int dispatchers_detach(const char *instance)
{
	char path[PIN_PATH_MAX];
	autoclose int interfaces = bpf_obj_get(pin_path(path, instance, "/maps/interfaces"));
	autoclose int settings = bpf_obj_get(pin_path(path, instance, "/maps/settings"));
	int ret = 0;

	if (interfaces < 0 || settings < 0)
		return 0;
	for (__u32 index = 0; index < LBX_MAX_INTERFACES && !ret; index++) {
		struct lbx_interface interface;

		if (bpf_map_lookup_elem(interfaces, &index, &interface) || !interface.ifindex)
			continue;
		ret = dispatcher_detach(interface.ifindex, map_id(settings), NULL);
	}
	return ret;
}

int dataplane_destroy(const char *instance, struct err *err)
{
	char path[PIN_PATH_MAX], maps[PIN_PATH_MAX];
	int ret = instance_check(instance, err);

	if (ret)
		return ret;
	if (!bpffs_mounted() || access(pin_path(path, instance, "%s", ""), F_OK))
		return 0;
	messages_redirect();
	ret = links_detach(instance);
	if (!ret)
		ret = dispatchers_detach(instance);
	if (ret)
		return err_set(err, ret, "instance %s: cannot detach (%s); run as root", instance,
			       strerror(-ret));
	pin_path(maps, instance, "/maps");
	directory_empty(path, "maps");
	directory_empty(maps, "settings");
	directory_empty(maps, "");
	if ((rmdir(maps) && errno != ENOENT) || rmdir(path))
		return err_set(err, -errno, "%s: cannot remove (%s); remove it by hand", path,
			       strerror(errno));
	rmdir(PINS_ROOT "/lbxdp"); /* unless other instances are there */
	return 0;
}
