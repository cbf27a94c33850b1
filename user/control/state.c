// SPDX-License-Identifier: GPL-2.0
#include "user/control/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"

static int write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= (size_t)written;
	}
	return fsync(fd) ? -errno : 0;
}

static int file_replace(const char *path, const char *temporary, const char *text)
{
	autoclose int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, text, strlen(text));
	if (!r && rename(temporary, path))
		r = -errno;
	if (r)
		unlink(temporary);
	return r;
}

int state_save(struct controller *controller, const struct model *model, struct err *err)
{
	char path[INSTANCE_PATH_MAX], temporary[INSTANCE_PATH_MAX];
	json_t *root = state_to_json(controller, model);
	autofree char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	int r = text ? 0 : -ENOMEM;

	json_decref(root);
	instance_path(&controller->instance, "json", path);
	instance_path(&controller->instance, "json.tmp", temporary);
	if (!r)
		r = file_replace(path, temporary, text);
	if (r)
		return err_set(err, r, "%s: cannot be written: %s", path, strerror(-r));
	controller->state_dirty = false;
	return 0;
}

int state_load(struct controller *controller, bool *found, struct err *err)
{
	char path[INSTANCE_PATH_MAX];
	json_error_t error;
	json_t *root;
	int r;

	instance_path(&controller->instance, "json", path);
	*found = !access(path, F_OK);
	if (!*found)
		return 0;
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return err_set(err, -EINVAL, "%s: %s", path, error.text);
	r = state_from_json(controller, root, err);
	json_decref(root);
	return r ? err_prefix(err, "%s", path) : 0;
}

void state_remove(struct controller *controller)
{
	char path[INSTANCE_PATH_MAX];

	controller->state_dirty = false;
	unlink(instance_path(&controller->instance, "json", path));
}
