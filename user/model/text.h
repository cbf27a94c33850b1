/* SPDX-License-Identifier: GPL-2.0 */
/* The values users type, as text: numbers, durations, port ranges, enums, check specifications.
 * Pure. All return 0 or -EINVAL. */
#ifndef LBX_MODEL_TEXT_H
#define LBX_MODEL_TEXT_H

#include "user/base/err.h"
#include "user/model/model.h"

/* Decimal, no sign, no space, within [lo, hi]. `what` names it in the error ("weight"). */
int text_number(const char *text, const char *what, unsigned long lo, unsigned long hi,
		unsigned *out, struct err *err);
/* "500ms", "2s", "1m", "1h"; a bare number is seconds. In ms, within [lo, hi]. */
int text_duration_ms(const char *text, const char *what, unsigned lo, unsigned hi, unsigned *out,
		     struct err *err);
/* "10000-32767" */
int text_port_range(const char *text, __u16 *lo, __u16 *hi, struct err *err);
/* "none", "tcp", "http://[HOST]/PATH[=STATUS]" (STATUS: 200, 2xx, 200-399). */
int text_check(const char *text, struct check_spec *spec, struct err *err);
/* Writes what text_check reads. */
const char *text_check_format(const struct check_spec *spec, char *buffer, size_t size);

/* Enums by name; the names double as the output's. parse: error lists what there is. */
int text_forward(const char *text, enum lbx_forward *out, struct err *err);
int text_scheduler(const char *text, enum scheduler *out, struct err *err);
int text_on_down(const char *text, enum on_down *out, struct err *err);
/* "answer" or "pass". */
int text_ping(const char *text, bool *out, struct err *err);
const char *text_ping_name(bool ping);
int text_all_down(const char *text, enum all_down *out, struct err *err);
int text_protocol(const char *text, __u8 *out, struct err *err);
const char *text_forward_name(enum lbx_forward forward);
const char *text_scheduler_name(enum scheduler scheduler);
const char *text_on_down_name(enum on_down on_down); /* "default", "keep", ... */
const char *text_all_down_name(enum all_down all_down);
const char *text_protocol_name(__u8 protocol); /* "tcp", "udp" */

#endif
