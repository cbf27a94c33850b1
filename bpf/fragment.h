/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IP fragments (RFC 791; RFC 8200, section 4.5). Only the first one of a datagram has the ports: it
 * pins them, and the later ones follow as packets that have them but no transport header. They
 * open no flow. One that comes before its first is dropped: nobody knows whose it is.
 *
 * The map is one that forgets the oldest: a forgotten entry costs a datagram, which IP may lose.
 */
#ifndef LBX_BPF_FRAGMENT_H
#define LBX_BPF_FRAGMENT_H

#include "bpf/clock.h"
#include "bpf/packet.h"
#include "bpf/service.h"

#define FRAGMENT_TICKS 28 /* 30 s: so long a datagram may take (RFC 8200, section 4.5) */

struct fragment_key {
	struct lbx_addr source, destination;
	__be32 id;
	__u32 protocol;
};

struct fragment_ports {
	__be16 source, destination;
	__u16 tick;
	__u16 zero;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct fragment_key);
	__type(value, struct fragment_ports);
	__uint(max_entries, LBX_FRAGMENTS);
} fragments SEC(".maps");

struct ipv6_fragment {
	__u8 next;
	__u8 zero;
	__be16 offset; /* in units of 8 bytes << 3 | more follow */
	__be32 id;
};

/* What the stage says of a fragment: the ports, if they are known, and a verdict if they are not.
 *
 *     63         48 47       32 31        16 15    8 7       0
 *    | 0           | destination| source     | later | verdict |
 */
#define FRAGMENT_LATER (1 << 8)

/* A fragment's place, whatever the family. */
struct fragment {
	__u32 offset; /* bytes */
	__u32 bytes;  /* of the datagram's payload in it */
};

/* Whether it would be ours, were it whole: to a VIP with services of its protocol, or translated.
 */
static __always_inline bool fragment_is_ours(const struct packet *packet, __u32 protocol)
{
	__u8 wanted = LBX_ADDRESS_SNAT;
	struct lbx_service_ref ref;

	ref_lookup(packet, 0, 0, &ref);
	wanted |= protocol == IPPROTO_TCP ? LBX_ADDRESS_TCP : LBX_ADDRESS_UDP;
	return ref.kind == LBX_REF_ADDRESS && (ref.flags & wanted);
}

static __always_inline __u64 fragment_find(const struct fragment_key *key, bool ours)
{
	struct fragment_ports *ports = bpf_map_lookup_elem(&fragments, key);

	if (!ports || (__u16)(clock_tick() - ports->tick) > FRAGMENT_TICKS)
		return ours ? VERDICT_drop_fragment : VERDICT_pass_fragment;
	return (__u64)ports->destination << 32 | (__u64)ports->source << 16 | FRAGMENT_LATER;
}

/* Of both families: TCP and UDP begin with their ports. */
static __always_inline __u64 fragment_pin(const struct fragment_key *key, struct udphdr *l4,
					  void *end)
{
	struct fragment_ports ports = {.tick = clock_tick()};

	if ((void *)(l4 + 1) > end)
		return VERDICT_drop_fragment;
	ports.source = l4->source;
	ports.destination = l4->dest;
	/* A full map makes room; what else may fail loses the later ones, as a full queue would. */
	if (bpf_map_update_elem(&fragments, key, &ports, BPF_ANY))
		return VERDICT_drop_fragment;
	return VERDICT_CONTINUE;
}

/*
 * A first fragment must have the whole header that is looked at (RFC 1858), and none may write over
 * it afterwards (RFC 3128).
 */
static __always_inline bool fragment_is_evil(const struct fragment *fragment, __u32 protocol)
{
	__u32 header = protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);

	return fragment->offset ? fragment->offset < header : fragment->bytes < header;
}

static __always_inline __u64 fragment_stage(const struct packet *packet,
					    const struct fragment *fragment,
					    const struct fragment_key *key, void *l4)
{
	bool ours;

	if (key->protocol != IPPROTO_TCP && key->protocol != IPPROTO_UDP)
		return VERDICT_pass_fragment;
	ours = fragment_is_ours(packet, key->protocol);
	/* Answers of mode nat go to any address. */
	if (!ours && !feature_is_on(LBX_FEATURE_NAT))
		return VERDICT_pass_fragment;
	if (fragment_is_evil(fragment, key->protocol))
		return ours ? VERDICT_drop_fragment : VERDICT_pass_fragment;
	return fragment->offset ? fragment_find(key, ours)
				: fragment_pin(key, l4, packet_end(packet));
}

/* Not static: see reverse_open.h. */
__u64 __noinline fragment4_stage(struct xdp_md *ctx, __u32 l3)
{
	struct iphdr *ip = (void *)(long)ctx->data + (l3 & L3_OFFSET_MASK);
	struct packet packet = {.ctx = ctx, .ip4 = ip};
	struct fragment_key key = {};
	struct fragment fragment;

	if ((void *)(ip + 1) > packet_end(&packet))
		return VERDICT_pass_short;
	key.source.words[3] = ip->saddr;
	key.destination.words[3] = ip->daddr;
	key.id = ip->id;
	key.protocol = ip->protocol;
	fragment.offset = (bpf_ntohs(ip->frag_off) & IP_OFFSET) * 8;
	fragment.bytes = bpf_ntohs(ip->tot_len) - ip->ihl * 4;
	return fragment_stage(&packet, &fragment, &key, (void *)ip + ip->ihl * 4);
}

/* header: where the fragment header is. CONTINUE also for a datagram that is whole, though it has
 * such a header (RFC 6946). */
__u64 __noinline fragment6_stage(struct xdp_md *ctx, __u32 l3, __u32 header)
{
	struct ipv6hdr *ip = (void *)(long)ctx->data + (l3 & L3_OFFSET_MASK);
	struct ipv6_fragment *found = (void *)(long)ctx->data + (header & L4_OFFSET_MASK);
	struct packet packet = {.ctx = ctx, .ip6 = ip, .v6 = true};
	struct fragment_key key = {};
	struct fragment fragment;

	if ((void *)(ip + 1) > packet_end(&packet) || (void *)(found + 1) > packet_end(&packet))
		return VERDICT_pass_short;
	if (!(found->offset & bpf_htons(0xfff9)))
		return VERDICT_CONTINUE;
	__builtin_memcpy(&key.source, &ip->saddr, sizeof(key.source));
	__builtin_memcpy(&key.destination, &ip->daddr, sizeof(key.destination));
	key.id = found->id;
	key.protocol = found->next;
	fragment.offset = bpf_ntohs(found->offset) & 0xfff8;
	fragment.bytes = bpf_ntohs(ip->payload_len) + (l3 & L3_OFFSET_MASK) + sizeof(*ip) -
			 (header & L4_OFFSET_MASK) - sizeof(*found);
	return fragment_stage(&packet, &fragment, &key, found + 1);
}

#endif
