// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "user/base/log.h"
#include "user/control/apply.h"
#include "user/control/command.h"
#include "user/control/report.h"
#include "user/model/text.h"

/* --- the VIP on an interface --- */

static struct service *vip_holder(const struct model *model, const struct lbx_addr *vip)
{
	for (size_t i = 0; i < model->service_count; i++) {
		struct service *service = &model->services[i];

		if (*service->assign && addr_equal(&service->vip.addr, vip))
			return service;
	}
	return NULL;
}

/* service->assign stays set only if it was us who put it there: then it goes with the service. */
static int vip_assign(struct call *call, struct service *service, struct err *err)
{
	char interface[IF_NAMESIZE], vip[ADDR_TEXT_MAX];
	int r;

	addr_format(&service->vip.addr, vip);
	snprintf(interface, sizeof(interface), "%s", service->assign);
	if (!if_nametoindex(interface))
		return err_set(err, -ENODEV,
			       "assign %s: no such interface; 'ip -brief link' lists those there "
			       "are",
			       interface);
	r = neighbours_assign(interface, &service->vip.addr, err);
	if (r != -EEXIST)
		return r;
	*service->assign = '\0';
	if (!vip_holder(&call->controller->model, &service->vip.addr))
		call_warn(call,
			  "VIP %s: was on %s already, and will stay there when the service "
			  "is removed",
			  vip, interface);
	return 0;
}

static void vip_unassign(const struct service *service)
{
	struct err err = {0};

	if (*service->assign && neighbours_unassign(service->assign, &service->vip.addr, &err))
		log_warning("%s", err.text);
}

static void vip_warn(struct call *call, const struct service *service)
{
	struct controller *controller = call->controller;
	bool v4 = addr_is_v4(&service->vip.addr);
	const char *interface = controller->wanted_count ? controller->wanted[0].name : "IFACE";
	char vip[ADDR_TEXT_MAX];

	if (*service->assign || neighbours_is_local(controller->neighbours, &service->vip.addr))
		return;
	addr_format(&service->vip.addr, vip);
	call_warn(call,
		  "VIP %s: on no interface of this host, so nobody answers %s for it; add it with "
		  "'ip addr add %s/%d dev %s' or use --assign %s",
		  vip, v4 ? "ARP" : "neighbour discovery", vip, v4 ? 32 : 128, interface,
		  interface);
}

/* --- commands --- */

static int service_result(struct call *call, const char *name, struct err *err)
{
	const struct service *service = model_service(&call->controller->model, name);

	return call_result(call, service_report(call->controller, service), err);
}

static int service_apply_add(struct call *call, const struct service *service, struct err *err)
{
	struct controller *controller = call->controller;
	automodel struct model next = {0};
	int r = model_copy(&next, &controller->model, err);

	if (r)
		return r;
	r = model_service_add(&next, service, err);
	return r ? r : controller_apply(controller, &next, err);
}

/* Before the VIP is put on an interface: what the model refuses must not get so far. */
static int service_add_try(struct call *call, const struct service *service, struct err *err)
{
	automodel struct model next = {0};
	int r = model_copy(&next, &call->controller->model, err);

	return r ? r : model_service_add(&next, service, err);
}

static int assign_parse(const json_t *args, struct service *service, struct err *err)
{
	const char *interface = args_text(args, "assign");

	if (!interface)
		return 0;
	if (!*interface || strlen(interface) >= sizeof(service->assign))
		return err_set(err, -EINVAL, "assign '%.32s': not an interface's name", interface);
	snprintf(service->assign, sizeof(service->assign), "%s", interface);
	return 0;
}

int command_service_add(struct call *call, struct err *err)
{
	char vip[ENDPOINT_TEXT_MAX];
	struct service service;
	int r = args_service(call->args, &service, err);

	if (!r)
		r = assign_parse(call->args, &service, err);
	if (!r)
		r = service_add_try(call, &service, err);
	if (!r && *service.assign)
		r = vip_assign(call, &service, err);
	if (r)
		return r;
	r = service_apply_add(call, &service, err);
	if (r) {
		vip_unassign(&service);
		return r;
	}
	log_info("%s: service added: %s %s, %s", service.name, text_protocol_name(service.protocol),
		 endpoint_format(&service.vip, vip), text_forward_name(service.forward));
	vip_warn(call, &service);
	return service_result(call, service.name, err);
}

int command_service_set(struct call *call, struct err *err)
{
	struct controller *controller = call->controller;
	automodel struct model next = {0};
	struct service *found, changed;
	int r;

	if (json_object_size(call->args) < 2)
		return err_set(err, -EINVAL,
			       "service set: nothing to change; see 'lbxdp service set --help'");
	r = model_copy(&next, &controller->model, err);
	if (r)
		return r;
	r = model_service_find(&next, args_text(call->args, "name"), &found, err);
	if (r)
		return r;
	changed = *found;
	r = args_service_settings(call->args, &changed, err);
	if (!r)
		r = model_service_set(&next, &changed, err);
	if (!r)
		r = controller_apply(controller, &next, err);
	if (r)
		return r;
	log_info("%s: service changed", changed.name);
	return service_result(call, changed.name, err);
}

/* Another service with the same address keeps it on the interface. */
static bool vip_hand_over(struct model *next, const struct service *from)
{
	for (size_t i = 0; i < next->service_count; i++) {
		struct service *service = &next->services[i];

		if (*service->assign || !addr_equal(&service->vip.addr, &from->vip.addr))
			continue;
		memcpy(service->assign, from->assign, sizeof(service->assign));
		return true;
	}
	return false;
}

int command_service_remove(struct call *call, struct err *err)
{
	struct controller *controller = call->controller;
	automodel struct model next = {0};
	struct service *found, removed;
	bool handed_over;
	int r = model_copy(&next, &controller->model, err);

	if (r)
		return r;
	r = model_service_find(&next, args_text(call->args, "name"), &found, err);
	if (r)
		return r;
	removed = *found; /* without its backends, which go */
	r = model_service_remove(&next, removed.name, err);
	if (r)
		return r;
	handed_over = *removed.assign && vip_hand_over(&next, &removed);
	r = controller_apply(controller, &next, err);
	if (r)
		return r;
	if (!handed_over)
		vip_unassign(&removed);
	log_info("%s: service removed", removed.name);
	return 0;
}

int command_service_show(struct call *call, struct err *err)
{
	struct service *service;
	int r = model_service_find(&call->controller->model, args_text(call->args, "name"),
				   &service, err);

	return r ? r : call_result(call, service_report(call->controller, service), err);
}

int command_service_list(struct call *call, struct err *err)
{
	return call_result(call, json_pack("{s:o}", "services", services_report(call->controller)),
			   err);
}
