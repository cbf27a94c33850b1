// SPDX-License-Identifier: GPL-2.0
/* Neighbours that are found, move, fall silent, and are no longer asked for. */
#include "tests/loop/host.h"

#include <net/if.h>

static bool is_called(void *context)
{
	return ((struct host *)context)->callbacks > 0;
}

static void test_peer_resolves(void **state)
{
	struct host *host = *state;
	struct lbx_addr here = addr_of("10.1.0.1");
	struct path path;
	double ms;

	watch(host, "10.1.0.2");
	assert_int_equal(host->callbacks, 0);
	ms = path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	printf("# first ARP resolution of a veth peer: %.1f ms\n", ms);
	path = path_of(host, "10.1.0.2");
	assert_int_equal(path.ifindex, if_nametoindex("eth0"));
	assert_memory_equal(path.mac_source, mac_here, 6);
	assert_true(addr_equal(&path.source, &here));
	assert_string_equal(path.problem, "");
	assert_true(host->callbacks >= 1);
}

static void test_known_peer_is_resolved_on_return(void **state)
{
	struct host *host = *state;

	shell("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:02 nud permanent dev eth0");
	watch(host, "10.1.0.2");
	assert_true(path_of(host, "10.1.0.2").resolved);
	assert_true(loop_until(host->base, is_called, host, WAIT_MS));
	assert_int_equal(host->callbacks, 1);
	assert_int_equal(host->unresolved, 0);
}

static void test_ipv6_peer_resolves(void **state)
{
	struct host *host = *state;
	struct lbx_addr here = addr_of("fd01::1");
	struct path path;

	watch(host, "fd01::2");
	path_await(host, (struct wanted){.addr = "fd01::2", .mac = mac_peer});
	path = path_of(host, "fd01::2");
	assert_true(addr_equal(&path.source, &here));
}

static void test_mac_change_is_seen_at_once(void **state)
{
	struct host *host = *state;
	double start, ms, best = 1e9, worst = 0;

	watch(host, "10.1.0.2");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	for (int i = 0; i < 5; i++) {
		const char *mac = i % 2 ? mac_peer : mac_moved;
		char command[96];

		/* The peer announces it by a gratuitous ARP (arp_notify). */
		snprintf(command, sizeof(command), "ip link set peer0 address 02:00:00:00:00:0%d",
			 mac[5]);
		start = clock_ms();
		peer_shell(host, command);
		path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac});
		ms = host->called_ms - start;
		best = ms < best ? ms : best;
		worst = ms > worst ? ms : worst;
		loop_until(host->base, NULL, NULL, 20);
	}
	printf("# MAC change, from before 'ip link set' to the callback: %.1f to %.1f ms\n", best,
	       worst);
	/* Starting 'ip' is the most of it, and takes its time on a busy machine. */
	assert_true(best < 100 && worst < 1000);
}

static void test_missing_peer_is_probed_until_it_answers(void **state)
{
	struct host *host = *state;
	double ms;

	watch(host, "10.1.0.9");
	path_await(host, (struct wanted){.addr = "10.1.0.9",
					 .problem = "no answer to ARP from 10.1.0.9"});
	loop_until(host->base, NULL, NULL, 3500);
	assert_int_equal(host->callbacks, 1);
	/* Without arp_notify: only our asking can find it. */
	peer_shell(host, "echo 0 >/proc/sys/net/ipv4/conf/peer0/arp_notify;"
			 "ip addr add 10.1.0.9/24 dev peer0");
	ms = path_await(host, (struct wanted){.addr = "10.1.0.9", .mac = mac_peer});
	printf("# an address that appears silently is found after %.0f ms\n", ms);
	assert_true(ms < 2500);
}

static void test_missing_ipv6_peer(void **state)
{
	struct host *host = *state;

	watch(host, "fd01::9");
	path_await(host,
		   (struct wanted){.addr = "fd01::9",
				   .problem = "no answer to neighbour discovery from fd01::9"});
	peer_shell(host, "ip addr add fd01::9/64 dev peer0 nodad");
	path_await(host, (struct wanted){.addr = "fd01::9", .mac = mac_peer});
}

static void test_failed_peer_is_unresolved(void **state)
{
	struct host *host = *state;

	watch(host, "10.1.0.2");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	peer_shell(host, "ip addr del 10.1.0.2/24 dev peer0");
	shell("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:02 nud probe dev eth0");
	path_await(host, (struct wanted){.addr = "10.1.0.2",
					 .problem = "no answer to ARP from 10.1.0.2"});
}

static void test_flushed_neighbour_keeps_its_path(void **state)
{
	struct host *host = *state;
	unsigned unresolved;

	watch(host, "10.1.0.2");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	unresolved = host->unresolved;
	for (int i = 0; i < 3; i++) {
		shell("ip neigh flush dev eth0");
		loop_until(host->base, NULL, NULL, 300);
	}
	assert_int_equal(host->unresolved, unresolved);
	assert_true(path_of(host, "10.1.0.2").resolved);
	/* But not for ever, if nobody answers. */
	peer_shell(host, "ip addr del 10.1.0.2/24 dev peer0");
	shell("ip neigh flush dev eth0");
	path_await(host, (struct wanted){.addr = "10.1.0.2",
					 .problem = "no answer to ARP from 10.1.0.2"});
}

static void test_watches_are_counted(void **state)
{
	struct host *host = *state;
	struct lbx_addr addr = addr_of("10.1.0.2");
	struct path path;

	watch(host, "10.1.0.2");
	watch(host, "10.1.0.2");
	unwatch(host, "10.1.0.2");
	assert_true(neighbours_path(host->neighbours, &addr, &path));
	unwatch(host, "10.1.0.2");
	assert_false(neighbours_path(host->neighbours, &addr, &path));
	unwatch(host, "10.1.0.2");
	loop_until(host->base, NULL, NULL, 50);
	assert_int_equal(host->callbacks, 0);
}

static void test_unwatch_in_the_callback(void **state)
{
	struct host *host = *state;

	host->unwatches = true;
	watch(host, "10.1.0.2");
	watch(host, "10.1.0.3");
	watch(host, "10.1.0.4");
	loop_until(host->base, NULL, NULL, 50);
	assert_int_equal(host->callbacks, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(test_peer_resolves),
		HOST_TEST(test_known_peer_is_resolved_on_return),
		HOST_TEST(test_ipv6_peer_resolves),
		HOST_TEST(test_mac_change_is_seen_at_once),
		HOST_TEST(test_missing_peer_is_probed_until_it_answers),
		HOST_TEST(test_missing_ipv6_peer),
		HOST_TEST(test_failed_peer_is_unresolved),
		HOST_TEST(test_flushed_neighbour_keeps_its_path),
		HOST_TEST(test_watches_are_counted),
		HOST_TEST(test_unwatch_in_the_callback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
