#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The controller dies and another takes over: forwarding goes on, connections stay, nothing is
# forgotten and no packet is lost.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# What the user configured and what was found out, without what changes by itself.
configuration() {
	lbxdp status -j | jq -cS '[
		(.services[] | {name, id, protocol, vip, forward, scheduler, check, interval_ms,
			timeout_ms, rise, fall, on_down, all_down, assign,
			backends: [.backends[] | {address, weight, state, health}]}),
		(.interfaces[] | {name, ifindex, mode}), .flows.max, .snat, .ports]'
}

daemon_start() { on lb timeout 20 build/lbxdpd -n "$name" >>"$work/daemon.log" 2>&1; }

# By its own word: the pid file and the like are its business.
daemon_end() { # SIGNAL
	local pid try
	pid=$(status_get .controller.pid)
	kill "-$1" "$pid" || give_up "process $pid: not there"
	for ((try = 0; try < 200; try++)); do
		grep -qs '^State:.[^Z]' "/proc/$pid/status" || return 0
		sleep 0.02
	done
	give_up "lbxdpd $pid: does not end on SIG$1"
}

# TCP repairs what we lose, and counts it.
retransmits() {
	local node sum=0
	for node in client b1 b2; do
		sum=$((sum + $(on "$node" nstat -asz TcpRetransSegs | awk '/^Tcp/ { print $2 }')))
	done
	echo $sum
}

# Connections one after the other, over the whole test. An odd number each time: a cursor that
# stepped back or aside gives two in a row to the same backend.
one_by_one() {
	connector -n 101 -p 1 -o "$work/part" "$vip" 80 >/dev/null
	awk '{ print $4 }' "$work/part" >>"$work/order"
	opened=$((opened + 101))
}

# Of UDP flows, who answers each.
udp_answers() {
	connector -u -n 50 -p 1 -f 20000 -o "$work/udp" "$vip" 7000 >/dev/null
	awk '{ print $3, $4 }' "$work/udp"
}

test_without() { # SIGNAL
	local kept
	one_by_one
	daemon_end "$1"
	like "$1: lbxdp says that no controller runs" "$(lbxdp status 2>&1)" "not running.*start it"
	one_by_one
	kept=$(wc -c <"$work/kept")
	sleep 0.5
	check "$1: requests on open connections go on" [ "$(wc -c <"$work/kept")" -gt "$kept" ]
	is "$1: UDP flows stay with their backends" "$(udp_answers)" "$udp_before"
}

test_adoption() { # SIGNAL CONFIGURATION FLOWS
	local begun
	begun=$(now_us)
	check "$1: a new lbxdpd starts" daemon_start
	note "adopted after $((($(now_us) - begun) / 1000)) ms"
	is "$1: services, health, interfaces and settings are back" "$(configuration)" "$2"
	between "$1: flows are still known" "$(status_get .flows.used)" "$3" 1000000
	one_by_one
	is "$1: connections are counted on" "$(service_get web .connections)" $opened
	is "$1: UDP flows are still with their backends" "$(udp_answers)" "$udp_before"
	check "$1: commands work" lbxdp backend set web 10.77.0.22:80 --weight 1
}

test_round() { # SIGNAL
	local before flows
	before=$(configuration)
	flows=$(status_get .flows.used)
	test_without "$1"
	test_adoption "$1" "$before" "$flows"
}

# A backend that was down must not be tried on anybody only because the controller is new.
test_health_kept() {
	lab stop b2
	within 4 backend_is web 10.77.0.22:80 down || give_up "b2 did not go down"
	daemon_end KILL
	is "b2 down: all go to b1" "$(connector -n 200 "$vip" 80)" "b1 200"
	load while -t 2 -p 2 -i 200 "$vip" 80
	daemon_start
	is "b2 down: and the new lbxdpd knows" "$(backend_get web 10.77.0.22:80 .state)" down
	wait "$job"
	like "b2 down: all went to b1 during the adoption" "$(answers "$work/while" 0 "$forever")" \
		'^b1 [0-9]+$'
	lab start b2
	check "b2 comes up under the new lbxdpd" within 4 backend_is web 10.77.0.22:80 up
	shares "and is in rotation" "$(connector -n 100 "$vip" 80)" 1 1
}

test_second_refused() {
	local out
	out=$(on lb timeout 20 build/lbxdpd -n "$name" 2>&1)
	is "a second lbxdpd of the same name does not start" $? 1
	like "a second lbxdpd says why" "$out" "runs already"
}

test_nothing_left() {
	lbxdp detach --all
	is "detach --all removes every pin" "$(ls "/sys/fs/bpf/lbxdp/$name" 2>/dev/null)" ""
	is "detach --all removes its files" "$(ls "/run/lbxdp/$name".{sock,json} 2>/dev/null)" ""
	is "detach --all takes the program off" \
		"$(ip -n "$name-lb" -j link show eth0 | jq -r '.[0].xdp // "none"')" none
	is "detach --all takes the VIP off" "$(ip -n "$name-lb" -o -4 addr | grep -c "$vip")" 0
}

lab_up --backends 2
attach eth0 --max-flows 20000
service web tcp "$vip:80" 2 80 --interval 300ms --timeout 100ms --fall 2
service names udp "$vip:7000" 2 7000
load kept -k -p 2 -c 8 -i 1000 -t 60 "$vip" 80
kept_job=$job
sleep 0.5
opened=16
udp_before=$(udp_answers)
sent_before=$(retransmits)
test_round KILL
test_round KILL
test_round TERM
test_second_refused
kill "$kept_job"
wait "$kept_job" 2>/dev/null
prefixes "round robin went on through it all" 1 1 1 <"$work/order"
is "no request on an open connection failed" "$(failures "$work/kept")" 0
is "no packet had to be sent again" $(($(retransmits) - sent_before)) 0
is "nothing was dropped" "$(verdict_class DROP)" 0
test_health_kept
test_nothing_left
finish
