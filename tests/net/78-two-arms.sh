#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A balancer between two networks: clients on eth0, a backend on eth1.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/topology.sh
. "$(dirname "$0")/topology.sh"

# One backend on each side.
two_sided() { # NAME PROTOCOL VIP:PORT BACKEND...
	local service=$1 protocol=$2 vip_port=$3 backend
	shift 3
	lbxdp service add "$service" "$protocol" "$vip_port" --assign eth0 || give_up "$service"
	for backend in "$@"; do lbxdp backend add "$service" "$backend"; done
	within 5 all_up "$service" $# || give_up "$service: not all backends came up"
}

answered() { # TITLE COUNTS EACH
	is "$1: one here, one there" "$2" "b1 $3 b3 $3"
}

lab_up --backends 3 --ipv6
second_arm 3 || give_up "no second arm"
attach eth0
attach eth1
two_sided web tcp "$vip:80" 10.77.0.21:80 10.78.0.3:80
two_sided web6 tcp "[$vip6]:80" '[fd77::21]:80' '[fd78::3]:80'
two_sided udp udp "$vip:7000" 10.77.0.21:7000 10.78.0.3:7000
answered IPv4 "$(connector -n 2000 -p 4 "$vip" 80)" 1000
answered IPv6 "$(connector -n 2000 -p 4 "$vip6" 80)" 1000
answered UDP "$(connector -u -n 2000 -p 4 -f 20000 "$vip" 7000)" 1000
is "large answers arrive whole" "$(downloads_intact 6 "http://$vip/bytes/1m")" 6
between "by way of the other interface" "$(verdict forward_redirect)" 1000 1000000
is "nothing was dropped" "$(verdict_class DROP)" 0
check "detach eth1" lbxdp detach eth1
is "a backend behind an interface without lbxdp is unreachable" \
	"$(backend_get web 10.78.0.3:80 .state)" unreachable
like "and why" "$(backend_get web 10.78.0.3:80 .reason)" "behind eth1.*run 'lbxdp attach eth1'"
is "so the others get it all" "$(connector -n 20 "$vip" 80)" "b1 20"
finish
