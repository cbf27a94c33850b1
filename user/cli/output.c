// SPDX-License-Identifier: GPL-2.0
#include "user/cli/output.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "user/base/cleanup.h"

struct heading {
	size_t row; /* that it stands above */
	char *text;
};

struct table {
	struct libscols_table *grid;
	struct libscols_line *line; /* the row under construction */
	size_t column, columns, rows;
	struct heading *headings;
	size_t heading_count;
	bool failed;
};

static void table_free(struct table *table)
{
	for (size_t i = 0; i < table->heading_count; i++)
		free(table->headings[i].text);
	free(table->headings);
	scols_unref_table(table->grid);
	free(table);
}

struct table *table_new(const char *const *columns)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->grid = scols_new_table();
	table->failed = !table->grid || scols_table_set_column_separator(table->grid, "  ") ||
			/* Never cut a line: what does not fit may be what matters. */
			scols_table_set_termforce(table->grid, SCOLS_TERMFORCE_NEVER);
	for (; *columns && !table->failed; columns++, table->columns++) {
		bool right = **columns == '>';

		table->failed = !scols_table_new_column(table->grid, *columns + right, 0,
							right ? SCOLS_FL_RIGHT : 0);
	}
	return table;
}

static bool table_usable(const struct table *table)
{
	return table && !table->failed;
}

void table_heading(struct table *table, const char *format, ...)
{
	struct heading *grown;
	va_list list;
	int length;

	if (!table_usable(table))
		return;
	table->failed = true;
	grown = realloc(table->headings, (table->heading_count + 1) * sizeof(*grown));
	if (!grown)
		return;
	table->headings = grown;
	grown += table->heading_count;
	grown->row = table->rows;
	va_start(list, format);
	length = vasprintf(&grown->text, format, list);
	va_end(list);
	if (length < 0)
		return;
	table->heading_count++;
	table->failed = false;
}

void table_cell(struct table *table, const char *format, ...)
{
	autofree char *text = NULL;
	va_list list;
	int length;

	if (!table_usable(table))
		return;
	if (table->column == 0) {
		table->line = scols_table_new_line(table->grid, NULL);
		table->rows++;
	}
	va_start(list, format);
	length = vasprintf(&text, format, list);
	va_end(list);
	if (length < 0)
		text = NULL;
	table->failed = !table->line || !text ||
			scols_line_set_data(table->line, table->column, text);
	table->column = (table->column + 1) % table->columns;
}

void table_colour(struct table *table, const char *colour)
{
	size_t column;

	if (!table_usable(table) || !table->line)
		return;
	column = (table->column + table->columns - 1) % table->columns;
	scols_cell_set_color(scols_line_get_cell(table->line, column), colour);
}

static void line_print(char *line, bool indented, FILE *out)
{
	size_t length = strlen(line);

	while (length && line[length - 1] == ' ')
		length--;
	fprintf(out, "%s%.*s\n", indented ? "  " : "", (int)length, line);
}

/* smartcols has no rows across all columns, so these are put between the lines it has made. */
static void lines_print(const struct table *table, char *text, FILE *out)
{
	bool indented = table->heading_count;
	size_t heading = 0;

	if (table->rows)
		line_print(strsep(&text, "\n"), indented, out);
	for (size_t row = 0; row <= table->rows; row++) {
		for (; heading < table->heading_count && table->headings[heading].row == row;
		     heading++)
			fprintf(out, "%s\n", table->headings[heading].text);
		if (row < table->rows && text)
			line_print(strsep(&text, "\n"), indented, out);
	}
}

int table_print(struct table *table, FILE *out)
{
	autofree char *text = NULL;
	bool failed;

	if (!table)
		return -ENOMEM;
	if (!table->failed && isatty(fileno(out)) && !getenv("NO_COLOR"))
		scols_table_enable_colors(table->grid, 1);
	failed = table->failed ||
		 (table->rows && scols_print_table_to_string(table->grid, &text) < 0);
	if (!failed)
		lines_print(table, text, out);
	table_free(table);
	return failed ? -ENOMEM : 0;
}
