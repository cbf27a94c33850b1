/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An instance of the data plane under a name of its own, for one test each, with a veth pair in the
 * test program's own network namespace.
 */
#ifndef LBX_TESTS_DATAPLANE_FIXTURE_H
#define LBX_TESTS_DATAPLANE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/dataplane/dataplane.h"

#define NEAR "dp0"
#define FAR "dp1"

enum { SMALL_FLOWS = 4096 };

static char instance[32];
static struct dataplane *dataplane;
static struct err err;
static const struct dataplane_options small = {.max_flows = SMALL_FLOWS};

static inline void shell(const char *command)
{
	if (system(command))
		fail_msg("failed: %s", command);
}

static inline void check(int ret)
{
	if (ret)
		fail_msg("%d: %s", ret, err.text);
}

static inline void open_instance(bool want_adopted)
{
	bool adopted = !want_adopted;

	check(dataplane_open(instance, &small, getenv("V"), &adopted, &dataplane, &err));
	assert_int_equal(adopted, want_adopted);
}

static inline void reopen_instance(void)
{
	dataplane_close(dataplane);
	dataplane = NULL;
	open_instance(true);
}

static inline int setup(void **state)
{
	(void)state;
	memset(&err, 0, sizeof(err));
	shell("ip link add " NEAR " type veth peer name " FAR " && ip link set " NEAR
	      " up && ip link set " FAR " up");
	open_instance(false);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	dataplane_close(dataplane);
	dataplane = NULL;
	check(dataplane_destroy(instance, &err));
	return system("ip link del " NEAR);
}

static inline char *pinned(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "/sys/fs/bpf/lbxdp/%s%s", instance, name);
	return path;
}

static inline int pinned_map(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/maps/%s", name);
	fd = bpf_obj_get(pinned(path));
	assert_true(fd >= 0);
	return fd;
}

static inline bool pinned_exists(const char *name)
{
	return !access(pinned(name), F_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* False if we may not have a network namespace of our own. */
static inline bool fixture_init(void)
{
	snprintf(instance, sizeof(instance), "test-%d", (int)getpid());
	return !unshare(CLONE_NEWNET) && !system("ip link set lo up");
}

#endif
