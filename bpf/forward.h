/* SPDX-License-Identifier: GPL-2.0 */
/* Stage 5: to the backend, as the service's mode says. A mode is one function here and one row in
 * forward_to_backend. */
#ifndef LBX_BPF_FORWARD_H
#define LBX_BPF_FORWARD_H

#include "bpf/reverse.h"
#include "bpf/rewrite.h"
#include "bpf/tunnel.h"

/* The translation address of that index and of the packet's family. False: there is none (any
 * more). */
static __always_inline bool snat_address(const struct packet *packet, __u32 index, struct end *end)
{
	if (packet->v6) {
		struct lbx_addr *addr = bpf_map_lookup_elem(&snat6, &index);

		if (!addr || !(addr->halves[0] | addr->halves[1]))
			return false;
		end->v6 = addr;
		return true;
	}
	__be32 *addr = bpf_map_lookup_elem(&snat4, &index);

	if (!addr || !*addr)
		return false;
	end->v4 = *addr;
	return true;
}

static __always_inline void backend_end(const struct packet *packet,
					const struct lbx_backend *backend, struct end *end)
{
	if (packet->v6)
		end->v6 = &backend->addr;
	else
		end->v4 = backend->addr.words[3];
	end->port = backend_port(backend, packet->destination_port);
}

/* Full NAT: the backend sees one of our addresses, and answers to us. */
static __always_inline enum verdict forward_fullnat(struct packet *packet,
						    const struct lbx_backend *backend, __u64 meta)
{
	struct rewrite rewrite = {};
	struct end source, destination;

	if (!snat_address(packet, lbx_meta_snat(meta), &source))
		return VERDICT_drop_no_snat;
	source.port = bpf_htons(lbx_meta_port(meta));
	backend_end(packet, backend, &destination);
	rewrite_source(&rewrite, packet, &source);
	rewrite_destination(&rewrite, packet, &destination);
	rewrite_hop(&rewrite, packet);
	rewrite_finish(&rewrite, packet);
	return VERDICT_CONTINUE;
}

/* NAT: the backend sees the client, and answers to it by way of us. */
static __always_inline enum verdict forward_nat(struct packet *packet,
						const struct lbx_backend *backend)
{
	struct rewrite rewrite = {};
	struct end destination;

	backend_end(packet, backend, &destination);
	rewrite_destination(&rewrite, packet, &destination);
	rewrite_hop(&rewrite, packet);
	rewrite_finish(&rewrite, packet);
	return VERDICT_CONTINUE;
}

/* Direct server return: the frame goes on as it is, to another station; the backend has the VIP on
 * its loopback. */
static __always_inline enum verdict forward_dsr(struct packet *packet,
						const struct lbx_backend *backend, __u64 meta)
{
	return VERDICT_CONTINUE;
}

static __always_inline bool forward_is_tunnel(__u8 forward)
{
	return forward == LBX_FORWARD_IPIP || forward == LBX_FORWARD_GUE;
}

/* The modes that change the packet where it is. */
static __always_inline enum verdict forward_by_mode(struct packet *packet,
						    const struct lbx_backend *backend, __u64 meta)
{
	switch (packet->forward) {
	case LBX_FORWARD_FULLNAT:
		return forward_fullnat(packet, backend, meta);
	case LBX_FORWARD_NAT:
		return forward_nat(packet, backend);
	case LBX_FORWARD_DSR:
		return forward_dsr(packet, backend, meta);
	default:
		return VERDICT_drop_error;
	}
}

/* CONTINUE: by a tunnel, to packet->tunnel. */
static __always_inline enum verdict forward_to_backend(struct packet *packet, __u64 meta)
{
	__u32 id = lbx_meta_backend(meta);
	struct lbx_backend *backend = backend_lookup(id);
	enum verdict verdict;

	if (!backend || unlikely(!(backend->flags & LBX_BACKEND_USED)))
		return VERDICT_drop_backend_gone;
	if (unlikely(backend->flags & LBX_BACKEND_RESET))
		return packet->protocol == IPPROTO_TCP ? VERDICT_reply_reset_down
						       : VERDICT_drop_backend_gone;
	if (unlikely(backend->flags & LBX_BACKEND_UNRESOLVED))
		return VERDICT_drop_no_neighbour;
	if (packet->forward != LBX_FORWARD_DSR && unlikely(packet_is_expiring(packet)))
		return VERDICT_pass_expired;
	if (forward_is_tunnel(packet->forward)) {
		packet->tunnel = id;
		return VERDICT_CONTINUE;
	}
	verdict = forward_by_mode(packet, backend, meta);
	if (unlikely(verdict != VERDICT_CONTINUE))
		return verdict;
	backend_count(id, packet);
	return packet_send(packet, backend->interface, backend->ifindex, backend->mac_destination,
			   backend->mac_source);
}

#endif
