// SPDX-License-Identifier: GPL-2.0
#include "user/control/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/base/log.h"
#include "user/control/protocol.h"

#define REQUIRED(name)                                                                             \
	{                                                                                          \
		name, true                                                                         \
	}
#define OPTIONAL(name)                                                                             \
	{                                                                                          \
		name, false                                                                        \
	}
/* clang-format off */
#define SERVICE_SETTINGS OPTIONAL("scheduler"), OPTIONAL("check"), OPTIONAL("interval"), \
	OPTIONAL("timeout"), OPTIONAL("rise"), OPTIONAL("fall"), OPTIONAL("on_down"), \
	OPTIONAL("all_down"), OPTIONAL("ping")
#define TUNNEL_SETTINGS OPTIONAL("mtu"), OPTIONAL("tunnel_port"), OPTIONAL("tunnel_source")

static const struct command commands[] = {
	{"version", {{0}}, command_version, true},
	{"attach", {REQUIRED("interface"), OPTIONAL("mode"), OPTIONAL("max_flows"),
		    OPTIONAL("snat"), OPTIONAL("ports")}, command_attach, false},
	{"detach", {OPTIONAL("interface"), OPTIONAL("all")}, command_detach, true},
	{"exit", {OPTIONAL("idle")}, command_exit, true},
	{"service.add", {REQUIRED("name"), REQUIRED("protocol"), REQUIRED("vip"),
			 OPTIONAL("forward"), SERVICE_SETTINGS, OPTIONAL("assign")},
	 command_service_add, false},
	{"service.set", {REQUIRED("name"), SERVICE_SETTINGS}, command_service_set, false},
	{"service.remove", {REQUIRED("name")}, command_service_remove, false},
	{"service.show", {REQUIRED("name")}, command_service_show, false},
	{"service.list", {{0}}, command_service_list, false},
	{"backend.add", {OPTIONAL("service"), REQUIRED("backend"), OPTIONAL("weight"),
			 TUNNEL_SETTINGS},
	 command_backend_add, false},
	{"backend.set", {OPTIONAL("service"), REQUIRED("backend"), OPTIONAL("weight"),
			 TUNNEL_SETTINGS},
	 command_backend_set, false},
	{"backend.remove", {OPTIONAL("service"), REQUIRED("backend")},
	 command_backend_remove, false},
	{"backend.list", {OPTIONAL("service")}, command_backend_list, false},
	{"status", {{0}}, command_status, true},
	{"stats", {{0}}, command_stats, false},
};
/* clang-format on */

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static const struct command *command_find(const char *name, struct err *err)
{
	char known[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	for (size_t i = 0; i < COMMAND_COUNT && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 used ? ", " : "", commands[i].name);
	err_set(err, -ENOSYS, "command '%s': unknown; there are: %s", name, known);
	return NULL;
}

void call_warn(struct call *call, const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_array_append_new(call->warnings, json_string(text));
}

int call_result(struct call *call, json_t *result, struct err *err)
{
	if (!result)
		return err_set(err, -ENOMEM, "lbxdpd: out of memory for the answer");
	call->result = result;
	return 0;
}

static int request_run(struct call *call, const char *name, struct err *err)
{
	const struct command *command = command_find(name, err);
	int r;

	if (!command)
		return err->code;
	r = args_check(name, call->args, command->args, err);
	if (!r && *call->controller->orphan && !command->when_orphan)
		r = err_set(err, -EUCLEAN, "%s", call->controller->orphan);
	return r ? r : command->run(call, err);
}

static char *request_answer(struct controller *controller, const struct request *request)
{
	struct call call = {.controller = controller, .args = request->args};
	struct err err = {0};
	char *answer;
	int r;

	call.warnings = json_array();
	r = call.warnings ? request_run(&call, request->command, &err)
			  : err_set(&err, -ENOMEM, "lbxdpd: out of memory");
	if (r)
		log_debug("%s: %s", request->command, err.text);
	answer = r ? response_error(&err) : response_ok(call.result, call.warnings);
	json_decref(call.result);
	json_decref(call.warnings);
	return answer;
}

char *command_run(struct controller *controller, const char *line, size_t length, bool *malformed)
{
	struct request request;
	struct err err = {0};
	char *answer;

	*malformed = request_parse(line, length, &request, &err) != 0;
	if (*malformed)
		return response_error(&err);
	answer = request_answer(controller, &request);
	request_fini(&request);
	return answer;
}
