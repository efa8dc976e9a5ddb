/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as the life of a front end, over a real socket into a real port: messages in any form
 * and order, with memory, events and nonsense for descriptors; between them the guest writes to its
 * memory or takes it away, and a worker looks at the rings. A ring that runs must lie in the
 * guest's memory, every answer must be one, and of a front end that has left nothing may stay.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dp_private.h"
#include "fuzz.h"
#include "sigbus.h"
#include "vhost/vhost.h"

#define N_QUEUES     2
#define PAGE_BYTES   4096
#define MEMORY_BYTES (16 * PAGE_BYTES)
#define UVA          UINT64_C(0x100000) /* guest physical addresses begin at 0 */
#define RING_SIZE    16
#define RING_BYTES   0x2000 /* from one ring to the next; its parts are 0x400 apart */
#define BUFFERS_AT   0x8000
#define BUFFER_BYTES 0x400
#define MAX_PAYLOAD  sizeof(union vhost_payload)
#define MANY_FDS     (VHOST_MAX_REGIONS + 1)
#define FDS_COUNTED  128
#define ANSWER_BYTES 20 /* a header, and a number or a ring's state */

enum descriptor_kind {
	OF_MEMORY,
	OF_EVENT,
	OF_NOTHING, /* can be written to and not mapped */
	OF_ONE_PAGE,
	N_DESCRIPTOR_KINDS,
};

/* The switch's side: made once, as it is by every front end that leaves. */
static struct dp dp;
static struct dp_port *port;
static struct vhost *v;
static char folder[] = "/tmp/fuzz_vhost_msg.XXXXXX";

struct front_end {
	int socket; /* -1: none */
	int fds[N_DESCRIPTOR_KINDS];
	const uint8_t *data; /* what is left of the input */
	size_t n_data;
	struct dp_burst burst;
};

static void close_port(void)
{
	dp_port_vhost_ops.close(port);
	free(port);
	free(dp.qsbr);
	rmdir(folder);
}

static void open_port(void)
{
	size_t qsbr_bytes = RTE_ALIGN_CEIL(rte_rcu_qsbr_get_memsize(1), (size_t)64);
	size_t port_bytes = RTE_ALIGN_CEIL(sizeof(*port), (size_t)64);
	struct sh_err err;

	sh_log_set_level(SH_LOG_ERR);
	dp.tsc_hz = 1000000000;
	dp.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	dp.qsbr = aligned_alloc(64, qsbr_bytes);
	port = aligned_alloc(64, port_bytes);
	CHECK(dp.qsbr && port && rte_rcu_qsbr_init(dp.qsbr, 1) == 0);
	CHECK(dp_vhost_start(&dp) == 0 && mkdtemp(folder));
	memset(port, 0, port_bytes);
	port->dp = &dp;
	port->conf.kind = DP_PORT_VHOST_SERVER;
	port->conf.n_queues = N_QUEUES;
	snprintf(port->conf.target, sizeof(port->conf.target), "%s/socket", folder);
	CHECK(dp_port_vhost_ops.open(port, &err) == 0);
	v = port->kind;
	dp_sigbus_install();
	atexit(close_port);
}

/* What must hold between any two messages */

static bool is_in_memory(const void *at, uint64_t n)
{
	for (uint32_t i = 0; i < v->mem.n; i++) {
		const struct vhost_region *r = &v->mem.regions[i];
		uint64_t offset = (uint64_t)((const uint8_t *)at - r->at);

		if ((const uint8_t *)at >= r->at && offset < r->size && n <= r->size - offset)
			return true;
	}
	return false;
}

static void check_active(const struct vhost_ring *ring)
{
	const struct vq *vq = &ring->vq;
	uint64_t n = vq->size;

	CHECK(ring->enabled && ring->has_addr && ring->has_kick);
	CHECK(n > 0 && n == ring->size && n <= VQ_MAX_SIZE);
	CHECK(vq->packed || (n & (n - 1)) == 0);
	CHECK(is_in_memory(vq->desc, 16 * n));
	CHECK(is_in_memory(vq->avail, vq->packed ? 4 : 6 + 2 * n));
	CHECK(is_in_memory(vq->used, vq->packed ? 4 : 6 + 8 * n));
	CHECK(!vq->packed || (vq->next_used < n && vq->next_avail < n));
}

static void check_rings(void)
{
	for (unsigned i = 0; i < VHOST_N_RINGS; i++) {
		bool active = atomic_load(&v->rings[i].vq.active);
		_Atomic bool *ready = i & 1 ? port->rxq_ready : port->txq_ready;

		CHECK(active == atomic_load(&ready[i / 2]));
		CHECK(!active || i < 2 * N_QUEUES);
		if (active)
			check_active(&v->rings[i]);
	}
}

static void check_nothing_is_left(void)
{
	CHECK(v->fd == -1 && v->msg.n_read == 0 && v->msg.n_fds == 0);
	CHECK(v->mem.n == 0 && !v->log.bits && !v->log.mapping);
	CHECK(v->features == 0 && v->protocol_features == 0 && atomic_load(&v->rarp) == 0);
	for (unsigned i = 0; i < VHOST_N_RINGS; i++) {
		const struct vhost_ring *ring = &v->rings[i];

		CHECK(!ring->enabled && !ring->has_addr && !ring->has_kick && ring->size == 0);
		CHECK(ring->kick_fd == -1 && ring->vq.call_fd == -1);
	}
}

/* Messages */

static void leave(struct front_end *f)
{
	if (f->socket < 0)
		return;
	close(f->socket);
	f->socket = -1;
	/* What it said last is read first. */
	while (v->fd >= 0)
		dp_vhost_dispatch(&dp);
	check_rings();
	check_nothing_is_left();
}

/* The end of the connection is an answer too. */
static void read_answers(struct front_end *f)
{
	uint8_t bytes[64 * ANSWER_BYTES];
	ssize_t n;

	while ((n = recv(f->socket, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		CHECK(n % ANSWER_BYTES == 0);
		for (ssize_t at = 0; at < n; at += ANSWER_BYTES) {
			struct vhost_header h;

			memcpy(&h, bytes + at, sizeof(h));
			CHECK(h.flags == (VHOST_VERSION | VHOST_REPLY));
			CHECK(h.size == ANSWER_BYTES - sizeof(h));
		}
	}
	if (n == 0 || errno == ECONNRESET)
		leave(f);
}

static void dispatch(struct front_end *f)
{
	dp_vhost_dispatch(&dp);
	/* A ring is broken, or its memory is gone. */
	if (atomic_exchange(&port->notified, false))
		dp_port_vhost_ops.event(port);
	check_rings();
	if (f->socket >= 0)
		read_answers(f);
}

static void connect_to_port(struct front_end *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (f->socket >= 0)
		return;
	snprintf(address.sun_path, sizeof(address.sun_path), "%.107s", port->conf.target);
	f->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(connect(f->socket, (const struct sockaddr *)&address, sizeof(address)) == 0);
	dp_vhost_dispatch(&dp);
	CHECK(v->fd >= 0);
}

static void send_bytes(struct front_end *f, const void *bytes, size_t n, int fd, unsigned n_fds)
{
	union {
		char bytes[CMSG_SPACE(MANY_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { (void *)(uintptr_t)bytes, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		for (unsigned i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &fd, sizeof(fd));
	}
	/* What there is no room for is a message cut short. */
	(void)!sendmsg(f->socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Not dispatched: many may wait. */
static void say(struct front_end *f, uint32_t request, const void *payload, uint32_t n, int fd)
{
	uint8_t bytes[sizeof(struct vhost_header) + MAX_PAYLOAD];
	struct vhost_header h = { request, VHOST_VERSION, n };

	memcpy(bytes, &h, sizeof(h));
	memcpy(bytes + sizeof(h), payload, n);
	send_bytes(f, bytes, sizeof(h) + n, fd, fd >= 0);
}

static void say_u64(struct front_end *f, uint32_t request, uint64_t value, int fd)
{
	say(f, request, &value, sizeof(value), fd);
}

/* A front end that does all as it should, as far as it goes */

static void set_up_ring(struct front_end *f, uint32_t i)
{
	uint64_t at = UVA + i * RING_BYTES;
	struct vhost_state_msg size = { i, RING_SIZE }, base = { i, 0x80008000 }, on = { i, 1 };
	struct vhost_addr_msg addr = { .index = i,
		.flags = 1,
		.desc = at,
		.avail = at + 0x400,
		.used = at + 0x800,
		.log = at - UVA + 0x800 };

	say(f, VHOST_USER_SET_VRING_NUM, &size, sizeof(size), -1);
	say(f, VHOST_USER_SET_VRING_BASE, &base, sizeof(base), -1);
	say(f, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), -1);
	say_u64(f, VHOST_USER_SET_VRING_CALL, i, f->fds[OF_EVENT]);
	say_u64(f, VHOST_USER_SET_VRING_KICK, i, f->fds[OF_EVENT]);
	say(f, VHOST_USER_SET_VRING_ENABLE, &on, sizeof(on), -1);
}

static void put(struct front_end *f, uint64_t at, const void *bytes, size_t n)
{
	(void)!pwrite(f->fds[OF_MEMORY], bytes, n, (off_t)at);
}

/* All descriptors of a ring offered, each a buffer of its own. */
static void fill_ring(struct front_end *f, uint32_t i, bool packed)
{
	struct vring_packed_desc packed_descs[RING_SIZE];
	struct vring_desc descs[RING_SIZE];
	uint16_t avail[2 + RING_SIZE] = { 0, RING_SIZE }, way = i & 1 ? 0 : VRING_DESC_F_WRITE;

	for (uint16_t k = 0; k < RING_SIZE; k++) {
		uint64_t at = BUFFERS_AT + (k + i * RING_SIZE) * BUFFER_BYTES;

		descs[k] = (struct vring_desc){ at, BUFFER_BYTES, way, 0 };
		packed_descs[k] =
			(struct vring_packed_desc){ at, BUFFER_BYTES, k, (uint16_t)(way | 0x80) };
		avail[2 + k] = k;
	}
	put(f, i * RING_BYTES, packed ? (void *)packed_descs : (void *)descs, sizeof(descs));
	if (!packed)
		put(f, i * RING_BYTES + 0x400, avail, sizeof(avail));
}

static void set_up(struct front_end *f, uint8_t how)
{
	static const uint8_t choices[] = { 34, 29, 15, 26, 0, 32, 28 };
	uint64_t features = UINT64_C(1) << 30, protocol = how & 0x80 ? 0 : 0x801f;
	struct vhost_mem_msg mem = { .n = 1, .regions[0] = { 0, MEMORY_BYTES, UVA, 0 } };
	struct vhost_log_msg log = { PAGE_BYTES, 0 };

	for (unsigned i = 0; i < sizeof(choices); i++)
		if (how & 1u << i)
			features |= UINT64_C(1) << choices[i];
	say_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, protocol, -1);
	say_u64(f, VHOST_USER_SET_FEATURES, features, -1);
	say(f, VHOST_USER_SET_MEM_TABLE, &mem, 8 + sizeof(mem.regions[0]), f->fds[OF_MEMORY]);
	say(f, VHOST_USER_SET_LOG_BASE, &log, sizeof(log), f->fds[OF_ONE_PAGE]);
	for (uint32_t i = 0; i < 2; i++) {
		fill_ring(f, i, how & 1);
		set_up_ring(f, i);
	}
}

/* A worker */

static void receive(struct front_end *f, unsigned queue)
{
	struct dp_burst *b = &f->burst;
	uint16_t n = dp_port_vhost_ops.rx(port, queue, b);

	for (uint16_t i = 0; i < n; i++) {
		const struct dp_frame *frame = &b->frames[i];

		CHECK(frame->n_head <= DP_HEAD_BYTES);
		CHECK(frame->n_rest == 0 || is_in_memory(frame->rest, frame->n_rest));
		for (uint16_t k = 0; k < frame->n_more; k++)
			CHECK(is_in_memory(frame->more[k].at, frame->more[k].len));
	}
	if (n)
		dp_port_vhost_ops.rx_done(port, queue, b);
}

static void send_frames(unsigned queue, unsigned n)
{
	static uint8_t payload[1514];
	struct dp_item items[DP_BURST];
	struct dp_frame frame = { .head = payload,
		.n_head = DP_HEAD_BYTES,
		.rest = payload + DP_HEAD_BYTES,
		.n_rest = (uint32_t)sizeof(payload) - DP_HEAD_BYTES,
		.len = (uint32_t)sizeof(payload) };
	uint16_t n_sent, n_ok = 0;

	for (unsigned i = 0; i < n; i++)
		items[i] = (struct dp_item){ .frame = &frame, .len = frame.len };
	n_sent = dp_port_vhost_ops.tx(port, queue, items, (uint16_t)n);
	for (unsigned i = 0; i < n; i++)
		n_ok = (uint16_t)(n_ok + (items[i].drop == DP_N_DROPS));
	CHECK(n_sent == n_ok);
}

static void look(struct front_end *f, uint8_t how)
{
	unsigned queue = how & 1;

	dp_port_vhost_ops.rx_arm(port, queue, how & 2);
	if (how & 4)
		receive(f, queue);
	if (how & 8)
		send_frames(queue, 1 + (how >> 4));
	dispatch(f);
}

/* The input */

static uint8_t take_u8(struct front_end *f)
{
	if (f->n_data == 0)
		return 0;
	f->n_data--;
	return *f->data++;
}

/* return: how many bytes there are at *ret, n at most. */
static size_t take_bytes(struct front_end *f, size_t n, const uint8_t **ret)
{
	n = RTE_MIN(n, f->n_data);
	*ret = f->data;
	f->data += n;
	f->n_data -= n;
	return n;
}

/* Request, flags, descriptors, length; then the payload. The length that the header says is that of
 * the payload unless the highest bit of the flags lets it be another. */
static void message_step(struct front_end *f)
{
	uint8_t bytes[sizeof(struct vhost_header) + MAX_PAYLOAD];
	uint32_t request = take_u8(f), flags = take_u8(f), which = take_u8(f), n = take_u8(f);
	unsigned n_fds = (which & 7) == 7 ? MANY_FDS : which & 7;
	struct vhost_header h = { request, flags & 0x7f, 0 };
	const uint8_t *payload;

	n |= (uint32_t)take_u8(f) << 8;
	h.size = (uint32_t)take_bytes(f, RTE_MIN(n, (uint32_t)MAX_PAYLOAD), &payload);
	memcpy(bytes + sizeof(h), payload, h.size);
	n = h.size;
	if (flags & 0x80)
		h.size = take_u8(f) * 0x01010101u;
	memcpy(bytes, &h, sizeof(h));
	send_bytes(f, bytes, sizeof(h) + n, f->fds[(which >> 3) % N_DESCRIPTOR_KINDS], n_fds);
}

static void bytes_step(struct front_end *f)
{
	const uint8_t *bytes;
	uint8_t n_max = take_u8(f);
	size_t n = take_bytes(f, n_max, &bytes);

	if (n)
		send_bytes(f, bytes, n, -1, 0);
}

static void write_step(struct front_end *f)
{
	uint64_t at = take_u8(f) | (uint64_t)take_u8(f) << 8;
	const uint8_t *bytes;
	uint8_t n_max = take_u8(f);
	size_t n = take_bytes(f, n_max, &bytes);

	put(f, at, bytes, n);
}

static void truncate_step(struct front_end *f)
{
	(void)!ftruncate(f->fds[OF_MEMORY], take_u8(f) % 17 * PAGE_BYTES);
}

static void step(struct front_end *f)
{
	uint8_t what = take_u8(f);

	connect_to_port(f);
	switch (what % 8) {
	case 0:
		message_step(f);
		break;
	case 1:
		set_up(f, take_u8(f));
		break;
	case 2:
		write_step(f);
		return;
	case 3:
		look(f, take_u8(f));
		return;
	case 4:
		bytes_step(f);
		break;
	case 5:
		truncate_step(f);
		return;
	case 6:
		dp_vhost_tick();
		break;
	default:
		leave(f);
		return;
	}
	/* The upper half says whether the switch comes to it before there is more. */
	if (what < 128)
		dispatch(f);
}

static int memory_of(off_t n)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	CHECK(fd >= 0 && ftruncate(fd, n) == 0);
	return fd;
}

/* What is left open by one front end fills up the lowest numbers. */
static unsigned count_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < FDS_COUNTED; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct front_end f;
	eventfd_t ignored;
	unsigned n_fds;

	if (!v)
		open_port();
	n_fds = count_fds();
	f.socket = -1;
	f.data = data;
	f.n_data = size;
	f.fds[OF_MEMORY] = memory_of(MEMORY_BYTES);
	f.fds[OF_EVENT] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f.fds[OF_NOTHING] = open("/dev/null", O_RDWR | O_CLOEXEC);
	f.fds[OF_ONE_PAGE] = memory_of(PAGE_BYTES);
	while (f.n_data)
		step(&f);
	leave(&f);
	for (unsigned i = 0; i < N_DESCRIPTOR_KINDS; i++)
		close(f.fds[i]);
	(void)eventfd_read(dp.wake_fd, &ignored);
	CHECK(count_fds() == n_fds);
	return 0;
}
