#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The command line as a user meets it: every mistake gets one clear line, the right exit code, and
# changes nothing.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

name64=$(printf 'n%.0s' {1..64})

# All that a mistake might have changed.
everything() {
	lbxdp status -j | jq -cS '[.interfaces, .snat, .ports, .flows.max,
		[.services[] | del(.connections, .packets, .bytes, .return_packets, .return_bytes,
			.active_flows) | .backends |= map({address, weight})]]'
	on lb ip -br addr
}

# One line on stderr: "lbxdp: object: problem; remedy".
refused() { # TITLE PATTERN STATUS COMMAND...
	local title=$1 pattern=$2 wanted=$3 status wrong=
	shift 3
	lbxdp "$@" >"$work/out" 2>"$work/err"
	status=$?
	[ $status = "$wanted" ] || wrong="exit status $status, not $wanted; "
	[ ! -s "$work/out" ] || wrong+="printed something on stdout; "
	[ "$wanted" = 2 ] || [ "$(wc -l <"$work/err")" = 1 ] || wrong+="not one line; "
	grep -qE "^lbxdp: .*$pattern" "$work/err" || wrong+="not like /$pattern/; "
	[ -z "$wrong" ] || wrong+=$(head -n 3 "$work/err")
	is "$title" "$wrong" ""
}

unchanged() { # TITLE: since `before` was set
	is "$1: nothing half done" "$(everything)" "$before"
}

# Before any controller runs.
test_no_controller() {
	refused "no controller: status" 'not running.*; start it with' 1 status
	refused "no controller: service add" 'not running' 1 service add web tcp "$vip:80"
	refused "attach: unknown interface" 'nope0: .*;' 1 attach nope0
	refused "attach: a name that is too long" ':.*;' 1 attach an-interface-name-that-is-too-long
	refused "attach: ports the wrong way round" 'ports.*;' 1 attach eth0 --ports 20000-10000
	refused "attach: a mode that is none" 'mode.*;' 1 attach eth0 --mode fast
	refused "attach: zero flows" 'flows.*;' 1 attach eth0 --max-flows 0
	refused "attach: a source address that is none" '10.9.9.*;' 1 attach eth0 --snat 10.9.9
	is "failed attaches: no socket, state or pin is left" \
		"$(ls -d "/run/lbxdp/$name."{sock,json} "/sys/fs/bpf/lbxdp/$name" 2>/dev/null)" ""
	is "failed attaches: no program is left" \
		"$(ip -n "$name-lb" -j link show eth0 | jq -r '.[0].xdp // "none"')" none
	is "failed attaches: no process is left" "$(ip netns pids "$name-lb")" ""
}

# As somebody else: a copy that everybody may run.
test_not_root() {
	local out
	install -m 0755 build/lbxdp build/lbxdpd "$work"
	chmod 0755 "$work"
	out=$(on lb setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$work/lbxdp" -n "$name" "$@" 2>&1)
	is "not root, $1: fails" $? 1
	like "not root, $1: says so" "$out" \
		'^lbxdp: .*(not root|permission denied); run (with sudo|as root)'
}

test_attach() {
	is "socket: root's and the group's only" \
		"$(stat -c '%a %U' "/run/lbxdp/$name.sock")" "660 root"
	refused "attach twice" 'eth0: .*;' 1 attach eth0
	refused "detach what is not attached" 'lo: .*;' 1 detach lo
	ip -n "$name-lb" link add br9 type bridge
	ip -n "$name-lb" link set br9 up
	refused "native where the driver has none" 'br9: .*native.*; .*generic' 1 \
		attach br9 --mode native
	like "auto falls back, and says so" "$(lbxdp attach br9 2>&1)" 'br9: attached \(generic'
	check "detach" lbxdp detach br9
	is "detach takes the program off" \
		"$(ip -n "$name-lb" -j link show br9 | jq -r '.[0].xdp // "none"')" none
	ip -n "$name-lb" link del br9
}

test_service_mistakes() {
	before=$(everything)
	refused "service: duplicate name" 'web.*exist.*;' 1 service add web tcp "$vip:81"
	refused "service: duplicate VIP" "$vip:80.*;" 1 service add other tcp "$vip:80"
	refused "service: every port, and a check" 'every port.*--check none' 1 \
		service add x tcp "$vip:0" --check tcp
	refused "service: port 65536" '65536' 1 service add x tcp "$vip:65536"
	refused "service: no port" "$vip.*;" 1 service add x tcp "$vip"
	refused "service: no address" 'www.*;' 1 service add x tcp www:80
	refused "service: multicast" '224.0.0.1.*;' 1 service add x tcp 224.0.0.1:80
	refused "service: IPv6 without brackets" 'fd77.*;' 1 service add x tcp "$vip6:80"
	refused "service: a 65th character" '64' 1 service add "${name64}n" tcp "$vip:81"
	refused "service: a name with a slash" '/.*;' 1 service add a/b tcp "$vip:81"
	refused "service: an empty name" 'name.*;' 1 service add '' tcp "$vip:81"
	refused "service: a protocol that is none" 'sctp.*;' 1 service add x sctp "$vip:81"
	refused "service: a mode that is none" 'forward.*;' 1 \
		service add x tcp "$vip:81" --forward x
	refused "service: a check that is none" 'check.*;' 1 service add x tcp "$vip:81" --check x
	refused "service: interval 0" 'interval.*;' 1 service add x tcp "$vip:81" --interval 0
	refused "service: rise 0" 'rise.*;' 1 service add x tcp "$vip:81" --rise 0
	refused "service: --assign to no interface" 'nope0.*;' 1 \
		service add x tcp "$vip:81" --assign nope0
	refused "service: removing what is not there" 'x.*;' 1 service remove x
	refused "service: setting what is not there" 'x.*;' 1 service set x --rise 3
	refused "service: setting nonsense" 'fall.*;' 1 service set web --rise 3 --fall x
	unchanged "service mistakes"
}

test_backend_mistakes() {
	before=$(everything)
	refused "backend: duplicate" '10.77.0.21:80.*exist.*;' 1 backend add web 10.77.0.21:80
	refused "backend: the other family" 'IPv[46].*;' 1 backend add web '[fd77::21]:80'
	refused "backend: port 0" 'port 0' 1 backend add web 10.77.0.23:0
	refused "backend: a tunnel where there is none" 'fullnat.*leave out --mtu' 1 \
		backend add web 10.77.0.23:80 --mtu 1400
	refused "backend: an MTU that is none" 'mtu 100.*576' 1 \
		backend add web 10.77.0.23:80 --mtu 100
	refused "backend: port 65536" '65536' 1 backend add web 10.77.0.23:65536
	refused "backend: weight 0" 'weight.*1 to' 1 backend add web 10.77.0.23:80 --weight 0
	refused "backend: weight 100000" 'weight.*1 to' 1 \
		backend add web 10.77.0.23:80 --weight 100000
	refused "backend: weight -1" 'weight' 1 backend add web 10.77.0.23:80 --weight -1
	refused "backend: weight of words" 'weight' 1 backend add web 10.77.0.23:80 --weight many
	refused "backend: the VIP itself" 'VIP.*;' 1 backend add web "$vip:80"
	refused "backend: no such service" 'shop.*;' 1 backend add shop 10.77.0.23:80
	refused "backend: removing what is not there" '10.77.0.23:80.*;' 1 \
		backend remove web 10.77.0.23:80
	refused "backend: setting what is not there" '10.77.0.23:80.*;' 1 \
		backend set web 10.77.0.23:80 --weight 2
	unchanged "backend mistakes"
}

test_usage() {
	before=$(everything)
	refused "usage: no command" 'command.*' 2
	refused "usage: unknown command" 'frobnicate' 2 frobnicate
	refused "usage: unknown verb" 'frobnicate' 2 service frobnicate
	refused "usage: ambiguous prefix" 'stat' 2 stat
	refused "usage: too few words" 'missing' 2 service add web
	refused "usage: too many words" 'too many' 2 service remove web more
	refused "usage: unknown option" 'unknown option' 2 service add x tcp "$vip:81" --colour red
	refused "usage: an option without its value" 'value' 2 service add x tcp "$vip:81" --check
	refused "usage: an instance that can't be" 'instance' 2 -n ../x status
	unchanged "usage mistakes"
}

test_good() {
	local out command
	check "prefixes: backend add" lbxdp b a web 10.77.0.23:80
	check "prefixes: backend remove" lbxdp b r 10.77.0.23:80
	check "a name of 64 characters" lbxdp service add "$name64" tcp "$vip:8064"
	refused "several services: the name may not be left out" ';' 1 backend add 10.77.0.23:80
	check "service remove" lbxdp se rem "$name64"
	out=$(lbxdp service add far tcp 192.0.2.1:80 2>&1)
	is "a VIP that is not local: is accepted" $? 0
	like "a VIP that is not local: a warning with the remedy" "$out" \
		'warning: .*192.0.2.1.*assign'
	check "and can be removed" lbxdp service remove far
	check "service set" lbxdp service set web --rise 5 --interval 700ms
	is "service set changes just that" \
		"$(service_get web '"\(.rise) \(.fall) \(.interval_ms)"')" "5 3 700"
	for command in status stats version "service list" "service show web" "backend list"; do
		# shellcheck disable=SC2086 # words
		check "-j: $command" jq -e . <<<"$(lbxdp $command -j)" >/dev/null
	done
	for command in "" attach detach service "service add" "service show" backend "backend add" \
		status stats version; do
		# shellcheck disable=SC2086
		like "--help: $command" "$(lbxdp $command --help)" "[Uu]sage: lbxdp"
	done
	is "status names all there is to know" "$(status_get '
		[(.controller | has("pid", "version", "uptime_s", "instance")),
		(.interfaces[0] | has("name", "ifindex", "mode", "prog_id", "dispatcher")),
		(.flows | has("max", "used", "bytes", "tables")),
		(.services[0].backends[0] | has("address", "weight", "state", "health", "reason",
			"active_flows", "connections", "packets", "bytes"))] | all')" true
	is "memory: 16, 32 and 32 bytes a slot, as they add up" "$(status_get '
		.flows | ([.tables[] | .slot_bytes] | sort | join(" ")), ([.tables[] |
		.slots * .slot_bytes == .bytes] | all), ([.tables[].bytes] | add) == .bytes' |
		xargs)" "16 32 32 true true"
}

# SENT to the socket, and what comes back.
talk() {
	timeout 5 socat -t 2 - "UNIX-CONNECT:/run/lbxdp/$name.sock" 2>/dev/null
}

# As a package would: lbxdp finds lbxdpd beside it.
test_install() {
	make -s install PREFIX=/usr DESTDIR="$work/root" >"$work/out" 2>&1
	is "make install" $? 0
	on lb env PATH=/bin:/usr/bin LBXDP_RUNDIR="$work" "$work/root/usr/sbin/lbxdp" -n "$name-i" \
		attach lo --mode generic >"$work/out" 2>&1
	like "what was installed runs" "$? $(cat "$work/out")" "^0 lo: attached \(generic"
	on lb env LBXDP_RUNDIR="$work" "$work/root/usr/sbin/lbxdp" -n "$name-i" detach --all
	is "and can be removed" $? 0
}

# Whatever comes in by the socket, the controller goes on.
test_socket() {
	local pid i
	before=$(everything)
	pid=$(status_get .controller.pid)
	like "socket: not JSON" "$(echo 'hello' | talk)" '"ok": ?false'
	like "socket: not an object" "$(echo '[1,2]' | talk)" '"ok": ?false'
	like "socket: no command" "$(echo '{"args": {}}' | talk)" '"ok": ?false'
	like "socket: unknown command" "$(echo '{"command": "rm -rf"}' | talk)" '"ok": ?false'
	like "socket: unknown argument" \
		"$(echo '{"command": "status", "args": {"a": 1}}' | talk)" '"ok": ?false'
	like "socket: an argument that is an object" \
		"$(echo '{"command": "service.show", "args": {"name": {}}}' | talk)" '"ok": ?false'
	like "socket: several requests, answered in order" \
		"$(printf '{"command":"%s"}\n' version nope version | talk | jq -c .ok | xargs)" \
		"true false true"
	like "socket: a line of 1 MB" "$(head -c 1048576 /dev/zero | tr '\0' x | talk)" \
		'"ok": ?false|^$'
	head -c 300000 /dev/urandom | talk >/dev/null
	printf '%0*d' 60000 0 | tr 0 '[' | talk >/dev/null
	printf '{"command": "status"' | talk >/dev/null
	printf '{"command": "service.add", "args": {"name": "\\u0000", "vip": "\xff\xfe"}}\n' |
		talk >/dev/null
	: | talk
	for ((i = 0; i < 50; i++)); do
		start lb socat -u OPEN:/dev/null "UNIX-CONNECT:/run/lbxdp/$name.sock"
	done
	# One that asks and never reads.
	start lb sh -c "yes '{\"command\": \"status\"}' | head -n 5000 |
		timeout 3 socat -u - UNIX-CONNECT:/run/lbxdp/$name.sock"
	sleep 0.5
	is "socket: the controller is the same and answers" "$(status_get .controller.pid)" "$pid"
	unchanged "socket"
	shares "and balances" "$(connector -n 100 "$vip" 80)" 1 1
}

lab_up --backends 3 --ipv6
test_no_controller
test_not_root attach eth0
attach eth0
test_not_root status
lbxdp service add web tcp "$vip:80" --assign eth0
lbxdp backend add web 10.77.0.21:80
lbxdp backend add 10.77.0.22:80
within 4 all_up web 2 || give_up "the backends did not come up"
test_attach
test_service_mistakes
test_backend_mistakes
test_usage
test_good
test_install
test_socket
finish
