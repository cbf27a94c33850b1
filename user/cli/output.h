/* SPDX-License-Identifier: GPL-2.0 */
/* Text for people: tables (libsmartcols) and numbers. */
#ifndef LBX_CLI_OUTPUT_H
#define LBX_CLI_OUTPUT_H

#include <stdio.h>

/*
 * Columns are NULL-terminated; '>' in front of a name aligns it to the right (numbers).
 * Cells are given in order, row after row. An allocation that fails is remembered (also by
 * table_new, which may return NULL) and reported by table_print.
 */
struct table;
struct table *table_new(const char *const *columns);
/* A line over the full width, above the next row; rows are then indented below it. */
__attribute__((format(printf, 2, 3))) void table_heading(struct table *table, const char *format,
							 ...);
__attribute__((format(printf, 2, 3))) void table_cell(struct table *table, const char *format, ...);
/* Colours the cell given last, where colours are wanted: a terminal, and no NO_COLOR. */
void table_colour(struct table *table, const char *colour);
/* Prints nothing for a table without rows and headings. Frees the table. 0 or -ENOMEM. */
int table_print(struct table *table, FILE *out);

enum { NUMBER_TEXT_MAX = 32 };
/* All write into and return the buffer. */
const char *bytes_format(unsigned long long bytes, char text[NUMBER_TEXT_MAX]); /* 1.2M, of 1024 */
const char *count_format(unsigned long long count, char text[NUMBER_TEXT_MAX]); /* 1.2M, of 1000 */
const char *uptime_format(unsigned long long seconds, char text[NUMBER_TEXT_MAX]); /* 3h 12m */
const char *interval_format(unsigned long long ms, char text[NUMBER_TEXT_MAX]);	   /* 2s, 500ms */

#endif
