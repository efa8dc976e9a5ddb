/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is wanted: key `sriov:` of the configuration, as structs. Not given is not touched: a field
 * has a meaning only when its bit is in given. Pure data; who fills them from YAML or from the
 * command line is the program's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sriov/host.h"

enum sriov_pf_field {
	SRIOV_PF_NUM_VFS,
	SRIOV_PF_AUTOPROBE,
	SRIOV_PF_ESWITCH,
	SRIOV_PF_INLINE_MODE,
	SRIOV_PF_ENCAP_MODE,
	SRIOV_PF_MTU,
};

enum sriov_vf_field {
	SRIOV_VF_MAC, /* mac, or mac_auto */
	SRIOV_VF_VLAN,
	SRIOV_VF_QOS,
	SRIOV_VF_PROTO,
	SRIOV_VF_TRUNK,
	SRIOV_VF_SPOOFCHK,
	SRIOV_VF_TRUST,
	SRIOV_VF_LINK_STATE,
	SRIOV_VF_MIN_RATE,
	SRIOV_VF_MAX_RATE,
	SRIOV_VF_QUERY_RSS,
	SRIOV_VF_MSIX,
	SRIOV_VF_DRIVER,  /* "" for none: the VF stays unbound */
	SRIOV_VF_HW_ADDR, /* devlink port function */
	SRIOV_VF_FN_STATE,
	SRIOV_VF_FN_TX_MAX, /* devlink rate, Mb/s */
	SRIOV_VF_FN_TX_SHARE,
};

/* A line of vfs:, for VFs first to last. Later lines win, field by field. */
struct sriov_want_vf {
	uint32_t first, last;
	uint32_t given; /* bit per enum sriov_vf_field */
	uint8_t mac[6];
	bool mac_auto; /* stable, locally administered, from the PF's MAC and the VF's index */
	uint16_t vlan;
	uint8_t qos;
	uint16_t vlan_proto;
	char trunk[64]; /* "10,20-29" */
	bool spoofchk, trust, query_rss;
	enum sriov_link_state link_state;
	uint32_t min_tx_rate, max_tx_rate;
	uint32_t msix_vectors;
	char driver[SRIOV_DRIVER_LEN];
	uint8_t hw_addr[6];
	bool fn_active;
	uint32_t fn_tx_max, fn_tx_share;
};

struct sriov_want_pf {
	char name[64];  /* as sriov_host_find takes it */
	uint32_t given; /* bit per enum sriov_pf_field */
	uint32_t num_vfs;
	bool drivers_autoprobe;
	enum sriov_eswitch eswitch;
	char inline_mode[16], encap_mode[16];
	uint32_t mtu;
	struct sriov_want_vf *vfs;
	uint32_t n_vfs;
};

struct sriov_want {
	struct sriov_want_pf *pfs;
	uint32_t n_pfs;
};
