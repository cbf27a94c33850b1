// SPDX-License-Identifier: GPL-2.0
/* Arguments of the control protocol's commands: known ones only, and what they make of a service.
 */
#include "tests/unit/unit.h"

#include <netinet/in.h>

#include "user/control/args.h"

static const struct arg_spec specs[] = {{"name", true}, {"weight", false}, {NULL, false}};
static const struct arg_spec none[] = {{NULL, false}};
static struct err err;

/* Of the JSON of an object of strings; freed by the next call. */
static const json_t *args_of(const char *text)
{
	static json_t *args;

	json_decref(args);
	args = json_loads(text, 0, NULL);
	err = (struct err){0};
	return args;
}

static void test_known_arguments(void **state)
{
	(void)state;
	assert_int_equal(args_check("c", args_of("{\"name\":\"a\"}"), specs, &err), 0);
	assert_err(args_check("c", args_of("{\"name\":\"a\",\"colour\":\"b\"}"), specs, &err), &err,
		   -EINVAL, "c: unknown argument 'colour'; known are: name, weight");
	assert_err(args_check("c", args_of("{\"x\":\"b\"}"), none, &err), &err, -EINVAL,
		   "c: unknown argument 'x'; it takes none");
	assert_err(args_check("c", args_of("{\"weight\":\"1\"}"), specs, &err), &err, -EINVAL,
		   "c: argument 'name' is missing");
}

static void test_booleans(void **state)
{
	bool value = true;

	(void)state;
	assert_int_equal(args_bool(args_of("{}"), "all", &value, &err), 0);
	assert_false(value);
	assert_int_equal(args_bool(args_of("{\"all\":\"true\"}"), "all", &value, &err), 0);
	assert_true(value);
	assert_int_equal(args_bool(args_of("{\"all\":\"false\"}"), "all", &value, &err), 0);
	assert_false(value);
	assert_err(args_bool(args_of("{\"all\":\"yes\"}"), "all", &value, &err), &err, -EINVAL,
		   "all 'yes': is neither true nor false");
}

static void test_service(void **state)
{
	struct service service;

	(void)state;
	assert_int_equal(args_service(args_of("{\"name\":\"web\",\"protocol\":\"tcp\","
					      "\"vip\":\"10.0.0.1:80\",\"forward\":\"dsr\","
					      "\"check\":\"http:///up=204\",\"interval\":\"500ms\","
					      "\"timeout\":\"1\",\"rise\":\"4\",\"fall\":\"5\","
					      "\"on_down\":\"reset\",\"all_down\":\"closed\"}"),
				      &service, &err),
			 0);
	assert_string_equal(service.name, "web");
	assert_int_equal(service.protocol, IPPROTO_TCP);
	assert_int_equal(service.forward, LBX_FORWARD_DSR);
	assert_int_equal(service.check.kind, CHECK_HTTP);
	assert_int_equal(service.check.status_lo, 204);
	assert_int_equal(service.timing.interval_ms, 500);
	assert_int_equal(service.timing.timeout_ms, 1000);
	assert_int_equal(service.timing.rise, 4);
	assert_int_equal(service.timing.fall, 5);
	assert_int_equal(service.on_down, ON_DOWN_RESET);
	assert_int_equal(service.all_down, ALL_DOWN_CLOSED);
}

static void test_service_refused(void **state)
{
	static const char *const cases[][2] = {
		{"\"protocol\":\"sctp\",\"vip\":\"10.0.0.1:80\"", "sctp"},
		{"\"protocol\":\"tcp\",\"vip\":\"10.0.0.1\"", "10.0.0.1"},
		{"\"protocol\":\"tcp\",\"vip\":\"10.0.0.1:\"", "no port"},
		{"\"protocol\":\"tcp\",\"vip\":\"10.0.0.1:1\",\"ping\":\"maybe\"", "maybe"},
		{"\"protocol\":\"tcp\",\"vip\":\"10.0.0.1:65536\"", "65536"},
		{"\"protocol\":\"tcp\",\"vip\":\"10.0.0.1:1\",\"forward\":\"x\"", "x"},
		{"\"protocol\":\"tcp\",\"vip\":\"10.0.0.1:1\",\"interval\":\"1ms\"", "interval"},
		{"\"protocol\":\"tcp\",\"vip\":\"10.0.0.1:1\",\"rise\":\"0\"", "rise"},
		{"\"protocol\":\"tcp\",\"vip\":\"10.0.0.1:1\",\"check\":\"ftp\"", "ftp"},
	};
	struct service service;
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "{\"name\":\"a\",%s}", cases[i][0]);
		assert_int_equal(args_service(args_of(text), &service, &err), -EINVAL);
		assert_contains(err.text, cases[i][1]);
	}
	snprintf(text, sizeof(text),
		 "{\"name\":\"%065d\",\"protocol\":\"tcp\",\"vip\":\"10.0.0.1:1\"}", 7);
	assert_int_equal(args_service(args_of(text), &service, &err), -EINVAL);
	assert_contains(err.text, "longer than 64");
}

static void test_settings_leave_the_rest(void **state)
{
	struct endpoint vip = endpoint_of("10.0.0.1:80");
	struct service service, before;

	(void)state;
	service_init(&service, "web", IPPROTO_TCP, &vip);
	before = service;
	assert_int_equal(args_service_settings(args_of("{\"fall\":\"9\"}"), &service, &err), 0);
	assert_int_equal(service.timing.fall, 9);
	service.timing.fall = before.timing.fall;
	assert_memory_equal(&service, &before, sizeof(service));
}

static void test_backend(void **state)
{
	struct endpoint endpoint;
	unsigned weight = 1;

	(void)state;
	assert_int_equal(args_backend(args_of("{\"backend\":\"[fd00::1]:80\"}"), &endpoint, &weight,
				      &err),
			 0);
	assert_int_equal(weight, 1);
	assert_int_equal(args_backend(args_of("{\"backend\":\"1.2.3.4:5\",\"weight\":\"1000\"}"),
				      &endpoint, &weight, &err),
			 0);
	assert_int_equal(weight, 1000);
	assert_int_equal(args_backend(args_of("{\"backend\":\"1.2.3.4:5\",\"weight\":\"0\"}"),
				      &endpoint, &weight, &err),
			 -EINVAL);
	assert_int_equal(args_backend(args_of("{\"backend\":\"1.2.3.4:5\",\"weight\":\"1001\"}"),
				      &endpoint, &weight, &err),
			 -EINVAL);
}

static void test_tunnel(void **state)
{
	struct tunnel tunnel = {.mtu = 1400, .port = 7};
	bool given;

	(void)state;
	assert_int_equal(args_tunnel(args_of("{}"), &tunnel, &given, &err), 0);
	assert_false(given);
	assert_int_equal(tunnel.mtu, 1400);
	assert_int_equal(
		args_tunnel(args_of("{\"tunnel_port\":\"6081\",\"tunnel_source\":\"fd00::1\"}"),
			    &tunnel, &given, &err),
		0);
	assert_true(given);
	assert_int_equal(tunnel.mtu, 1400);
	assert_int_equal(tunnel.port, 6081);
	assert_int_equal(tunnel.source.bytes[15], 1);
	assert_int_equal(args_tunnel(args_of("{\"mtu\":\"575\"}"), &tunnel, &given, &err), -EINVAL);
	assert_contains(err.text, "mtu");
	assert_int_equal(args_tunnel(args_of("{\"tunnel_source\":\"x\"}"), &tunnel, &given, &err),
			 -EINVAL);
	assert_contains(err.text, "tunnel-source");
}

static void test_addresses(void **state)
{
	struct address_list list;
	char many[512] = "";

	(void)state;
	err = (struct err){0};
	assert_int_equal(args_addresses("10.0.0.1,fd00::1,10.0.0.2", &list, &err), 0);
	assert_int_equal(list.count, 3);
	assert_int_equal(args_addresses("10.0.0.1,10.0.0.1", &list, &err), -EINVAL);
	assert_contains(err.text, "twice");
	assert_int_equal(args_addresses("", &list, &err), -EINVAL);
	assert_int_equal(args_addresses("10.0.0.1,", &list, &err), -EINVAL);
	assert_int_equal(args_addresses("10.0.0.1:80", &list, &err), -EINVAL);
	for (int i = 1; i <= LBX_MAX_SNATS + 1; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "%s10.0.0.%d",
			 i > 1 ? "," : "", i);
	assert_int_equal(args_addresses(many, &list, &err), -EINVAL);
	*strrchr(many, ',') = '\0';
	assert_int_equal(args_addresses(many, &list, &err), 0);
	assert_int_equal(list.count, LBX_MAX_SNATS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_arguments),
		cmocka_unit_test(test_booleans),
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_service_refused),
		cmocka_unit_test(test_settings_leave_the_rest),
		cmocka_unit_test(test_backend),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_addresses),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	args_of("{}");
	return failed;
}
