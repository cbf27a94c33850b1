// SPDX-License-Identifier: GPL-2.0
#include "user/cli/view.h"

#include <stdbool.h>
#include <string.h>

#include "user/cli/output.h"

const char *view_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

unsigned long long view_count(const json_t *object, const char *key)
{
	return (unsigned long long)json_integer_value(json_object_get(object, key));
}

static size_t backends_up(const json_t *backends)
{
	json_t *backend;
	size_t i, up = 0;

	json_array_foreach (backends, i, backend)
		up += !strcmp(view_text(backend, "state"), "up");
	return up;
}

static bool answers_seen(const json_t *service)
{
	const char *forward = view_text(service, "forward");

	return strcmp(forward, "dsr") && strcmp(forward, "ipip") && strcmp(forward, "gue");
}

static int no_services(FILE *out)
{
	fputs("no services; add one with 'lbxdp service add NAME tcp VIP:PORT'\n", out);
	return 0;
}

static void count_cell(struct table *table, const json_t *object, const char *key)
{
	char text[NUMBER_TEXT_MAX];

	table_cell(table, "%s", count_format(view_count(object, key), text));
}

static void bytes_cell(struct table *table, const json_t *object, const char *key)
{
	char text[NUMBER_TEXT_MAX];

	table_cell(table, "%s", bytes_format(view_count(object, key), text));
}

static void service_row(struct table *table, const json_t *service)
{
	static const char *const keys[] = {"name",    "protocol",  "vip",
					   "forward", "scheduler", "check"};
	const json_t *backends = json_object_get(service, "backends");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		table_cell(table, "%s", view_text(service, keys[i]));
	table_cell(table, "%zu of %zu", backends_up(backends), json_array_size(backends));
	table_cell(table, "%llu", view_count(service, "connections"));
	table_cell(table, "%llu", view_count(service, "active_flows"));
}

int view_services(const json_t *services, FILE *out)
{
	static const char *const columns[] = {"NAME",	   "PROTOCOL", "VIP", "FORWARD",
					      "SCHEDULER", "CHECK",    ">UP", ">CONNECTIONS",
					      ">ACTIVE",   NULL};
	struct table *table;
	json_t *service;
	size_t i;

	if (!json_array_size(services))
		return no_services(out);
	table = table_new(columns);
	json_array_foreach (services, i, service)
		service_row(table, service);
	return table_print(table, out);
}

static void totals_row(struct table *table, const json_t *service)
{
	table_cell(table, "%s", view_text(service, "name"));
	table_cell(table, "%llu", view_count(service, "connections"));
	table_cell(table, "%llu", view_count(service, "active_flows"));
	table_cell(table, "%llu", view_count(service, "packets"));
	bytes_cell(table, service, "bytes");
	if (!answers_seen(service)) {
		table_cell(table, "-");
		table_cell(table, "-");
		return;
	}
	table_cell(table, "%llu", view_count(service, "return_packets"));
	bytes_cell(table, service, "return_bytes");
}

int view_totals(const json_t *services, FILE *out)
{
	static const char *const columns[] = {"SERVICE",    ">CONNECTIONS",
					      ">ACTIVE",    ">PACKETS IN",
					      ">BYTES IN",  ">PACKETS OUT",
					      ">BYTES OUT", NULL};
	struct table *table = table_new(columns);
	json_t *service;
	size_t i;

	json_array_foreach (services, i, service)
		totals_row(table, service);
	return table_print(table, out);
}

static void state_cell(struct table *table, const char *state)
{
	table_cell(table, "%s", state);
	if (!strcmp(state, "up"))
		table_colour(table, "green");
	else
		table_colour(table, strcmp(state, "checking") ? "red" : "brown");
}

static void backend_row(struct table *table, const json_t *backend, bool answers)
{
	table_cell(table, "%s", view_text(backend, "address"));
	table_cell(table, "%llu", view_count(backend, "weight"));
	state_cell(table, view_text(backend, "state"));
	table_cell(table, "%llu", view_count(backend, "connections"));
	table_cell(table, "%llu", view_count(backend, "active_flows"));
	count_cell(table, backend, "packets");
	bytes_cell(table, backend, "bytes");
	if (answers)
		bytes_cell(table, backend, "return_bytes");
	else
		table_cell(table, "-");
	table_cell(table, "%s", view_text(backend, "reason"));
}

static void backend_rows(struct table *table, const json_t *service)
{
	const json_t *backends = json_object_get(service, "backends");
	json_t *backend;
	size_t i;

	json_array_foreach (backends, i, backend)
		backend_row(table, backend, answers_seen(service));
}

static struct table *backend_table(void)
{
	static const char *const columns[] = {"BACKEND", ">WEIGHT",  "STATE",	  ">CONNECTIONS",
					      ">ACTIVE", ">PACKETS", ">BYTES IN", ">BYTES OUT",
					      "REASON",	 NULL};

	return table_new(columns);
}

/* "web  tcp 10.0.0.100:80  fullnat rr  check tcp  2 of 3 up"; `backend list` has but the name. */
static void service_heading(struct table *table, const json_t *service)
{
	const json_t *backends = json_object_get(service, "backends");
	char settings[512] = "";

	if (*view_text(service, "vip"))
		snprintf(settings, sizeof(settings), "  %s %s  %s %s  check %s",
			 view_text(service, "protocol"), view_text(service, "vip"),
			 view_text(service, "forward"), view_text(service, "scheduler"),
			 view_text(service, "check"));
	if (json_array_size(backends))
		table_heading(table, "%s%s  %zu of %zu up", view_text(service, "name"), settings,
			      backends_up(backends), json_array_size(backends));
	else
		table_heading(table, "%s%s  no backends", view_text(service, "name"), settings);
}

int view_backends(const json_t *services, FILE *out)
{
	struct table *table;
	json_t *service;
	size_t i;

	if (!json_array_size(services))
		return no_services(out);
	table = backend_table();
	json_array_foreach (services, i, service) {
		service_heading(table, service);
		backend_rows(table, service);
	}
	return table_print(table, out);
}

static void settings_print(const json_t *service, FILE *out)
{
	static const struct {
		const char *label, *key;
	} settings[] = {
		{"protocol", "protocol"},   {"vip", "vip"},
		{"assigned to", "assign"},  {"forward", "forward"},
		{"scheduler", "scheduler"}, {"on-down", "on_down"},
		{"all-down", "all_down"},   {"ping", "ping"},
	};
	char interval[NUMBER_TEXT_MAX], timeout[NUMBER_TEXT_MAX];

	fprintf(out, "%s\n", view_text(service, "name"));
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (*view_text(service, settings[i].key))
			fprintf(out, "  %-12s %s\n", settings[i].label,
				view_text(service, settings[i].key));
	}
	fprintf(out, "  %-12s %s", "check", view_text(service, "check"));
	if (strcmp(view_text(service, "check"), "none") != 0)
		fprintf(out, " every %s, timeout %s, rise %llu, fall %llu",
			interval_format(view_count(service, "interval_ms"), interval),
			interval_format(view_count(service, "timeout_ms"), timeout),
			view_count(service, "rise"), view_count(service, "fall"));
	fputc('\n', out);
}

static void counters_print(const json_t *service, FILE *out)
{
	char bytes[NUMBER_TEXT_MAX];

	fprintf(out, "  %-12s %llu, %llu active\n", "connections",
		view_count(service, "connections"), view_count(service, "active_flows"));
	fprintf(out, "  %-12s %llu packets, %s bytes\n", "in", view_count(service, "packets"),
		bytes_format(view_count(service, "bytes"), bytes));
	if (answers_seen(service))
		fprintf(out, "  %-12s %llu packets, %s bytes\n", "out",
			view_count(service, "return_packets"),
			bytes_format(view_count(service, "return_bytes"), bytes));
}

int view_service(const json_t *service, FILE *out)
{
	struct table *table = backend_table();

	settings_print(service, out);
	counters_print(service, out);
	fputc('\n', out);
	if (!json_array_size(json_object_get(service, "backends")))
		fputs("no backends; add one with 'lbxdp backend add'\n", out);
	backend_rows(table, service);
	return table_print(table, out);
}
