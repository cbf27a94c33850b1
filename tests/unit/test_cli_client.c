// SPDX-License-Identifier: GPL-2.0
/* The client as a whole: requests, errors, exit codes, starting the controller. */
#include "tests/unit/cli_run.h"

#include "user/cli/client.h"

static const char *const answer_empty[] = {"{\"ok\": true, \"result\": {}}\n", NULL};

static void test_changes_are_quiet(void **state)
{
	struct run result = run(answer_empty,
				WORDS("b", "a", "web", "10.0.0.2:80", "--weight", "2"));

	(void)state;
	assert_string_equal(result.requests,
			    "{\"command\":\"backend.add\",\"args\":{\"weight\":\"2\","
			    "\"service\":\"web\",\"backend\":\"10.0.0.2:80\"}}\n");
	assert_run(result, 0, "", "");
	assert_run(run(answer_empty, WORDS("-j", "service", "remove", "web")), 0, "{}\n", "");
}

static void test_json_keeps_the_order(void **state)
{
	static const char *const answer[] = {"{\"ok\":true,\"result\":{\"z\":1,\"a\":[2]}}\n",
					     NULL};

	(void)state;
	assert_run(run(answer, WORDS("service", "list", "-j")), 0,
		   "{\n  \"z\": 1,\n  \"a\": [\n    2\n  ]\n}\n", "");
}

static void test_errors_and_warnings_go_to_stderr(void **state)
{
	static const char *const refused[] = {
		"{\"ok\":false,\"error\":\"weight 0x: not a number\",\"code\":22}\n", NULL};
	static const char *const warned[] = {
		"{\"ok\":true,\"result\":{},\"warnings\":[\"10.0.0.1: not local\",\"two\"]}\n",
		NULL};

	(void)state;
	assert_run(run(refused, WORDS("b", "s", "10.0.0.2:80", "--weight", "0x")), 1, "",
		   "lbxdp: weight 0x: not a number\n");
	assert_run(run(warned, WORDS("service", "add", "w", "tcp", "10.0.0.1:80")), 0, "",
		   "lbxdp: warning: 10.0.0.1: not local\nlbxdp: warning: two\n");
}

static void test_no_controller(void **state)
{
	(void)state;
	assert_run(run(NULL, WORDS("status")), 1, "",
		   "lbxdp: lbxdpd: not running for instance default; start it with "
		   "'lbxdp attach IFACE' or 'systemctl start lbxdp'\n");
	assert_run(run(NULL, WORDS("-n", "two", "status")), 1, "",
		   "lbxdp: lbxdpd: not running for instance two; start it with "
		   "'lbxdp -n two attach IFACE'\n");
}

static void test_a_dead_socket_is_no_controller(void **state)
{
	struct run result;
	int fd = socket_listen();

	(void)state;
	close(fd);
	result = run(NULL, WORDS("status"));
	assert_int_equal(result.status, 1);
	assert_contains(result.err, "not running for instance default");
	run_free(&result);
}

static void test_the_controller_dies(void **state)
{
	static const char *const half[] = {"{\"ok\":true,\"result\":{\"serv", NULL};
	static const char *const nothing[] = {NULL};
	static const char *const garbage[] = {"<html>\n", NULL};
	static const char text[] = "lbxdp: lbxdpd: ended before it answered; see its log, then "
				   "'lbxdp status'\n";

	(void)state;
	assert_run(run(half, WORDS("status")), 1, "", text);
	assert_run(run(nothing, WORDS("status")), 1, "", text);
	assert_run(run(garbage, WORDS("status")), 1, "",
		   "lbxdp: lbxdpd: answer is no JSON object; compare 'lbxdp version'\n");
}

static void test_a_silent_controller_times_out(void **state)
{
	int listener = socket_listen(), fd;
	struct err err = {0};
	json_t *answer;

	(void)state;
	fd = client_open("default", 50, &err);
	assert_true(fd >= 0);
	assert_err(client_exchange(fd, "status", NULL, &answer, &err), &err, -ETIMEDOUT,
		   "lbxdpd: no answer in time; see its log, then 'lbxdp status'");
	close(fd);
	close(listener);
}

static void test_usage_errors_end_with_two(void **state)
{
	(void)state;
	assert_run(run(NULL, WORDS("flows")), 2, "",
		   "lbxdp: flows: unknown command; see 'lbxdp help'\n"
		   "usage: lbxdp [-n INSTANCE] [-j] COMMAND [ARGUMENT]...\n");
	assert_run(run(NULL, WORDS("backend")), 2, "",
		   "lbxdp: backend: a command is missing; see 'lbxdp help backend'\n"
		   "usage: lbxdp backend COMMAND [ARGUMENT]...\n");
	assert_run(run(NULL, WORDS("detach", "eth0", "--all")), 2, "",
		   "lbxdp: detach: IFACE and --all exclude each other\n"
		   "usage: lbxdp detach IFACE | --all\n");
	assert_run(run(NULL, WORDS("-n", "a/b", "status")), 2, "",
		   "lbxdp: instance 'a/b': not a name; use 1 to 64 letters, digits, '.', '_' and "
		   "'-'\nusage: lbxdp [-n INSTANCE] [-j] COMMAND [ARGUMENT]...\n");
}

static void test_help_needs_no_controller(void **state)
{
	static const char *const ways[][4] = {
		{"help", "b", "add", NULL}, {"backend", "add", "-h", NULL}, {"-h", NULL}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct run result = run(NULL, ways[i]);

		assert_int_equal(result.status, 0);
		assert_string_equal(result.err, "");
		assert_contains(result.out, i < 2 ? "ADDR:PORT [OPTION]..." : "backend remove");
		run_free(&result);
	}
}

static void test_version_with_and_without_controller(void **state)
{
	static const char *const answer[] = {
		"{\"ok\":true,\"result\":{\"version\":\"9\",\"pid\":7,\"instance\":\"default\"}}\n",
		NULL};
	struct run result = run(answer, WORDS("version"));

	(void)state;
	assert_contains(result.out, "\nlbxdpd 9 (pid 7, instance default)\n");
	run_free(&result);
	result = run(NULL, WORDS("version", "-j"));
	assert_int_equal(result.status, 0);
	assert_string_equal(result.err, "");
	assert_contains(result.out, "\"daemon\": null");
	run_free(&result);
}

static const char *const answer_attached[] = {
	"{\"ok\":true,\"result\":{\"name\":\"eth0\",\"mode\":\"native\",\"dispatcher\":false,"
	"\"note\":\"kernel refuses the dispatcher\"}}\n",
	NULL};

static void test_attach_says_what_it_got(void **state)
{
	struct run result = run(answer_attached, WORDS("attach", "eth0", "--mode", "native"));

	(void)state;
	assert_string_equal(
		result.requests,
		"{\"command\":\"attach\",\"args\":{\"mode\":\"native\",\"interface\":\"eth0\"}}\n");
	assert_run(result, 0,
		   "eth0: attached (native, single program: kernel refuses the dispatcher)\n", "");
}

/* A lbxdpd in PATH: a script that can't serve. */
static void daemon_fake(const char *script)
{
	autofree char *path = path_of("lbxdpd");
	FILE *file = fopen(path, "w");

	fprintf(file, "#!/bin/sh\nprintf '%%s\\n' \"$*\"\n%s\n", script);
	fclose(file);
	assert_int_equal(chmod(path, 0755), 0);
}

static void test_attach_starts_the_controller(void **state)
{
	autofree char *path = strdup(getenv("PATH"));

	(void)state;
	if (geteuid() != 0) {
		assert_run(run(NULL, WORDS("attach", "eth0")), 1, "",
			   "lbxdp: attach: not root; run with sudo\n");
		return;
	}
	setenv("PATH", dir, 1);
	assert_run(run(NULL, WORDS("attach", "eth0")), 1, "",
		   "lbxdp: lbxdpd: not found beside lbxdp, in ../sbin or in PATH; install it "
		   "there\n");
	daemon_fake("echo no >&2; exit 3");
	assert_run(run(NULL, WORDS("attach", "eth0", "-j")), 1, "",
		   "-n default\nno\nlbxdp: lbxdpd: did not start (exit status 3); it said why "
		   "above\n");
	daemon_fake("kill -9 $$");
	assert_run(run(NULL, WORDS("attach", "eth0", "-j")), 1, "",
		   "-n default\nlbxdp: lbxdpd: killed by signal 9 (Killed) while it started\n");
	setenv("PATH", path, 1);
}

static void test_a_failed_attach_ends_what_it_started(void **state)
{
	static const char *const answers[] = {
		"{\"ok\":false,\"error\":\"eth9: no such interface\",\"code\":19}\n",
		"{\"ok\":false,\"error\":\"busy\",\"code\":16}\n", NULL};
	autofree char *path = strdup(getenv("PATH"));
	autofree char *from = path_of("default.sock"), *to = path_of("hidden");
	autofree char *script = NULL;
	struct run result;
	pid_t controller;

	(void)state;
	if (geteuid() != 0)
		skip();
	/* The controller is there from the start; "starting" it makes its socket visible. */
	controller = controller_start(answers);
	assert_int_equal(rename(from, to), 0);
	assert_true(asprintf(&script, "/bin/mv %s %s", to, from) > 0);
	daemon_fake(script);
	setenv("PATH", dir, 1);
	result = run(NULL, WORDS("attach", "eth9"));
	setenv("PATH", path, 1);
	waitpid(controller, NULL, 0);
	assert_string_equal(result.requests,
			    "{\"command\":\"attach\",\"args\":{\"interface\":\"eth9\"}}\n"
			    "{\"command\":\"exit\",\"args\":{\"idle\":true}}\n");
	assert_run(result, 1, "", "-n default\nlbxdp: eth9: no such interface\n");
}

static void test_a_full_disk_is_an_error(void **state)
{
	autofree char *path = path_of("out");
	struct run result;

	(void)state;
	assert_int_equal(symlink("/dev/full", path), 0);
	result.status = client_run(WORDS("help"));
	result.err = file_take("err");
	unlink(path);
	assert_int_equal(result.status, 1);
	assert_string_equal(result.err, "lbxdp: standard output: No space left on device\n");
	free(result.err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_are_quiet),
		cmocka_unit_test(test_json_keeps_the_order),
		cmocka_unit_test(test_errors_and_warnings_go_to_stderr),
		cmocka_unit_test(test_no_controller),
		cmocka_unit_test(test_a_dead_socket_is_no_controller),
		cmocka_unit_test(test_the_controller_dies),
		cmocka_unit_test(test_a_silent_controller_times_out),
		cmocka_unit_test(test_usage_errors_end_with_two),
		cmocka_unit_test(test_help_needs_no_controller),
		cmocka_unit_test(test_version_with_and_without_controller),
		cmocka_unit_test(test_attach_says_what_it_got),
		cmocka_unit_test(test_attach_starts_the_controller),
		cmocka_unit_test(test_a_failed_attach_ends_what_it_started),
		cmocka_unit_test(test_a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
