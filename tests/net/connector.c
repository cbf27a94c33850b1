// SPDX-License-Identifier: GPL-2.0
/*
 * Opens connections (or sends UDP datagrams, each from a socket of its own), asks who answers, and
 * counts. Several processes, each bound to a CPU, so that a balancer is asked on all CPUs at once.
 * Servers are the lab's: they answer their own name, over HTTP (TCP) or bare (UDP).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/net/tally.h"

#define MAX_PROCESSES 64
#define MAX_SOURCES 64
#define MAX_HELD 256
#define RECORD_US 100000 /* how old a line may be when it gets into the record */

static const char usage_text[] =
	"Usage: connector [OPTION]... ADDRESS PORT\n"
	"  -u        UDP: a datagram and its answer instead of a TCP connection and an HTTP request\n"
	"  -k        keep connections: each process sends its requests over -c connections in turn\n"
	"  -c N      connections each process keeps (8)\n"
	"  -n N      connections (with -k: requests) in all (1000)\n"
	"  -t SEC    go on for so long instead\n"
	"  -p N      processes (2), bound to the CPUs in turn\n"
	"  -b N      all processes wait for each other after every N, and print the counts\n"
	"  -i USEC   pause between two connections of a process (0)\n"
	"  -w MSEC   how long to wait for anything (3000)\n"
	"  -s A,...  source addresses, used in turn\n"
	"  -f PORT   first source port: no address and port is used twice (needs -n)\n"
	"  -g        close with FIN instead of RST\n"
	"  -q PATH   what to ask for (default: the connection's number)\n"
	"  -o FILE   a line for each: microseconds, process, number, name or ! and what failed\n"
	"Prints how often each server answered. Status 1 if anything failed.\n";

struct options {
	bool udp, keep, fin;
	unsigned total, seconds, processes, held, barrier, pause_us, wait_ms, first_port;
	const char *path, *record;
	struct sockaddr_storage target, sources[MAX_SOURCES];
	socklen_t address_length;
	unsigned source_count;
};

/* What the processes share. Each counts in a table of its own. */
struct shared {
	pthread_barrier_t barrier;
	unsigned next; /* number of the next connection, over all processes */
	struct tally tallies[MAX_PROCESSES];
	unsigned problems; /* noted: the first one is printed at the end */
	char problem[96];
};

struct worker {
	const struct options *options;
	struct shared *shared;
	unsigned index;
	int held[MAX_HELD];
	int record;
	size_t buffered;
	uint64_t flushed_us;
	char buffer[1 << 16];
	char problem[96]; /* of the last failure */
};

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("connector: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- counting --- */

/* One line: "b1 5000 b2 5000". Returns how many failed. */
static unsigned long counts_print(const struct shared *shared, unsigned processes)
{
	struct tally sum = {};

	for (unsigned p = 0; p < processes; p++)
		tally_merge(&sum, &shared->tallies[p]);
	tally_print(&sum);
	return tally_count(&sum, "failed");
}

/* Whole lines only: all processes append to the same file. */
static void record_flush(struct worker *w, uint64_t now)
{
	if (w->buffered && write(w->record, w->buffer, w->buffered) != (ssize_t)w->buffered)
		die("%s: cannot write", w->options->record);
	w->buffered = 0;
	w->flushed_us = now;
}

static void record(struct worker *w, uint64_t began, unsigned number, const char *name)
{
	tally_add(&w->shared->tallies[w->index], name ? name : "failed", 1);
	if (!name && !__atomic_fetch_add(&w->shared->problems, 1, __ATOMIC_RELAXED))
		memcpy(w->shared->problem, w->problem, sizeof(w->problem));
	if (w->record < 0)
		return;
	if (w->buffered + 256 > sizeof(w->buffer) || began - w->flushed_us > RECORD_US)
		record_flush(w, began);
	w->buffered += snprintf(w->buffer + w->buffered, 256, "%lu %u %u %s%s\n", began, w->index,
				number, name ? "" : "!", name ? name : w->problem);
}

static int problem(struct worker *w, const char *what)
{
	const char *why = errno == EAGAIN || errno == EINPROGRESS ? "no answer" : strerror(errno);

	snprintf(w->problem, sizeof(w->problem), "%s: %s", what, why);
	return -1;
}

/* --- connections --- */

static void source_port_set(struct sockaddr_storage *source, unsigned port)
{
	/* sin_port and sin6_port are at the same place. */
	((struct sockaddr_in *)source)->sin_port = htons(port);
}

/* Binds to the number'th pair of source address and port, as far as the options ask for it. */
static int source_bind(struct worker *w, int fd, unsigned number)
{
	const struct options *o = w->options;
	unsigned sources = o->source_count ? o->source_count : 1, port = 0;
	struct sockaddr_storage source = {.ss_family = o->target.ss_family};
	int one = 1;

	if (!o->source_count && !o->first_port)
		return 0;
	if (o->source_count)
		source = o->sources[number % sources];
	if (o->first_port)
		port = o->first_port + number / sources;
	else if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)))
		return problem(w, "IP_BIND_ADDRESS_NO_PORT");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		return problem(w, "SO_REUSEADDR");
	source_port_set(&source, port);
	if (bind(fd, (struct sockaddr *)&source, o->address_length))
		return problem(w, "bind");
	return 0;
}

static int socket_prepare(struct worker *w, int fd, unsigned number)
{
	const struct options *o = w->options;
	struct timeval wait = {o->wait_ms / 1000, o->wait_ms % 1000 * 1000};
	struct linger reset = {.l_onoff = 1};

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)))
		return problem(w, "timeout");
	if (!o->udp && !o->fin && setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)))
		return problem(w, "SO_LINGER");
	if (source_bind(w, fd, number))
		return -1;
	if (connect(fd, (const struct sockaddr *)&o->target, o->address_length))
		return problem(w, "connect");
	return 0;
}

/* Returns a connected socket or -1, with the problem noted. */
static int connection_open(struct worker *w, unsigned number)
{
	const struct options *o = w->options;
	int fd = socket(o->target.ss_family, o->udp ? SOCK_DGRAM : SOCK_STREAM, 0);

	if (fd < 0)
		return problem(w, "socket");
	if (socket_prepare(w, fd, number)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* --- one question and its answer --- */

/* The body of a whole HTTP answer, NULL if it is not whole yet. */
static char *http_body(char *text, size_t length)
{
	char *body = strstr(text, "\r\n\r\n"), *header = strcasestr(text, "\r\nContent-Length:");

	if (!body || !header || header > body)
		return NULL;
	body += 4;
	return length - (body - text) >= strtoul(header + 17, NULL, 10) ? body : NULL;
}

static int http_read(struct worker *w, int fd, char *text, size_t size, char **body)
{
	size_t length = 0;
	ssize_t n;

	do {
		n = recv(fd, text + length, size - 1 - length, 0);
		if (n < 0)
			return problem(w, "read");
		length += n;
		text[length] = '\0';
		*body = http_body(text, length);
	} while (!*body && n > 0);
	if (!*body) {
		snprintf(w->problem, sizeof(w->problem), "read: closed");
		return -1;
	}
	if (strncmp(text, "HTTP/1.1 200 ", 13)) {
		snprintf(w->problem, sizeof(w->problem), "%.12s", text);
		return -1;
	}
	return 0;
}

/* Fills name with the first line of the server's answer. */
static int ask(struct worker *w, int fd, unsigned number, char *name, size_t size)
{
	const struct options *o = w->options;
	char text[2048], path[16], *body = text;
	int n;

	snprintf(path, sizeof(path), "/%u", number);
	n = snprintf(text, sizeof(text),
		     o->udp ? "%.512s\n" : "GET %.512s HTTP/1.1\r\nHost: lab\r\n\r\n",
		     o->path ? o->path : path);
	if (send(fd, text, n, MSG_NOSIGNAL) != n)
		return problem(w, "write");
	if (o->udp) {
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n < 0)
			return problem(w, "read");
		text[n] = '\0';
	} else if (http_read(w, fd, text, sizeof(text), &body)) {
		return -1;
	}
	snprintf(name, size, "%.*s", (int)strcspn(body, "\r\n"), body);
	return 0;
}

/* For whoever looks for the connection in a capture. */
static void problem_port(struct worker *w, int fd)
{
	struct sockaddr_storage address = {};
	socklen_t size = sizeof(address);
	size_t used = strlen(w->problem);

	if (fd >= 0 && !getsockname(fd, (struct sockaddr *)&address, &size))
		snprintf(w->problem + used, sizeof(w->problem) - used, ", port %u",
			 ntohs(((struct sockaddr_in *)&address)->sin_port));
}

static void once(struct worker *w, unsigned number)
{
	uint64_t began = now_us();
	char name[32];
	int fd = connection_open(w, number);
	bool answered = fd >= 0 && !ask(w, fd, number, name, sizeof(name));

	if (!answered)
		problem_port(w, fd);
	record(w, began, number, answered ? name : NULL);
	if (fd >= 0)
		close(fd);
}

/* The same over one of the kept connections. A broken one is opened again the next time. */
static void once_kept(struct worker *w, unsigned number, unsigned turn)
{
	int *fd = &w->held[turn % w->options->held];
	uint64_t began = now_us();
	char name[32];

	if (*fd < 0)
		*fd = connection_open(w, number);
	if (*fd >= 0 && !ask(w, *fd, number, name, sizeof(name))) {
		record(w, began, number, name);
		return;
	}
	record(w, began, number, NULL);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- processes --- */

static void cpu_bind(unsigned index)
{
	cpu_set_t all, one;
	unsigned skip;

	if (sched_getaffinity(0, sizeof(all), &all))
		return;
	skip = index % CPU_COUNT(&all);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && !skip--) {
			CPU_SET(cpu, &one);
			break;
		}
	sched_setaffinity(0, sizeof(one), &one);
}

/* Nobody counts while one process prints. */
static void wait_for_all(struct worker *w)
{
	if (pthread_barrier_wait(&w->shared->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
		counts_print(w->shared, w->options->processes);
	pthread_barrier_wait(&w->shared->barrier);
}

static void worker_run(struct worker *w)
{
	const struct options *o = w->options;
	unsigned quota = o->total / o->processes + (w->index < o->total % o->processes);
	uint64_t end = now_us() + (uint64_t)o->seconds * 1000000;

	for (unsigned i = 0; o->seconds ? now_us() < end : i < quota; i++) {
		unsigned number = __atomic_fetch_add(&w->shared->next, 1, __ATOMIC_RELAXED);

		if (o->keep)
			once_kept(w, number, i);
		else
			once(w, number);
		if (o->barrier && (i + 1) % o->barrier == 0)
			wait_for_all(w);
		if (o->pause_us)
			usleep(o->pause_us);
	}
	record_flush(w, 0);
}

static int worker_main(const struct options *o, struct shared *shared, unsigned index)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		die("no memory");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w->options = o;
	w->shared = shared;
	w->index = index;
	w->record = -1;
	memset(w->held, -1, sizeof(w->held));
	if (o->record) {
		w->record = open(o->record, O_WRONLY | O_CREAT | O_APPEND, 0644);
		if (w->record < 0)
			die("%s: %s", o->record, strerror(errno));
	}
	cpu_bind(index);
	worker_run(w);
	free(w);
	return 0;
}

static struct shared *shared_new(unsigned processes)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_barrierattr_t attributes;

	if (shared == MAP_FAILED)
		die("no memory");
	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->barrier, &attributes, processes);
	return shared;
}

/* Returns how many processes did not end well. */
static int run_all(const struct options *o, struct shared *shared)
{
	int status, bad = 0;

	for (unsigned i = 0; i < o->processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork: %s", strerror(errno));
		if (!pid)
			_exit(worker_main(o, shared, i));
	}
	while (wait(&status) > 0)
		bad += !WIFEXITED(status) || WEXITSTATUS(status);
	return bad;
}

/* --- the command line --- */

static unsigned number_parse(const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (!*text || *end || n < min || n > max)
		die("%s: must be a number from %u to %u", text, min, max);
	return n;
}

static socklen_t address_parse(const char *host, const char *port, struct sockaddr_storage *address)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found;
	int status = getaddrinfo(host, port, &hints, &found);
	socklen_t length;

	if (status)
		die("%s: %s", host, gai_strerror(status));
	length = found->ai_addrlen;
	memcpy(address, found->ai_addr, length);
	freeaddrinfo(found);
	return length;
}

static void sources_parse(struct options *o, char *list)
{
	for (char *item = strtok(list, ","); item; item = strtok(NULL, ",")) {
		if (o->source_count == MAX_SOURCES)
			die("more than %d source addresses", MAX_SOURCES);
		address_parse(item, "0", &o->sources[o->source_count++]);
	}
}

static const struct {
	char letter;
	size_t offset;
	unsigned min, max;
} numbers[] = {
	{'c', offsetof(struct options, held), 1, MAX_HELD},
	{'n', offsetof(struct options, total), 1, 100000000},
	{'t', offsetof(struct options, seconds), 1, 3600},
	{'p', offsetof(struct options, processes), 1, MAX_PROCESSES},
	{'b', offsetof(struct options, barrier), 1, 1000000},
	{'i', offsetof(struct options, pause_us), 0, 10000000},
	{'w', offsetof(struct options, wait_ms), 1, 600000},
	{'f', offsetof(struct options, first_port), 1, 65535},
};

static void option_parse(struct options *o, int letter)
{
	o->udp |= letter == 'u';
	o->keep |= letter == 'k';
	o->fin |= letter == 'g';
	if (letter == 's')
		sources_parse(o, optarg);
	if (letter == 'q')
		o->path = optarg;
	if (letter == 'o')
		o->record = optarg;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (numbers[i].letter == letter)
			*(unsigned *)((char *)o + numbers[i].offset) =
				number_parse(optarg, numbers[i].min, numbers[i].max);
}

static void options_check(const struct options *o)
{
	unsigned sources = o->source_count ? o->source_count : 1;

	if (o->barrier && (o->seconds || o->total % (o->processes * o->barrier)))
		die("-b: -n must be a multiple of -p times -b");
	if (o->first_port && (o->seconds || o->first_port + (o->total - 1) / sources > 65535))
		die("-f: not enough ports for -n connections; give more addresses with -s");
	if (o->record)
		unlink(o->record);
}

int main(int argc, char **argv)
{
	struct options o = {.total = 1000, .processes = 2, .held = 8, .wait_ms = 3000};
	unsigned long failed;
	struct shared *shared;
	int letter, bad;

	while ((letter = getopt(argc, argv, "ukgc:n:t:p:b:i:w:f:s:q:o:h")) > 0 && letter != '?')
		option_parse(&o, letter);
	if (letter > 0 || argc - optind != 2) {
		fputs(usage_text, stderr);
		return 2;
	}
	o.address_length = address_parse(argv[optind], argv[optind + 1], &o.target);
	options_check(&o);
	shared = shared_new(o.processes);
	bad = run_all(&o, shared);
	failed = counts_print(shared, o.processes);
	if (failed)
		fprintf(stderr, "connector: the first that failed: %s\n", shared->problem);
	return failed || bad;
}
