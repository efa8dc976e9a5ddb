/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The table of verbs. A new verb is a row here; dispatch, help, completion and shunt(1) follow.
 */
#include "cli.h"

#define NO_FIELDS (-1)

static const char *const fdb_add_fields[] = { "bridge", "vlan", "mac", "port", NULL };
static const char *const fdb_del_fields[] = { "bridge", "vlan", "mac", NULL };
static const char *const fdb_list_fields[] = { "bridge", NULL };
static const char *const fdb_flush_fields[] = { "bridge", "port", "vlan", NULL };

static const char *const uplink_fields[] = { "device", NULL };

static const char *const of_bridge_fields[] = { "bridge", NULL };

static const char *const log_levels[] = { "err", "warn", "notice", "info", "debug", NULL };
static const char *const shells[] = { "bash", NULL };

static const struct cli_option stats_options[] = {
	{ "clear", "zero them after reading", NULL },
	{ 0 },
};
static const struct cli_option port_stats_options[] = {
	{ "hw", "of uplinks by pci: the device's own counters too", NULL },
	{ 0 },
};
static const struct cli_option flow_del_options[] = {
	{ "strict", "the one flow with exactly this match and priority", NULL },
	{ 0 },
};
static const struct cli_option trace_options[] = {
	{ "in-port", "the port where the frame comes in; default: it comes from the controller",
		"PORT" },
	{ "frame", "the frame, in hexadecimal digits, in place of a match", "HEX" },
	{ "pcap", "a capture whose first frame it is; - reads stdin", "FILE" },
	{ 0 },
};
static const struct cli_option balloon_options[] = {
	{ "size", "how much in all, like 64M; 0 for nothing", "SIZE" },
	{ 0 },
};
static const struct cli_option capture_options[] = {
	{ "write", "where to, in pcapng; - is standard output", "FILE" },
	{ "dir",
		"in: what the port sends into the switch, out: what the switch sends by it; "
		"default: both",
		"in|out|both" },
	{ "device", "of a team: what goes by this device alone", "DEVICE" },
	{ "filter", "frames that it matches alone, as tcpdump takes it", "EXPRESSION" },
	{ "snaplen", "bytes of a frame at most; default, and 0: all", "BYTES" },
	{ "count", "end after so many frames", "N" },
	{ 0 },
};
static const struct cli_option apply_options[] = {
	{ "dry-run", "print the plan and stop", NULL },
	{ 0 },
};
static const struct cli_option sriov_stats_options[] = {
	{ "watch", "print them again every second, until interrupted", NULL },
	{ 0 },
};
static const struct cli_option sriov_change_options[] = {
	{ "allow-disruptive", "do steps that disturb VFs that run", NULL },
	{ "force", "touch a NIC that carries the default route, too", NULL },
	{ "dry-run", "print the steps and stop", NULL },
	{ 0 },
};
static const struct cli_option sriov_bind_options[] = {
	{ "vf", "its index", "N" },
	{ "driver", "a driver's name, or none", "D" },
	{ "allow-disruptive", "take it from who has it open", NULL },
	{ "force", "touch a NIC that carries the default route, too", NULL },
	{ "dry-run", "print the steps and stop", NULL },
	{ 0 },
};
/* Of a VF or a range of them; what the PF has is among the options. */
static const char *const sriov_set_fields[] = { "vf", "mac", "vlan", "qos", "vlan_proto",
	"spoofchk", "trust", "link_state", "min_tx_rate", "max_tx_rate", "query_rss",
	"msix_vectors", "driver", "hw_addr", "state", "fn_tx_max", "fn_tx_share", NULL };
static const struct cli_option sriov_set_options[] = {
	{ "num-vfs", "of the PF: VFs that it has", "N" },
	{ "drivers-autoprobe", "of the PF: whether the kernel binds drivers to new VFs by itself",
		"BOOL" },
	{ "eswitch", "of the PF: legacy or switchdev", "MODE" },
	{ "inline-mode", "of the PF: headers that a VF's driver puts into the descriptor", "MODE" },
	{ "encap-mode", "of the PF: whether the embedded switch encapsulates", "MODE" },
	{ "mtu", "of the PF", "N" },
	{ "allow-disruptive", "do steps that disturb VFs that run", NULL },
	{ "force", "touch a NIC that carries the default route, too", NULL },
	{ "dry-run", "print the steps and stop", NULL },
	{ 0 },
};
static const struct cli_option sriov_watch_options[] = {
	{ "config", "the file; default: shuntd's store", "FILE" },
	{ "report-only", "log what differs and change nothing", NULL },
	{ "allow-disruptive", "take VFs away from who uses them, if need be", NULL },
	{ "force", "touch a NIC that carries the default route, too", NULL },
	{ 0 },
};

/* clang-format off */
#define SRIOV(word, of, program_word) \
	.noun = "sriov", .verb = word, .fields = of, .run = cli_sriov, .program_verb = program_word

#define EDIT(word, of) \
	{ .noun = word, .verb = "add", .help = "make one", .operand = CLI_NAME, .fields = of, \
	  .method = word ".add", .run = cli_call }, \
	{ .noun = word, .verb = "del", .help = "remove one", .operand = CLI_NAME, \
	  .fields = NO_FIELDS, .method = word ".del", .run = cli_call }, \
	{ .noun = word, .verb = "set", .help = "change fields; 'none' takes one away", \
	  .operand = CLI_NAME, .fields = of, .method = word ".set", .run = cli_call }, \
	{ .noun = word, .verb = "show", .help = "print one", .operand = CLI_NAME, .reads = true, \
	  .fields = NO_FIELDS, .method = word ".show", .run = cli_call, .print = cli_print_object }

const struct cli_verb cli_verbs[] = {
	{ .noun = "show", .help = "the whole switch as a tree", .fields = NO_FIELDS,
	  .method = "show", .run = cli_call, .print = cli_print_tree, .reads = true },
	{ .noun = "bridge", .verb = "list", .help = "all bridges", .fields = NO_FIELDS, .reads = true,
	  .method = "bridge.list", .run = cli_call, .print = cli_print_bridges },
	EDIT("bridge", API_BRIDGE),
	{ .noun = "portgroup", .verb = "list", .help = "all port groups", .fields = NO_FIELDS,
	  .reads = true, .method = "portgroup.list", .run = cli_call, .print = cli_print_portgroups },
	EDIT("portgroup", API_PORTGROUP),
	{ .noun = "port", .verb = "list", .help = "all ports", .fields = NO_FIELDS, .reads = true,
	  .method = "port.list", .run = cli_call, .print = cli_print_ports },
	EDIT("port", API_PORT),
	{ .noun = "port", .verb = "stats", .help = "counters, and drop reasons of one port",
	  .operand = CLI_OPTIONAL_NAME, .fields = NO_FIELDS, .options = port_stats_options,
	  .reads = true, .method = "port.stats", .run = cli_call, .print = cli_print_port_stats },
	{ .noun = "uplink", .verb = "neighbors", .help = "who is at their other ends, by LLDP",
	  .operand = CLI_OPTIONAL_NAME, .operand_name = "[PORT]", .fields = NO_FIELDS, .reads = true,
	  .method = "uplink.neighbors", .run = cli_call, .print = cli_print_neighbors },
	{ .noun = "uplink", .verb = "list", .help = "the devices of all uplinks",
	  .fields = NO_FIELDS, .reads = true, .method = "uplink.list", .run = cli_call,
	  .print = cli_print_uplinks },
	{ .noun = "uplink", .verb = "show", .help = "one uplink, and what is true of its devices",
	  .operand = CLI_NAME, .fields = NO_FIELDS, .reads = true, .method = "uplink.show",
	  .run = cli_call, .print = cli_print_uplink },
	{ .noun = "uplink", .verb = "add", .help = "add a device to a team, as it runs",
	  .operand = CLI_NAME, .fields = API_PORT, .only = uplink_fields,
	  .method = "uplink.add", .run = cli_call },
	{ .noun = "uplink", .verb = "del", .help = "take a device out of a team, as it runs",
	  .operand = CLI_NAME, .fields = API_PORT, .only = uplink_fields,
	  .method = "uplink.del", .run = cli_call },
	{ .noun = "mirror", .verb = "list", .help = "all mirrors and what they have copied",
	  .fields = NO_FIELDS, .reads = true, .method = "mirror.list", .run = cli_call,
	  .print = cli_print_mirrors },
	EDIT("mirror", API_MIRROR),
	{ .noun = "fdb", .verb = "list", .help = "addresses and their ports", .fields = API_FDB,
	  .only = fdb_list_fields, .reads = true, .method = "fdb.list", .run = cli_call_in_parts,
	  .print = cli_print_fdb },
	{ .noun = "fdb", .verb = "add", .help = "add a static entry", .fields = API_FDB,
	  .only = fdb_add_fields, .method = "fdb.add", .run = cli_call },
	{ .noun = "fdb", .verb = "del", .help = "forget an entry", .fields = API_FDB,
	  .only = fdb_del_fields, .method = "fdb.del", .run = cli_call },
	{ .noun = "fdb", .verb = "flush", .help = "forget what was learned", .fields = API_FDB,
	  .only = fdb_flush_fields, .reads = true, .method = "fdb.flush", .run = cli_call,
	  .print = cli_print_flushed },
	{ .noun = "flow", .verb = "list", .help = "the flows that a match covers; all without",
	  .operand = CLI_OPTIONAL_WORD, .operand_name = "[MATCH]", .param = "match",
	  .fields = API_FDB, .only = of_bridge_fields, .reads = true, .method = "flow.list",
	  .run = cli_call_in_parts, .print = cli_print_flows },
	{ .noun = "flow", .verb = "add", .help = "add a flow, as ovs-ofctl writes it",
	  .operand = CLI_WORD, .operand_name = "FLOW", .param = "flow", .fields = API_FDB,
	  .only = of_bridge_fields, .method = "flow.add", .run = cli_call },
	{ .noun = "flow", .verb = "del", .help = "delete the flows that a match covers; all without",
	  .operand = CLI_OPTIONAL_WORD, .operand_name = "[MATCH]", .param = "match",
	  .fields = API_FDB, .only = of_bridge_fields, .options = flow_del_options,
	  .method = "flow.del", .run = cli_call },
	{ .noun = "trace", .help = "what would become of a frame: tables, flows, actions, ports",
	  .operand = CLI_OPTIONAL_WORD, .operand_name = "[MATCH]", .param = "match",
	  .fields = API_FDB, .only = of_bridge_fields, .options = trace_options, .reads = true,
	  .method = "trace", .run = cli_trace, .print = cli_print_trace },
	{ .noun = "capture", .help = "what goes in and out of a port, as it runs",
	  .operand = CLI_NAME, .operand_name = "PORT", .fields = NO_FIELDS,
	  .options = capture_options, .method = "capture.start", .run = cli_capture },
	{ .noun = "group", .verb = "list", .help = "OpenFlow groups", .fields = API_FDB,
	  .only = of_bridge_fields, .reads = true, .method = "group.list", .run = cli_call,
	  .print = cli_print_groups },
	{ .noun = "meter", .verb = "list", .help = "OpenFlow meters", .fields = API_FDB,
	  .only = of_bridge_fields, .reads = true, .method = "meter.list", .run = cli_call,
	  .print = cli_print_meters },
	{ .noun = "table", .verb = "list", .help = "flow tables: masks, probes, memory",
	  .fields = API_FDB, .only = of_bridge_fields, .reads = true, .method = "table.list",
	  .run = cli_call, .print = cli_print_tables },
	{ .noun = "worker", .verb = "list", .help = "forwarding threads", .fields = NO_FIELDS,
	  .reads = true, .method = "worker.list", .run = cli_call, .print = cli_print_workers },
	{ .noun = "worker", .verb = "stats", .help = "their frames and cycles", .fields = NO_FIELDS,
	  .options = stats_options, .reads = true, .method = "worker.stats", .run = cli_call,
	  .print = cli_print_worker_stats },
	{ SRIOV("list", NO_FIELDS, "list"), .help = "NICs that can have virtual functions",
	  .reads = true },
	{ SRIOV("show", NO_FIELDS, "show"), .help = "one of them and its virtual functions",
	  .operand = CLI_WORD, .operand_name = "PF", .reads = true },
	{ SRIOV("stats", NO_FIELDS, "stats"), .help = "counters of virtual functions",
	  .operand = CLI_OPTIONAL_WORD, .operand_name = "[PF]", .options = sriov_stats_options,
	  .reads = true },
	{ SRIOV("plan", NO_FIELDS, "plan"), .help = "print the steps to a file's key sriov; - reads stdin",
	  .operand = CLI_FILE, .operand_name = "FILE", .reads = true },
	{ SRIOV("apply", NO_FIELDS, "apply"), .help = "do these steps and read them back; - reads stdin",
	  .operand = CLI_FILE, .operand_name = "FILE", .more = sriov_change_options },
	{ SRIOV("set", API_SRIOV_VF, "set"), .help = "change one NIC, or one of its virtual functions",
	  .operand = CLI_WORD, .operand_name = "PF", .only = sriov_set_fields, .more = sriov_set_options },
	{ SRIOV("bind", NO_FIELDS, "bind"), .help = "give a virtual function to a driver, as vfio-pci",
	  .operand = CLI_WORD, .operand_name = "PF", .more = sriov_bind_options },
	{ SRIOV("watch", NO_FIELDS, "--watch"), .help = "keep NICs as a file wants them",
	  .more = sriov_watch_options },
	{ .noun = "vm", .verb = "list", .help = "all virtual machines", .fields = NO_FIELDS,
	  .reads = true, .method = "vm.list", .run = cli_call, .print = cli_print_vms },
	{ .noun = "vm", .verb = "create", .help = "define one; FILE is a definition as JSON, - reads stdin",
	  .operand = CLI_NAME, .second = "[FILE]", .fields = API_VM, .method = "vm.create",
	  .run = cli_vm_create },
	{ .noun = "vm", .verb = "set", .operand = CLI_NAME, .fields = API_VM,
	  .help = "change its definition; 'none' takes a field away", .method = "vm.set",
	  .run = cli_call },
	{ .noun = "vm", .verb = "del", .help = "remove its definition and its ports; not its disks",
	  .operand = CLI_NAME, .fields = NO_FIELDS, .method = "vm.del", .run = cli_call },
	{ .noun = "vm", .verb = "start", .help = "start it", .operand = CLI_NAME,
	  .fields = NO_FIELDS, .method = "vm.start", .run = cli_call },
	{ .noun = "vm", .verb = "stop", .help = "press its power button", .operand = CLI_NAME,
	  .fields = NO_FIELDS, .method = "vm.stop", .run = cli_call },
	{ .noun = "vm", .verb = "kill", .help = "end it at once", .operand = CLI_NAME,
	  .fields = NO_FIELDS, .method = "vm.kill", .run = cli_call },
	{ .noun = "vm", .verb = "pause", .help = "halt its virtual CPUs", .operand = CLI_NAME,
	  .fields = NO_FIELDS, .method = "vm.pause", .run = cli_call },
	{ .noun = "vm", .verb = "resume", .help = "let them go on", .operand = CLI_NAME,
	  .fields = NO_FIELDS, .method = "vm.resume", .run = cli_call },
	{ .noun = "vm", .verb = "snapshot", .help = "keep memory, devices and disks in a new folder",
	  .operand = CLI_NAME, .second = "DIR", .fields = NO_FIELDS, .method = "vm.snapshot",
	  .run = cli_vm_folder },
	{ .noun = "vm", .verb = "restore", .help = "start it where a snapshot of it was taken",
	  .operand = CLI_NAME, .second = "DIR", .fields = NO_FIELDS, .method = "vm.restore",
	  .run = cli_vm_folder },
	{ .noun = "vm", .verb = "info", .help = "what is true of it now", .operand = CLI_NAME,
	  .fields = NO_FIELDS, .reads = true, .method = "vm.info", .run = cli_call,
	  .print = cli_print_vm },
	{ .noun = "vm", .verb = "console", .help = "its serial console, until Ctrl-]",
	  .operand = CLI_NAME, .fields = NO_FIELDS, .run = cli_console },
	{ .noun = "vm", .verb = "balloon", .help = "ask the guest to give memory back",
	  .operand = CLI_NAME, .fields = NO_FIELDS, .options = balloon_options,
	  .method = "vm.balloon", .run = cli_call },
	{ .noun = "vm", .verb = "pin", .help = "choose the CPUs of a virtual CPU, now and later",
	  .operand = CLI_NAME, .fields = API_VM_PIN, .method = "vm.pin", .run = cli_call },
	{ .noun = "apply", .help = "make the switch equal to a file; - reads stdin",
	  .operand = CLI_FILE, .operand_name = "FILE", .fields = NO_FIELDS,
	  .options = apply_options, .method = "apply", .run = cli_apply, .reads = true },
	{ .noun = "config", .verb = "show", .help = "the configuration as YAML", .fields = NO_FIELDS,
	  .method = "config.show", .run = cli_config_show, .reads = true },
	{ .noun = "config", .verb = "check", .help = "check a file; - reads stdin; needs no running shuntd",
	  .operand = CLI_FILE, .operand_name = "FILE", .fields = NO_FIELDS,
	  .run = cli_config_check },
	{ .noun = "log", .verb = "set", .help = "change the log's level: err warn notice info debug",
	  .operand = CLI_WORD, .operand_name = "LEVEL", .words = log_levels, .param = "level",
	  .fields = NO_FIELDS,
	  .method = "log.set", .run = cli_call },
	{ .noun = "completion", .help = "print the completion script of a shell",
	  .operand = CLI_WORD, .operand_name = "bash", .words = shells, .fields = NO_FIELDS,
	  .run = cli_completion },
	{ .noun = "version", .help = "versions of shunt and of the running shuntd",
	  .fields = NO_FIELDS, .method = "version", .run = cli_call, .print = cli_print_version,
	  .reads = true },
};
/* clang-format on */

const unsigned cli_n_verbs = sizeof(cli_verbs) / sizeof(cli_verbs[0]);
