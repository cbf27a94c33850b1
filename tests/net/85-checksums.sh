#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What arrives is what was sent: checksums that the receivers' kernels verify, and content.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

nodes="client lb b1 b2"

# Every receiver's count of wrong checksums and malformed packets, by protocol and family.
errors() {
	local node
	for node in $nodes; do
		on "$node" nstat -asz TcpInCsumErrors UdpInCsumErrors Udp6InCsumErrors \
			IcmpInCsumErrors Icmp6InCsumErrors IpExtInCsumErrors IpInHdrErrors \
			Ip6InHdrErrors TcpInErrs UdpInErrors Udp6InErrors | awk -v node="$node" \
			'!/^#/ && $2 > 0 { print node, $1, $2 }'
	done
}

# The kernel takes a veth's packets for verified if their sender left the checksum to "hardware".
senders_fill_in() {
	local node
	for node in $nodes; do
		on "$node" ethtool -k eth0 | grep -q 'tx-checksumming: off' || return
	done
}

# Uploads land on the server that took them: the same bytes there as here.
upload_intact() { # URL NUMBER
	local i status
	status=$(fetch --max-time 10 -T "$work/file" -w '%{http_code}' "$1/upload/$2")
	[ "$status" = 201 ] || return
	for i in 1 2; do
		cmp -s "$work/file" "$files/b$i/files/upload/$2" && return
	done
	return 1
}

uploads_intact() { # COUNT URL PREFIX
	local i intact=0
	for ((i = 0; i < $1; i++)); do upload_intact "$2" "$3$i" && intact=$((intact + 1)); done
	echo $intact
}

test_content() { # TITLE URL PREFIX
	is "$1: 10 downloads of 1 MB are intact" "$(downloads_intact 10 "$2/bytes/1m")" 10
	is "$1: 10 uploads of 1 MB are intact" "$(uploads_intact 10 "$2" "$3")" 10
}

# Many small exchanges: every combination of ports changes the checksum in another way.
test_many() {
	shares "IPv4, TCP" "$(connector -n 5000 -p 4 "$vip" 80)" 1 1
	shares "IPv6, TCP" "$(connector -n 5000 -p 4 "$vip6" 80)" 1 1
	shares "IPv4, UDP" "$(connector -u -n 5000 -p 4 -f 20000 "$vip" 7000)" 1 1
	shares "IPv6, UDP" "$(connector -u -n 5000 -p 4 -f 20000 "$vip6" 7000)" 1 1
}

lab_up --backends 2 --ipv6
attach eth0
service web tcp "$vip:80" 2 80
service web6 tcp "[$vip6]:80" 2 80
service udp udp "$vip:7000" 2 7000
service udp6 udp "[$vip6]:7000" 2 7000
head -c 1048576 /dev/urandom >"$work/file"
check "senders fill in their checksums" senders_fill_in
test_content IPv4 "http://$vip" four
test_content IPv6 "http://[$vip6]" six
test_many
is "no receiver counted a wrong checksum or header" "$(errors)" ""
finish
