// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/control/command.h"
#include "user/control/report.h"
#include "user/control/sweep.h"
#include "version.h"

int command_version(struct call *call, struct err *err)
{
	return call_result(call,
			   json_pack("{s:s, s:i, s:s}", "version", LBX_VERSION, "pid",
				     (int)getpid(), "instance", call->controller->instance.name),
			   err);
}

static json_t *controller_json(const struct controller *controller)
{
	json_int_t uptime_s = monotonic_ms() / 1000 - controller->started_s;
	json_t *object = json_pack("{s:i, s:s, s:I, s:s}", "pid", (int)getpid(), "version",
				   LBX_VERSION, "uptime_s", uptime_s, "instance",
				   controller->instance.name);

	if (object && *controller->orphan)
		json_object_set_new(object, "problem", json_string(controller->orphan));
	return object;
}

static json_t *table_json(const char *name, unsigned slots, unsigned long long bytes, unsigned used)
{
	return json_pack("{s:s, s:i, s:I, s:I, s:i}", "name", name, "slots", (int)slots,
			 "slot_bytes", (json_int_t)(slots ? bytes / slots : 0), "bytes",
			 (json_int_t)bytes, "used", (int)used);
}

static json_t *flows_json(struct controller *controller)
{
	const struct dataplane_sweep *sweep = controller->sweep;
	struct dataplane_memory memory = {0};

	if (!controller->dataplane)
		return json_pack("{s:i, s:i, s:i, s:[]}", "max", 0, "used", 0, "bytes", 0,
				 "tables");
	sweep_refresh(controller, 1000);
	dataplane_memory(controller->dataplane, &memory);
	return json_pack("{s:i, s:i, s:I, s:[o, o, o]}", "max", (int)memory.max_flows, "used",
			 (int)(sweep->used4 + sweep->used6), "bytes",
			 (json_int_t)(memory.flows4 + memory.flows6 + memory.reverse), "tables",
			 table_json("ipv4", memory.max_flows, memory.flows4, sweep->used4),
			 table_json("ipv6", memory.max_flows, memory.flows6, sweep->used6),
			 table_json("reverse", memory.max_flows, memory.reverse,
				    sweep->used_reverse));
}

static json_t *snats_json(const struct controller *controller)
{
	json_t *list = json_array();

	for (int f = 1; f >= 0; f--) {
		const struct snat_family *family = &controller->snats.families[f];

		for (int i = 0; i < LBX_MAX_SNATS; i++) {
			char text[ADDR_TEXT_MAX];

			if (family->used >> i & 1)
				json_array_append_new(
					list, json_string(addr_format(&family->addrs[i], text)));
		}
	}
	return list;
}

int command_status(struct call *call, struct err *err)
{
	struct controller *controller = call->controller;
	char ports[16];

	snprintf(ports, sizeof(ports), "%u-%u", controller->options.port_lo,
		 controller->options.port_hi);
	return call_result(call,
			   json_pack("{s:o, s:o, s:o, s:o, s:s, s:o}", "controller",
				     controller_json(controller), "interfaces",
				     interfaces_report(controller), "flows", flows_json(controller),
				     "snat", snats_json(controller), "ports", ports, "services",
				     services_report(controller)),
			   err);
}

static const struct {
	const char *name, *class, *help;
} verdict_names[VERDICT_COUNT] = {
#define LBX_VERDICT(name, class, help) [VERDICT_##name] = {#name, #class, help},
#include "maps/verdict.def"
#undef LBX_VERDICT
};

static json_t *verdict_json(int verdict, __u64 packets)
{
	char class[16] = "";

	/* "FORWARD" in the list, where it is a C name. */
	for (size_t i = 0; i < sizeof(class) - 1 && verdict_names[verdict].class[i]; i++)
		class[i] = (char)(verdict_names[verdict].class[i] | 0x20);
	return json_pack("{s:s, s:s, s:s, s:I}", "name", verdict_names[verdict].name, "class",
			 class, "help", verdict_names[verdict].help, "packets",
			 (json_int_t)packets);
}

int command_stats(struct call *call, struct err *err)
{
	struct controller *controller = call->controller;
	__u64 counts[VERDICT_COUNT] = {0};
	json_t *verdicts = json_array();

	if (controller->dataplane)
		dataplane_verdicts(controller->dataplane, counts);
	for (int v = VERDICT_CONTINUE + 1; v < VERDICT_COUNT; v++)
		json_array_append_new(verdicts, verdict_json(v, counts[v]));
	return call_result(call,
			   json_pack("{s:o, s:o}", "verdicts", verdicts, "services",
				     services_report(controller)),
			   err);
}
