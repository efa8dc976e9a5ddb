/* SPDX-License-Identifier: BSD-3-Clause
 *
 * shuntd: options, and the exit status.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/paths.h"
#include "daemon.h"

static const char usage[] =
	"usage: shuntd [-c FILE] [--run-dir DIR] [--state-dir DIR] [--vmm PROGRAM] [--check]\n"
	"              [--log-level LEVEL]\n"
	"\n"
	"The switch: forwards frames between the ports of virtual machines, uplinks and the host.\n"
	"\n"
	"  -c, --config FILE      run from FILE, which is only read; changes are kept in memory\n"
	"      --run-dir DIR      folder of the sockets (default, here: %s)\n"
	"      --state-dir DIR    folder of config.yaml, the store (default: %s)\n"
	"      --vmm PROGRAM      what runs a virtual machine (default: shunt-vmm beside shuntd)\n"
	"      --check            read the configuration, say what is wrong with it, and exit;\n"
	"                         with -c - it reads standard input\n"
	"      --log-level LEVEL  err, warn, notice (default), info or debug\n"
	"      --version          print the version and exit\n"
	"  -h, --help             print this and exit\n"
	"\n"
	"Exit status: 0 stopped or checked, 1 failed, 2 wrong usage. Signals: SIGTERM stops,\n"
	"SIGHUP reads the configuration again. See shuntd(8) and shunt.yaml(5).\n";

enum option_id {
	OPT_RUN_DIR = 256,
	OPT_STATE_DIR,
	OPT_VMM,
	OPT_CHECK,
	OPT_LOG_LEVEL,
	OPT_VERSION,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "run-dir", required_argument, NULL, OPT_RUN_DIR },
	{ "state-dir", required_argument, NULL, OPT_STATE_DIR },
	{ "vmm", required_argument, NULL, OPT_VMM },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct arguments {
	struct daemon_conf conf;
	enum sh_log_level level;
	bool check;
};

static int wrong_usage(const char *text, const char *what)
{
	fprintf(stderr, "shuntd: %s%s (see shuntd --help)\n", text, what);
	return 2;
}

/* return: -1 to go on, else the exit status. */
static int take_option(int option, struct arguments *arguments)
{
	switch (option) {
	case 'c':
		arguments->conf.file = optarg;
		return -1;
	case OPT_RUN_DIR:
		arguments->conf.run_dir = optarg;
		return -1;
	case OPT_STATE_DIR:
		arguments->conf.state_dir = optarg;
		return -1;
	case OPT_VMM:
		arguments->conf.vmm = optarg;
		return -1;
	case OPT_CHECK:
		arguments->check = true;
		return -1;
	case OPT_LOG_LEVEL:
		if (sh_log_level_parse(optarg, &arguments->level) == 0)
			return -1;
		return wrong_usage("--log-level is err, warn, notice, info or debug, not ", optarg);
	case OPT_VERSION:
		printf("shuntd %s\n", sh_version());
		return 0;
	case 'h':
		printf(usage, sh_run_dir(NULL), sh_state_dir(NULL));
		return 0;
	default:
		fprintf(stderr, "see shuntd --help\n");
		return 2;
	}
}

static int check(const struct arguments *arguments)
{
	struct sh_err err = { "" };

	if (daemon_check(&arguments->conf, &err) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "shuntd: %s\n", err.text);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct arguments arguments = { .level = SH_LOG_NOTICE };
	struct sh_err err = { "" };
	int option, status;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		status = take_option(option, &arguments);
		if (status >= 0)
			return status;
	}
	if (optind < argc)
		return wrong_usage("unexpected argument ", argv[optind]);
	arguments.conf.run_dir = sh_run_dir(arguments.conf.run_dir);
	arguments.conf.state_dir = sh_state_dir(arguments.conf.state_dir);
	if (arguments.check)
		return check(&arguments);
	sh_log_init("shuntd", arguments.level);
	if (daemon_run(&arguments.conf, &err) < 0) {
		sh_log_err("%s", err.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
