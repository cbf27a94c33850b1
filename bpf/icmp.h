/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ICMP (RFC 792, 4443): errors go to the end of the flow that they quote, or path MTU discovery
 * would end here; pings of a VIP are answered if the service wants that (ping.h).
 *
 *   outer IP | ICMP, 8 bytes | quoted IP | 8 bytes of the quoted transport, or more
 *
 * What is quoted is a packet as its sender knew it: the one that is told must find his own ends in
 * it, and outside.
 *
 *   from              quotes                  tells      rewritten (RFC 5508, section 4.2)
 *   the client's side VIP -> client           backend    as what the backend sent
 *   a backend's side  translated -> backend   client     as what the client sent (full NAT)
 *   a backend's side  client -> backend       client     the same (nat; it passes by)
 *
 * Errors are easily made up: they never open, refresh or end a flow.
 */
#ifndef LBX_BPF_ICMP_H
#define LBX_BPF_ICMP_H

#include "bpf/forward.h"
#include "bpf/nat.h"
#include "bpf/ping.h"
#include "bpf/service.h"

/* The packet that an error quotes. */
struct quote {
	union {
		struct iphdr *ip4;
		struct ipv6hdr *ip6;
	};
	union {
		struct udphdr *udp; /* of TCP likewise: 8 bytes are there */
		struct tcphdr *tcp;
	};
	struct icmp *icmp;
	__u8 protocol;
};

/* What an error is to say: NULL leaves an end as it is. */
struct retelling {
	const struct end *source, *destination; /* quoted */
	const struct end *from, *to;		/* outside; no ports */
};

static __always_inline bool icmp_is_error(__u8 type, bool v6)
{
	if (v6)
		return type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER_PROBLEM;
	return type == ICMP4_UNREACHABLE || type == ICMP4_TIME_EXCEEDED ||
	       type == ICMP4_PARAMETER_PROBLEM;
}

/* Extension headers in a quote are too rare to be walked. */
static __always_inline bool quote6_read(struct quote *quote, void *end)
{
	struct ipv6hdr *ip = (void *)(quote->icmp + 1);

	quote->ip6 = ip;
	quote->udp = (void *)(ip + 1);
	if ((void *)(quote->udp + 1) > end)
		return false;
	quote->protocol = ip->nexthdr;
	return ip->version == 6;
}

static __always_inline bool quote4_read(struct quote *quote, void *end)
{
	struct iphdr *ip = (void *)(quote->icmp + 1);

	quote->ip4 = ip;
	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
		return false;
	if (ip->frag_off & bpf_htons(IP_OFFSET))
		return false;
	quote->protocol = ip->protocol;
	quote->udp = (void *)ip + ip->ihl * 4;
	return (void *)(quote->udp + 1) <= end;
}

static __always_inline bool quote_read(struct quote *quote, void *end, bool v6)
{
	if (!(v6 ? quote6_read(quote, end) : quote4_read(quote, end)))
		return false;
	return quote->protocol == IPPROTO_TCP || quote->protocol == IPPROTO_UDP;
}

static __always_inline void addr_from4(struct lbx_addr *addr, __be32 word)
{
	addr->halves[0] = 0;
	addr->words[2] = bpf_htonl(0xffff);
	addr->words[3] = word;
}

static __always_inline void quote_source(const struct quote *quote, struct lbx_addr *addr, bool v6)
{
	if (v6)
		__builtin_memcpy(addr, &quote->ip6->saddr, sizeof(*addr));
	else
		addr_from4(addr, quote->ip4->saddr);
}

static __always_inline void quote_destination(const struct quote *quote, struct lbx_addr *addr,
					      bool v6)
{
	if (v6)
		__builtin_memcpy(addr, &quote->ip6->daddr, sizeof(*addr));
	else
		addr_from4(addr, quote->ip4->daddr);
}

/* The address an error goes to is that which its quote came from; otherwise it makes no sense. */
static __always_inline bool quote_is_of_target(const struct packet *packet,
					       const struct quote *quote)
{
	struct lbx_addr source, target;

	quote_source(quote, &source, packet->v6);
	packet_target(packet, &target);
	return addr_is_equal(&source, &target);
}

/*
 * The quoted transport's checksum, if it is there: UDP's is, unless it was 0; TCP's only in a
 * longer quote. Returns whether it was brought up to date.
 */
static __always_inline bool quote_sum(const struct packet *packet, struct quote *quote,
				      __u64 change)
{
	struct tcphdr *tcp = quote->tcp;

	if (quote->protocol == IPPROTO_UDP) {
		if (!quote->udp->check)
			return false;
		quote->udp->check = checksum_apply(quote->udp->check, change);
		return true;
	}
	if ((void *)(tcp + 1) > packet_end(packet))
		return false;
	tcp->check = checksum_apply(tcp->check, change);
	return true;
}

/*
 * Rewrites the quote. Returns what that changes in the ICMP checksum: a header whose own checksum
 * follows its changes sums to the same as before (RFC 1624), so the addresses A of an IPv4 header
 * do not count, and of a transport whose checksum follows both A and its ports P, -A is left.
 */
static __always_inline __u64 quote_rewrite(struct packet *packet, struct quote *quote,
					   const struct retelling *tell)
{
	struct rewrite rewrite = {};

	if (packet->v6 && tell->source)
		rewrite_address6(&rewrite, &quote->ip6->saddr, tell->source->v6);
	if (packet->v6 && tell->destination)
		rewrite_address6(&rewrite, &quote->ip6->daddr, tell->destination->v6);
	if (!packet->v6 && tell->source)
		rewrite_address4(&rewrite, &quote->ip4->saddr, tell->source->v4);
	if (!packet->v6 && tell->destination)
		rewrite_address4(&rewrite, &quote->ip4->daddr, tell->destination->v4);
	if (tell->source)
		rewrite_port(&rewrite, &quote->udp->source, quote->udp->source, tell->source->port);
	if (tell->destination)
		rewrite_port(&rewrite, &quote->udp->dest, quote->udp->dest,
			     tell->destination->port);
	if (!packet->v6)
		quote->ip4->check = checksum_apply(quote->ip4->check, rewrite.addresses);
	if (quote_sum(packet, quote, rewrite.addresses + rewrite.ports))
		return packet->v6 ? 0 : 0 - rewrite.addresses;
	return packet->v6 ? rewrite.addresses + rewrite.ports : rewrite.ports;
}

/* The whole error, inside and outside, with a hop less. */
static __always_inline void error_rewrite(struct packet *packet, struct quote *quote,
					  const struct retelling *tell)
{
	__u64 change = quote_rewrite(packet, quote, tell);
	struct rewrite rewrite = {};

	if (tell->from)
		rewrite_source(&rewrite, packet, tell->from);
	if (tell->to)
		rewrite_destination(&rewrite, packet, tell->to);
	rewrite_hop(&rewrite, packet);
	rewrite_finish(&rewrite, packet); /* packet->later: the IP header only */
	if (packet->v6)			  /* its pseudo header has the addresses */
		change += rewrite.addresses;
	quote->icmp->check = checksum_apply(quote->icmp->check, change);
}

static __always_inline enum verdict error_verdict(enum verdict verdict)
{
	return verdict == VERDICT_forward_tx || verdict == VERDICT_forward_redirect
		       ? VERDICT_forward_error
		       : verdict;
}

/* The flow of the quoted packet, which went to the client: its meta word, or 0. */
static __always_inline __u64 quote_flow(const struct packet *packet, const struct quote *quote,
					bool wide)
{
	struct flow_place place = {};
	__u64 value;

	if (wide) {
		quote_destination(quote, &place.key.client, packet->v6);
		place.key.word = lbx_key_wild(quote->udp->dest, packet->service,
					      packet_destination(packet));
	} else {
		place.key.word = lbx_key4(quote->ip4->daddr, quote->udp->dest, packet->service);
	}
	buckets_index(&place.first, &place.second, &place.key, wide);
	if (!place_lookup(&place, &value, wide) || meta_is_expired(value, clock_tick()))
		return 0;
	return value;
}

static __always_inline enum verdict error_to_fullnat(struct packet *packet, struct quote *quote,
						     const struct lbx_backend *backend, __u64 meta)
{
	struct end sent_from, sent_to;
	struct retelling tell = {&sent_from, &sent_to, &sent_to, &sent_from};

	if (!snat_address(packet, lbx_meta_snat(meta), &sent_to))
		return VERDICT_drop_no_snat;
	sent_to.port = bpf_htons(lbx_meta_port(meta));
	backend_end(packet, backend, &sent_from);
	error_rewrite(packet, quote, &tell);
	return VERDICT_CONTINUE;
}

static __always_inline void error_to_nat(struct packet *packet, struct quote *quote,
					 const struct lbx_backend *backend)
{
	struct end sent_from;
	struct retelling tell = {&sent_from, NULL, NULL, &sent_from};

	backend_end(packet, backend, &sent_from);
	error_rewrite(packet, quote, &tell);
}

/* From the client's side, to the backend of the flow. CONTINUE: by tunnel, see parse_icmp. */
static __always_inline enum verdict error_to_backend(struct packet *packet, struct quote *quote,
						     __u64 meta)
{
	__u32 id = lbx_meta_backend(meta);
	struct lbx_backend *backend = backend_lookup(id);
	enum verdict verdict = VERDICT_CONTINUE;

	if (!backend || !(backend->flags & LBX_BACKEND_USED) ||
	    backend->flags & LBX_BACKEND_UNRESOLVED)
		return VERDICT_pass_no_flow;
	if (packet->forward != LBX_FORWARD_DSR && packet_is_expiring(packet))
		return VERDICT_pass_expired;
	if (forward_is_tunnel(packet->forward)) {
		packet->way = id | (packet->forward == LBX_FORWARD_GUE ? OUTCOME_GUE : 0);
		return VERDICT_CONTINUE;
	}
	if (packet->forward == LBX_FORWARD_FULLNAT)
		verdict = error_to_fullnat(packet, quote, backend, meta);
	if (packet->forward == LBX_FORWARD_NAT)
		error_to_nat(packet, quote, backend);
	if (verdict != VERDICT_CONTINUE)
		return verdict;
	return error_verdict(packet_send(packet, backend->interface, backend->ifindex,
					 backend->mac_destination, backend->mac_source));
}

static __always_inline void service_end(const struct packet *packet,
					const struct lbx_service *service, __be16 port,
					struct end *end)
{
	if (packet->v6)
		end->v6 = &service->vip;
	else
		end->v4 = service->vip.words[3];
	end->port = service->port ? service->port : port;
}

/* From a backend's side, about what we sent there by full NAT. */
static __always_inline enum verdict error_to_client(struct packet *packet, struct quote *quote,
						    int snat)
{
	__u64 value, peer, way = way_of(bpf_ntohs(quote->udp->source), snat);
	struct end client, vip;
	struct retelling tell = {&client, &vip, &vip, &client};
	struct lbx_slot_reverse *slot;
	struct lbx_backend *backend;
	struct lbx_service *service;
	struct lbx_addr addr;
	__u32 id;

	quote_destination(quote, &addr, packet->v6);
	slot = reverse_lookup(&addr, quote->udp->dest, quote->protocol, way, &value, &backend);
	if (!slot || meta_is_expired(value, clock_tick()))
		return VERDICT_pass_no_flow;
	if (packet_is_expiring(packet))
		return VERDICT_pass_expired;
	id = backend->service;
	service = bpf_map_lookup_elem(&services, &id);
	if (!service)
		return VERDICT_drop_error;
	peer = slot->peer;
	if (packet->v6)
		client.v6 = &slot->client;
	else
		client.v4 = slot->client.words[3];
	client.port = peer >> 48;
	service_end(packet, service, quote->udp->dest, &vip);
	error_rewrite(packet, quote, &tell);
	return error_verdict(
		packet_send_by(packet, lbx_meta_interface(value), (const __u8 *)&peer));
}

/* About what we sent by nat, on its way by to the client. */
static __always_inline enum verdict error_passing(struct packet *packet, struct quote *quote)
{
	struct scratch *scratch = scratch_lookup();
	struct passing *passing;
	struct lbx_backend *backend;
	struct lbx_service *service;
	struct end vip;
	struct retelling tell = {NULL, &vip, &vip, NULL};
	__u64 hop;
	__u32 id;

	if (!scratch)
		return VERDICT_drop_error;
	passing = &scratch->passing;
	quote_source(quote, &passing->client, packet->v6);
	quote_destination(quote, &passing->backend, packet->v6);
	passing->client_port = quote->udp->source;
	passing->backend_port = quote->udp->dest;
	passing->protocol = quote->protocol;
	passing_search(passing, packet->v6);
	backend = backend_lookup(passing->id);
	hop = hop_lookup(lbx_meta_port(passing->value));
	if (!passing->id || !backend || !hop)
		return VERDICT_pass_no_flow;
	if (packet_is_expiring(packet))
		return VERDICT_pass_expired;
	id = backend->service;
	service = bpf_map_lookup_elem(&services, &id);
	if (!service)
		return VERDICT_drop_error;
	service_end(packet, service, quote->udp->dest, &vip);
	error_rewrite(packet, quote, &tell);
	return error_verdict(packet_send_by(packet, lbx_hop_interface(hop), (const __u8 *)&hop));
}

static __always_inline enum verdict error_stage(struct packet *packet, struct quote *quote)
{
	__u64 meta;
	int snat;

	packet->protocol = quote->protocol;
	packet->source_port = quote->udp->dest;
	packet->destination_port = quote->udp->source;
	if (service_lookup(packet) == VERDICT_CONTINUE) {
		meta = packet->v6 || packet->wild ? quote_flow(packet, quote, true)
						  : quote_flow(packet, quote, false);
		if (meta)
			return error_to_backend(packet, quote, meta);
	}
	snat = port_is_translated(quote->udp->source) ? snat_lookup(packet) : -1;
	return snat >= 0 ? error_to_client(packet, quote, snat) : VERDICT_pass_no_flow;
}

/* The packet whose headers begin there, if it is an ICMP message. */
static __always_inline bool icmp_read(struct packet *packet, struct quote *quote, __u32 l3,
				      __u32 l4)
{
	void *data = (void *)(long)packet->ctx->data, *end = packet_end(packet);

	packet->eth = data;
	packet->l3_offset = l3 & L3_OFFSET_MASK;
	packet->l3 = data + packet->l3_offset;
	packet->ip6 = packet->l3;
	packet->later = true; /* for rewrite.h: no ports of its own */
	quote->icmp = data + (l4 & L4_OFFSET_MASK);
	if ((void *)(packet->eth + 1) > end || (void *)(quote->icmp + 1) > end)
		return false;
	return (packet->v6 ? (void *)(packet->ip6 + 1) : (void *)(packet->ip4 + 1)) <= end;
}

static __always_inline __u32 icmp_stage(struct xdp_md *ctx, __u32 l3, __u32 l4, bool v6)
{
	struct packet packet = {.ctx = ctx, .v6 = v6};
	struct quote quote;
	enum verdict verdict;

	if (!icmp_read(&packet, &quote, l3, l4))
		return VERDICT_pass_short;
	if (!icmp_is_error(quote.icmp->type, v6))
		verdict = ping_stage(&packet, quote.icmp);
	else if (quote_read(&quote, packet_end(&packet), v6) && quote_is_of_target(&packet, &quote))
		verdict = error_stage(&packet, &quote);
	else
		verdict = VERDICT_pass_protocol;
	return outcome_of(verdict, packet.way);
}

static __always_inline __u32 icmp_passing(struct xdp_md *ctx, __u32 l3, __u32 l4, bool v6)
{
	struct packet packet = {.ctx = ctx, .v6 = v6};
	enum verdict verdict = VERDICT_pass_no_flow;
	struct quote quote;

	if (!icmp_read(&packet, &quote, l3, l4))
		return VERDICT_pass_short;
	if (quote_read(&quote, packet_end(&packet), v6) && quote_is_of_target(&packet, &quote))
		verdict = error_passing(&packet, &quote);
	return outcome_of(verdict, packet.way);
}

/* Not static: see reverse_open.h. The stack is too small for both in one. */
__u32 __noinline icmp4_stage(struct xdp_md *ctx, __u32 l3, __u32 l4)
{
	return icmp_stage(ctx, l3, l4, false);
}

__u32 __noinline icmp6_stage(struct xdp_md *ctx, __u32 l3, __u32 l4)
{
	return icmp_stage(ctx, l3, l4, true);
}

__u32 __noinline icmp4_passing(struct xdp_md *ctx, __u32 l3, __u32 l4)
{
	return icmp_passing(ctx, l3, l4, false);
}

__u32 __noinline icmp6_passing(struct xdp_md *ctx, __u32 l3, __u32 l4)
{
	return icmp_passing(ctx, l3, l4, true);
}

#endif
