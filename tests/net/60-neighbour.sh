#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The way to a backend changes: its MAC address, the route to it, its being there at all. The map
# must say so within 100 ms of the kernel's knowing: at best, of several rounds, so that a busy
# machine does not fail a test, but whoever only looks from time to time does.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

limit_ms=100
mac1=02:77:00:00:00:15

# COUNT bytes at OFFSET of an entry of the pinned map `backends`: struct lbx_backend (maps/types.h).
# Into $bytes, as 0a:4d:00:15, and by the shell alone: its time counts in what is measured here.
map_bytes() { # ID OFFSET COUNT
	local key value
	printf -v key '%02x 00 00 00' "$1"
	# shellcheck disable=SC2086 # four words
	value=$(bpftool -j map lookup pinned "/sys/fs/bpf/lbxdp/$name/maps/backends" key hex $key)
	value=${value#*'"value":['} # "0x0a","0x4d",...
	value=${value:$2*7:$3*7-1}
	value=${value//'"0x'/}
	value=${value//'"'/}
	bytes=${value//,/:}
}

# The id of an IPv4 backend: its address is bytes 12 to 15.
map_id() { # ADDRESS
	local id wanted bytes
	# shellcheck disable=SC2086 # four words
	wanted=$(printf '%02x:%02x:%02x:%02x' ${1//./ })
	for ((id = 1; id < 32; id++)); do
		map_bytes "$id" 12 4
		[ "$bytes" != "$wanted" ] || break
	done
	echo "$id"
}

# The next hop's MAC address is bytes 32 to 37.
mac_is() { # ID MAC
	local bytes
	map_bytes "$1" 32 6
	[ "$bytes" = "$2" ]
}

# Milliseconds from BEGAN until the map has the MAC address; 9999 if it has not after 3 s.
mac_delay() { # ID MAC BEGAN_US
	until mac_is "$1" "$2"; do
		[ "$(($(now_us) - $3))" -lt 3000000 ] || break
	done
	if mac_is "$1" "$2"; then echo $((($(now_us) - $3) / 1000)); else echo 9999; fi
}

in_time() { # TITLE DELAYS
	note "$1: after ${2% } ms (telling and asking included)"
	between "$1" "$(tr ' ' '\n' <<<"${2% }" | sort -n | head -n 1)" 0 $limit_ms
	between "$1: every time" "$(tr ' ' '\n' <<<"${2% }" | sort -n | tail -n 1)" 0 3000
}

neighbour_set() { # MAC
	ip -n "$name-lb" neigh replace 10.77.0.21 lladdr "$1" dev eth0 nud reachable
}

# Exactly timed: the kernel is told.
test_neighbour_told() {
	local began round delays=
	for round in 1 2 3 4 5; do
		began=$(now_us)
		neighbour_set "02:77:00:00:99:0$round"
		delays+="$(mac_delay "$id1" "02:77:00:00:99:0$round" "$began") "
	done
	in_time "a changed neighbour is in the map in time" "$delays"
	neighbour_set $mac1
	within 2 mac_is "$id1" $mac1
}

# The backend itself changes and says so (gratuitous ARP), as in a failover between two machines.
# The kernel believes it only when its own entry is a second old (locktime).
test_mac_announced() {
	local mac began delays=
	on b1 sh -c 'echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_notify'
	for mac in 02:77:00:00:aa:01 02:77:00:00:aa:02 $mac1; do
		sleep 1.2
		began=$(now_us)
		ip -n "$name-b1" link set eth0 address "$mac"
		delays+="$(mac_delay "$id1" "$mac" "$began") "
	done
	in_time "an announced MAC address is in the map in time" "$delays"
	shares "and connections follow" "$(connector -n 100 "$vip" 80)" 1 1
}

# 10.88.0.1 is behind b1 or b2, as the route says.
test_route() {
	local id node began delays=
	for node in b1 b2; do ip -n "$name-$node" addr add 10.88.0.1/32 dev lo; done
	ip -n "$name-lb" route add 10.88.0.1 via 10.77.0.21
	lbxdp service add routed tcp "$vip:81" --assign eth0
	lbxdp backend add routed 10.88.0.1:80
	within 3 all_up routed 1
	id=$(map_id 10.88.0.1)
	check "a backend behind a router gets the router's MAC address" mac_is "$id" $mac1
	is "and is reached by it" "$(connector -n 10 "$vip" 81)" "b1 10"
	for node in 2 1 2 1 2; do
		began=$(now_us)
		ip -n "$name-lb" route replace 10.88.0.1 via 10.77.0.2$node
		delays+="$(mac_delay "$id" "02:77:00:00:00:1$((node + 4))" "$began") "
	done
	in_time "a changed route is in the map in time" "$delays"
	is "and connections follow the route" "$(connector -n 10 "$vip" 81)" "b2 10"
	ip -n "$name-lb" route del 10.88.0.1
	check "without a route the backend is unreachable" \
		within 3 backend_is routed 10.88.0.1:80 unreachable
	like "and the reason is said" "$(backend_get routed 10.88.0.1:80 .reason)" "no route"
	lbxdp service remove routed
}

# Without a check, only the neighbour tells whether a backend is there.
test_unresolved() { # TITLE VIP:PORT BACKEND NODE_ADDRESS
	local target=${2%:*}
	service absent tcp "$2" 2 80 --check none
	lbxdp backend add absent "$3"
	check "$1: a backend that answers no probe is unreachable" \
		within 5 backend_is absent "$3" unreachable
	note "$1: reason: $(backend_get absent "$3" .reason)"
	shares "$1: connections go to the others" \
		"$(connector -n 100 "$(tr -d '[]' <<<"$target")" "${2##*:}")" 1 1
	# shellcheck disable=SC2086 # an address with options
	ip -n "$name-b3" addr add $4 dev eth0
	check "$1: when it appears it is found, without traffic to it" \
		within 12 backend_is absent "$3" up
	shares "$1: and gets its share" \
		"$(connector -n 99 "$(tr -d '[]' <<<"$target")" "${2##*:}")" 1 1 1
	lbxdp service remove absent
}

test_link_flap() {
	ip -n "$name-lb" link set eth0 down
	sleep 0.3
	ip -n "$name-lb" link set eth0 up
	within 5 all_up web 2
	shares "after the interface was down, all is well again" "$(connector -n 100 "$vip" 80)" 1 1
}

lab_up --backends 3 --ipv6
attach eth0
service web tcp "$vip:80" 2 80 --interval 300ms
id1=$(map_id 10.77.0.21)
check "a backend's MAC address is in the map" mac_is "$id1" $mac1
test_neighbour_told
test_mac_announced
test_route
test_unresolved IPv4 "$vip:82" 10.77.0.40:80 10.77.0.40/24
test_unresolved IPv6 "[$vip6]:82" '[fd77::40]:80' 'fd77::40/64 nodad'
test_link_flap
finish
