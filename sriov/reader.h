/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The parts of sriov_host_read: each fills in what one source tells, and says what it could not
 * read.
 */
#pragma once

#include "sriov/host.h"

struct sriov_reader {
	const struct sriov_env *env;
	struct sriov_host *host;
	struct sh_err *err;
};

/** Note what could not be read, once. return: 0 or -ENOMEM */
int reader_unread(struct sriov_reader *reader, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** A PF's name in a sentence: netdev, else address. */
const char *reader_pf_name(const struct sriov_pf *pf);

/* sysfs: what tells PFs apart; the rest of a PF and its VFs. return: 0, -ENOENT when it is gone, or
 * -ENOMEM */
int reader_pf_identity(struct sriov_reader *reader, struct sriov_pf *pf);
int reader_pf_sysfs(struct sriov_reader *reader, struct sriov_pf *pf);

/* rtnetlink and devlink, for all PFs of the host. return: 0, or -errno with a sentence */
int reader_links(struct sriov_reader *reader);
int reader_devlink(struct sriov_reader *reader);

/* procfs: which PFs carry a default route; who uses which VF. return: 0 or -ENOMEM */
int reader_routes(struct sriov_reader *reader);
int reader_users(struct sriov_reader *reader);

/**
 * The number of interrupt vectors in a function's configuration space.
 *
 * shape:   config[n], as much as could be read
 * return:  the number, 0 without MSI-X, -EACCES when the capability lies behind n
 */
int sriov_msix_vectors(const uint8_t *config, size_t n);
