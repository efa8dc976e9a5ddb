/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Isolation. A guest that takes over a thread of ours finds no capability, no file but those that
 * are open, and of the kernel only the calls that this kind of thread makes: one list a kind. Of
 * ioctl and of memory to execute only what is listed; everything else ends the process.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <linux/vfio.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "confine.h"

static enum vmm_seccomp mode;

/* What every thread needs: memory, locks, eventfds, logging, its end. */
static const int common_calls[] = {
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(close),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fstat),
	SCMP_SYS(fdatasync), /* rings are stopped, and what is in them finished, by any thread */
	SCMP_SYS(fallocate),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(newfstatat), /* fstat of the C library */
	SCMP_SYS(poll),
	SCMP_SYS(preadv2),
	SCMP_SYS(pwritev2),
	SCMP_SYS(read),
	SCMP_SYS(recvfrom), /* vhost-user */
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sendmsg), /* vhost-user */
	SCMP_SYS(set_robust_list),
	SCMP_SYS(tgkill), /* kicks, and abort */
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

static const int main_calls[] = {
	SCMP_SYS(accept4),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(ftruncate), /* of a snapshot's files */
	SCMP_SYS(getsockopt),
	SCMP_SYS(lseek),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64), /* the kernel again, after a reset */
	SCMP_SYS(recvmsg),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_setaffinity),
	SCMP_SYS(sendfile),
	SCMP_SYS(sendto),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
};

static const int device_calls[] = {
	SCMP_SYS(connect),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(fchdir), /* to a switch's socket */
	SCMP_SYS(getrandom),
	SCMP_SYS(inotify_add_watch),
	SCMP_SYS(pwrite64),
	SCMP_SYS(readv),
	SCMP_SYS(socket),
};

/* What changes while the guest runs: interrupts, kicks, BARs in memory. */
static const unsigned long common_ioctls[] = {
	VFIO_DEVICE_SET_IRQS,
	KVM_IOEVENTFD,
	KVM_IRQFD,
	KVM_IRQ_LINE,
	KVM_SET_GSI_ROUTING,
	KVM_SET_USER_MEMORY_REGION,
};

static const unsigned long vcpu_ioctls[] = {
	KVM_GET_REGS, /* for the message when KVM cannot go on */
	KVM_RUN,
};

/* A snapshot takes the state, a reset or a restore puts one back. */
static const unsigned long main_ioctls[] = {
	KVM_GET_CLOCK, KVM_GET_DEBUGREGS, KVM_GET_IRQCHIP, KVM_GET_LAPIC, KVM_GET_MP_STATE,
	KVM_GET_MSRS, KVM_GET_MSR_INDEX_LIST, KVM_GET_PIT2, KVM_GET_REGS, KVM_GET_SREGS,
	KVM_GET_TSC_KHZ, KVM_GET_VCPU_EVENTS, KVM_GET_XCRS, KVM_GET_XSAVE, KVM_KVMCLOCK_CTRL,
	KVM_SET_CLOCK, KVM_SET_DEBUGREGS, KVM_SET_IRQCHIP, KVM_SET_LAPIC, KVM_SET_MP_STATE,
	KVM_SET_MSRS, KVM_SET_PIT2, KVM_SET_REGS, KVM_SET_SREGS, KVM_SET_VCPU_EVENTS, KVM_SET_XCRS,
	KVM_SET_XSAVE, FICLONE, VFIO_DEVICE_RESET, TCGETS, TCSETS, /* the terminal as it was */
};

static const int memory_calls[] = { SCMP_SYS(lseek) };
static const unsigned long memory_ioctls[] = { UFFDIO_COPY, UFFDIO_UNREGISTER, UFFDIO_WAKE };

#define N(array) (sizeof(array) / sizeof((array)[0]))

static int allow_calls(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return r;
}

/* The kernel looks at the lower half of an ioctl's number alone. */
static int allow_ioctls(scmp_filter_ctx ctx, const unsigned long *requests, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, requests[i]));
	return r;
}

static int allow_memory(scmp_filter_ctx ctx)
{
	int r = seccomp_rule_add(
		ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

	if (r == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return r;
}

static int fill_filter(scmp_filter_ctx ctx, enum vmm_thread kind)
{
	int r = allow_calls(ctx, common_calls, N(common_calls));

	if (r == 0)
		r = allow_memory(ctx);
	if (r == 0)
		r = allow_ioctls(ctx, common_ioctls, N(common_ioctls));
	if (r == 0 && kind == VMM_THREAD_VCPU)
		r = allow_ioctls(ctx, vcpu_ioctls, N(vcpu_ioctls));
	if (r == 0 && kind == VMM_THREAD_MAIN)
		r = allow_ioctls(ctx, main_ioctls, N(main_ioctls));
	if (r == 0 && kind == VMM_THREAD_MAIN)
		r = allow_calls(ctx, main_calls, N(main_calls));
	if (r == 0 && kind == VMM_THREAD_MEMORY)
		r = allow_ioctls(ctx, memory_ioctls, N(memory_ioctls));
	if (r == 0 && kind == VMM_THREAD_MEMORY)
		r = allow_calls(ctx, memory_calls, N(memory_calls));
	if (r == 0 && kind == VMM_THREAD_DEVICE)
		r = allow_calls(ctx, device_calls, N(device_calls));
	return r;
}

int vmm_confine_thread(enum vmm_thread kind, struct sh_err *err)
{
	scmp_filter_ctx ctx;
	int r;

	if (mode == VMM_SECCOMP_OFF)
		return 0;
	ctx = seccomp_init(mode == VMM_SECCOMP_LOG ? SCMP_ACT_LOG : SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		return sh_err_set(err, -ENOMEM, "seccomp: out of memory");
	r = fill_filter(ctx, kind);
	if (r == 0)
		r = seccomp_load(ctx);
	seccomp_release(ctx);
	if (r < 0)
		return sh_err_set(err, r, "seccomp: the kernel takes no filter: %s", strerror(-r));
	return 0;
}

void vmm_confine_device_thread(void)
{
	/* A thread that cannot be confined must not serve a guest. */
	if (vmm_confine_thread(VMM_THREAD_DEVICE, NULL) < 0)
		_exit(EXIT_FAILURE);
}

static int enter_folder(const char *folder, struct sh_err *err)
{
	if (folder && (chroot(folder) < 0 || chdir("/") < 0))
		return sh_err_set(err, -errno, "chroot %s: %s", folder, strerror(errno));
	return 0;
}

static int become(const char *name, const struct passwd *user, struct sh_err *err)
{
	if (setgroups(0, NULL) < 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
		setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return sh_err_set(err, -errno, "user %s: %s", name, strerror(errno));
	return 0;
}

static int drop_capabilities(struct sh_err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	/* Fails where the right to do so is not there either: then nothing can be gained by it. */
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return sh_err_set(
			err, -errno, "capabilities cannot be given up: %s", strerror(errno));
	return 0;
}

int vmm_confine_process(const struct vmm_confine_conf *conf, struct sh_err *err)
{
	const struct passwd *user = NULL;
	int r;

	mode = conf->seccomp;
	if (conf->user) {
		user = getpwnam(conf->user);
		if (!user)
			return sh_err_set(err, -ENOENT, "user %s: no such user", conf->user);
	}
	r = enter_folder(conf->chroot, err);
	if (r == 0 && user)
		r = become(conf->user, user, err);
	if (r == 0)
		r = drop_capabilities(err);
	return r;
}
