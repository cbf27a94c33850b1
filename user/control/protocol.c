// SPDX-License-Identifier: GPL-2.0
#include "user/control/protocol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"

/* A scalar as the text that the parsers of user/model/text.h take. */
static json_t *value_as_text(const json_t *value)
{
	char text[64];

	switch (json_typeof(value)) {
	case JSON_STRING:
		return json_copy((json_t *)value);
	case JSON_INTEGER:
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		return json_string(text);
	case JSON_REAL:
		snprintf(text, sizeof(text), "%.15g", json_real_value(value));
		return json_string(text);
	case JSON_TRUE:
		return json_string("true");
	case JSON_FALSE:
		return json_string("false");
	default:
		return NULL;
	}
}

static int args_take(json_t *args, const json_t *from, struct err *err)
{
	const char *key;
	json_t *value;

	if (from && !json_is_object(from))
		return err_set(err, -EPROTO, "request: \"args\" is not an object");
	json_object_foreach ((json_t *)from, key, value) {
		/* null is "not given". */
		if (json_is_null(value))
			continue;
		if (json_is_object(value) || json_is_array(value))
			return err_set(err, -EPROTO,
				       "argument %.64s: is neither text nor a number nor a boolean",
				       key);
		if (json_object_set_new(args, key, value_as_text(value)))
			return err_set(err, -ENOMEM, "request: out of memory");
	}
	return 0;
}

static int request_take(struct request *request, const json_t *root, struct err *err)
{
	const char *key, *command;
	json_t *value;

	if (!json_is_object(root))
		return err_set(err, -EPROTO, "request: is not a JSON object");
	json_object_foreach ((json_t *)root, key, value) {
		if (strcmp(key, "command") != 0 && strcmp(key, "args") != 0)
			return err_set(
				err, -EPROTO,
				"request: unknown member \"%.64s\"; known are: command, args", key);
	}
	command = json_string_value(json_object_get(root, "command"));
	if (!command)
		return err_set(err, -EPROTO, "request: has no \"command\"");
	/* A longer one is unknown in any case; cut off, it is still shown. */
	snprintf(request->command, sizeof(request->command), "%.63s", command);
	return args_take(request->args, json_object_get(root, "args"), err);
}

int request_parse(const char *line, size_t length, struct request *request, struct err *err)
{
	json_error_t error;
	json_t *root;
	int r;

	request->args = NULL;
	if (length > REQUEST_LINE_MAX)
		return err_set(err, -E2BIG, "request: longer than %d bytes", REQUEST_LINE_MAX);
	root = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return err_set(err, -EPROTO, "request: not valid JSON: %s", error.text);
	request->args = json_object();
	r = request->args ? request_take(request, root, err)
			  : err_set(err, -ENOMEM, "request: out of memory");
	json_decref(root);
	if (r)
		request_fini(request);
	return r;
}

void request_fini(struct request *request)
{
	json_decref(request->args);
	request->args = NULL;
}

static char *response_line(json_t *root)
{
	autofree char *text = json_dumps(root, JSON_COMPACT);
	char *line = NULL;

	json_decref(root);
	if (!text || asprintf(&line, "%s\n", text) < 0)
		return NULL;
	return line;
}

char *response_ok(const json_t *result, const json_t *warnings)
{
	json_t *root = json_pack("{s:b}", "ok", 1);

	if (!root)
		return NULL;
	if (result)
		json_object_set(root, "result", (json_t *)result);
	else
		json_object_set_new(root, "result", json_object());
	if (json_array_size(warnings))
		json_object_set(root, "warnings", (json_t *)warnings);
	return response_line(root);
}

char *response_error(const struct err *err)
{
	json_t *text = json_string(err->text);
	json_t *root;

	/* A user's bytes in the message may not be UTF-8. */
	if (!text)
		text = json_string("request: failed, for a reason that is not valid UTF-8");
	root = json_pack("{s:b, s:o, s:i}", "ok", 0, "error", text, "code",
			 err->code < 0 ? -err->code : EIO);
	return root ? response_line(root) : NULL;
}
