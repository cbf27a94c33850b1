// SPDX-License-Identifier: GPL-2.0
/* Lines of the control protocol: what is taken, what is refused, and how answers read. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "user/control/protocol.h"

static int parse(const char *line, struct request *request, struct err *err)
{
	*err = (struct err){0};
	return request_parse(line, strlen(line), request, err);
}

static void assert_arg(const struct request *request, const char *name, const char *text)
{
	const char *value = json_string_value(json_object_get(request->args, name));

	assert_non_null(value);
	assert_string_equal(value, text);
}

static void test_values_become_text(void **state)
{
	struct request request;
	struct err err;

	(void)state;
	assert_int_equal(parse("{\"command\": \"backend.add\", \"args\": {\"backend\": \"a:1\", "
			       "\"weight\": 2, \"part\": 1.5, \"yes\": true, \"no\": false, "
			       "\"nothing\": null, \"low\": -3}}",
			       &request, &err),
			 0);
	assert_string_equal(request.command, "backend.add");
	assert_int_equal(json_object_size(request.args), 6);
	assert_arg(&request, "backend", "a:1");
	assert_arg(&request, "weight", "2");
	assert_arg(&request, "part", "1.5");
	assert_arg(&request, "yes", "true");
	assert_arg(&request, "no", "false");
	assert_arg(&request, "low", "-3");
	request_fini(&request);
}

static void test_args_may_be_missing(void **state)
{
	struct request request;
	struct err err;

	(void)state;
	assert_int_equal(parse("{\"command\":\"status\"}\r", &request, &err), 0);
	assert_int_equal(json_object_size(request.args), 0);
	request_fini(&request);
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *part;
	} cases[] = {
		{"", "not valid JSON"},
		{"status", "not valid JSON"},
		{"{\"command\":\"status\"", "not valid JSON"},
		{"{\"command\":\"status\"} x", "not valid JSON"},
		{"{\"command\":\"a\",\"command\":\"b\"}", "duplicate"},
		{"{\"command\":\"a\\u0000b\"}", "not valid JSON"},
		{"{\"command\":\"\xff\"}", "not valid JSON"},
		{"{\"command\":\"a\",\"args\":{\"x\":1,\"x\":2}}", "duplicate"},
		{"{\"command\":\"a\",\"args\":{\"x\":1e999}}", "not valid JSON"},
		{"[]", "not a JSON object"},
		{"{}", "no \"command\""},
		{"{\"command\":7}", "no \"command\""},
		{"{\"command\":\"a\",\"args\":[]}", "\"args\" is not an object"},
		{"{\"command\":\"a\",\"args\":{\"x\":{}}}", "argument x: is neither"},
		{"{\"command\":\"a\",\"args\":{\"x\":[1]}}", "argument x: is neither"},
		{"{\"command\":\"a\",\"id\":1}", "unknown member \"id\""},
	};
	struct request request;
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].line, &request, &err), -EPROTO);
		assert_contains(err.text, cases[i].part);
		assert_null(request.args);
	}
}

static void test_long_lines(void **state)
{
	static char line[REQUEST_LINE_MAX + 2];
	static const char start[] = "{\"command\":\"status\"}";
	struct request request;
	struct err err = {0};

	(void)state;
	memset(line, ' ', sizeof(line));
	memcpy(line, start, strlen(start));
	assert_int_equal(request_parse(line, REQUEST_LINE_MAX, &request, &err), 0);
	request_fini(&request);
	assert_int_equal(request_parse(line, REQUEST_LINE_MAX + 1, &request, &err), -E2BIG);
	memset(line, '[', sizeof(line));
	assert_int_equal(request_parse(line, REQUEST_LINE_MAX, &request, &err), -EPROTO);
	memset(line, 'x', sizeof(line));
	memcpy(line, "{\"command\":\"", 12);
	memcpy(line + REQUEST_LINE_MAX - 2, "\"}", 2);
	assert_int_equal(request_parse(line, REQUEST_LINE_MAX, &request, &err), 0);
	assert_int_equal(strlen(request.command), sizeof(request.command) - 1);
	request_fini(&request);
}

/* Whatever a stranger sends: an error or a request, never a crash. */
static void test_random_lines(void **state)
{
	static const char parts[] = "{}[]\",:\\u00ff\n 019.e-+abtrue\"command\"";
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 100000; round++) {
		size_t length = random_next(&seed) % 48;
		struct request request;
		char line[48];

		for (size_t i = 0; i < length; i++)
			line[i] = parts[random_next(&seed) % (sizeof(parts) - 1)];
		if (!request_parse(line, length, &request, NULL))
			request_fini(&request);
	}
}

static void test_answers(void **state)
{
	struct err err = {.code = -EEXIST, .text = "a \"b\": exists"};
	json_t *result = json_pack("{s:i}", "id", 1), *warnings = json_pack("[s]", "careful");
	char *line = response_ok(result, warnings);

	(void)state;
	assert_string_equal(line,
			    "{\"ok\":true,\"result\":{\"id\":1},\"warnings\":[\"careful\"]}\n");
	free(line);
	json_array_clear(warnings);
	line = response_ok(NULL, warnings);
	assert_string_equal(line, "{\"ok\":true,\"result\":{}}\n");
	free(line);
	line = response_error(&err);
	assert_string_equal(line, "{\"ok\":false,\"error\":\"a \\\"b\\\": exists\",\"code\":17}\n");
	free(line);
	strcpy(err.text, "cut off: \xc3");
	line = response_error(&err);
	assert_contains(line, "not valid UTF-8");
	free(line);
	json_decref(result);
	json_decref(warnings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_become_text),
		cmocka_unit_test(test_args_may_be_missing),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_random_lines),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
