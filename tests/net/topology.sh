# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Sourced by network tests whose balancer has more around it than the lab's bridge.

# A cable of its own from the balancer (10.78.0.2, fd78::2, eth1) to a backend (10.78.0.N, fd78::N),
# with the lab's cares (see scripts/lab).
second_arm() { # NUMBER of the backend
	local queues node=b$1
	queues=$(ip -n "$name-lb" -d -j link show eth0 | jq -r '.[0].num_rx_queues')
	ip -n "$name-lb" link add eth1 numtxqueues "$queues" numrxqueues "$queues" type veth \
		peer name eth1 numtxqueues "$queues" numrxqueues "$queues" \
		netns "$name-$node" || return
	ip -n "$name-lb" addr add 10.78.0.2/24 dev eth1
	ip -n "$name-$node" addr add "10.78.0.$1/24" dev eth1
	ip -n "$name-lb" addr add fd78::2/64 dev eth1 nodad
	ip -n "$name-$node" addr add "fd78::$1/64" dev eth1 nodad
	on lb ethtool -K eth1 tx off >/dev/null
	on "$node" ethtool -K eth1 tx off >/dev/null
	# shellcheck disable=SC2016 # expanded over there
	on "$node" unshare --mount sh -c 'mount -t sysfs sysfs /sys &&
		for file in /sys/class/net/eth1/queues/rx-*/rps_cpus; do echo 3 >"$file"; done'
	on "$node" ip link set dev eth1 xdp obj build/tests/lab/xdp_pass.bpf.o sec xdp.frags
	ip -n "$name-lb" link set eth1 up
	ip -n "$name-$node" link set eth1 up
}

# What the nodes' kernels found wrong with what they received.
checksum_errors() { # NODE
	on "$1" nstat -asz IpInHdrErrors Ip6InHdrErrors IpExtInCsumErrors TcpInCsumErrors \
		UdpInCsumErrors Udp6InCsumErrors | awk 'NR > 1 && $2 > 0 { printf "%s=%s ", $1, $2 }'
}

checksums_right() { # NODE...
	local node
	for node in "$@"; do is "$node: no checksum was wrong" "$(checksum_errors "$node")" ""; done
}

# A tunnel's end on the node's eth0: see tests/lab/decap.bpf.c.
decap_attach() { # NODE
	on "$1" ip link set dev eth0 xdp obj build/tests/lab/decap.bpf.o sec xdp.frags
}

# Its counts, as "ipip=N gue=N bad=N".
decap_counts() { # NODE
	local program map
	program=$(ip -n "$name-$1" -j link show eth0 | jq '.[0].xdp.prog.id')
	map=$(bpftool -j prog show id "$program" | jq '.map_ids[0]')
	bpftool -j map dump id "$map" | jq -r '[.[].formatted.value] |
		"ipip=\(.[0]) gue=\(.[1]) bad=\(.[2])"'
}

# --- further networks, behind a node that routes ---

far_nodes=()

# A namespace NAME of its own behind a node: 10.NET.0.10, fdNET::10, by a link whose router's end has
# that MTU, while the far end thinks it were 1500: what is too large is lost at the router.
far_node() { # NAME NODE NET MTU
	local ns=$name-$1
	ip netns add "$ns" || return
	far_nodes+=("$ns")
	ip -n "$name-$2" link add "far$3" mtu "$4" type veth peer name eth0 netns "$ns" || return
	ip -n "$name-$2" addr add "10.$3.0.1/24" dev "far$3"
	ip -n "$name-$2" addr add "fd$3::1/64" dev "far$3" nodad
	ip -n "$name-$2" link set "far$3" up
	ip -n "$ns" addr add "10.$3.0.10/24" dev eth0
	ip -n "$ns" addr add "fd$3::10/64" dev eth0 nodad
	ip -n "$ns" link set lo up
	ip -n "$ns" link set eth0 mtu 1500 up
	ip -n "$ns" route add default via "10.$3.0.1"
	ip -n "$ns" -6 route add default via "fd$3::1"
	on "$1" ethtool -K eth0 tx off tso off gso off >/dev/null
	on "$2" ethtool -K "far$3" tx off tso off gso off >/dev/null
	on "$2" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# The way there, for another node.
far_route() { # NODE NET GATEWAY GATEWAY6
	ip -n "$name-$1" route replace "10.$2.0.0/24" via "$3"
	ip -n "$name-$1" -6 route replace "fd$2::/64" via "$4"
}

far_cleanup() {
	local status=$? ns
	trap '' INT TERM
	for ns in "${far_nodes[@]}"; do ip netns del "$ns"; done
	(exit "$status")
	cleanup
}
trap far_cleanup EXIT
