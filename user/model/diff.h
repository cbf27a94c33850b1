/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The steps that lead from one model to another, in an order in which the data plane is right after
 * each. Pure. Removals come first (so that a VIP can move between services), then changes, then
 * additions.
 */
#ifndef LBX_DIFF_H
#define LBX_DIFF_H

#include "user/model/model.h"

enum step_kind {
	STEP_SERVICE_REMOVE, /* before: the service, with all its backends */
	STEP_SERVICE_SET,    /* before, after */
	STEP_SERVICE_ADD,    /* after: the service, with all its backends */
	STEP_BACKEND_REMOVE, /* of a service that stays */
	STEP_BACKEND_SET,
	STEP_BACKEND_ADD,
};

struct step {
	enum step_kind kind;
	const struct service *service_before, *service_after; /* into the two models */
	const struct backend *backend_before, *backend_after;
};

struct diff {
	struct step *steps;
	size_t count;
};

int diff_models(struct diff *diff, const struct model *before, const struct model *after,
		struct err *err);
void diff_fini(struct diff *diff);

/* The step that undoes it. */
struct step step_inverse(const struct step *step);

#endif
