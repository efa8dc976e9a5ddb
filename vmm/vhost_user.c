/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The front end's side of vhost-user. Until the back end has said what it offers, questions and
 * answers are events of the loop. Afterwards it is ready, and who tells it something waits for its
 * answer, not longer than ANSWER_MS: an answer says that the back end is done with the old memory
 * or ring, so no register access may end before it. Guest physical addresses serve as "user
 * addresses": the back end needs none that mean something here.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "vhost_user.h"

#define BIT(n)    (UINT64_C(1) << (n))
#define ANSWER_MS 5000

#define P_MQ        0
#define P_RARP      2
#define P_REPLY_ACK 3
#define P_NET_MTU   4

#define PROTOCOL_FEATURES (BIT(P_MQ) | BIT(P_RARP) | BIT(P_REPLY_ACK) | BIT(P_NET_MTU))

static bool has(const struct vmm_vhost *v, unsigned protocol_feature)
{
	return v->protocol_features & BIT(protocol_feature);
}

static int send_u64(struct vmm_vhost *v, uint32_t request, uint64_t value)
{
	return vhost_send(v->socket.fd, request, 0, &value, sizeof(value), NULL, 0);
}

/* Until it is ready */

static void fail(struct vmm_vhost *v, int code)
{
	/* That it leaves is no failure. */
	if (code != -ECONNRESET && code != -EPIPE)
		sh_log_warn("device '%s': '%s' does not keep to vhost-user: %s: hung up", v->name,
			v->path, strerror(-code));
	vmm_vhost_hang_up(v, code != -ECONNRESET && code != -EPIPE);
}

static int ask(struct vmm_vhost *v, uint32_t request)
{
	v->asked = request;
	return vhost_send(v->socket.fd, request, 0, NULL, 0, NULL, 0);
}

static void become_ready(struct vmm_vhost *v)
{
	v->is_ready = true;
	v->has_said = false;
	sh_log_notice("device '%s': connected to '%s'", v->name, v->path);
	v->ops->ready(v->ctx);
}

static int on_features(struct vmm_vhost *v, uint64_t value)
{
	v->features = value;
	if (value & BIT(VHOST_F_PROTOCOL_FEATURES))
		return ask(v, VHOST_USER_GET_PROTOCOL_FEATURES);
	become_ready(v);
	return 0;
}

static int on_protocol_features(struct vmm_vhost *v, uint64_t value)
{
	int r;

	v->protocol_features = value & PROTOCOL_FEATURES;
	r = send_u64(v, VHOST_USER_SET_PROTOCOL_FEATURES, v->protocol_features);
	if (r == 0 && has(v, P_MQ))
		return ask(v, VHOST_USER_GET_QUEUE_NUM);
	if (r == 0)
		become_ready(v);
	return r;
}

static int on_answer(struct vmm_vhost *v, uint64_t value)
{
	switch (v->asked) {
	case VHOST_USER_GET_FEATURES:
		return on_features(v, value);
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		return on_protocol_features(v, value);
	default: /* VHOST_USER_GET_QUEUE_NUM */
		if (value == 0)
			return -EPROTO;
		v->n_pairs = value < UINT16_MAX ? (unsigned)value : UINT16_MAX;
		become_ready(v);
		return 0;
	}
}

/* A back end that is ready says nothing unasked. */
static int look_for_end(const struct vmm_vhost *v)
{
	uint8_t byte;
	ssize_t n = recv(v->socket.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n > 0)
		return -EPROTO;
	if (n == 0)
		return -ECONNRESET;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

static void on_socket(void *ctx)
{
	struct vmm_vhost *v = ctx;
	uint64_t value = 0;
	int r;

	pthread_mutex_lock(v->lock);
	if (v->socket.fd >= 0) {
		r = v->is_ready ? look_for_end(v)
				: vhost_read(v->socket.fd, v->asked, &v->answer, &value);
		if (r > 0)
			r = on_answer(v, value);
		if (r < 0)
			fail(v, r);
	}
	pthread_mutex_unlock(v->lock);
}

void vmm_vhost_connected(struct vmm_vhost *v, int fd)
{
	int r;

	v->socket = (struct vmm_source){ fd, on_socket, v };
	v->answer.n_read = 0;
	v->protocol_features = 0;
	v->n_pairs = 1;
	r = vmm_loop_add(v->loop, &v->socket, EPOLLIN);
	if (r == 0)
		r = vhost_send(fd, VHOST_USER_SET_OWNER, 0, NULL, 0, NULL, 0);
	if (r == 0)
		r = ask(v, VHOST_USER_GET_FEATURES);
	if (r < 0)
		fail(v, r);
}

static bool disconnect(struct vmm_vhost *v)
{
	bool was_ready = v->is_ready;

	if (v->socket.fd >= 0) {
		vmm_loop_del(v->loop, &v->socket);
		close(v->socket.fd);
	}
	v->socket.fd = -1;
	v->is_ready = false;
	return was_ready;
}

void vmm_vhost_hang_up(struct vmm_vhost *v, bool failed)
{
	if (v->socket.fd < 0)
		return;
	/* One that leaves without a word is not asked again at once. */
	if (!disconnect(v))
		failed = true;
	else
		v->ops->lost(v->ctx);
	vmm_vhost_search_again(v, failed);
}

int vmm_vhost_open(struct vmm_vhost *v)
{
	v->socket.fd = -1;
	return vmm_vhost_search(v);
}

void vmm_vhost_close(struct vmm_vhost *v)
{
	disconnect(v);
	vmm_vhost_search_end(v);
}

/* Once it is ready */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int wait_answer(struct vmm_vhost *v, uint32_t request, uint64_t *ret)
{
	int64_t deadline = now_ms() + ANSWER_MS;

	for (;;) {
		struct pollfd p = { .fd = v->socket.fd, .events = POLLIN };
		int r = vhost_read(v->socket.fd, request, &v->answer, ret);
		int64_t left = deadline - now_ms();

		if (r != 0)
			return r < 0 ? r : 0;
		if (left <= 0)
			return -ETIMEDOUT;
		(void)poll(&p, 1, (int)left);
	}
}

/* Send it, and wait until the back end has done it, if it can say so. */
static int tell(struct vmm_vhost *v, uint32_t request, const void *payload, uint32_t size,
	const int *fds, unsigned n_fds)
{
	uint64_t refused = 0;
	int r = vhost_send(v->socket.fd, request, has(v, P_REPLY_ACK) ? VHOST_NEED_REPLY : 0,
		payload, size, fds, n_fds);

	if (r == 0 && has(v, P_REPLY_ACK))
		r = wait_answer(v, request, &refused);
	return r == 0 && refused ? -EREMOTEIO : r;
}

static int send_memory(struct vmm_vhost *v)
{
	struct vhost_regions m = { .n = v->mem->n_regions };
	int fds[VMM_MEM_REGIONS];

	for (unsigned i = 0; i < m.n; i++) {
		const struct vmm_mem_region *region = &v->mem->regions[i];

		m.regions[i] = (struct vhost_region){ region->gpa, region->size, region->gpa,
			region->offset };
		fds[i] = v->mem->fd;
	}
	return tell(v, VHOST_USER_SET_MEM_TABLE, &m,
		(uint32_t)(offsetof(struct vhost_regions, regions) + m.n * sizeof(m.regions[0])),
		fds, m.n);
}

int vmm_vhost_start(struct vmm_vhost *v, uint64_t features, uint16_t mtu)
{
	uint64_t mine = features | BIT(VHOST_F_PROTOCOL_FEATURES);
	int r = send_u64(v, VHOST_USER_SET_FEATURES, mine & v->features);

	if (r == 0 && mtu && has(v, P_NET_MTU))
		r = send_u64(v, VHOST_USER_NET_SET_MTU, mtu);
	return r == 0 ? send_memory(v) : r;
}

static int send_state(struct vmm_vhost *v, uint32_t request, unsigned ring, uint32_t num)
{
	const struct vhost_state state = { ring, num };

	return vhost_send(v->socket.fd, request, 0, &state, sizeof(state), NULL, 0);
}

static int send_event(struct vmm_vhost *v, uint32_t request, unsigned ring, int fd)
{
	uint64_t value = fd >= 0 ? ring : ring | VHOST_VRING_NOFD;

	return vhost_send(v->socket.fd, request, 0, &value, sizeof(value), &fd, fd >= 0);
}

int vmm_vhost_ring_call(struct vmm_vhost *v, unsigned ring, int call_fd)
{
	return send_event(v, VHOST_USER_SET_VRING_CALL, ring, call_fd);
}

int vmm_vhost_ring_enable(struct vmm_vhost *v, unsigned ring, bool on)
{
	const struct vhost_state state = { ring, on };

	/* Without protocol features rings are always enabled. */
	if (!(v->features & BIT(VHOST_F_PROTOCOL_FEATURES)))
		return 0;
	return tell(v, VHOST_USER_SET_VRING_ENABLE, &state, sizeof(state), NULL, 0);
}

int vmm_vhost_ring_start(struct vmm_vhost *v, unsigned ring, const struct vmm_vhost_ring *r)
{
	const struct vhost_addr addr = {
		.index = ring, .desc = r->desc_gpa, .avail = r->avail_gpa, .used = r->used_gpa
	};
	int e = send_state(v, VHOST_USER_SET_VRING_NUM, ring, r->size);

	if (e == 0)
		e = send_state(v, VHOST_USER_SET_VRING_BASE, ring, r->base);
	if (e == 0)
		e = vhost_send(
			v->socket.fd, VHOST_USER_SET_VRING_ADDR, 0, &addr, sizeof(addr), NULL, 0);
	if (e == 0)
		e = vmm_vhost_ring_call(v, ring, r->call_fd);
	return e == 0 ? send_event(v, VHOST_USER_SET_VRING_KICK, ring, r->kick_fd) : e;
}

int vmm_vhost_ring_stop(struct vmm_vhost *v, unsigned ring)
{
	uint64_t ignored; /* the used ring says where it has come to */
	int r = send_state(v, VHOST_USER_GET_VRING_BASE, ring, 0);

	return r == 0 ? wait_answer(v, VHOST_USER_GET_VRING_BASE, &ignored) : r;
}

int vmm_vhost_announce(struct vmm_vhost *v, const uint8_t mac[6])
{
	uint64_t value = 0;

	memcpy(&value, mac, 6);
	return has(v, P_RARP) ? send_u64(v, VHOST_USER_SEND_RARP, value) : 0;
}
