/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Four virtual machines in one thread, on virtio-user ports in the order of their --vdev: the first
 * floods the second with as many 64-byte frames as the switch takes, and the third sends the fourth
 * one frame a millisecond. How long each of these was on its way is counted from the time that it
 * was due, not from when it left, so that a delay of ours hides none of the switch's.
 *
 * flood EAL-OPTION... -- SECONDS    prints one JSON object; tests/bench/flood.py starts it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

enum {
	FLOODER,
	FLOODED,
	SENDER,
	RECEIVER,
	N_PORTS
};

#define BURST         32
#define RING_SIZE     1024
#define FRAME_BYTES   64
#define ETHERTYPE     0x88b5 /* IEEE 802, for local experiments */
#define SOCKET        ((unsigned)SOCKET_ID_ANY)
#define PER_SECOND    1000
#define MAX_SECONDS   60
#define HELLO_SECONDS 20
#define WARM_SECONDS  1
#define TAIL_SECONDS  1 /* later than that a frame is lost */
#define NO_NUMBER     UINT32_MAX
#define NEVER         UINT64_MAX

struct wire_frame {
	struct rte_ether_addr dst, src;
	rte_be16_t type;
	uint16_t unused;
	uint32_t number, unused_too;
	uint64_t due_tsc;
	uint8_t rest[FRAME_BYTES - 32];
};
_Static_assert(sizeof(struct wire_frame) == FRAME_BYTES, "no holes");

struct flood {
	struct rte_mempool *pool, *flood_pool; /* the frames of the latter are never written to */
	uint64_t hz;
	struct rte_mbuf *waiting[BURST]; /* of the flood: made, and not yet taken by the ring */
	unsigned n_waiting;
	uint64_t n_flooded, n_passed;
	uint64_t last_tsc, longest_tsc; /* between two rounds: what the machine alone delays */
	uint32_t n_measured, n_received;
	uint64_t *tsc; /* [n_measured], from due to there, or NEVER */
	double offered_mpps, passed_mpps, longest_us;
};

static void die(const char *what)
{
	fprintf(stderr, "flood: %s\n", what);
	exit(1);
}

static void write_frame(struct wire_frame *f, unsigned from, unsigned to)
{
	memset(f, 0, sizeof(*f));
	f->src = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, (uint8_t)(10 + from) } };
	f->dst = (struct rte_ether_addr){ { 2, 0, 0, 0, 0, (uint8_t)(10 + to) } };
	f->type = rte_cpu_to_be_16(ETHERTYPE);
	f->number = NO_NUMBER;
}

static void fill_flood_mbuf(struct rte_mempool *pool, void *unused, void *obj, unsigned index)
{
	struct rte_mbuf *m = obj;

	rte_pktmbuf_reset(m);
	write_frame(rte_pktmbuf_mtod(m, struct wire_frame *), FLOODER, FLOODED);
}

static void start_port(uint16_t port, struct rte_mempool *pool)
{
	static const struct rte_eth_conf conf;

	if (rte_eth_dev_configure(port, 1, 1, &conf) < 0 ||
		rte_eth_tx_queue_setup(port, 0, RING_SIZE, SOCKET, NULL) < 0 ||
		rte_eth_rx_queue_setup(port, 0, RING_SIZE, SOCKET, NULL, pool) < 0 ||
		rte_eth_dev_start(port) < 0)
		die("a port does not start");
}

static void init(struct flood *f, unsigned seconds)
{
	f->hz = rte_get_tsc_hz();
	f->tsc = calloc(seconds * PER_SECOND, sizeof(*f->tsc));
	f->pool = rte_pktmbuf_pool_create(
		"frames", 16383, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	f->flood_pool = rte_pktmbuf_pool_create(
		"flood", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!f->tsc || !f->pool || !f->flood_pool)
		die("no memory");
	rte_mempool_obj_iter(f->flood_pool, fill_flood_mbuf, NULL);
	for (uint16_t port = 0; port < N_PORTS; port++)
		start_port(port, f->pool);
}

/* Whether the ring took it. */
static bool send_one(struct flood *f, unsigned from, unsigned to, uint32_t number, uint64_t due_tsc)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(f->pool);
	struct wire_frame *frame;

	if (!m)
		return false;
	m->pkt_len = m->data_len = FRAME_BYTES;
	frame = rte_pktmbuf_mtod(m, struct wire_frame *);
	write_frame(frame, from, to);
	frame->number = number;
	frame->due_tsc = due_tsc;
	if (rte_eth_tx_burst((uint16_t)from, 0, &m, 1) == 1)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

static unsigned drain(unsigned port)
{
	struct rte_mbuf *got[BURST];
	uint16_t n = rte_eth_rx_burst((uint16_t)port, 0, got, BURST);

	rte_pktmbuf_free_bulk(got, n);
	return n;
}

/* The switch learns all four addresses, and we that it forwards between them. */
static void say_hello(struct flood *f)
{
	uint64_t end = rte_rdtsc() + HELLO_SECONDS * f->hz, next = 0, now;
	unsigned n_heard = 0;
	bool heard[N_PORTS] = { false };

	while (n_heard < N_PORTS) {
		now = rte_rdtsc();
		if (now > end)
			die("the switch does not forward");
		for (unsigned port = 0; now >= next && port < N_PORTS; port++)
			send_one(f, port, port ^ 1, NO_NUMBER, 0);
		if (now >= next)
			next = now + f->hz / 100;
		for (unsigned port = 0; port < N_PORTS; port++) {
			if (drain(port) == 0 || heard[port])
				continue;
			heard[port] = true;
			n_heard++;
		}
	}
}

static void offer_flood(struct flood *f)
{
	unsigned n = f->n_waiting;
	uint16_t sent;

	if (n < BURST && rte_pktmbuf_alloc_bulk(f->flood_pool, f->waiting + n, BURST - n) == 0)
		n = BURST;
	for (unsigned i = f->n_waiting; i < n; i++)
		f->waiting[i]->pkt_len = f->waiting[i]->data_len = FRAME_BYTES;
	sent = rte_eth_tx_burst(FLOODER, 0, f->waiting, (uint16_t)n);
	f->n_waiting = n - sent;
	memmove(f->waiting, f->waiting + sent, f->n_waiting * sizeof(f->waiting[0]));
	f->n_flooded += sent;
}

static void receive(struct flood *f)
{
	struct rte_mbuf *got[BURST];
	uint16_t n = rte_eth_rx_burst(RECEIVER, 0, got, BURST);
	uint64_t now = rte_rdtsc();

	for (uint16_t i = 0; i < n; i++) {
		const struct wire_frame *frame =
			rte_pktmbuf_mtod(got[i], const struct wire_frame *);

		if (frame->type == rte_cpu_to_be_16(ETHERTYPE) && frame->number < f->n_measured &&
			f->tsc[frame->number] == NEVER) {
			f->tsc[frame->number] = now - frame->due_tsc;
			f->n_received++;
		}
		rte_pktmbuf_free(got[i]);
	}
}

/* One round of all but the small stream's sender. */
static void step(struct flood *f)
{
	uint64_t now = rte_rdtsc();

	f->longest_tsc = RTE_MAX(f->longest_tsc, now - f->last_tsc);
	f->last_tsc = now;
	offer_flood(f);
	f->n_passed += drain(FLOODED);
	(void)drain(FLOODER);
	(void)drain(SENDER);
	receive(f);
}

static void run_until(struct flood *f, uint64_t tsc)
{
	while (rte_rdtsc() < tsc)
		step(f);
}

static double us(const struct flood *f, uint64_t tsc)
{
	return (double)tsc * 1e6 / (double)f->hz;
}

static void measure(struct flood *f, unsigned seconds)
{
	uint64_t begin = rte_rdtsc(), due = begin;

	f->n_flooded = f->n_passed = f->longest_tsc = 0;
	f->n_measured = seconds * PER_SECOND;
	for (uint32_t i = 0; i < f->n_measured; i++) {
		due = begin + i * f->hz / PER_SECOND;
		f->tsc[i] = NEVER;
		run_until(f, due);
		while (!send_one(f, SENDER, RECEIVER, i, due))
			step(f);
	}
	run_until(f, begin + seconds * f->hz);
	f->offered_mpps = (double)f->n_flooded / seconds / 1e6;
	f->passed_mpps = (double)f->n_passed / seconds / 1e6;
	f->longest_us = us(f, f->longest_tsc);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Of those that arrived, which the sort has put first. */
static double percentile_us(const struct flood *f, double percent)
{
	return us(f, f->tsc[(unsigned)((f->n_received - 1) * percent / 100)]);
}

static void print(struct flood *f)
{
	if (f->n_received == 0)
		die("nothing of the small stream arrived");
	qsort(f->tsc, f->n_measured, sizeof(*f->tsc), compare);
	printf("{\"sent\": %u, \"lost\": %u, \"p50\": %.1f, \"p99\": %.1f, ", f->n_measured,
		f->n_measured - f->n_received, percentile_us(f, 50), percentile_us(f, 99));
	printf("\"p99.9\": %.1f, \"max\": %.1f, ", percentile_us(f, 99.9), percentile_us(f, 100));
	printf("\"offered\": %.3f, \"passed\": %.3f, \"generator\": %.1f}\n", f->offered_mpps,
		f->passed_mpps, f->longest_us);
}

int main(int argc, char **argv)
{
	struct flood f = { 0 };
	unsigned seconds;
	int n_eal = rte_eal_init(argc, argv);

	if (n_eal < 0 || n_eal + 1 >= argc)
		die("usage: flood EAL-OPTION... -- SECONDS");
	seconds = (unsigned)strtoul(argv[n_eal + 1], NULL, 10);
	if (seconds == 0 || seconds > MAX_SECONDS || rte_eth_dev_count_avail() != N_PORTS)
		die("1 to 60 seconds and 4 ports");
	init(&f, seconds);
	say_hello(&f);
	run_until(&f, rte_rdtsc() + WARM_SECONDS * f.hz);
	measure(&f, seconds);
	run_until(&f, rte_rdtsc() + TAIL_SECONDS * f.hz);
	print(&f);
	rte_eal_cleanup();
	return 0;
}
