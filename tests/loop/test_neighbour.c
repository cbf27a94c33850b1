// SPDX-License-Identifier: GPL-2.0
/*
 * Against the real rtnetlink: each test has a network namespace of its own with eth0 (10.1.0.1/24,
 * fd01::1/64), whose other end, peer0, is in the namespace of a child process (10.1.0.2,
 * fd01::2).
 */
#include "tests/loop/loop.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/netlink/neighbour.h"

enum { WAIT_MS = 5000 };

struct host {
	struct event_base *base;
	struct neighbours *neighbours;
	pid_t peer; /* holds the other namespace */
	unsigned callbacks;
	unsigned unresolved; /* callbacks that said so */
	unsigned links_changed, links_gone;
	bool unwatches; /* the callback does */
	double called_ms;
};

static const char mac_here[6] = {2, 0, 0, 0, 0, 1};
static const char mac_peer[6] = {2, 0, 0, 0, 0, 2};
static const char mac_moved[6] = {2, 0, 0, 0, 0, 3};

static void path_changed(void *context, const struct lbx_addr *addr, const struct path *path)
{
	struct host *host = context;

	host->callbacks++;
	host->unresolved += !path->resolved;
	host->called_ms = clock_ms();
	if (host->unwatches)
		neighbours_unwatch(host->neighbours, addr);
}

static void link_changed(void *context, unsigned ifindex, bool gone)
{
	struct host *host = context;

	(void)ifindex;
	host->links_changed += !gone;
	host->links_gone += gone;
}

/* --- the surroundings --- */

static pid_t peer_fork(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		/* Not left behind, whatever becomes of us. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void peer_shell(const struct host *host, const char *command)
{
	shell("nsenter -t %d -n sh -c '%s'", (int)host->peer, command);
}

static int host_setup(void **state)
{
	struct host *host = calloc(1, sizeof(*host));
	struct err err = {0};

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	host->peer = peer_fork();
	shell("ip link set lo up && ip link add eth0 address 02:00:00:00:00:01 type veth peer name "
	      "peer0 address 02:00:00:00:00:02 netns %d",
	      (int)host->peer);
	shell("ip addr add 10.1.0.1/24 dev eth0 && ip addr add fd01::1/64 dev eth0 nodad");
	peer_shell(host,
		   "ip addr add 10.1.0.2/24 dev peer0; ip addr add fd01::2/64 dev peer0 nodad;"
		   "ip link set peer0 up; echo 1 >/proc/sys/net/ipv4/conf/peer0/arp_notify");
	/* The kernel tells of carriers once a second: wait, so that no test has to. */
	shell("ip link set eth0 up; until ip -br link show dev eth0 | grep -q LOWER_UP; do sleep 0.02; done");
	host->base = event_base_new();
	host->neighbours = neighbours_new(host->base, path_changed, link_changed, host, &err);
	if (!host->neighbours)
		fail_msg("%s", err.text);
	*state = host;
	return 0;
}

static int host_teardown(void **state)
{
	struct host *host = *state;

	neighbours_free(host->neighbours);
	event_base_free(host->base);
	kill(host->peer, SIGKILL);
	waitpid(host->peer, NULL, 0);
	free(host);
	return 0;
}

static void watch(struct host *host, const char *text)
{
	struct lbx_addr addr = addr_of(text);
	struct err err = {0};

	if (neighbours_watch(host->neighbours, &addr, &err))
		fail_msg("%s", err.text);
}

static void unwatch(struct host *host, const char *text)
{
	struct lbx_addr addr = addr_of(text);

	neighbours_unwatch(host->neighbours, &addr);
}

static struct path path_of(const struct host *host, const char *text)
{
	struct lbx_addr addr = addr_of(text);
	struct path path;

	if (!neighbours_path(host->neighbours, &addr, &path))
		fail_msg("%s is not watched", text);
	return path;
}

/* What is waited for. */
struct wanted {
	const struct host *host;
	const char *addr;
	const char *mac;      /* resolved, to this one */
	const char *next_hop; /* and this way */
	const char *problem;  /* or not resolved, because of that */
};

static bool path_is(void *context)
{
	const struct wanted *wanted = context;
	struct path path = path_of(wanted->host, wanted->addr);
	struct lbx_addr next_hop;

	if (wanted->problem)
		return !path.resolved && !strcmp(path.problem, wanted->problem);
	if (!path.resolved || (wanted->mac && memcmp(path.mac_destination, wanted->mac, 6) != 0))
		return false;
	next_hop = addr_of(wanted->next_hop ? wanted->next_hop : wanted->addr);
	return addr_equal(&path.next_hop, &next_hop);
}

/* Waits for it and returns the milliseconds it took. */
static double path_await(struct host *host, struct wanted wanted)
{
	double start = clock_ms();

	wanted.host = host;
	if (!loop_until(host->base, path_is, &wanted, WAIT_MS)) {
		struct path path = path_of(host, wanted.addr);

		fail_msg("%s: resolved %d, problem '%s'", wanted.addr, path.resolved, path.problem);
	}
	/* And let it be reported. */
	loop_until(host->base, NULL, NULL, 1);
	return clock_ms() - start;
}

static bool is_called(void *context)
{
	return ((struct host *)context)->callbacks > 0;
}

/* --- tests --- */

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

static bool is_local(const struct host *host, const char *text)
{
	struct lbx_addr addr = addr_of(text);

	return neighbours_is_local(host->neighbours, &addr);
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

/* Dropped notifications of all netlink sockets of this namespace. */
static unsigned long drops_count(void)
{
	FILE *file = fopen("/proc/self/net/netlink", "r");
	unsigned long drops, sum = 0;
	char line[256];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %lu", &drops) == 1)
			sum += drops;
	}
	fclose(file);
	return sum;
}

/* While nobody reads, so many routes come and go that the socket overruns; then what matters
 * changes. */
static void test_overrun_is_made_good(void **state)
{
	struct host *host = *state;
	double start;

	watch(host, "10.1.0.2");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	/* Queued, and out of date by the time it is read. */
	shell("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:09 nud permanent dev eth0");
	shell("for i in $(seq 0 47); do seq -f \"route add 172.16.$i.%%g dev eth0\" 0 255; done | "
	      "ip -batch -");
	shell("ip link add gone0 type veth peer name gone1 && ip addr add 10.6.0.1/24 dev gone0");
	shell("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:03 nud permanent dev eth0");
	assert_true(drops_count() > 0);
	start = clock_ms();
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_moved});
	printf("# after an overrun the truth is back in %.1f ms\n", host->called_ms - start);
	loop_until(host->base, NULL, NULL, 200);
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_moved});
	assert_true(is_local(host, "10.6.0.1"));
	assert_true(host->links_changed >= 2);
}

enum { MANY = 4096 };

static void many_watch(struct host *host)
{
	char text[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "10.2.%d.%d", i / 256, i % 256);
		watch(host, text);
	}
}

static bool many_called(void *context)
{
	return ((struct host *)context)->callbacks >= MANY;
}

static void test_thousands_of_watches(void **state)
{
	struct host *host = *state;
	double start = clock_ms();

	peer_shell(host, "ip addr add 10.1.0.3/24 dev peer0");
	shell("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:02 nud permanent dev eth0");
	shell("ip neigh replace 10.1.0.3 lladdr 02:00:00:00:00:02 nud permanent dev eth0");
	shell("ip route add 10.2.0.0/16 via 10.1.0.2");
	start = clock_ms();
	many_watch(host);
	printf("# %d addresses watched in %.1f ms\n", MANY, clock_ms() - start);
	assert_true(loop_until(host->base, many_called, host, WAIT_MS));
	assert_int_equal(host->callbacks, MANY);
	assert_int_equal(host->unresolved, 0);

	host->callbacks = 0;
	shell("ip route change 10.2.0.0/16 via 10.1.0.3");
	start = clock_ms();
	assert_true(loop_until(host->base, many_called, host, WAIT_MS));
	printf("# a route change under %d of them: all called back after %.1f ms\n", MANY,
	       host->called_ms - start);
	assert_true(host->called_ms - start < 1000);

	host->callbacks = 0;
	shell("ip neigh replace 10.1.0.3 lladdr 02:00:00:00:00:03 nud permanent dev eth0");
	start = clock_ms();
	assert_true(loop_until(host->base, many_called, host, WAIT_MS));
	printf("# a MAC change under %d of them: all called back after %.1f ms\n", MANY,
	       host->called_ms - start);
	assert_int_equal(host->callbacks, MANY);
	assert_true(host->called_ms - start < 100);
}

#define HOST_TEST(name) cmocka_unit_test_setup_teardown(name, host_setup, host_teardown)

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
		HOST_TEST(test_route_by_a_router),
		HOST_TEST(test_special_routes),
		HOST_TEST(test_ipv4_by_an_ipv6_router),
		HOST_TEST(test_policy_rules_and_next_hop_objects),
		HOST_TEST(test_link_down_and_up),
		HOST_TEST(test_own_mac_change),
		HOST_TEST(test_leaving_a_bridge_is_not_going_away),
		HOST_TEST(test_not_ethernet),
		HOST_TEST(test_own_address),
		HOST_TEST(test_watches_are_counted),
		HOST_TEST(test_unwatch_in_the_callback),
		HOST_TEST(test_assign_and_unassign),
		HOST_TEST(test_assign_keeps_the_same_address_of_another_prefix),
		HOST_TEST(test_assign_errors),
		HOST_TEST(test_overrun_is_made_good),
		HOST_TEST(test_thousands_of_watches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
