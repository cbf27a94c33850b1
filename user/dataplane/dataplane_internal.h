/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the data plane share. An interface is attached either by a bpf_link of ours or
 * as a component of libxdp's dispatcher; what is pinned is laid out in dataplane_pins.c.
 */
#ifndef LBX_DATAPLANE_INTERNAL_H
#define LBX_DATAPLANE_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "user/dataplane/dataplane.h"

/* Its functions are for dataplane_open.c and dataplane_dispatcher.c; the rest needs the struct. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include "lbxdp.skel.h"
#pragma GCC diagnostic pop

#define PINS_ROOT "/sys/fs/bpf"

enum {
	PIN_PATH_MAX = 256,
	INSTANCE_NAME_MAX = 63,
	NOTE_MAX = 240,
	REASON_MAX = 160,
};

struct attachment {
	struct dataplane_interface interface; /* ifindex 0: free */
	__u8 mac[6];
	char note[NOTE_MAX];
};

/* A map's memory, shared with the program. */
struct mapped {
	char *memory;
	size_t bytes;
};

/* What the running kernel can do beyond what we need. */
struct kernel_features {
	bool frags; /* programs may declare that they cope with fragmented frames (5.18) */
	const char *no_dispatcher; /* why several programs cannot share an interface, or NULL */
};

struct dispatcher;

struct dataplane {
	char instance[INSTANCE_NAME_MAX + 1];
	struct kernel_features features;
	struct lbx_settings settings;
	struct lbxdp_bpf *skel;
	struct dispatcher *dispatcher;			   /* NULL until the first use */
	char dispatcher_refusal[REASON_MAX];		   /* see dispatcher_give_up */
	int dispatcher_ports_fd;			   /* see dispatcher_ports_open; or -1 */
	struct attachment attachments[LBX_MAX_INTERFACES]; /* by index in `interfaces` */
	struct mapped flows4, flows6, reverse, backends, cursors;
};

/* dataplane_probe.c: the kernel, and what it says */
void messages_init(bool verbose);
/* Takes the libraries' messages, which they would print, for what was decided by messages_init. */
void messages_redirect(void);
/* The kernel's own reason for a refusal since the last clear, else what the code means. */
const char *messages_reason(int code);
bool messages_have_reason(void);
void messages_reason_clear(void);
int kernel_probe(struct kernel_features *features, struct err *err);

/* dataplane_pins.c */
int instance_check(const char *instance, struct err *err);
int bpffs_mount(struct err *err);
/* Writes PINS_ROOT/lbxdp/INSTANCE followed by what the format yields; returns the path. */
__attribute__((format(printf, 3, 4))) char *pin_path(char path[PIN_PATH_MAX], const char *instance,
						     const char *format, ...);
/* Whether the instance was created completely: its settings are pinned last and unpinned last. */
bool pins_exist(const char *instance);
int pins_create(struct dataplane *dataplane, struct err *err);
/* Pins what is new after an adoption: the program, and maps that had no pin. */
int pins_renew(struct dataplane *dataplane, struct err *err);

/* dataplane_adopt.c: a running instance under a new program */
int settings_adopt(struct dataplane *dataplane, struct err *err);
int maps_adopt(struct dataplane *dataplane, struct lbxdp_bpf *skel, struct err *err);
void interfaces_adopt(struct dataplane *dataplane);

/* dataplane_open.c */
void skel_configure(const struct dataplane *dataplane, struct lbxdp_bpf *skel);

/* dataplane_link.c: an interface of our own */
int link_attach(struct dataplane *dataplane, unsigned ifindex, enum attach_mode mode);
/* Detaches and unpins. 0 if there is no such link. */
int link_detach(const char *instance, unsigned ifindex);
/* Puts our program in place of the one that runs. -ENOENT: no link. */
int link_replace(struct dataplane *dataplane, unsigned ifindex);
/* Says in the note what it means to have a link; why: unless the kernel leaves no choice. */
void link_note(const struct dataplane *dataplane, struct attachment *attachment, const char *why);

/* dataplane_dispatcher.c: an interface shared through libxdp */
int dispatcher_ports_open(struct dataplane *dataplane, struct err *err);
void dispatcher_close(struct dispatcher *dispatcher);
/* The id of our program there in *prog_id. */
int dispatcher_attach(struct dataplane *dataplane, unsigned ifindex, enum attach_mode mode,
		      __u32 *prog_id);
/* Takes every program that uses the map with that id out of the interface's dispatcher; how many
 * in *count (may be NULL). */
int dispatcher_detach(unsigned ifindex, __u32 map_id, unsigned *count);
/* Whether what is attached is a dispatcher that can take another program. */
bool dispatcher_present(unsigned ifindex);
/* Leaves a running program of the same build alone; else attaches ours, then detaches the old one.
 * -ENOENT: none of ours runs there. */
int dispatcher_replace(struct dataplane *dataplane, unsigned ifindex, __u32 *prog_id);

/* dataplane_interfaces.c */
struct attachment *attachment_find(struct dataplane *dataplane, unsigned ifindex);
void attachment_note(struct attachment *attachment, const char *text);
int interface_put(struct dataplane *dataplane, struct attachment *attachment, struct err *err);
void interface_clear(struct dataplane *dataplane, struct attachment *attachment);

/* What runs on an interface. */
struct occupant {
	__u32 prog_id; /* 0: nothing */
	enum attach_mode mode;
	char name[BPF_OBJ_NAME_LEN];
};
int occupant_query(unsigned ifindex, struct occupant *occupant);

/* dataplane_maps.c */
int map_write(const struct bpf_map *map, const void *key, const void *value, struct err *err);
int map_remove(const struct bpf_map *map, const void *key, struct err *err);
__u32 map_id(int fd);

/* dataplane_sweep.c */
int tables_map(struct dataplane *dataplane, struct err *err);
void tables_unmap(struct dataplane *dataplane);

#endif
