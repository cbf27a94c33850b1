// SPDX-License-Identifier: GPL-2.0
#include "user/control/args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/model/text.h"

static bool specs_have(const struct arg_spec *specs, const char *name)
{
	for (; specs->name; specs++) {
		if (!strcmp(specs->name, name))
			return true;
	}
	return false;
}

static int unknown_argument(const char *command, const char *name, const struct arg_spec *specs,
			    struct err *err)
{
	char known[256] = "";
	size_t used = 0;

	for (const struct arg_spec *spec = specs; spec->name && used < sizeof(known); spec++)
		used += snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "",
				 spec->name);
	if (!used)
		return err_set(err, -EINVAL, "%s: unknown argument '%.64s'; it takes none", command,
			       name);
	return err_set(err, -EINVAL, "%s: unknown argument '%.64s'; known are: %s", command, name,
		       known);
}

int args_check(const char *command, const json_t *args, const struct arg_spec *specs,
	       struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)args, key, value) {
		if (!specs_have(specs, key))
			return unknown_argument(command, key, specs, err);
	}
	for (const struct arg_spec *spec = specs; spec->name; spec++) {
		if (spec->required && !args_text(args, spec->name))
			return err_set(err, -EINVAL, "%s: argument '%s' is missing", command,
				       spec->name);
	}
	return 0;
}

const char *args_text(const json_t *args, const char *name)
{
	return json_string_value(json_object_get(args, name));
}

int args_bool(const json_t *args, const char *name, bool *out, struct err *err)
{
	const char *text = args_text(args, name);

	*out = text && !strcmp(text, "true");
	if (!text || *out || !strcmp(text, "false"))
		return 0;
	return err_set(err, -EINVAL, "%s '%.32s': is neither true nor false", name, text);
}

static int settings_checks(const json_t *args, struct service *service, struct err *err)
{
	struct check_timing *timing = &service->timing;
	const char *text;
	int r = 0;

	if ((text = args_text(args, "check")))
		r = text_check(text, &service->check, err);
	if (!r && (text = args_text(args, "interval")))
		r = text_duration_ms(text, "interval", 100, 3600000, &timing->interval_ms, err);
	if (!r && (text = args_text(args, "timeout")))
		r = text_duration_ms(text, "timeout", 10, 3600000, &timing->timeout_ms, err);
	if (!r && (text = args_text(args, "rise")))
		r = text_number(text, "rise", 1, 100, &timing->rise, err);
	if (!r && (text = args_text(args, "fall")))
		r = text_number(text, "fall", 1, 100, &timing->fall, err);
	return r;
}

int args_service_settings(const json_t *args, struct service *service, struct err *err)
{
	const char *text;
	int r = settings_checks(args, service, err);

	if (!r && (text = args_text(args, "scheduler")))
		r = text_scheduler(text, &service->scheduler, err);
	if (!r && (text = args_text(args, "on_down")))
		r = text_on_down(text, &service->on_down, err);
	if (!r && (text = args_text(args, "all_down")))
		r = text_all_down(text, &service->all_down, err);
	if (!r && (text = args_text(args, "ping")))
		r = text_ping(text, &service->ping, err);
	return r;
}

int args_service(const json_t *args, struct service *service, struct err *err)
{
	const char *forward = args_text(args, "forward");
	const char *name = args_text(args, "name");
	struct endpoint vip;
	__u8 protocol;
	int r;

	/* service->name would cut it off silently. */
	if (strlen(name) > LBX_NAME_MAX)
		return err_set(err, -EINVAL, "service %.16s...: name is longer than %d characters",
			       name, LBX_NAME_MAX);
	r = text_protocol(args_text(args, "protocol"), &protocol, err);
	if (!r)
		r = endpoint_parse(args_text(args, "vip"), true, &vip, err);
	if (r)
		return r;
	service_init(service, name, protocol, &vip);
	if (forward)
		r = text_forward(forward, &service->forward, err);
	return r ? r : args_service_settings(args, service, err);
}

int args_backend(const json_t *args, struct endpoint *endpoint, unsigned *weight, struct err *err)
{
	const char *text = args_text(args, "weight");
	int r = endpoint_parse(args_text(args, "backend"), true, endpoint, err);

	if (r || !text)
		return r;
	return text_number(text, "weight", 1, LBX_WEIGHT_MAX, weight, err);
}

int args_tunnel(const json_t *args, struct tunnel *tunnel, bool *given, struct err *err)
{
	const char *mtu = args_text(args, "mtu"), *port = args_text(args, "tunnel_port"),
		   *source = args_text(args, "tunnel_source");
	int r = 0;

	*given = mtu || port || source;
	if (mtu)
		r = text_number(mtu, "mtu", 576, 65535, &tunnel->mtu, err);
	if (!r && port)
		r = text_number(port, "tunnel-port", 1, 65535, &tunnel->port, err);
	if (!r && source && addr_parse(source, &tunnel->source, err)) {
		err_prefix(err, "tunnel-source");
		r = -EINVAL;
	}
	return r;
}

static int address_list_add(struct address_list *list, const char *text, struct err *err)
{
	struct lbx_addr addr;
	size_t family = 0;
	int r = addr_parse(text, &addr, err);

	if (r)
		return r;
	for (size_t i = 0; i < list->count; i++) {
		if (addr_equal(&list->addrs[i], &addr))
			return err_set(err, -EINVAL, "%s: is given twice", text);
		family += addr_is_v4(&list->addrs[i]) == addr_is_v4(&addr);
	}
	if (family == LBX_MAX_SNATS)
		return err_set(err, -EINVAL, "%s: more than %d translation addresses of one family",
			       text, LBX_MAX_SNATS);
	list->addrs[list->count++] = addr;
	return 0;
}

int args_addresses(const char *text, struct address_list *list, struct err *err)
{
	list->count = 0;
	for (const char *item = text; item;) {
		size_t length = strcspn(item, ",");
		char addr[2 * ADDR_TEXT_MAX];
		int r;

		/* Cut off, a longer one is no address either. */
		snprintf(addr, sizeof(addr), "%.*s", (int)length, item);
		r = address_list_add(list, addr, err);
		if (r)
			return r;
		item = item[length] ? item + length + 1 : NULL;
	}
	return 0;
}
