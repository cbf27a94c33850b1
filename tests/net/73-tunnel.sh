#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Modes ipip and gue: IPv4 and IPv6 in either, to backends whose tunnels end in an XDP program that
# checks the outer headers. Answers go to the client directly. Uploads do not fit into the tunnel at
# first: the balancer has to say so.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/topology.sh
. "$(dirname "$0")/topology.sh"

services=0 vip_now=

# Sets vip_now: nginx listens on port 80 only, so each service gets an address of its own.
vip_next() { # FAMILY
	services=$((services + 1))
	if [ "$1" = 4 ]; then vip_now=10.77.0.$((100 + services)); else vip_now=fd77::10$services; fi
}

in_brackets() { # ADDRESS
	if [[ $1 == *:* ]]; then echo "[$1]"; else echo "$1"; fi
}

backend_of() { # FAMILY NUMBER
	if [ "$1" = 4 ]; then echo "10.77.0.$((20 + $2))"; else echo "[fd77::$((20 + $2))]"; fi
}

# A service of that mode and VIP family, its backends of that family, and the VIP on their lo.
tunnel_service() { # NAME PROTOCOL MODE VIP BACKEND_FAMILY PORT
	local i address="$4/32"
	[[ $4 != *:* ]] || address="$4/128 nodad"
	lbxdp service add "$1" "$2" "$(in_brackets "$4"):$6" --assign eth0 --forward "$3" ||
		give_up "$1"
	for i in 1 2; do
		# shellcheck disable=SC2086 # words
		ip -n "$name-b$i" addr replace dev lo $address
		lbxdp backend add "$1" "$(backend_of "$5" $i):$6" || give_up "$1: b$i"
	done
	within 5 all_up "$1" 2 || give_up "$1: not all backends came up"
}

uploads_intact() { # URL
	local i intact=0
	for i in 1 2; do
		on client curl -s --max-time 10 -T "$files/b1/files/bytes/1m" "$1/upload/u$i" -o /dev/null
		cmp -s "$files/b1/files/bytes/1m" "$files"/b[12]/files/upload/"u$i" &&
			intact=$((intact + 1))
		rm -f "$files"/b[12]/files/upload/"u$i"
	done
	echo $intact
}

try_mode() { # MODE VIP_FAMILY BACKEND_FAMILY
	local title="$1, $2 in $3" url before
	vip_next "$2"
	url=http://$(in_brackets "$vip_now")
	tunnel_service "$1-$2in$3" tcp "$1" "$vip_now" "$3" 80
	shares "$title: 1,000 connections" "$(connector -n 1000 -p 2 "$vip_now" 80)" 1 1
	is "$title: large answers arrive whole" "$(downloads_intact 4 "$url/bytes/1m")" 4
	before=$(verdict reply_too_big)
	is "$title: large uploads arrive whole" "$(uploads_intact "$url")" 2
	between "$title: the client was told what fits" $(($(verdict reply_too_big) - before)) 1 100
	tunnel_service "udp-$1-$2in$3" udp "$1" "$vip_now" "$3" 7000
	shares "$title: UDP" "$(connector -u -n 500 -p 2 -f 20000 "$vip_now" 7000)" 1 1
}

lab_up --backends 2 --ipv6
for node in b1 b2; do decap_attach $node || give_up "no tunnel end on $node"; done
attach eth0
for mode in ipip gue; do
	for inner in 4 6; do
		for outer in 4 6; do try_mode $mode $inner $outer; done
	done
done
is "backends see the client's own addresses" \
	"$(cut -d' ' -f2 "$files"/b[12]/access.log | grep -v '^10.77.0.2$\|^fd77::2$' | sort -u | xargs)" \
	"10.77.0.10 fd77::10"
for node in b1 b2; do
	like "$node: every outer header was right" "$(decap_counts $node)" \
		'^ipip=[0-9]{4,} gue=[0-9]{4,} bad=0$'
	note "$node: $(decap_counts $node)"
done
is "nothing was dropped" "$(verdict_class DROP)" 0
checksums_right client b1 b2
finish
