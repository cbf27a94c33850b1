/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rare paths (a new flow, a change of state) need to know of a packet, handed to functions
 * of their own in per-CPU memory: the stack is 512 bytes for a whole chain of calls. No program
 * interrupts another one on its CPU.
 */
#ifndef LBX_BPF_SCRATCH_H
#define LBX_BPF_SCRATCH_H

#include "bpf/packet.h"

struct flow_key {
	struct lbx_addr client; /* flows6 only: in flows4 the key word has it */
	__u64 word;
};

/* The client's end of a flow. */
struct peer {
	struct lbx_addr client; /* IPv4 mapped */
	__u64 word;		/* port and MAC, as in a reverse slot */
	__be16 destination;	/* the port it sends to, of a flow of a wild service; or 0 */
	__u16 zero[3];
};

/* A flow on its way into the tables. */
struct opening {
	struct flow_key key;
	struct peer peer;
	struct peer evicted; /* whose slot we took */
	__u64 replace;	     /* meta of the key's own live slot that is to be given up, or 0 */
	__u64 meta;	     /* out: the flow */
	__u64 claim;	     /* the meta by which we hold the slot */
	__u64 evicted_meta;  /* of that slot; 0: nobody */
	__u32 first, second; /* candidate buckets */
	__u32 slot;	     /* the one we hold, 0..7 in probe order */
	__u16 absent;	     /* the key was not in the table a moment ago */
	__u16 desperate;     /* may take the translated port of a closing flow */
	__u16 service;
	__u16 hop;	/* nat: of the client */
	__u16 now;	/* tick */
	__u8 state;	/* initial */
	__u8 forward;	/* enum lbx_forward */
	__u8 interface; /* index of the client's */
	bool closed;
};

/* A packet from the client that changes a known flow. */
struct event {
	struct peer peer; /* only its port counts */
	__u64 value;	  /* the flow, as read */
	__u16 now;
	__u8 tcp_flags;
	__u8 forward;
	__u32 zero;
};

/* A packet from the backend that does. */
struct answer {
	struct flow_key key; /* of the forward half */
	__u64 before, after; /* meta of the way back */
};

/* A packet of mode nat from a backend, on its way by. */
struct passing {
	struct lbx_addr client, backend;
	struct lbx_nat_backends backends; /* whose answer it may be */
	__be16 client_port;
	__be16 backend_port;
	__u64 value; /* out: the flow, */
	__u32 score; /* how likely it is that one, and */
	__u16 id;    /* its backend; 0: none */
	__u16 now;
	__u8 protocol;
	__u8 tcp_flags;
	__u8 zero[6];
};

/* Of a later fragment. */
struct ports {
	__be16 source, destination;
	__u32 zero;
};

struct scratch {
	struct ports ports;
	union {
		struct opening opening;
		struct event event;
		struct answer answer;
		struct passing passing;
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct scratch);
	__uint(max_entries, 1);
} scratch SEC(".maps");

static __always_inline struct scratch *scratch_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

#endif
