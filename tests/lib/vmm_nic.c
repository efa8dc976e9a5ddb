/* SPDX-License-Identifier: BSD-3-Clause
 *
 * vmm_nic SOCKET MAC: a NIC of shunt-vmm without a guest. The front end of the product is driven as
 * a guest's driver drives it, by registers and rings, and a test tells it what to do, a line each:
 *
 *     send HEX [N]      N frames, each of them when there is room for it
 *     link              answers "link up" or "link down"
 *     expect N MS       answers "got N" with the number of frames that came since the last answer,
 *                       once there are N, or after MS milliseconds
 *     reset             the driver resets the device and starts it again.
 */
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "virtio_net.h"
#include "vmm_rig.h"

#define RX           0
#define TX           1
#define N_BUFFERS    16 /* of each ring, all of one descriptor */
#define BUFFER_BYTES 2048
#define HEADER_BYTES 12
#define FRAME_MAX    1514

static struct {
	struct rig rig;
	struct driver d;
	struct vmm_net *net;
	unsigned n_in_flight, n_got;
} t;

static void fail(const char *why)
{
	fprintf(stderr, "vmm_nic: %s\n", why);
	exit(1);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static uint64_t buffer_at(unsigned queue, unsigned i)
{
	return RIG_BUFFERS + (queue * N_BUFFERS + i % N_BUFFERS) * BUFFER_BYTES;
}

static void offer_receive(void)
{
	struct rig_buffer buffer = { buffer_at(RX, t.d.queues[RX].n_avail), BUFFER_BYTES, true };

	driver_offer(&t.d, RX, &buffer, 1);
}

static void start(void)
{
	driver_start(&t.d,
		VMM_BIT(VIRTIO_NET_F_MAC) | VMM_BIT(VIRTIO_NET_F_STATUS) |
			VMM_BIT(VIRTIO_NET_F_CTRL_VQ),
		3);
	t.n_in_flight = 0;
	for (unsigned i = 0; i < N_BUFFERS; i++)
		offer_receive();
	driver_kick(&t.d, RX);
}

static void look_at_rings(void)
{
	uint16_t head;
	uint32_t n;

	while (driver_used(&t.d, TX, &head, &n))
		t.n_in_flight--;
	while (driver_used(&t.d, RX, &head, &n)) {
		if (n <= HEADER_BYTES || n > BUFFER_BYTES)
			fail("a frame of no length");
		t.n_got++;
		offer_receive();
		driver_kick(&t.d, RX);
	}
}

/* One millisecond of a guest's life. A frame comes without an event of the loop's. */
static void live(void)
{
	rig_settle(&t.rig);
	look_at_rings();
	(void)rig_turn(&t.rig, 1);
}

static void send_frames(const char *hex, unsigned n)
{
	uint8_t frame[FRAME_MAX];
	uint32_t n_frame = 0;
	unsigned byte;

	while (n_frame < FRAME_MAX && sscanf(hex + 2 * (size_t)n_frame, "%2x", &byte) == 1)
		frame[n_frame++] = (uint8_t)byte;
	for (unsigned i = 0; i < n; i++) {
		struct rig_buffer buffer = { 0, HEADER_BYTES + n_frame, false };

		while (t.n_in_flight == N_BUFFERS)
			live();
		buffer.gpa = buffer_at(TX, t.d.queues[TX].n_avail);
		memset(rig_at(&t.rig, buffer.gpa, HEADER_BYTES), 0, HEADER_BYTES);
		memcpy(rig_at(&t.rig, buffer.gpa + HEADER_BYTES, n_frame), frame, n_frame);
		driver_offer(&t.d, TX, &buffer, 1);
		driver_kick(&t.d, TX);
		t.n_in_flight++;
	}
}

static void expect(unsigned n, unsigned ms)
{
	int64_t deadline = now_ms() + ms;

	while (t.n_got < n && now_ms() < deadline)
		live();
	printf("got %u\n", t.n_got);
	t.n_got = 0;
}

static void command(const char *line)
{
	char hex[2 * FRAME_MAX + 1];
	unsigned n = 1, ms;

	if (sscanf(line, "send %3028[0-9a-f] %u", hex, &n) >= 1)
		send_frames(hex, n);
	else if (sscanf(line, "expect %u %u", &n, &ms) == 2)
		expect(n, ms);
	else if (strcmp(line, "link\n") == 0)
		printf("link %s\n", vmm_net_link_is_up(t.net) ? "up" : "down");
	else if (strcmp(line, "reset\n") == 0)
		start();
	else
		fail("no such command");
}

static void open_nic(const char *path, const char *mac)
{
	struct vmm_net_conf conf = { .name = "net0", .socket = path, .n_pairs = 1 };
	struct sh_err err;

	if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &conf.mac[0], &conf.mac[1], &conf.mac[2],
		    &conf.mac[3], &conf.mac[4], &conf.mac[5]) != 6)
		fail("no MAC");
	rig_open(&t.rig, true);
	if (vmm_net_new(&t.rig.set, &conf, &t.net, &err) < 0)
		fail(err.text);
	driver_find(&t.rig, 1, &t.d);
	while (!vmm_net_has_been_ready(t.net))
		(void)rig_turn(&t.rig, 1000);
	start();
}

int main(int argc, char **argv)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[2 * FRAME_MAX + 64];

	if (argc != 3)
		fail("usage: vmm_nic SOCKET MAC");
	setvbuf(stdin, NULL, _IONBF, 0); /* poll sees what is left */
	setvbuf(stdout, NULL, _IOLBF, 0);
	open_nic(argv[1], argv[2]);
	printf("ready\n");
	for (;;) {
		live();
		if (poll(&input, 1, 0) == 0)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			break;
		command(line);
	}
	rig_close(&t.rig);
	return 0;
}
