// SPDX-License-Identifier: GPL-2.0
/* This host's own addresses: how they are known, put on and taken off. */
#include "tests/loop/host.h"

#include <errno.h>

static void test_own_address(void **state)
{
	struct host *host = *state;

	watch(host, "10.1.0.1");
	watch(host, "fd01::1");
	path_await(host,
		   (struct wanted){.addr = "10.1.0.1", .problem = "is this host's own address"});
	path_await(host,
		   (struct wanted){.addr = "fd01::1", .problem = "is this host's own address"});
	/* A backend's address that becomes ours. */
	watch(host, "10.1.0.2");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	shell("ip addr add 10.1.0.2/32 dev eth0");
	path_await(host,
		   (struct wanted){.addr = "10.1.0.2", .problem = "is this host's own address"});
}

struct locality {
	const struct host *host;
	const char *addr;
	bool wanted;
};

static bool locality_is(void *context)
{
	const struct locality *locality = context;

	return is_local(locality->host, locality->addr) == locality->wanted;
}

static void locality_await(struct host *host, const char *addr, bool wanted)
{
	struct locality locality = {.host = host, .addr = addr, .wanted = wanted};

	assert_true(loop_until(host->base, locality_is, &locality, WAIT_MS));
}

static void assign(const char *text)
{
	struct lbx_addr addr = addr_of(text);
	struct err err = {0};

	if (neighbours_assign("eth0", &addr, &err))
		fail_msg("%s", err.text);
}

static void unassign(const char *text)
{
	struct lbx_addr addr = addr_of(text);
	struct err err = {0};

	if (neighbours_unassign("eth0", &addr, &err))
		fail_msg("%s", err.text);
}

static void test_assign_and_unassign(void **state)
{
	struct host *host = *state;
	static const char *const vips[] = {"10.1.0.100", "fd01::100"};

	assert_true(is_local(host, "10.1.0.1"));
	assert_true(is_local(host, "fd01::1"));
	assert_true(is_local(host, "127.0.0.1"));
	for (size_t i = 0; i < 2; i++) {
		assert_false(is_local(host, vips[i]));
		host->links_changed = 0;
		assign(vips[i]);
		locality_await(host, vips[i], true);
		assert_int_equal(host->links_changed, 1);
		unassign(vips[i]);
		locality_await(host, vips[i], false);
	}
	/* IPv6 is usable at once: no duplicate address detection. */
	assign("fd01::100");
	shell("! ip addr show dev eth0 to fd01::100 | grep -q tentative");
	peer_shell(host, "ping -q -c 1 -W 1 fd01::100 >/dev/null");
}

static void test_assign_keeps_the_same_address_of_another_prefix(void **state)
{
	struct host *host = *state;

	assign("10.1.0.1");
	unassign("10.1.0.1");
	loop_until(host->base, NULL, NULL, 50);
	assert_true(is_local(host, "10.1.0.1"));
}

static void test_assign_errors(void **state)
{
	struct lbx_addr addr = addr_of("10.1.0.100");
	struct err err = {0};

	(void)state;
	assert_int_equal(neighbours_assign("eth9", &addr, &err), -ENODEV);
	assert_string_equal(err.text, "eth9: no such interface; see 'ip link'");
	assign("10.1.0.100");
	assert_int_equal(neighbours_assign("eth0", &addr, &err), -EEXIST);
	assert_string_equal(err.text, "10.1.0.100: eth0 has it already; leave out --assign");
	unassign("10.1.0.100");
	assert_int_equal(neighbours_unassign("eth0", &addr, &err), -EADDRNOTAVAIL);
	assert_string_equal(err.text,
			    "10.1.0.100: not on eth0 as /32; see 'ip addr show dev eth0'");
	/* The admin's own address is not ours to take off. */
	addr = addr_of("10.1.0.1");
	assert_int_equal(neighbours_unassign("eth0", &addr, &err), -EADDRNOTAVAIL);
	addr = addr_of("fd01::100");
	shell("echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6");
	assert_int_equal(neighbours_assign("eth0", &addr, &err), -EACCES);
	assert_string_equal(err.text,
			    "eth0: IPv6 is disabled; sysctl net.ipv6.conf.eth0.disable_ipv6=0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(test_own_address),
		HOST_TEST(test_assign_and_unassign),
		HOST_TEST(test_assign_keeps_the_same_address_of_another_prefix),
		HOST_TEST(test_assign_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
