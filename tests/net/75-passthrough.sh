#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What is not a service's goes through untouched: the balancer's other ports, ping, ARP, fragments.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# A stand-in for sshd on the balancer: its own address, and a service's address too.
servers_start() {
	start lb socat TCP-LISTEN:2222,fork,reuseaddr SYSTEM:'echo balancer'
	start lb socat TCP6-LISTEN:2223,ipv6only,fork,reuseaddr SYSTEM:'echo balancer'
	start lb socat UDP-LISTEN:2224,fork,reuseaddr PIPE
	within 3 say_hello 10.77.0.2 2222 >/dev/null || give_up "socat does not listen"
}

say_hello() { # ADDRESS PORT
	on client timeout 3 socat -u "TCP:$1:$2" -
}

# Echo of SIZE bytes, intact? Larger than the MTU goes in fragments.
udp_echo_intact() { # ADDRESS SIZE
	head -c "$2" "$files/b1/files/bytes/1m" >"$work/sent"
	on client timeout 5 socat -b 65536 -T1 -t1 - "UDP:$1:2224" <"$work/sent" >"$work/got"
	cmp -s "$work/sent" "$work/got"
}

pings() { # ADDRESS [OPTION]...
	on client ping -q -i 0.05 -c 10 -W 1 "$@" 2>&1 | grep -o '[0-9]* received'
}

# The same before and with lbxdp: TITLE says which.
test_balancer_itself() { # TITLE
	is "$1: another TCP port on the balancer" "$(say_hello 10.77.0.2 2222)" balancer
	is "$1: the same by IPv6" "$(say_hello '[fd77::2]' 2223)" balancer
	check "$1: UDP to another port" udp_echo_intact 10.77.0.2 1000
	check "$1: UDP in fragments" udp_echo_intact 10.77.0.2 8000
	is "$1: ping" "$(pings 10.77.0.2)" "10 received"
	is "$1: ping in fragments" "$(pings 10.77.0.2 -s 4000)" "10 received"
	is "$1: ping IPv6" "$(pings fd77::2)" "10 received"
	is "$1: ping IPv6 in fragments" "$(pings fd77::2 -s 4000)" "10 received"
	ip -n "$name-client" neigh flush all
	is "$1: ARP and neighbour discovery" "$(pings 10.77.0.2), $(pings fd77::2)" \
		"10 received, 10 received"
	is "$1: the balancer's own requests to a backend" \
		"$(on lb curl -s --max-time 2 http://10.77.0.21/)" b1
}

# What one connection runs into.
failure() { # CONNECTOR_ARGUMENT...
	connector -n 1 -p 1 -o "$work/failure" "$@" >/dev/null 2>&1
	cut -d' ' -f4- "$work/failure"
}

test_vip() {
	is "ping to a VIP" "$(pings "$vip")" "10 received"
	is "ping to an IPv6 VIP" "$(pings "$vip6")" "10 received"
	is "another port of a VIP is the balancer's" "$(say_hello "$vip" 2222)" balancer
	like "another port where nobody listens is refused" "$(failure "$vip" 81)" \
		"connect: Connection refused"
	like "UDP to a TCP service's port is the balancer's" "$(failure -u "$vip" 80)" \
		"read: Connection refused"
	# A first fragment looks like a datagram for the service, but the rest would not.
	on client timeout 3 socat -u - "UDP:$vip:7000" <"$files/b1/files/bytes/64k" 2>/dev/null
	between "fragments of a datagram to a service are passed" "$(verdict pass_fragment)" 1 1000
}

# The balancer's own address as VIP: only the service's port is taken.
test_own_address() {
	lbxdp service add own tcp 10.77.0.2:80
	lbxdp backend add own 10.77.0.21:80
	lbxdp backend add own 10.77.0.22:80
	within 4 all_up own 2
	shares "the balancer's own address as VIP" "$(connector -n 100 10.77.0.2 80)" 1 1
	is "and the rest of it is as before" "$(say_hello 10.77.0.2 2222)" balancer
	is "and its own requests come back to it" \
		"$(on lb curl -s --max-time 2 http://10.77.0.22/)" b2
}

lab_up --backends 2 --ipv6
servers_start
test_balancer_itself "before"
attach eth0
service web tcp "$vip:80" 2 80
service web6 tcp "[$vip6]:80" 2 80
service udp udp "$vip:7000" 2 7000
test_balancer_itself "with lbxdp"
test_vip
test_own_address
is "nothing was dropped" "$(verdict_class DROP)" 0
lbxdp detach --all
test_balancer_itself "detached"
finish
