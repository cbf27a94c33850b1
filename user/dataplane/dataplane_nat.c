// SPDX-License-Identifier: GPL-2.0
/* Backends of mode nat by the endpoint that they answer from: `nat_backends`. */
#include "user/dataplane/dataplane_internal.h"

#include <errno.h>
#include <string.h>

#include "user/base/addr.h"

/* The program asks the map only while there is something in it. */
static int feature_update(struct dataplane *dataplane, struct err *err)
{
	const struct bpf_map *map = dataplane->skel->maps.nat_backends;
	struct lbx_settings *settings = &dataplane->settings;
	bool used = !bpf_map_get_next_key(bpf_map__fd(map), NULL, &(struct lbx_nat_key){0});
	__u32 features = used ? settings->features | LBX_FEATURE_NAT
			      : settings->features & ~(__u32)LBX_FEATURE_NAT;
	__u32 zero = 0;

	if (features == settings->features)
		return 0;
	settings->features = features;
	return map_write(dataplane->skel->maps.settings, &zero, settings, err);
}

/* The place of the id, or of 0 for a free one; -1: there is none. */
static int place_find(const struct lbx_nat_backends *backends, __u16 id)
{
	for (int i = 0; i < LBX_NAT_SHARED; i++) {
		if (backends->ids[i] == id)
			return i;
	}
	return -1;
}

static int nat_write(struct dataplane *dataplane, const struct lbx_nat_key *key,
		     const struct lbx_nat_backends *backends, struct err *err)
{
	static const struct lbx_nat_backends none;
	const struct bpf_map *map = dataplane->skel->maps.nat_backends;
	int ret = memcmp(backends, &none, sizeof(none)) ? map_write(map, key, backends, err)
							: map_remove(map, key, err);

	return ret ? ret : feature_update(dataplane, err);
}

int dataplane_nat_put(struct dataplane *dataplane, __u16 id, const struct lbx_backend *backend,
		      bool present, struct err *err)
{
	const struct endpoint endpoint = {backend->addr, backend->port};
	const struct lbx_nat_key key = {backend->addr, backend->port, backend->protocol, 0};
	const struct bpf_map *map = dataplane->skel->maps.nat_backends;
	struct lbx_nat_backends backends = {{0}};
	char text[ENDPOINT_TEXT_MAX];
	int place;

	if (bpf_map_lookup_elem(bpf_map__fd(map), &key, &backends))
		memset(&backends, 0, sizeof(backends));
	place = place_find(&backends, id);
	if (present == (place >= 0))
		return 0;
	if (present)
		place = place_find(&backends, 0);
	if (place < 0)
		return err_set(err, -ENOSPC,
			       "backend %s: is a backend of %d services with forward nat already, "
			       "the most there can be; use fullnat",
			       endpoint_format(&endpoint, text), LBX_NAT_SHARED);
	backends.ids[place] = present ? id : 0;
	return nat_write(dataplane, &key, &backends, err);
}
