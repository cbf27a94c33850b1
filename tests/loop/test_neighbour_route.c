// SPDX-License-Identifier: GPL-2.0
/* The ways to a neighbour: routes, rules and the links they lead over. */
#include "tests/loop/host.h"

#include <unistd.h>

static void test_route_by_a_router(void **state)
{
	struct host *host = *state;
	double ms;

	peer_shell(host, "ip addr add 10.1.0.3/24 dev peer0");
	watch(host, "192.0.2.9");
	path_await(host, (struct wanted){.addr = "192.0.2.9", .problem = "no route"});
	shell("ip route add 192.0.2.0/24 via 10.1.0.2");
	ms = path_await(host, (struct wanted){.addr = "192.0.2.9",
					      .mac = mac_peer,
					      .next_hop = "10.1.0.2"});
	printf("# a new route, with ARP for its router, is taken after %.1f ms\n", ms);
	assert_true(ms < 100);
	shell("ip route change 192.0.2.0/24 via 10.1.0.3");
	path_await(host,
		   (struct wanted){.addr = "192.0.2.9", .mac = mac_peer, .next_hop = "10.1.0.3"});
	shell("ip route add 192.0.2.9/32 via 10.1.0.2");
	path_await(host, (struct wanted){.addr = "192.0.2.9", .next_hop = "10.1.0.2"});
	/* A route to elsewhere is no news. */
	host->callbacks = 0;
	shell("ip route add 198.51.100.0/24 via 10.1.0.2");
	loop_until(host->base, NULL, NULL, 50);
	assert_int_equal(host->callbacks, 0);
	shell("ip route del 192.0.2.9/32; ip route del 192.0.2.0/24");
	path_await(host, (struct wanted){.addr = "192.0.2.9", .problem = "no route"});
}

static void test_special_routes(void **state)
{
	struct host *host = *state;

	watch(host, "192.0.2.9");
	shell("ip route add blackhole 192.0.2.0/24");
	path_await(host,
		   (struct wanted){.addr = "192.0.2.9", .problem = "no route: a 'blackhole' one"});
	shell("ip route replace unreachable 192.0.2.0/24");
	path_await(host, (struct wanted){.addr = "192.0.2.9",
					 .problem = "no route: an 'unreachable' one"});
	shell("ip route replace prohibit 192.0.2.0/24");
	path_await(host,
		   (struct wanted){.addr = "192.0.2.9", .problem = "no route: a 'prohibit' one"});
	watch(host, "10.1.0.255");
	path_await(host, (struct wanted){.addr = "10.1.0.255",
					 .problem = "is not the address of one host"});
	watch(host, "fd77::1");
	path_await(host, (struct wanted){.addr = "fd77::1", .problem = "no route"});
}

static void test_ipv4_by_an_ipv6_router(void **state)
{
	struct host *host = *state;

	shell("ip route add 192.0.2.0/24 via inet6 fd01::2 dev eth0");
	watch(host, "192.0.2.9");
	path_await(host,
		   (struct wanted){.addr = "192.0.2.9", .mac = mac_peer, .next_hop = "fd01::2"});
}

static void test_policy_rules_and_next_hop_objects(void **state)
{
	struct host *host = *state;

	peer_shell(host, "ip addr add 10.1.0.3/24 dev peer0");
	shell("ip nexthop add id 1 via 10.1.0.2 dev eth0 && ip route add 192.0.2.0/24 nhid 1");
	shell("ip route add 192.0.2.0/24 via 10.1.0.3 table 7");
	watch(host, "192.0.2.9");
	path_await(host, (struct wanted){.addr = "192.0.2.9", .next_hop = "10.1.0.2"});
	shell("ip rule add to 192.0.2.9 lookup 7");
	path_await(host, (struct wanted){.addr = "192.0.2.9", .next_hop = "10.1.0.3"});
	shell("ip rule del to 192.0.2.9 lookup 7");
	path_await(host, (struct wanted){.addr = "192.0.2.9", .next_hop = "10.1.0.2"});
	shell("ip nexthop replace id 1 via 10.1.0.3 dev eth0");
	path_await(host, (struct wanted){.addr = "192.0.2.9", .next_hop = "10.1.0.3"});
}

static void test_link_down_and_up(void **state)
{
	struct host *host = *state;
	double ms;

	watch(host, "10.1.0.2");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	peer_shell(host, "ip link set peer0 down");
	ms = path_await(host, (struct wanted){.addr = "10.1.0.2", .problem = "eth0 is down"});
	printf("# a lost carrier is seen after %.1f ms\n", ms);
	peer_shell(host, "ip link set peer0 up");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	shell("ip link set eth0 down");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .problem = "no route"});
	shell("ip link set eth0 up");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	assert_true(host->links_changed >= 4);
	assert_int_equal(host->links_gone, 0);
	shell("ip link del eth0");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .problem = "no route"});
	assert_int_equal(host->links_gone, 1);
}

static bool source_mac_moved(void *context)
{
	struct path path = path_of(context, "10.1.0.2");

	return path.resolved && !memcmp(path.mac_source, mac_moved, 6);
}

static void test_own_mac_change(void **state)
{
	struct host *host = *state;

	watch(host, "10.1.0.2");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	shell("ip link set eth0 address 02:00:00:00:00:03");
	assert_true(loop_until(host->base, source_mac_moved, host, WAIT_MS));
}

/* An RTM_DELLINK of family AF_BRIDGE does not mean that the interface is gone. */
static void test_leaving_a_bridge_is_not_going_away(void **state)
{
	struct host *host = *state;

	watch(host, "10.1.0.2");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	shell("ip link add br0 type bridge && ip link set eth0 master br0 && "
	      "ip link set eth0 nomaster");
	loop_until(host->base, NULL, NULL, 100);
	assert_int_equal(host->links_gone, 0);
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	shell("ip link del br0");
	loop_until(host->base, NULL, NULL, 100);
	assert_int_equal(host->links_gone, 1);
}

static void test_not_ethernet(void **state)
{
	struct host *host = *state;

	if (access("/dev/net/tun", F_OK) != 0)
		skip();
	shell("ip tuntap add dev tun0 mode tun && ip addr add 10.5.0.1/24 dev tun0 && "
	      "ip link set tun0 up");
	watch(host, "10.5.0.2");
	path_await(host, (struct wanted){.addr = "10.5.0.2",
					 .problem = "tun0 is not an Ethernet interface"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(test_route_by_a_router),
		HOST_TEST(test_special_routes),
		HOST_TEST(test_ipv4_by_an_ipv6_router),
		HOST_TEST(test_policy_rules_and_next_hop_objects),
		HOST_TEST(test_link_down_and_up),
		HOST_TEST(test_own_mac_change),
		HOST_TEST(test_leaving_a_bridge_is_not_going_away),
		HOST_TEST(test_not_ethernet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
