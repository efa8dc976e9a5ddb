/* SPDX-License-Identifier: BSD-3-Clause
 *
 * shunt-vmm: options, a definition from a file or from them, signals, and the exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "api/value.h"
#include "api_socket.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/paths.h"
#include "machine.h"

#define MAX_DEFINITION (1u << 20) /* bytes */

static const char usage[] =
	"usage: shunt-vmm [--definition FILE] [--api-socket PATH] [OPTION...]\n"
	"\n"
	"One virtual machine on KVM.\n"
	"\n"
	"  -d, --definition FILE  a JSON object as an item of vms: in shunt.yaml(5); - reads "
	"stdin\n"
	"  -a, --api-socket PATH  serve JSON-RPC there\n"
	"      --name NAME        for messages (default: vm)\n"
	"  -k, --kernel FILE      bzImage or vmlinux\n"
	"  -i, --initrd FILE      initial RAM disk\n"
	"  -c, --cmdline TEXT     of the kernel (default: console=ttyS0)\n"
	"  -m, --memory SIZE      as 512M (default: 256M)\n"
	"      --vcpus N          1 to 64 (default: 1)\n"
	"  -r, --restore DIR      go on from this snapshot of the same definition\n"
	"  -s, --serial WHAT      pty, stdio, off or a file; given twice, the second port's\n"
	"                         (default: pty, off). Ctrl-] at a terminal ends the machine\n"
	"      --user NAME        run as this user\n"
	"      --chroot DIR       see only the files of DIR\n"
	"      --seccomp MODE     kill (default), log or off\n"
	"      --no-reboot        end with status 3 where the guest resets itself\n"
	"      --slow-kvm         run although KVM of this machine interprets guests\n"
	"      --log-level LEVEL  err, warn, notice (default), info or debug\n"
	"      --check            say whether KVM runs guests here, and exit\n"
	"      --version          print the version and exit\n"
	"  -h, --help             print this and exit\n"
	"\n"
	"Exit status: 0 powered off or ended, 1 failed, 2 wrong usage, 3 reset with --no-reboot.\n"
	"SIGTERM and SIGINT end the machine at once. See shunt-vmm(8).\n";

enum option_id {
	OPT_NAME = 256,
	OPT_VCPUS,
	OPT_USER,
	OPT_CHROOT,
	OPT_SECCOMP,
	OPT_NO_REBOOT,
	OPT_SLOW_KVM,
	OPT_LOG_LEVEL,
	OPT_CHECK,
	OPT_VERSION,
};

static const struct option options[] = {
	{ "definition", required_argument, NULL, 'd' },
	{ "api-socket", required_argument, NULL, 'a' },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "kernel", required_argument, NULL, 'k' },
	{ "initrd", required_argument, NULL, 'i' },
	{ "cmdline", required_argument, NULL, 'c' },
	{ "memory", required_argument, NULL, 'm' },
	{ "vcpus", required_argument, NULL, OPT_VCPUS },
	{ "restore", required_argument, NULL, 'r' },
	{ "serial", required_argument, NULL, 's' },
	{ "user", required_argument, NULL, OPT_USER },
	{ "chroot", required_argument, NULL, OPT_CHROOT },
	{ "seccomp", required_argument, NULL, OPT_SECCOMP },
	{ "no-reboot", no_argument, NULL, OPT_NO_REBOOT },
	{ "slow-kvm", no_argument, NULL, OPT_SLOW_KVM },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* An option wins over the definition, so they are kept apart until both are known. */
struct arguments {
	const char *definition, *api_socket;
	const char *name, *kernel, *initrd, *cmdline, *restore, *user, *chroot,
		*serial[VMM_SERIALS];
	unsigned n_serials, vcpus;
	bool is_check;
	uint64_t memory;
	enum sh_log_level level;
	struct vmm_machine_conf conf;
};

static int wrong_usage(const char *text, const char *what)
{
	fprintf(stderr, "shunt-vmm: %s%s (see shunt-vmm --help)\n", text, what);
	return VMM_EXIT_USAGE;
}

static int take_vcpus(struct arguments *arguments)
{
	uint64_t n;

	if (api_parse_uint(optarg, &n) < 0 || n < 1 || n > VMM_VCPUS)
		return wrong_usage("--vcpus is a number from 1 to 64, not ", optarg);
	arguments->vcpus = (unsigned)n;
	return -1;
}

static int take_seccomp(struct arguments *arguments)
{
	static const char *const words[] = { "kill", "log", "off" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(optarg, words[i]) == 0) {
			arguments->conf.confine.seccomp = (enum vmm_seccomp)i;
			return -1;
		}
	}
	return wrong_usage("--seccomp is kill, log or off, not ", optarg);
}

static int take_serial(struct arguments *arguments)
{
	if (arguments->n_serials == VMM_SERIALS)
		return wrong_usage("--serial is given at most twice: ", optarg);
	arguments->serial[arguments->n_serials++] = optarg;
	return -1;
}

static int take_machine_option(int option, struct arguments *arguments)
{
	switch (option) {
	case OPT_NAME:
		arguments->name = optarg;
		return -1;
	case 'k':
		arguments->kernel = optarg;
		return -1;
	case 'i':
		arguments->initrd = optarg;
		return -1;
	case 'c':
		arguments->cmdline = optarg;
		return -1;
	case 'm':
		if (api_parse_size(optarg, &arguments->memory) == 0 && arguments->memory >= 1 << 20)
			return -1;
		return wrong_usage("--memory is a size as 512M, not ", optarg);
	case OPT_VCPUS:
		return take_vcpus(arguments);
	case 'r':
		arguments->restore = optarg;
		return -1;
	case 's':
		return take_serial(arguments);
	case OPT_USER:
		arguments->user = optarg;
		return -1;
	case OPT_CHROOT:
		arguments->chroot = optarg;
		return -1;
	default:
		fprintf(stderr, "see shunt-vmm --help\n");
		return VMM_EXIT_USAGE;
	}
}

/* return: -1 to go on, else the exit status. */
static int take_option(int option, struct arguments *arguments)
{
	switch (option) {
	case 'd':
		arguments->definition = optarg;
		return -1;
	case 'a':
		arguments->api_socket = optarg;
		return -1;
	case OPT_SECCOMP:
		return take_seccomp(arguments);
	case OPT_NO_REBOOT:
		arguments->conf.no_reboot = true;
		return -1;
	case OPT_SLOW_KVM:
		arguments->conf.slow_kvm = true;
		return -1;
	case OPT_LOG_LEVEL:
		if (sh_log_level_parse(optarg, &arguments->level) == 0)
			return -1;
		return wrong_usage("--log-level is err, warn, notice, info or debug, not ", optarg);
	case OPT_CHECK:
		arguments->is_check = true;
		return -1;
	case OPT_VERSION:
		printf("shunt-vmm %s\n", sh_version());
		return 0;
	case 'h':
		printf("%s", usage);
		return 0;
	default:
		return take_machine_option(option, arguments);
	}
}

static int read_definition(const char *path, struct vmm_definition *ret, struct sh_err *err)
{
	_cleanup_free_ char *text = malloc(MAX_DEFINITION);
	_cleanup_fclose_ FILE *f =
		strcmp(path, "-") == 0 ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "re");
	size_t n;

	if (!f || !text)
		return sh_err_set(err, -errno, "definition %s: %s", path, strerror(errno));
	n = fread(text, 1, MAX_DEFINITION, f);
	if (ferror(f) || n == MAX_DEFINITION)
		return sh_err_set(err, -EIO, "definition %s: it cannot be read", path);
	return vmm_definition_parse(text, n, ret, err);
}

static void override(struct vmm_definition *def, const struct arguments *arguments)
{
	if (arguments->name)
		def->name = arguments->name;
	if (arguments->kernel)
		def->kernel = arguments->kernel;
	if (arguments->initrd)
		def->initrd = arguments->initrd;
	if (arguments->cmdline)
		def->cmdline = arguments->cmdline;
	def->restore = arguments->restore;
	if (arguments->user)
		def->user = arguments->user;
	if (arguments->chroot)
		def->chroot = arguments->chroot;
	if (arguments->memory)
		def->memory.size = arguments->memory;
	if (arguments->vcpus)
		def->vcpus = arguments->vcpus;
	for (unsigned i = 0; i < arguments->n_serials; i++)
		def->serial[i] = arguments->serial[i];
}

struct signals {
	struct vmm_machine *machine;
	int fd;
	struct vmm_source source;
};

static void on_signal(void *ctx)
{
	struct signals *signals = ctx;
	struct signalfd_siginfo info;

	if (read(signals->fd, &info, sizeof(info)) == sizeof(info))
		vmm_machine_end(signals->machine, VMM_EXIT_OFF);
}

/* Blocked before any thread is there, so that all inherit it. */
static int catch_signals(struct signals *signals, struct sh_err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->fd < 0)
		return sh_err_set(err, -errno, "signals: %s", strerror(errno));
	return 0;
}

static int attach(struct vmm_machine *machine, struct vmm_api *api, struct signals *signals,
	struct sh_err *err)
{
	int r;

	signals->machine = machine;
	signals->source = (struct vmm_source){ signals->fd, on_signal, signals };
	r = vmm_loop_add(&machine->loop, &signals->source, EPOLLIN);
	if (r == 0 && api->path)
		r = vmm_api_attach(api, machine);
	return r < 0 ? sh_err_set(err, r, "events cannot be waited for: %s", strerror(-r)) : 0;
}

static int run(const struct arguments *arguments, struct vmm_definition *def, struct sh_err *err)
{
	struct vmm_machine_conf conf = arguments->conf;
	struct vmm_api api = { .fd = -1 };
	struct signals signals;
	struct vmm_machine machine;
	int r;

	conf.def = def;
	conf.confine.user = def->user;
	conf.confine.chroot = def->chroot;
	r = catch_signals(&signals, err);
	if (r == 0 && arguments->api_socket)
		r = vmm_api_listen(&api, arguments->api_socket, err);
	if (r < 0)
		return r;
	r = vmm_machine_open(&machine, &conf, err);
	if (r == 0)
		r = attach(&machine, &api, &signals, err);
	if (r == 0)
		r = vmm_machine_start(&machine, err);
	while (r == 0 && machine.state != VMM_ENDED)
		(void)vmm_loop_once(&machine.loop, -1);
	vmm_api_close(&api);
	vmm_machine_done(&machine);
	close(signals.fd);
	return r < 0 ? r : machine.exit_status;
}

static int serve(const struct arguments *arguments, struct vmm_definition *def, struct sh_err *err)
{
	int r = arguments->definition ? read_definition(arguments->definition, def, err) : 0;

	if (r < 0)
		return r;
	override(def, arguments);
	r = vmm_definition_check(def, err);
	return r < 0 ? r : run(arguments, def, err);
}

static int check(const struct arguments *arguments, struct sh_err *err)
{
	struct vmm_kvm kvm = { .fd = -1, .vm = -1 };
	int r = vmm_kvm_open(arguments->conf.slow_kvm, &kvm, err);

	if (r == 0)
		printf("KVM runs guests here\n");
	vmm_kvm_close(&kvm);
	return r;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .level = SH_LOG_NOTICE };
	struct vmm_definition def;
	struct sh_err err = { "" };
	int option, r = 0;

	while ((option = getopt_long(argc, argv, "d:a:k:i:c:m:r:s:h", options, NULL)) != -1) {
		r = take_option(option, &arguments);
		if (r >= 0)
			return r;
	}
	if (optind < argc)
		return wrong_usage("unexpected argument ", argv[optind]);
	tzset();             /* of the log, while its file can be read */
	json_object_seed(0); /* likewise */
	sh_log_init("shunt-vmm", arguments.level);
	vmm_definition_init(&def);
	r = arguments.is_check ? check(&arguments, &err) : serve(&arguments, &def, &err);
	vmm_definition_done(&def);
	if (r < 0) {
		fprintf(stderr, "shunt-vmm: %s\n", err.text);
		return VMM_EXIT_FAILED;
	}
	return r;
}
