/* SPDX-License-Identifier: GPL-2.0 */
/* The data plane's presence on interfaces: opened by the first attach, kept through link changes.
 */
#ifndef LBX_ATTACHMENT_H
#define LBX_ATTACHMENT_H

#include "user/control/args.h"
#include "user/control/controller.h"

/* What `attach` was asked for; 0 and empty: not given. */
struct attach_request {
	const char *interface;
	enum attach_mode mode;
	struct dataplane_options options;
	struct address_list snats;
};

/* Options as they are before the first attach. */
void attachment_defaults(struct dataplane_options *options);
/* On error everything is as it was; also the data plane is gone again if this opened it. */
int attachment_add(struct controller *controller, const struct attach_request *request,
		   struct err *err);
int attachment_remove(struct controller *controller, const char *interface, struct err *err);
/* Detaches everywhere; removes every pin and the state. */
int attachment_remove_all(struct controller *controller, struct err *err);

/* After an adoption: interfaces that should have it and do not. */
void attachment_restore(struct controller *controller);
void attachment_link_changed(struct controller *controller, unsigned ifindex, bool gone);

#endif
