/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of neighbours share: against the real rtnetlink, each has a network namespace of
 * its own with eth0 (10.1.0.1/24, fd01::1/64), whose other end, peer0, is in the namespace of a
 * child process (10.1.0.2, fd01::2).
 */
#ifndef LBX_HOST_H
#define LBX_HOST_H

#include "tests/loop/loop.h"

#include <sys/types.h>

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

extern const char mac_here[6], mac_peer[6], mac_moved[6];

/* What is waited for. */
struct wanted {
	const struct host *host;
	const char *addr;
	const char *mac;      /* resolved, to this one */
	const char *next_hop; /* and this way */
	const char *problem;  /* or not resolved, because of that */
};

int host_setup(void **state);
int host_teardown(void **state);

#define HOST_TEST(name) cmocka_unit_test_setup_teardown(name, host_setup, host_teardown)

/* In the namespace of the peer. */
void peer_shell(const struct host *host, const char *command);

void watch(struct host *host, const char *text);
void unwatch(struct host *host, const char *text);
struct path path_of(const struct host *host, const char *text);
/* Waits for it and returns the milliseconds it took. */
double path_await(struct host *host, struct wanted wanted);
bool is_local(const struct host *host, const char *text);

#endif
