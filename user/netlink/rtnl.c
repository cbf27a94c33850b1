// SPDX-License-Identifier: GPL-2.0
#include "user/netlink/rtnl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "user/base/addr.h"

int rtnl_open(struct rtnl *rtnl, struct err *err)
{
	/* The kernel answers within the send; only a bug makes us wait, and then not for ever. */
	struct timeval patience = {.tv_sec = 1};

	rtnl->sequence = 0;
	rtnl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!rtnl->socket)
		return err_set(err, -errno, "rtnetlink: no socket (%s); see 'ulimit -n'",
			       strerror(errno));
	if (mnl_socket_bind(rtnl->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(rtnl->socket), SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) < 0) {
		int error = -errno;

		rtnl_close(rtnl);
		return err_set(err, error, "rtnetlink: cannot bind a socket (%s)",
			       strerror(-error));
	}
	return 0;
}

void rtnl_close(struct rtnl *rtnl)
{
	if (rtnl->socket)
		mnl_socket_close(rtnl->socket);
	rtnl->socket = NULL;
}

struct nlmsghdr *rtnl_request(union rtnl_message *message, __u16 type, __u16 flags,
			      const void *family_header, size_t bytes)
{
	struct nlmsghdr *request;

	memset(message, 0, sizeof(*message));
	request = mnl_nlmsg_put_header(message);
	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	memcpy(mnl_nlmsg_put_extra_header(request, bytes), family_header, bytes);
	return request;
}

void rtnl_put_addr(struct nlmsghdr *request, __u16 attribute, const struct lbx_addr *addr)
{
	if (addr_is_v4(addr))
		mnl_attr_put_u32(request, attribute, addr_v4(addr));
	else
		mnl_attr_put(request, attribute, sizeof(addr->bytes), addr->bytes);
}

unsigned char rtnl_family(const struct lbx_addr *addr)
{
	return addr_is_v4(addr) ? AF_INET : AF_INET6;
}

bool rtnl_get_addr(const struct nlattr *attribute, struct lbx_addr *addr)
{
	switch (mnl_attr_get_payload_len(attribute)) {
	case sizeof(__be32):
		addr_from_v4(addr, mnl_attr_get_u32(attribute));
		return true;
	case sizeof(addr->bytes):
		memcpy(addr->bytes, mnl_attr_get_payload(attribute), sizeof(addr->bytes));
		return true;
	default:
		return false;
	}
}

int rtnl_talk(struct rtnl *rtnl, struct nlmsghdr *request, mnl_cb_t callback, void *context)
{
	unsigned port = mnl_socket_get_portid(rtnl->socket);
	int result = MNL_CB_OK;

	request->nlmsg_seq = ++rtnl->sequence;
	if (mnl_socket_sendto(rtnl->socket, request, request->nlmsg_len) < 0)
		return -errno;
	while (result > MNL_CB_STOP) {
		ssize_t bytes = mnl_socket_recvfrom(rtnl->socket, rtnl->buffer,
						    sizeof(rtnl->buffer));

		if (bytes < 0)
			return -errno;
		result = mnl_cb_run(rtnl->buffer, bytes, request->nlmsg_seq, port, callback,
				    context);
		/* The answer to an earlier request that was given up. */
		if (result < 0 && errno == EPROTO)
			result = MNL_CB_OK;
	}
	return result < 0 ? -errno : 0;
}

static int batch_send(struct rtnl *rtnl, union rtnl_message *requests, unsigned count)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct iovec parts[RTNL_BATCH];
	struct msghdr message = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = parts,
		.msg_iovlen = count,
	};

	for (unsigned i = 0; i < count; i++) {
		requests[i].header.nlmsg_seq = ++rtnl->sequence;
		parts[i].iov_base = &requests[i];
		parts[i].iov_len = requests[i].header.nlmsg_len;
	}
	return sendmsg(mnl_socket_get_fd(rtnl->socket), &message, 0) < 0 ? -errno : 0;
}

static int answer_error(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	return message->nlmsg_type == NLMSG_ERROR ? error->error : 0;
}

int rtnl_talk_batch(struct rtnl *rtnl, union rtnl_message *requests, unsigned count,
		    rtnl_answer answer, void *context)
{
	unsigned first = rtnl->sequence + 1, answered = 0;
	const struct nlmsghdr *message;
	int result, left;

	if (count > RTNL_BATCH)
		return -EINVAL;
	result = batch_send(rtnl, requests, count);
	while (!result && answered < count) {
		left = (int)mnl_socket_recvfrom(rtnl->socket, rtnl->buffer, sizeof(rtnl->buffer));
		if (left < 0)
			return -errno;
		message = (const struct nlmsghdr *)rtnl->buffer;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			/* Others answer an earlier request that was given up. */
			if (message->nlmsg_seq - first >= count)
				continue;
			answered++;
			answer(context, message->nlmsg_seq - first, answer_error(message), message);
		}
	}
	return result;
}
