/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as what a vhost-user back end sends to a NIC of shunt-vmm, in any cuts, with hang-ups
 * in between, while the guest starts, stops and pauses. The front end may wait for nothing that has
 * not been sent: here all answers are there before the questions, and then the connection ends.
 */
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"
#include "vhost_msg.h"
#include "virtio_net.h"
#include "vmm_rig.h"

#define MAX_TURNS 32

struct back_end {
	struct rig rig;
	struct driver d;
	struct vmm_net *net;
	char folder[32], path[64];
	int listen_fd, fd; /* -1: none */
	const uint8_t *data;
	size_t n_data;
};

static uint8_t take_u8(struct back_end *b)
{
	if (b->n_data == 0)
		return 0;
	b->n_data--;
	return *b->data++;
}

static void open_all(struct back_end *b)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct vmm_net_conf conf = { .name = "net0", .mac = { 2 }, .n_pairs = 2, .mtu = 1500 };

	sh_log_set_level(SH_LOG_ERR);
	snprintf(b->folder, sizeof(b->folder), "/tmp/fuzz_vmm_vhost.XXXXXX");
	CHECK(mkdtemp(b->folder));
	snprintf(b->path, sizeof(b->path), "%s/s", b->folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", b->path);
	b->fd = -1;
	b->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(bind(b->listen_fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(listen(b->listen_fd, 8) == 0);
	rig_open(&b->rig, true);
	conf.socket = b->path;
	CHECK(vmm_net_new(&b->rig.set, &conf, &b->net, NULL) == 0);
	driver_find(&b->rig, 1, &b->d);
}

static void hang_up(struct back_end *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

static void close_all(struct back_end *b)
{
	hang_up(b);
	rig_close(&b->rig);
	close(b->listen_fd);
	unlink(b->path);
	rmdir(b->folder);
}

static void turn(struct back_end *b, unsigned n)
{
	for (unsigned i = 0; i < n && rig_turn(&b->rig, 0); i++)
		;
}

/* News in the folder has the front end try at once. */
static void accept_front_end(struct back_end *b)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/news", b->folder);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	unlink(path);
	for (unsigned i = 0; i < MAX_TURNS && b->fd < 0 && rig_turn(&b->rig, 0); i++)
		b->fd = accept4(b->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void send_bytes(struct back_end *b, const void *bytes, size_t n)
{
	if (b->fd >= 0 && send(b->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		hang_up(b);
}

static void raw_step(struct back_end *b)
{
	uint8_t bytes[64];
	size_t n = 0;

	for (unsigned left = take_u8(b) % sizeof(bytes); left && b->n_data; left--)
		bytes[n++] = take_u8(b);
	send_bytes(b, bytes, n);
}

/* An answer in the right form, to one of the questions. */
static void answer_step(struct back_end *b)
{
	static const uint32_t requests[] = { VHOST_USER_GET_FEATURES,
		VHOST_USER_GET_PROTOCOL_FEATURES, VHOST_USER_GET_QUEUE_NUM,
		VHOST_USER_SET_MEM_TABLE, VHOST_USER_SET_VRING_ENABLE, VHOST_USER_GET_VRING_BASE };
	struct vhost_header h = { requests[take_u8(b) % 6], VHOST_VERSION | VHOST_REPLY, 8 };
	uint8_t bytes[sizeof(h) + 8];
	uint64_t value = take_u8(b);

	/* Much of what counts is features of the upper and the lower half. */
	if (value & 0x80)
		value = ~UINT64_C(0) << (value & 63);
	memcpy(bytes, &h, sizeof(h));
	memcpy(bytes + sizeof(h), &value, 8);
	send_bytes(b, bytes, sizeof(bytes));
}

/* All that this one will ever say, then its end: nobody waits for more. */
static void session_step(struct back_end *b)
{
	hang_up(b);
	turn(b, MAX_TURNS);
	accept_front_end(b);
	for (unsigned left = take_u8(b) % 32; left && b->n_data; left--) {
		if (take_u8(b) % 8 == 0)
			raw_step(b);
		else
			answer_step(b);
	}
	if (b->fd >= 0)
		shutdown(b->fd, SHUT_WR);
}

static void guest_step(struct back_end *b)
{
	uint8_t how = take_u8(b);

	if (how & 1)
		vmm_virtio_pause_all(&b->rig.set);
	if (how & 2 && driver_negotiate(&b->d, driver_features(&b->d))) {
		for (unsigned i = 0; i < 1u + how / 4 % 5; i++)
			driver_queue(&b->d, i, 16);
		driver_ready(&b->d);
	}
	if (how & 1)
		vmm_virtio_resume_all(&b->rig.set);
	if (how & 0x80)
		vmm_net_announce(b->net);
}

static void step(struct back_end *b)
{
	switch (take_u8(b) % 4) {
	case 0:
		session_step(b);
		break;
	case 1:
		guest_step(b);
		break;
	default:
		turn(b, take_u8(b) % MAX_TURNS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct back_end *b = calloc(1, sizeof(*b));
	int here = open(".", O_PATH | O_CLOEXEC);

	CHECK(b && here >= 0);
	open_all(b);
	b->data = data;
	b->n_data = size;
	while (b->n_data)
		step(b);
	close_all(b);
	free(b);
	/* A front end goes to the socket's folder. */
	CHECK(fchdir(here) == 0);
	close(here);
	return 0;
}
