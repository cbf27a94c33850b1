/* SPDX-License-Identifier: GPL-2.0 */
/* For BPF programs: writes a frame from its template, and makes it another flow's. */
#ifndef BENCH_RESTORE_H
#define BENCH_RESTORE_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "tests/bench/wrapper.h"

struct wrapper_setup setup = {};

/* Byte offsets in a frame. */
enum {
	OFFSET_TYPE = 6, /* the word that ends with the EtherType */
	OFFSET_IP = 14,
	OFFSET_SOURCE4 = 26,
	OFFSET_DESTINATION4 = 30,
	OFFSET_PORTS4 = 34,
	OFFSET_SOURCE6 = 34, /* the last word */
	OFFSET_DESTINATION6 = 50,
	OFFSET_PORTS6 = 54,
};

static __always_inline void store64(void *at, const void *from)
{
	*(volatile __u64 *)at = *(const __u64 *)from;
}

static __always_inline void store32(void *at, __be32 value)
{
	*(volatile __be32 *)at = value;
}

static __always_inline void store16(void *at, __be16 value)
{
	*(volatile __be16 *)at = value;
}

/*
 * Stores are cut so that every header field lies within one of them: a load that spans two recent
 * stores stalls, which no program does on a frame from the wire.
 */
static __always_inline void frame_restore(void *frame)
{
	store64(frame, setup.ethernet);
	store64(frame + OFFSET_TYPE, setup.ethernet + OFFSET_TYPE);
#pragma unroll
	for (int i = 0; i < FRAME_WORDS; i++)
		store64(frame + OFFSET_IP + 8 * i, &setup.words[i]);
}

static __always_inline void client_vary(void *address, void *port, __u64 flow)
{
	store32(address, bpf_htonl(setup.clients[flow / CLIENT_FLOWS % CLIENTS_MAX]));
	store16(port, bpf_htons(PORT_FIRST + flow % CLIENT_FLOWS));
}

#endif
