/* SPDX-License-Identifier: GPL-2.0 */
/* Templates of the frames that the wrapper program sends through the data plane. */
#ifndef BENCH_FRAME_H
#define BENCH_FRAME_H

#include "tests/bench/plane.h"
#include "tests/bench/wrapper.h"

/* Client addresses' last words count up from here. */
enum { CLIENT_FIRST = 0x0a800000 };

/* From clients to the service; flags: of TCP. */
void frame_to_service(struct wrapper_setup *setup, enum plane_service service, __u8 flags);
/* From backends to translated ports. */
void frame_to_client(struct wrapper_setup *setup, enum plane_service service);
/* To no service: IPv4, IPv6 or ARP, by EtherType. */
void frame_to_nobody(struct wrapper_setup *setup, __u16 ethertype);

#endif
