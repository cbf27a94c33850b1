#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Name servers behind a UDP service (and, as DNS wants it, a TCP one), asked by dig.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# Each answers who.lab by its own name, and long.lab with more than a UDP answer may hold.
dns_start() { # NODE
	local i long=() padding
	padding=$(printf 'x%.0s' {1..60})
	for i in $(seq 1 40); do long+=("--txt-record=long.lab,$1 $i $padding"); done
	start "$1" dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts \
		--user=root --pid-file --cache-size=0 --log-facility="$work/dns-$1" \
		--txt-record="who.lab,$1" "${long[@]}"
}

query() { # DIG_ARGUMENT...
	on client dig +short +tries=1 +timeout=2 "$@" TXT | tr -d '"'
}

answering() {
	[ "$(query @10.77.0.21 who.lab)$(query @10.77.0.22 who.lab)$(query @10.77.0.23 who.lab)" = \
		b1b2b3 ]
}

# dig sends each question from another source port: a new flow each.
test_udp() { # TITLE SERVER
	local i
	for ((i = 0; i < 30; i++)); do query "@$2" who.lab; done >"$work/answers"
	is "$1: 30 questions, 10 to each" "$(sort "$work/answers" | uniq -c | xargs)" \
		"10 b1 10 b2 10 b3"
	prefixes "$1: in turn" 1 1 1 1 <"$work/answers"
}

test_tcp() { # TITLE SERVER
	local i
	for ((i = 0; i < 9; i++)); do query "@$2" +tcp who.lab; done >"$work/answers"
	prefixes "$1: TCP, in turn" 1 1 1 1 <"$work/answers"
}

test_long() {
	between "an answer that is too long for UDP is cut short" \
		"$(query "@$vip" +ignore long.lab | wc -l)" 0 39
	is "and asked for again by TCP" "$(query "@$vip" long.lab | wc -l)" 40
}

test_failover() {
	local i
	for ((i = 0; i < 5; i++)); do query "@$vip" who.lab; done >/dev/null
	kill "$dns_b2"
	within 5 backend_is dns-udp 10.77.0.22:53 down || give_up "b2 did not go down"
	for ((i = 0; i < 20; i++)); do query "@$vip" who.lab; done >"$work/answers"
	is "a dead name server is found by its TCP port and left out" \
		"$(sort "$work/answers" | uniq -c | xargs)" "10 b1 10 b3"
}

lab_up --backends 3 --ipv6
for node in b1 b2 b3; do
	dns_start $node
	[ $node != b2 ] || dns_b2=$job
done
within 3 answering || give_up "dnsmasq does not answer"
attach eth0
service dns-udp udp "$vip:53" 3 53 --check tcp --interval 200ms --timeout 100ms
service dns-tcp tcp "$vip:53" 3 53
service dns-udp6 udp "[$vip6]:53" 3 53
test_udp IPv4 "$vip"
test_udp IPv6 "$vip6"
test_tcp IPv4 "$vip"
test_long
test_failover
is "nothing was dropped" "$(verdict_class DROP)" 0
finish
