/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An error on its way to the user: built where the facts are, printed once, by main or by the
 * control protocol. The text reads "object: problem; remedy", without a trailing period or newline.
 */
#ifndef LBX_ERR_H
#define LBX_ERR_H

#include <stdarg.h>

struct err {
	int code; /* negative errno, 0: no error */
	char text[512];
};

/* Fills err (if not NULL) and returns code, so that `return err_set(err, -EINVAL, ...)` reads well.
 */
__attribute__((format(printf, 3, 4))) int err_set(struct err *err, int code, const char *format,
						  ...);

/* Puts "context: " in front of the text. Returns err's code; without an err, -EINVAL, so that a
 * failure never reads as a success. */
__attribute__((format(printf, 2, 3))) int err_prefix(struct err *err, const char *format, ...);

#endif
