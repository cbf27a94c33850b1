// SPDX-License-Identifier: GPL-2.0
#include "tests/bench/frame.h"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <netinet/tcp.h>
#include <string.h>

enum { IP_SIZE = FRAME_SIZE - ETH_HLEN, PORT_SSH = 22 };

/* The longest stack of headers fills the frame; the others leave the rest of it as payload. */
struct frame {
	struct ethhdr ethernet;
	union {
		struct {
			struct iphdr ip4;
			struct tcphdr tcp4;
		} __attribute__((packed));
		struct {
			struct ipv6hdr ip6;
			struct tcphdr tcp6;
		} __attribute__((packed));
		struct arphdr arp;
		__u8 payload[IP_SIZE];
	};
} __attribute__((packed));

_Static_assert(sizeof(struct frame) == FRAME_SIZE, "the wrapper restores whole frames");

struct end {
	struct lbx_addr addr;
	unsigned port;
};

static struct frame frame_ethernet(__u16 ethertype)
{
	struct frame frame = {.ethernet.h_proto = htons(ethertype)};

	memcpy(frame.ethernet.h_dest, plane_mac, ETH_ALEN);
	memcpy(frame.ethernet.h_source, client_mac, ETH_ALEN);
	return frame;
}

static struct tcphdr tcp_header(unsigned source, unsigned destination, __u8 flags)
{
	struct tcphdr tcp = {
		.source = htons(source),
		.dest = htons(destination),
		.seq = htonl(1),
		.doff = 5,
		.window = htons(1024),
	};

	tcp.th_flags = flags;
	return tcp;
}

static struct frame frame_ip4(const struct end *from, const struct end *to, __u8 flags)
{
	struct frame frame = frame_ethernet(ETH_P_IP);

	frame.ip4 = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tot_len = htons(IP_SIZE),
		.ttl = 64,
		.protocol = IPPROTO_TCP,
		.saddr = from->addr.words[3],
		.daddr = to->addr.words[3],
	};
	frame.tcp4 = tcp_header(from->port, to->port, flags);
	return frame;
}

static struct frame frame_ip6(const struct end *from, const struct end *to, __u8 flags)
{
	struct frame frame = frame_ethernet(ETH_P_IPV6);

	frame.ip6 = (struct ipv6hdr){
		.version = 6,
		.payload_len = htons(IP_SIZE - sizeof(struct ipv6hdr)),
		.hop_limit = 64,
		.nexthdr = IPPROTO_TCP,
	};
	memcpy(&frame.ip6.saddr, &from->addr, sizeof(from->addr));
	memcpy(&frame.ip6.daddr, &to->addr, sizeof(to->addr));
	frame.tcp6 = tcp_header(from->port, to->port, flags);
	return frame;
}

static void frame_set(struct wrapper_setup *setup, const struct frame *frame, enum vary vary)
{
	memcpy(setup->ethernet, &frame->ethernet, ETH_HLEN);
	memcpy(setup->words, frame->payload, sizeof(setup->words));
	setup->vary = vary;
}

/* The last words of their addresses are the wrapper's to set. */
static struct end client_end(bool v6)
{
	struct end end = {.port = PORT_FIRST};

	end.addr.words[0] = v6 ? htonl(0xfdcc0000) : 0;
	return end;
}

void frame_to_service(struct wrapper_setup *setup, enum plane_service service, __u8 flags)
{
	bool v6 = service_is_v6(service);
	struct end from = client_end(v6), to = {service_vip(service), PLANE_PORT};
	struct frame frame = v6 ? frame_ip6(&from, &to, flags) : frame_ip4(&from, &to, flags);

	frame_set(setup, &frame, v6 ? VARY_CLIENT6 : VARY_CLIENT4);
}

void frame_to_client(struct wrapper_setup *setup, enum plane_service service)
{
	bool v6 = service_is_v6(service);
	struct end from = {backend_addr(service, 0), PLANE_PORT}, to = {snat_addr(0, v6), 0};
	struct frame frame = v6 ? frame_ip6(&from, &to, TH_ACK) : frame_ip4(&from, &to, TH_ACK);

	frame_set(setup, &frame, v6 ? VARY_WAY6 : VARY_WAY4);
}

void frame_to_nobody(struct wrapper_setup *setup, __u16 ethertype)
{
	bool v6 = ethertype == ETH_P_IPV6;
	struct end from = client_end(v6),
		   to = {service_vip(v6 ? SERVICE_DSR6 : SERVICE_DSR4), PORT_SSH};
	struct frame frame = frame_ethernet(ethertype);

	if (ethertype == ETH_P_ARP) {
		frame.arp.ar_hrd = htons(ARPHRD_ETHER);
		frame.arp.ar_pro = htons(ETH_P_IP);
		frame_set(setup, &frame, VARY_NOTHING);
		return;
	}
	frame = v6 ? frame_ip6(&from, &to, TH_ACK) : frame_ip4(&from, &to, TH_ACK);
	frame_set(setup, &frame, v6 ? VARY_CLIENT6 : VARY_CLIENT4);
}
