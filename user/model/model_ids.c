// SPDX-License-Identifier: GPL-2.0
/* Ids: bitmaps of those in use, by the model or still by a flow slot. */
#include "user/model/model_internal.h"

__u16 id_take(__u64 *used, unsigned limit)
{
	for (unsigned id = 1; id < limit; id++) {
		__u64 bit = 1ULL << id % 64;

		if (used[id / 64] & bit)
			continue;
		used[id / 64] |= bit;
		return (__u16)id;
	}
	return 0;
}

static void id_free(__u64 *used, unsigned limit, __u16 id)
{
	if (id < limit)
		used[id / 64] &= ~(1ULL << id % 64);
}

void model_service_id_free(struct model *model, __u16 id)
{
	id_free(model->service_ids_used, LBX_MAX_SERVICES, id);
}

void model_backend_id_free(struct model *model, __u16 id)
{
	id_free(model->backend_ids_used, LBX_MAX_BACKENDS, id);
}
