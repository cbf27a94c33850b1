/* SPDX-License-Identifier: GPL-2.0 */
/* The verdicts as an enum; see verdict.def. */
#ifndef LBX_VERDICT_H
#define LBX_VERDICT_H

enum verdict {
	VERDICT_CONTINUE = 0, /* not decided: the next stage goes on */
#define LBX_VERDICT(name, class, help) VERDICT_##name,
#include "verdict.def"
#undef LBX_VERDICT
	VERDICT_COUNT
};

#endif
