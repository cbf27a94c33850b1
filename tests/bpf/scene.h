/* SPDX-License-Identifier: GPL-2.0 */
/* A service with its backends, the packets that belong to it, and its flows in the tables. */
#ifndef LBX_TEST_SCENE_H
#define LBX_TEST_SCENE_H

#include "tests/bpf/harness.h"

#define SCENE_BACKENDS_MAX 64

enum {
	VIP_PORT = 80,
	BACKEND_PORT = 8080,
	CLIENT_PORT = 40000,
};

struct scene {
	bool v6;
	__u8 protocol;
	__u8 forward; /* enum lbx_forward */
	__u8 closed;
	bool wild; /* of every port: scene_wild */
	__u16 service;
	__u16 vip_port;
	struct lbx_addr vip;
	unsigned count;
	__u16 backends[SCENE_BACKENDS_MAX];
};

/* The next service, with so many backends in equal shares and one translation address (index 0). */
void scene_make(struct scene *scene, bool v6, __u8 protocol, enum lbx_forward forward,
		unsigned backends);
/* Writes scene->vip, ->vip_port, ->forward and ->closed again. */
void scene_put(const struct scene *scene);
/* Makes it a service of every port, which its backends keep. */
void scene_wild(struct scene *scene);
/* What the VIP's address is: enum lbx_address_flag. */
void scene_address(const struct scene *scene, __u8 flags);
/* A schedule of places in scene->backends. */
void scene_schedule(const struct scene *scene, const unsigned *places, unsigned length);
/* Moves the backend behind the other interface. */
void backend_behind_other(const struct scene *scene, unsigned place);
void backend_flags(const struct scene *scene, unsigned place, __u8 flags);
/* How many translation addresses all backends of the scene may use, from index 0. */
void scene_snats(const struct scene *scene, unsigned count);

struct lbx_addr scene_client(const struct scene *scene);
struct lbx_addr scene_backend(const struct scene *scene, unsigned place);
struct lbx_addr scene_snat(const struct scene *scene, unsigned index);
void backend_mac(__u16 id, __u8 mac[6]);

struct spec from_client(const struct scene *scene, __u16 port, __u8 flags);
/* The backend's answer to a frame that it was sent. */
struct spec answer_to(const struct frame *forwarded, __u8 flags);

/* Opens the client's flow; for TCP also as far as the state. Returns the last forwarded frame. */
struct frame flow_open(const struct scene *scene, __u16 port, enum lbx_flow_state state);

/* Which backend a forwarded frame went to (its place), by MAC. Fails the test for a stranger's. */
unsigned frame_backend(const struct scene *scene, const struct frame *frame);
__u64 cursor(const struct scene *scene);
struct lbx_backend_stats backend_stats(const struct scene *scene, unsigned place);

/* The client's slot: its meta word, or NULL. Fails the test if there are two. */
__u64 *flow_meta(const struct scene *scene, __u16 port);
__u64 *flow_meta_of(const struct scene *scene, const struct lbx_addr *client, __u16 port);
enum lbx_flow_state flow_state(const struct scene *scene, __u16 port);
/* The way back of a flow with that meta word, or NULL. */
struct lbx_slot_reverse *way_back(__u64 meta);
/* Makes a slot so much older. */
void meta_age(__u64 *meta, unsigned ticks);
/* Of a flow: both halves. */
void flow_age(const struct scene *scene, __u16 port, unsigned ticks);
unsigned slots_used(const struct scene *scene);
unsigned ways_used(void);

bool addr_equal(const struct lbx_addr *a, const struct lbx_addr *b);
void assert_addr(struct lbx_addr found, struct lbx_addr wanted);

/* Both families, both protocols: most of the data plane is four programs in one. A test of
 * KIND_TESTS is run for each, with the kind as its state. */
struct kind {
	bool v6;
	__u8 protocol;
};

extern const struct kind kinds[4];
void kind_scene(struct scene *scene, void **state, enum lbx_forward forward, unsigned backends);

#define KIND_TEST(name, kind, index)                                                               \
	{                                                                                          \
#name "_" #kind, name, world_clear, NULL, (void *)&kinds[index]                    \
	}
#define TCP_TESTS(name) KIND_TEST(name, tcp4, 0), KIND_TEST(name, tcp6, 1)
#define UDP_TESTS(name) KIND_TEST(name, udp4, 2), KIND_TEST(name, udp6, 3)
#define KIND_TESTS(name) TCP_TESTS(name), UDP_TESTS(name)

#endif
