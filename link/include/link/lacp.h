/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The Link Aggregation Control Protocol (IEEE 802.1AX-2014, 6.4): one aggregator and the ports that
 * may belong to it. Pure: frames and time are given, and frames to be sent are asked for. After any
 * call that takes `now` comes lacp_run, then lacp_poll for each port until it has nothing more. One
 * owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LACP_ETHERTYPE   0x8809 /* of all slow protocols */
#define LACP_FRAME_BYTES 124u   /* of a frame without FCS */
#define LACP_MAX_PORTS   8

/* Bits of a party's state; 6.4.2.3 */
#define LACP_ACTIVITY        0x01
#define LACP_SHORT_TIMEOUT   0x02
#define LACP_AGGREGATION     0x04
#define LACP_SYNCHRONIZATION 0x08
#define LACP_COLLECTING      0x10
#define LACP_DISTRIBUTING    0x20
#define LACP_DEFAULTED       0x40
#define LACP_EXPIRED         0x80

/* What a party says of itself and of the other. */
struct lacp_party {
	uint16_t system_priority;
	uint8_t system[6];
	uint16_t key;
	uint16_t port_priority;
	uint16_t port;
	uint8_t state;
};

struct lacp_pdu {
	struct lacp_party actor, partner;
};

/** shape: ret[LACP_FRAME_BYTES]; source is the address of who sends */
void lacp_encode(const struct lacp_pdu *pdu, const uint8_t source[6], uint8_t *ret);

/** errors: -EBADMSG: another frame, a version 0, a TLV of another length, or too short */
int lacp_decode(const uint8_t *frame, size_t n, struct lacp_pdu *ret);

enum lacp_rx {
	LACP_RX_DISABLED,
	LACP_RX_EXPIRED,   /* nothing heard lately, or yet */
	LACP_RX_DEFAULTED, /* there is nobody */
	LACP_RX_CURRENT,
};

enum lacp_mux {
	LACP_MUX_DETACHED,
	LACP_MUX_WAITING,
	LACP_MUX_ATTACHED,
	LACP_MUX_COLLECTING_DISTRIBUTING,
};

struct lacp_conf {
	uint16_t system_priority;
	uint8_t system[6];
	uint16_t key;   /* of the aggregator; a port's has its speed in it as well */
	bool is_active; /* else it answers alone */
	bool is_fast;   /* asks its partner to speak every second, and waits 3 s, not 90 */
};

struct lacp_port_conf {
	bool is_enabled; /* it has a link */
	uint16_t port, priority;
	uint32_t speed_mbps; /* ports of different speeds are not aggregated */
	uint8_t source[6];   /* address that its frames come from */
};

struct lacp_port {
	bool exists, is_enabled;
	uint8_t source[6];
	struct lacp_party actor, partner;
	enum lacp_rx rx;
	enum lacp_mux mux;
	bool is_selected;
	uint64_t expires_ns;  /* current_while */
	uint64_t wait_ns;     /* wait_while; of WAITING */
	uint64_t periodic_ns; /* 0: none */
	bool is_periodic_fast;
	bool needs_to_transmit; /* NTT */
	uint64_t sent_ns[3];    /* the latest, for the limit of 3 a second */
	bool has_marker;        /* somebody waits for an answer to it */
	uint8_t marker[LACP_FRAME_BYTES];
	uint64_t n_sent, n_received, n_discarded;
};

struct lacp {
	struct lacp_conf conf;
	struct lacp_port ports[LACP_MAX_PORTS];
};

void lacp_init(struct lacp *lacp, const struct lacp_conf *conf);

/** Another configuration; ports negotiate anew where it matters. */
void lacp_set(struct lacp *lacp, const struct lacp_conf *conf);

/** Make a port, or say what is true of it now. shape: slot < LACP_MAX_PORTS */
void lacp_port_set(
	struct lacp *lacp, unsigned slot, const struct lacp_port_conf *conf, uint64_t now_ns);
void lacp_port_del(struct lacp *lacp, unsigned slot);

/** Take in a frame. errors: -EBADMSG, counted; -ENOENT (no such port, or without a link) */
int lacp_receive(struct lacp *lacp, unsigned slot, const uint8_t *frame, size_t n, uint64_t now_ns);

/** What time does, who belongs together, who may send. */
void lacp_run(struct lacp *lacp, uint64_t now_ns);

/** The next frame that a port has to send. return: bytes, 0: none. shape: ret[LACP_FRAME_BYTES] */
unsigned lacp_poll(struct lacp *lacp, unsigned slot, uint64_t now_ns, uint8_t *ret);

/** When lacp_run and lacp_poll have something to do by time alone; UINT64_MAX: never. */
uint64_t lacp_next_ns(const struct lacp *lacp);

/**
 * A frame by which the partner takes the port out at once: it is about to go.
 *
 * return:  bytes, 0: nobody is there who would hear it
 */
unsigned lacp_farewell(const struct lacp *lacp, unsigned slot, uint8_t *ret);

/** Frames may be taken from, and sent by, the port. */
static inline bool lacp_is_in_use(const struct lacp *lacp, unsigned slot)
{
	return lacp->ports[slot].mux == LACP_MUX_COLLECTING_DISTRIBUTING;
}

/** Some port has a link, and on none of those anybody speaks LACP. */
bool lacp_is_alone(const struct lacp *lacp);
