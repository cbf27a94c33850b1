/* SPDX-License-Identifier: GPL-2.0 */
/* A kind of health check: one file that defines one, and one row in prober.c's table. */
#ifndef LBX_CHECKER_H
#define LBX_CHECKER_H

#include <stdbool.h>
#include <stddef.h>

#include "user/model/model.h"

struct event_base;

enum { REASON_MAX = 128 };

enum check_result {
	CHECK_PASSED,
	CHECK_FAILED,
	CHECK_SHORTAGE, /* of ours (sockets, memory, ports): says nothing about the backend */
};

/* The check ended. Never called from within start; the last thing a checker does with it. */
typedef void (*check_done)(void *context, enum check_result result, const char *reason);

/* What one running check is told; valid until stop. */
struct check_target {
	const struct endpoint *endpoint;
	const struct check_spec *spec;
	check_done done;
	void *context;
};

struct checker {
	/* What all checks of the kind share; both NULL if nothing. */
	void *(*open)(struct event_base *base);
	void (*close)(void *shared);
	/* Returns the running check, or NULL with a reason: a shortage. */
	void *(*start)(struct event_base *base, void *shared, const struct check_target *target,
		       char reason[REASON_MAX]);
	/* Its time is up: how it stands, and why. The loop may have been late, not the backend. */
	enum check_result (*expire)(void *check, char reason[REASON_MAX]);
	/* Ends and frees it, done or not. */
	void (*stop)(void *check);
};

extern const struct checker checker_tcp, checker_http;

/* What became of a connect that ended with this errno (positive; 0: it succeeded). */
enum check_result connect_result(int error, char reason[REASON_MAX]);

/* A socket for a check: non-blocking, and reset when closed, so that no TIME_WAIT is left. -1,
 * errno. */
int check_socket(int family, int type, int protocol);

#endif
