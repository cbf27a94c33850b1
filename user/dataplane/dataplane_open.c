// SPDX-License-Identifier: GPL-2.0
/* Creating an instance, or loading our program over the maps of a running one. */
#include "user/dataplane/dataplane_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

/*
 * How long a flow may be idle, by its state. A connection may be silent for 2 h 4 min at least
 * (RFC 5382, REQ-5); the rest follows conntrack's defaults.
 */
static const unsigned timeout_s[8] = {
	[LBX_FLOW_CLAIM] = 2,	      [LBX_FLOW_HALF_OPEN] = 60, [LBX_FLOW_FRESH] = 300,
	[LBX_FLOW_ASSURED] = 7440,    [LBX_FLOW_CLOSING] = 120,	 [LBX_FLOW_UDP_FRESH] = 60,
	[LBX_FLOW_UDP_ASSURED] = 300,
};

static __u16 ticks_from_s(unsigned seconds)
{
	__u64 tick_ns = 1ULL << LBX_TICK_SHIFT;

	return (__u16)(((__u64)seconds * NS_PER_S + tick_ns - 1) / tick_ns);
}

static __u32 power_of_two_up(__u32 number)
{
	__u32 power = 1;

	while (power < number)
		power <<= 1;
	return power;
}

static int options_check(const struct dataplane_options *options, struct err *err)
{
	if (options->max_flows &&
	    (options->max_flows < LBX_FLOWS_MIN || options->max_flows > LBX_FLOWS_MAX))
		return err_set(err, -EINVAL, "max-flows %u: out of range; use %u to %u",
			       options->max_flows, LBX_FLOWS_MIN, LBX_FLOWS_MAX);
	if (options->port_lo > options->port_hi || (options->port_hi && !options->port_lo))
		return err_set(err, -EINVAL, "ports %u-%u: not a range; use for example %u-%u",
			       options->port_lo, options->port_hi, LBX_PORT_LO_DEFAULT,
			       LBX_PORT_HI_DEFAULT);
	return 0;
}

static int settings_init(struct lbx_settings *settings, const struct dataplane_options *options,
			 struct err *err)
{
	__u32 flows = options->max_flows ? options->max_flows : LBX_FLOWS_DEFAULT;
	__u32 buckets = power_of_two_up(flows) / LBX_BUCKET_SLOTS;

	memset(settings, 0, sizeof(*settings));
	if (getrandom(settings->seeds, sizeof(settings->seeds), 0) !=
	    (ssize_t)sizeof(settings->seeds))
		return err_set(err, -EIO, "seeds: no random numbers (%s); retry", strerror(errno));
	settings->seeds[1] |= 1;
	settings->layout_version = LBX_LAYOUT_VERSION;
	settings->flow4_buckets = buckets;
	settings->flow6_buckets = buckets;
	settings->reverse_buckets = buckets;
	settings->port_lo = options->port_hi ? options->port_lo : LBX_PORT_LO_DEFAULT;
	settings->port_hi = options->port_hi ? options->port_hi : LBX_PORT_HI_DEFAULT;
	for (int state = 0; state < 8; state++)
		settings->timeout_ticks[state] = ticks_from_s(timeout_s[state]);
	return 0;
}

/* A running instance keeps its tables; asking for others must not go unnoticed. */
static int options_agree(const struct dataplane *dataplane, const struct dataplane_options *options,
			 struct err *err)
{
	struct dataplane_options running;

	dataplane_config(dataplane, &running);
	if (options->max_flows && power_of_two_up(options->max_flows) != running.max_flows)
		return err_set(err, -EINVAL,
			       "max-flows %u: the running instance has %u; leave it out, or run "
			       "'lbxdp detach --all' first",
			       options->max_flows, running.max_flows);
	if (options->port_hi &&
	    (options->port_lo != running.port_lo || options->port_hi != running.port_hi))
		return err_set(err, -EINVAL,
			       "ports %u-%u: the running instance has %u-%u; leave them out, or "
			       "run 'lbxdp detach --all' first",
			       options->port_lo, options->port_hi, running.port_lo,
			       running.port_hi);
	return 0;
}

void skel_configure(const struct dataplane *dataplane, struct lbxdp_bpf *skel)
{
	const struct lbx_settings *settings = &dataplane->settings;
	struct lbx_config *config = (struct lbx_config *)&skel->rodata->config;

	memcpy(config->seeds, settings->seeds, sizeof(config->seeds));
	config->flow4_mask = settings->flow4_buckets - 1;
	config->flow6_mask = settings->flow6_buckets - 1;
	config->reverse_mask = settings->reverse_buckets - 1;
	config->port_lo = settings->port_lo;
	config->port_hi = settings->port_hi;
	config->frags = dataplane->features.frags;
	if (dataplane->features.frags)
		bpf_program__set_flags(skel->progs.lbxdp_main,
				       bpf_program__flags(skel->progs.lbxdp_main) |
					       BPF_F_XDP_HAS_FRAGS);
}

static int skel_open(struct dataplane *dataplane, struct err *err)
{
	dataplane->skel = lbxdp_bpf__open();
	if (!dataplane->skel)
		return err_set(err, -errno, "BPF object: cannot open (%s); rebuild lbxdpd",
			       strerror(errno));
	skel_configure(dataplane, dataplane->skel);
	return 0;
}

static int skel_load(struct dataplane *dataplane, struct err *err)
{
	int ret = lbxdp_bpf__load(dataplane->skel);

	if (!ret)
		return tables_map(dataplane, err);
	if (ret == -ENOMEM)
		return err_set(err, ret,
			       "flow tables: no memory for %u flows; retry with a smaller "
			       "--max-flows",
			       dataplane->settings.flow4_buckets * LBX_BUCKET_SLOTS);
	return err_set(err, ret,
		       "BPF program: the kernel refuses it (%s); retry with --verbose for its "
		       "reasons",
		       strerror(-ret));
}

static void tables_resize(struct dataplane *dataplane)
{
	const struct lbx_settings *settings = &dataplane->settings;
	struct lbxdp_bpf *skel = dataplane->skel;

	bpf_map__set_max_entries(skel->maps.flows4, settings->flow4_buckets);
	bpf_map__set_max_entries(skel->maps.flows6, settings->flow6_buckets);
	bpf_map__set_max_entries(skel->maps.reverse, settings->reverse_buckets);
}

static int instance_create(struct dataplane *dataplane, const struct dataplane_options *options,
			   struct err *err)
{
	const __u32 zero = 0;
	/* What a crash left of an instance is in nobody's use. */
	int ret = dataplane_destroy(dataplane->instance, err);

	if (!ret)
		ret = settings_init(&dataplane->settings, options, err);
	if (!ret)
		ret = skel_open(dataplane, err);
	if (ret)
		return ret;
	tables_resize(dataplane);
	ret = skel_load(dataplane, err);
	if (!ret)
		ret = map_write(dataplane->skel->maps.settings, &zero, &dataplane->settings, err);
	if (!ret)
		ret = pins_create(dataplane, err);
	if (!ret)
		ret = dispatcher_ports_open(dataplane, err);
	if (ret)
		dataplane_destroy(dataplane->instance, NULL);
	return ret;
}

static int instance_adopt(struct dataplane *dataplane, const struct dataplane_options *options,
			  struct err *err)
{
	int ret = settings_adopt(dataplane, err);

	if (!ret)
		ret = options_agree(dataplane, options, err);
	if (!ret)
		ret = skel_open(dataplane, err);
	if (!ret)
		ret = maps_adopt(dataplane, dataplane->skel, err);
	if (!ret)
		ret = skel_load(dataplane, err);
	if (!ret)
		ret = dispatcher_ports_open(dataplane, err);
	if (ret)
		return ret;
	interfaces_adopt(dataplane);
	return pins_renew(dataplane, err);
}

static int instance_open(struct dataplane *dataplane, const struct dataplane_options *options,
			 bool *adopted, struct err *err)
{
	int ret = kernel_probe(&dataplane->features, err);

	if (!ret)
		ret = bpffs_mount(err);
	if (ret)
		return ret;
	*adopted = pins_exist(dataplane->instance);
	return *adopted ? instance_adopt(dataplane, options, err)
			: instance_create(dataplane, options, err);
}

int dataplane_open(const char *instance, const struct dataplane_options *options, bool verbose,
		   bool *adopted, struct dataplane **dataplane, struct err *err)
{
	const struct dataplane_options defaults = {};
	struct dataplane *opened;
	int ret = instance_check(instance, err);

	if (!options)
		options = &defaults;
	if (!ret)
		ret = options_check(options, err);
	if (ret)
		return ret;
	opened = calloc(1, sizeof(*opened));
	if (!opened)
		return err_set(err, -ENOMEM, "data plane: out of memory; retry");
	snprintf(opened->instance, sizeof(opened->instance), "%s", instance);
	opened->dispatcher_ports_fd = -1;
	messages_init(verbose);
	ret = instance_open(opened, options, adopted, err);
	if (ret)
		dataplane_close(opened);
	else
		*dataplane = opened;
	return ret;
}

void dataplane_close(struct dataplane *dataplane)
{
	if (!dataplane)
		return;
	tables_unmap(dataplane);
	dispatcher_close(dataplane->dispatcher);
	lbxdp_bpf__destroy(dataplane->skel);
	if (dataplane->dispatcher_ports_fd >= 0)
		close(dataplane->dispatcher_ports_fd);
	free(dataplane);
}
