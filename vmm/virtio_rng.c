/* SPDX-License-Identifier: BSD-3-Clause
 *
 * virtio-rng. Runs in the loop of the slow devices; getrandom does not wait once the host is up.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <linux/virtio_ids.h>

#include "virtio_rng.h"

#define MAX_BYTES 4096u /* a request; a driver that wants more asks again */

struct vmm_rng {
	struct vmm_virtio virtio;
};

static uint32_t fill(void *ctx, const struct vmm_chain *chain)
{
	uint32_t done = 0;

	for (unsigned i = 0; i < chain->n_in && done < MAX_BYTES; i++) {
		const struct iovec *iov = &chain->iov[chain->n_out + i];
		uint32_t left = MAX_BYTES - done;
		ssize_t n = getrandom(iov->iov_base, iov->iov_len < left ? iov->iov_len : left, 0);

		if (n <= 0)
			break;
		done += (uint32_t)n;
	}
	return done;
}

static void serve(void *ctx, unsigned queue)
{
	struct vmm_rng *rng = ctx;

	vmm_virtio_serve(&rng->virtio.queues[queue], fill, rng);
}

static const struct vmm_virtio_ops ops = { .free = free, .queue_serve = serve };

int vmm_rng_new(struct vmm_virtio_set *set, struct sh_err *err)
{
	struct vmm_rng *rng = calloc(1, sizeof(*rng));

	if (!rng)
		return sh_err_set(err, -ENOMEM, "out of memory");
	rng->virtio = (struct vmm_virtio){
		.name = "rng",
		.ops = &ops,
		.ctx = rng,
		.type = VIRTIO_ID_RNG,
		.class_code = 0x00ff00,
		.n_queues = 1,
		.queue_size = 64,
	};
	return vmm_virtio_add(set, &rng->virtio, err);
}
