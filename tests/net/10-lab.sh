#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The lab itself: what it promises (scripts/lab --help), and that it leaves nothing behind, however
# it ends.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# Prints what is left of the lab. PIDS: processes that were in it.
leftovers() { # PIDS
	local file pid
	for file in "/run/netns/$name-"* "/run/lbxdp-lab/$name" "/sys/fs/bpf/lbxdp/$name"; do
		[ ! -e "$file" ] || printf '%s ' "$file"
	done
	for pid in $1; do
		# A zombie is its parent's to reap.
		grep -qs '^State:.[^Z]' "/proc/$pid/status" && printf 'process %s ' "$pid"
	done
}

lab_pids() {
	local node
	for node in net client lb direct b1 b2 b3; do ip netns pids "$name-$node" 2>/dev/null; done
}

host_links() { ip -o link | cut -d: -f2 | sort | xargs; }

test_nodes() {
	local node
	for node in b1:21 b2:22 b3:23 direct:9; do
		is "client reaches ${node%:*}" "$(fetch "http://10.77.0.${node#*:}/")" "${node%:*}"
	done
	is "IPv6: client reaches b2" "$(fetch 'http://[fd77::22]/')" b2
	is "TCP, bare: b1 names itself" \
		"$(on client timeout 3 socat -T1 -u TCP:10.77.0.21:7000 -)" b1
	is "UDP: b3 names itself" "$(connector -u -n 1 10.77.0.23 7000)" "b3 1"
	is "exec runs in the node" "$(lab exec lb ip -br addr show eth0 | awk '{ print $3 }')" \
		10.77.0.2/24
	like "status shows nodes, addresses, processes" "$(lab status | xargs)" \
		"b3 10.77.0.23 fd77::23 02:77:00:00:00:17 nginx\([0-9]+\)"
	like "the access log tells when, who and what" "$(tail -n 1 "$files/b1/access.log")" \
		'^[0-9]+\.[0-9]{3} 10\.77\.0\.10 [0-9]+ [0-9]+ 1 200 3 "GET / HTTP/1.1"$'
}

test_traps() {
	local node
	for node in client lb b1; do
		like "$node: checksums are filled in by the sender" \
			"$(on "$node" ethtool -k eth0)" "tx-checksumming: off"
	done
	like "the balancer's port has an XDP program, for XDP_TX to arrive" \
		"$(on net ip link show lb)" "prog/xdp"
	is "as many queues as CPUs" "$(ip -n "$name-lb" -d -j link show eth0 |
		jq -r '.[0].num_rx_queues')" "$(nproc)"
	is "a backend does not answer ARP for its lo" "$(
		on b1 ip addr add 10.77.0.200/32 dev lo
		on client ping -c 1 -W 1 10.77.0.200 >/dev/null && echo answered
	)" ""
	is "stop ends a server, start brings it back" "$(
		lab stop b2
		fetch http://10.77.0.22/ && echo stopped
		lab start b2
		fetch http://10.77.0.22/
	)" b2
}

test_mistakes() {
	like "up twice is refused, with the remedy" "$(lab up 2>&1)" "is up already; run scripts/"
	like "a node that is not there" "$(lab exec b9 true 2>&1)" "node b9: no such node; there"
	like "too many backends" "$(lab up --backends 65 2>&1)" "must be 1 to 64"
	lab up --backends 0 >/dev/null 2>&1
	is "usage errors exit with 2" $? 2
}

test_two_labs() {
	local other=${name}x got
	"$root/scripts/lab" up --name "$other" --backends 1 >/dev/null 2>&1
	got=$(nsenter --net="/run/netns/$other-client" -- curl -s --max-time 2 http://10.77.0.21/)
	"$root/scripts/lab" down --name "$other" >/dev/null
	is "a second lab lives beside the first" "$got" b1
	is "and goes without it" "$(fetch http://10.77.0.21/)" b1
}

test_down() {
	local pids
	start client sleep 60
	pids=$(lab_pids)
	between "processes run in the lab" "$(wc -w <<<"$pids")" 9 100
	lab down >/dev/null
	is "down" $? 0
	is "down leaves nothing behind" "$(leftovers "$pids")" ""
	like "down again says so" "$(lab down)" "is not up"
}

# A server that can't start, half-way through.
test_failed_start() {
	mkdir "$work/bin"
	cat >"$work/bin/nginx" <<-'END'
		#!/bin/sh
		case $* in */b2/*) sleep 0.2; echo "nginx: no" >&2; exit 1 ;; esac
		exec /usr/sbin/nginx "$@"
	END
	chmod +x "$work/bin/nginx"
	PATH=$work/bin:$PATH lab up >"$work/out" 2>&1
	is "a failed start fails" $? 1
	is "a failed start leaves nothing behind" "$(leftovers "")$(lab_pids)" ""
}

# Like Ctrl-C in a terminal: the signal goes to the whole process group.
interrupted_up() { # SECONDS
	local pid
	setsid env --default-signal=INT "$root/scripts/lab" up --name "$name" >/dev/null 2>&1 &
	pid=$!
	sleep "$1"
	kill -INT -- "-$pid" 2>/dev/null
	wait "$pid"
}

test_interrupt() {
	local delay left interrupted=0
	for delay in 0.02 0.05 0.08 0.11 0.14 0.18; do
		interrupted_up "$delay"
		[ $? = 130 ] && interrupted=$((interrupted + 1))
		# The last ones may have been too late.
		lab down >/dev/null
		left+=$(leftovers "")$(lab_pids)
	done
	between "up was interrupted in the middle" "$interrupted" 3 6
	is "Ctrl-C leaves nothing behind" "$left" ""
}

test_killed() {
	setsid "$root/scripts/lab" up --name "$name" >/dev/null 2>&1 &
	sleep 0.1
	kill -KILL -- "-$!"
	wait $! 2>/dev/null
	lab down >/dev/null
	is "what a killed up leaves, down takes away" "$(leftovers "")$(lab_pids)" ""
}

links_before=$(host_links)
lab_up --backends 3 --ipv6
is "the host's own interfaces stay as they are" "$(host_links)" "$links_before"
test_nodes
test_traps
test_mistakes
test_two_labs
test_down
test_failed_start
test_interrupt
test_killed
finish
