/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The set of vCPUs and their threads. One word says what all of them shall do: run, park or end.
 * Who changes it also sets immediate_exit and sends a signal, so that a thread on its way into the
 * guest does not get there and one inside comes out.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vcpu_inside.h"

#define KICK SIGRTMIN

static void on_kick(int signal)
{
	/* Only interrupts KVM_RUN. */
}

/* Under the lock. */
static void kick_all(struct vmm_vcpus *set)
{
	for (unsigned i = 0; i < set->n; i++) {
		if (!set->vcpus[i].has_thread)
			continue;
		set->vcpus[i].run->immediate_exit = 1;
		pthread_kill(set->vcpus[i].thread, KICK);
	}
}

/* Wait until the vCPU may run. return: false to end */
static bool park(struct vcpu *vcpu)
{
	struct vmm_vcpus *set = vcpu->set;
	bool go_on;

	vcpu_complete(vcpu);
	pthread_mutex_lock(&set->lock);
	set->n_parked++;
	pthread_cond_broadcast(&set->changed);
	while (set->want == WANT_PARK)
		pthread_cond_wait(&set->changed, &set->lock);
	set->n_parked--;
	go_on = set->want == WANT_RUN;
	vcpu->run->immediate_exit = 0;
	pthread_mutex_unlock(&set->lock);
	return go_on;
}

static void tell(struct vcpu *vcpu, enum vmm_vcpu_event event, const char *text)
{
	struct vmm_vcpus *set = vcpu->set;

	pthread_mutex_lock(&set->lock);
	if (set->want == WANT_RUN)
		set->want = WANT_PARK;
	kick_all(set);
	pthread_mutex_unlock(&set->lock);
	set->ops->event(set->ctx, event, text);
}

/* Before it is parked for the first time, that is before any vCPU runs. */
static void enter(struct vcpu *vcpu)
{
	struct vmm_vcpus *set = vcpu->set;
	struct sh_err err = { "" };
	int r = set->ops->enter(set->ctx, &err);

	pthread_mutex_lock(&set->lock);
	if (r < 0) {
		set->start_error = r;
		set->start_err = err;
	}
	pthread_mutex_unlock(&set->lock);
}

static void *run_thread(void *arg)
{
	struct vcpu *vcpu = arg;
	struct vmm_vcpus *set = vcpu->set;
	enum vmm_vcpu_event event;

	pthread_mutex_lock(&set->lock);
	vcpu->tid = gettid();
	pthread_mutex_unlock(&set->lock);
	enter(vcpu);
	while (set->want != WANT_END) {
		struct sh_err err = { "" };

		if (set->want == WANT_PARK)
			park(vcpu);
		else if (vcpu_run_once(vcpu, &event, &err))
			tell(vcpu, event, err.text);
	}
	return NULL;
}

static int make_vcpu(struct vmm_vcpus *set, unsigned i, struct sh_err *err)
{
	struct vcpu *vcpu = &set->vcpus[i];
	int r;

	vcpu->set = set;
	vcpu->index = i;
	vcpu->stat_fd = -1;
	vcpu->fd = ioctl(set->kvm->vm, KVM_CREATE_VCPU, (unsigned long)i);
	set->n++;
	if (vcpu->fd < 0)
		return sh_err_set(err, -errno, "KVM makes no vCPU %u: %s", i, strerror(errno));
	vcpu->run = mmap(NULL, set->kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return sh_err_set(err, -errno, "vCPU %u: %s", i, strerror(errno));
	}
	r = vcpu_set_cpuid(vcpu, err);
	if (r == 0)
		r = vcpu_set_defaults(vcpu, err);
	if (r < 0)
		return r;
	r = vmm_vcpu_state_get(vcpu->fd, set->kvm->fd, &vcpu->first);
	if (r < 0)
		return sh_err_set(err, r, "vCPU %u: KVM tells no state: %s", i, strerror(-r));
	return 0;
}

int vmm_vcpus_new(struct vmm_kvm *kvm, unsigned n, const struct vmm_vcpu_ops *ops, void *ctx,
	struct vmm_vcpus **ret, struct sh_err *err)
{
	struct vmm_vcpus *set = calloc(1, sizeof(*set) + n * sizeof(set->vcpus[0]));
	struct sigaction action = { .sa_handler = on_kick };
	int r = 0;

	if (!set)
		return sh_err_set(err, -ENOMEM, "out of memory");
	set->kvm = kvm;
	set->ops = ops;
	set->ctx = ctx;
	set->n_vcpus = n;
	pthread_mutex_init(&set->lock, NULL);
	pthread_cond_init(&set->changed, NULL);
	sigaction(KICK, &action, NULL);
	while (r == 0 && set->n < n)
		r = make_vcpu(set, set->n, err);
	if (r < 0) {
		vmm_vcpus_free(set);
		return r;
	}
	*ret = set;
	return 0;
}

static void set_want(struct vmm_vcpus *set, enum want want)
{
	pthread_mutex_lock(&set->lock);
	set->want = want;
	if (want != WANT_RUN)
		kick_all(set);
	pthread_cond_broadcast(&set->changed);
	pthread_mutex_unlock(&set->lock);
}

void vmm_vcpus_free(struct vmm_vcpus *set)
{
	if (!set)
		return;
	set_want(set, WANT_END);
	for (unsigned i = 0; i < set->n; i++) {
		struct vcpu *vcpu = &set->vcpus[i];

		if (vcpu->has_thread)
			pthread_join(vcpu->thread, NULL);
		if (vcpu->run)
			munmap(vcpu->run, set->kvm->run_size);
		if (vcpu->fd >= 0)
			close(vcpu->fd);
		if (vcpu->stat_fd >= 0)
			close(vcpu->stat_fd);
	}
	free(set);
}

int vmm_vcpus_save(struct vmm_vcpus *set, unsigned i, struct vmm_vcpu_state *ret)
{
	return vmm_vcpu_state_get(set->vcpus[i].fd, set->kvm->fd, ret);
}

int vmm_vcpus_restore(struct vmm_vcpus *set, unsigned i, const struct vmm_vcpu_state *state)
{
	int fd = set->vcpus[i].fd, r;

	if (state->msrs.head.nmsrs > VMM_VCPU_MSRS)
		return -EINVAL;
	r = vmm_vcpu_tsc_set(fd, state);
	if (r == 0)
		r = vmm_vcpu_state_set(fd, state);
	/* Its watchdogs need not bark at the time that is missing. Refused without kvm-clock. */
	if (r == 0)
		(void)ioctl(fd, KVM_KVMCLOCK_CTRL, 0);
	return r;
}

uint64_t vmm_vcpus_cpu(const struct vmm_vcpus *set)
{
	return set->cpu;
}

unsigned vmm_vcpus_tsc_khz(const struct vmm_vcpus *set)
{
	int khz = ioctl(set->vcpus[0].fd, KVM_GET_TSC_KHZ, 0);

	return khz > 0 ? (unsigned)khz : 0;
}

int vmm_vcpus_reset(struct vmm_vcpus *set, struct sh_err *err)
{
	for (unsigned i = 0; i < set->n; i++) {
		int r = vmm_vcpu_state_set(set->vcpus[i].fd, &set->vcpus[i].first);

		if (r < 0)
			return sh_err_set(
				err, r, "vCPU %u: KVM takes no state: %s", i, strerror(-r));
	}
	return 0;
}

int vmm_vcpus_boot(struct vmm_vcpus *set, const struct vmm_boot *boot, struct sh_err *err)
{
	for (unsigned i = 0; i < set->n; i++) {
		struct vmm_vcpu_state state = set->vcpus[i].first;
		int r;

		if (i == 0)
			vcpu_state_for(&state, boot);
		r = vmm_vcpu_state_set(set->vcpus[i].fd, &state);
		if (r < 0)
			return sh_err_set(
				err, r, "vCPU %u: KVM takes no state: %s", i, strerror(-r));
	}
	return 0;
}

static void open_stat(struct vcpu *vcpu, int task_fd)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/schedstat", vcpu->tid);
	vcpu->stat_fd = openat(task_fd, path, O_RDONLY | O_CLOEXEC);
}

int vmm_vcpus_start(struct vmm_vcpus *set, int task_fd, struct sh_err *err)
{
	set_want(set, WANT_PARK);
	for (unsigned i = 0; i < set->n; i++) {
		struct vcpu *vcpu = &set->vcpus[i];
		char name[16];
		int r = pthread_create(&vcpu->thread, NULL, run_thread, vcpu);

		if (r)
			return sh_err_set(err, -r, "no thread for vCPU %u: %s", i, strerror(r));
		vcpu->has_thread = true;
		snprintf(name, sizeof(name), "vcpu%u", i);
		pthread_setname_np(vcpu->thread, name);
	}
	vmm_vcpus_park(set);
	if (set->start_error < 0)
		return sh_err_set(err, set->start_error, "%s", set->start_err.text);
	for (unsigned i = 0; i < set->n; i++)
		open_stat(&set->vcpus[i], task_fd);
	return 0;
}

void vmm_vcpus_run(struct vmm_vcpus *set)
{
	set_want(set, WANT_RUN);
}

void vmm_vcpus_park(struct vmm_vcpus *set)
{
	set_want(set, WANT_PARK);
	pthread_mutex_lock(&set->lock);
	while (set->n_parked < set->n)
		pthread_cond_wait(&set->changed, &set->lock);
	pthread_mutex_unlock(&set->lock);
}

int vmm_vcpus_pin(struct vmm_vcpus *set, unsigned vcpu, const cpu_set_t *cpus)
{
	if (vcpu >= set->n)
		return -EINVAL;
	return sched_setaffinity(set->vcpus[vcpu].tid, sizeof(*cpus), cpus) < 0 ? -errno : 0;
}

void vmm_vcpus_info(struct vmm_vcpus *set, unsigned i, struct vmm_vcpu_info *ret)
{
	const struct vcpu *vcpu = &set->vcpus[i];
	unsigned long long run_ns = 0, wait_ns = 0;
	char text[128];
	ssize_t n = vcpu->stat_fd < 0 ? 0 : pread(vcpu->stat_fd, text, sizeof(text) - 1, 0);

	*ret = (struct vmm_vcpu_info){ .tid = vcpu->tid };
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%llu %llu", &run_ns, &wait_ns) == 2) {
		ret->run_ns = run_ns;
		ret->wait_ns = wait_ns;
	}
	if (sched_getaffinity(vcpu->tid, sizeof(ret->cpus), &ret->cpus) < 0)
		CPU_ZERO(&ret->cpus);
}

unsigned vmm_vcpus_count(const struct vmm_vcpus *set)
{
	return set->n;
}
