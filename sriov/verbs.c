/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The table of verbs. A new verb is a row here and a file of its own; dispatch and help follow.
 */
#include "change.h"
#include "program.h"

static const struct program_option stats_options[] = {
	{ .name = "watch",
		.help = "print again every second what was counted since, until interrupted" },
	{ 0 },
};

/* clang-format off */
static const struct program_option change_options[] = {
	CHANGE_OPTIONS,
	{ 0 },
};

static const struct program_option set_options[] = {
	{ .name = "num-vfs", .value = "N", .help = "VFs that the PF has" },
	{ .name = "drivers-autoprobe", .value = "BOOL", .help = "whether drivers bind to new VFs" },
	{ .name = "eswitch", .value = "MODE", .help = "legacy or switchdev" },
	{ .name = "inline-mode", .value = "MODE", .help = "none, link, network or transport" },
	{ .name = "encap-mode", .value = "MODE", .help = "none or basic" },
	{ .name = "mtu", .value = "BYTES", .help = "of the PF's interface" },
	{ .name = "vf", .value = "N", .help = "the VF, or a range as 0-3, that what follows is of" },
	{ .name = "mac", .value = "MAC", .help = "address, or auto" },
	{ .name = "vlan", .value = "N", .help = "VLAN, 0 for none" },
	{ .name = "qos", .value = "N", .help = "priority in the tag" },
	{ .name = "vlan-proto", .value = "PROTO", .help = "802.1q or 802.1ad" },
	{ .name = "spoofchk", .value = "BOOL", .help = "drop what has another source address" },
	{ .name = "trust", .value = "BOOL", .help = "may change its address, be promiscuous" },
	{ .name = "link-state", .value = "STATE", .help = "auto, enable or disable" },
	{ .name = "min-tx-rate", .value = "MBPS", .help = "may always send, 0 for none" },
	{ .name = "max-tx-rate", .value = "MBPS", .help = "may send at most, 0 for no limit" },
	{ .name = "query-rss", .value = "BOOL", .help = "may read the RSS table and key" },
	{ .name = "msix-vectors", .value = "N", .help = "MSI-X vectors" },
	{ .name = "driver", .value = "NAME", .help = "driver, like vfio-pci, or none" },
	{ .name = "hw-addr", .value = "MAC", .help = "address of its devlink port function" },
	{ .name = "state", .value = "STATE", .help = "of the function: active or inactive" },
	{ .name = "fn-tx-max", .value = "MBPS", .help = "devlink rate: at most" },
	{ .name = "fn-tx-share", .value = "MBPS", .help = "devlink rate: always" },
	CHANGE_OPTIONS,
	{ 0 },
};

static const struct program_option bind_options[] = {
	{ .name = "vf", .value = "N", .help = "the VF, or a range as 0-3" },
	{ .name = "driver", .value = "NAME", .help = "driver, like vfio-pci or igbvf, or none" },
	CHANGE_OPTIONS,
	{ 0 },
};

static const struct program_option watch_options[] = {
	{ .name = "config", .value = "FILE", .letter = 'c',
	  .help = "configuration to keep to, instead of shuntd's store" },
	{ .name = "report-only", .help = "log what is not as wanted, and change nothing" },
	{ .name = "allow-disruptive", .help = "take VFs away from who uses them, if need be" },
	{ .name = "force", .help = "even those of the NIC that carries the default route" },
	{ 0 },
};

const struct program_verb program_verbs[] = {
	{ .name = "list", .help = "the physical functions that can have virtual ones",
	  .run = program_list },
	{ .name = "show", .operand = "PF", .help = "one, and each of its VFs", .run = program_show },
	{ .name = "stats", .operand = "[PF]", .options = stats_options,
	  .help = "what VFs sent and received", .run = program_stats },
	{ .name = "plan", .operand = "FILE",
	  .help = "the steps from what is to what a configuration's key 'sriov:' wants",
	  .run = program_plan },
	{ .name = "apply", .operand = "FILE", .options = change_options,
	  .help = "do those steps, read back, undo what fails", .run = program_apply },
	{ .name = "set", .operand = "PF", .options = set_options,
	  .help = "change one PF or its VFs without a file", .run = program_set },
	{ .name = "bind", .operand = "PF", .options = bind_options,
	  .help = "give a VF another driver", .run = program_bind },
	{ .name = "--watch", .options = watch_options,
	  .help = "be the service: apply, then keep it so", .run = program_watch },
};
/* clang-format on */

const unsigned program_n_verbs = sizeof(program_verbs) / sizeof(program_verbs[0]);
