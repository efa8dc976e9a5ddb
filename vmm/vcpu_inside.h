/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What vcpu.c (the set and its threads), vcpu_run.c (exits of the guest) and vcpu_boot.c (first
 * state) share.
 */
#pragma once

#include <stdatomic.h>

#include "vcpu.h"
#include "vcpu_state.h"

enum want {
	WANT_PARK,
	WANT_RUN,
	WANT_END,
};

struct vcpu {
	struct vmm_vcpus *set;
	unsigned index;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool has_thread;
	int tid;
	int stat_fd;
	struct vmm_vcpu_state first; /* what reset gives */
};

struct vmm_vcpus {
	struct vmm_kvm *kvm;
	const struct vmm_vcpu_ops *ops;
	void *ctx;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	_Atomic enum want want; /* written under the lock */
	unsigned n_parked;      /* threads */
	int start_error;        /* of a thread that could not be confined */
	struct sh_err start_err;
	unsigned n; /* made so far */
	unsigned n_vcpus;
	uint64_t cpu; /* checksum of CPUID */
	struct vcpu vcpus[];
};

/* vcpu_boot.c */
int vcpu_set_cpuid(const struct vcpu *vcpu, struct sh_err *err);
int vcpu_set_defaults(const struct vcpu *vcpu, struct sh_err *err);
void vcpu_state_for(struct vmm_vcpu_state *state, const struct vmm_boot *boot);

/* Run until the guest wants something that ends its run. return: whether *ret_event happened. */
bool vcpu_run_once(struct vcpu *vcpu, enum vmm_vcpu_event *ret_event, struct sh_err *err);
/* Finish an access that was served, without a further instruction. */
void vcpu_complete(struct vcpu *vcpu);
