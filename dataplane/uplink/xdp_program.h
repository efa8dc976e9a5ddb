/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The XDP program of an interface (xdp.bpf.c): loaded, told what to do, attached by a link that
 * ends with the process, however that ends. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/vlan.h"
#include "uplink/xdp_shared.h"

struct xdp_program;

/** errors: -EPERM (needs CAP_BPF and CAP_NET_ADMIN), -errno of the kernel that refuses it. */
int xdp_program_new(struct xdp_program **ret);

/** Detaches it. */
void xdp_program_free(struct xdp_program *p);

struct xdp_other {
	uint32_t id;     /* 0: there is none */
	char name[16];   /* "": it has none, or it takes more capabilities to know */
	const char *how; /* as ip-link(8) has it: xdp, xdpgeneric, xdpoffload */
};

/** The XDP program that an interface has. errors: -errno. */
int xdp_program_other(int ifindex, struct xdp_other *ret);

/** errors: -EBUSY (another program is there), -EOPNOTSUPP and others of the driver. */
int xdp_program_attach(struct xdp_program *p, int ifindex, bool generic);
void xdp_program_detach(struct xdp_program *p);

/** Frames of a queue that are the switch's go to this socket from now on. */
int xdp_program_set_socket(struct xdp_program *p, unsigned queue, int fd);

void xdp_program_set_host(struct xdp_program *p, enum xdp_host host);

/** Whether the switch speaks slow protocols (LACP) here: the host then gets none of their frames.
 */
void xdp_program_set_slow(struct xdp_program *p, bool speaks);

/** shape: mac[6] is the interface's; bit 0 of vlans is untagged */
void xdp_program_set_own(
	struct xdp_program *p, const uint8_t *mac, const uint64_t vlans[DP_VLAN_WORDS]);

/** untagged: the switch's VLAN of untagged frames */
void xdp_program_set_switch_vlans(
	struct xdp_program *p, const uint64_t vlans[DP_VLAN_WORDS], uint16_t untagged);

/** An address of the switch's other ports comes or goes; key as dp_fdb_key makes it. */
void xdp_program_set_vm(struct xdp_program *p, uint64_t key, bool there);
void xdp_program_forget_vms(struct xdp_program *p);

/** A filter for a packet socket: frames that the switch shares with the host. */
int xdp_program_filter(const struct xdp_program *p);

void xdp_program_counters(const struct xdp_program *p, struct xdp_counter ret[XDP_N_COUNTS]);
