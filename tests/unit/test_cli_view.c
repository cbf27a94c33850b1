// SPDX-License-Identifier: GPL-2.0
/* What the client makes of answers for people to read. */
#include "tests/unit/cli_run.h"

#define BACKEND(address, weight, backend_state, reason)                                            \
	"{\"address\":\"" address "\",\"weight\":" weight ",\"state\":\"" backend_state            \
	"\",\"health\":\"up\",\"reason\":\"" reason                                                \
	"\",\"active_flows\":12,\"connections\":1234,\"packets\":1234567,\"bytes\":1258291,"       \
	"\"return_packets\":5,\"return_bytes\":3650722202}"
#define SERVICE(forward)                                                                                   \
	"{\"name\":\"web\",\"id\":1,\"protocol\":\"tcp\",\"vip\":\"10.0.0.100:80\",\"forward\":\"" forward \
	"\",\"scheduler\":\"rr\",\"check\":\"tcp\",\"interval_ms\":2000,\"timeout_ms\":500,"               \
	"\"rise\":2,\"fall\":3,\"on_down\":\"keep\",\"all_down\":\"open\",\"assign\":\"\","                \
	"\"connections\":3702,\"packets\":10,\"bytes\":2048,\"return_packets\":9,"                         \
	"\"return_bytes\":4096,\"active_flows\":24,\"backends\":[" BACKEND(                                \
		"10.0.0.21:80", "1", "up", "") "," BACKEND("10.0.0.22:80", "10", "down",                   \
							   "connect: refused") "]}"
#define RESULT(text) "{\"ok\":true,\"result\":" text "}\n"

static void test_status_on_one_screen(void **state)
{
	static const char *const answer[] = {
		RESULT("{\"controller\":{\"pid\":42,\"version\":\"0.1\",\"uptime_s\":11520,"
		       "\"instance\":\"default\"},\"interfaces\":[{\"name\":\"eth0\",\"ifindex\":2,"
		       "\"mode\":\"native\",\"prog_id\":17,\"dispatcher\":false,\"note\":\"why\"}],"
		       "\"flows\":{\"max\":1048576,\"used\":12582,\"bytes\":75497472},"
		       "\"snat\":[\"10.0.0.2\",\"fd00::2\"],\"ports\":\"10000-32767\","
		       "\"services\":[" SERVICE("fullnat") "]}"),
		NULL};

	(void)state;
	assert_run(
		run(answer, WORDS("status")), 0,
		"lbxdpd 0.1, pid 42, instance default, up 3h 12m\n"
		"flows  12582 of 1048576 (1.2%), tables 72.0 MiB\n"
		"snat   10.0.0.2, fd00::2, ports 10000-32767\n"
		"\n"
		"INTERFACE  MODE    DISPATCHER  PROGRAM  NOTE\n"
		"eth0       native  no               17  why\n"
		"\n"
		"  BACKEND       WEIGHT  STATE  CONNECTIONS  ACTIVE  PACKETS  BYTES IN  BYTES OUT"
		"  REASON\n"
		"web  tcp 10.0.0.100:80  fullnat rr  check tcp  1 of 2 up\n"
		"  10.0.0.21:80       1  up            1234      12     1.2M      1.2M       3.4G\n"
		"  10.0.0.22:80      10  down          1234      12     1.2M      1.2M       3.4G"
		"  connect: refused\n",
		"");
}

static void test_status_of_nothing(void **state)
{
	static const char *const answer[] = {
		RESULT("{\"controller\":{\"pid\":42,\"version\":\"0.1\",\"uptime_s\":5,"
		       "\"instance\":\"default\"},\"interfaces\":[],\"services\":[]}"),
		NULL};

	(void)state;
	assert_run(run(answer, WORDS("status")), 0,
		   "lbxdpd 0.1, pid 42, instance default, up 5s\n"
		   "flows  0 of 0 (0.0%), tables 0.0 MiB\n"
		   "\n"
		   "no interface attached; add one with 'lbxdp attach IFACE'\n"
		   "\n"
		   "no services; add one with 'lbxdp service add NAME tcp VIP:PORT'\n",
		   "");
}

/* It comes before all that looks as if nothing were amiss. */
static void test_status_with_a_problem(void **state)
{
	static const char *const answer[] = {
		RESULT("{\"controller\":{\"pid\":42,\"version\":\"0.1\",\"uptime_s\":5,"
		       "\"instance\":\"default\",\"problem\":\"map flows4: of another layout; run "
		       "'lbxdp detach --all'\"},\"interfaces\":[],\"services\":[]}"),
		NULL};

	(void)state;
	assert_run(run(answer, WORDS("status")), 0,
		   "lbxdpd 0.1, pid 42, instance default, up 5s\n"
		   "problem: map flows4: of another layout; run 'lbxdp detach --all'\n"
		   "flows  0 of 0 (0.0%), tables 0.0 MiB\n"
		   "\n"
		   "no interface attached; add one with 'lbxdp attach IFACE'\n"
		   "\n"
		   "no services; add one with 'lbxdp service add NAME tcp VIP:PORT'\n",
		   "");
}

static void test_services_as_text(void **state)
{
	static const char *const list[] = {RESULT("{\"services\":[" SERVICE("dsr") "]}"), NULL};
	static const char *const show[] = {RESULT(SERVICE("dsr")), NULL};
	static const char *const bare[] = {
		RESULT("{\"services\":[{\"name\":\"a\",\"backends\":[]},"
		       "{\"name\":\"b\",\"backends\":[" BACKEND("h", "1", "up", "") "]}]}"),
		NULL};

	(void)state;
	assert_run(
		run(list, WORDS("service", "list")), 0,
		"NAME  PROTOCOL  VIP            FORWARD  SCHEDULER  CHECK      UP  CONNECTIONS  ACTIVE\n"
		"web   tcp       10.0.0.100:80  dsr      rr         tcp    1 of 2         3702      24\n",
		"");
	assert_run(
		run(show, WORDS("service", "show", "web")), 0,
		"web\n"
		"  protocol     tcp\n"
		"  vip          10.0.0.100:80\n"
		"  forward      dsr\n"
		"  scheduler    rr\n"
		"  on-down      keep\n"
		"  all-down     open\n"
		"  check        tcp every 2s, timeout 500ms, rise 2, fall 3\n"
		"  connections  3702, 24 active\n"
		"  in           10 packets, 2.0K bytes\n"
		"\n"
		"BACKEND       WEIGHT  STATE  CONNECTIONS  ACTIVE  PACKETS  BYTES IN  BYTES OUT"
		"  REASON\n"
		"10.0.0.21:80       1  up            1234      12     1.2M      1.2M          -\n"
		"10.0.0.22:80      10  down          1234      12     1.2M      1.2M          -"
		"  connect: refused\n",
		"");
	assert_run(run(bare, WORDS("backend", "list")), 0,
		   "  BACKEND  WEIGHT  STATE  CONNECTIONS  ACTIVE  PACKETS  BYTES IN  BYTES OUT"
		   "  REASON\n"
		   "a  no backends\n"
		   "b  1 of 1 up\n"
		   "  h             1  up            1234      12     1.2M      1.2M       3.4G\n",
		   "");
}

static void test_stats_hide_zeros(void **state)
{
	static const char *const answer[] = {
		RESULT("{\"verdicts\":[{\"name\":\"forward_tx\",\"class\":\"forward\","
		       "\"help\":\"sent\",\"packets\":1234567},{\"name\":\"drop_error\","
		       "\"class\":\"drop\",\"help\":\"a bug\",\"packets\":0}],"
		       "\"services\":[" SERVICE("fullnat") "]}"),
		NULL};
	struct run result = run(answer, WORDS("stats", "--all"));

	(void)state;
	assert_string_equal(result.requests, "{\"command\":\"stats\"}\n");
	assert_contains(result.out, "\ndrop_error  drop           0  a bug\n");
	run_free(&result);
	assert_run(run(answer, WORDS("stats")), 0,
		   "VERDICT     CLASS    PACKETS  MEANING\n"
		   "forward_tx  forward  1234567  sent\n"
		   "\n"
		   "SERVICE  CONNECTIONS  ACTIVE  PACKETS IN  BYTES IN  PACKETS OUT  BYTES OUT\n"
		   "web             3702      24          10      2.0K            9       4.0K\n",
		   "");
}

static void test_huge_answers(void **state)
{
	enum { BACKENDS = 16384 };
	autofree char *text = NULL;
	const char *answer[2] = {NULL, NULL};
	struct run result;
	size_t size, lines = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fputs("{\"ok\":true,\"result\":{\"services\":[{\"name\":\"web\",\"backends\":[", out);
	for (int i = 0; i < BACKENDS; i++)
		fprintf(out, "%s" BACKEND("10.0.%d.%d:80", "1", "up", ""), i ? "," : "", i >> 8,
			i & 255);
	fputs("]}]}}\n", out);
	fclose(out);
	answer[0] = text;
	result = run(answer, WORDS("backend", "list"));
	assert_int_equal(result.status, 0);
	for (const char *c = result.out; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, BACKENDS + 2);
	assert_contains(result.out, "16384 of 16384 up\n");
	run_free(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status_on_one_screen),
		cmocka_unit_test(test_status_of_nothing),
		cmocka_unit_test(test_status_with_a_problem),
		cmocka_unit_test(test_services_as_text),
		cmocka_unit_test(test_stats_hide_zeros),
		cmocka_unit_test(test_huge_answers),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
