#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What the kernel refuses lbxdp, and what lbxdp refuses other users: one clear sentence, exit status
# 1, nothing left behind.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

nobpf=$root/build/tests/net/nobpf
socket=/run/lbxdp/$name.sock
log=$work/foreground.log
group_made=

# The group is the machine's, not the test's: it goes however the test ends, if we made it.
group_and_all_cleanup() {
	local status=$?
	[ -z "$group_made" ] || groupdel lbxdp
	(exit "$status")
	cleanup
}
trap group_and_all_cleanup EXIT

# Exit status 1 and nothing but one line on stderr, "lbxdp: object: problem; remedy".
refused() { # TITLE PATTERN COMMAND...
	local title=$1 pattern=$2 status wrong=
	shift 2
	"$@" >"$work/out" 2>"$work/err"
	status=$?
	[ $status = 1 ] || wrong="exit status $status, not 1; "
	[ ! -s "$work/out" ] || wrong+="printed something on stdout; "
	[ "$(wc -l <"$work/err")" = 1 ] || wrong+="not one line; "
	grep -qE "$pattern" "$work/err" || wrong+="not like /$pattern/; "
	[ -z "$wrong" ] || wrong+=$(head -n 5 "$work/err")
	is "$title" "$wrong" ""
}

no_trace_in_kernel() { # TITLE
	is "$1: no pin is left" "$(ls -d "/sys/fs/bpf/lbxdp/$name" 2>/dev/null)" ""
	is "$1: no program is left on eth0" \
		"$(ip -n "$name-lb" -d link show eth0 | grep -E 'xdp')" ""
}

socket_there() { [ -S "$socket" ]; }
nobody_in_lab() { [ -z "$(ip netns pids "$name-lb")" ]; }

daemon_start() { # COMMAND...: as systemd would, in the foreground
	start lb "$@" "$root/build/lbxdpd" -n "$name" --foreground >"$log" 2>&1
	within 5 socket_there || give_up "lbxdpd does not answer: $(head -n 3 "$log")"
}

daemon_stop() {
	kill "$job"
	within 5 nobody_in_lab || give_up "lbxdpd does not end"
}

# A controller that is there, in a kernel that is not for us.
test_daemon_without_bpf() { # ERRNO PATTERN
	local before
	daemon_start "$nobpf" "$1"
	before=$(lbxdp status -j | jq -cS 'del(.controller.uptime_s)')
	refused "$1, lbxdpd runs: attach says so" "^lbxdp: $2\$" on lb \
		timeout 20 "$root/build/lbxdp" -n "$name" attach eth0
	refused "$1, lbxdpd runs: and again, with another mode" "^lbxdp: $2\$" on lb \
		timeout 20 "$root/build/lbxdp" -n "$name" attach eth0 --mode generic
	no_trace_in_kernel "$1, lbxdpd runs"
	is "$1: the controller goes on as before" \
		"$(lbxdp status -j | jq -cS 'del(.controller.uptime_s)')" "$before"
	is "$1: no words of the libraries or the verifier" \
		"$(grep -iE 'libbpf|libxdp|verifier|processed [0-9]+ insns' "$log")" ""
	test_service_without_bpf "$1" "$2"
	daemon_stop
	no_trace_in_kernel "$1, lbxdpd ended"
}

# A service may be configured before an interface is attached: then it is there as a whole.
test_service_without_bpf() { # ERRNO PATTERN
	check "$1: a service can be configured" lbxdp service add web tcp "$vip:80" 2>"$work/err"
	check "$1: and a backend" lbxdp backend add web 10.77.0.21:80
	refused "$1: attach with a service says the same" "^lbxdp: $2\$" on lb \
		timeout 20 "$root/build/lbxdp" -n "$name" attach eth0
	is "$1: the service is whole" "$(service_get web \
		'"\(.vip) \([.backends[].address] | join(" "))"')" "$vip:80 10.77.0.21:80"
	is "$1: no interface is attached" "$(status_get '.interfaces | length')" 0
	check "$1: and can be removed" lbxdp service remove web
	is "$1: no service is left" "$(status_get '.services | length')" 0
}

# attach starts the controller, and ends it again.
test_attach_without_bpf() { # ERRNO PATTERN
	refused "$1, no lbxdpd: attach says so" "^lbxdp: $2\$" on lb timeout 20 "$nobpf" "$1" \
		"$root/build/lbxdp" -n "$name" attach eth0
	check "$1, no lbxdpd: no process is left" within 5 nobody_in_lab
	is "$1, no lbxdpd: no socket or state is left" \
		"$(ls -d "/run/lbxdp/$name."{sock,json} 2>/dev/null)" ""
	no_trace_in_kernel "$1, no lbxdpd"
}

group_ensure() {
	getent group lbxdp >/dev/null && return
	groupadd --system lbxdp || give_up "groupadd lbxdp"
	group_made=yes
}

# `nobody`, in that group only.
as_gid() { # GID COMMAND...
	local gid=$1
	shift
	on lb setpriv --reuid=65534 --regid="$gid" --clear-groups "$@"
}

# A copy, as the checkout may be closed to others.
lbxdp_as_gid() { # GID ARGUMENT...
	local gid=$1
	shift
	as_gid "$gid" "$work/lbxdp" -n "$name" "$@"
}

# The mode alone is easily changed by mistake.
test_socket_open_to_all() {
	chmod 0666 "$socket"
	like "a socket that is open to all refuses strangers" \
		"$(as_gid 65534 timeout 5 socat -u "UNIX-CONNECT:$socket" - 2>&1)" \
		'"lbxdpd: user 65534 may not; be root or in the group lbxdp"'
	refused "and lbxdp says so" '^lbxdp: lbxdpd: user 65534 may not' \
		lbxdp_as_gid 65534 service remove web
	is "and nothing has changed" "$(status_get '[.services[].name] | join(" ")')" web
}

test_socket_access() {
	local gid
	gid=$(getent group lbxdp | cut -d: -f3)
	install -m 0755 "$root/build/lbxdp" "$work"
	chmod 0755 "$work"
	is "socket: root's and the group lbxdp's only" "$(stat -c '%a %u %g' "$socket")" \
		"660 0 $gid"
	like "a member may ask" "$(lbxdp_as_gid "$gid" status 2>&1)" '^lbxdpd .*instance '"$name"
	check "a member may configure" \
		lbxdp_as_gid "$gid" service add web tcp "$vip:80" 2>"$work/err"
	refused "a stranger may not ask" \
		"^lbxdp: $socket: permission denied; run as root or join group lbxdp\$" \
		lbxdp_as_gid 65534 status
}

no_bpf='kernel: no BPF; use one built with CONFIG_BPF_SYSCALL'
not_root='BPF programs: not allowed to load any; run as root'

lab_up --backends 1
test_daemon_without_bpf ENOSYS "$no_bpf"
test_daemon_without_bpf EPERM "$not_root"
test_attach_without_bpf ENOSYS "$no_bpf"
test_attach_without_bpf EPERM "$not_root"
group_ensure
daemon_start
test_socket_access
test_socket_open_to_all
finish
