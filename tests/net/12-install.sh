#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What an admin does without any balancer: build as an ordinary user, install somewhere, run that.
# shellcheck source=tests/net/lib.sh
. "$(dirname "$0")/lib.sh"

as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"; }

quietly_as_nobody() { as_nobody "$@" >/dev/null 2>&1; }

# From the files that git has, in a folder that nobody may write to otherwise.
tree_copy() {
	mkdir "$work/tree" && git ls-files -z | tar -c --null -T - | tar -x -C "$work/tree" &&
		chown -R 65534:65534 "$work/tree" && chmod 755 "$work"
}

test_build_without_root() {
	tree_copy || give_up "copy of the tree"
	# Two programs of the unit tests stand for all: make test-unit is these, many times over.
	as_nobody make -C "$work/tree" -j2 all build/tests/unit/test_flow build/asan/test_addr \
		>"$work/make" 2>&1 </dev/null
	is "make, as nobody" "$? $(grep -c 'error:' "$work/make")" "0 0"
	check "a unit test, as nobody" quietly_as_nobody "$work/tree/build/tests/unit/test_flow"
	check "and one under ASan" quietly_as_nobody "$work/tree/build/asan/test_addr"
	like "lbxdp runs as nobody" "$(as_nobody "$work/tree/build/lbxdp" version 2>&1)" '^lbxdp '
}

test_install() {
	local program got
	make -s install DESTDIR="$work/image" PREFIX=/opt/balancer >"$work/install" 2>&1
	is "make install PREFIX= DESTDIR=" "$?" 0
	for program in lbxdp lbxdpd; do
		got=$(stat -c '%a %U' "$work/image/opt/balancer/sbin/$program" 2>&1)
		is "$program: installed, for all to run" "$got" "755 root"
	done
	is "nothing else was installed" "$(find "$work/image" -type f | wc -l)" 2
}

# The installed pair, found by nothing but its own place: no source tree, no BPF object beside it.
test_installed_pair_works() {
	local sbin=$work/image/opt/balancer/sbin out
	lab_up --backends 1
	out=$(on lb env PATH="$sbin:/usr/bin:/bin:/usr/sbin:/sbin" "$sbin/lbxdp" -n "$name" attach eth0 2>&1)
	is "attach by the installed lbxdp starts the installed lbxdpd" "$?" 0
	[ -n "$out" ] && note "$out"
	out=$(readlink "/proc/$(lbxdp status -j | jq .controller.pid)/exe")
	is "and no other" "$out" "$sbin/lbxdpd"
}

test_build_without_root
test_install
test_installed_pair_works
finish
