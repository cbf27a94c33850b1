/* SPDX-License-Identifier: GPL-2.0 */
/* Into the background, with the foreground waiting until the daemon answers or has failed. */
#ifndef LBX_DAEMONISE_H
#define LBX_DAEMONISE_H

#include "user/base/err.h"

/*
 * Returns in the daemon, with the descriptor for daemon_report(). The process that called it waits
 * for that report, prints an error if it is one, and exits.
 */
int daemonise(int *report_fd, struct err *err);
/* The daemon answers, or (error not NULL) could not start. */
void daemon_report(int report_fd, const struct err *error);

/* stdin from and stdout to nowhere, stderr to the log file (made or continued). */
int daemon_log_open(const char *path, struct err *err);
/* Puts a log file aside that has grown too large: /run is memory. */
void daemon_log_trim(const char *path);

#endif
