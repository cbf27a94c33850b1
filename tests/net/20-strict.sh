#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Strict round robin, seen from outside: real connections, counted by who answered.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

processes=4

# A service of its own, for a cursor of its own, with one backend per weight.
weighted_service() { # NAME VIP:PORT WEIGHT...
	local service=$1 vip_port=$2 i=0 weight
	shift 2
	service "$service" tcp "$vip_port" $# 80
	for weight in "$@"; do
		i=$((i + 1))
		lbxdp backend set "$service" "$(backend "$vip_port" $i 80)" --weight "$weight" ||
			give_up "backend set $service b$i"
	done
}

# 10,000 connections (a few more where that does not divide) from processes on all CPUs. They wait
# for each other after every 5 each: at those moments nothing is under way, so the counts so far
# must be as exact as the final ones. In between the logs' order is that of the connections' starts,
# and each of the other processes may be one connection ahead or behind.
test_parallel() { # TITLE ADDRESS PORT WEIGHT...
	local title=$1 address=$2 port=$3
	shift 3
	logs_clear $#
	connector -n 10000 -p "$processes" -b 5 "$address" "$port" >"$work/counts"
	shares "$title: 10,000 connections" "$(tail -n 1 "$work/counts")" "$@"
	is "$title: at $(wc -l <"$work/counts") moments on the way" \
		"$(shares_wrong "$(named "$@")" <"$work/counts" | head -n 1)" ""
	names_from_logs $# >"$work/names"
	prefixes "$title: in parallel, by the logs" "$processes" "$@" <"$work/names"
}

# One process: the logs' order is exactly that of the connections.
test_prefixes() { # TITLE ADDRESS PORT WEIGHT...
	local title=$1 address=$2 port=$3
	shift 3
	logs_clear $#
	connector -n 2000 -p 1 "$address" "$port" >/dev/null
	names_from_logs $# >"$work/names"
	prefixes "$title: one by one, by the logs" 1 "$@" <"$work/names"
}

# A new service for each: a prefix starts where the schedule starts.
test_weights() { # VIP WEIGHT...
	local vip=$1 title port
	shift
	title="$(tr ' ' , <<<"$*")"
	[[ $vip != *:* ]] || title="IPv6, $title"
	port=$((next_port += 1))
	weighted_service "one-$port" "$(url_host "$vip"):$port" "$@"
	test_prefixes "$title" "$vip" "$port" "$@"
	port=$((next_port += 1))
	weighted_service "all-$port" "$(url_host "$vip"):$port" "$@"
	test_parallel "$title" "$vip" "$port" "$@"
}

url_host() { # ADDRESS
	if [[ $1 == *:* ]]; then echo "[$1]"; else echo "$1"; fi
}

# Each from a source port of its own: a new flow.
test_udp() {
	service udp udp "$vip:7000" 3 7000
	shares "UDP: 10,000 new 5-tuples" \
		"$(connector -u -n 10000 -p "$processes" -f 20000 "$vip" 7000)" 1 1 1
	shares "UDP: the same 5-tuples again stay where they are" \
		"$(connector -u -n 10000 -p 1 -f 20000 "$vip" 7000)" 1 1 1
	is "UDP: and open no flows" "$(service_get udp .connections)" 10000
}

test_udp6() {
	service udp6 udp "[$vip6]:7000" 3 7000
	shares "UDP, IPv6: 10,000 new 5-tuples" \
		"$(connector -u -n 10000 -p "$processes" -f 20000 "$vip6" 7000)" 1 1 1
}

# The backends lose every SYN for a while, so each connection's SYN comes three times.
test_retransmits() {
	local node
	service retransmit tcp "$vip:8900" 2 80 --check none
	for node in b1 b2; do
		on "$node" nft "table inet lose { chain input { type filter hook input priority 0;
			tcp dport 80 tcp flags & (syn|ack) == syn counter drop
			}; }"
	done
	on client nstat -n
	start client build/tests/net/connector -n 20 -p 20 -w 10000 "$vip" 8900 >"$work/counts"
	sleep 2
	for node in b1 b2; do on "$node" nft delete table inet lose; done
	wait "$job"
	between "SYNs were sent again" \
		"$(on client nstat -s TcpRetransSegs | awk '/TcpRetransSegs/ { print $2 }')" 20 200
	shares "SYN retransmits: each connection is one turn" "$(cat "$work/counts")" 1 1
	is "SYN retransmits: each is one flow" "$(service_get retransmit .connections)" 20
}

# The same address and port again, after a reset: a new connection, so the next backend's turn.
test_port_reuse() {
	local i
	service reuse tcp "$vip:8901" 2 80
	for ((i = 0; i < 10; i++)); do
		connector -n 1 -p 1 -f 30000 "$vip" 8901
	done >"$work/counts"
	is "10 connections from one port, one after the other, alternate" \
		"$(cut -d' ' -f1 "$work/counts" | xargs)" "b1 b2 b1 b2 b1 b2 b1 b2 b1 b2"
}

# More source addresses, for their ports: this is more connections than two minutes usually see.
lab_up --backends 7 --ipv6
for host in 3 4 5 6; do
	ip -n "$name-lb" addr add 10.77.0.$host/24 dev eth0
	ip -n "$name-lb" addr add fd77::$host/64 dev eth0 nodad
done
attach eth0 --snat 10.77.0.2,10.77.0.3,10.77.0.4,10.77.0.5,10.77.0.6,fd77::2,fd77::3,fd77::4
next_port=8000
test_weights "$vip" 1 1
test_weights "$vip" 1 1 1
test_weights "$vip" 1 1 1 1 1 1 1
test_weights "$vip" 5 1 1
test_weights "$vip" 3 2 7
test_weights "$vip6" 1 1 1
test_weights "$vip6" 5 1 1
test_udp
test_udp6
test_retransmits
test_port_reuse
is "nothing was dropped" "$(verdict_class DROP)" 0
finish
