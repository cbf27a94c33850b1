// SPDX-License-Identifier: GPL-2.0
#include "tests/unit/unit.h"

#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>

#include "user/model/text.h"

static void test_number(void **state)
{
	unsigned value = 0;
	struct err err;

	(void)state;
	assert_int_equal(text_number("1", "weight", 1, 1000, &value, &err), 0);
	assert_int_equal(value, 1);
	assert_int_equal(text_number("1000", "weight", 1, 1000, &value, &err), 0);
	assert_int_equal(value, 1000);
	assert_int_equal(text_number("0042", "weight", 1, 1000, &value, &err), 0);
	assert_int_equal(value, 42);
	assert_int_equal(text_number("4294967295", "x", 0, UINT_MAX, &value, &err), 0);
	assert_int_equal(value, UINT_MAX);
}

static void test_number_refusals(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"0", "weight 0: out of range; give 1 to 1000"},
		{"1001", "weight 1001: out of range; give 1 to 1000"},
		{"100000", "weight 100000: out of range; give 1 to 1000"},
		{"18446744073709551617",
		 "weight 18446744073709551617: out of range; give 1 to 1000"},
		{"", "weight \"\": not a whole number; give 1 to 1000"},
		{"-1", "weight \"-1\": not a whole number; give 1 to 1000"},
		{"+1", "weight \"+1\": not a whole number; give 1 to 1000"},
		{" 1", "weight \" 1\": not a whole number; give 1 to 1000"},
		{"1 ", "weight \"1 \": not a whole number; give 1 to 1000"},
		{"1.5", "weight \"1.5\": not a whole number; give 1 to 1000"},
		{"0x10", "weight \"0x10\": not a whole number; give 1 to 1000"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned value = 7;
		struct err err;

		assert_err(text_number(cases[i].text, "weight", 1, 1000, &value, &err), &err,
			   -EINVAL, cases[i].error);
		assert_int_equal(value, 7);
	}
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		unsigned ms;
	} cases[] = {{"500ms", 500},	     {"2s", 2000},   {"1m", 60000},
		     {"1h", 3600000},	     {"3", 3000},    {"3600", 3600000},
		     {"3600000ms", 3600000}, {"100ms", 100}, {"60m", 3600000}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned ms = 0;
		struct err err;

		assert_int_equal(
			text_duration_ms(cases[i].text, "interval", 100, 3600000, &ms, &err), 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void test_duration_refusals(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"99ms", "interval 99ms: out of range; give 100ms to 1h"},
		{"0", "interval 0: out of range; give 100ms to 1h"},
		{"3600001ms", "interval 3600001ms: out of range; give 100ms to 1h"},
		{"2h", "interval 2h: out of range; give 100ms to 1h"},
		{"1194h", "interval 1194h: out of range; give 100ms to 1h"},
		/* In 64 bits of milliseconds this wraps to half an hour. */
		{"5124095576031h", "interval 5124095576031h: out of range; give 100ms to 1h"},
		{"99999999999999999999s", "interval 99999999999999999999s: out of range; give "
					  "100ms to 1h"},
		{"", "interval \"\": not a duration; give one like 500ms, 2s or 1m"},
		{"s", "interval \"s\": not a duration; give one like 500ms, 2s or 1m"},
		{"1.5s", "interval \"1.5s\": not a duration; give one like 500ms, 2s or 1m"},
		{"-1s", "interval \"-1s\": not a duration; give one like 500ms, 2s or 1m"},
		{"1 s", "interval \"1 s\": not a duration; give one like 500ms, 2s or 1m"},
		{"1d", "interval \"1d\": not a duration; give one like 500ms, 2s or 1m"},
		{"1sx", "interval \"1sx\": not a duration; give one like 500ms, 2s or 1m"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned ms = 7;
		struct err err;

		assert_err(text_duration_ms(cases[i].text, "interval", 100, 3600000, &ms, &err),
			   &err, -EINVAL, cases[i].error);
		assert_int_equal(ms, 7);
	}
}

static void test_port_range(void **state)
{
	__u16 lo, hi;
	struct err err;

	(void)state;
	assert_int_equal(text_port_range("10000-32767", &lo, &hi, &err), 0);
	assert_true(lo == 10000 && hi == 32767);
	assert_int_equal(text_port_range("1-65535", &lo, &hi, &err), 0);
	assert_true(lo == 1 && hi == 65535);
	assert_int_equal(text_port_range("80-80", &lo, &hi, &err), 0);
	assert_true(lo == 80 && hi == 80);
}

static void test_port_range_refusals(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"", "ports \"\": not a range; give one like 10000-32767"},
		{"80", "ports \"80\": not a range; give one like 10000-32767"},
		{"-80", "ports \"-80\": not a range; give one like 10000-32767"},
		{"80:90", "ports \"80:90\": not a range; give one like 10000-32767"},
		{"123456789-5", "ports \"123456789-5\": not a range; give one like 10000-32767"},
		{"80-", "last port \"\": not a whole number; give 1 to 65535"},
		{"80-90-", "last port \"90-\": not a whole number; give 1 to 65535"},
		{"0-90", "first port 0: out of range; give 1 to 65535"},
		{"80-65536", "last port 65536: out of range; give 1 to 65535"},
		{"90-80", "ports 90-80: the first is above the last; write 80-90"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		__u16 lo = 7, hi = 8;
		struct err err;

		assert_err(text_port_range(cases[i].text, &lo, &hi, &err), &err, -EINVAL,
			   cases[i].error);
		assert_true(lo == 7 && hi == 8);
	}
}

static void test_check_simple(void **state)
{
	struct check_spec spec;
	struct err err;

	(void)state;
	assert_int_equal(text_check("none", &spec, &err), 0);
	assert_int_equal(spec.kind, CHECK_NONE);
	assert_int_equal(text_check("tcp", &spec, &err), 0);
	assert_int_equal(spec.kind, CHECK_TCP);
}

static void test_check_http(void **state)
{
	static const struct {
		const char *text, *host, *path;
		unsigned lo, hi;
	} cases[] = {
		{"http:///", "", "/", 200, 299},
		{"http:///health", "", "/health", 200, 299},
		{"http://a.example:8080/x", "a.example:8080", "/x", 200, 299},
		{"http:///x=204", "", "/x", 204, 204},
		{"http:///x=3xx", "", "/x", 300, 399},
		{"http:///x=200-399", "", "/x", 200, 399},
		{"http:///x?a=b=200", "", "/x?a=b", 200, 200},
		{"http://[fd00::1]/x", "[fd00::1]", "/x", 200, 299},
		{"http:///x=100-599", "", "/x", 100, 599},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct check_spec spec;
		struct err err = {0};

		if (text_check(cases[i].text, &spec, &err))
			fail_msg("%s", err.text);
		assert_int_equal(spec.kind, CHECK_HTTP);
		assert_string_equal(spec.host, cases[i].host);
		assert_string_equal(spec.path, cases[i].path);
		assert_int_equal(spec.status_lo, cases[i].lo);
		assert_int_equal(spec.status_hi, cases[i].hi);
	}
}

static void test_check_refusals(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"", "check \"\": unknown; use none, tcp or http://[HOST]/PATH[=STATUS]"},
		{"TCP", "check \"TCP\": unknown; use none, tcp or http://[HOST]/PATH[=STATUS]"},
		{"https:///", "check \"https:///\": unknown; use none, tcp or "
			      "http://[HOST]/PATH[=STATUS]"},
		{"http://", "check http://: no path; write http:///"},
		{"http://host", "check http://host: no path; write http://host/"},
		{"http://us er/", "check http://us er/: not a host name; give NAME[:PORT]"},
		{"http://u:p@h/", "check http://u:p@h/: not a host name; give NAME[:PORT]"},
		{"http:///x=20x",
		 "check http:///x=20x: \"20x\" is not a status; give one like =200, =2xx or "
		 "=200-399 (also behind a path that has a '=' itself)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct check_spec spec = {.kind = CHECK_TCP};
		struct err err;

		assert_err(text_check(cases[i].text, &spec, &err), &err, -EINVAL, cases[i].error);
		assert_int_equal(spec.kind, CHECK_TCP);
	}
}

static void test_check_refuses_bad_statuses(void **state)
{
	static const char *const statuses[] = {"",	  "0",	     "099",  "600",	"1000",
					       "6xx",	  "0xx",     "2x",   "2xxx",	"300-200",
					       "200-600", "200-",    "-200", "200-2xx", "200 ",
					       "+20",	  "200-299-"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		char text[64];
		struct check_spec spec;
		struct err err = {0};

		snprintf(text, sizeof(text), "http:///x=%s", statuses[i]);
		if (text_check(text, &spec, &err) != -EINVAL)
			fail_msg("%s was accepted", text);
	}
}

/* The path goes into a request line: nothing may end that line or begin a header. */
static void test_check_refuses_what_breaks_a_request(void **state)
{
	static const char *const paths[] = {"http:///a b", "http:///a\r\nX: y", "http:///a\x7f",
					    "http:///\xc3\xa4", "http://h\r\nX/"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct check_spec spec;
		struct err err = {0};

		assert_int_equal(text_check(paths[i], &spec, &err), -EINVAL);
	}
}

static void test_check_lengths(void **state)
{
	struct check_spec spec;
	struct err err = {0};
	char text[1024] = "http:///";

	(void)state;
	memset(text + 8, 'p', sizeof(spec.path) - 2);
	text[8 + sizeof(spec.path) - 2] = '\0';
	assert_int_equal(text_check(text, &spec, &err), 0);
	assert_int_equal(strlen(spec.path), sizeof(spec.path) - 1);
	strcat(text, "p");
	assert_int_equal(text_check(text, &spec, &err), -EINVAL);
	assert_contains(err.text, "too long; give at most 255 characters of host and 511 of path");

	memset(text + 7, 'h', sizeof(spec.host) - 1);
	strcpy(text + 7 + sizeof(spec.host) - 1, "/");
	assert_int_equal(text_check(text, &spec, &err), 0);
	assert_int_equal(strlen(spec.host), sizeof(spec.host) - 1);
	strcpy(text + 7 + sizeof(spec.host) - 1, "h/");
	assert_int_equal(text_check(text, &spec, &err), -EINVAL);
}

static void test_check_format_reads_back(void **state)
{
	static const char *const texts[] = {
		"none",
		"tcp",
		"http:///",
		"http://host/a",
		"http:///a=204",
		"http:///a=3xx",
		"http:///a=200-399",
		"http:///a?b=c=2xx",
		"http://[fd00::1]:80/a=100-599",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct check_spec spec, again;
		struct err err;
		char buffer[1024];

		assert_int_equal(text_check(texts[i], &spec, &err), 0);
		assert_ptr_equal(text_check_format(&spec, buffer, sizeof(buffer)), buffer);
		assert_string_equal(buffer, texts[i]);
		assert_int_equal(text_check(buffer, &again, &err), 0);
		assert_memory_equal(&spec, &again, sizeof(spec));
	}
}

static void test_check_format_leaves_out_the_default(void **state)
{
	struct check_spec spec;
	struct err err;
	char buffer[64];

	(void)state;
	assert_int_equal(text_check("http:///a=2xx", &spec, &err), 0);
	assert_string_equal(text_check_format(&spec, buffer, sizeof(buffer)), "http:///a");
	assert_string_equal(text_check_format(&spec, buffer, 6), "http:");
}

static void test_enum_names_read_back(void **state)
{
	struct err err;

	(void)state;
	for (int i = LBX_FORWARD_FULLNAT; i <= LBX_FORWARD_GUE; i++) {
		enum lbx_forward value = LBX_FORWARD_FULLNAT;

		assert_int_equal(text_forward(text_forward_name((enum lbx_forward)i), &value, &err),
				 0);
		assert_int_equal(value, i);
	}
	for (int i = ON_DOWN_DEFAULT; i <= ON_DOWN_MOVE; i++) {
		enum on_down value = ON_DOWN_DEFAULT;

		assert_int_equal(text_on_down(text_on_down_name((enum on_down)i), &value, &err), 0);
		assert_int_equal(value, i);
	}
	for (int i = ALL_DOWN_OPEN; i <= ALL_DOWN_CLOSED; i++) {
		enum all_down value = ALL_DOWN_OPEN;

		assert_int_equal(text_all_down(text_all_down_name((enum all_down)i), &value, &err),
				 0);
		assert_int_equal(value, i);
	}
}

static void test_enum_names_are_as_documented(void **state)
{
	enum scheduler scheduler = (enum scheduler)7;
	__u8 protocol = 0;
	struct err err;

	(void)state;
	assert_string_equal(text_forward_name(LBX_FORWARD_FULLNAT), "fullnat");
	assert_string_equal(text_forward_name(LBX_FORWARD_DSR), "dsr");
	assert_string_equal(text_on_down_name(ON_DOWN_DEFAULT), "default");
	assert_string_equal(text_all_down_name(ALL_DOWN_OPEN), "open");
	assert_string_equal(text_scheduler_name(SCHEDULER_RR), "rr");
	assert_string_equal(text_protocol_name(IPPROTO_TCP), "tcp");
	assert_string_equal(text_protocol_name(IPPROTO_UDP), "udp");
	assert_string_equal(text_protocol_name(IPPROTO_ICMP), "unknown");
	assert_string_equal(text_forward_name((enum lbx_forward)99), "unknown");
	assert_int_equal(text_scheduler("rr", &scheduler, &err), 0);
	assert_int_equal(scheduler, SCHEDULER_RR);
	assert_int_equal(text_protocol("tcp", &protocol, &err), 0);
	assert_int_equal(protocol, IPPROTO_TCP);
	assert_int_equal(text_protocol("udp", &protocol, &err), 0);
	assert_int_equal(protocol, IPPROTO_UDP);
}

static void test_enum_refusals_list_what_there_is(void **state)
{
	enum lbx_forward forward;
	enum scheduler scheduler;
	enum on_down on_down;
	enum all_down all_down;
	__u8 protocol;
	struct err err;

	(void)state;
	assert_err(text_forward("nat4", &forward, &err), &err, -EINVAL,
		   "forward \"nat4\": unknown; use fullnat, nat, dsr, ipip or gue");
	assert_err(text_scheduler("lc", &scheduler, &err), &err, -EINVAL,
		   "scheduler \"lc\": unknown; use rr");
	assert_err(text_on_down("", &on_down, &err), &err, -EINVAL,
		   "on-down \"\": unknown; use default, keep, reset or move");
	assert_err(text_all_down("Open", &all_down, &err), &err, -EINVAL,
		   "all-down \"Open\": unknown; use open or closed");
	assert_err(text_protocol("sctp", &protocol, &err), &err, -EINVAL,
		   "protocol \"sctp\": unknown; use tcp or udp");
}

static void test_long_junk_keeps_the_remedy(void **state)
{
	char junk[3000];
	struct check_spec spec;
	enum on_down on_down;
	unsigned value;
	struct err err;

	(void)state;
	memset(junk, 'z', sizeof(junk) - 1);
	junk[sizeof(junk) - 1] = '\0';
	text_number(junk, "weight", 1, 1000, &value, &err);
	assert_contains(err.text, "; give 1 to 1000");
	text_on_down(junk, &on_down, &err);
	assert_contains(err.text, "; use default, keep, reset or move");
	text_check(junk, &spec, &err);
	assert_contains(err.text, "; use none, tcp or http://");
	memset(junk, '9', sizeof(junk) - 1);
	text_number(junk, "weight", 1, 1000, &value, &err);
	assert_contains(err.text, "out of range; give 1 to 1000");
	text_duration_ms(junk, "interval", 100, 3600000, &value, &err);
	assert_contains(err.text, "out of range; give 100ms to 1h");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_number_refusals),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_duration_refusals),
		cmocka_unit_test(test_port_range),
		cmocka_unit_test(test_port_range_refusals),
		cmocka_unit_test(test_check_simple),
		cmocka_unit_test(test_check_http),
		cmocka_unit_test(test_check_refusals),
		cmocka_unit_test(test_check_refuses_bad_statuses),
		cmocka_unit_test(test_check_refuses_what_breaks_a_request),
		cmocka_unit_test(test_check_lengths),
		cmocka_unit_test(test_check_format_reads_back),
		cmocka_unit_test(test_check_format_leaves_out_the_default),
		cmocka_unit_test(test_enum_names_read_back),
		cmocka_unit_test(test_enum_names_are_as_documented),
		cmocka_unit_test(test_enum_refusals_list_what_there_is),
		cmocka_unit_test(test_long_junk_keeps_the_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
