// SPDX-License-Identifier: GPL-2.0
#include "user/model/model_json.h"

#include <errno.h>
#include <string.h>

#include "user/model/text.h"

static json_t *ids_to_json(const __u64 *bits, unsigned count)
{
	json_t *ids = json_array();

	for (unsigned id = 0; ids && id < count; id++) {
		if (bits[id / 64] >> (id % 64) & 1)
			json_array_append_new(ids, json_integer(id));
	}
	return ids;
}

json_t *tunnel_to_json(const struct tunnel *tunnel)
{
	static const struct lbx_addr unset;
	char source[ADDR_TEXT_MAX] = "";

	if (!addr_equal(&tunnel->source, &unset))
		addr_format(&tunnel->source, source);
	return json_pack("{s:i, s:i, s:s}", "mtu", (int)tunnel->mtu, "tunnel_port",
			 (int)tunnel->port, "tunnel_source", source);
}

/* What is not there is unset. */
static int tunnel_from_json(const json_t *from, struct tunnel *tunnel, struct err *err)
{
	const char *source = json_string_value(json_object_get(from, "tunnel_source"));

	*tunnel = (struct tunnel){
		.mtu = (unsigned)json_integer_value(json_object_get(from, "mtu")),
		.port = (unsigned)json_integer_value(json_object_get(from, "tunnel_port")),
	};
	return source && *source ? addr_parse(source, &tunnel->source, err) : 0;
}

static json_t *backends_to_json(const struct service *service)
{
	json_t *backends = json_array();

	for (size_t i = 0; backends && i < service->backend_count; i++) {
		const struct backend *backend = &service->backends[i];
		char endpoint[ENDPOINT_TEXT_MAX];

		json_t *json = json_pack("{s:i, s:s, s:i}", "id", backend->id, "endpoint",
					 endpoint_format(&backend->endpoint, endpoint), "weight",
					 (int)backend->weight);

		if (service_is_tunnelled(service))
			json_object_update_new(json, tunnel_to_json(&backend->tunnel));
		json_array_append_new(backends, json);
	}
	return backends;
}

static json_t *service_to_json(const struct service *service)
{
	char vip[ENDPOINT_TEXT_MAX], check[1024];

	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:s, s:s, "
			 "s:s, s:o}",
			 "id", service->id, "name", service->name, "protocol",
			 text_protocol_name(service->protocol), "vip",
			 endpoint_format(&service->vip, vip), "forward",
			 text_forward_name(service->forward), "scheduler",
			 text_scheduler_name(service->scheduler), "check",
			 text_check_format(&service->check, check, sizeof(check)), "interval_ms",
			 (int)service->timing.interval_ms, "timeout_ms",
			 (int)service->timing.timeout_ms, "rise", (int)service->timing.rise, "fall",
			 (int)service->timing.fall, "on_down", text_on_down_name(service->on_down),
			 "all_down", text_all_down_name(service->all_down), "assign",
			 service->assign, "ping", text_ping_name(service->ping), "backends",
			 backends_to_json(service));
}

json_t *model_to_json(const struct model *model)
{
	json_t *services = json_array();

	for (size_t i = 0; services && i < model->service_count; i++) {
		if (json_array_append_new(services, service_to_json(&model->services[i]))) {
			json_decref(services);
			return NULL;
		}
	}
	return json_pack("{s:o, s:o, s:o}", "services", services, "service_ids",
			 ids_to_json(model->service_ids_used, LBX_MAX_SERVICES), "backend_ids",
			 ids_to_json(model->backend_ids_used, LBX_MAX_BACKENDS));
}

/* The ids are set apart from the rest: while services are added, the model gives out ids of its
 * own. */
static int id_take(__u64 *bits, unsigned count, json_int_t id, const char *what, struct err *err)
{
	if (id < 1 || id >= count)
		return err_set(err, -EINVAL, "%s id %" JSON_INTEGER_FORMAT ": out of range", what,
			       id);
	if (bits[id / 64] >> (id % 64) & 1)
		return err_set(err, -EINVAL, "%s id %" JSON_INTEGER_FORMAT ": is used twice", what,
			       id);
	bits[id / 64] |= 1ULL << (id % 64);
	return 0;
}

static void ids_reserve(__u64 *bits, unsigned count, const json_t *ids)
{
	size_t i;
	json_t *id;

	json_array_foreach (ids, i, id) {
		json_int_t value = json_integer_value(id);

		if (value >= 1 && value < count)
			bits[value / 64] |= 1ULL << (value % 64);
	}
}

static int service_ids_from_json(struct model *model, struct service *service, const json_t *from,
				 struct err *err)
{
	json_t *backends = json_object_get(from, "backends");
	json_int_t id = json_integer_value(json_object_get(from, "id"));
	int r = id_take(model->service_ids_used, LBX_MAX_SERVICES, id, "service", err);

	service->id = (__u16)id;
	for (size_t i = 0; !r && i < service->backend_count; i++) {
		id = json_integer_value(json_object_get(json_array_get(backends, i), "id"));
		r = id_take(model->backend_ids_used, LBX_MAX_BACKENDS, id, "backend", err);
		service->backends[i].id = (__u16)id;
	}
	return r;
}

static int ids_from_json(struct model *model, const json_t *root, const json_t *services,
			 struct err *err)
{
	memset(model->service_ids_used, 0, sizeof(model->service_ids_used));
	memset(model->backend_ids_used, 0, sizeof(model->backend_ids_used));
	for (size_t i = 0; i < model->service_count; i++) {
		int r = service_ids_from_json(model, &model->services[i],
					      json_array_get(services, i), err);
		if (r)
			return r;
	}
	ids_reserve(model->service_ids_used, LBX_MAX_SERVICES,
		    json_object_get(root, "service_ids"));
	ids_reserve(model->backend_ids_used, LBX_MAX_BACKENDS,
		    json_object_get(root, "backend_ids"));
	return 0;
}

struct service_texts {
	const char *name, *protocol, *vip, *forward, *scheduler, *check, *on_down, *all_down,
		*assign;
	int interval_ms, timeout_ms, rise, fall;
};

static int service_unpack(const json_t *from, struct service_texts *texts, struct err *err)
{
	json_error_t error;

	if (json_unpack_ex((json_t *)from, &error, 0,
			   "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i}",
			   "name", &texts->name, "protocol", &texts->protocol, "vip", &texts->vip,
			   "forward", &texts->forward, "scheduler", &texts->scheduler, "check",
			   &texts->check, "on_down", &texts->on_down, "all_down", &texts->all_down,
			   "assign", &texts->assign, "interval_ms", &texts->interval_ms,
			   "timeout_ms", &texts->timeout_ms, "rise", &texts->rise, "fall",
			   &texts->fall))
		return err_set(err, -EINVAL, "service: %s", error.text);
	return 0;
}

static int service_from_json(const json_t *from, struct service *service, struct err *err)
{
	struct service_texts texts;
	struct endpoint vip;
	const char *ping; /* states of before it was an option have none */
	__u8 protocol;
	int r = service_unpack(from, &texts, err);

	if (!r)
		r = text_protocol(texts.protocol, &protocol, err);
	if (!r)
		r = endpoint_parse(texts.vip, true, &vip, err);
	if (r)
		return r;
	service_init(service, texts.name, protocol, &vip);
	service->timing = (struct check_timing){
		.interval_ms = (unsigned)texts.interval_ms,
		.timeout_ms = (unsigned)texts.timeout_ms,
		.rise = (unsigned)texts.rise,
		.fall = (unsigned)texts.fall,
	};
	strncpy(service->assign, texts.assign, sizeof(service->assign) - 1);
	r = text_forward(texts.forward, &service->forward, err);
	if (!r)
		r = text_scheduler(texts.scheduler, &service->scheduler, err);
	if (!r)
		r = text_check(texts.check, &service->check, err);
	if (!r)
		r = text_on_down(texts.on_down, &service->on_down, err);
	if (!r)
		r = text_all_down(texts.all_down, &service->all_down, err);
	ping = json_string_value(json_object_get(from, "ping"));
	return r || !ping ? r : text_ping(ping, &service->ping, err);
}

static int backend_from_json(const json_t *from, struct model *model, const char *service,
			     struct err *err)
{
	struct endpoint endpoint;
	struct tunnel tunnel;
	const char *text;
	int weight, r;

	if (json_unpack((json_t *)from, "{s:s, s:i}", "endpoint", &text, "weight", &weight))
		return err_set(err, -EINVAL, "service %s: a backend without endpoint or weight",
			       service);
	r = endpoint_parse(text, true, &endpoint, err);
	if (!r)
		r = model_backend_add(model, service, &endpoint, (unsigned)weight, err);
	if (!r)
		r = tunnel_from_json(from, &tunnel, err);
	return r ? r : model_backend_tunnel_set(model, service, &endpoint, &tunnel, err);
}

static int services_from_json(const json_t *services, struct model *model, struct err *err)
{
	json_t *from, *backend;
	size_t i, j;

	json_array_foreach (services, i, from) {
		struct service template;
		int r = service_from_json(from, &template, err);

		if (!r)
			r = model_service_add(model, &template, err);
		if (r)
			return r;
		json_array_foreach (json_object_get(from, "backends"), j, backend) {
			r = backend_from_json(backend, model, template.name, err);
			if (r)
				return r;
		}
	}
	return 0;
}

int model_from_json(const json_t *root, struct model *model, struct err *err)
{
	json_t *services = json_object_get(root, "services");
	int r;

	if (!json_is_array(services))
		return err_set(err, -EINVAL, "model: has no services");
	r = services_from_json(services, model, err);
	if (!r)
		r = ids_from_json(model, root, services, err);
	if (r) {
		model_fini(model);
		model_init(model);
	}
	return r;
}
