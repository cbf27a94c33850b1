// SPDX-License-Identifier: GPL-2.0
/*
 * The data plane's loader against the running kernel: in a network namespace of its own with a veth
 * pair, under an instance name of its own. Runs twice over the attaching: with a link of our own,
 * and through libxdp's dispatcher where the kernel has what that needs.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <xdp/libxdp.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/dataplane/dataplane.h"

#define NEAR "dp0"
#define FAR "dp1"

enum { SMALL_FLOWS = 4096, BURST_PACKETS = 3000, ADOPTIONS = 3 };

static char instance[32];
static struct dataplane *dataplane;
static struct err err;
static const struct dataplane_options small = {.max_flows = SMALL_FLOWS};

static void shell(const char *command)
{
	if (system(command))
		fail_msg("failed: %s", command);
}

static void check(int ret)
{
	if (ret)
		fail_msg("%d: %s", ret, err.text);
}

static void open_instance(bool want_adopted)
{
	bool adopted = !want_adopted;

	check(dataplane_open(instance, &small, getenv("V"), &adopted, &dataplane, &err));
	assert_int_equal(adopted, want_adopted);
}

static void reopen_instance(void)
{
	dataplane_close(dataplane);
	dataplane = NULL;
	open_instance(true);
}

static int setup(void **state)
{
	(void)state;
	memset(&err, 0, sizeof(err));
	shell("ip link add " NEAR " type veth peer name " FAR " && ip link set " NEAR
	      " up && ip link set " FAR " up");
	open_instance(false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dataplane_close(dataplane);
	dataplane = NULL;
	check(dataplane_destroy(instance, &err));
	return system("ip link del " NEAR);
}

static char *pinned(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "/sys/fs/bpf/lbxdp/%s%s", instance, name);
	return path;
}

static int pinned_map(const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/maps/%s", name);
	fd = bpf_obj_get(pinned(path));
	assert_true(fd >= 0);
	return fd;
}

static bool pinned_exists(const char *name)
{
	return !access(pinned(name), F_OK);
}

static unsigned xdp_on(const char *interface)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	assert_int_equal(bpf_xdp_query((int)if_nametoindex(interface), 0, &query), 0);
	return query.prog_id | query.skb_prog_id | query.drv_prog_id;
}

static struct dataplane_interface only_interface(void)
{
	struct dataplane_interface interfaces[LBX_MAX_INTERFACES];

	assert_int_equal(dataplane_interfaces(dataplane, interfaces), 1);
	return interfaces[0];
}

static int stranger_load(const char *name)
{
	const struct bpf_insn pass[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
					{.code = BPF_JMP | BPF_EXIT}};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", pass, 2, NULL);

	assert_true(fd >= 0);
	return fd;
}

/* --- opening --- */

static void test_create_fills_settings(void **state)
{
	struct dataplane_options options;
	struct dataplane_memory memory;
	struct lbx_settings settings;
	__u32 zero = 0;

	(void)state;
	autoclose int fd = pinned_map("settings");
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &settings), 0);
	assert_int_equal(settings.layout_version, LBX_LAYOUT_VERSION);
	assert_int_equal(settings.seeds[1] & 1, 1);
	assert_true(settings.seeds[0] != 0);
	assert_int_equal(settings.flow4_buckets, SMALL_FLOWS / LBX_BUCKET_SLOTS);
	/* 7440 s in ticks of 1.0737 s, rounded up */
	assert_int_equal(settings.timeout_ticks[LBX_FLOW_ASSURED], 6930);
	dataplane_config(dataplane, &options);
	assert_int_equal(options.max_flows, SMALL_FLOWS);
	assert_int_equal(options.port_lo, LBX_PORT_LO_DEFAULT);
	dataplane_memory(dataplane, &memory);
	assert_int_equal(memory.flows4, SMALL_FLOWS * 16);
	assert_int_equal(memory.reverse, SMALL_FLOWS * 32);
	assert_true(pinned_exists("/prog"));
}

static void test_options_are_checked(void **state)
{
	const struct dataplane_options few = {.max_flows = 1000000},
				       ports = {.port_lo = 5, .port_hi = 4};
	struct dataplane *other = NULL;
	bool adopted;

	(void)state;
	assert_int_equal(dataplane_open(instance, &few, false, &adopted, &other, &err), -EINVAL);
	assert_non_null(strstr(err.text, "the running instance has 4096"));
	assert_int_equal(dataplane_open(instance, &ports, false, &adopted, &other, &err), -EINVAL);
	assert_int_equal(dataplane_open("a.b", NULL, false, &adopted, &other, &err), -EINVAL);
	assert_int_equal(dataplane_open("", NULL, false, &adopted, &other, &err), -EINVAL);
	assert_null(other);
	assert_true(pinned_exists("/maps/settings"));
}

static void test_adopt_keeps_what_is_there(void **state)
{
	const struct lbx_backend backend = {
		.port = htons(80), .service = 3, .flags = LBX_BACKEND_USED};
	struct lbx_settings before, after;
	struct lbx_backend found;
	const __u32 zero = 0;

	(void)state;
	autoclose int fd = pinned_map("settings");
	bpf_map_lookup_elem(fd, &zero, &before);
	check(dataplane_backend_put(dataplane, 9, &backend, &err));
	reopen_instance();
	bpf_map_lookup_elem(fd, &zero, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(dataplane_backend_get(dataplane, 9, &found), 0);
	assert_memory_equal(&found, &backend, sizeof(backend));
}

static void test_adopt_refuses_another_layout(void **state)
{
	struct lbx_settings settings;
	const __u32 zero = 0;
	bool adopted;

	(void)state;
	autoclose int fd = pinned_map("settings");
	bpf_map_lookup_elem(fd, &zero, &settings);
	settings.layout_version++;
	bpf_map_update_elem(fd, &zero, &settings, BPF_ANY);
	dataplane_close(dataplane);
	dataplane = NULL;
	assert_int_equal(dataplane_open(instance, &small, false, &adopted, &dataplane, &err),
			 -EPROTO);
	assert_non_null(strstr(err.text, "lbxdp detach --all"));
	assert_true(pinned_exists("/maps/flows4"));
}

/* Puts an array map of another shape under a pin's name. */
static void pin_replace(const char *name, __u32 value_size)
{
	autoclose int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "wrong", 4, value_size, 1, NULL);
	char path[64];

	snprintf(path, sizeof(path), "/maps/%s", name);
	assert_true(fd >= 0);
	assert_int_equal(unlink(pinned(path)), 0);
	assert_int_equal(bpf_obj_pin(fd, pinned(path)), 0);
}

static void test_adopt_refuses_another_map(void **state)
{
	bool adopted;

	(void)state;
	dataplane_close(dataplane);
	dataplane = NULL;
	pin_replace("backends", 8);
	assert_int_equal(dataplane_open(instance, &small, false, &adopted, &dataplane, &err),
			 -EPROTO);
	assert_non_null(strstr(err.text, "map backends"));
}

static void test_adopt_replaces_other_statistics(void **state)
{
	__u64 counts[VERDICT_COUNT];

	(void)state;
	pin_replace("verdicts", 8);
	reopen_instance();
	assert_int_equal(dataplane_verdicts(dataplane, counts), 0);
	assert_int_equal(counts[VERDICT_COUNT - 1], 0);
	reopen_instance();
}

static void test_destroy_half_an_instance(void **state)
{
	(void)state;
	check(dataplane_attach(dataplane, NEAR, ATTACH_GENERIC, &err));
	dataplane_close(dataplane);
	dataplane = NULL;
	unlink(pinned("/maps/interfaces"));
	unlink(pinned("/maps/flows6"));
	unlink(pinned("/prog"));
	if (!xdp_on(NEAR))
		fail();
	check(dataplane_destroy(instance, &err));
	assert_false(pinned_exists(""));
	check(dataplane_destroy(instance, &err));
	open_instance(false);
}

static void test_create_over_leftovers(void **state)
{
	(void)state;
	dataplane_close(dataplane);
	dataplane = NULL;
	unlink(pinned("/maps/settings"));
	open_instance(false);
	assert_true(pinned_exists("/maps/settings"));
}

/* --- attaching --- */

static void assert_entries(unsigned ifindex, bool wanted)
{
	const char *name = "interfaces_by_ifindex";
	struct lbx_interface by_ifindex = {}, by_index;
	autoclose int hash = pinned_map(name);
	autoclose int array = pinned_map("interfaces");
	autoclose int ports = pinned_map("tx_ports");
	__u32 zero = 0, port = 0;

	assert_int_equal(!bpf_map_lookup_elem(hash, &ifindex, &by_ifindex), wanted);
	assert_int_equal(bpf_map_lookup_elem(array, &zero, &by_index), 0);
	assert_int_equal(!bpf_map_lookup_elem(ports, &zero, &port), wanted);
	assert_int_equal(by_index.ifindex, wanted ? ifindex : 0);
	assert_int_equal(port, wanted ? ifindex : 0);
	assert_memory_equal(&by_index, &by_ifindex, sizeof(by_index));
}

static void test_attach_and_detach(void **state)
{
	unsigned ifindex = if_nametoindex(NEAR);
	struct dataplane_interface interface;

	(void)state;
	check(dataplane_attach(dataplane, NEAR, ATTACH_AUTO, &err));
	interface = only_interface();
	assert_int_equal(interface.mode, ATTACH_NATIVE);
	assert_int_equal(interface.ifindex, ifindex);
	assert_true(interface.prog_id != 0);
	assert_true(xdp_on(NEAR) != 0);
	assert_entries(ifindex, true);
	assert_int_equal(dataplane_interface_index(dataplane, ifindex), 0);
	if (interface.dispatcher)
		assert_string_equal(interface.note, "");
	else
		assert_non_null(strstr(interface.note, "no dispatcher"));
	assert_int_equal(dataplane_attach(dataplane, NEAR, ATTACH_AUTO, &err), -EEXIST);
	check(dataplane_detach(dataplane, NEAR, &err));
	assert_int_equal(xdp_on(NEAR), 0);
	assert_entries(ifindex, false);
	assert_int_equal(dataplane_interface_index(dataplane, ifindex), -ENOENT);
	assert_int_equal(dataplane_detach(dataplane, NEAR, &err), -ENOENT);
}

static void test_attach_generic_and_two(void **state)
{
	struct dataplane_interface interfaces[LBX_MAX_INTERFACES];

	(void)state;
	check(dataplane_attach(dataplane, NEAR, ATTACH_GENERIC, &err));
	check(dataplane_attach(dataplane, FAR, ATTACH_NATIVE, &err));
	assert_int_equal(dataplane_interfaces(dataplane, interfaces), 2);
	assert_int_equal(interfaces[0].mode, ATTACH_GENERIC);
	assert_int_equal(interfaces[1].mode, ATTACH_NATIVE);
	check(dataplane_detach(dataplane, NEAR, &err));
	check(dataplane_attach(dataplane, NEAR, ATTACH_AUTO, &err));
	reopen_instance();
	assert_int_equal(dataplane_interfaces(dataplane, interfaces), 2);
}

static void test_attach_without_native(void **state)
{
	(void)state;
	assert_int_equal(dataplane_attach(dataplane, "lo", ATTACH_NATIVE, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.text, "retry with --mode generic"));
	assert_int_equal(dataplane_interface_index(dataplane, if_nametoindex("lo")), -ENOENT);
	check(dataplane_attach(dataplane, "lo", ATTACH_AUTO, &err));
	assert_int_equal(only_interface().mode, ATTACH_GENERIC);
	assert_non_null(strstr(only_interface().note, "native"));
	check(dataplane_detach(dataplane, "lo", &err));
	assert_int_equal(dataplane_attach(dataplane, "absent0", ATTACH_AUTO, &err), -ENODEV);
}

static void test_attach_leaves_strangers_alone(void **state)
{
	autoclose int stranger = stranger_load("their_prog");
	int ifindex = (int)if_nametoindex(NEAR);
	unsigned before;

	(void)state;
	assert_int_equal(bpf_xdp_attach(ifindex, stranger, XDP_FLAGS_SKB_MODE, NULL), 0);
	before = xdp_on(NEAR);
	assert_int_equal(dataplane_attach(dataplane, NEAR, ATTACH_AUTO, &err), -EBUSY);
	assert_non_null(strstr(err.text, "their_prog"));
	assert_int_equal(dataplane_attach(dataplane, NEAR, ATTACH_GENERIC, &err), -EBUSY);
	assert_int_equal(xdp_on(NEAR), before);
	assert_entries((unsigned)ifindex, false);
	check(dataplane_destroy(instance, &err));
	assert_int_equal(xdp_on(NEAR), before);
	bpf_xdp_detach(ifindex, XDP_FLAGS_SKB_MODE, NULL);
	dataplane_close(dataplane);
	open_instance(false);
}

/* Another program that its owner attached through libxdp too. */
static void neighbour_attach(void)
{
	LIBBPF_OPTS(xdp_program_opts, opts, .find_filename = "xdp-dispatcher.o",
		    .prog_name = "xdp_pass");
	struct xdp_program *program = xdp_program__create(&opts);

	assert_int_equal(libxdp_get_error(program), 0);
	assert_int_equal(
		xdp_program__attach(program, (int)if_nametoindex(NEAR), XDP_MODE_NATIVE, 0), 0);
	xdp_program__close(program);
}

static int components(void)
{
	struct xdp_multiprog *multiprog =
		xdp_multiprog__get_from_ifindex((int)if_nametoindex(NEAR));
	int count = libxdp_get_error(multiprog) ? 0 : xdp_multiprog__program_count(multiprog);

	if (count)
		xdp_multiprog__close(multiprog);
	return count;
}

static void test_dispatcher_is_shared(void **state)
{
	(void)state;
	check(dataplane_attach(dataplane, NEAR, ATTACH_AUTO, &err));
	if (!only_interface().dispatcher) {
		print_message("no dispatcher here: %s\n", only_interface().note);
		skip();
	}
	neighbour_attach();
	assert_int_equal(components(), 2);
	reopen_instance();
	check(dataplane_detach(dataplane, NEAR, &err));
	assert_int_equal(components(), 1);
	assert_int_equal(dataplane_attach(dataplane, NEAR, ATTACH_GENERIC, &err), -EBUSY);
	assert_non_null(strstr(err.text, "retry with --mode native"));
	check(dataplane_attach(dataplane, NEAR, ATTACH_AUTO, &err));
	assert_int_equal(components(), 2);
	check(dataplane_destroy(instance, &err));
	assert_int_equal(components(), 1);
	dataplane_close(dataplane);
	open_instance(false);
}

static void test_adopt_takes_over_interfaces(void **state)
{
	struct dataplane_interface before, after;

	(void)state;
	check(dataplane_attach(dataplane, NEAR, ATTACH_GENERIC, &err));
	before = only_interface();
	reopen_instance();
	after = only_interface();
	assert_int_equal(after.ifindex, before.ifindex);
	assert_int_equal(after.mode, ATTACH_GENERIC);
	assert_int_equal(after.dispatcher, before.dispatcher);
	assert_string_equal(after.name, NEAR);
	/* The same build is left running in a dispatcher; a link always gets the new program. */
	assert_int_equal(after.prog_id == before.prog_id, before.dispatcher);
	assert_entries(after.ifindex, true);
	check(dataplane_detach(dataplane, NEAR, &err));
	assert_int_equal(xdp_on(NEAR), 0);
}

static void test_adopt_after_interface_went(void **state)
{
	unsigned ifindex = if_nametoindex(NEAR);
	struct dataplane_interface interfaces[LBX_MAX_INTERFACES];

	(void)state;
	check(dataplane_attach(dataplane, NEAR, ATTACH_AUTO, &err));
	shell("ip link del " NEAR);
	reopen_instance();
	assert_int_equal(dataplane_interfaces(dataplane, interfaces), 0);
	assert_entries(ifindex, false);
	shell("ip link add " NEAR " type veth peer name " FAR);
}

static void test_refresh(void **state)
{
	unsigned ifindex = if_nametoindex(NEAR);
	const __u8 mac[6] = {2, 0, 0, 0, 0, 0x77};
	struct lbx_interface entry;
	autoclose int hash = pinned_map("interfaces_by_ifindex");

	(void)state;
	check(dataplane_attach(dataplane, NEAR, ATTACH_AUTO, &err));
	shell("ip link set " NEAR " down && ip link set " NEAR
	      " address 02:00:00:00:00:77 name other");
	check(dataplane_interface_refresh(dataplane, ifindex, false, &err));
	assert_string_equal(only_interface().name, "other");
	assert_int_equal(bpf_map_lookup_elem(hash, &ifindex, &entry), 0);
	assert_memory_equal(entry.mac, mac, 6);
	check(dataplane_interface_refresh(dataplane, 9999, true, &err));
	shell("ip link del other");
	check(dataplane_interface_refresh(dataplane, ifindex, true, &err));
	assert_entries(ifindex, false);
	assert_int_equal(dataplane_interface_index(dataplane, ifindex), -ENOENT);
	shell("ip link add " NEAR " type veth peer name " FAR);
}

/* --- no packet is lost while the program is replaced --- */

struct burst {
	struct ether_header ether;
	struct iphdr ip;
	struct udphdr udp;
	char payload[18];
} __attribute__((packed));

static __u16 ip_checksum(const void *header)
{
	const __u16 *words = header;
	__u32 sum = 0;

	for (int i = 0; i < 10; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16) ~(sum + (sum >> 16));
}

static void burst_init(struct burst *burst, __u16 port)
{
	const __u8 mac[6] = {2, 0, 0, 0, 0, 1};
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP};

	memset(burst, 0, sizeof(*burst));
	memcpy(burst->ether.ether_dhost, mac, 6);
	burst->ether.ether_shost[0] = 2;
	burst->ether.ether_type = htons(ETHERTYPE_IP);
	ip.tot_len = htons(sizeof(*burst) - sizeof(burst->ether));
	ip.saddr = inet_addr("10.77.0.2");
	ip.daddr = inet_addr("10.77.0.1");
	ip.check = ip_checksum(&ip);
	burst->ip = ip;
	burst->udp.source = htons(1000);
	burst->udp.dest = port;
	burst->udp.len = htons(sizeof(*burst) - sizeof(burst->ether) - sizeof(burst->ip));
}

static void *burst_send(void *argument)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(FAR)};
	autoclose int fd = socket(AF_PACKET, SOCK_RAW, 0);
	const struct timespec pause = {.tv_nsec = 100000};

	for (int i = 0; i < BURST_PACKETS; i++) {
		sendto(fd, argument, sizeof(struct burst), 0, (void *)&to, sizeof(to));
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static int burst_receiver(struct burst *burst)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), bytes = 1 << 24;

	shell("ip link set " NEAR " address 02:00:00:00:00:01 && ip addr add 10.77.0.1/24 dev " NEAR
	      " && sysctl -qw net.ipv4.conf.all.rp_filter=0");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	assert_int_equal(bind(fd, (void *)&address, sizeof(address)), 0);
	getsockname(fd, (void *)&address, &length);
	burst_init(burst, address.sin_port);
	return fd;
}

static void test_adopt_drops_no_packet(void **state)
{
	struct burst burst;
	pthread_t sender;
	char buffer[64];
	int received = 0;
	autoclose int fd = burst_receiver(&burst);

	(void)state;
	check(dataplane_attach(dataplane, NEAR, ATTACH_AUTO, &err));
	assert_int_equal(pthread_create(&sender, NULL, burst_send, &burst), 0);
	for (int i = 0; i < ADOPTIONS; i++)
		reopen_instance();
	pthread_join(sender, NULL);
	usleep(200000);
	while (recv(fd, buffer, sizeof(buffer), 0) > 0)
		received++;
	assert_int_equal(received, BURST_PACKETS);
}

/* --- entries --- */

static void test_service(void **state)
{
	struct lbx_service service = {
		.port = htons(80), .protocol = IPPROTO_TCP, .forward = LBX_FORWARD_DSR};
	struct lbx_service_key4 key = {.port = htons(80), .protocol = IPPROTO_TCP};
	struct lbx_service_ref ref;
	autoclose int fd = pinned_map("services4");

	(void)state;
	check(addr_parse("10.0.0.100", &service.vip, &err));
	key.addr = inet_addr("10.0.0.100");
	check(dataplane_service_put(dataplane, 7, &service, false, &err));
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &ref), 0);
	assert_int_equal(ref.id, 7);
	assert_int_equal(ref.kind, LBX_REF_SERVICE);
	assert_int_equal(ref.forward, LBX_FORWARD_DSR);
	assert_int_equal(ref.closed, 0);
	check(dataplane_service_put(dataplane, 7, &service, true, &err));
	bpf_map_lookup_elem(fd, &key, &ref);
	assert_int_equal(ref.closed, 1);
	/* Another service took the VIP over: deleting the old one must not take it away. */
	check(dataplane_service_put(dataplane, 8, &service, false, &err));
	check(dataplane_service_delete(dataplane, 7, &service, &err));
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &ref), 0);
	check(dataplane_service_delete(dataplane, 8, &service, &err));
	assert_int_not_equal(bpf_map_lookup_elem(fd, &key, &ref), 0);
	check(dataplane_service_delete(dataplane, 8, &service, &err));
}

static void test_service6(void **state)
{
	struct lbx_service service = {.port = htons(53), .protocol = IPPROTO_UDP};
	struct lbx_service_key6 key = {.port = htons(53), .protocol = IPPROTO_UDP};
	struct lbx_service_ref ref;
	autoclose int fd = pinned_map("services6");

	(void)state;
	check(addr_parse("fd00::1", &service.vip, &err));
	key.addr = service.vip;
	check(dataplane_service_put(dataplane, 4095, &service, false, &err));
	assert_int_equal(bpf_map_lookup_elem(fd, &key, &ref), 0);
	assert_int_equal(ref.id, 4095);
	assert_int_not_equal(dataplane_service_put(dataplane, 4096, &service, false, &err), 0);
	assert_non_null(strstr(err.text, "map services"));
	check(dataplane_service_delete(dataplane, 4095, &service, &err));
}

static void test_schedule_swap(void **state)
{
	struct lbx_schedule schedule = {.length = 2, .backends = {5, 6}}, found;
	autoclose int outer = pinned_map("schedules");
	__u32 id = 3, zero = 0, inner_id;

	(void)state;
	for (__u32 length = 2; length <= 4; length++) {
		schedule.length = length;
		check(dataplane_schedule_put(dataplane, (__u16)id, &schedule, &err));
		assert_int_equal(bpf_map_lookup_elem(outer, &id, &inner_id), 0);
		autoclose int inner = bpf_map_get_fd_by_id(inner_id);
		assert_int_equal(bpf_map_lookup_elem(inner, &zero, &found), 0);
		assert_memory_equal(&found, &schedule, sizeof(found));
	}
	reopen_instance();
	check(dataplane_schedule_put(dataplane, (__u16)id, &schedule, &err));
}

static bool snat_known(int fd, const char *address, __u16 index)
{
	struct lbx_service_key4 key = {.addr = inet_addr(address)};
	struct lbx_service_ref ref;

	return !bpf_map_lookup_elem(fd, &key, &ref) && ref.kind == LBX_REF_SNAT && ref.id == index;
}

static void test_snat(void **state)
{
	struct lbx_addr first, second, six;
	autoclose int refs = pinned_map("services4");
	autoclose int array = pinned_map("snat4");
	__u32 index = 2, word;

	(void)state;
	check(addr_parse("10.0.0.5", &first, &err));
	check(addr_parse("10.0.0.6", &second, &err));
	check(addr_parse("fd00::5", &six, &err));
	check(dataplane_snat_put(dataplane, index, &first, &err));
	check(dataplane_snat_put(dataplane, index, &six, &err));
	assert_true(snat_known(refs, "10.0.0.5", 2));
	check(dataplane_snat_put(dataplane, index, &second, &err));
	assert_false(snat_known(refs, "10.0.0.5", 2));
	assert_true(snat_known(refs, "10.0.0.6", 2));
	check(dataplane_snat_delete(dataplane, index, &first, &err));
	assert_true(snat_known(refs, "10.0.0.6", 2));
	check(dataplane_snat_delete(dataplane, index, &second, &err));
	assert_false(snat_known(refs, "10.0.0.6", 2));
	assert_int_equal(bpf_map_lookup_elem(array, &index, &word), 0);
	assert_int_equal(word, 0);
	check(dataplane_snat_put(dataplane, index, &first, &err));
	check(dataplane_snat_put(dataplane, index, NULL, &err));
	assert_false(snat_known(refs, "10.0.0.5", 2));
	assert_int_equal(dataplane_snat_put(dataplane, LBX_MAX_SNATS, &first, &err), -ENOSPC);
}

static void test_counters(void **state)
{
	int cpus = libbpf_num_possible_cpus();
	autofree struct lbx_backend_stats *each = calloc((size_t)cpus, sizeof(*each));
	const struct lbx_cursor cursor = {.ticket = 41};
	struct lbx_backend_stats sum;
	autoclose int stats = pinned_map("backend_stats");
	autoclose int cursors = pinned_map("cursors");
	__u32 id = 12;

	(void)state;
	for (int i = 0; i < cpus; i++)
		each[i].packets = 10;
	assert_int_equal(bpf_map_update_elem(stats, &id, each, BPF_ANY), 0);
	assert_int_equal(dataplane_backend_stats(dataplane, 12, &sum), 0);
	assert_int_equal(sum.packets, 10 * cpus);
	check(dataplane_backend_reset(dataplane, 12, &err));
	assert_int_equal(dataplane_backend_stats(dataplane, 12, &sum), 0);
	assert_int_equal(sum.packets, 0);
	assert_int_equal(bpf_map_update_elem(cursors, &id, &cursor, BPF_ANY), 0);
	assert_int_equal(dataplane_cursor(dataplane, 12), 41);
	check(dataplane_service_reset(dataplane, 12, &err));
	assert_int_equal(dataplane_cursor(dataplane, 12), 0);
}

/* --- sweep --- */

static __u16 tick(int ago)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (__u16)((((__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec) >> 30) - (__u64)ago);
}

static void slot4_put(__u32 bucket, int slot, __u16 service, __u64 meta)
{
	autoclose int fd = pinned_map("flows4");
	struct lbx_bucket4 value;

	assert_int_equal(bpf_map_lookup_elem(fd, &bucket, &value), 0);
	value.slots[slot].key = lbx_key4(inet_addr("10.9.9.9"), htons(1), service);
	value.slots[slot].meta = meta;
	assert_int_equal(bpf_map_update_elem(fd, &bucket, &value, BPF_ANY), 0);
}

static void slot_reverse_put(__u32 bucket, __u64 meta)
{
	autoclose int fd = pinned_map("reverse");
	struct lbx_bucket_reverse value = {};

	value.slots[3].meta = meta;
	assert_int_equal(bpf_map_update_elem(fd, &bucket, &value, BPF_ANY), 0);
}

static bool named(const __u64 *bits, unsigned id)
{
	return bits[id / 64] >> (id % 64) & 1;
}

static void test_sweep(void **state)
{
	const __u32 last = SMALL_FLOWS / LBX_BUCKET_SLOTS - 1;
	const struct lbx_backend backend = {.service = 30, .flags = LBX_BACKEND_USED};
	autofree struct dataplane_sweep *sweep = calloc(1, sizeof(*sweep));

	(void)state;
	check(dataplane_backend_put(dataplane, 70, &backend, &err));
	slot4_put(0, 0, 20, lbx_meta(65, 0, 0, LBX_FLOW_ASSURED, tick(300)));
	slot4_put(0, 1, 21, lbx_meta(66, 0, 0, LBX_FLOW_HALF_OPEN, tick(60)));
	slot4_put(last, 3, 22, lbx_meta(67, 0, 0, LBX_FLOW_HALF_OPEN, tick(40)));
	slot4_put(5, 2, 23, lbx_meta(68, 0, 0, LBX_FLOW_CLAIM, tick(0)));
	slot4_put(5, 3, 24, lbx_meta(69, 0, 0, LBX_FLOW_CLAIM, tick(5)));
	/* A clock of another CPU, one tick ahead. */
	slot4_put(6, 0, 25, lbx_meta(65, 0, 0, LBX_FLOW_HALF_OPEN, tick(-1)));
	slot_reverse_put(last, lbx_meta(70, 10000, 0, LBX_FLOW_FRESH, tick(1)));
	dataplane_sweep(dataplane, sweep);
	assert_int_equal(sweep->used4, 4);
	assert_int_equal(sweep->used6, 0);
	assert_int_equal(sweep->used_reverse, 1);
	assert_int_equal(sweep->expired, 2);
	assert_int_equal(sweep->active[65], 2);
	assert_int_equal(sweep->active[66], 0);
	assert_int_equal(sweep->active[67], 1);
	assert_int_equal(sweep->active[70], 0);
	assert_true(named(sweep->services_named, 20) && named(sweep->services_named, 22));
	assert_true(named(sweep->services_named, 30) && named(sweep->backends_named, 70));
	assert_false(named(sweep->services_named, 21) || named(sweep->services_named, 23));
	assert_false(named(sweep->backends_named, 66) || named(sweep->backends_named, 68));
	dataplane_sweep(dataplane, sweep);
	assert_int_equal(sweep->expired, 0);
	assert_int_equal(sweep->used4, 4);
}

static void test_purge(void **state)
{
	autofree struct dataplane_sweep *sweep = calloc(1, sizeof(*sweep));

	(void)state;
	slot4_put(0, 0, 20, lbx_meta(65, 0, 0, LBX_FLOW_ASSURED, tick(0)));
	slot4_put(0, 1, 20, lbx_meta(66, 0, 0, LBX_FLOW_ASSURED, tick(0)));
	slot_reverse_put(1, lbx_meta(65, 10000, 0, LBX_FLOW_ASSURED, tick(0)));
	assert_int_equal(dataplane_flows_purge(dataplane, 65), 2);
	assert_int_equal(dataplane_flows_purge(dataplane, 65), 0);
	dataplane_sweep(dataplane, sweep);
	assert_int_equal(sweep->used4, 1);
	assert_int_equal(sweep->used_reverse, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* In both ways of attaching. */
#define ATTACH_TESTS                                                                               \
	TEST(test_attach_and_detach), TEST(test_attach_generic_and_two),                           \
		TEST(test_attach_without_native), TEST(test_attach_leaves_strangers_alone),        \
		TEST(test_adopt_takes_over_interfaces), TEST(test_adopt_after_interface_went),     \
		TEST(test_refresh), TEST(test_adopt_drops_no_packet),                              \
		TEST(test_destroy_half_an_instance)

int main(void)
{
	const struct CMUnitTest entries[] = {
		TEST(test_create_fills_settings),
		TEST(test_options_are_checked),
		TEST(test_adopt_keeps_what_is_there),
		TEST(test_adopt_refuses_another_layout),
		TEST(test_adopt_refuses_another_map),
		TEST(test_adopt_replaces_other_statistics),
		TEST(test_create_over_leftovers),
		TEST(test_service),
		TEST(test_service6),
		TEST(test_schedule_swap),
		TEST(test_snat),
		TEST(test_counters),
		TEST(test_sweep),
		TEST(test_purge),
		ATTACH_TESTS,
	};
	const struct CMUnitTest dispatcher[] = {TEST(test_dispatcher_is_shared), ATTACH_TESTS};
	int failed;

	snprintf(instance, sizeof(instance), "test-%d", (int)getpid());
	if (unshare(CLONE_NEWNET) || system("ip link set lo up"))
		return 1;
	setenv("LIBXDP_SKIP_DISPATCHER", "1", 1);
	failed = cmocka_run_group_tests_name("link", entries, NULL, NULL);
	unsetenv("LIBXDP_SKIP_DISPATCHER");
	return failed + cmocka_run_group_tests_name("dispatcher", dispatcher, NULL, NULL);
}
