// SPDX-License-Identifier: GPL-2.0
/* What a service and a backend may be. */
#include "tests/unit/model_fixture.h"

#include <stdio.h>

static void test_defaults(void **state)
{
	struct endpoint vip = endpoint_of("10.0.0.100:53");
	struct service tcp = service_of("web", "10.0.0.100:80"), udp;

	(void)state;
	service_init(&udp, "dns", IPPROTO_UDP, &vip);
	assert_int_equal(tcp.forward, LBX_FORWARD_FULLNAT);
	assert_int_equal(tcp.scheduler, SCHEDULER_RR);
	assert_int_equal(tcp.check.kind, CHECK_TCP);
	assert_int_equal(udp.check.kind, CHECK_NONE);
	assert_int_equal(tcp.timing.interval_ms, 2000);
	assert_int_equal(tcp.timing.timeout_ms, 1000);
	assert_int_equal(tcp.timing.rise, 2);
	assert_int_equal(tcp.timing.fall, 3);
	assert_int_equal(tcp.all_down, ALL_DOWN_OPEN);
	assert_int_equal(service_on_down(&tcp), ON_DOWN_KEEP);
	assert_int_equal(service_on_down(&udp), ON_DOWN_MOVE);
	udp.on_down = ON_DOWN_RESET;
	assert_int_equal(service_on_down(&udp), ON_DOWN_RESET);
}

static void test_service_names(void **state)
{
	static const char *const bad[] = {"a b", "a/b", "a:b", "\xc3\xa4", "a\n", "\"", "a=b"};
	char name[LBX_NAME_MAX + 20];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(service_add(bad[i], "10.0.0.100:80"), -EINVAL);
		assert_contains(err.text, "outside A-Z a-z 0-9 . _ -; use only those");
	}
	assert_err(service_add("", "10.0.0.100:80"), &err, -EINVAL, "service: no name; give one");
	assert_int_equal(service_add("-x", "10.0.0.100:80"), -EINVAL);
	memset(name, 'n', sizeof(name));
	name[LBX_NAME_MAX + 1] = '\0';
	assert_err(service_add(name, "10.0.0.100:80"), &err, -EINVAL,
		   "service \"nnnnnnnnnnnnnnnn...\": name too long; give at most 64 characters");
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(service_add(name, "10.0.0.100:80"), -EINVAL);
	assert_int_equal(model.service_count, 0);
	name[LBX_NAME_MAX] = '\0';
	assert_int_equal(service_add(name, "10.0.0.100:80"), 0);
	assert_int_equal(service_add("Az09._-", "10.0.0.100:81"), 0);
	assert_non_null(model_service(&model, name));
}

static void test_service_forward_modes(void **state)
{
	struct service service = service_of("web", "10.0.0.100:80");

	(void)state;
	for (unsigned forward = 0; forward <= LBX_FORWARD_GUE; forward++) {
		snprintf(service.name, sizeof(service.name), "web%u", forward);
		service.vip.port = htons((__u16)(80 + forward));
		service.forward = (enum lbx_forward)forward;
		assert_int_equal(model_service_add(&model, &service, &err), 0);
	}
	service.forward = LBX_FORWARD_GUE + 1;
	assert_err(model_service_add(&model, &service, &err), &err, -EINVAL,
		   "service \"web4\": forward 5: unknown; use fullnat, nat, dsr, ipip or gue");
}

static int mode_add(const char *name, const char *vip, enum lbx_forward forward)
{
	struct service service = service_of(name, vip);

	service.forward = forward;
	return model_service_add(&model, &service, &err);
}

static int backend_try(const char *service, const char *text)
{
	struct endpoint endpoint = endpoint_of(text);

	return model_backend_add(&model, service, &endpoint, 1, &err);
}

/* Only a tunnel may end in the other family; only where packets are rewritten may ports differ. */
static void test_backends_by_mode(void **state)
{
	(void)state;
	assert_int_equal(mode_add("nat", "10.0.0.100:80", LBX_FORWARD_NAT), 0);
	assert_int_equal(mode_add("ipip", "10.0.0.100:81", LBX_FORWARD_IPIP), 0);
	assert_int_equal(backend_try("nat", "10.0.0.1:8080"), 0);
	assert_int_equal(backend_try("nat", "[fd00::1]:80"), -EINVAL);
	assert_int_equal(backend_try("ipip", "[fd00::1]:81"), 0);
	assert_int_equal(backend_try("ipip", "10.0.0.1:81"), 0);
	assert_int_equal(backend_try("ipip", "10.0.0.1:8080"), -EINVAL);
	assert_string_equal(err.text, "backend 10.0.0.1:8080: forward ipip cannot change the port; "
				      "give port 81, as the VIP has, or use a service with "
				      "--forward fullnat");
	assert_int_equal(backend_try("ipip", "10.0.0.100:81"), -EINVAL);
}

static int tunnel_try(const char *service, const char *text, struct tunnel tunnel)
{
	struct endpoint endpoint = endpoint_of(text);

	return model_backend_tunnel_set(&model, service, &endpoint, &tunnel, &err);
}

static void test_tunnels(void **state)
{
	struct endpoint six = endpoint_of("[fd00::1]:1");

	(void)state;
	assert_int_equal(mode_add("nat", "10.0.0.100:80", LBX_FORWARD_NAT), 0);
	assert_int_equal(mode_add("ipip", "10.0.0.100:81", LBX_FORWARD_IPIP), 0);
	assert_int_equal(mode_add("gue", "10.0.0.100:82", LBX_FORWARD_GUE), 0);
	assert_int_equal(backend_try("nat", "10.0.0.1:80"), 0);
	assert_int_equal(backend_try("ipip", "10.0.0.1:81"), 0);
	assert_int_equal(backend_try("gue", "10.0.0.1:82"), 0);
	assert_int_equal(tunnel_try("nat", "10.0.0.1:80", (struct tunnel){0}), 0);
	assert_int_equal(tunnel_try("nat", "10.0.0.1:80", (struct tunnel){.mtu = 1400}), -EINVAL);
	assert_int_equal(tunnel_try("ipip", "10.0.0.1:81", (struct tunnel){.mtu = 1400}), 0);
	assert_int_equal(tunnel_try("ipip", "10.0.0.1:81", (struct tunnel){.mtu = 575}), -EINVAL);
	assert_int_equal(tunnel_try("ipip", "10.0.0.1:81", (struct tunnel){.port = 1}), -EINVAL);
	assert_int_equal(tunnel_try("gue", "10.0.0.1:82", (struct tunnel){.port = 1}), 0);
	assert_int_equal(tunnel_try("gue", "10.0.0.1:82", (struct tunnel){.source = six.addr}),
			 -EINVAL);
	assert_int_equal(tunnel_try("gue", "10.0.0.9:82", (struct tunnel){0}), -ENOENT);
	assert_int_equal(model.services[1].backends[0].tunnel.mtu, 1400);
}

static const struct {
	const char *endpoint, *problem;
} unusable[] = {
	{"0.0.0.0:80", "the unspecified address"},
	{"[::]:80", "the unspecified address"},
	{"127.0.0.1:80", "a loopback address, which XDP never sees"},
	{"127.255.0.9:80", "a loopback address, which XDP never sees"},
	{"[::1]:80", "a loopback address, which XDP never sees"},
	{"224.0.0.1:80", "a multicast address"},
	{"239.255.255.255:80", "a multicast address"},
	{"[ff02::1]:80", "a multicast address"},
	{"255.255.255.255:80", "the broadcast address"},
};

static void test_unusable_vips(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unusable); i++) {
		char text[200];

		snprintf(text, sizeof(text),
			 "service \"web\": VIP %s is %s; give a unicast address that clients can "
			 "reach",
			 unusable[i].endpoint, unusable[i].problem);
		assert_err(service_add("web", unusable[i].endpoint), &err, -EINVAL, text);
	}
	assert_int_equal(service_add("a", "223.255.255.255:80"), 0);
	assert_int_equal(service_add("b", "[::2]:80"), 0);
}

static void test_unusable_backends(void **state)
{
	(void)state;
	assert_int_equal(service_add("v4", "10.0.0.100:80"), 0);
	assert_int_equal(service_add("v6", "[fd00::100]:80"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(unusable); i++) {
		char text[200];

		snprintf(text, sizeof(text),
			 "backend %s: %s; give a unicast address of the backend's interface",
			 unusable[i].endpoint, unusable[i].problem);
		assert_err(backend_add(unusable[i].endpoint[0] == '[' ? "v6" : "v4",
				       unusable[i].endpoint, 1),
			   &err, -EINVAL, text);
	}
}

static void test_port_zero(void **state)
{
	struct service service = service_of("web", "10.0.0.100:80");
	struct endpoint endpoint = endpoint_of("10.0.0.1:80");

	(void)state;
	service.vip.port = 0;
	assert_err(model_service_add(&model, &service, &err), &err, -EINVAL,
		   "service \"web\": is one of every port, so there is none to check; use "
		   "--check none");
	service_init(&service, "all", IPPROTO_TCP, &service.vip);
	assert_int_equal(model_service_add(&model, &service, &err), 0);
	assert_err(model_backend_add(&model, "all", &endpoint, 1, &err), &err, -EINVAL,
		   "backend 10.0.0.1:80: service all is one of every port, which its backends "
		   "keep; give port 0");
	endpoint.port = 0;
	assert_int_equal(model_backend_add(&model, "all", &endpoint, 1, &err), 0);
	assert_int_equal(service_add("web", "10.0.0.100:80"), 0);
	assert_err(model_backend_add(&model, "web", &endpoint, 1, &err), &err, -EINVAL,
		   "backend 10.0.0.1:0: port 0; give 1 to 65535");
}

static void test_protocols(void **state)
{
	struct service service = service_of("web", "10.0.0.100:80");

	(void)state;
	service.protocol = IPPROTO_ICMP;
	assert_err(model_service_add(&model, &service, &err), &err, -EINVAL,
		   "service \"web\": protocol 1; use tcp or udp");
}

static void timing_refused(struct check_timing timing, const char *text)
{
	struct service service = service_of("web", "10.0.0.100:80");

	service.timing = timing;
	assert_err(model_service_add(&model, &service, &err), &err, -EINVAL, text);
}

static void test_timings(void **state)
{
	struct service service = service_of("web", "10.0.0.100:80");

	(void)state;
	timing_refused((struct check_timing){99, 1000, 2, 3},
		       "interval 99ms: out of range; give 100ms to 3600000ms");
	timing_refused((struct check_timing){3600001, 1000, 2, 3},
		       "interval 3600001ms: out of range; give 100ms to 3600000ms");
	timing_refused((struct check_timing){2000, 9, 2, 3},
		       "timeout 9ms: out of range; give 10ms to 3600000ms");
	timing_refused((struct check_timing){2000, 1000, 0, 3},
		       "rise 0: out of range; give 1 to 100");
	timing_refused((struct check_timing){2000, 1000, 2, 101},
		       "fall 101: out of range; give 1 to 100");
	service.timing = (struct check_timing){100, 10, 1, 100};
	assert_int_equal(model_service_add(&model, &service, &err), 0);
}

static void check_refused(struct check_spec check, const char *text)
{
	struct service service = service_of("web", "10.0.0.100:80");

	service.check = check;
	assert_err(model_service_add(&model, &service, &err), &err, -EINVAL, text);
}

static void test_checks(void **state)
{
	struct check_spec check = {.kind = CHECK_HTTP, .status_lo = 200, .status_hi = 299};
	struct service service = service_of("web", "10.0.0.100:80");

	(void)state;
	check_refused(check, "service \"web\": check path \"\"; begin it with '/'");
	strcpy(check.path, "/");
	check.status_hi = 199;
	check_refused(check, "service \"web\": check status 200-199: not a range; give one within "
			     "100-599");
	check.status_hi = 600;
	check_refused(check, "service \"web\": check status 200-600: not a range; give one within "
			     "100-599");
	check.status_hi = 200;
	service.check = check;
	assert_int_equal(model_service_add(&model, &service, &err), 0);
}

static void test_backend_refusals(void **state)
{
	struct service dsr = service_of("dsr", "10.0.0.101:80");

	(void)state;
	dsr.forward = LBX_FORWARD_DSR;
	assert_int_equal(service_add("web", "10.0.0.100:80"), 0);
	assert_int_equal(service_add("six", "[fd00::100]:80"), 0);
	assert_int_equal(model_service_add(&model, &dsr, &err), 0);
	assert_err(backend_add("web", "[fd00::1]:80", 1), &err, -EINVAL,
		   "backend [fd00::1]:80: IPv6, but the service's VIP is IPv4; give an IPv4 "
		   "address");
	assert_err(backend_add("six", "10.0.0.1:80", 1), &err, -EINVAL,
		   "backend 10.0.0.1:80: IPv4, but the service's VIP is IPv6; give an IPv6 "
		   "address");
	assert_err(backend_add("web", "10.0.0.100:80", 1), &err, -EINVAL,
		   "backend 10.0.0.100:80: is the VIP of service web itself, a loop; give the "
		   "backend's own address");
	assert_err(backend_add("dsr", "10.0.0.1:81", 1), &err, -EINVAL,
		   "backend 10.0.0.1:81: forward dsr cannot change the port; give port 80, as the "
		   "VIP has, or use a service with --forward fullnat");
	assert_int_equal(backend_add("dsr", "10.0.0.1:80", 1), 0);
	assert_int_equal(backend_add("nope", "10.0.0.1:80", 1), -ENOENT);
	assert_int_equal(backend_add(NULL, "10.0.0.1:80", 1), -EINVAL);
	assert_contains(err.text, "several services; name one of: web, six, dsr");
}

static void test_weights(void **state)
{
	(void)state;
	assert_int_equal(service_add("web", "10.0.0.100:80"), 0);
	assert_err(backend_add("web", "10.0.0.1:80", 0), &err, -EINVAL,
		   "weight 0: out of range; give 1 to 1000");
	assert_err(backend_add("web", "10.0.0.1:80", 1001), &err, -EINVAL,
		   "weight 1001: out of range; give 1 to 1000");
	assert_int_equal(model_service(&model, "web")->backend_count, 0);
	assert_int_equal(backend_add("web", "10.0.0.1:80", 1), 0);
	assert_err(backend_set("web", "10.0.0.1:80", 0), &err, -EINVAL,
		   "weight 0: out of range; give 1 to 1000");
	assert_int_equal(backend_set("web", "10.0.0.1:80", 1000), 0);
	assert_int_equal(model_service(&model, "web")->backends[0].weight, 1000);
	assert_err(backend_set("web", "10.0.0.2:80", 5), &err, -ENOENT,
		   "backend 10.0.0.2:80: not in service web; see 'lbxdp backend list web' for "
		   "those that are");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MODEL_TEST(test_defaults),
		MODEL_TEST(test_service_names),
		MODEL_TEST(test_service_forward_modes),
		MODEL_TEST(test_unusable_vips),
		MODEL_TEST(test_unusable_backends),
		MODEL_TEST(test_port_zero),
		MODEL_TEST(test_backends_by_mode),
		MODEL_TEST(test_tunnels),
		MODEL_TEST(test_protocols),
		MODEL_TEST(test_timings),
		MODEL_TEST(test_checks),
		MODEL_TEST(test_backend_refusals),
		MODEL_TEST(test_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
