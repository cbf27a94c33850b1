// SPDX-License-Identifier: GPL-2.0
/*
 * Attaching to an interface. Two choices, in this order: native before generic mode, and within a
 * mode libxdp's dispatcher (other XDP programs can then run beside ours) before a link of our own.
 */
#include "user/dataplane/dataplane_internal.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

static const char *mode_name(enum attach_mode mode)
{
	return mode == ATTACH_NATIVE ? "native" : "generic";
}

/* Why the mode was refused, as the end of an error or as a note. */
static void refusal_describe(char text[NOTE_MAX], enum attach_mode mode, int code)
{
	if (mode == ATTACH_NATIVE && code == -EOPNOTSUPP && !messages_have_reason())
		snprintf(text, NOTE_MAX, "driver has no native XDP");
	else
		snprintf(text, NOTE_MAX, "%s XDP refused: %s", mode_name(mode),
			 messages_reason(code));
}

static int dispatcher_try(struct dataplane *dataplane, struct attachment *attachment,
			  enum attach_mode mode)
{
	struct dataplane_interface *interface = &attachment->interface;
	int ret;

	messages_reason_clear();
	ret = dispatcher_attach(dataplane, interface->ifindex, mode, &interface->prog_id);
	interface->dispatcher = !ret;
	interface->mode = mode;
	return ret;
}

static int link_try(struct dataplane *dataplane, struct attachment *attachment,
		    enum attach_mode mode, int dispatcher_ret)
{
	struct dataplane_interface *interface = &attachment->interface;
	char why[REASON_MAX];
	struct occupant occupant;
	int ret;

	snprintf(why, sizeof(why), "%s", messages_reason(dispatcher_ret));
	messages_reason_clear();
	ret = link_attach(dataplane, interface->ifindex, mode);
	if (ret)
		return ret;
	occupant_query(interface->ifindex, &occupant);
	interface->mode = mode;
	interface->prog_id = occupant.prog_id;
	link_note(dataplane, attachment, why);
	return 0;
}

static int mode_try(struct dataplane *dataplane, struct attachment *attachment,
		    enum attach_mode mode)
{
	int ret = dispatcher_try(dataplane, attachment, mode);

	return ret ? link_try(dataplane, attachment, mode, ret) : 0;
}

/* Errors that another mode would meet too. */
static bool refusal_is_final(int code)
{
	return code == -EPERM || code == -EBUSY || code == -EEXIST || code == -ENODEV;
}

static int refusal_error(const struct attachment *attachment, enum attach_mode mode, int code,
			 struct err *err)
{
	const char *name = attachment->interface.name;
	char why[NOTE_MAX];

	refusal_describe(why, mode, code);
	if (code == -EEXIST || code == -EBUSY)
		return err_set(err, -EBUSY, "%s: %s; detach the program that is there first", name,
			       why);
	if (mode == ATTACH_NATIVE && !refusal_is_final(code))
		return err_set(err, code, "%s: %s; retry with --mode generic", name, why);
	return err_set(err, code, "%s: %s; see 'ip link show %s'", name, why, name);
}

static int modes_try(struct dataplane *dataplane, struct attachment *attachment,
		     enum attach_mode wanted, struct err *err)
{
	char note[NOTE_MAX];
	int ret;

	if (wanted != ATTACH_GENERIC) {
		ret = mode_try(dataplane, attachment, ATTACH_NATIVE);
		if (!ret)
			return 0;
		if (wanted == ATTACH_NATIVE || refusal_is_final(ret))
			return refusal_error(attachment, ATTACH_NATIVE, ret, err);
		refusal_describe(note, ATTACH_NATIVE, ret);
		attachment_note(attachment, note);
	}
	ret = mode_try(dataplane, attachment, ATTACH_GENERIC);
	return ret ? refusal_error(attachment, ATTACH_GENERIC, ret, err) : 0;
}

/* Beside the programs that a dispatcher already runs there, in the mode that it runs in. */
static int neighbour_join(struct dataplane *dataplane, struct attachment *attachment,
			  const struct occupant *occupant, enum attach_mode wanted, struct err *err)
{
	const char *name = attachment->interface.name;
	int ret;

	if (wanted != ATTACH_AUTO && wanted != occupant->mode)
		return err_set(err, -EBUSY,
			       "%s: runs an XDP dispatcher in %s mode; retry with --mode %s", name,
			       mode_name(occupant->mode), mode_name(occupant->mode));
	ret = dispatcher_try(dataplane, attachment, occupant->mode);
	if (ret)
		return err_set(err, -EBUSY,
			       "%s: the XDP dispatcher there (id %u) does not take our program "
			       "(%s); detach it first",
			       name, occupant->prog_id, messages_reason(ret));
	if (occupant->mode == ATTACH_GENERIC)
		attachment_note(attachment, "generic, as the dispatcher that was there");
	return 0;
}

static int program_attach(struct dataplane *dataplane, struct attachment *attachment,
			  enum attach_mode wanted, struct err *err)
{
	const char *name = attachment->interface.name;
	unsigned ifindex = attachment->interface.ifindex;
	struct occupant occupant;
	int ret = occupant_query(ifindex, &occupant);

	if (ret)
		return err_set(err, ret, "%s: cannot tell what XDP program is there (%s); retry",
			       name, strerror(-ret));
	if (!occupant.prog_id)
		return modes_try(dataplane, attachment, wanted, err);
	if (!dataplane->features.no_dispatcher && dispatcher_present(ifindex))
		return neighbour_join(dataplane, attachment, &occupant, wanted, err);
	return err_set(err, -EBUSY,
		       "%s: XDP program '%s' (id %u) is attached in %s mode; detach it first, see "
		       "'bpftool net'",
		       name, occupant.name, occupant.prog_id, mode_name(occupant.mode));
}

static struct attachment *attachment_new(struct dataplane *dataplane, unsigned ifindex,
					 const char *name)
{
	for (int i = 0; i < LBX_MAX_INTERFACES; i++) {
		struct attachment *attachment = &dataplane->attachments[i];

		if (attachment->interface.ifindex)
			continue;
		memset(attachment, 0, sizeof(*attachment));
		attachment->interface.ifindex = ifindex;
		snprintf(attachment->interface.name, sizeof(attachment->interface.name), "%s",
			 name);
		return attachment;
	}
	return NULL;
}

int dataplane_attach(struct dataplane *dataplane, const char *interface, enum attach_mode mode,
		     struct err *err)
{
	unsigned ifindex = if_nametoindex(interface);
	struct attachment *attachment;
	int ret;

	if (!ifindex)
		return err_set(err, -ENODEV, "%s: no such interface; 'ip link' lists them",
			       interface);
	if (attachment_find(dataplane, ifindex))
		return err_set(err, -EEXIST, "%s: attached already; 'lbxdp detach %s' first",
			       interface, interface);
	attachment = attachment_new(dataplane, ifindex, interface);
	if (!attachment)
		return err_set(err, -ENOSPC, "%s: %d interfaces are attached; detach one first",
			       interface, LBX_MAX_INTERFACES);
	/* The entries come first: the program needs them from its first packet on. */
	ret = interface_put(dataplane, attachment, err);
	if (!ret)
		ret = program_attach(dataplane, attachment, mode, err);
	if (ret)
		interface_clear(dataplane, attachment);
	return ret;
}

static struct attachment *attachment_by_name(struct dataplane *dataplane, const char *name)
{
	for (int i = 0; i < LBX_MAX_INTERFACES; i++) {
		const struct dataplane_interface *interface = &dataplane->attachments[i].interface;

		if (interface->ifindex && strcmp(interface->name, name) == 0)
			return &dataplane->attachments[i];
	}
	return attachment_find(dataplane, if_nametoindex(name));
}

int dataplane_detach(struct dataplane *dataplane, const char *interface, struct err *err)
{
	struct attachment *attachment = attachment_by_name(dataplane, interface);
	unsigned ifindex;
	int ret;

	if (!attachment)
		return err_set(err, -ENOENT, "%s: not attached; 'lbxdp status' shows what is",
			       interface);
	ifindex = attachment->interface.ifindex;
	if (attachment->interface.dispatcher)
		ret = dispatcher_detach(ifindex,
					map_id(bpf_map__fd(dataplane->skel->maps.settings)), NULL);
	else
		ret = link_detach(dataplane->instance, ifindex);
	if (ret)
		return err_set(err, ret, "%s: cannot detach (%s); retry", interface,
			       strerror(-ret));
	interface_clear(dataplane, attachment);
	return 0;
}
