/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A host with two PFs, eth0 and eth1, as a test changes it.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sriov/host.h"

#define ALL_ATTRS                                                                                  \
	(1u << SRIOV_MAC | 1u << SRIOV_VLAN | 1u << SRIOV_SPOOFCHK | 1u << SRIOV_TRUST |           \
		1u << SRIOV_LINK_STATE | 1u << SRIOV_RATE | 1u << SRIOV_QUERY_RSS |                \
		1u << SRIOV_MSIX)

#define HAND_VFS 16 /* of each PF, at most */

struct hand_host {
	struct sriov_host host;
	struct sriov_pf pfs[2];
	struct sriov_vf vfs[2][HAND_VFS];
};

/* A VF as a driver makes it. */
static inline void hand_vf(struct hand_host *hand, unsigned pf, unsigned i)
{
	struct sriov_vf *vf = &hand->vfs[pf][i];

	*vf = (struct sriov_vf){ .index = i,
		.iommu_group = (int)(pf * 100 + i),
		.known = ALL_ATTRS,
		.vlan_proto = 0x8100,
		.spoofchk = true,
		.msix_vectors = 3,
		.mac = { 0x0a, 0, 0, 0, (uint8_t)pf, (uint8_t)i } };
	snprintf(vf->address, sizeof(vf->address), "0000:%02x:10.%x", 1 + pf, i & 7);
	if (i > 7)
		snprintf(vf->address, sizeof(vf->address), "0000:%02x:11.%x", 1 + pf, i & 7);
}

static inline void hand_enable(struct hand_host *hand, unsigned pf, unsigned n)
{
	hand->pfs[pf].n_vfs = n;
	for (unsigned i = 0; i < n; i++) {
		hand_vf(hand, pf, i);
		if (hand->pfs[pf].drivers_autoprobe)
			strcpy(hand->vfs[pf][i].driver, "igbvf");
	}
}

static inline void hand_init(struct hand_host *hand)
{
	memset(hand, 0, sizeof(*hand));
	hand->host.pfs = hand->pfs;
	hand->host.n_pfs = 2;
	for (unsigned k = 0; k < 2; k++) {
		struct sriov_pf *pf = &hand->pfs[k];

		snprintf(pf->address, sizeof(pf->address), "0000:%02x:00.0", 1 + k);
		snprintf(pf->netdev, sizeof(pf->netdev), "eth%u", k);
		strcpy(pf->driver, "igb");
		pf->ifindex = 2 + k;
		pf->vendor = 0x8086;
		pf->device = 0x10c9;
		memcpy(pf->mac, (uint8_t[]){ 0x52, 0x54, 0, 0, 0, (uint8_t)k }, 6);
		pf->numa_node = -1;
		pf->link_up = true;
		pf->link_mbps = 1000;
		pf->mtu = 1500;
		pf->total_vfs = HAND_VFS;
		pf->drivers_autoprobe = true;
		pf->vfs = hand->vfs[k];
	}
}
