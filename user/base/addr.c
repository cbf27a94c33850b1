// SPDX-License-Identifier: GPL-2.0
#include "user/base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* User text in an error is cut to this, so that the remedy behind it always fits. */
#define SHOWN "%.80s"

bool addr_is_v4(const struct lbx_addr *addr)
{
	return addr->halves[0] == 0 && addr->words[2] == htonl(0xffff);
}

bool addr_equal(const struct lbx_addr *a, const struct lbx_addr *b)
{
	return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return addr_equal(&a->addr, &b->addr) && a->port == b->port;
}

__be32 addr_v4(const struct lbx_addr *addr)
{
	return addr->words[3];
}

void addr_from_v4(struct lbx_addr *addr, __be32 v4)
{
	*addr = (struct lbx_addr){.words = {0, 0, htonl(0xffff), v4}};
}

const char *addr_format(const struct lbx_addr *addr, char text[ADDR_TEXT_MAX])
{
	if (addr_is_v4(addr))
		inet_ntop(AF_INET, &addr->words[3], text, ADDR_TEXT_MAX);
	else
		inet_ntop(AF_INET6, addr->bytes, text, ADDR_TEXT_MAX);
	return text;
}

const char *endpoint_format(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX];

	snprintf(text, ENDPOINT_TEXT_MAX, addr_is_v4(&endpoint->addr) ? "%s:%u" : "[%s]:%u",
		 addr_format(&endpoint->addr, addr), (unsigned)ntohs(endpoint->port));
	return text;
}

int addr_parse(const char *text, struct lbx_addr *addr, struct err *err)
{
	struct lbx_addr parsed;
	char v4_text[ADDR_TEXT_MAX];
	__be32 v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		addr_from_v4(addr, v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, parsed.bytes) != 1)
		return err_set(err, -EINVAL,
			       "\"" SHOWN
			       "\": not an IP address; give one like 10.0.0.1 or fd00::1",
			       text);
	if (addr_is_v4(&parsed))
		return err_set(err, -EINVAL, "%s: an IPv4 address mapped into IPv6; write %s", text,
			       addr_format(&parsed, v4_text));
	*addr = parsed;
	return 0;
}

/* Digits only, at most 65535. */
static bool port_parse(const char *text, unsigned *port)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 5 || text[digits] != '\0')
		return false;
	*port = (unsigned)strtoul(text, NULL, 10);
	return *port <= 65535;
}

/* An IPv6 address without brackets: says where the brackets go, as far as that can be told. */
static int brackets_missing(const char *text, struct err *err)
{
	const char *colon = strrchr(text, ':');
	char addr[ADDR_TEXT_MAX] = "";
	struct in6_addr v6;
	unsigned port;

	if ((size_t)(colon - text) < sizeof(addr))
		memcpy(addr, text, (size_t)(colon - text));
	if (port_parse(colon + 1, &port) && inet_pton(AF_INET6, addr, &v6) == 1)
		return err_set(err, -EINVAL, "%s: an IPv6 address needs brackets; write [%s]:%u",
			       text, addr, port);
	if (inet_pton(AF_INET6, text, &v6) == 1)
		return err_set(err, -EINVAL,
			       "%s: an IPv6 address needs brackets and a port; write [%s]:PORT",
			       text, text);
	return err_set(err, -EINVAL,
		       "\"" SHOWN "\": not an address and port; give 10.0.0.1:80 or [fd00::1]:80",
		       text);
}

/*
 * Splits ADDR:PORT or [ADDR]:PORT: copies the address, without brackets, and points port behind the
 * colon, or at NULL if there is none. -EINVAL.
 */
static int endpoint_split(const char *text, char addr[ADDR_TEXT_MAX], const char **port,
			  struct err *err)
{
	bool bracketed = text[0] == '[';
	const char *start = text + bracketed;
	const char *end = start + strcspn(start, bracketed ? "]" : ":");
	const char *rest = end + (bracketed && *end);

	if (!bracketed && *end && strchr(end + 1, ':'))
		return brackets_missing(text, err);
	if ((bracketed && !*end) || (*rest && *rest != ':') || end - start >= ADDR_TEXT_MAX)
		return err_set(err, -EINVAL,
			       "\"" SHOWN
			       "\": not an address and port; give 10.0.0.1:80 or [fd00::1]:80",
			       text);
	memcpy(addr, start, (size_t)(end - start));
	addr[end - start] = '\0';
	*port = *rest ? rest + 1 : NULL;
	return 0;
}

static int endpoint_port(const char *text, const char *port_text, bool allow_zero, __be16 *out,
			 struct err *err)
{
	unsigned lo = allow_zero ? 0 : 1, port;

	if (!port_text || !*port_text)
		return err_set(err, -EINVAL, SHOWN ": no port; write %.*s:PORT", text,
			       (int)(port_text ? port_text - text - 1 : ADDR_TEXT_MAX + 2), text);
	if (port_text[strspn(port_text, "0123456789")] != '\0')
		return err_set(err, -EINVAL, SHOWN ": \"%.40s\" is not a port; give %u to 65535",
			       text, port_text, lo);
	if (!port_parse(port_text, &port) || port < lo)
		return err_set(err, -EINVAL, SHOWN ": port %.40s; give %u to 65535", text,
			       port_text, lo);
	*out = htons((__u16)port);
	return 0;
}

int endpoint_parse(const char *text, bool allow_zero_port, struct endpoint *endpoint,
		   struct err *err)
{
	char addr_text[ADDR_TEXT_MAX];
	struct endpoint parsed = {.port = 0};
	const char *port_text = NULL;
	struct err inner;

	if (endpoint_split(text, addr_text, &port_text, err))
		return -EINVAL;
	if (addr_parse(addr_text, &parsed.addr, &inner))
		return strcmp(addr_text, text)
			       ? err_set(err, -EINVAL, SHOWN ": %s", text, inner.text)
			       : err_set(err, -EINVAL, "%s", inner.text);
	if (text[0] == '[' && addr_is_v4(&parsed.addr))
		return err_set(err, -EINVAL, SHOWN ": brackets are for IPv6; write %s:%s", text,
			       addr_text, port_text ? port_text : "PORT");
	if (endpoint_port(text, port_text, allow_zero_port, &parsed.port, err))
		return -EINVAL;
	*endpoint = parsed;
	return 0;
}

socklen_t endpoint_sockaddr(const struct endpoint *endpoint, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (addr_is_v4(&endpoint->addr)) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)out;

		v4->sin_family = AF_INET;
		v4->sin_port = endpoint->port;
		v4->sin_addr.s_addr = addr_v4(&endpoint->addr);
		return sizeof(*v4);
	}
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	v6->sin6_family = AF_INET6;
	v6->sin6_port = endpoint->port;
	memcpy(&v6->sin6_addr, endpoint->addr.bytes, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}
