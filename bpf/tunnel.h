/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Modes ipip and gue: the packet goes to the backend in an outer header, and the backend, whose
 * tunnel ends there, answers the client itself.
 *
 *   ipip   Ethernet | outer IP                  | packet      RFC 2003 (4in4), 2473 (6in6, 4in6),
 *                                                             4213 (6in4)
 *   gue    Ethernet | outer IP | UDP | GUE      | packet      draft-ietf-intarea-gue, variant 0:
 *
 *       0 1 2     7 8           15 16                          31
 *      +---+-+------+-------------+------------------------------+
 *      | 0 |0| 0    | 4 or 41     | 0                            |
 *      +---+-+------+-------------+------------------------------+
 *       variant, control, length of extensions; protocol; flags
 *
 * Only the client's packets pass us, so there is no MSS to clamp: the option of a client's SYN is
 * for the other direction. Who sends too large a packet is told (too_big.h).
 */
#ifndef LBX_BPF_TUNNEL_H
#define LBX_BPF_TUNNEL_H

#include "bpf/reverse.h"
#include "bpf/rewrite.h"
#include "bpf/too_big.h"

#define IP_DF 0x4000
#define OUTER_TTL 64

struct guehdr {
	__u8 version_control_length;
	__u8 protocol;
	__be16 flags;
};

struct outer_gue {
	struct udphdr udp;
	struct guehdr gue;
};

/* The packet that is wrapped, as read before it is moved. */
struct inner {
	__u32 bytes;
	__u64 sum;	      /* gue over IPv6: of all its bytes, if `summed` */
	__be16 dont_fragment; /* as in an IPv4 header */
	__u8 class;	      /* DSCP and ECN */
	__u8 protocol;	      /* of itself: 4 or 41 */
	bool summed;
};

/*
 * What a packet sums to is known without reading it whole: a transport's bytes sum to the
 * complement of its pseudo header, or its checksum is wrong, and then the outer one may be too. (As
 * Linux's local checksum offload, Documentation/networking/checksum-offloads.rst.) Not of UDP that
 * has no checksum, nor of fragments: the outer one is left out then (RFC 6935 allows a tunnel
 * that).
 */
static __always_inline bool transport_is_summed(void *l4, void *end, __u8 protocol)
{
	struct udphdr *udp = l4;

	if (protocol == IPPROTO_TCP)
		return true;
	return protocol == IPPROTO_UDP && (void *)(udp + 1) <= end && udp->check;
}

static __always_inline bool inner4_read(struct inner *inner, struct iphdr *ip, void *end)
{
	__u64 pseudo;

	if ((void *)(ip + 1) > end)
		return false;
	inner->bytes = bpf_ntohs(ip->tot_len);
	inner->dont_fragment = ip->frag_off & bpf_htons(IP_DF);
	inner->class = ip->tos;
	inner->protocol = IPPROTO_IPIP;
	ip->check = checksum_apply(ip->check, (__u16)~bpf_htons(0x0100));
	ip->ttl--; /* RFC 2003, section 3.1 */
	pseudo = (__u64)ip->saddr + ip->daddr + bpf_htons(ip->protocol) +
		 bpf_htons((__u16)(inner->bytes - sizeof(*ip)));
	inner->sum = (__u16)~sum_fold(pseudo);
	inner->summed = ip->ihl == 5 && !(ip->frag_off & bpf_htons(IP_MF | IP_OFFSET)) &&
			transport_is_summed(ip + 1, end, ip->protocol);
	return true;
}

static __always_inline bool inner6_read(struct inner *inner, struct ipv6hdr *ip, void *end)
{
	const __be32 *words = (void *)ip;

	if ((void *)(ip + 1) > end)
		return false;
	inner->bytes = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	inner->dont_fragment = bpf_htons(IP_DF); /* routers never fragment IPv6 */
	inner->class = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	inner->protocol = IPPROTO_IPV6;
	ip->hop_limit--;
	/* The addresses are in the header and, complemented, in what the transport sums to. */
	inner->sum = (__u64)words[0] + words[1] + (__u16)~ip->payload_len +
		     (__u16)~bpf_htons(ip->nexthdr);
	inner->summed = transport_is_summed(ip + 1, end, ip->nexthdr);
	return true;
}

/* RFC 6040, normal mode: ECN and DSCP are the inner packet's. An IP id only where it may be needed
 * to put fragments together (RFC 6864). */
static __always_inline void outer4_write(struct iphdr *ip, const struct inner *inner,
					 const struct lbx_backend *backend, __u32 bytes,
					 __u8 protocol)
{
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = inner->class;
	ip->tot_len = bpf_htons((__u16)bytes);
	ip->id = inner->dont_fragment ? 0 : (__u16)bpf_get_prandom_u32();
	ip->frag_off = inner->dont_fragment;
	ip->ttl = OUTER_TTL;
	ip->protocol = protocol;
	ip->check = 0;
	ip->saddr = backend->tunnel_source.words[3];
	ip->daddr = backend->addr.words[3];
	ip->check = ~sum_fold(sum_20(ip));
}

static __always_inline void outer6_write(struct ipv6hdr *ip, const struct inner *inner,
					 const struct lbx_backend *backend, __u32 bytes,
					 __u8 protocol)
{
	*(__be32 *)ip = bpf_htonl(6U << 28 | (__u32)inner->class << 20);
	ip->payload_len = bpf_htons((__u16)(bytes - sizeof(*ip)));
	ip->nexthdr = protocol;
	ip->hop_limit = OUTER_TTL;
	__builtin_memcpy(&ip->saddr, &backend->tunnel_source, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &backend->addr, sizeof(ip->daddr));
}

static __always_inline void gue_write(struct outer_gue *outer, const struct inner *inner,
				      const struct lbx_backend *backend, __u16 port)
{
	outer->udp.source = bpf_htons(port);
	outer->udp.dest = backend->tunnel_port;
	outer->udp.len = bpf_htons((__u16)(inner->bytes + sizeof(*outer)));
	outer->udp.check = 0; /* over IPv4: RFC 768 leaves it to us */
	outer->gue.version_control_length = 0;
	outer->gue.protocol = inner->protocol;
	outer->gue.flags = 0;
}

/* Over IPv6 a UDP checksum is wanted (RFC 8200, section 8.1). */
static __always_inline void gue_sum(struct outer_gue *outer, const struct inner *inner,
				    const struct lbx_backend *backend)
{
	const __be32 *words = (void *)outer;
	__u64 sum = inner->sum + bpf_htons(IPPROTO_UDP) + outer->udp.len;
	__u16 check;

	if (!inner->summed)
		return;
	sum += sum_addr6(backend->tunnel_source.words) + sum_addr6(backend->addr.words);
	sum += (__u64)words[0] + words[1] + words[2];
	check = ~sum_fold(sum);
	outer->udp.check = check ? check : 0xffff;
}

/* Room in front, with tags and type moved there: the MACs are written anew. */
static __always_inline void *tunnel_room(struct xdp_md *ctx, __u32 l3, int bytes, __be16 type)
{
	__be16 *to, *from;
	void *end;

	if (bpf_xdp_adjust_head(ctx, -bytes))
		return NULL;
	to = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	from = (void *)to + bytes;
	if ((void *)from + L3_OFFSET_MASK + 1 > end)
		return NULL;
	for (int i = 6; i < 6 + 2 * VLAN_TAGS_MAX; i++)
		to[i] = from[i];
	to = (void *)to + ((l3 - sizeof(type)) & L3_OFFSET_MASK);
	if ((void *)(to + 1) > end)
		return NULL;
	*to = type;
	return to + 1;
}

static __always_inline bool tunnel4_wrap(struct xdp_md *ctx, __u32 l3, const struct inner *inner,
					 const struct lbx_backend *backend, __u16 port)
{
	int bytes = sizeof(struct iphdr) + (port ? sizeof(struct outer_gue) : 0);
	struct iphdr *ip = tunnel_room(ctx, l3, bytes, bpf_htons(ETH_P_IP));
	struct outer_gue *gue = (void *)(ip + 1);

	if (!ip || (void *)(gue + 1) > (void *)(long)ctx->data_end)
		return false;
	outer4_write(ip, inner, backend, inner->bytes + bytes,
		     port ? IPPROTO_UDP : inner->protocol);
	if (port)
		gue_write(gue, inner, backend, port);
	return true;
}

static __always_inline bool tunnel6_wrap(struct xdp_md *ctx, __u32 l3, const struct inner *inner,
					 const struct lbx_backend *backend, __u16 port)
{
	int bytes = sizeof(struct ipv6hdr) + (port ? sizeof(struct outer_gue) : 0);
	struct ipv6hdr *ip = tunnel_room(ctx, l3, bytes, bpf_htons(ETH_P_IPV6));
	struct outer_gue *gue = (void *)(ip + 1);

	if (!ip || (void *)(gue + 1) > (void *)(long)ctx->data_end)
		return false;
	outer6_write(ip, inner, backend, inner->bytes + bytes,
		     port ? IPPROTO_UDP : inner->protocol);
	if (port) {
		gue_write(gue, inner, backend, port);
		gue_sum(gue, inner, backend);
	}
	return true;
}

static __always_inline __u32 tunnel_overhead(const struct lbx_backend *backend, __u16 port)
{
	return (addr_is_mapped(&backend->addr) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) +
	       (port ? sizeof(struct outer_gue) : 0);
}

static __always_inline __u32 tunnel_send(struct xdp_md *ctx, __u32 l3, __u32 id, __u16 port,
					 bool v6)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct lbx_backend *backend = backend_lookup(id);
	void *ip = data + (l3 & L3_OFFSET_MASK);
	struct packet packet = {.ctx = ctx, .bytes = end - data};
	struct inner inner = {};
	enum verdict verdict;
	__u32 overhead;

	if (!backend)
		return VERDICT_drop_error;
	overhead = tunnel_overhead(backend, port);
	if (packet_bytes(ip, end, v6) + overhead > backend->mtu)
		return too_big_reply(ctx, l3, backend->mtu - overhead, v6);
	if (!(v6 ? inner6_read(&inner, ip, end) : inner4_read(&inner, ip, end)))
		return VERDICT_drop_error;
	if (!(addr_is_mapped(&backend->addr) ? tunnel4_wrap(ctx, l3, &inner, backend, port)
					     : tunnel6_wrap(ctx, l3, &inner, backend, port)))
		return VERDICT_drop_error;
	backend_count(id, &packet);
	packet.eth = (void *)(long)ctx->data;
	if ((void *)(packet.eth + 1) > (void *)(long)ctx->data_end)
		return VERDICT_drop_error;
	verdict = packet_send(&packet, backend->interface, backend->ifindex,
			      backend->mac_destination, backend->mac_source);
	return outcome_of(verdict, packet.way);
}

/* Not static: see reverse_open.h. port: the outer source port of gue; 0: ipip. */
__u32 __noinline tunnel4_send(struct xdp_md *ctx, __u32 l3, __u32 id, __u32 port)
{
	return tunnel_send(ctx, l3, id, port, false);
}

__u32 __noinline tunnel6_send(struct xdp_md *ctx, __u32 l3, __u32 id, __u32 port)
{
	return tunnel_send(ctx, l3, id, port, true);
}

/* The same for all packets of a flow, and different for most flows. */
static __always_inline __u32 gue_port(const struct packet *packet)
{
	struct flow_key key = {};
	__u64 hash;

	if (packet->forward != LBX_FORWARD_GUE)
		return 0;
	flow_key_init(&key, packet, true);
	hash = lbx_hash6(&key.client, key.word, config.seeds[0], config.seeds[1]);
	return GUE_PORT_BASE | (__u32)(hash >> 32 & 0x3fff);
}

static __always_inline enum verdict forward_tunnel(struct packet *packet, __u32 id)
{
	__u32 port = gue_port(packet), outcome;

	outcome = packet->v6 ? tunnel6_send(packet->ctx, packet->l3_offset, id, port)
			     : tunnel4_send(packet->ctx, packet->l3_offset, id, port);
	packet->way = outcome >> 8;
	return outcome & 0xff;
}

#endif
