/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Making, starting, resetting and ending a machine, in the main thread. Order matters: first all
 * that needs the user's rights (files, KVM, memory), then the rights go, then come the threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "acpi.h"
#include "machine.h"
#include "snapshot.h"

#define GIB (UINT64_C(1) << 30)
/* Above memory, where BARs go: as much as a CPU with 40 address bits has beside 512 GiB. */
#define HIGH_WINDOW (512 * GIB)

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int open_file(const char *path, const char *what, struct sh_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return sh_err_set(err, -errno, "%s %s: %s", what, path, strerror(errno));
	return fd;
}

static int open_files(struct vmm_machine *machine, struct sh_err *err)
{
	const struct vmm_definition *def = machine->conf.def;
	int r;

	machine->boot = (struct vmm_boot_conf){
		.kernel_fd = -1,
		.initrd_fd = -1,
		.kernel_name = def->kernel,
		.initrd_name = def->initrd,
		.cmdline = def->cmdline,
		.rsdp = VMM_BOOT_ACPI,
	};
	r = machine->boot.kernel_fd = open_file(def->kernel, "kernel", err);
	if (r >= 0 && def->initrd)
		r = machine->boot.initrd_fd = open_file(def->initrd, "initrd", err);
	for (unsigned i = 0; r >= 0 && i < VMM_SERIALS; i++)
		r = vmm_console_open(def->serial[i], &machine->consoles[i], err);
	return r < 0 ? r : 0;
}

static struct vmm_pci_window low_window(void)
{
	return (struct vmm_pci_window){ VMM_MEM_HOLE, VMM_PCI_ECAM - VMM_MEM_HOLE };
}

static struct vmm_pci_window high_window(const struct vmm_mem *mem)
{
	uint64_t end = vmm_mem_end(mem);
	uint64_t base = (end < 4 * GIB ? 4 * GIB : end + 4 * GIB - 1) & ~(4 * GIB - 1);

	return (struct vmm_pci_window){ base, HIGH_WINDOW };
}

static void sci(void *ctx, bool level)
{
	struct vmm_machine *machine = ctx;

	vmm_kvm_irq(&machine->kvm, VMM_ACPI_SCI, level);
}

static void quit(void *ctx)
{
	struct vmm_machine *machine = ctx;

	vmm_machine_end(machine, VMM_EXIT_OFF);
}

static void on_event(void *ctx);

static int make_loop(struct vmm_machine *machine, struct sh_err *err)
{
	int r = vmm_loop_init(&machine->loop);

	machine->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r < 0 || machine->event_fd < 0)
		return sh_err_set(err, -EMFILE, "no more files can be opened: raise the limit");
	machine->event_source = (struct vmm_source){ machine->event_fd, on_event, machine };
	for (unsigned i = 0; r == 0 && i < VMM_SERIALS; i++) {
		machine->consoles[i].on_quit = quit;
		machine->consoles[i].ctx = machine;
		r = vmm_console_attach(&machine->consoles[i], &machine->kvm, i, &machine->loop);
	}
	if (r == 0)
		r = vmm_loop_add(&machine->loop, &machine->event_source, EPOLLIN);
	return r < 0 ? sh_err_set(err, r, "events cannot be waited for: %s", strerror(-r)) : 0;
}

static int make_board(struct vmm_machine *machine, struct sh_err *err)
{
	int r = vmm_kvm_add_memory(&machine->kvm, &machine->mem, err);

	if (r < 0)
		return r;
	r = vmm_kvm_chips_get(&machine->kvm, &machine->chips);
	if (r < 0)
		return sh_err_set(err, r, "KVM tells no state of interrupt controllers");
	r = vmm_pci_new(&vmm_kvm_pci_host, &machine->kvm, low_window(), high_window(&machine->mem),
		&machine->pci);
	if (r < 0)
		return sh_err_set(err, r, "out of memory");
	vmm_pm_init(&machine->pm, sci, machine);
	return make_loop(machine, err);
}

/* Also after a reset: a guest may have written over all of its memory. */
static int load(struct vmm_machine *machine, struct sh_err *err)
{
	const uint64_t n = VMM_BOOT_ACPI_END - VMM_BOOT_ACPI;
	const struct vmm_acpi_conf acpi = {
		.n_vcpus = machine->conf.def->vcpus,
		.low = low_window(),
		.high = high_window(&machine->mem),
	};
	struct vmm_boot boot;
	int r = vmm_acpi_build(
		&acpi, VMM_BOOT_ACPI, vmm_mem_at(&machine->mem, VMM_BOOT_ACPI, n), (unsigned)n);

	if (r < 0)
		return sh_err_set(err, r, "no room for ACPI's tables");
	r = vmm_boot_load(&machine->boot, &machine->mem, &boot, err);
	if (r == 0)
		r = vmm_vcpus_boot(machine->vcpus, &boot, err);
	return r;
}

int vmm_machine_open(
	struct vmm_machine *machine, const struct vmm_machine_conf *conf, struct sh_err *err)
{
	int r;

	*machine = (struct vmm_machine){
		.conf = *conf,
		.kvm = { .fd = -1, .vm = -1 },
		.mem = { .fd = -1 },
		.boot = { .kernel_fd = -1, .initrd_fd = -1 },
		.loop = { .epoll_fd = -1, .stop_fd = -1 },
		.statm_fd = -1,
		.ksm_fd = -1,
		.event_fd = -1,
		.state = VMM_PAUSED,
		.fill = { .file_fd = -1, .fault_fd = -1, .whole_fd = -1 },
		.opened_ns = now_ns(),
	};
	pthread_mutex_init(&machine->lock, NULL);
	for (unsigned i = 0; i < VMM_SERIALS; i++)
		machine->consoles[i] =
			(struct vmm_console){ .in_fd = -1, .out_fd = -1, .slave_fd = -1 };
	r = open_files(machine, err);
	if (r == 0)
		r = vmm_kvm_open(conf->slow_kvm, &machine->kvm, err);
	if (r == 0)
		r = vmm_mem_open(&conf->def->memory, &machine->mem, err);
	if (r == 0)
		r = make_board(machine, err);
	if (r == 0)
		r = vmm_vcpus_new(&machine->kvm, conf->def->vcpus, &vmm_machine_vcpu_ops, machine,
			&machine->vcpus, err);
	if (r == 0 && conf->def->restore)
		r = vmm_restore_open(machine, err);
	if (r == 0)
		r = vmm_devices_open(&machine->devices, conf->def, &machine->kvm, machine->pci,
			&machine->mem, err);
	if (r == 0)
		r = vmm_pci_place(machine->pci, err);
	if (r == 0 && !conf->def->restore)
		r = load(machine, err);
	return r;
}

static int pin_all(struct vmm_machine *machine, struct sh_err *err)
{
	const struct vmm_definition *def = machine->conf.def;

	for (unsigned i = 0; i < def->n_pins; i++) {
		int r = vmm_vcpus_pin(machine->vcpus, def->pins[i].vcpu, &def->pins[i].cpus);

		if (r < 0)
			return sh_err_set(err, r, "vCPU %u cannot be pinned: %s", def->pins[i].vcpu,
				strerror(-r));
	}
	return 0;
}

static void run(struct vmm_machine *machine)
{
	if (machine->state == VMM_RUNNING && machine->is_complete)
		vmm_vcpus_run(machine->vcpus);
}

static void fail(struct vmm_machine *machine, const char *text)
{
	sh_log_err("%s: %s", machine->conf.def->name, text);
	vmm_machine_end(machine, VMM_EXIT_FAILED);
}

static void log_restored(const struct vmm_machine *machine, const char *what)
{
	uint64_t us = (now_ns() - machine->opened_ns) / 1000;

	sh_log_notice("%s: %s after %llu.%03llu ms", machine->conf.def->name, what,
		(unsigned long long)us / 1000, (unsigned long long)us % 1000);
}

static void on_complete(void *ctx)
{
	struct vmm_machine *machine = ctx;
	const char *restore = machine->conf.def->restore;
	struct sh_err err = { "" };

	if (restore && vmm_restore_apply(machine, &err) < 0) {
		fail(machine, err.text);
		return;
	}
	machine->is_complete = true;
	run(machine);
	if (restore)
		log_restored(machine, "goes on from its snapshot");
}

static void on_whole(void *ctx)
{
	struct vmm_machine *machine = ctx;

	vmm_loop_del(&machine->loop, &machine->whole_source);
	log_restored(machine, "has all of its memory");
	for (unsigned i = 0; i < machine->devices.n_nics; i++)
		if (machine->devices.nics[i])
			vmm_net_memory_is_whole(machine->devices.nics[i]);
}

static void enter_fill(void)
{
	if (vmm_confine_thread(VMM_THREAD_MEMORY, NULL) < 0)
		_exit(EXIT_FAILURE);
}

static int start_fill(struct vmm_machine *machine, struct sh_err *err)
{
	int r = vmm_mem_fill_start(&machine->fill, enter_fill);

	machine->whole_source = (struct vmm_source){ machine->fill.whole_fd, on_whole, machine };
	if (r == 0)
		r = vmm_loop_add(&machine->loop, &machine->whole_source, EPOLLIN);
	return r < 0 ? sh_err_set(err, r, "no thread for memory: %s", strerror(-r)) : 0;
}

int vmm_machine_start(struct vmm_machine *machine, struct sh_err *err)
{
	int proc = open("/proc/self/task", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	machine->statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	machine->ksm_fd = open("/proc/self/ksm_stat", O_RDONLY | O_CLOEXEC);
	r = vmm_confine_process(&machine->conf.confine, err);
	if (r == 0 && machine->conf.def->restore)
		r = start_fill(machine, err);
	if (r == 0)
		r = vmm_vcpus_start(machine->vcpus, proc, err);
	if (proc >= 0)
		close(proc);
	if (r == 0)
		r = pin_all(machine, err);
	machine->state = VMM_RUNNING;
	if (r == 0)
		r = vmm_devices_start(&machine->devices, &machine->loop, on_complete, machine, err);
	return r == 0 ? vmm_confine_thread(VMM_THREAD_MAIN, err) : r;
}

void vmm_machine_done(struct vmm_machine *machine)
{
	vmm_vcpus_free(machine->vcpus);
	vmm_devices_done(&machine->devices);
	vmm_mem_fill_done(&machine->fill);
	free(machine->restored);
	vmm_pci_free(machine->pci);
	for (unsigned i = 0; i < VMM_SERIALS; i++)
		vmm_console_close(&machine->consoles[i]);
	if (machine->loop.epoll_fd >= 0)
		vmm_loop_done(&machine->loop);
	if (machine->event_fd >= 0)
		close(machine->event_fd);
	if (machine->statm_fd >= 0)
		close(machine->statm_fd);
	if (machine->ksm_fd >= 0)
		close(machine->ksm_fd);
	if (machine->boot.kernel_fd >= 0)
		close(machine->boot.kernel_fd);
	if (machine->boot.initrd_fd >= 0)
		close(machine->boot.initrd_fd);
	vmm_kvm_close(&machine->kvm);
	vmm_mem_close(&machine->mem);
	pthread_mutex_destroy(&machine->lock);
}

void vmm_machine_end(struct vmm_machine *machine, int exit_status)
{
	if (machine->state == VMM_ENDED)
		return;
	machine->state = VMM_ENDED;
	machine->exit_status = exit_status;
}

/* A guest may do nothing else, thousands of times a second. */
static void log_reset(struct vmm_machine *machine)
{
	uint64_t more = 0;

	if (sh_log_limit(&machine->reset_limit, now_ns(), &more))
		sh_log_notice("%s: reset by %s (%u so far)", machine->conf.def->name,
			machine->event_text[0] ? machine->event_text : "the guest",
			machine->n_resets);
}

/* All is put back to what it was before the first instruction; the process stays. */
static void reset(struct vmm_machine *machine)
{
	struct sh_err err = { "" };
	int r = vmm_kvm_chips_set(&machine->kvm, &machine->chips);

	if (r < 0) {
		fail(machine, "reset: KVM takes no state of interrupt controllers");
		return;
	}
	vmm_pci_reset(machine->pci);
	vmm_pm_reset(&machine->pm);
	for (unsigned i = 0; i < VMM_SERIALS; i++)
		vmm_serial_reset(&machine->consoles[i].serial);
	/* First the vCPUs: KVM writes steal time and its like where the old kernel wanted them,
	 * until they are told otherwise, and the new one may lie there. */
	if (vmm_vcpus_reset(machine->vcpus, &err) < 0 || load(machine, &err) < 0) {
		fail(machine, err.text);
		return;
	}
	machine->n_resets++;
	log_reset(machine);
	run(machine);
}

static bool take_event(struct vmm_machine *machine, enum vmm_vcpu_event *ret)
{
	eventfd_t count;
	bool has;

	(void)eventfd_read(machine->event_fd, &count);
	pthread_mutex_lock(&machine->lock);
	has = machine->has_event;
	*ret = machine->event;
	machine->has_event = false;
	pthread_mutex_unlock(&machine->lock);
	return has;
}

static void on_event(void *ctx)
{
	struct vmm_machine *machine = ctx;
	enum vmm_vcpu_event event;

	/* Parked first: two vCPUs that ask at once are one event then. */
	vmm_vcpus_park(machine->vcpus);
	if (!take_event(machine, &event) || machine->state == VMM_ENDED)
		return;
	if (event == VMM_VCPU_OFF) {
		sh_log_notice("%s: powered off by the guest", machine->conf.def->name);
		vmm_machine_end(machine, VMM_EXIT_OFF);
	} else if (event == VMM_VCPU_FAILED) {
		fail(machine, machine->event_text);
	} else if (machine->conf.no_reboot) {
		vmm_machine_end(machine, VMM_EXIT_RESET);
	} else {
		reset(machine);
	}
}

int vmm_machine_pause(struct vmm_machine *machine, struct sh_err *err)
{
	if (machine->state != VMM_RUNNING)
		return sh_err_set(err, -EALREADY, "it is paused already");
	machine->state = VMM_PAUSED;
	vmm_vcpus_park(machine->vcpus);
	vmm_virtio_pause_all(&machine->devices.set);
	return 0;
}

bool vmm_machine_has_event(struct vmm_machine *machine)
{
	bool has;

	pthread_mutex_lock(&machine->lock);
	has = machine->has_event;
	pthread_mutex_unlock(&machine->lock);
	return has;
}

int vmm_machine_resume(struct vmm_machine *machine, struct sh_err *err)
{
	if (machine->state != VMM_PAUSED)
		return sh_err_set(err, -EALREADY, "it is running already");
	vmm_virtio_resume_all(&machine->devices.set);
	machine->state = VMM_RUNNING;
	/* An event that waits is served first, and lets them run itself. */
	if (!vmm_machine_has_event(machine))
		run(machine);
	return 0;
}

int vmm_machine_press_button(struct vmm_machine *machine, struct sh_err *err)
{
	if (!vmm_pm_press_button(&machine->pm))
		return sh_err_set(err, -ENOTCONN,
			"the guest does not listen to its power button: kill ends it");
	return 0;
}

/* A short file of /proc, as text; empty where it cannot be read. */
static void read_text(int fd, char *text, size_t size)
{
	ssize_t n = fd < 0 ? 0 : pread(fd, text, size - 1, 0);

	text[n > 0 ? n : 0] = '\0';
}

void vmm_machine_usage(const struct vmm_machine *machine, struct vmm_machine_usage *ret)
{
	const uint64_t page_bytes = 4096;
	unsigned long long resident = 0, shared = 0, merged = 0;
	const char *word = "ksm_merging_pages ";
	char text[512];

	read_text(machine->ksm_fd, text, sizeof(text));
	word = strstr(text, word) ? strstr(text, word) + strlen(word) : "";
	(void)sscanf(word, "%llu", &merged);
	*ret = (struct vmm_machine_usage){ .resident = vmm_mem_resident(&machine->mem),
		.merged = merged * page_bytes };
	/* Memory of its own has no file to ask: the process's, a few MiB more. */
	read_text(machine->statm_fd, text, sizeof(text));
	if (machine->mem.fd < 0 && sscanf(text, "%*u %llu %llu", &resident, &shared) == 2)
		ret->resident = (resident - shared) * page_bytes;
}
