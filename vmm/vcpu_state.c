/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reading and writing a vCPU's state, in the order that KVM needs: what decides how the rest is
 * understood comes first. Of the model-specific registers those count that can be written.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/cleanup.h"
#include "vcpu_state.h"

#define MSR_TSC 0x10

static int ask(int fd, unsigned long request, void *what)
{
	return ioctl(fd, request, what) < 0 ? -errno : 0;
}

/* Some that KVM lists cannot be read on every CPU: each alone then. */
static void get_msrs(int fd, struct vmm_vcpu_msrs *msrs)
{
	unsigned done = 0, n = msrs->head.nmsrs;

	for (unsigned i = 0; i < n; i++) {
		struct vmm_vcpu_msrs one = { .head.nmsrs = 1, .entries[0] = msrs->entries[i] };

		if (ioctl(fd, KVM_GET_MSRS, &one) == 1)
			msrs->entries[done++] = one.entries[0];
	}
	msrs->head.nmsrs = done;
}

static int list_msrs(int kvm_fd, struct vmm_vcpu_msrs *msrs)
{
	_cleanup_free_ struct kvm_msr_list *list =
		calloc(1, sizeof(*list) + VMM_VCPU_MSRS * sizeof(list->indices[0]));

	if (!list)
		return -ENOMEM;
	list->nmsrs = VMM_VCPU_MSRS;
	if (ioctl(kvm_fd, KVM_GET_MSR_INDEX_LIST, list) < 0)
		return -errno;
	msrs->head.nmsrs = 0;
	for (unsigned i = 0; i < list->nmsrs; i++)
		if (list->indices[i] != MSR_TSC)
			msrs->entries[msrs->head.nmsrs++].index = list->indices[i];
	return 0;
}

static struct vmm_vcpu_msrs tsc_msr(uint64_t value)
{
	return (struct vmm_vcpu_msrs){ .head.nmsrs = 1,
		.entries[0] = { .index = MSR_TSC, .data = value } };
}

int vmm_vcpu_state_get(int fd, int kvm_fd, struct vmm_vcpu_state *ret)
{
	struct vmm_vcpu_msrs tsc = tsc_msr(0);
	int r = list_msrs(kvm_fd, &ret->msrs);

	if (r < 0)
		return r;
	get_msrs(fd, &ret->msrs);
	get_msrs(fd, &tsc);
	ret->tsc = tsc.entries[0].data;
	if ((r = ask(fd, KVM_GET_MP_STATE, &ret->mp_state)) < 0 ||
		(r = ask(fd, KVM_GET_REGS, &ret->regs)) < 0 ||
		(r = ask(fd, KVM_GET_SREGS, &ret->sregs)) < 0 ||
		(r = ask(fd, KVM_GET_XSAVE, &ret->xsave)) < 0 ||
		(r = ask(fd, KVM_GET_XCRS, &ret->xcrs)) < 0 ||
		(r = ask(fd, KVM_GET_DEBUGREGS, &ret->debugregs)) < 0 ||
		(r = ask(fd, KVM_GET_LAPIC, &ret->lapic)) < 0 ||
		(r = ask(fd, KVM_GET_VCPU_EVENTS, &ret->events)) < 0)
		return r;
	return 0;
}

/* KVM stops at the first that it refuses: that one is left out. */
static int set_msrs(int fd, const struct vmm_vcpu_msrs *msrs)
{
	struct vmm_vcpu_msrs rest;
	unsigned done = 0;

	while (done < msrs->head.nmsrs) {
		int r;

		rest.head = (struct kvm_msrs){ .nmsrs = msrs->head.nmsrs - done };
		memcpy(rest.entries, msrs->entries + done,
			rest.head.nmsrs * sizeof(rest.entries[0]));
		r = ioctl(fd, KVM_SET_MSRS, &rest);
		if (r < 0)
			return -errno;
		done += (unsigned)r + ((unsigned)r < rest.head.nmsrs);
	}
	return 0;
}

int vmm_vcpu_tsc_set(int fd, const struct vmm_vcpu_state *state)
{
	const struct vmm_vcpu_msrs tsc = tsc_msr(state->tsc);

	return set_msrs(fd, &tsc);
}

int vmm_vcpu_state_set(int fd, const struct vmm_vcpu_state *state)
{
	/* ioctl takes what it only reads as writable too. */
	struct vmm_vcpu_state *s = (struct vmm_vcpu_state *)(uintptr_t)state;
	int r;

	if ((r = ask(fd, KVM_SET_MP_STATE, &s->mp_state)) < 0 ||
		(r = ask(fd, KVM_SET_REGS, &s->regs)) < 0 ||
		(r = ask(fd, KVM_SET_SREGS, &s->sregs)) < 0 ||
		(r = ask(fd, KVM_SET_XSAVE, &s->xsave)) < 0 ||
		(r = ask(fd, KVM_SET_XCRS, &s->xcrs)) < 0 ||
		(r = ask(fd, KVM_SET_DEBUGREGS, &s->debugregs)) < 0 ||
		(r = ask(fd, KVM_SET_LAPIC, &s->lapic)) < 0 || (r = set_msrs(fd, &s->msrs)) < 0 ||
		(r = ask(fd, KVM_SET_VCPU_EVENTS, &s->events)) < 0)
		return r;
	return 0;
}
