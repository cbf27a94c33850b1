/* SPDX-License-Identifier: GPL-2.0 */
/* What nsbench tells its wrapper program, and hears from it. */
#ifndef BENCH_WRAPPER_H
#define BENCH_WRAPPER_H

#include <linux/types.h>

enum {
	FRAME_SIZE = 86, /* Ethernet + 9 words: room for IPv6 and TCP */
	FRAME_WORDS = 9, /* after the Ethernet header */
	WAYS_MAX = 1 << 20,
	CLIENT_FLOWS = 1 << 8, /* from consecutive ports of one client */
	CLIENTS_MAX = 1 << 13,
	PORT_FIRST = 1024,
};

/* Where a packet differs from the one before. */
enum vary {
	VARY_NOTHING,
	VARY_CLIENT4, /* source address and port, computed */
	VARY_CLIENT6,
	VARY_WAY4, /* from a backend to a translated port, looked up in `ways` */
	VARY_WAY6,
};

/* One way back: the last words of both addresses, and the translated port. */
struct way {
	__be32 backend;
	__be32 snat;
	__be16 port;
	__be16 zero[3];
};

struct wrapper_setup {
	__u8 ethernet[16];	  /* 14 used */
	__u64 words[FRAME_WORDS]; /* the rest of the frame */
	__u32 vary;		  /* enum vary */
	__u32 zero;
	__u64 next;		    /* number of the next packet */
	__u64 mask;		    /* packet & mask: its flow */
	__u32 clients[CLIENTS_MAX]; /* last words of their addresses, host order */
};

struct wrapper_outcome {
	__u64 actions[8]; /* by XDP action; [7]: the tail call failed */
	__u64 resized;	  /* frames of another length than they had */
};

#endif
