// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "user/base/log.h"
#include "user/control/attachment.h"
#include "user/control/command.h"
#include "user/control/report.h"
#include "user/control/state.h"
#include "user/model/text.h"

static int mode_parse(const char *text, enum attach_mode *mode, struct err *err)
{
	for (int i = 0; i < 3; i++) {
		if (strcmp(text, attach_mode_names[i]) != 0)
			continue;
		*mode = (enum attach_mode)i;
		return 0;
	}
	return err_set(err, -EINVAL, "mode '%.32s': unknown; use auto, native or generic", text);
}

static int request_fill(const json_t *args, struct attach_request *request, struct err *err)
{
	const char *text;
	int r = 0;

	request->interface = args_text(args, "interface");
	if ((text = args_text(args, "mode")))
		r = mode_parse(text, &request->mode, err);
	if (!r && (text = args_text(args, "max_flows")))
		r = text_number(text, "max-flows", LBX_FLOWS_MIN, LBX_FLOWS_MAX,
				&request->options.max_flows, err);
	if (!r && (text = args_text(args, "ports")))
		r = text_port_range(text, &request->options.port_lo, &request->options.port_hi,
				    err);
	if (!r && (text = args_text(args, "snat"))) {
		r = args_addresses(text, &request->snats, err);
		if (r)
			err_prefix(err, "snat");
	}
	return r;
}

static void snats_warn(struct call *call, const struct address_list *snats, const char *interface)
{
	for (size_t i = 0; i < snats->count; i++) {
		char addr[ADDR_TEXT_MAX];

		if (neighbours_is_local(call->controller->neighbours, &snats->addrs[i]))
			continue;
		addr_format(&snats->addrs[i], addr);
		call_warn(call,
			  "snat %s: on no interface of this host, so backends cannot answer to it; "
			  "add it with 'ip addr add %s/%d dev %s'",
			  addr, addr, addr_is_v4(&snats->addrs[i]) ? 32 : 128, interface);
	}
}

int command_attach(struct call *call, struct err *err)
{
	struct attach_request request = {.mode = ATTACH_AUTO};
	int r = request_fill(call->args, &request, err);

	if (!r)
		r = attachment_add(call->controller, &request, err);
	if (r)
		return r;
	snats_warn(call, &request.snats, request.interface);
	return call_result(call, interface_report(call->controller, request.interface), err);
}

int command_detach(struct call *call, struct err *err)
{
	const char *interface = args_text(call->args, "interface");
	bool all;
	int r = args_bool(call->args, "all", &all, err);

	if (r)
		return r;
	if (all == !!interface)
		return err_set(err, -EINVAL,
			       "detach: give either an interface or 'all'; see 'lbxdp detach "
			       "--help'");
	if (interface && *call->controller->orphan)
		return err_set(err, -EUCLEAN, "%s", call->controller->orphan);
	if (interface)
		return attachment_remove(call->controller, interface, err);
	r = attachment_remove_all(call->controller, err);
	call->controller->exiting = !r;
	return r;
}

int command_exit(struct call *call, struct err *err)
{
	struct controller *controller = call->controller;
	bool idle;
	int r = args_bool(call->args, "idle", &idle, err);

	if (r)
		return r;
	if (idle && (controller->wanted_count || controller->model.service_count ||
		     controller->dataplane || *controller->orphan))
		return err_set(err, -EBUSY, "lbxdpd: is not idle: %zu interfaces, %zu services",
			       controller->wanted_count, controller->model.service_count);
	if (idle)
		state_remove(controller);
	controller->exiting = true;
	log_info("exits as told");
	return 0;
}
