/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses and endpoints as text. Pure. IPv4 addresses are held mapped into IPv6 (see struct
 * lbx_addr). */
#ifndef LBX_ADDR_H
#define LBX_ADDR_H

#include <stdbool.h>
#include <sys/socket.h>

#include "maps/types.h"
#include "user/base/err.h"

struct endpoint {
	struct lbx_addr addr;
	__be16 port;
};

enum { ADDR_TEXT_MAX = 46, ENDPOINT_TEXT_MAX = 56 }; /* buffer sizes, with the NUL */

/* "10.0.0.1" or "fd00::1"; a mapped address is refused (it would be ambiguous). -EINVAL. */
int addr_parse(const char *text, struct lbx_addr *addr, struct err *err);
/* "10.0.0.1:80" or "[fd00::1]:80", port 1..65535 (0 only with allow_zero_port). -EINVAL. */
int endpoint_parse(const char *text, bool allow_zero_port, struct endpoint *endpoint,
		   struct err *err);
/* Both write into and return the buffer. */
const char *addr_format(const struct lbx_addr *addr, char text[ADDR_TEXT_MAX]);
const char *endpoint_format(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_MAX]);

bool addr_is_v4(const struct lbx_addr *addr);
bool addr_equal(const struct lbx_addr *a, const struct lbx_addr *b);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
__be32 addr_v4(const struct lbx_addr *addr);
void addr_from_v4(struct lbx_addr *addr, __be32 v4);
/* Fills an AF_INET or AF_INET6 socket address and returns its length. */
socklen_t endpoint_sockaddr(const struct endpoint *endpoint, struct sockaddr_storage *out);

#endif
