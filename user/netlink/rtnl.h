/* SPDX-License-Identifier: GPL-2.0 */
/* A socket for rtnetlink requests: ask, and wait for the answer (the kernel gives it at once). */
#ifndef LBX_RTNL_H
#define LBX_RTNL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>

#include "maps/types.h"
#include "user/base/err.h"

enum {
	RTNL_BUFFER_BYTES = 32768, /* what the kernel fills at most in one read of a dump */
	RTNL_BATCH = 32,	   /* requests whose answers fit any socket buffer */
};

struct rtnl {
	struct mnl_socket *socket;
	unsigned sequence;
	_Alignas(struct nlmsghdr) char buffer[RTNL_BUFFER_BYTES];
};

/* Room for one of our requests, none of which is longer. */
union rtnl_message {
	struct nlmsghdr header;
	char room[256];
};

int rtnl_open(struct rtnl *rtnl, struct err *err);
void rtnl_close(struct rtnl *rtnl);

/* Starts a request with its family header; NLM_F_REQUEST is understood. */
struct nlmsghdr *rtnl_request(union rtnl_message *message, __u16 type, __u16 flags,
			      const void *family_header, size_t bytes);
/* The address as an attribute of 4 or 16 bytes. */
void rtnl_put_addr(struct nlmsghdr *request, __u16 attribute, const struct lbx_addr *addr);
/* AF_INET or AF_INET6 */
unsigned char rtnl_family(const struct lbx_addr *addr);
/* The address in an attribute; false if it is neither of 4 nor of 16 bytes. */
bool rtnl_get_addr(const struct nlattr *attribute, struct lbx_addr *addr);

/*
 * Sends, and calls back for each message of the answer: callbacks of a dump return MNL_CB_OK, those
 * of a single answer MNL_CB_STOP. Requests without an answer need NLM_F_ACK. Returns 0 or the
 * kernel's negative errno; -EINTR: a dump changed while it ran, and is to be repeated.
 */
int rtnl_talk(struct rtnl *rtnl, struct nlmsghdr *request, mnl_cb_t callback, void *context);

/* The answer to one of several requests: the kernel's negative errno, or 0 and the message. */
typedef void (*rtnl_answer)(void *context, unsigned index, int error,
			    const struct nlmsghdr *message);
/*
 * Sends up to RTNL_BATCH requests that have one answer each in one go: a fraction of the system
 * calls. Returns 0, or a negative errno if some got no answer at all.
 */
int rtnl_talk_batch(struct rtnl *rtnl, union rtnl_message *requests, unsigned count,
		    rtnl_answer answer, void *context);

#endif
