# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Sourced by every network test. A test has a lab and a balancer of its own, both named after its
# process, so tests neither meet each other nor anything else on the machine; a trap takes both down
# however the test ends. It prints "ok NAME" and "not ok NAME" lines, and figures in "# " lines.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
root=$PWD
name=t$$
# shellcheck disable=SC2034 # for the tests
vip=10.77.0.100 vip6=fd77::100 files=/run/lbxdp-lab/$name
work=$(mktemp -d /tmp/lbxdp-test.XXXXXX) || exit 1
passed=0 failed=0 jobs_started=()

# --- results ---
ok() { # NAME
	passed=$((passed + 1))
	printf 'ok %s\n' "$1"
}

not_ok() { # NAME [WHY]
	failed=$((failed + 1))
	printf 'not ok %s\n' "$1"
	[ -z "${2-}" ] || printf '#    %s\n' "$2"
}

note() { printf '# %s\n' "$*"; }

check() { # NAME COMMAND...: succeeds
	local title=$1
	shift
	if "$@"; then ok "$title"; else not_ok "$title" "failed: $*"; fi
}

is() { # NAME GOT WANTED
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got '$2', wanted '$3'"; fi
}

like() { # NAME GOT PATTERN (extended regular expression)
	if [[ $2 =~ $3 ]]; then ok "$1"; else not_ok "$1" "got '$2', wanted /$3/"; fi
}

between() { # NAME GOT MIN MAX
	if [[ $2 =~ ^[0-9]+$ ]] && [ "$2" -ge "$3" ] && [ "$2" -le "$4" ]; then
		ok "$1"
	else
		not_ok "$1" "got '$2', wanted $3 to $4"
	fi
}

# Ends the test here: nothing after this can work.
give_up() { # WHY
	not_ok "$1"
	exit 1
}

# --- the lab ---
lab() { # ACTION [OPTION...] ARGUMENT...
	local action=$1
	shift
	timeout 60 "$root/scripts/lab" "$action" --name "$name" "$@"
}

# Not by way of scripts/lab: it is called thousands of times, and in the background.
on() { # NODE COMMAND...
	local node=$1
	shift
	nsenter --net="/run/netns/$name-$node" -- "$@"
}

lab_up() { # OPTION...
	[ "$(id -u)" = 0 ] || give_up "root: needed for network namespaces; run with sudo"
	lab up "$@" >"$work/lab" 2>&1 || {
		cat "$work/lab"
		give_up "lab up $*"
	}
}

lbxdp() { on lb timeout 20 "$root/build/lbxdp" -n "$name" "$@"; }

# A background job in a node, which the test's end also ends. $job is its process, as nothing stands
# between this shell and it.
start() { # NODE COMMAND...
	local node=$1
	shift
	nsenter --net="/run/netns/$name-$node" -- "$@" &
	job=$!
	jobs_started+=("$job")
}

fetch() { on client curl -s --max-time 2 "$@"; } # URL...

# 1 MB that is byte for byte what the server that sent it has; it begins with the server's name.
download_intact() { # URL
	local from
	fetch --max-time 10 -o "$work/download" "$1" || return
	from=$(head -c 2 "$work/download")
	cmp -s "$work/download" "$files/$from/files/bytes/1m"
}

downloads_intact() { # COUNT URL
	local i intact=0
	for ((i = 0; i < $1; i++)); do download_intact "$2" && intact=$((intact + 1)); done
	echo $intact
}

connector() { on client timeout 120 "$root/build/tests/net/connector" "$@"; }

cleanup() {
	local status=$? pid
	trap '' INT TERM
	for pid in "${jobs_started[@]}"; do kill "$pid" 2>/dev/null; done
	[ "$failed" = 0 ] || debug_show
	lab down >/dev/null 2>&1
	rm -rf "$work"
	[ "$status" = 0 ] && [ "$failed" -gt 0 ] && status=1
	[ "$passed" -gt 0 ] || status=1
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What one wants to see first after a failure.
debug_show() {
	[ -S "/run/lbxdp/$name.sock" ] || return 0
	{
		lbxdp status
		lbxdp stats -j | jq -c '[.verdicts[] | select(.packets > 0) | {(.name): .packets}]'
		tail -n 20 "$work/daemon.log"
	} 2>/dev/null | sed 's/^/#    /'
}

# --- the balancer ---

# The daemon's own words go to a file, for debug_show.
attach() { # INTERFACE OPTION...
	lbxdp attach "$@" >>"$work/daemon.log" 2>&1 || {
		cat "$work/daemon.log"
		give_up "attach $*"
	}
}

# b3's address, as a backend of that VIP: of the same family.
backend() { # VIP:PORT NUMBER PORT
	local host=$((20 + $2))
	if [[ $1 == \[* ]]; then echo "[fd77::$host]:$3"; else echo "10.77.0.$host:$3"; fi
}

# A service with backends b1 .. bN on PORT, and waits until all are up.
service() { # NAME PROTOCOL VIP:PORT BACKENDS BACKEND_PORT OPTION...
	local service=$1 protocol=$2 vip_port=$3 count=$4 port=$5 i
	shift 5
	lbxdp service add "$service" "$protocol" "$vip_port" --assign eth0 "$@" ||
		give_up "service add $service"
	for ((i = 1; i <= count; i++)); do
		lbxdp backend add "$service" "$(backend "$vip_port" "$i" "$port")" ||
			give_up "backend add $service b$i"
	done
	within 5 all_up "$service" "$count" || give_up "service $service: not all backends came up"
}

status_get() { lbxdp status -j | jq -r "$1"; } # JQ_FILTER

service_get() { # SERVICE JQ_FILTER
	lbxdp service show "$1" -j | jq -r "$2"
}

backend_get() { # SERVICE ADDRESS JQ_FILTER
	lbxdp service show "$1" -j |
		jq -r --arg a "$2" ".backends[] | select(.address == \$a) | $3"
}

all_up() { # SERVICE COUNT
	[ "$(service_get "$1" '[.backends[] | select(.state == "up")] | length')" = "$2" ]
}

backend_is() { # SERVICE ADDRESS STATE
	[ "$(backend_get "$1" "$2" .state)" = "$3" ]
}

verdict() { # NAME
	lbxdp stats -j | jq -r --arg n "$1" '.verdicts[] | select(.name == $n) | .packets'
}

# Sum of the packets of one class of verdicts: DROP, ...
verdict_class() { # CLASS
	lbxdp stats -j | jq -r --arg c "$1" '
		[.verdicts[] | select(.class | ascii_upcase == $c) | .packets] | add'
}

# --- load that goes on while things happen ---

# In the background ($job): a record of every request goes to $work/RECORD.
load() { # RECORD CONNECTOR_ARGUMENT...
	local record=$work/$1
	shift
	start client "$root/build/tests/net/connector" -o "$record" "$@" >/dev/null 2>&1
}

forever=9999999999999999

# Lines of a record (microseconds, process, number, answer) of requests begun in [FROM, TO): how
# often each answer came, as "b1 10 b2 10".
answers() { # FILE FROM TO
	awk -v from="$2" -v to="$3" '$1 >= from && $1 < to { print $4 }' "$1" | sort | uniq -c |
		awk '{ printf "%s%s %s", sep, $2, $1; sep = " " }'
}

failures() { # FILE [FROM TO]
	awk -v from="${2-0}" -v to="${3-$forever}" '$1 >= from && $1 < to && $4 ~ /^!/' "$1" | wc -l
}

# --- time and counts ---
now_us() { echo "${EPOCHREALTIME/./}"; }

within() { # SECONDS COMMAND...: until it succeeds
	local end
	end=$(($(now_us) + $1 * 1000000))
	shift
	until "$@"; do
		[ "$(now_us)" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# Are lines of counts, "b1 5000 b2 5000", the shares that the weights ask for: each less than 1
# away, none missing, none failed? Prints what is wrong.
shares_wrong() { # WEIGHTS ("b1 1 b2 1") <COUNTS
	awk -v weights="$1" '
		BEGIN {
			m = split(weights, w)
			for (i = 1; i < m; i += 2) { weight[w[i]] = w[i + 1]; sum += w[i + 1] }
		}
		{
			total = 0; split("", count)
			for (i = 1; i < NF; i += 2) {
				count[$i] = $(i + 1); total += $(i + 1)
				if (!($i in weight)) print $(i + 1) " " $i
			}
			for (b in weight) {
				off = count[b] - total * weight[b] / sum
				if (off >= 1 || off <= -1)
					print b ": " count[b] + 0 " of " total ", off by " off
			}
		}'
}

# Weights "1 1" as "b1 1 b2 1".
named() { # WEIGHT...
	local i=0 weight
	for weight in "$@"; do printf 'b%d %s ' $((i += 1)) "$weight"; done
}

shares() { # NAME COUNTS WEIGHT...
	local title=$1 counts=$2 wrong
	shift 2
	wrong=$(shares_wrong "$(named "$@")" <<<"$counts")
	if [ -n "$counts" ] && [ -z "$wrong" ]; then
		ok "$title: $counts"
	else
		not_ok "$title" "$counts: $wrong"
	fi
}

# Reads names, one a line, in the order of the connections: after each of them every backend must be
# less than SLACK away from its share.
prefixes() { # NAME SLACK WEIGHT... <NAMES
	local title=$1 slack=$2 out
	shift 2
	out=$(awk -v slack="$slack" -v weights="$(named "$@")" '
		BEGIN {
			m = split(weights, w)
			for (i = 1; i < m; i += 2) { weight[w[i]] = w[i + 1]; sum += w[i + 1] }
		}
		{
			count[$1]++
			for (b in weight) {
				off = count[b] - NR * weight[b] / sum
				if (off < 0) off = -off
				if (off > max) max = off
			}
		}
		END { printf "%d %.3f %s\n", NR, max, (NR && max < slack ? "good" : "bad") }')
	if [ "${out##* }" = good ]; then
		ok "$title: ${out%% *} prefixes, largest deviation $(cut -d' ' -f2 <<<"$out")"
	else
		not_ok "$title" "prefixes, largest deviation, verdict: $out"
	fi
}

# The servers' own logs, joined in the order of the connections' numbers: a name a line.
names_from_logs() { # BACKENDS
	local i
	for ((i = 1; i <= $1; i++)); do
		sed -n "s|.*\"GET /\([0-9]*\) .*|\1 b$i|p" "$files/b$i/access.log"
	done | sort -n | cut -d' ' -f2
}

logs_clear() { # BACKENDS
	local i
	for ((i = 1; i <= $1; i++)); do : >"$files/b$i/access.log"; done
}

finish() {
	note "$passed ok, $failed not ok, $SECONDS s"
	[ "$failed" = 0 ]
	exit
}
