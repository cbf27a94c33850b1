#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Direct server return: the backend sees the client's own address and answers it itself.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

test_tcp() { # TITLE ADDRESS URL_HOST CLIENT
	service "tcp-$1" tcp "$3:80" 3 80 --forward dsr
	logs_clear 3
	shares "$1: 3,000 connections" "$(connector -n 3000 -p 4 "$2" 80)" 1 1 1
	is "$1: backends see the client's own address" \
		"$(cut -d' ' -f2 "$files"/b[123]/access.log | sort -u | xargs)" "$4"
	is "$1: large answers arrive whole" "$(downloads_intact 6 "http://$3/bytes/1m")" 6
	is "$1: connections that close in order" "$(connector -g -n 300 "$2" 80)" \
		"b1 100 b2 100 b3 100"
	is "$1: the balancer sees no answers" "$(service_get "tcp-$1" .return_packets)" 0
	lbxdp backend remove "tcp-$1" "$(backend "$3:80" 3 80)"
	shares "$1: a removed backend gets no new connection" "$(connector -n 100 "$2" 80)" 1 1
}

test_udp() { # TITLE ADDRESS URL_HOST
	service "udp-$1" udp "$3:7000" 3 7000 --forward dsr
	shares "$1, UDP: 3,000 new 5-tuples" \
		"$(connector -u -n 3000 -p 4 -f 20000 "$2" 7000)" 1 1 1
}

lab_up --backends 3 --ipv6 --dsr
attach eth0
test_tcp IPv4 "$vip" "$vip" 10.77.0.10
test_tcp IPv6 "$vip6" "[$vip6]" fd77::10
test_udp IPv4 "$vip" "$vip"
test_udp IPv6 "$vip6" "[$vip6]"
is "nothing was dropped" "$(verdict_class DROP)" 0
finish
