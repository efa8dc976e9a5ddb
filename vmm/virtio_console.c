/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-console, in the loop of the slow devices. What the guest writes and nobody takes is lost:
 * its driver waits, spinning, for every write, so a pty that nobody reads must not hold it up. What
 * it does not read waits where it is.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>

#include "virtio_console.h"

#define RECEIVE  0
#define TRANSMIT 1

struct port {
	struct vmm_virtio virtio;
	struct virtio_console_config config;
	struct vmm_source input; /* fd -1: none, or at its end */
	bool listens;
	int out_fd;
};

/* The descriptors are others' too (a terminal of a shell), so they may block: a pipe with room
 * takes PIPE_BUF bytes without that. */
static void write_piece(int fd, const struct iovec *iov)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	for (size_t done = 0; done < iov->iov_len && poll(&p, 1, 0) == 1;) {
		size_t left = iov->iov_len - done;
		ssize_t n = write(fd, (const uint8_t *)iov->iov_base + done,
			left < PIPE_BUF ? left : PIPE_BUF);

		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

static uint32_t write_out(void *ctx, const struct vmm_chain *chain)
{
	const struct port *c = ctx;

	for (unsigned i = 0; i < chain->n_out; i++)
		write_piece(c->out_fd, &chain->iov[i]);
	return 0;
}

/* Without a buffer of the guest's there is nothing to be woken for. */
static void listen_to_input(struct port *c, bool on)
{
	if (c->input.fd < 0 || on == c->listens)
		return;
	if (on)
		(void)vmm_loop_add(c->virtio.loop, &c->input, EPOLLIN);
	else
		vmm_loop_del(c->virtio.loop, &c->input);
	c->listens = on;
}

static void read_in(struct port *c, struct vmm_virtq *ring, const struct vmm_chain *chain)
{
	ssize_t n = readv(c->input.fd, chain->iov + chain->n_out, (int)chain->n_in);

	if (n > 0) {
		vmm_virtq_push(ring, chain->head, (uint32_t)n);
		return;
	}
	vmm_virtq_unpop(ring);
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		listen_to_input(c, false);
		c->input.fd = -1;
	}
}

/* There is input, for one read: it would wait for more. */
static void receive(struct port *c)
{
	struct vmm_vqueue *q = &c->virtio.queues[RECEIVE];
	struct vmm_chain chain;
	int r = vmm_virtq_pop(&q->ring, &chain);

	if (r > 0 && chain.n_in)
		read_in(c, &q->ring, &chain);
	else if (r > 0)
		vmm_virtq_push(&q->ring, chain.head, 0);
	if (r >= 0)
		vmm_virtio_publish(q);
	/* Out of buffers: a kick tells of the next one. */
	if (r < 0 || (r == 0 && !vmm_virtq_arm(&q->ring)))
		listen_to_input(c, false);
}

static void on_input(void *ctx)
{
	struct port *c = ctx;

	pthread_mutex_lock(&c->virtio.lock);
	if (c->listens && c->virtio.queues[RECEIVE].running)
		receive(c);
	if (c->virtio.queues[RECEIVE].ring.broken)
		vmm_virtio_break(&c->virtio, "a ring that makes no sense");
	pthread_mutex_unlock(&c->virtio.lock);
}

static void serve(void *ctx, unsigned queue)
{
	struct port *c = ctx;

	if (queue == TRANSMIT)
		vmm_virtio_serve(&c->virtio.queues[queue], write_out, c);
	else
		listen_to_input(c, true);
}

static void queue_stop(void *ctx, unsigned queue)
{
	if (queue == RECEIVE)
		listen_to_input(ctx, false);
}

/* virtio 1.2, 5.3.4: a byte for a driver that has no queues yet. */
static void config_write(void *ctx, unsigned offset, const void *from, unsigned n)
{
	struct port *c = ctx;

	if (offset == offsetof(struct virtio_console_config, emerg_wr) && n == 4)
		(void)!write(c->out_fd, from, 1);
}

static const struct vmm_virtio_ops ops = {
	.free = free,
	.queue_stop = queue_stop,
	.queue_serve = serve,
	.config_write = config_write,
};

int vmm_virtio_console_new(
	struct vmm_virtio_set *set, const struct vmm_virtio_console_conf *conf, struct sh_err *err)
{
	struct port *c = calloc(1, sizeof(*c));

	if (!c)
		return sh_err_set(err, -ENOMEM, "out of memory");
	c->input = (struct vmm_source){ conf->in_fd, on_input, c };
	c->out_fd = conf->out_fd;
	c->virtio = (struct vmm_virtio){
		.name = "console",
		.ops = &ops,
		.ctx = c,
		.type = VIRTIO_ID_CONSOLE,
		.class_code = 0x078000,
		.n_queues = 2,
		.queue_size = 64,
		.features = VMM_BIT(VIRTIO_CONSOLE_F_EMERG_WRITE),
		.config = &c->config,
		.config_bytes = sizeof(c->config),
	};
	return vmm_virtio_add(set, &c->virtio, err);
}
