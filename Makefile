# SPDX-License-Identifier: GPL-2.0
# make            build/lbxdpd and build/lbxdp (no root needed)
# make test       everything: unit, BPF and network tests (root)
# make test-unit  the pure parts, also under ASan and UBSan (no root)
# make test-loop  what runs on the event loop, against the real kernel, also under ASan and UBSan (root)
# make model      the slot protocol of the flow tables, model-checked (needs spin, 3 GB, a minute)
# make bench      the figures, as a table and build/bench.json (root)
# make lint       clang-format, clang-tidy, shellcheck
# make install    PREFIX=/usr/local DESTDIR=

PREFIX ?= /usr/local
DESTDIR ?=
B := build
CC ?= gcc
BPF_CLANG ?= clang-14
BPFTOOL ?= /usr/sbin/bpftool
VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -I$(B) $(WARN) $(CFLAGS) -MMD -MP
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -I. -I/usr/include/$(shell gcc -print-multiarch) \
	-Wall -Wextra -Werror -Wno-unused-parameter -fno-stack-protector -fno-strict-aliasing -MMD -MP

DAEMON_LIBS := -lxdp -lbpf -lelf -lz -levent_core -levent_extra -lcurl -lmnl -ljansson
CLI_LIBS := -ljansson -lsmartcols

PURE_SRC := $(wildcard user/base/*.c user/model/*.c)
DAEMON_SRC := $(PURE_SRC) user/lbxdpd.c \
	$(wildcard user/dataplane/*.c user/probe/*.c user/netlink/*.c user/control/*.c)
CLI_SRC := user/lbxdp.c $(wildcard user/cli/*.c user/base/*.c)
obj = $(patsubst %.c,$(B)/%.o,$(1))

.PHONY: all clean install test test-unit test-bpf test-loop test-net model bench lint format
.DELETE_ON_ERROR:
.SECONDARY:

all: $(B)/lbxdpd $(B)/lbxdp

# --- the data plane, embedded through a skeleton ---
# The headers by name: a compiler that fails takes the list that it wrote last time with it.
$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h maps/*)
	@mkdir -p $(@D)
	$(BPF_CLANG) $(BPF_CFLAGS) -c $< -o $@.tmp -MF $(@:.o=.d) -MT $@
	llvm-strip-14 -g $@.tmp
	mv $@.tmp $@

$(B)/%.skel.h: $(B)/bpf/%.bpf.o
	$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# --- programs ---
$(B)/lbxdpd: $(call obj,$(DAEMON_SRC))
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(DAEMON_LIBS)

$(B)/lbxdp: $(call obj,$(CLI_SRC))
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CLI_LIBS)

$(call obj,$(wildcard user/dataplane/*.c)): | $(B)/lbxdp.skel.h

$(B)/version.h: FORCE
	@mkdir -p $(@D)
	@echo '#define LBX_VERSION "$(VERSION)"' > $@.tmp; cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@
.PHONY: FORCE

$(B)/%.o: %.c | $(B)/version.h
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c $< -o $@

install: all
	install -D -m 0755 $(B)/lbxdpd $(DESTDIR)$(PREFIX)/sbin/lbxdpd
	install -D -m 0755 $(B)/lbxdp $(DESTDIR)$(PREFIX)/sbin/lbxdp

# --- tests: each tests/unit/test_X.c and tests/bpf/test_X.c is a cmocka program of its own ---
UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
ASAN_TESTS := $(patsubst tests/unit/%.c,$(B)/asan/%,$(wildcard tests/unit/test_*.c))
BPF_TESTS := $(patsubst tests/bpf/%.c,$(B)/tests/bpf/%,$(wildcard tests/bpf/test_*.c))
BPF_TEST_LIB := $(filter-out tests/bpf/test_%.c,$(wildcard tests/bpf/*.c))
# What the unit tests may link: pure code only. Tests of the controller's pure parts name them in UNIT_EXTRA_SRC.
UNIT_EXTRA_SRC :=
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(call obj,$(PURE_SRC) $(UNIT_EXTRA_SRC))
	$(CC) $(CFLAGS) -o $@ $^ -lcmocka -ljansson -lm $(UNIT_LIBS)

$(B)/asan/%: tests/unit/%.c $(PURE_SRC) $(UNIT_EXTRA_SRC) $(wildcard user/*/*.h maps/*) | $(B)/version.h
	@mkdir -p $(@D)
	$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -O1 $(SAN) -o $@ $(filter %.c,$^) -lcmocka -ljansson -lm $(UNIT_LIBS)

# The controller's pure parts, and the whole of it between stand-ins for data plane, netlink and prober.
$(B)/tests/unit/test_protocol: $(B)/user/control/protocol.o
$(B)/asan/test_protocol: user/control/protocol.c
$(B)/tests/unit/test_command_args: $(B)/user/control/args.o
$(B)/asan/test_command_args: user/control/args.c
CONTROLLER_TESTS := test_controller test_controller_adopt test_controller_undo
$(CONTROLLER_TESTS:%=$(B)/tests/unit/%): $(call obj,$(wildcard user/control/*.c))
$(CONTROLLER_TESTS:%=$(B)/asan/%): $(wildcard user/control/*.c) tests/unit/seams.h tests/unit/controller_fixture.h
$(foreach kind,tests/unit asan,$(CONTROLLER_TESTS:%=$(B)/$(kind)/%)): UNIT_LIBS := -levent_core

# The client's tests link the whole client.
CLI_TESTS := test_cli test_cli_client test_cli_view
$(CLI_TESTS:%=$(B)/tests/unit/%): $(call obj,$(wildcard user/cli/*.c))
$(CLI_TESTS:%=$(B)/asan/%): $(wildcard user/cli/*.c) tests/unit/cli_run.h
$(foreach kind,tests/unit asan,$(CLI_TESTS:%=$(B)/$(kind)/%)): UNIT_LIBS := -lsmartcols

$(call obj,$(wildcard tests/bpf/*.c tests/bench/*.c)): | $(B)/lbxdp.skel.h
$(B)/tests/bpf/%: $(B)/tests/bpf/%.o $(call obj,$(BPF_TEST_LIB))
	$(CC) $(CFLAGS) -o $@ $^ -lcmocka -lbpf -lelf -lz -lpthread
# The loader itself, without the packet harness.
DATAPLANE_TESTS := $(filter $(B)/tests/bpf/test_dataplane%,$(BPF_TESTS))
$(DATAPLANE_TESTS): $(B)/tests/bpf/%: $(B)/tests/bpf/%.o $(call obj,$(wildcard user/dataplane/*.c user/base/*.c))
	$(CC) $(CFLAGS) -o $@ $^ -lcmocka -lxdp -lbpf -lelf -lz -lpthread

# tests/loop/test_X.c: netlink and health checks, each program in a network namespace of its own.
LOOP_TESTS := $(patsubst tests/loop/%.c,$(B)/tests/loop/%,$(wildcard tests/loop/test_*.c))
LOOP_ASAN_TESTS := $(patsubst tests/loop/%.c,$(B)/asan/loop/%,$(wildcard tests/loop/test_*.c))
LOOP_SRC := $(PURE_SRC) $(wildcard user/netlink/*.c user/probe/*.c) \
	$(filter-out tests/loop/test_%.c,$(wildcard tests/loop/*.c))
LOOP_LIBS := -lcmocka -levent_core -levent_extra -lcurl -lmnl -ljansson -lm

$(B)/tests/loop/%: $(B)/tests/loop/%.o $(call obj,$(LOOP_SRC))
	$(CC) $(CFLAGS) -o $@ $^ $(LOOP_LIBS)

$(B)/asan/loop/%: tests/loop/%.c $(LOOP_SRC) $(wildcard user/*/*.h maps/* tests/loop/*.h) | $(B)/version.h
	@mkdir -p $(@D)
	$(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -O1 $(SAN) -o $@ $(filter %.c,$^) $(LOOP_LIBS)

test-unit: $(UNIT_TESTS) $(ASAN_TESTS)
	tests/run unit
test-bpf: all $(BPF_TESTS)
	tests/run bpf
test-loop: $(LOOP_TESTS) $(LOOP_ASAN_TESTS)
	tests/run loop
test-net: all
	tests/run net
test: all $(UNIT_TESTS) $(ASAN_TESTS) $(BPF_TESTS) $(LOOP_TESTS) $(LOOP_ASAN_TESTS)
	tests/run all

-include tests/bench/Makefile.inc
include tests/net/Makefile.inc

model:
	tests/model/run $(B)

C_FILES := $(shell git ls-files '*.c' '*.h' 2>/dev/null)
SH_FILES := $(shell git ls-files 2>/dev/null | xargs -r grep -lE '^\#!(/bin/sh|/bin/bash|/usr/bin/env bash)' 2>/dev/null)
format:
	clang-format-14 -i $(C_FILES)
lint: $(B)/lbxdp.skel.h
	clang-format-14 --dry-run -Werror $(C_FILES)
	shellcheck -x $(SH_FILES)
	@# One file per call: with several, the analyzer reports what is not there.
	printf '%s\n' $(filter user/%.c,$(C_FILES)) | \
		xargs -P2 -I{} clang-tidy-14 --quiet {} -- -std=gnu11 -D_GNU_SOURCE -I. -I$(B)

clean:
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
