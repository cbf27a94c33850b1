/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The data plane with services and backends of the benchmark's own, loaded without the controller:
 * one service for each mode and address family, sixteen equal backends each, sixteen translation
 * addresses.
 */
#ifndef BENCH_PLANE_H
#define BENCH_PLANE_H

#include <stdbool.h>

#include "maps/flow.h"
#include "maps/types.h"
#include "maps/verdict.h"

enum plane_service {
	SERVICE_DSR4 = 1,
	SERVICE_FULLNAT4,
	SERVICE_DSR6,
	SERVICE_FULLNAT6,
	SERVICES_END,
};

enum {
	PLANE_BACKENDS = 16,
	PLANE_SNATS = 16,
	PLANE_PORT = 80,
};

struct plane;
struct way;

extern const __u8 plane_mac[6], client_mac[6];

static inline bool service_is_v6(enum plane_service service)
{
	return service >= SERVICE_DSR6;
}

static inline bool service_is_fullnat(enum plane_service service)
{
	return service == SERVICE_FULLNAT4 || service == SERVICE_FULLNAT6;
}

/* Balances what comes in by that interface, and sends it out there. Exits with a message on
 * failure, as all below do. */
struct plane *plane_open(unsigned max_flows, unsigned ifindex);
void plane_close(struct plane *plane);
int plane_program(const struct plane *plane);

struct lbx_addr service_vip(enum plane_service service);
struct lbx_addr backend_addr(enum plane_service service, unsigned number);
struct lbx_addr snat_addr(unsigned index, bool v6);

void plane_clear(struct plane *plane);
/*
 * Makes every flow an established one, and counts them by client: counts[n] are those of the client
 * whose address's last word is first + n.
 */
void plane_assure(struct plane *plane, __u32 first, unsigned *counts, unsigned clients);
/* Forgets flows of the clients with keep[n] false. */
void plane_keep(struct plane *plane, __u32 first, const bool *keep, unsigned clients);
/* The ways back that are there, in random order. Returns how many. */
unsigned plane_ways(const struct plane *plane, bool v6, struct way *ways, unsigned max);

__u64 plane_tickets(const struct plane *plane, enum plane_service service);
/* Packets with that verdict so far, over all CPUs. */
__u64 plane_verdicts(const struct plane *plane, enum verdict verdict);

#endif
