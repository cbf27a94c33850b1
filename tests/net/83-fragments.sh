#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Datagrams of 4,000 bytes, which take three packets of 1,500: there and back in every mode.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/net/topology.sh
. "$(dirname "$0")/topology.sh"

head -c 4000 /dev/urandom | base64 -w 0 | head -c 4000 >"$work/datagram"

# An echo server on b1, at its own address or (one-way modes) at the VIP.
echo_start() { # ADDRESS PORT
	if [[ $1 == *:* ]]; then
		start b1 socat -T 5 "UDP6-RECVFROM:$2,bind=[$1],fork,reuseaddr" PIPE
	else
		start b1 socat -T 5 "UDP4-RECVFROM:$2,bind=$1,fork,reuseaddr" PIPE
	fi
}

echo_asked() { # URL_HOST PORT
	on client timeout 3 socat -t 1 -T 1 - "UDP:$1:$2" <"$work/datagram" >"$work/echo" 2>/dev/null
	cmp -s "$work/datagram" "$work/echo"
}

# A second try is allowed: where the first did not fit, the client was told.
echoed() { echo_asked "$@" || echo_asked "$@"; } # URL_HOST PORT

port=7100

try_mode() { # MODE URL_HOST SERVER BACKEND_HOST
	port=$((port + 1))
	echo_start "$3" $port
	lbxdp service add "$1-$port" udp "$2:$port" --assign eth0 --forward "$1" || give_up "$1 $2"
	lbxdp backend add "$1-$port" "$4:$port" || give_up "$1 $2 backend"
	within 5 all_up "$1-$port" 1 || give_up "$1 $2: not up"
	check "$1, $2: 4,000 bytes there and back" echoed "$2" $port
}


lab_up --backends 1 --ipv6
attach eth0
try_mode fullnat "$vip" 10.77.0.21 10.77.0.21
try_mode fullnat "[$vip6]" fd77::21 "[fd77::21]"
ip -n "$name-b1" route add 10.77.0.10/32 via 10.77.0.2
ip -n "$name-b1" -6 route add fd77::10/128 via fd77::2
try_mode nat "$vip" 10.77.0.21 10.77.0.21
try_mode nat "[$vip6]" fd77::21 "[fd77::21]"
ip -n "$name-b1" route del 10.77.0.10/32
ip -n "$name-b1" -6 route del fd77::10/128
ip -n "$name-b1" addr add "$vip/32" dev lo
ip -n "$name-b1" addr add "$vip6/128" dev lo nodad
try_mode dsr "$vip" "$vip" 10.77.0.21
try_mode dsr "[$vip6]" "$vip6" "[fd77::21]"
decap_attach b1 || give_up "no tunnel end"
try_mode ipip "$vip" "$vip" 10.77.0.21
try_mode ipip "[$vip6]" "$vip6" "[fd77::21]"
try_mode gue "$vip" "$vip" 10.77.0.21
try_mode gue "[$vip6]" "$vip6" "[fd77::21]"
checksums_right client b1
finish
