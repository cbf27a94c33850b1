// SPDX-License-Identifier: GPL-2.0
#include "tests/bpf/harness.h"

struct ethhdr *frame_eth(const struct frame *frame)
{
	return (struct ethhdr *)frame->bytes;
}

struct iphdr *frame_ip4(const struct frame *frame)
{
	return (struct iphdr *)(frame->bytes + ETH_HLEN);
}

struct ipv6hdr *frame_ip6(const struct frame *frame)
{
	return (struct ipv6hdr *)(frame->bytes + ETH_HLEN);
}

struct tcphdr *frame_tcp(const struct frame *frame)
{
	return (struct tcphdr *)(frame->bytes + frame->l4);
}

struct udphdr *frame_udp(const struct frame *frame)
{
	return (struct udphdr *)(frame->bytes + frame->l4);
}

bool frame_is_v6(const struct frame *frame)
{
	return frame_eth(frame)->h_proto == htons(ETH_P_IPV6);
}

__u8 frame_tcp_flags(const struct frame *frame)
{
	return frame->bytes[frame->l4 + 13];
}

struct lbx_addr addr4(__u8 a, __u8 b, __u8 c, __u8 d)
{
	return (struct lbx_addr){{{[10] = 0xff, 0xff, a, b, c, d}}};
}

struct lbx_addr addr6(__u16 a, __u16 b)
{
	return (struct lbx_addr){
		{{0xfd, 0, a >> 8, a & 0xff, [14] = (__u8)(b >> 8), (__u8)(b & 0xff)}}};
}

static struct lbx_addr addr_at(const struct frame *frame, const void *v4, const void *v6)
{
	struct lbx_addr addr = addr4(0, 0, 0, 0);

	if (frame_is_v6(frame))
		memcpy(&addr, v6, sizeof(addr));
	else
		memcpy(&addr.words[3], v4, sizeof(addr.words[3]));
	return addr;
}

struct lbx_addr frame_source(const struct frame *frame)
{
	return addr_at(frame, &frame_ip4(frame)->saddr, &frame_ip6(frame)->saddr);
}

struct lbx_addr frame_destination(const struct frame *frame)
{
	return addr_at(frame, &frame_ip4(frame)->daddr, &frame_ip6(frame)->daddr);
}

__u16 frame_source_port(const struct frame *frame)
{
	return ntohs(frame_udp(frame)->source);
}

__u16 frame_destination_port(const struct frame *frame)
{
	return ntohs(frame_udp(frame)->dest);
}

/* RFC 1071, byte by byte. */
static __u32 sum_bytes(__u32 sum, const __u8 *bytes, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		sum += i & 1 ? bytes[i] : (__u32)bytes[i] << 8;
	return sum;
}

static __u16 sum_finish(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((__u16)~sum);
}

__u16 frame_ip4_checksum(const struct frame *frame)
{
	struct frame copy = *frame;
	struct iphdr *ip = frame_ip4(&copy);

	ip->check = 0;
	return sum_finish(sum_bytes(0, (__u8 *)ip, ip->ihl * 4));
}

/* Bytes of the transport header and payload, by the IP header. */
static unsigned l4_length(const struct frame *frame)
{
	if (frame_is_v6(frame))
		return ntohs(frame_ip6(frame)->payload_len) + (unsigned)sizeof(struct ipv6hdr) -
		       (frame->l4 - ETH_HLEN);
	return ntohs(frame_ip4(frame)->tot_len) - frame_ip4(frame)->ihl * 4;
}

static __u16 *l4_check(const struct frame *frame)
{
	return frame->protocol == IPPROTO_TCP ? &frame_tcp(frame)->check : &frame_udp(frame)->check;
}

__u16 frame_l4_checksum(const struct frame *frame)
{
	struct frame copy = *frame;
	bool v6 = frame_is_v6(frame);
	unsigned length = l4_length(frame);
	__u32 sum = frame->protocol + length;
	__u16 check;

	*l4_check(&copy) = 0;
	sum = sum_bytes(sum, copy.bytes + ETH_HLEN + (v6 ? 8 : 12), v6 ? 32 : 8);
	check = sum_finish(sum_bytes(sum, copy.bytes + copy.l4, length));
	return frame->protocol == IPPROTO_UDP && !check ? 0xffff : check;
}

void frame_fill_checksums(struct frame *frame)
{
	if (!frame_is_v6(frame))
		frame_ip4(frame)->check = frame_ip4_checksum(frame);
	*l4_check(frame) = frame_l4_checksum(frame);
}

void assert_checksums(const struct frame *frame)
{
	if (!frame_is_v6(frame))
		assert_int_equal(frame_ip4(frame)->check, frame_ip4_checksum(frame));
	assert_int_equal(*l4_check(frame), frame_l4_checksum(frame));
}

static unsigned ip4_build(struct frame *frame, const struct spec *spec, unsigned l4_bytes)
{
	struct iphdr *ip = frame_ip4(frame);
	unsigned header = (unsigned)sizeof(*ip) + spec->ip_options;

	ip->version = 4;
	ip->ihl = header / 4 & 0xf;
	ip->tot_len = htons((__u16)(header + l4_bytes));
	ip->id = htons(0x1234);
	ip->frag_off = htons(0x4000);
	ip->ttl = 61;
	ip->protocol = spec->protocol;
	ip->saddr = spec->source.words[3];
	ip->daddr = spec->destination.words[3];
	memset(ip + 1, 1, spec->ip_options); /* no operation */
	return header;
}

static unsigned ip6_build(struct frame *frame, const struct spec *spec, unsigned l4_bytes)
{
	struct ipv6hdr *ip = frame_ip6(frame);

	ip->version = 6;
	ip->payload_len = htons((__u16)(spec->extensions_length + l4_bytes));
	ip->nexthdr = spec->extensions_length ? spec->extensions_first : spec->protocol;
	ip->hop_limit = 61;
	memcpy(&ip->saddr, &spec->source, sizeof(ip->saddr));
	memcpy(&ip->daddr, &spec->destination, sizeof(ip->daddr));
	if (spec->extensions_length)
		memcpy(ip + 1, spec->extensions, spec->extensions_length);
	return (unsigned)sizeof(*ip) + spec->extensions_length;
}

static void tcp_build(struct frame *frame, const struct spec *spec)
{
	struct tcphdr *tcp = frame_tcp(frame);

	tcp->source = htons(spec->source_port);
	tcp->dest = htons(spec->destination_port);
	tcp->seq = htonl(spec->seq);
	tcp->ack_seq = htonl(spec->ack);
	tcp->doff = (5 + spec->tcp_options / 4) & 0xf;
	tcp->window = htons(64000);
	memset(tcp + 1, 1, spec->tcp_options);
	frame->bytes[frame->l4 + 13] = spec->flags;
}

static void udp_build(struct frame *frame, const struct spec *spec)
{
	struct udphdr *udp = frame_udp(frame);

	udp->source = htons(spec->source_port);
	udp->dest = htons(spec->destination_port);
	udp->len = htons((__u16)(sizeof(*udp) + spec->payload_length));
}

void frame_build(struct frame *frame, const struct spec *spec)
{
	bool tcp = spec->protocol == IPPROTO_TCP;
	unsigned header = tcp ? (unsigned)sizeof(struct tcphdr) + spec->tcp_options
			      : (unsigned)sizeof(struct udphdr);
	unsigned l4_bytes = header + spec->payload_length;

	memset(frame, 0, sizeof(*frame));
	memcpy(frame_eth(frame)->h_dest, spec->mac_destination, ETH_ALEN);
	memcpy(frame_eth(frame)->h_source, spec->mac_source, ETH_ALEN);
	frame->protocol = spec->protocol;
	frame_eth(frame)->h_proto = htons(spec->v6 ? ETH_P_IPV6 : ETH_P_IP);
	frame->l4 = ETH_HLEN + (spec->v6 ? ip6_build(frame, spec, l4_bytes)
					 : ip4_build(frame, spec, l4_bytes));
	frame->length = frame->l4 + l4_bytes;
	assert_true(frame->length <= FRAME_MAX);
	if (tcp)
		tcp_build(frame, spec);
	else
		udp_build(frame, spec);
	if (spec->payload)
		memcpy(frame->bytes + frame->l4 + header, spec->payload, spec->payload_length);
	frame_fill_checksums(frame);
	if (!tcp && spec->no_checksum)
		frame_udp(frame)->check = 0;
}
