/* SPDX-License-Identifier: GPL-2.0 */
/* Runs the whole client against a controller that serves canned answers on a socket of its own. */
#ifndef LBX_UNIT_CLI_RUN_H
#define LBX_UNIT_CLI_RUN_H

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/cli/cli.h"

struct run {
	int status;
	char *out, *err, *requests;
};

static char dir[] = "/tmp/lbxdp-test-XXXXXX";

static inline char *path_of(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

static inline char *file_take(const char *name)
{
	autofree char *path = path_of(name);
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "r");

	if (!file || getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	if (file)
		fclose(file);
	unlink(path);
	return text;
}

static inline int socket_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/default.sock", dir);
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

/* One connection; for each request the next answer (NULL-terminated), written as it is. */
static inline void controller_serve(int listener, const char *const *answers)
{
	autofree char *path = path_of("requests");
	autofree char *line = NULL;
	FILE *log = fopen(path, "w"), *peer = fdopen(accept(listener, NULL, NULL), "r+");
	size_t size = 0;

	for (; *answers && getline(&line, &size, peer) > 0; answers++) {
		fputs(line, log);
		fseek(peer, 0, SEEK_CUR); /* between reading and writing a stream */
		fputs(*answers, peer);
		fflush(peer);
	}
	fclose(log);
	fclose(peer);
}

static inline pid_t controller_start(const char *const *answers)
{
	int listener = socket_listen();
	pid_t pid = fork();

	if (pid == 0) {
		controller_serve(listener, answers);
		_exit(0);
	}
	close(listener);
	return pid;
}

static inline void stream_redirect(int fd, const char *name)
{
	autofree char *path = path_of(name);
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	dup2(file, fd);
	close(file);
}

static inline int client_run(const char *const *words)
{
	char *argv[16] = {(char *)"lbxdp"};
	int argc = 1, status;
	pid_t pid;

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		stream_redirect(STDOUT_FILENO, "out");
		stream_redirect(STDERR_FILENO, "err");
		exit(cli_main(argc, argv)); /* not _exit: the leak check runs here */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* answers NULL: no controller. */
static inline struct run run(const char *const *answers, const char *const *words)
{
	pid_t controller = answers ? controller_start(answers) : -1;
	autofree char *path = path_of("default.sock");
	struct run result = {.status = client_run(words)};

	if (controller > 0)
		waitpid(controller, NULL, 0);
	unlink(path);
	result.out = file_take("out");
	result.err = file_take("err");
	result.requests = file_take("requests");
	return result;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline void run_free(struct run *result)
{
	free(result->out);
	free(result->err);
	free(result->requests);
}

static inline void assert_run(struct run result, int status, const char *out, const char *err)
{
	assert_string_equal(result.err, err);
	assert_string_equal(result.out, out);
	assert_int_equal(result.status, status);
	run_free(&result);
}

static inline int group_setup(void **state)
{
	(void)state;
	unsetenv("LBXDP_INSTANCE");
	return !mkdtemp(dir) || setenv("LBXDP_RUNDIR", dir, 1);
}

static inline int group_teardown(void **state)
{
	autofree char *path = path_of("lbxdpd");
	autofree char *socket = path_of("default.sock");

	(void)state;
	unlink(path);
	unlink(socket);
	return rmdir(dir);
}

#endif
