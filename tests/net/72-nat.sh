#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Mode nat: backends see the client and answer by way of the balancer, their gateway. One backend
# is behind a second interface (redirect), two on the client's own network (one arm).
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/topology.sh
. "$(dirname "$0")/topology.sh"

# The way to the client leads through the balancer, also where a direct one is there.
route_by_balancer() { # NODE GATEWAY GATEWAY6
	ip -n "$name-$1" route add 10.77.0.10/32 via "$2"
	ip -n "$name-$1" -6 route add fd77::10/128 via "$3"
}

topology_up() {
	lab_up --backends 3 --ipv6
	second_arm 3 || give_up "no second arm"
	on lb sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	route_by_balancer b1 10.77.0.2 fd77::2
	route_by_balancer b2 10.77.0.2 fd77::2
	route_by_balancer b3 10.78.0.2 fd78::2
}

nat_service() { # NAME PROTOCOL VIP:PORT BACKEND...
	local service=$1 protocol=$2 vip_port=$3 backend
	shift 3
	lbxdp service add "$service" "$protocol" "$vip_port" --assign eth0 --forward nat ||
		give_up "$service"
	for backend in "$@"; do lbxdp backend add "$service" "$backend" || give_up "$backend"; done
	within 5 all_up "$service" $# || give_up "$service: not all backends came up"
}

test_tcp() { # TITLE ADDRESS URL_HOST CLIENT
	local i intact=0
	shares "$1: 3,000 connections" "$(connector -n 3000 -p 4 "$2" 80)" 1 1 1
	is "$1: backends see the client's own address" \
		"$(cut -d' ' -f2 "$files"/b[123]/access.log | sort -u | xargs)" "$4"
	is "$1: large answers arrive whole" "$(downloads_intact 6 "http://$3/bytes/1m")" 6
	for i in 1 2 3; do
		on client curl -s --max-time 10 -T "$files/b1/files/bytes/1m" "http://$3/upload/u$i" \
			-o /dev/null
		cmp -s "$files/b1/files/bytes/1m" "$files"/b[123]/files/upload/"u$i" &&
			intact=$((intact + 1))
		rm -f "$files"/b[123]/files/upload/"u$i"
	done
	is "$1: large uploads arrive whole" "$intact" 3
	is "$1: connections that close in order" "$(connector -g -n 300 "$2" 80)" \
		"b1 100 b2 100 b3 100"
	is "$1: every packet back was seen" "$(service_get "$5" '.return_packets > 10000')" true
	for i in 1 2 3; do : >"$files/b$i/access.log"; done
}

# With the balancer as a mere router, on the same ports: not ours, whichever the direction.
test_direct_talk_is_left_alone() {
	is "who talks to a backend directly gets it" "$(fetch http://10.78.0.3/)" b3
}

test_mixed() {
	service fullnat tcp "$vip:8080" 2 80
	is "another mode on the same VIP" "$(connector -n 100 "$vip" 8080)" "b1 50 b2 50"
	is "and nat beside it" "$(connector -n 90 "$vip" 80)" "b1 30 b2 30 b3 30"
}

# Every port of another VIP: what the backends listen on works, without a service for each.
test_every_port() {
	nat_service all tcp 10.77.0.101:0 10.77.0.21:0 10.78.0.3:0
	is "port 0: HTTP" "$(connector -n 100 10.77.0.101 80)" "b1 50 b3 50"
	like "port 0: another port" "$(on client timeout 2 socat - TCP:10.77.0.101:7000)" '^b[13]$'
	lbxdp service add exact tcp 10.77.0.101:80
	lbxdp backend add exact 10.77.0.22:80
	within 5 all_up exact 1
	is "port 0: a port with a service of its own" "$(connector -n 20 10.77.0.101 80)" "b2 20"
}

test_failover() {
	lab stop b2 >/dev/null
	within 10 backend_is web 10.77.0.22:80 down || not_ok "b2 is not found down"
	is "one down: the others get all" "$(connector -n 100 "$vip" 80)" "b1 50 b3 50"
	lab start b2 >/dev/null
	within 10 backend_is web 10.77.0.22:80 up || not_ok "b2 does not come back"
	shares "back again" "$(connector -n 99 "$vip" 80)" 1 1 1
}

topology_up
attach eth0
attach eth1
ip -n "$name-client" route add 10.78.0.0/24 via 10.77.0.2
nat_service web tcp "$vip:80" 10.77.0.21:80 10.77.0.22:80 10.78.0.3:80
nat_service web6 tcp "[$vip6]:80" '[fd77::21]:80' '[fd77::22]:80' '[fd78::3]:80'
nat_service udp udp "$vip:7000" 10.77.0.21:7000 10.77.0.22:7000 10.78.0.3:7000
nat_service udp6 udp "[$vip6]:7000" '[fd77::21]:7000' '[fd77::22]:7000' '[fd78::3]:7000'
lbxdp service set web --interval 200ms
test_tcp IPv4 "$vip" "$vip" 10.77.0.10 web
test_tcp IPv6 "$vip6" "[$vip6]" fd77::10 web6
shares "UDP, IPv4" "$(connector -u -n 3000 -p 4 -f 20000 "$vip" 7000)" 1 1 1
shares "UDP, IPv6" "$(connector -u -n 3000 -p 4 -f 20000 "$vip6" 7000)" 1 1 1
between "by way of the other interface" "$(verdict forward_redirect)" 1000 1000000
test_direct_talk_is_left_alone
test_mixed
test_every_port
test_failover
is "nothing was dropped" "$(verdict_class DROP)" 0
checksums_right client b1 b2 b3
finish
