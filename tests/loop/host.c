// SPDX-License-Identifier: GPL-2.0
#include "tests/loop/host.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

const char mac_here[6] = {2, 0, 0, 0, 0, 1};
const char mac_peer[6] = {2, 0, 0, 0, 0, 2};
const char mac_moved[6] = {2, 0, 0, 0, 0, 3};

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

void peer_shell(const struct host *host, const char *command)
{
	shell("nsenter -t %d -n sh -c '%s'", (int)host->peer, command);
}

int host_setup(void **state)
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

int host_teardown(void **state)
{
	struct host *host = *state;

	neighbours_free(host->neighbours);
	event_base_free(host->base);
	kill(host->peer, SIGKILL);
	waitpid(host->peer, NULL, 0);
	free(host);
	return 0;
}

void watch(struct host *host, const char *text)
{
	struct lbx_addr addr = addr_of(text);
	struct err err = {0};

	if (neighbours_watch(host->neighbours, &addr, &err))
		fail_msg("%s", err.text);
}

void unwatch(struct host *host, const char *text)
{
	struct lbx_addr addr = addr_of(text);

	neighbours_unwatch(host->neighbours, &addr);
}

struct path path_of(const struct host *host, const char *text)
{
	struct lbx_addr addr = addr_of(text);
	struct path path;

	if (!neighbours_path(host->neighbours, &addr, &path))
		fail_msg("%s is not watched", text);
	return path;
}

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

double path_await(struct host *host, struct wanted wanted)
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

bool is_local(const struct host *host, const char *text)
{
	struct lbx_addr addr = addr_of(text);

	return neighbours_is_local(host->neighbours, &addr);
}
