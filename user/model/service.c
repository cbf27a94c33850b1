// SPDX-License-Identifier: GPL-2.0
/* A service by itself: its defaults, and what makes it or a backend of it valid. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "user/model/model_internal.h"
#include "user/model/text.h"

static const struct check_timing TIMING_DEFAULT = {
	.interval_ms = 2000, .timeout_ms = 1000, .rise = 2, .fall = 3};

void service_init(struct service *service, const char *name, __u8 protocol,
		  const struct endpoint *vip)
{
	*service = (struct service){
		.protocol = protocol,
		.vip = *vip,
		.check.kind = protocol == IPPROTO_TCP && vip->port ? CHECK_TCP : CHECK_NONE,
		.timing = TIMING_DEFAULT,
	};
	snprintf(service->name, sizeof(service->name), "%s", name);
}

enum on_down service_on_down(const struct service *service)
{
	if (service->on_down != ON_DOWN_DEFAULT)
		return service->on_down;
	return service->protocol == IPPROTO_UDP ? ON_DOWN_MOVE : ON_DOWN_KEEP;
}

static bool name_char_is_valid(unsigned char c)
{
	return c < 0x80 && (isalnum(c) || strchr("._-", c));
}

int service_name_validate(const char *name, struct err *err)
{
	size_t length = strnlen(name, LBX_NAME_MAX + 1);

	if (length == 0)
		return err_set(err, -EINVAL, "service: no name; give one");
	if (length > LBX_NAME_MAX)
		return err_set(err, -EINVAL,
			       "service \"%.16s...\": name too long; give at most %d characters",
			       name, LBX_NAME_MAX);
	if (name[0] == '-')
		return err_set(err, -EINVAL,
			       "service \"%s\": looks like an option; begin the name with a letter "
			       "or digit",
			       name);
	for (const char *c = name; *c; c++) {
		if (!name_char_is_valid((unsigned char)*c))
			return err_set(err, -EINVAL,
				       "service \"%s\": name with a character outside "
				       "A-Z a-z 0-9 . _ -; use only those",
				       name);
	}
	return 0;
}

/* Why no traffic can be sent to or received on the address; NULL: it can. */
static const char *addr_problem(const struct lbx_addr *addr)
{
	bool v4 = addr_is_v4(addr);
	__u32 host = ntohl(addr->words[3]);

	if (v4 ? host == INADDR_ANY : IN6_IS_ADDR_UNSPECIFIED(addr->bytes))
		return "the unspecified address";
	if (v4 ? host >> 24 == IN_LOOPBACKNET : IN6_IS_ADDR_LOOPBACK(addr->bytes))
		return "a loopback address, which XDP never sees";
	if (v4 ? IN_MULTICAST(host) : addr->bytes[0] == 0xff)
		return "a multicast address";
	if (v4 && host == INADDR_BROADCAST)
		return "the broadcast address";
	return NULL;
}

int service_identity_validate(const struct service *service, struct err *err)
{
	const char *name = service->name, *problem = addr_problem(&service->vip.addr);
	char vip[ENDPOINT_TEXT_MAX];

	if (service_name_validate(name, err))
		return -EINVAL;
	if (service->protocol != IPPROTO_TCP && service->protocol != IPPROTO_UDP)
		return err_set(err, -EINVAL, "service \"%s\": protocol %u; use tcp or udp", name,
			       service->protocol);
	if (problem)
		return err_set(err, -EINVAL,
			       "service \"%s\": VIP %s is %s; give a unicast address that clients "
			       "can reach",
			       name, endpoint_format(&service->vip, vip), problem);
	if (service->forward > LBX_FORWARD_GUE)
		return err_set(err, -EINVAL,
			       "service \"%s\": forward %d: unknown; use fullnat, nat, dsr, ipip "
			       "or gue",
			       name, (int)service->forward);
	return 0;
}

static int check_validate(const struct service *service, struct err *err)
{
	const struct check_spec *check = &service->check;

	if (check->kind == CHECK_NONE)
		return 0;
	if (service_is_wild(service))
		return err_set(
			err, -EINVAL,
			"service \"%s\": is one of every port, so there is none to check; use "
			"--check none",
			service->name);
	if (check->kind == CHECK_TCP)
		return 0;
	if (check->kind != CHECK_HTTP)
		return err_set(err, -EINVAL,
			       "service \"%s\": check of unknown kind %d; use none, tcp or http",
			       service->name, (int)check->kind);
	if (check->path[0] != '/')
		return err_set(err, -EINVAL,
			       "service \"%s\": check path \"%.80s\"; begin it with '/'",
			       service->name, check->path);
	if (check->status_lo < 100 || check->status_hi > 599 || check->status_lo > check->status_hi)
		return err_set(err, -EINVAL,
			       "service \"%s\": check status %u-%u: not a range; give one within "
			       "100-599",
			       service->name, check->status_lo, check->status_hi);
	return 0;
}

static int range_validate(const char *what, unsigned value, const char *unit, unsigned lo,
			  unsigned hi, struct err *err)
{
	if (value >= lo && value <= hi)
		return 0;
	return err_set(err, -EINVAL, "%s %u%s: out of range; give %u%s to %u%s", what, value, unit,
		       lo, unit, hi, unit);
}

static int timing_validate(const struct check_timing *timing, struct err *err)
{
	if (range_validate("interval", timing->interval_ms, "ms", 100, 3600000, err) ||
	    range_validate("timeout", timing->timeout_ms, "ms", 10, 3600000, err) ||
	    range_validate("rise", timing->rise, "", 1, 100, err) ||
	    range_validate("fall", timing->fall, "", 1, 100, err))
		return -EINVAL;
	return 0;
}

int service_settings_validate(const struct service *service, struct err *err)
{
	if (service->scheduler != SCHEDULER_RR)
		return err_set(err, -EOPNOTSUPP, "scheduler %d: not yet; use rr",
			       (int)service->scheduler);
	if (service->on_down > ON_DOWN_MOVE)
		return err_set(err, -EINVAL, "on-down %d: unknown; use keep, reset or move",
			       (int)service->on_down);
	if (service->all_down > ALL_DOWN_CLOSED)
		return err_set(err, -EINVAL, "all-down %d: unknown; use open or closed",
			       (int)service->all_down);
	if (check_validate(service, err))
		return -EINVAL;
	return timing_validate(&service->timing, err);
}

int weight_validate(unsigned weight, struct err *err)
{
	return range_validate("weight", weight, "", 1, LBX_WEIGHT_MAX, err);
}

static const char *family_name(const struct endpoint *endpoint)
{
	return addr_is_v4(&endpoint->addr) ? "IPv4" : "IPv6";
}

/* Full NAT and nat may change the port; the other modes leave the packet as it is. */
static int backend_port_validate(const struct service *service, const struct endpoint *endpoint,
				 struct err *err)
{
	bool fixed = service->forward != LBX_FORWARD_FULLNAT && service->forward != LBX_FORWARD_NAT;
	char text[ENDPOINT_TEXT_MAX];

	endpoint_format(endpoint, text);
	if (service_is_wild(service))
		return !endpoint->port
			       ? 0
			       : err_set(err, -EINVAL,
					 "backend %s: service %s is one of every port, which its "
					 "backends keep; give port 0",
					 text, service->name);
	if (!endpoint->port)
		return err_set(err, -EINVAL, "backend %s: port 0; give 1 to 65535", text);
	if (fixed && endpoint->port != service->vip.port)
		return err_set(err, -EINVAL,
			       "backend %s: forward %s cannot change the port; give port %u, as "
			       "the VIP has, or use a service with --forward fullnat",
			       text, text_forward_name(service->forward),
			       (unsigned)ntohs(service->vip.port));
	return 0;
}

int tunnel_validate(const struct service *service, const struct backend *backend, struct err *err)
{
	const struct tunnel *tunnel = &backend->tunnel;
	static const struct lbx_addr unset;
	char text[ENDPOINT_TEXT_MAX];

	endpoint_format(&backend->endpoint, text);
	if (!memcmp(tunnel, &(struct tunnel){0}, sizeof(*tunnel)))
		return 0;
	if (!service_is_tunnelled(service))
		return err_set(
			err, -EINVAL,
			"backend %s: service %s has forward %s, and only ipip and gue have a "
			"tunnel; leave out --mtu, --tunnel-port and --tunnel-source",
			text, service->name, text_forward_name(service->forward));
	if (tunnel->port && service->forward != LBX_FORWARD_GUE)
		return err_set(err, -EINVAL,
			       "backend %s: ipip has no port; leave out --tunnel-port", text);
	if (tunnel->mtu && range_validate("mtu", tunnel->mtu, "", 576, 65535, err))
		return -EINVAL;
	if (tunnel->port && range_validate("tunnel-port", tunnel->port, "", 1, 65535, err))
		return -EINVAL;
	if (memcmp(&tunnel->source, &unset, sizeof(unset)) &&
	    addr_is_v4(&tunnel->source) != addr_is_v4(&backend->endpoint.addr))
		return err_set(err, -EINVAL,
			       "backend %s: tunnel-source is of the other family; give an address "
			       "of the backend's",
			       text);
	return 0;
}

int backend_validate(const struct service *service, const struct endpoint *endpoint,
		     struct err *err)
{
	const char *problem = addr_problem(&endpoint->addr);
	const char *family = family_name(endpoint), *vip_family = family_name(&service->vip);
	char text[ENDPOINT_TEXT_MAX];

	endpoint_format(endpoint, text);
	if (!service_is_tunnelled(service) && strcmp(family, vip_family) != 0)
		return err_set(err, -EINVAL,
			       "backend %s: %s, but the service's VIP is %s; give an %s address",
			       text, family, vip_family, vip_family);
	if (problem)
		return err_set(err, -EINVAL,
			       "backend %s: %s; give a unicast address of the backend's interface",
			       text, problem);
	if (addr_equal(&endpoint->addr, &service->vip.addr) &&
	    (endpoint->port == service->vip.port || service_is_tunnelled(service)))
		return err_set(err, -EINVAL,
			       "backend %s: is the VIP of service %s itself, a loop; give the "
			       "backend's own address",
			       text, service->name);
	return backend_port_validate(service, endpoint, err);
}
