/* SPDX-License-Identifier: GPL-2.0 */
/* Services and backends, as protocol.md describes them, as text. All return 0 or negative errno. */
#ifndef LBX_CLI_VIEW_H
#define LBX_CLI_VIEW_H

#include <jansson.h>
#include <stdio.h>

/* A member's value; "" and 0 where there is none. */
const char *view_text(const json_t *object, const char *key);
unsigned long long view_count(const json_t *object, const char *key);

/* One line a service. */
int view_services(const json_t *services, FILE *out);
/* One line a service, with its counters. */
int view_totals(const json_t *services, FILE *out);
/* One line a service, and one for each of its backends below it. */
int view_backends(const json_t *services, FILE *out);
/* One service with all its settings. */
int view_service(const json_t *service, FILE *out);

#endif
