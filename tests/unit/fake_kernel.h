/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A kernel with SR-IOV for the tests of sriov/: a thread that answers rtnetlink and devlink on
 * sockets, and a folder that looks like sysfs, procfs and /dev. A write(2) to a file of that sysfs
 * goes to the thread, which does what a kernel would and gives the write its result; so
 * sriov_numvfs makes VFs, bind binds, and each can fail. Faults can be ordered: answers cut short,
 * of another sequence, lost, late or never.
 *
 * The thread and the test share the struct: fake_kernel_lock while changing or reading it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sriov/host.h"
#include "sriov/msg.h"

#define FAKE_MAX_PFS      4
#define FAKE_MAX_REFUSALS 8
#define FAKE_PATH_LEN     128

/* A physical function. What a test leaves 0 is igb's. */
struct fake_pf {
	char address[SRIOV_ADDRESS_LEN]; /* "0000:01:00.0"; VFs follow at 01:10.0, 01:10.2, ... */
	char netdev[IFNAMSIZ];           /* "pf0"; VFs' netdevs are "pf0v0", ... */
	uint32_t ifindex;
	char driver[SRIOV_DRIVER_LEN], vf_driver[SRIOV_DRIVER_LEN];
	uint8_t mac[6];
	uint32_t total_vfs, total_msix, mtu, mbps;
	bool no_carrier, no_autoprobe;
	uint32_t vfs_a_group; /* that share an IOMMU group; default 1 */
	uint32_t has;         /* bit per enum sriov_attr: what the driver tells and takes */
	bool has_eswitch;
	struct sriov_eswitch_modes modes;

	/* State, the thread's */
	uint32_t n_vfs;
	struct sriov_vf vfs[SRIOV_MAX_VFS];
};

enum fake_fault {
	FAKE_NO_FAULT,
	FAKE_TRUNCATED,   /* the answer's last datagram ends in the middle */
	FAKE_WRONG_SEQ,   /* an answer to another question comes first */
	FAKE_ONLY_WRONG,  /* and nothing behind it */
	FAKE_LOST,        /* ENOBUFS instead of the answer */
	FAKE_SILENT,      /* no answer */
	FAKE_INTERRUPTED, /* a dump that a change came into */
	FAKE_GONE,        /* the socket is closed */
};

/* The driver refuses one attribute of VFs, as often as it is set. */
struct fake_refusal {
	uint32_t attrs;       /* bit per enum sriov_attr */
	uint32_t vf;          /* of this VF; UINT32_MAX: of any */
	int code;             /* -EOPNOTSUPP */
	const char *sentence; /* extended acknowledgement; NULL: none */
	unsigned n;           /* this often; 0: always */
};

/* A write below sysfs that fails. */
struct fake_bad_write {
	char file[FAKE_PATH_LEN]; /* the end of its path: "igbvf/unbind" */
	int code;
	bool blocks; /* for ever, instead */
	unsigned n;  /* this often; 0: always */
};

struct fake_kernel {
	char root[FAKE_PATH_LEN]; /* the folder; sys, proc and dev are in it */
	struct sriov_env env;     /* to look at it with */
	struct fake_pf pfs[FAKE_MAX_PFS];
	uint32_t n_pfs;
	enum fake_fault fault;
	unsigned n_faults; /* of the coming answers have the fault */
	struct fake_refusal refusals[FAKE_MAX_REFUSALS];
	struct fake_bad_write bad_writes[FAKE_MAX_REFUSALS];
	bool no_devlink;
	bool no_rights; /* to ask for eswitches */

	/* What was done */
	unsigned n_requests;    /* netlink messages that came */
	unsigned n_vf_requests; /* of them, those that set something of a VF */
	unsigned n_writes;      /* below sysfs */
	char *log;              /* "write FILE TEXT\n", "vf PF N ATTRS-IN-HEX\n", in their order */

	struct fake_kernel_inside *inside;
};

/** A kernel without PFs. A test cannot go on without one: aborts where there is none. */
struct fake_kernel *fake_kernel_new(void);
/** Its folder goes too. */
void fake_kernel_free(struct fake_kernel *k);

void fake_kernel_lock(struct fake_kernel *k);
void fake_kernel_unlock(struct fake_kernel *k);

/** Add a PF; fields that are 0 get defaults. return: it, in k->pfs */
struct fake_pf *fake_kernel_add_pf(struct fake_kernel *k, const struct fake_pf *conf);

/** Make or remove VFs, as a write to sriov_numvfs does. */
void fake_kernel_set_vfs(struct fake_kernel *k, struct fake_pf *pf, uint32_t n);

/** A VF's netdev goes to another network namespace: it is not seen from here any more. */
void fake_kernel_hide_netdev(struct fake_kernel *k, struct fake_pf *pf, uint32_t vf);

/** The PF and its VFs are pulled out. */
void fake_kernel_unplug(struct fake_kernel *k, struct fake_pf *pf);

/** A process that has a file open: "/dev/vfio/11". Its folder in proc. */
void fake_kernel_add_process(
	struct fake_kernel *k, unsigned pid, const char *name, const char *file);

/** The next n answers have a fault; log, counters: from now on. */
void fake_kernel_order(struct fake_kernel *k, enum fake_fault fault, unsigned n);

/** Write a file below the root by hand, folders included: ("proc/net/route", text). */
void fake_kernel_put(struct fake_kernel *k, const char *path, const char *text);
