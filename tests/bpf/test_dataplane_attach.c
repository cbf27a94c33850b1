// SPDX-License-Identifier: GPL-2.0
/*
 * Attaching to interfaces, twice over: with a link of our own, and through libxdp's dispatcher
 * where the kernel has what that needs.
 */
#include "tests/bpf/dataplane_fixture.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <xdp/libxdp.h>

enum { ADOPTIONS = 3, BURST_BUFFER_BYTES = 1 << 26 };

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

static atomic_bool burst_over;

/* Sends until the burst is over; returns how many. */
static void *burst_send(void *argument)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(FAR)};
	autoclose int fd = socket(AF_PACKET, SOCK_RAW, 0);
	const struct timespec pause = {.tv_nsec = 100000};
	intptr_t sent = 0;

	while (!atomic_load(&burst_over)) {
		sent += sendto(fd, argument, sizeof(struct burst), 0, (void *)&to, sizeof(to)) > 0;
		nanosleep(&pause, NULL);
	}
	return (void *)sent;
}

static int burst_receiver(struct burst *burst)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), bytes = BURST_BUFFER_BYTES;

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
	intptr_t received = 0;
	void *sent;
	autoclose int fd = burst_receiver(&burst);

	(void)state;
	check(dataplane_attach(dataplane, NEAR, ATTACH_AUTO, &err));
	atomic_store(&burst_over, false);
	assert_int_equal(pthread_create(&sender, NULL, burst_send, &burst), 0);
	for (int i = 0; i < ADOPTIONS; i++)
		reopen_instance();
	atomic_store(&burst_over, true);
	pthread_join(sender, &sent);
	usleep(200000);
	while (recv(fd, buffer, sizeof(buffer), 0) > 0)
		received++;
	assert_int_equal(received, (intptr_t)sent);
	assert_true(received > 0);
}

/* In both ways of attaching. */
#define ATTACH_TESTS                                                                               \
	TEST(test_attach_and_detach), TEST(test_attach_generic_and_two),                           \
		TEST(test_attach_without_native), TEST(test_attach_leaves_strangers_alone),        \
		TEST(test_adopt_takes_over_interfaces), TEST(test_adopt_after_interface_went),     \
		TEST(test_refresh), TEST(test_adopt_drops_no_packet),                              \
		TEST(test_destroy_half_an_instance)

int main(void)
{
	const struct CMUnitTest link[] = {ATTACH_TESTS};
	const struct CMUnitTest dispatcher[] = {TEST(test_dispatcher_is_shared), ATTACH_TESTS};
	int failed;

	if (!fixture_init())
		return 1;
	setenv("LIBXDP_SKIP_DISPATCHER", "1", 1);
	failed = cmocka_run_group_tests(link, NULL, NULL);
	unsetenv("LIBXDP_SKIP_DISPATCHER");
	return failed + cmocka_run_group_tests(dispatcher, NULL, NULL);
}
