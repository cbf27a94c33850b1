#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# At the limits: a table full of half-open flows, no translated port left. What lives goes on, what
# is refused is counted.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# 1,024 slots, living connections, and many times as many SYNs that nobody answers.
test_flood() {
	local flood
	on b3 nft 'table inet hole { chain input { type filter hook input priority 0;
		tcp dport 80 drop
		}; }'
	lbxdp service add hole tcp "$vip:81" --check none --assign eth0
	lbxdp backend add hole 10.77.0.23:80
	load kept -k -p 2 -c 8 -i 2000 -t 8 "$vip" 80
	flood=$job
	sleep 3 # by then the connections are known to be real
	connector -n 12000 -p 24 -w 1 -f 20000 "$vip" 81 >/dev/null 2>&1
	note "$(service_get hole .connections) connections opened that nobody answers," \
		"$(status_get .flows.used) of $(status_get .flows.max) slots used"
	wait "$flood"
	between "the flood was larger than the table" "$(service_get hole .connections)" 2000 12000
	is "no request on a living connection failed" "$(failures "$work/kept")" 0
	note "requests on living connections: $(answers "$work/kept" 0 "$forever")"
	shares "new connections are accepted at once" "$(connector -n 100 "$vip" 80)" 1 1
	lbxdp service remove hole
}

# 40 clients that each want to keep a connection to one backend, but there are 20 ports. A port is
# looked for by a bounded number of tries, so the last free ones may take their time.
test_ports() {
	service ports tcp "$vip:82" 1 80
	load ports -k -p 40 -c 1 -t 4 -i 10000 -w 500 "$vip" 82
	wait "$job"
	# Clients by whether they got a connection, and whether it ever broke.
	awk '{ ok = $4 !~ /^!/; got[$2] += ok; broken += got[$2] && !ok; seen[$2] }
		END { for (p in seen) n += got[p] > 0; print n, length(seen) - n, broken + 0 }' \
		"$work/ports" >"$work/summary"
	note "40 clients, 20 ports: with a connection, without, broken: $(cat "$work/summary")"
	between "as many connections as ports" "$(cut -d' ' -f1 "$work/summary")" 16 20
	is "as the service counts them" "$(service_get ports .connections)" \
		"$(cut -d' ' -f1 "$work/summary")"
	is "those that have one go on, and nobody gets theirs" \
		"$(cut -d' ' -f3 "$work/summary")" 0
	between "those that get none are counted" "$(verdict drop_ports_exhausted)" 20 10000
}

# Ten times as many connections as ports, one after the other: a port rests after its connection's
# end, but not when there is no other.
test_reuse() {
	service again tcp "$vip:83" 2 80 --check none
	shares "10,000 connections in turn through 500 ports" \
		"$(connector -n 10000 -p 4 "$vip" 83)" 1 1
	is "none was dropped" "$(verdict_class DROP)" 0
}

lab_up --backends 3
attach eth0 --max-flows 1024
service web tcp "$vip:80" 2 80 --check none
test_flood
lbxdp detach --all
attach eth0 --ports 20000-20019
test_ports
lbxdp detach --all
attach eth0 --ports 20000-20499
test_reuse
finish
