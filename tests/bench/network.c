// SPDX-License-Identifier: GPL-2.0
#include "tests/bench/network.h"

#include <bpf/bpf.h>
#include <err.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/plane.h"
#include "tests/bench/wrapper.h"

#include "tests/bench/veth.skel.h" /* needs the types of wrapper.h */

static void cleanup_pclose(FILE **file)
{
	if (*file && pclose(*file))
		errx(1, "a command failed");
}

#define autopclose __attribute__((cleanup(cleanup_pclose)))

static void shell(const char *command)
{
	if (system(command))
		errx(1, "failed: %s", command);
}

void network_attach(int ifindex, int program)
{
	int ret = bpf_xdp_attach(ifindex, program, XDP_FLAGS_DRV_MODE, NULL);

	if (ret)
		errx(1, "veth: cannot attach (%s)", strerror(-ret));
}

/* What the data plane sends to a backend goes to the far end; a bridge must not have to guess. */
static void backends_announce(void)
{
	autopclose FILE *bridge = popen("bridge -batch -", "w");

	if (!bridge)
		err(1, "bridge");
	for (int service = SERVICE_DSR4; service < SERVICES_END; service++)
		for (int i = 0; i < PLANE_BACKENDS; i++)
			fprintf(bridge,
				"fdb add 02:00:00:01:%02x:%02x dev far-port master static\n",
				service, i);
}

/* A frame sent by XDP is delivered only to an interface that has an XDP program too. */
static void bridge_create(struct veth *veth)
{
	shell("for i in ip ip6; do f=/proc/sys/net/bridge/bridge-nf-call-${i}tables; "
	      "[ ! -e $f ] || echo 0 >$f; done"); /* a switch looks at no checksums */
	shell("ip link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0 && "
	      "ip link add near type veth peer name near-port && "
	      "ip link add far type veth peer name far-port && "
	      "ip link set near-port master br0 && ip link set far-port master br0 && "
	      "for i in br0 near near-port far far-port; do ip link set $i up; done");
	backends_announce();
	network_attach((int)if_nametoindex("near-port"), bpf_program__fd(veth->progs.veth_pass));
	network_attach((int)if_nametoindex("far-port"), bpf_program__fd(veth->progs.veth_pass));
}

void network_create(struct network *network, struct veth *veth, bool bridge)
{
	if (unshare(CLONE_NEWNET))
		err(1, "network namespace; run as root");
	shell("sysctl -qw net.ipv6.conf.default.disable_ipv6=1"); /* no packets but ours */
	if (bridge)
		bridge_create(veth);
	else
		shell("ip link add near type veth peer name far && "
		      "ip link set near up && ip link set far up");
	network->near = (int)if_nametoindex("near");
	network->far = (int)if_nametoindex("far");
	network_attach(network->far, bpf_program__fd(veth->progs.veth_drain));
}
