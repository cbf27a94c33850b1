// SPDX-License-Identifier: GPL-2.0
#include "user/control/snat.h"

#include <arpa/inet.h>
#include <errno.h>

struct snat_family *snat_family(struct snat_table *table, const struct lbx_addr *addr)
{
	return &table->families[addr_is_v4(addr)];
}

int snat_find(const struct snat_table *table, const struct lbx_addr *addr)
{
	const struct snat_family *family = &table->families[addr_is_v4(addr)];

	for (int i = 0; i < LBX_MAX_SNATS; i++) {
		if (family->used >> i & 1 && addr_equal(&family->addrs[i], addr))
			return i;
	}
	return -ENOENT;
}

int snat_add(struct snat_table *table, const struct lbx_addr *addr)
{
	struct snat_family *family = snat_family(table, addr);

	for (int i = 0; i < LBX_MAX_SNATS; i++) {
		if (family->used >> i & 1)
			continue;
		family->addrs[i] = *addr;
		family->used |= 1U << i;
		return i;
	}
	return -ENOSPC;
}

const struct service *snat_conflict(const struct model *model, const struct lbx_addr *addr,
				    __u16 port_lo, __u16 port_hi)
{
	for (size_t i = 0; i < model->service_count; i++) {
		const struct service *service = &model->services[i];
		unsigned port = ntohs(service->vip.port);

		/* a service of every port is one of the translated ones too */
		if ((!port || (port >= port_lo && port <= port_hi)) &&
		    addr_equal(&service->vip.addr, addr))
			return service;
	}
	return NULL;
}
