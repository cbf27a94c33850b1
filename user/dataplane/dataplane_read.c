// SPDX-License-Identifier: GPL-2.0
/* Counters and sizes. */
#include "user/dataplane/dataplane_internal.h"

#include <errno.h>
#include <string.h>

#include "user/base/cleanup.h"

__u64 dataplane_cursor(const struct dataplane *dataplane, __u16 service_id)
{
	const struct lbx_cursor *cursors = (const void *)dataplane->cursors.memory;

	if (service_id >= LBX_MAX_SERVICES)
		return 0;
	return __atomic_load_n(&cursors[service_id].ticket, __ATOMIC_RELAXED);
}

/* All CPUs' values of one entry, one after another. */
static void *percpu_read(const struct bpf_map *map, __u32 index, size_t size, int *cpus)
{
	void *values;

	*cpus = libbpf_num_possible_cpus();
	if (*cpus <= 0)
		return NULL;
	values = calloc((size_t)*cpus, size);
	if (values && bpf_map_lookup_elem(bpf_map__fd(map), &index, values)) {
		free(values);
		return NULL;
	}
	return values;
}

int dataplane_backend_stats(const struct dataplane *dataplane, __u16 id,
			    struct lbx_backend_stats *sum)
{
	int cpus;
	autofree struct lbx_backend_stats *each = percpu_read(dataplane->skel->maps.backend_stats,
							      id, sizeof(*each), &cpus);

	memset(sum, 0, sizeof(*sum));
	if (!each)
		return -EIO;
	for (int i = 0; i < cpus; i++) {
		sum->connections += each[i].connections;
		sum->packets += each[i].packets;
		sum->bytes += each[i].bytes;
		sum->return_packets += each[i].return_packets;
		sum->return_bytes += each[i].return_bytes;
	}
	return 0;
}

int dataplane_verdicts(const struct dataplane *dataplane, __u64 counts[VERDICT_COUNT])
{
	for (__u32 verdict = 0; verdict < VERDICT_COUNT; verdict++) {
		int cpus;
		autofree __u64 *each = percpu_read(dataplane->skel->maps.verdicts, verdict,
						   sizeof(*each), &cpus);

		counts[verdict] = 0;
		if (!each)
			return -EIO;
		for (int i = 0; i < cpus; i++)
			counts[verdict] += each[i];
	}
	return 0;
}

void dataplane_memory(const struct dataplane *dataplane, struct dataplane_memory *memory)
{
	const struct lbx_settings *settings = &dataplane->settings;

	memory->flows4 = (unsigned long long)settings->flow4_buckets * sizeof(struct lbx_bucket4);
	memory->flows6 = (unsigned long long)settings->flow6_buckets * sizeof(struct lbx_bucket6);
	memory->reverse = (unsigned long long)settings->reverse_buckets *
			  sizeof(struct lbx_bucket_reverse);
	memory->max_flows = settings->flow4_buckets * LBX_BUCKET_SLOTS;
}

void dataplane_config(const struct dataplane *dataplane, struct dataplane_options *options)
{
	options->max_flows = dataplane->settings.flow4_buckets * LBX_BUCKET_SLOTS;
	options->port_lo = dataplane->settings.port_lo;
	options->port_hi = dataplane->settings.port_hi;
}
