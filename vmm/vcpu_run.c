/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One run of the guest, and why it ended: ports and memory go to the machine, a reset or a failure
 * becomes an event. In the vCPU's thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vcpu_inside.h"

static bool serve_ports(struct vcpu *vcpu, enum vmm_vcpu_event *ret)
{
	const struct vmm_vcpus *set = vcpu->set;
	struct kvm_run *run = vcpu->run;
	uint8_t *at = (uint8_t *)run + run->io.data_offset;
	bool happened = false;

	for (uint32_t i = 0; i < run->io.count; i++, at += run->io.size) {
		uint32_t value = 0;

		if (run->io.direction == KVM_EXIT_IO_IN) {
			set->ops->port_in(set->ctx, run->io.port, run->io.size, &value);
			memcpy(at, &value, run->io.size);
		} else {
			memcpy(&value, at, run->io.size);
			happened |= set->ops->port_out(
				set->ctx, run->io.port, run->io.size, value, ret);
		}
	}
	return happened;
}

static void serve_memory(struct vcpu *vcpu)
{
	const struct vmm_vcpus *set = vcpu->set;
	struct kvm_run *run = vcpu->run;
	unsigned n =
		run->mmio.len <= sizeof(run->mmio.data) ? run->mmio.len : sizeof(run->mmio.data);
	uint64_t value = 0;

	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, n);
		set->ops->write(set->ctx, run->mmio.phys_addr, n, value);
	} else {
		set->ops->read(set->ctx, run->mmio.phys_addr, n, &value);
		memcpy(run->mmio.data, &value, n);
	}
}

static bool system_event(const struct kvm_run *run, enum vmm_vcpu_event *ret)
{
	*ret = run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN ? VMM_VCPU_OFF : VMM_VCPU_RESET;
	return true;
}

static bool failed(struct vcpu *vcpu, enum vmm_vcpu_event *ret, struct sh_err *err)
{
	const struct kvm_run *run = vcpu->run;
	struct kvm_regs regs = { 0 };

	(void)ioctl(vcpu->fd, KVM_GET_REGS, &regs);
	*ret = VMM_VCPU_FAILED;
	if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		sh_err_set(err, -EIO, "vCPU %u: the CPU refuses to run it (reason %#llx)",
			vcpu->index, run->fail_entry.hardware_entry_failure_reason);
	else if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		sh_err_set(err, -EIO,
			"vCPU %u: KVM cannot run the instruction at %#llx (internal error %u)",
			vcpu->index, regs.rip, run->internal.suberror);
	else
		sh_err_set(err, -EIO, "vCPU %u: KVM stopped at %#llx (exit %u)", vcpu->index,
			regs.rip, run->exit_reason);
	return true;
}

static bool serve(struct vcpu *vcpu, enum vmm_vcpu_event *ret, struct sh_err *err)
{
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_IO:
		return serve_ports(vcpu, ret);
	case KVM_EXIT_MMIO:
		serve_memory(vcpu);
		return false;
	case KVM_EXIT_INTR:
		return false;
	case KVM_EXIT_SHUTDOWN: /* PCs reset then */
		*ret = VMM_VCPU_RESET;
		sh_err_set(err, -EIO, "a triple fault of vCPU %u", vcpu->index);
		return true;
	case KVM_EXIT_SYSTEM_EVENT:
		return system_event(vcpu->run, ret);
	default:
		return failed(vcpu, ret, err);
	}
}

bool vcpu_run_once(struct vcpu *vcpu, enum vmm_vcpu_event *ret_event, struct sh_err *err)
{
	if (ioctl(vcpu->fd, KVM_RUN, 0) == 0)
		return serve(vcpu, ret_event, err);
	if (errno == EINTR || errno == EAGAIN)
		return false;
	*ret_event = VMM_VCPU_FAILED;
	sh_err_set(err, -errno, "vCPU %u: KVM: %s", vcpu->index, strerror(errno));
	return true;
}

void vcpu_complete(struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	(void)ioctl(vcpu->fd, KVM_RUN, 0);
}
