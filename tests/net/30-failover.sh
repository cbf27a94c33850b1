#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A backend fails under load and comes back. What happens to its flows, and when none is left.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

b1=10.77.0.21:80
b2=10.77.0.22:80
# Detection: three checks, 200 ms apart and up to 10% more, and one timeout.
quick="--interval 200ms --timeout 100ms --rise 2 --fall 3"
detection_ms=$((3 * 220 + 100))

ms() { echo "$((($2 - $1) / 1000)) ms"; } # FROM_US TO_US

test_killed_under_load() {
	local killed down started up end load kept down_ms
	# shellcheck disable=SC2086 # options
	service web tcp "$vip:80" 2 80 $quick
	load load -t 5 -i 500 -w 500 "$vip" 80
	load=$job
	load kept -t 5 -i 500 -w 500 -k "$vip" 80
	kept=$job
	sleep 0.7
	killed=$(now_us)
	lab stop b2
	within 4 backend_is web $b2 down
	down=$(now_us)
	like "the reason is said" "$(backend_get web $b2 .reason)" "refused"
	sleep 1
	started=$(now_us)
	lab start b2
	within 4 backend_is web $b2 up
	up=$(now_us)
	wait "$load" "$kept"
	end=$(now_us)
	note "b2 killed, down after $(ms "$killed" "$down");" \
		"started, up after $(ms "$started" "$up")"
	note "new connections: $(answers "$work/load" 0 "$killed") before," \
		"$(answers "$work/load" "$killed" "$down") until detected," \
		"$(answers "$work/load" "$down" "$started") while down," \
		"$(answers "$work/load" "$up" "$end") after"
	down_ms=$(((down - killed) / 1000))
	between "down within interval x fall (and a second)" "$down_ms" 1 $((detection_ms + 1000))
	between "before, both answered" "$(answers "$work/load" 0 "$killed" | wc -w)" 4 4
	between "until detected, requests failed" "$(failures "$work/load" "$killed" "$down")" \
		1 100000
	is "after detection, no request failed" "$(failures "$work/load" "$down" "$end")" 0
	is "after detection, no request on a kept connection failed" \
		"$(failures "$work/kept" "$((down + 100000))" "$end")" 0
	like "while down, all went to b1" "$(answers "$work/load" "$down" "$started")" '^b1 [0-9]+$'
	like "up again, both answer" "$(answers "$work/load" "$up" "$end")" '^b1 [0-9]+ b2 [0-9]+$'
	between "in rotation after rise" "$(((up - started) / 1000))" 1 $((detection_ms + 1000))
	shares "round robin is exact again" "$(connector -n 1000 "$vip" 80)" 1 1
	lbxdp service remove web
}

# b2 goes on answering but its health check says no, so what becomes of its flows is the policy's
# doing. Sets $record.
unhealthy_while_connected() { # POLICY
	record=$work/$1
	# shellcheck disable=SC2086
	service policy tcp "$vip:81" 2 80 $quick --check http:///health --on-down "$1"
	load "$1" -t 3 -k -c 4 -p 1 -i 5000 -w 1000 "$vip" 81
	sleep 0.5
	mv "$files/b2/files/health" "$files/b2/files/ill"
	within 4 backend_is policy $b2 down
	down_us=$(now_us)
	reason=$(backend_get policy $b2 .reason)
	wait "$job"
	mv "$files/b2/files/ill" "$files/b2/files/health"
	lbxdp service remove policy
}

test_policies() {
	unhealthy_while_connected keep
	like "http check: the reason is said" "$reason" "HTTP 404, wanted 2xx"
	is "keep: no request fails" "$(failures "$record" 0 "$forever")" 0
	like "keep: open connections stay" \
		"$(answers "$record" $((down_us + 100000)) "$forever")" '^b1 [0-9]+ b2 [0-9]+$'
	unhealthy_while_connected reset
	between "reset: b2's connections are reset" "$(grep -c 'reset by peer' "$record")" 1 2
	like "reset: they come back to b1" \
		"$(answers "$record" $((down_us + 500000)) "$forever")" '^b1 [0-9]+$'
}

# UDP flows have no state at the servers, so they can move.
test_udp_move() {
	# shellcheck disable=SC2086
	service names udp "$vip:7000" 2 7000 $quick --check tcp
	load udp -u -k -c 1 -p 4 -t 3 -i 5000 -w 200 "$vip" 7000
	sleep 0.5
	killed=$(now_us)
	lab stop b2
	within 4 backend_is names 10.77.0.22:7000 down
	down_us=$(now_us)
	wait "$job"
	lab start b2
	like "UDP, move: first both answer" "$(answers "$work/udp" 0 "$killed")" \
		'^b1 [0-9]+ b2 [0-9]+$'
	like "UDP, move: then b2's flows go on at b1" \
		"$(answers "$work/udp" $((down_us + 100000)) "$forever")" '^b1 [0-9]+$'
	lbxdp service remove names
}

test_all_down() { # POLICY
	# shellcheck disable=SC2086
	service all tcp "$vip:82" 2 80 $quick --check http:///health --all-down "$1"
	for node in b1 b2; do mv "$files/$node/files/health" "$files/$node/files/ill"; done
	within 4 backend_is all $b1 down && within 4 backend_is all $b2 down
	connector -n 100 -w 500 -o "$work/all" "$vip" 82 >"$work/counts"
	for node in b1 b2; do mv "$files/$node/files/ill" "$files/$node/files/health"; done
	within 4 all_up all 2
	shares "all down, $1: when they are back, all is well" "$(connector -n 100 "$vip" 82)" 1 1
	lbxdp service remove all
}

lab_up --backends 2
attach eth0
test_killed_under_load
test_policies
test_udp_move
test_all_down open
shares "all down, open: all are used" "$(cat "$work/counts")" 1 1
test_all_down closed
is "all down, closed: connections are refused" "$(cat "$work/counts")" "failed 100"
is "all down, closed: at once, by a reset" \
	"$(grep -c 'connect: Connection refused' "$work/all")" 100
finish
