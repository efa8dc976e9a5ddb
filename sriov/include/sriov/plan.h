/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The steps from what is to what is wanted, in the order in which a kernel takes them. Pure: made
 * from structs, performed by apply.c, printed by the program. Every step carries the value before
 * it, so that it can be undone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sriov/host.h"
#include "sriov/want.h"

enum sriov_op {
	SRIOV_OP_NUM_VFS,
	SRIOV_OP_ESWITCH,
	SRIOV_OP_INLINE_MODE,
	SRIOV_OP_ENCAP_MODE,
	SRIOV_OP_MTU,
	SRIOV_OP_AUTOPROBE,
	SRIOV_OP_UNBIND,
	SRIOV_OP_MSIX,
	SRIOV_OP_ATTRS,    /* attributes of one VF, all in one message */
	SRIOV_OP_FN_RATE,  /* devlink's rate of its function */
	SRIOV_OP_FUNCTION, /* devlink's address and state of its function */
	SRIOV_OP_BIND,     /* word "": whatever driver the kernel chooses */
};

/* What a step does to VFs that someone runs. */
enum sriov_disturb {
	SRIOV_DISTURBS_NOBODY,
	SRIOV_DISTURBS_TRAFFIC, /* a VF in use changes under its user */
	SRIOV_DISTURBS_OWNER,   /* a VF goes away, or its driver does */
};

/* What the user permits beyond calm steps; bits. */
#define SRIOV_ALLOW_TRAFFIC    1u
#define SRIOV_ALLOW_DISRUPTIVE 3u /* with traffic */
#define SRIOV_ALLOW_FORCE      4u /* the NIC that carries the default route */

struct sriov_step {
	enum sriov_op op;
	char address[SRIOV_ADDRESS_LEN]; /* of the PF */
	char pf[SRIOV_ADDRESS_LEN];      /* as the user sees it: the netdev, else the address */
	char pf_driver[SRIOV_DRIVER_LEN];
	int vf;         /* -1: the PF itself */
	bool fresh;     /* the VF is one that this plan makes */
	bool wait_link; /* of the PF: making VFs may have reset it, and rates need it */
	uint32_t sets;  /* of ATTRS, FN_RATE, FUNCTION: bit per enum sriov_attr */
	struct sriov_vf vf_from, vf_to;
	uint32_t number_from, number_to;
	char word_from[SRIOV_DRIVER_LEN], word_to[SRIOV_DRIVER_LEN];
	char text[384]; /* "vlan 0 -> 100, spoofchk off -> on" */
	enum sriov_disturb disturbs;
	char *users;      /* whom; NULL: nobody that is known by name */
	bool needs_force; /* interrupts the NIC that carries the default route */
};

struct sriov_plan {
	struct sriov_step *steps;
	uint32_t n;
};

/**
 * Plan the way from now to wanted.
 *
 * return:  0; nothing to do is a plan of no steps
 * errors:  -EINVAL, -ERANGE, -EBUSY, -EOPNOTSUPP: what is wanted cannot be, err says why; -ENOENT
 * (no such PF), -ENODEV (its driver or its interface is not there, perhaps yet); -ENOMEM. *ret is
 * untouched thread:  any; pure
 */
int sriov_plan_new(const struct sriov_host *now, const struct sriov_want *want,
	struct sriov_plan **ret, struct sh_err *err);

/**
 * Plan the way back from now to what this PF was before; values that were read are not questioned.
 *
 * errors:  -ENOENT (the PF is gone), -ENOMEM
 * thread:  any; pure
 */
int sriov_plan_back(const struct sriov_host *now, const struct sriov_pf *before,
	struct sriov_plan **ret, struct sh_err *err);

void sriov_plan_free(struct sriov_plan *plan);
static inline void sriov_plan_freep(struct sriov_plan **plan)
{
	sriov_plan_free(*plan);
}

/**
 * Refuse the steps that the user did not permit.
 *
 * shape:   allow is SRIOV_ALLOW_ bits
 * errors:  -EBUSY, with the step, whom it disturbs, and the option that permits it
 * thread:  any; pure
 */
int sriov_plan_check(const struct sriov_plan *plan, unsigned allow, struct sh_err *err);

/** Write "eth0 vf 2: vlan 0 -> 100" (cut to size). thread: any; pure. */
void sriov_step_print(const struct sriov_step *step, char *text, size_t size);

/** The name of an attribute in the configuration: "vlan". thread: any. */
const char *sriov_attr_name(enum sriov_attr attr);
const char *sriov_link_state_name(enum sriov_link_state state);
const char *sriov_eswitch_name(enum sriov_eswitch mode);

/** return: whether the attribute has one value in both. thread: any; pure. */
bool sriov_attr_equal(enum sriov_attr attr, const struct sriov_vf *a, const struct sriov_vf *b);

/** The MAC that `mac: auto` means: unicast, locally administered, its last byte the index. */
void sriov_mac_auto(const uint8_t pf_mac[6], uint32_t vf, uint8_t ret[6]);

/** return: whether this driver gives a VF to a user space program or a VM. thread: any; pure. */
bool sriov_driver_passes_through(const char *driver);
