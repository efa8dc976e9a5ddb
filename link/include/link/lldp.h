/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The Link Layer Discovery Protocol (IEEE 802.1AB-2016): what an LLDPDU says, as a struct, to and
 * from frames; and the neighbours that were heard on one link, until their time is up. Pure: frames
 * and time are given. Any thread, one at a time for each object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LLDP_ETHERTYPE     0x88cc
#define LLDP_MAX_FRAME     1514u /* bytes that an encoded frame takes at most */
#define LLDP_TEXT_LEN      256   /* 255 bytes and a 0 */
#define LLDP_MAX_ADDRESSES 8
#define LLDP_MAX_VLANS     32
#define LLDP_MAX_NEIGHBORS 16 /* on one link */

/* 802.1AB-2016, table 8-2 */
enum lldp_chassis_type {
	LLDP_CHASSIS_COMPONENT = 1,
	LLDP_CHASSIS_IFALIAS,
	LLDP_CHASSIS_PORT,
	LLDP_CHASSIS_MAC,
	LLDP_CHASSIS_ADDRESS,
	LLDP_CHASSIS_IFNAME,
	LLDP_CHASSIS_LOCAL,
};

/* 802.1AB-2016, table 8-3 */
enum lldp_port_type {
	LLDP_PORT_IFALIAS = 1,
	LLDP_PORT_COMPONENT,
	LLDP_PORT_MAC,
	LLDP_PORT_ADDRESS,
	LLDP_PORT_IFNAME,
	LLDP_PORT_CIRCUIT,
	LLDP_PORT_LOCAL,
};

/* Bits of capabilities; 802.1AB-2016, table 8-4. */
#define LLDP_CAP_BRIDGE 0x0004

struct lldp_id {
	uint8_t type, n; /* 1 to 255 bytes */
	uint8_t bytes[255];
};

struct lldp_address {
	uint8_t family; /* IANA's address family numbers: 1 IPv4, 2 IPv6, 6 MAC */
	uint8_t n;      /* 1 to 31 bytes */
	uint8_t bytes[31];
	uint8_t if_type; /* of the number: 1 unknown, 2 ifIndex, 3 system port number */
	uint32_t if_number;
};

struct lldp_vlan {
	uint16_t id;
	char name[33];
};

/* What one LLDPDU says. Texts are "" and numbers 0 where it does not say; texts that were decoded
 * are UTF-8 without control characters. */
struct lldp_info {
	struct lldp_id chassis, port;
	uint16_t ttl_s; /* 0: the neighbour is leaving */
	char port_description[LLDP_TEXT_LEN];
	char system_name[LLDP_TEXT_LEN];
	char system_description[LLDP_TEXT_LEN];
	uint16_t capabilities, enabled;
	unsigned n_addresses, n_vlans;
	struct lldp_address addresses[LLDP_MAX_ADDRESSES];
	uint16_t pvid; /* VLAN of untagged frames */
	struct lldp_vlan vlans[LLDP_MAX_VLANS];
	uint16_t max_frame; /* bytes, with header and FCS */
};

/**
 * Write a whole Ethernet frame, to the nearest bridge. Of what is optional, what does not fit is
 * left out.
 *
 * shape:   ret[LLDP_MAX_FRAME]; source is the address of who sends
 * return:  bytes, at least 60
 * errors:  -EINVAL (an id is empty)
 */
int lldp_encode(const struct lldp_info *info, const uint8_t source[6], uint8_t *ret);

/** The same as a shutdown LLDPDU: the two ids and a TTL of 0 (802.1AB-2016, 9.1.2.2 c). */
int lldp_encode_shutdown(const struct lldp_info *info, const uint8_t source[6], uint8_t *ret);

/** Whether it is a frame of LLDP, by its type and any of the three addresses. */
bool lldp_is_frame(const uint8_t *frame, size_t n);

/**
 * Read a frame. What is not known is skipped, and an optional part that is not well formed is left
 * out; that the mandatory three are not there, or anything beyond its length, refuses the whole
 * (802.1AB-2016, 9.2.7.7.1).
 *
 * errors:  -EBADMSG; *ret is then undefined
 */
int lldp_decode(const uint8_t *frame, size_t n, struct lldp_info *ret);

/** As people read it: an address, a text, or hexadecimal digits. shape: ret[size], size >= 16 */
void lldp_chassis_text(const struct lldp_id *id, char *ret, size_t size);
void lldp_port_text(const struct lldp_id *id, char *ret, size_t size);
void lldp_address_text(const struct lldp_address *address, char *ret, size_t size);

struct lldp_neighbor {
	struct lldp_info info;
	uint8_t source[6];
	uint64_t heard_ns, expires_ns;
};

struct lldp_neighbors {
	unsigned n;
	struct lldp_neighbor *of[LLDP_MAX_NEIGHBORS];
	/* since the beginning */
	uint64_t n_received, n_discarded; /* frames; of them, that could not be read */
	uint64_t n_aged;                  /* neighbours that fell silent */
	uint64_t n_full;                  /* frames of neighbours beyond LLDP_MAX_NEIGHBORS */
};

/**
 * Take in a frame of the link.
 *
 * return:  1 when a neighbour came, 0 when one said something again or left
 * errors:  -EBADMSG, -ENOSPC, -ENOMEM; counted
 */
int lldp_neighbors_take(
	struct lldp_neighbors *neighbors, const uint8_t *frame, size_t n, uint64_t now_ns);

/** Forget who was not heard for their TTL. return: how many. */
unsigned lldp_neighbors_age(struct lldp_neighbors *neighbors, uint64_t now_ns);

/** Forget all. */
void lldp_neighbors_done(struct lldp_neighbors *neighbors);
