/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames for the data plane's tests, and their checksums from scratch. Nothing here is shared with
 * bpf/: what checks it must not repeat its mistakes.
 */
#ifndef LBX_TEST_PACKET_H
#define LBX_TEST_PACKET_H

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>

#include "maps/types.h"

#define FRAME_MAX 2048

enum {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
};

/* What a frame is built from. Ports, seq and ack in host order. */
struct spec {
	bool v6;
	__u8 protocol;
	__u8 flags; /* TCP */
	__u16 source_port, destination_port;
	struct lbx_addr source, destination; /* IPv4 mapped */
	__u32 seq, ack;
	__u8 mac_destination[6], mac_source[6];
	const void *payload;
	unsigned payload_length;
	unsigned tcp_options; /* bytes of padding; a multiple of 4 */
	unsigned ip_options;  /* IPv4: likewise */
	bool no_checksum;     /* UDP */

	/* IPv6: what stands between the IPv6 and the transport header, and its first type */
	const void *extensions;
	unsigned extensions_length;
	__u8 extensions_first;
};

struct frame {
	unsigned length;
	unsigned l4; /* offset of the transport header, as built */
	__u8 protocol;
	__u8 bytes[FRAME_MAX];
};

void frame_build(struct frame *frame, const struct spec *spec);

/* Headers of a built frame. */
struct ethhdr *frame_eth(const struct frame *frame);
struct iphdr *frame_ip4(const struct frame *frame);
struct ipv6hdr *frame_ip6(const struct frame *frame);
struct tcphdr *frame_tcp(const struct frame *frame);
struct udphdr *frame_udp(const struct frame *frame);
bool frame_is_v6(const struct frame *frame);
__u8 frame_tcp_flags(const struct frame *frame);

/* The ends, IPv4 mapped; ports in host order. */
struct lbx_addr frame_source(const struct frame *frame);
struct lbx_addr frame_destination(const struct frame *frame);
__u16 frame_source_port(const struct frame *frame);
__u16 frame_destination_port(const struct frame *frame);

/* What the checksum fields should hold; the frame's own fields do not count. */
__u16 frame_ip4_checksum(const struct frame *frame);
__u16 frame_l4_checksum(const struct frame *frame);
void frame_fill_checksums(struct frame *frame);
/* Fails the test unless they hold that. A UDP checksum of 0 is "none": never right here. */
void assert_checksums(const struct frame *frame);

struct lbx_addr addr4(__u8 a, __u8 b, __u8 c, __u8 d);
/* fd00:a::b */
struct lbx_addr addr6(__u16 a, __u16 b);

#endif
