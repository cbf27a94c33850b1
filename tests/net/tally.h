/* SPDX-License-Identifier: GPL-2.0 */
/* Counts by name. All zero is an empty one; it holds no pointers, so it may lie in shared memory.
 */
#ifndef LBX_TESTS_TALLY_H
#define LBX_TESTS_TALLY_H

#define TALLY_NAMES 72

struct tally {
	struct tally_row {
		char name[32];
		unsigned long count;
	} rows[TALLY_NAMES];
};

/* A name that no longer fits, or one too many, is counted as "other". */
void tally_add(struct tally *tally, const char *name, unsigned long count);
void tally_merge(struct tally *into, const struct tally *from);
unsigned long tally_count(const struct tally *tally, const char *name);
/* One line, b2 before b10: "b1 5000 b2 5000". */
void tally_print(const struct tally *tally);

#endif
