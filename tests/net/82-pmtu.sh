#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Path MTU discovery: a router on the way has a smaller MTU than both ends believe. Its errors quote
# packets that the balancer rewrote; they must reach who sent them, or large transfers hang.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/topology.sh
. "$(dirname "$0")/topology.sh"

small=1300

# A client behind the client, a backend behind b2.
topology_up() {
	lab_up --backends 2 --ipv6 --dsr
	far_node far client 79 $small || give_up "no far client"
	far_node deep b2 80 $small || give_up "no far backend"
	for node in lb b1 b2; do far_route $node 79 10.77.0.10 fd77::10; done
	far_route lb 80 10.77.0.22 fd77::22
	on lb sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

far_downloads() { # URL: how many of 2 arrive whole
	local i intact=0
	for i in 1 2; do
		on far curl -s --max-time 10 -o "$work/far$i" "$1/bytes/1m"
		cmp -s "$work/far$i" "$files/b1/files/bytes/1m" && intact=$((intact + 1))
	done
	echo $intact
}

# Downloads by the far client: the router tells the VIP that its packets are too large.
test_downloads() { # MODE FAMILY URL_HOST BACKEND
	local before
	lbxdp service add "$1-$2" tcp "$3:80" --assign eth0 --forward "$1" || give_up "$1 $3"
	lbxdp backend add "$1-$2" "$4" || give_up "$1 $3 backend"
	within 5 all_up "$1-$2" 1 || give_up "$1 $3: not up"
	before=$(verdict forward_error)
	is "$1, $2: downloads through a narrow link" "$(far_downloads "http://$3")" 2
	between "$1, $2: by errors that reached the backend" \
		$(($(verdict forward_error) - before)) 1 1000
	lbxdp service remove "$1-$2"
	# What the backend learned of the path must be learned anew.
	on b1 ip route flush cache
	on b1 ip -6 route flush cache
}

# An upload to the far backend: the router tells the translation address.
test_upload() { # TITLE ADDRESS URL_HOST BACKEND
	local before
	start deep socat -u "TCP6-LISTEN:80,fork,reuseaddr,ipv6only=0" "OPEN:$work/upload,creat,append"
	lbxdp service add up tcp "$3:80" --assign eth0 --check none || give_up "up $3"
	lbxdp backend add up "$4" || give_up "up $3 backend"
	within 5 all_up up 1 || give_up "up $3: not up"
	before=$(verdict forward_error)
	: >"$work/upload"
	on client timeout 10 socat -u "OPEN:$files/b1/files/bytes/1m" "TCP:$3:80"
	check "$1: an upload through a narrow link" within 5 cmp -s "$work/upload" \
		"$files/b1/files/bytes/1m"
	between "$1: by errors that reached the client" $(($(verdict forward_error) - before)) 1 1000
	lbxdp service remove up
	kill "$job"
	on client ip route flush cache
	on client ip -6 route flush cache
}

topology_up
attach eth0
test_downloads fullnat IPv4 "$vip" 10.77.0.21:80
test_downloads fullnat IPv6 "[$vip6]" '[fd77::21]:80'
test_downloads dsr IPv4 "$vip" 10.77.0.21:80
test_downloads dsr IPv6 "[$vip6]" '[fd77::21]:80'
# As their gateway, the balancer gets all that b1 sends to the far client. For this, b1 must not
# have the VIP.
ip -n "$name-b1" addr del 10.77.0.100/32 dev lo
ip -n "$name-b1" addr del fd77::100/128 dev lo
far_route b1 79 10.77.0.2 fd77::2
test_downloads nat IPv4 "$vip" 10.77.0.21:80
test_downloads nat IPv6 "[$vip6]" '[fd77::21]:80'
test_upload "fullnat, IPv4" "$vip" "$vip" 10.80.0.10:80
test_upload "fullnat, IPv6" "$vip6" "[$vip6]" '[fd80::10]:80'
is "nothing was dropped" "$(verdict_class DROP)" 0
checksums_right client b1 b2 far deep
finish
