// SPDX-License-Identifier: GPL-2.0
/* The backends of a service: add, set, remove. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/model/model_internal.h"

/* Whether the service has room for the endpoint, and does not have it yet. */
static int backend_unique(const struct service *service, const struct endpoint *endpoint,
			  struct err *err)
{
	char text[ENDPOINT_TEXT_MAX];

	if (service_backend(service, endpoint))
		return err_set(err, -EEXIST,
			       "backend %s: exists already in service %s; use 'backend set' to "
			       "change its weight",
			       endpoint_format(endpoint, text), service->name);
	if (service->backend_count >= LBX_BACKENDS_PER_SERVICE)
		return err_set(err, -ENOSPC,
			       "backend %s: service %s has %d backends, the most there can be; "
			       "remove one first",
			       endpoint_format(endpoint, text), service->name,
			       LBX_BACKENDS_PER_SERVICE);
	return 0;
}

/* Puts a valid backend behind the others. */
static int backend_append(struct model *model, struct service *service,
			  const struct backend *backend, struct err *err)
{
	char text[ENDPOINT_TEXT_MAX];
	struct backend *grown = reallocarray(service->backends, service->backend_count + 1,
					     sizeof(*grown));
	__u16 id;

	endpoint_format(&backend->endpoint, text);
	if (!grown)
		return err_set(err, -ENOMEM, "backend %s: out of memory; free some and try again",
			       text);
	service->backends = grown;
	id = id_take(model->backend_ids_used, LBX_MAX_BACKENDS);
	if (!id)
		return err_set(err, -ENOSPC,
			       "backend %s: all %d ids are in use or named by flows of removed "
			       "backends; remove one, or wait until those flows expire",
			       text, LBX_MAX_BACKENDS - 1);
	grown += service->backend_count++;
	*grown = *backend;
	grown->id = id;
	return 0;
}

int model_backend_add(struct model *model, const char *service_name,
		      const struct endpoint *endpoint, unsigned weight, struct err *err)
{
	struct backend backend = {.endpoint = *endpoint, .weight = weight};
	struct service *service = NULL;
	int result = model_service_find(model, service_name, &service, err);

	if (!result)
		result = backend_validate(service, endpoint, err);
	if (!result)
		result = weight_validate(weight, err);
	if (!result)
		result = backend_unique(service, endpoint, err);
	if (!result)
		result = backend_append(model, service, &backend, err);
	return result;
}

/* The backend of that endpoint, or -ENOENT. */
static int backend_require(const struct model *model, const char *service_name,
			   const struct endpoint *endpoint, struct service **service,
			   struct backend **backend, struct err *err)
{
	char text[ENDPOINT_TEXT_MAX];
	int result = model_service_find(model, service_name, service, err);

	if (result)
		return result;
	*backend = service_backend(*service, endpoint);
	if (*backend)
		return 0;
	return err_set(err, -ENOENT,
		       "backend %s: not in service %s; see 'lbxdp backend list %s' for those that "
		       "are",
		       endpoint_format(endpoint, text), (*service)->name, (*service)->name);
}

int model_backend_set(struct model *model, const char *service_name,
		      const struct endpoint *endpoint, unsigned weight, struct err *err)
{
	struct service *service = NULL;
	struct backend *backend = NULL;
	int result = backend_require(model, service_name, endpoint, &service, &backend, err);

	if (!result)
		result = weight_validate(weight, err);
	if (!result)
		backend->weight = weight;
	return result;
}

int model_backend_tunnel_set(struct model *model, const char *service_name,
			     const struct endpoint *endpoint, const struct tunnel *tunnel,
			     struct err *err)
{
	struct service *service = NULL;
	struct backend *backend = NULL, changed;
	int result = backend_require(model, service_name, endpoint, &service, &backend, err);

	if (result)
		return result;
	changed = *backend;
	changed.tunnel = *tunnel;
	result = tunnel_validate(service, &changed, err);
	if (!result)
		*backend = changed;
	return result;
}

int model_backend_remove(struct model *model, const char *service_name,
			 const struct endpoint *endpoint, struct err *err)
{
	struct service *service = NULL;
	struct backend *backend = NULL;
	size_t behind;
	int result = backend_require(model, service_name, endpoint, &service, &backend, err);

	if (result)
		return result;
	behind = service->backend_count - (size_t)(backend - service->backends) - 1;
	memmove(backend, backend + 1, behind * sizeof(*backend));
	service->backend_count--;
	return 0;
}
