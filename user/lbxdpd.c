// SPDX-License-Identifier: GPL-2.0
/* The controller daemon: options, signals, the event loop. */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "user/base/log.h"
#include "user/control/controller.h"
#include "user/control/daemonise.h"
#include "user/control/server.h"
#include "version.h"

enum { EXIT_USAGE = 2 };

struct options {
	const char *instance;
	const char *log_path; /* NULL: RUNDIR/INSTANCE.log */
	bool foreground, verbose;
};

static const char usage[] =
	"Usage: lbxdpd [--foreground] [-n NAME] [--verbose] [--log FILE]\n"
	"\n"
	"The controller of lbxdp. Takes over what a former one left running; 'lbxdp attach' starts\n"
	"it where none runs.\n"
	"\n"
	"  -f, --foreground     stay in the foreground, log to stderr (for systemd)\n"
	"  -n, --instance NAME  one of several controllers on this host (default: $LBXDP_INSTANCE,\n"
	"                       or \"default\")\n"
	"  -v, --verbose        log more, also the BPF verifier's messages\n"
	"  -l, --log FILE       in the background: log there (default: /run/lbxdp/NAME.log)\n"
	"  -V, --version        print the version\n"
	"  -h, --help           print this\n"
	"\n"
	"On SIGTERM or SIGINT it exits and the kernel goes on forwarding; 'lbxdp detach --all'\n"
	"ends that.\n";

static const struct option long_options[] = {
	{"foreground", no_argument, NULL, 'f'},
	{"instance", required_argument, NULL, 'n'},
	{"verbose", no_argument, NULL, 'v'},
	{"log", required_argument, NULL, 'l'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static int usage_error(void)
{
	fprintf(stderr, "See 'lbxdpd --help'.\n");
	return EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int options_parse(int argc, char **argv, struct options *options)
{
	int option;

	options->instance = getenv("LBXDP_INSTANCE");
	while ((option = getopt_long(argc, argv, "fn:vl:Vh", long_options, NULL)) != -1) {
		switch (option) {
		case 'f':
			options->foreground = true;
			break;
		case 'n':
			options->instance = optarg;
			break;
		case 'v':
			options->verbose = true;
			break;
		case 'l':
			options->log_path = optarg;
			break;
		case 'V':
			printf("lbxdpd %s\n", LBX_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			return usage_error();
		}
	}
	if (optind < argc) {
		fprintf(stderr, "lbxdpd: unexpected argument '%s'\n", argv[optind]);
		return usage_error();
	}
	if (!options->instance || !*options->instance)
		options->instance = "default";
	return -1;
}

/* --- the loop --- */

enum { SIGNAL_COUNT = 3, TIMER_COUNT = 1 };

struct daemon {
	const struct options *options;
	struct instance instance;
	char log_path[INSTANCE_PATH_MAX];
	struct event_base *base;
	struct event *events[SIGNAL_COUNT + TIMER_COUNT];
	struct controller *controller;
	struct server *server;
};

static void signal_taken(evutil_socket_t number, short events, void *context)
{
	struct daemon *daemon = context;

	(void)events;
	log_info("%s: exits; the kernel goes on forwarding", strsignal((int)number));
	event_base_loopexit(daemon->base, NULL);
}

static void log_trim(evutil_socket_t fd, short events, void *context)
{
	struct daemon *daemon = context;

	(void)fd;
	(void)events;
	daemon_log_trim(daemon->log_path);
}

static int events_new(struct daemon *daemon, struct err *err)
{
	static const int signals[SIGNAL_COUNT] = {SIGTERM, SIGINT, SIGHUP};
	static const struct timeval trim_interval = {.tv_sec = 60};
	bool failed = false;

	for (int i = 0; i < SIGNAL_COUNT; i++) {
		daemon->events[i] = evsignal_new(daemon->base, signals[i], signal_taken, daemon);
		failed |= !daemon->events[i] || event_add(daemon->events[i], NULL);
	}
	daemon->events[SIGNAL_COUNT] = event_new(daemon->base, -1, EV_PERSIST, log_trim, daemon);
	failed |= !daemon->events[SIGNAL_COUNT];
	if (!failed && !daemon->options->foreground)
		failed = event_add(daemon->events[SIGNAL_COUNT], &trim_interval);
	return failed ? err_set(err, -ENOMEM, "lbxdpd: out of memory") : 0;
}

static int daemon_start(struct daemon *daemon, struct err *err)
{
	int r = instance_lock(&daemon->instance, err);

	if (!r && !daemon->options->foreground)
		r = daemon_log_open(daemon->log_path, err);
	if (r)
		return r;
	log_init(daemon->options->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	daemon->base = event_base_new();
	if (!daemon->base)
		return err_set(err, -ENOMEM, "lbxdpd: cannot make an event loop");
	r = events_new(daemon, err);
	if (!r)
		r = controller_new(&daemon->controller, &daemon->instance, daemon->options->verbose,
				   daemon->base, err);
	if (!r)
		r = controller_start(daemon->controller, err);
	return r ? r : server_new(daemon->controller, &daemon->server, err);
}

static void daemon_stop(struct daemon *daemon)
{
	server_free(daemon->server);
	controller_free(daemon->controller);
	for (int i = 0; i < SIGNAL_COUNT + TIMER_COUNT; i++) {
		if (daemon->events[i])
			event_free(daemon->events[i]);
	}
	if (daemon->base)
		event_base_free(daemon->base);
}

/* Health checks and connections take descriptors; the soft limit is for programs that use select().
 */
static void limits_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int daemon_run(struct daemon *daemon, int report_fd)
{
	struct err err = {0};
	int r = daemon_start(daemon, &err);

	if (r && report_fd >= 0)
		daemon_report(report_fd, &err);
	else if (r)
		fprintf(stderr, "lbxdpd: %s\n", err.text);
	else if (report_fd >= 0)
		daemon_report(report_fd, NULL);
	if (!r)
		event_base_dispatch(daemon->base);
	daemon_stop(daemon);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	struct daemon daemon = {.options = &options};
	int status = options_parse(argc, argv, &options), report_fd = -1;
	struct err err = {0};
	int r;

	if (status >= 0)
		return status;
	r = instance_init(&daemon.instance, options.instance, &err);
	if (!r) {
		instance_path(&daemon.instance, "log", daemon.log_path);
		if (options.log_path)
			snprintf(daemon.log_path, sizeof(daemon.log_path), "%s", options.log_path);
	}
	if (!r && !options.foreground)
		r = daemonise(&report_fd, &err);
	if (r) {
		fprintf(stderr, "lbxdpd: %s\n", err.text);
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	limits_raise();
	return daemon_run(&daemon, report_fd);
}
