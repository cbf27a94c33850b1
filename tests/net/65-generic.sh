#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Generic mode, for drivers without native XDP: slower, but the same in all else.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up --backends 3 --ipv6
attach eth0 --mode generic
is "status says so" "$(status_get '.interfaces[0].mode')" generic
service web tcp "$vip:80" 3 80
service web6 tcp "[$vip6]:80" 3 80
service udp udp "$vip:7000" 3 7000
shares "IPv4" "$(connector -n 3000 -p 4 "$vip" 80)" 1 1 1
shares "IPv6" "$(connector -n 3000 -p 4 "$vip6" 80)" 1 1 1
shares "UDP" "$(connector -u -n 3000 -p 4 -f 20000 "$vip" 7000)" 1 1 1
is "large answers arrive whole" "$(downloads_intact 5 "http://$vip/bytes/1m")" 5
is "nothing was dropped" "$(verdict_class DROP)" 0
check "detach" lbxdp detach eth0
is "detached, nobody answers for the service" \
	"$(connector -n 1 -p 1 -w 300 "$vip" 80 2>/dev/null)" "failed 1"
attach eth0 --mode native
is "attached again, natively" "$(status_get '.interfaces[0].mode')" native
shares "and balancing" "$(connector -n 300 "$vip" 80)" 1 1 1
finish
