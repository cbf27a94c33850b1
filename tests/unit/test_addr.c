// SPDX-License-Identifier: GPL-2.0
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static void test_addr_round_trip(void **state)
{
	static const char *const texts[] = {"10.0.0.1", "0.0.0.0",	   "255.255.255.255",
					    "fd00::1",	"2001:db8::1:2:3", "::"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char text[ADDR_TEXT_MAX];
		struct lbx_addr addr;
		struct err err;

		assert_int_equal(addr_parse(texts[i], &addr, &err), 0);
		assert_string_equal(addr_format(&addr, text), texts[i]);
		assert_int_equal(addr_is_v4(&addr), strchr(texts[i], ':') == NULL);
	}
}

static void test_addr_v4_is_mapped(void **state)
{
	static const __u8 mapped[16] = {[10] = 0xff, 0xff, 10, 1, 2, 3};
	struct lbx_addr addr, same;
	struct err err;

	(void)state;
	assert_int_equal(addr_parse("10.1.2.3", &addr, &err), 0);
	assert_memory_equal(addr.bytes, mapped, sizeof(mapped));
	assert_int_equal(ntohl(addr_v4(&addr)), 0x0a010203);
	addr_from_v4(&same, htonl(0x0a010203));
	assert_true(addr_equal(&addr, &same));
	same.bytes[15]++;
	assert_false(addr_equal(&addr, &same));
	same = addr;
	same.bytes[0]++;
	assert_false(addr_equal(&addr, &same));
	assert_false(addr_is_v4(&same));
}

static void test_addr_refuses_what_is_none(void **state)
{
	static const char *const texts[] = {
		"",
		" 10.0.0.1",
		"10.0.0.1 ",
		"10.0.0.1x",
		"x10.0.0.1",
		"10.0.0",
		"10.0.0.256",
		"10.0.0.1.1",
		"010.0.0.1",
		"0xa.0.0.1",
		"10.0.0.-1",
		"10.0.0.1\n",
		"fd00::1::2",
		"fd00",
		"fd00::g",
		"fd00::1 ",
		"[fd00::1]",
		"fe80::1%eth0",
		"1:2:3:4:5:6:7:8:9",
		"localhost",
		"10.0.0.1/32",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct lbx_addr addr = {.halves = {1, 2}};
		struct err err = {0};

		if (addr_parse(texts[i], &addr, &err) != -EINVAL)
			fail_msg("\"%s\" was accepted", texts[i]);
		assert_contains(err.text, "not an IP address; give one like");
		assert_true(addr.halves[0] == 1 && addr.halves[1] == 2);
	}
}

static void test_addr_refuses_mapped(void **state)
{
	struct lbx_addr addr;
	struct err err;

	(void)state;
	assert_err(addr_parse("::ffff:10.0.0.1", &addr, &err), &err, -EINVAL,
		   "::ffff:10.0.0.1: an IPv4 address mapped into IPv6; write 10.0.0.1");
	assert_err(addr_parse("::ffff:a00:1", &addr, &err), &err, -EINVAL,
		   "::ffff:a00:1: an IPv4 address mapped into IPv6; write 10.0.0.1");
}

static void test_endpoint_round_trip(void **state)
{
	static const char *const texts[] = {"10.0.0.1:1", "10.0.0.1:65535", "[fd00::1]:80",
					    "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char text[ENDPOINT_TEXT_MAX];
		struct endpoint endpoint = endpoint_of(texts[i]);

		assert_string_equal(endpoint_format(&endpoint, text), texts[i]);
		assert_true(endpoint_equal(&endpoint, &endpoint));
	}
	assert_int_equal(ntohs(endpoint_of("10.0.0.1:8080").port), 8080);
}

static void test_endpoint_equal_by_both(void **state)
{
	struct endpoint a = endpoint_of("10.0.0.1:80"), b = endpoint_of("10.0.0.1:81");
	struct endpoint c = endpoint_of("10.0.0.2:80");

	(void)state;
	assert_false(endpoint_equal(&a, &b));
	assert_false(endpoint_equal(&a, &c));
}

static void test_endpoint_refusals(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"10.0.0.1:0", "10.0.0.1:0: port 0; give 1 to 65535"},
		{"10.0.0.1:65536", "10.0.0.1:65536: port 65536; give 1 to 65535"},
		{"10.0.0.1:4294967376", "10.0.0.1:4294967376: port 4294967376; give 1 to 65535"},
		{"10.0.0.1", "10.0.0.1: no port; write 10.0.0.1:PORT"},
		{"10.0.0.1:", "10.0.0.1:: no port; write 10.0.0.1:PORT"},
		{"[fd00::1]", "[fd00::1]: no port; write [fd00::1]:PORT"},
		{"[fd00::1]:", "[fd00::1]:: no port; write [fd00::1]:PORT"},
		{"10.0.0.1:http", "10.0.0.1:http: \"http\" is not a port; give 1 to 65535"},
		{"10.0.0.1:80 ", "10.0.0.1:80 : \"80 \" is not a port; give 1 to 65535"},
		{"10.0.0.1:+80", "10.0.0.1:+80: \"+80\" is not a port; give 1 to 65535"},
		{"fd00::1:80", "fd00::1:80: an IPv6 address needs brackets; write [fd00::1]:80"},
		{"fd00::1",
		 "fd00::1: an IPv6 address needs brackets and a port; write [fd00::1]:PORT"},
		{"10.0.0.1:80:90", "\"10.0.0.1:80:90\": not an address and port; give "
				   "10.0.0.1:80 or [fd00::1]:80"},
		{"[fd00::1:80", "\"[fd00::1:80\": not an address and port; give 10.0.0.1:80 or "
				"[fd00::1]:80"},
		{"[fd00::1]80", "\"[fd00::1]80\": not an address and port; give 10.0.0.1:80 or "
				"[fd00::1]:80"},
		{"[10.0.0.1]:80", "[10.0.0.1]:80: brackets are for IPv6; write 10.0.0.1:80"},
		{"web1:80", "web1:80: \"web1\": not an IP address; give one like 10.0.0.1 or "
			    "fd00::1"},
		{"", "\"\": not an IP address; give one like 10.0.0.1 or fd00::1"},
		{":80", ":80: \"\": not an IP address; give one like 10.0.0.1 or fd00::1"},
		{"[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.1]:80: ::ffff:10.0.0.1: an IPv4 address "
					 "mapped into IPv6; write 10.0.0.1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct endpoint endpoint = {.port = 7};
		struct err err = {0};

		assert_err(endpoint_parse(cases[i].text, false, &endpoint, &err), &err, -EINVAL,
			   cases[i].error);
		assert_int_equal(endpoint.port, 7);
	}
}

static void test_endpoint_zero_port_on_request(void **state)
{
	struct endpoint endpoint;
	char text[ENDPOINT_TEXT_MAX];
	struct err err;

	(void)state;
	assert_int_equal(endpoint_parse("10.0.0.1:0", true, &endpoint, &err), 0);
	assert_string_equal(endpoint_format(&endpoint, text), "10.0.0.1:0");
	assert_err(endpoint_parse("10.0.0.1:65536", true, &endpoint, &err), &err, -EINVAL,
		   "10.0.0.1:65536: port 65536; give 0 to 65535");
}

static void test_endpoint_long_junk_keeps_the_remedy(void **state)
{
	char junk[4000];
	struct endpoint endpoint;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(junk) - 1; i++)
		junk[i] = "1[:x]"[i % 5];
	junk[sizeof(junk) - 1] = '\0';
	for (size_t start = 0; start < 5; start++) {
		assert_int_equal(endpoint_parse(junk + start, false, &endpoint, &err), -EINVAL);
		assert_contains(err.text, "; give 10.0.0.1:80");
	}
	memset(junk, '8', sizeof(junk) - 1);
	memcpy(junk, "10.0.0.1:", 9);
	assert_int_equal(endpoint_parse(junk, false, &endpoint, &err), -EINVAL);
	assert_contains(err.text, "; give 1 to 65535");
}

static void test_sockaddr(void **state)
{
	struct endpoint v4 = endpoint_of("10.0.0.1:80"), v6 = endpoint_of("[fd00::1]:443");
	struct sockaddr_storage out;
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)&out;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&out;

	(void)state;
	assert_int_equal(endpoint_sockaddr(&v4, &out), sizeof(*in4));
	assert_int_equal(in4->sin_family, AF_INET);
	assert_int_equal(ntohs(in4->sin_port), 80);
	assert_int_equal(ntohl(in4->sin_addr.s_addr), 0x0a000001);
	assert_int_equal(endpoint_sockaddr(&v6, &out), sizeof(*in6));
	assert_int_equal(in6->sin6_family, AF_INET6);
	assert_int_equal(ntohs(in6->sin6_port), 443);
	assert_memory_equal(&in6->sin6_addr, v6.addr.bytes, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addr_round_trip),
		cmocka_unit_test(test_addr_v4_is_mapped),
		cmocka_unit_test(test_addr_refuses_what_is_none),
		cmocka_unit_test(test_addr_refuses_mapped),
		cmocka_unit_test(test_endpoint_round_trip),
		cmocka_unit_test(test_endpoint_equal_by_both),
		cmocka_unit_test(test_endpoint_refusals),
		cmocka_unit_test(test_endpoint_zero_port_on_request),
		cmocka_unit_test(test_endpoint_long_junk_keeps_the_remedy),
		cmocka_unit_test(test_sockaddr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
