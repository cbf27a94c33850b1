// SPDX-License-Identifier: GPL-2.0
/* More than comfortable: notifications that are lost, and thousands of watches. */
#include "tests/loop/host.h"

/* Dropped notifications of all netlink sockets of this namespace. */
static unsigned long drops_count(void)
{
	FILE *file = fopen("/proc/self/net/netlink", "r");
	unsigned long drops, sum = 0;
	char line[256];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %lu", &drops) == 1)
			sum += drops;
	}
	fclose(file);
	return sum;
}

/* While nobody reads, so many routes come and go that the socket overruns; then what matters
 * changes. */
static void test_overrun_is_made_good(void **state)
{
	struct host *host = *state;
	double start;

	watch(host, "10.1.0.2");
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_peer});
	/* Queued, and out of date by the time it is read. */
	shell("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:09 nud permanent dev eth0");
	shell("for i in $(seq 0 47); do seq -f \"route add 172.16.$i.%%g dev eth0\" 0 255; done | "
	      "ip -batch -");
	shell("ip link add gone0 type veth peer name gone1 && ip addr add 10.6.0.1/24 dev gone0");
	shell("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:03 nud permanent dev eth0");
	assert_true(drops_count() > 0);
	start = clock_ms();
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_moved});
	printf("# after an overrun the truth is back in %.1f ms\n", host->called_ms - start);
	loop_until(host->base, NULL, NULL, 200);
	path_await(host, (struct wanted){.addr = "10.1.0.2", .mac = mac_moved});
	assert_true(is_local(host, "10.6.0.1"));
	assert_true(host->links_changed >= 2);
}

enum { MANY = 4096 };

static void many_watch(struct host *host)
{
	char text[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "10.2.%d.%d", i / 256, i % 256);
		watch(host, text);
	}
}

static bool many_called(void *context)
{
	return ((struct host *)context)->callbacks >= MANY;
}

static void test_thousands_of_watches(void **state)
{
	struct host *host = *state;
	double start = clock_ms();

	peer_shell(host, "ip addr add 10.1.0.3/24 dev peer0");
	shell("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:02 nud permanent dev eth0");
	shell("ip neigh replace 10.1.0.3 lladdr 02:00:00:00:00:02 nud permanent dev eth0");
	shell("ip route add 10.2.0.0/16 via 10.1.0.2");
	start = clock_ms();
	many_watch(host);
	printf("# %d addresses watched in %.1f ms\n", MANY, clock_ms() - start);
	assert_true(loop_until(host->base, many_called, host, WAIT_MS));
	assert_int_equal(host->callbacks, MANY);
	assert_int_equal(host->unresolved, 0);

	host->callbacks = 0;
	shell("ip route change 10.2.0.0/16 via 10.1.0.3");
	start = clock_ms();
	assert_true(loop_until(host->base, many_called, host, WAIT_MS));
	printf("# a route change under %d of them: all called back after %.1f ms\n", MANY,
	       host->called_ms - start);
	assert_true(host->called_ms - start < 1000);

	host->callbacks = 0;
	shell("ip neigh replace 10.1.0.3 lladdr 02:00:00:00:00:03 nud permanent dev eth0");
	start = clock_ms();
	assert_true(loop_until(host->base, many_called, host, WAIT_MS));
	printf("# a MAC change under %d of them: all called back after %.1f ms\n", MANY,
	       host->called_ms - start);
	assert_int_equal(host->callbacks, MANY);
	assert_true(host->called_ms - start < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOST_TEST(test_overrun_is_made_good),
		HOST_TEST(test_thousands_of_watches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
