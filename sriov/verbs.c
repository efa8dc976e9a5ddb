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
	{ .name = "num-vfs", .value = "N", .help = "of the PF: VFs that it has" },
	{ .name = "drivers-autoprobe", .value = "BOOL", .help = "of the PF: whether drivers bind to new VFs" },
	{ .name = "eswitch", .value = "MODE", .help = "of the PF: legacy or switchdev" },
	{ .name = "inline-mode", .value = "MODE", .help = "of the PF: none, link, network or transport" },
	{ .name = "encap-mode", .value = "MODE", .help = "of the PF: none or basic" },
	{ .name = "mtu", .value = "BYTES", .help = "of the PF: its interface's MTU" },
	{ .name = "vf", .value = "N", .help = "the VF, or a range like 0-3, that the options below are of" },
	{ .name = "mac", .value = "MAC", .help = "address, or auto" },
	{ .name = "vlan", .value = "N", .help = "VLAN whose tag the NIC pushes and pops, 0 for none" },
	{ .name = "qos", .value = "N", .help = "priority in that tag" },
	{ .name = "vlan-proto", .value = "PROTO", .help = "of that tag: 802.1q or 802.1ad" },
	{ .name = "spoofchk", .value = "BOOL", .help = "whether frames from another address are dropped" },
	{ .name = "trust", .value = "BOOL", .help = "whether it may change its address, be promiscuous" },
	{ .name = "link-state", .value = "STATE", .help = "link that it sees: auto, enable or disable" },
	{ .name = "min-tx-rate", .value = "MBPS", .help = "what it may always send, 0 for none" },
	{ .name = "max-tx-rate", .value = "MBPS", .help = "what it may send at most, 0 for no limit" },
	{ .name = "query-rss", .value = "BOOL", .help = "whether it may read the RSS table and key" },
	{ .name = "msix-vectors", .value = "N", .help = "MSI-X vectors, at least 1" },
	{ .name = "driver", .value = "NAME", .help = "driver that it is bound to, like vfio-pci, or none" },
	{ .name = "hw-addr", .value = "MAC", .help = "address of its port function (switchdev)" },
	{ .name = "state", .value = "STATE", .help = "of that function: active or inactive" },
	{ .name = "fn-tx-max", .value = "MBPS", .help = "rate of that function: at most, 0 for no limit" },
	{ .name = "fn-tx-share", .value = "MBPS", .help = "rate of that function: always, 0 for none" },
	CHANGE_OPTIONS,
	{ 0 },
};

static const struct program_option bind_options[] = {
	{ .name = "vf", .value = "N", .help = "the VF, or a range like 0-3" },
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
	  .help = "the steps from what is to what a configuration's key 'sriov:' wants; "
		  "- reads stdin",
	  .run = program_plan },
	{ .name = "apply", .operand = "FILE", .options = change_options,
	  .help = "do those steps, read back, undo what fails; - reads stdin", .run = program_apply },
	{ .name = "set", .operand = "PF", .options = set_options,
	  .help = "change one PF or its VFs without a file", .run = program_set },
	{ .name = "bind", .operand = "PF", .options = bind_options,
	  .help = "give a VF another driver", .run = program_bind },
	{ .name = "--watch", .options = watch_options,
	  .help = "be the service: apply, then keep it so", .run = program_watch },
};
/* clang-format on */

const unsigned program_n_verbs = sizeof(program_verbs) / sizeof(program_verbs[0]);
