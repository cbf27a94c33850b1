// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/model_internal.h"
#include "user/model/text.h"

void model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
}

void model_fini(struct model *model)
{
	for (size_t i = 0; i < model->service_count; i++)
		free(model->services[i].backends);
	free(model->services);
	model_init(model);
}

static int memory_error(struct err *err)
{
	return err_set(err, -ENOMEM, "lbxdpd: out of memory; free some and try again");
}

/* Gives `to` backends of its own. */
static int backends_copy(struct service *to, const struct service *from)
{
	to->backends = NULL;
	to->backend_count = 0;
	if (!from->backend_count)
		return 0;
	to->backends = calloc(from->backend_count, sizeof(*to->backends));
	if (!to->backends)
		return -ENOMEM;
	memcpy(to->backends, from->backends, from->backend_count * sizeof(*to->backends));
	to->backend_count = from->backend_count;
	return 0;
}

int model_copy(struct model *to, const struct model *from, struct err *err)
{
	*to = *from;
	to->services = NULL;
	to->service_count = 0;
	if (!from->service_count)
		return 0;
	to->services = calloc(from->service_count, sizeof(*to->services));
	if (!to->services)
		return memory_error(err);
	for (; to->service_count < from->service_count; to->service_count++) {
		struct service *service = &to->services[to->service_count];

		*service = from->services[to->service_count];
		if (backends_copy(service, &from->services[to->service_count])) {
			model_fini(to);
			return memory_error(err);
		}
	}
	return 0;
}

struct service *model_service(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->service_count; i++) {
		if (!strcmp(model->services[i].name, name))
			return &model->services[i];
	}
	return NULL;
}

struct service *model_service_by_id(const struct model *model, __u16 id)
{
	for (size_t i = 0; i < model->service_count; i++) {
		if (model->services[i].id == id)
			return &model->services[i];
	}
	return NULL;
}

static struct service *model_service_by_vip(const struct model *model, const struct endpoint *vip,
					    __u8 protocol)
{
	for (size_t i = 0; i < model->service_count; i++) {
		if (model->services[i].protocol == protocol &&
		    endpoint_equal(&model->services[i].vip, vip))
			return &model->services[i];
	}
	return NULL;
}

struct backend *service_backend(const struct service *service, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < service->backend_count; i++) {
		if (endpoint_equal(&service->backends[i].endpoint, endpoint))
			return &service->backends[i];
	}
	return NULL;
}

/* "a, b", or "a, b, ..." where there is no room for all. */
static const char *service_names(const struct model *model, char *out, size_t size)
{
	size_t length = 0, reserve = sizeof(", ...");

	*out = '\0';
	for (size_t i = 0; i < model->service_count; i++) {
		const char *name = model->services[i].name;

		if (length + strlen(name) + 2 + reserve > size) {
			snprintf(out + length, size - length, ", ...");
			break;
		}
		length += (size_t)snprintf(out + length, size - length, "%s%s", i ? ", " : "",
					   name);
	}
	return out;
}

/* The service of that name, or -ENOENT. */
static int service_require(const struct model *model, const char *name, struct service **service,
			   struct err *err)
{
	char names[300];

	*service = model_service(model, name);
	if (*service)
		return 0;
	if (!model->service_count)
		return err_set(err, -ENOENT,
			       "service \"%.64s\": unknown, no service yet; add one with 'lbxdp "
			       "service add NAME tcp VIP:PORT'",
			       name);
	return err_set(err, -ENOENT, "service \"%.64s\": unknown; there are: %s", name,
		       service_names(model, names, sizeof(names)));
}

int model_service_find(const struct model *model, const char *name, struct service **service,
		       struct err *err)
{
	char names[300];

	if (name && *name)
		return service_require(model, name, service, err);
	if (!model->service_count)
		return err_set(err, -ENOENT,
			       "no service yet; add one with 'lbxdp service add NAME tcp "
			       "VIP:PORT'");
	if (model->service_count > 1)
		return err_set(err, -EINVAL, "several services; name one of: %s",
			       service_names(model, names, sizeof(names)));
	*service = &model->services[0];
	return 0;
}

/* Whether name and VIP are free. */
static int service_unique(const struct model *model, const struct service *template,
			  struct err *err)
{
	const struct service *other;
	char vip[ENDPOINT_TEXT_MAX];

	if (model_service(model, template->name))
		return err_set(err, -EEXIST,
			       "service \"%s\": exists already; use 'service set' to change it",
			       template->name);
	other = model_service_by_vip(model, &template->vip, template->protocol);
	if (other)
		return err_set(err, -EEXIST,
			       "service \"%s\": VIP %s (%s) is taken by service %s; give another "
			       "address or port",
			       template->name, endpoint_format(&template->vip, vip),
			       text_protocol_name(template->protocol), other->name);
	return 0;
}

int model_service_add(struct model *model, const struct service *template, struct err *err)
{
	struct service *grown;
	__u16 id;
	int result = service_identity_validate(template, err);

	if (!result)
		result = service_settings_validate(template, err);
	if (!result)
		result = service_unique(model, template, err);
	if (result)
		return result;
	grown = reallocarray(model->services, model->service_count + 1, sizeof(*grown));
	if (!grown)
		return memory_error(err);
	model->services = grown;
	id = id_take(model->service_ids_used, LBX_MAX_SERVICES);
	if (!id)
		return err_set(err, -ENOSPC,
			       "service \"%s\": all %d ids are in use or named by flows of removed "
			       "services; remove one, or wait until those flows expire",
			       template->name, LBX_MAX_SERVICES - 1);
	grown += model->service_count++;
	*grown = *template;
	grown->id = id;
	grown->backends = NULL;
	grown->backend_count = 0;
	return 0;
}

int model_service_set(struct model *model, const struct service *template, struct err *err)
{
	struct service *service;
	int result = service_name_validate(template->name, err);

	if (!result)
		result = service_require(model, template->name, &service, err);
	if (!result)
		result = service_settings_validate(template, err);
	if (result)
		return result;
	service->scheduler = template->scheduler;
	service->check = template->check;
	service->timing = template->timing;
	service->on_down = template->on_down;
	service->all_down = template->all_down;
	service->ping = template->ping;
	memmove(service->assign, template->assign, sizeof(service->assign)); /* may be itself */
	return 0;
}

int model_service_remove(struct model *model, const char *name, struct err *err)
{
	struct service *service = NULL;
	size_t behind;
	int result;

	/* No name must not mean "the only one" here: too much would go by a slip. */
	if (!name || !*name)
		return err_set(err, -EINVAL, "service: no name; give that of the one to remove");
	result = service_require(model, name, &service, err);
	if (result)
		return result;
	behind = model->service_count - (size_t)(service - model->services) - 1;
	free(service->backends);
	memmove(service, service + 1, behind * sizeof(*service));
	model->service_count--;
	return 0;
}
