// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/net/tally.h"

static struct tally_row *row_find(struct tally *tally, const char *name)
{
	struct tally_row *row = tally->rows;

	if (strlen(name) >= sizeof(row->name))
		return NULL;
	for (; row < tally->rows + TALLY_NAMES - 1; row++)
		if (!row->name[0] || !strcmp(row->name, name))
			return row;
	return NULL;
}

void tally_add(struct tally *tally, const char *name, unsigned long count)
{
	struct tally_row *row = row_find(tally, name);

	if (!row) {
		row = &tally->rows[TALLY_NAMES - 1];
		name = "other";
	}
	strcpy(row->name, name);
	row->count += count;
}

void tally_merge(struct tally *into, const struct tally *from)
{
	for (int i = 0; i < TALLY_NAMES; i++)
		if (from->rows[i].name[0])
			tally_add(into, from->rows[i].name, from->rows[i].count);
}

unsigned long tally_count(const struct tally *tally, const char *name)
{
	for (int i = 0; i < TALLY_NAMES; i++)
		if (!strcmp(tally->rows[i].name, name))
			return tally->rows[i].count;
	return 0;
}

static int row_compare(const void *a, const void *b)
{
	return strverscmp(((const struct tally_row *)a)->name, ((const struct tally_row *)b)->name);
}

void tally_print(const struct tally *tally)
{
	struct tally sorted = *tally;
	const char *separator = "";

	qsort(sorted.rows, TALLY_NAMES, sizeof(*sorted.rows), row_compare);
	for (int i = 0; i < TALLY_NAMES; i++) {
		if (!sorted.rows[i].name[0])
			continue;
		printf("%s%s %lu", separator, sorted.rows[i].name, sorted.rows[i].count);
		separator = " ";
	}
	putchar('\n');
	fflush(stdout);
}
