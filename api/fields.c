/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The tables of fields. Constant data and look-ups in it; any thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/fields.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char *const words_poll[] = { "adaptive", "busy", NULL };
static const char *const words_hugepages[] = { "auto", "on", "off", NULL };
static const char *const words_fail_mode[] = { "standalone", "secure", NULL };
static const char *const words_port_type[] = { "vhost-user", "uplink", "internal", "null", "pcap",
	NULL };
static const char *const words_port_mode[] = { "server", "client", NULL };
static const char *const words_vlan_mode[] = { "access", "trunk", "native-untagged",
	"native-tagged", NULL };
static const char *const words_mirror_tags[] = { "as-is", "by-vlan", NULL };
static const char *const words_host[] = { "own", "none", "all-but-vms", NULL };
static const char *const words_lldp[] = { "both", "send", "receive", "off", NULL };
static const char *const words_team[] = { "active-backup", "balance-mac", "balance-tcp", "lacp",
	NULL };
static const char *const words_lacp[] = { "active", "passive", NULL };
static const char *const words_lacp_rate[] = { "slow", "fast", NULL };
static const char *const words_offload[] = { "all", "tso", "csum", "none", NULL };
static const char *const words_accept[] = { "accept", "reject", NULL };
static const char *const words_eswitch[] = { "legacy", "switchdev", NULL };
static const char *const words_inline_mode[] = { "none", "link", "network", "transport", NULL };
static const char *const words_encap_mode[] = { "none", "basic", NULL };
static const char *const words_vlan_proto[] = { "802.1q", "802.1ad", NULL };
static const char *const words_link_state[] = { "auto", "enable", "disable", NULL };
static const char *const words_vf_state[] = { "active", "inactive", NULL };
static const char *const words_auto[] = { "auto", NULL };
static const char *const words_vm_hugepages[] = { "auto", "off", "2M", "1G", NULL };

/* clang-format off */
#define ROW_NAME(of, text) \
	{ .name = "name", .type = API_TYPE_NAME, .ref = of, .help = text }

static const struct api_field workers_fields[] = {
	{ .name = "cpus", .type = API_TYPE_UINTS, .max = 1023, .def = "the last CPU allowed",
	  .help = "CPUs that forward frames, one worker thread each" },
	{ .name = "poll", .type = API_TYPE_ENUM, .words = words_poll, .def = "adaptive",
	  .help = "what a worker without frames does: adaptive sleeps, busy keeps polling" },
};

static const struct api_field memory_fields[] = {
	{ .name = "size", .type = API_TYPE_SIZE, .min = 1u << 20, .max = UINT64_C(1) << 40,
	  .def = "512M", .help = "packet memory; a change takes effect at the next start" },
	{ .name = "hugepages", .type = API_TYPE_ENUM, .words = words_hugepages, .def = "auto",
	  .help = "auto takes huge pages if there are enough, else plain memory" },
};

static const struct api_field lldp_fields[] = {
	{ .name = "mode", .type = API_TYPE_ENUM, .words = words_lldp, .def = "both",
	  .help = "what uplinks do that say nothing else in their own lldp" },
	{ .name = "interval_s", .type = API_TYPE_UINT, .min = 1, .max = 3600, .def = "30",
	  .help = "seconds between two announcements" },
	{ .name = "hold", .type = API_TYPE_UINT, .min = 2, .max = 10, .def = "4",
	  .help = "so many intervals neighbours believe an announcement" },
	{ .name = "system_name", .type = API_TYPE_TEXT, .max = 255, .def = "the host's name",
	  .help = "name that is announced" },
	{ .name = "management_address", .type = API_TYPE_TEXT, .max = 45,
	  .def = "the host's first global IPv4 and IPv6 address",
	  .help = "IP address that is announced, or none" },
};

static const struct api_field bridge_fields[] = {
	ROW_NAME(API_BRIDGE, "name of the bridge"),
	{ .name = "fail_mode", .type = API_TYPE_ENUM, .words = words_fail_mode, .def = "standalone",
	  .help = "without a controller: standalone learns and forwards, secure forwards nothing" },
	{ .name = "datapath_id", .type = API_TYPE_DPID,
	  .def = "from the bridge's name and the machine id", .help = "OpenFlow datapath id" },
	{ .name = "controllers", .type = API_TYPE_TEXTS, .max = 255,
	  .help = "OpenFlow controllers, like tcp:127.0.0.1:6653" },
	{ .name = "fail_after_s", .type = API_TYPE_UINT, .min = 1, .max = 3600, .def = "15",
	  .help = "seconds without a controller after which a standalone bridge learns again" },
	{ .name = "flow_limit", .type = API_TYPE_UINT, .min = 1, .max = 4000000, .def = "4000000",
	  .help = "flows that the bridge's tables hold together; more are refused as TABLE_FULL" },
	{ .name = "controller_rate_limit", .type = API_TYPE_UINT, .max = 1000000, .def = "10000",
	  .help = "packet-ins a second to each controller, 0 for no limit" },
	{ .name = "ssl_private_key", .type = API_TYPE_TEXT, .max = 255,
	  .help = "PEM file of the key with which the bridge speaks TLS, for ssl: and pssl:" },
	{ .name = "ssl_certificate", .type = API_TYPE_TEXT, .max = 255,
	  .help = "PEM file of that key's certificate, and of those between it and the authority" },
	{ .name = "ssl_ca_certificate", .type = API_TYPE_TEXT, .max = 255,
	  .def = "none, and nobody is asked for a certificate",
	  .help = "PEM file of the authorities whose certificates controllers must show" },
	{ .name = "fdb_size", .type = API_TYPE_UINT, .min = 1, .max = 1048576, .def = "65536",
	  .help = "addresses that the bridge can learn" },
	{ .name = "fdb_ageing_s", .type = API_TYPE_UINT, .max = 1000000, .def = "300",
	  .help = "seconds without a frame after which an address is forgotten, 0 for never" },
};

#define ROWS_POLICY \
	{ .name = "vlan", .type = API_TYPE_UINT, .flags = API_INHERITED, .max = 4094, \
	  .help = "access VLAN, or the native VLAN of a native vlan_mode" }, \
	{ .name = "trunk", .type = API_TYPE_VLANS, .flags = API_INHERITED, \
	  .def = "all, when no vlan is given", .help = "VLANs carried tagged" }, \
	{ .name = "vlan_mode", .type = API_TYPE_ENUM, .flags = API_INHERITED, \
	  .words = words_vlan_mode, .def = "access if a vlan is given, else trunk", \
	  .help = "how vlan and trunk are meant, in Open vSwitch's words" }, \
	{ .name = "promiscuous", .type = API_TYPE_ENUM, .flags = API_INHERITED, \
	  .words = words_accept, .def = "reject", \
	  .help = "accept: the port gets a copy of every frame of its VLANs" }, \
	{ .name = "mac_changes", .type = API_TYPE_ENUM, .flags = API_INHERITED, \
	  .words = words_accept, .def = "accept", \
	  .help = "reject: the port receives for its own address alone" }, \
	{ .name = "forged_transmits", .type = API_TYPE_ENUM, .flags = API_INHERITED, \
	  .words = words_accept, .def = "accept", \
	  .help = "reject: the port may send from its own address alone" }, \
	{ .name = "mac_limit", .type = API_TYPE_UINT, .flags = API_INHERITED, .max = 1048576, \
	  .def = "0", .help = "addresses that may be learned on the port, 0 for no limit" }, \
	{ .name = "isolated", .type = API_TYPE_BOOL, .flags = API_INHERITED, .def = "false", \
	  .help = "isolated ports exchange no frame with each other" }, \
	{ .name = "rate_limit_in", .type = API_TYPE_RATE, .flags = API_INHERITED, \
	  .max = UINT64_C(1000000000000), .def = "0", \
	  .help = "bits a second that the port may send into the switch, 0 for no limit" }, \
	{ .name = "rate_limit_out", .type = API_TYPE_RATE, .flags = API_INHERITED, \
	  .max = UINT64_C(1000000000000), .def = "0", \
	  .help = "bits a second that the switch sends to the port, 0 for no limit" }, \
	{ .name = "storm_limit", .type = API_TYPE_UINT, .flags = API_INHERITED, \
	  .max = 1000000000, .def = "0", \
	  .help = "broadcast, multicast and unknown frames a second from the port, 0 for no limit" }, \
	{ .name = "offload", .type = API_TYPE_ENUM, .flags = API_INHERITED, \
	  .words = words_offload, .def = "all", \
	  .help = "left undone in frames to and from the port: checksums and segmentation of " \
		  "TCP and UDP (all), without UDP (tso), checksums (csum), nothing (none)" }, \
	{ .name = "mtu", .type = API_TYPE_UINT, .flags = API_INHERITED, .min = 68, .max = 9000, \
	  .def = "1500", .help = "longest frame without its Ethernet header and VLAN tag, in bytes" }, \
	{ .name = "active", .type = API_TYPE_TEXTS, .flags = API_INHERITED, .max = 255, \
	  .def = "all devices of the team, when neither is given", \
	  .help = "devices of the bridge's team that are used, in order of preference" }, \
	{ .name = "standby", .type = API_TYPE_TEXTS, .flags = API_INHERITED, .max = 255, \
	  .help = "devices of it that take over from those; what neither names is not used" }

static const struct api_field portgroup_fields[] = {
	ROW_NAME(API_PORTGROUP, "name of the port group"),
	{ .name = "bridge", .type = API_TYPE_NAME, .ref = API_BRIDGE,
	  .help = "bridge that the group's ports belong to" },
	ROWS_POLICY,
};

static const struct api_field port_fields[] = {
	ROW_NAME(API_PORT, "name of the port; an internal port's interface has it too"),
	{ .name = "portgroup", .type = API_TYPE_NAME, .ref = API_PORTGROUP,
	  .help = "port group that the port takes its policy from; or give a bridge" },
	{ .name = "bridge", .type = API_TYPE_NAME, .ref = API_BRIDGE,
	  .help = "bridge of a port without a port group" },
	{ .name = "type", .type = API_TYPE_ENUM, .words = words_port_type, .flags = API_MAKING,
	  .def = "vhost-user", .help = "what the port leads to" },
	{ .name = "mode", .type = API_TYPE_ENUM, .words = words_port_mode, .flags = API_MAKING,
	  .def = "server", .help = "vhost-user: whether shuntd makes the socket or connects to it" },
	{ .name = "socket", .type = API_TYPE_TEXT, .max = 255, .flags = API_MAKING,
	  .def = "NAME.sock", .help = "vhost-user: socket, relative to the run folder" },
	{ .name = "device", .type = API_TYPE_TEXT, .max = 255, .flags = API_MAKING,
	  .help = "uplink: xdp:INTERFACE, packet:INTERFACE or pci:ADDRESS; pcap: IN,OUT" },
	{ .name = "devices", .type = API_TYPE_TEXTS, .max = 255,
	  .help = "uplink: several devices as a team, in place of device" },
	{ .name = "team", .type = API_TYPE_ENUM, .words = words_team, .def = "active-backup",
	  .help = "uplink of several devices: how frames are shared among them" },
	{ .name = "primary", .type = API_TYPE_TEXT, .max = 63,
	  .help = "team active-backup: the device that is used whenever it works" },
	{ .name = "failback_delay_ms", .type = API_TYPE_UINT, .max = 3600000, .def = "1000",
	  .help = "how long a device of a team must work again before others give way to it" },
	{ .name = "lacp", .type = API_TYPE_ENUM, .words = words_lacp, .def = "active",
	  .help = "team lacp: active speaks by itself, passive answers alone" },
	{ .name = "lacp_rate", .type = API_TYPE_ENUM, .words = words_lacp_rate, .def = "slow",
	  .help = "team lacp: how often the partner shall speak; it is given up after 90 s, or 3 s" },
	{ .name = "lacp_priority", .type = API_TYPE_UINT, .min = 1, .max = 65535, .def = "32768",
	  .help = "team lacp: priority of the system; the lowest decides" },
	{ .name = "lacp_fallback", .type = API_TYPE_BOOL, .def = "false",
	  .help = "team lacp: while nobody answers, use one device; else the uplink is down" },
	{ .name = "host", .type = API_TYPE_ENUM, .words = words_host, .def = "own",
	  .help = "uplink by xdp: which frames the host's kernel goes on getting" },
	{ .name = "lldp", .type = API_TYPE_ENUM, .words = words_lldp, .def = "that of lldp.mode",
	  .help = "uplink: whether it announces the host to its neighbours, and hears them" },
	{ .name = "queues", .type = API_TYPE_UINT, .min = 1, .max = 8, .flags = API_MAKING,
	  .def = "1", .help = "queue pairs at most" },
	{ .name = "ofport", .type = API_TYPE_UINT, .min = 1, .max = 65279,
	  .def = "next free, then kept", .help = "OpenFlow port number" },
	{ .name = "mac", .type = API_TYPE_MAC,
	  .def = "the first that the port sends from",
	  .help = "the port's own address, for mac_changes and forged_transmits" },
	{ .name = "enabled", .type = API_TYPE_BOOL, .def = "true",
	  .help = "false: the port carries nothing" },
	ROWS_POLICY,
};

static const struct api_field fdb_fields[] = {
	{ .name = "bridge", .type = API_TYPE_NAME, .ref = API_BRIDGE, .help = "bridge" },
	{ .name = "vlan", .type = API_TYPE_UINT, .max = 4094, .def = "0",
	  .help = "VLAN of the entry, 0 for untagged frames; where 'fdb add' is not told, the "
		  "port's" },
	{ .name = "mac", .type = API_TYPE_MAC, .help = "address" },
	{ .name = "port", .type = API_TYPE_NAME, .ref = API_PORT,
	  .help = "port where the address is" },
};

static const struct api_field mirror_fields[] = {
	ROW_NAME(API_MIRROR, "name of the mirror"),
	{ .name = "bridge", .type = API_TYPE_NAME, .ref = API_BRIDGE,
	  .help = "bridge whose frames it copies" },
	{ .name = "select_all", .type = API_TYPE_BOOL,
	  .def = "true, when no port is selected", .help = "every port of the bridge, both ways" },
	{ .name = "select_src_port", .type = API_TYPE_NAMES, .ref = API_PORT,
	  .help = "ports whose frames into the switch are copied" },
	{ .name = "select_dst_port", .type = API_TYPE_NAMES, .ref = API_PORT,
	  .help = "ports for which frames out of the switch are copied" },
	{ .name = "select_vlan", .type = API_TYPE_VLANS, .def = "all",
	  .help = "frames of these VLANs alone" },
	{ .name = "output_port", .type = API_TYPE_NAME, .ref = API_PORT,
	  .help = "port that gets the copies, and nothing else" },
	{ .name = "output_vlan", .type = API_TYPE_UINT, .min = 1, .max = 4094,
	  .help = "or the VLAN that they go to, on every port that carries it" },
	{ .name = "output_tags", .type = API_TYPE_ENUM, .words = words_mirror_tags, .def = "as-is",
	  .help = "VLAN tag of a copy at output_port: as the selected port has it, or by-vlan, as Open "
		  "vSwitch does" },
	{ .name = "snaplen", .type = API_TYPE_UINT, .min = 14, .max = 65535, .def = "no limit",
	  .help = "bytes of a copy at most" },
};

static const struct api_field sriov_fields[] = {
	{ .name = "pf", .type = API_TYPE_TEXT, .max = 63,
	  .help = "the PF: a network interface, a PCI address, a MAC address, or vendor:device and "
		  "driver like 8086:10c9 igb" },
	{ .name = "num_vfs", .type = API_TYPE_UINT, .max = 65535, .help = "VFs that the PF has" },
	{ .name = "drivers_autoprobe", .type = API_TYPE_BOOL,
	  .help = "whether the kernel binds a driver to each new VF by itself" },
	{ .name = "eswitch", .type = API_TYPE_ENUM, .words = words_eswitch,
	  .help = "mode of the NIC's embedded switch" },
	{ .name = "inline_mode", .type = API_TYPE_ENUM, .words = words_inline_mode,
	  .help = "headers that a VF's driver puts into the descriptor for the embedded switch" },
	{ .name = "encap_mode", .type = API_TYPE_ENUM, .words = words_encap_mode,
	  .help = "whether the embedded switch encapsulates" },
	{ .name = "mtu", .type = API_TYPE_UINT, .min = 68, .max = 65535,
	  .help = "MTU of the PF's interface, in bytes" },
	{ .name = "vfs", .type = API_TYPE_ITEMS, .ref = API_SRIOV_VF,
	  .help = "settings of VFs; where two lines set the same of one VF the later one wins" },
};

static const struct api_field sriov_vf_fields[] = {
	{ .name = "vf", .type = API_TYPE_RANGE, .max = 65534,
	  .help = "index of the VF, or first and last of a range" },
	{ .name = "portgroup", .type = API_TYPE_NAME, .ref = API_PORTGROUP,
	  .help = "port group that gives the VF its VLAN and MAC policy, in place of vlan" },
	{ .name = "mac", .type = API_TYPE_MAC, .words = words_auto,
	  .help = "address; auto is a stable one, made of the PF's and the index" },
	{ .name = "vlan", .type = API_TYPE_UINT, .max = 4094,
	  .help = "VLAN whose tag the NIC pushes and pops, 0 for none" },
	{ .name = "qos", .type = API_TYPE_UINT, .max = 7, .help = "priority in that tag" },
	{ .name = "vlan_proto", .type = API_TYPE_ENUM, .words = words_vlan_proto,
	  .help = "protocol of that tag" },
	{ .name = "trunk", .type = API_TYPE_VLANS,
	  .help = "VLANs that the VF may tag by itself, where the driver has such a list" },
	{ .name = "spoofchk", .type = API_TYPE_BOOL,
	  .help = "whether the NIC drops frames from another address than the VF's" },
	{ .name = "trust", .type = API_TYPE_BOOL,
	  .help = "whether the VF may change its address and be promiscuous" },
	{ .name = "link_state", .type = API_TYPE_ENUM, .words = words_link_state,
	  .help = "link that the VF sees; auto is the PF's" },
	{ .name = "min_tx_rate", .type = API_TYPE_UINT, .max = UINT32_MAX,
	  .help = "Mb/s that the VF may always send, 0 for none" },
	{ .name = "max_tx_rate", .type = API_TYPE_UINT, .max = UINT32_MAX,
	  .help = "Mb/s that the VF may send at most, 0 for no limit" },
	{ .name = "query_rss", .type = API_TYPE_BOOL,
	  .help = "whether the VF may read the RSS table and key that it shares with the PF" },
	{ .name = "msix_vectors", .type = API_TYPE_UINT, .min = 1, .max = 2048,
	  .help = "MSI-X vectors of the VF; without it the driver's own choice" },
	{ .name = "driver", .type = API_TYPE_WORD, .max = 31,
	  .help = "driver that the VF is bound to, like vfio-pci; none leaves it unbound" },
	{ .name = "hw_addr", .type = API_TYPE_MAC,
	  .help = "address of the VF's devlink port function" },
	{ .name = "state", .type = API_TYPE_ENUM, .words = words_vf_state,
	  .help = "state of the VF's devlink port function" },
	{ .name = "fn_tx_max", .type = API_TYPE_UINT, .max = UINT32_MAX,
	  .help = "devlink rate of the function: Mb/s at most, 0 for no limit" },
	{ .name = "fn_tx_share", .type = API_TYPE_UINT, .max = UINT32_MAX,
	  .help = "devlink rate of the function: Mb/s that it always has, 0 for none" },
};

static const struct api_field vm_fields[] = {
	ROW_NAME(API_VM, "name of the virtual machine"),
	{ .name = "vcpus", .type = API_TYPE_UINT, .min = 1, .max = 64, .def = "1",
	  .help = "virtual CPUs" },
	{ .name = "memory", .type = API_TYPE_ITEM, .ref = API_VM_MEMORY,
	  .help = "the guest's memory" },
	{ .name = "kernel", .type = API_TYPE_TEXT, .max = 1023,
	  .help = "file of the kernel, a bzImage or a vmlinux" },
	{ .name = "initrd", .type = API_TYPE_TEXT, .max = 1023, .help = "file of the initial RAM disk" },
	{ .name = "cmdline", .type = API_TYPE_TEXT, .max = 2047, .help = "the kernel's command line" },
	{ .name = "disks", .type = API_TYPE_ITEMS, .ref = API_VM_DISK,
	  .help = "disks, in the order in which the guest sees them" },
	{ .name = "nics", .type = API_TYPE_ITEMS, .ref = API_VM_NIC,
	  .help = "network interfaces, in the order in which the guest sees them" },
	{ .name = "pin", .type = API_TYPE_ITEMS, .ref = API_VM_PIN,
	  .help = "which CPUs of the host a virtual CPU runs on" },
	{ .name = "balloon", .type = API_TYPE_BOOL, .def = "true",
	  .help = "a balloon, by which the guest gives memory back" },
	{ .name = "rng", .type = API_TYPE_BOOL, .def = "true",
	  .help = "a source of random numbers" },
	{ .name = "serial", .type = API_TYPE_TEXT, .max = 1023, .def = "pty",
	  .help = "serial console: pty, off, or a file that its output goes to" },
	{ .name = "user", .type = API_TYPE_WORD, .max = 31, .def = "that of shuntd",
	  .help = "user that the virtual machine's process runs as" },
	{ .name = "chroot", .type = API_TYPE_TEXT, .max = 1023,
	  .help = "folder that the virtual machine's process sees alone, once its files are open" },
	{ .name = "autostart", .type = API_TYPE_BOOL, .def = "false",
	  .help = "whether it starts together with shuntd" },
};

static const struct api_field vm_memory_fields[] = {
	{ .name = "size", .type = API_TYPE_SIZE, .min = 1u << 20, .max = UINT64_C(1) << 40,
	  .def = "256M", .help = "how much" },
	{ .name = "hugepages", .type = API_TYPE_ENUM, .words = words_vm_hugepages, .def = "auto",
	  .help = "page size of the host; auto takes huge pages if there are enough" },
	{ .name = "mergeable", .type = API_TYPE_BOOL, .def = "false",
	  .help = "whether the host may share equal pages (KSM)" },
	{ .name = "numa_node", .type = API_TYPE_UINT, .max = 1023,
	  .help = "NUMA node of the host that it comes from" },
};

static const struct api_field vm_disk_fields[] = {
	{ .name = "file", .type = API_TYPE_TEXT, .max = 1023, .help = "raw image or block device" },
	{ .name = "size", .type = API_TYPE_SIZE, .min = 512, .max = UINT64_C(1) << 44,
	  .def = "the file's", .help = "size; a file that is not there is made, sparse" },
	{ .name = "discard", .type = API_TYPE_BOOL, .def = "false",
	  .help = "whether what the guest discards is given back to the host" },
	{ .name = "readonly", .type = API_TYPE_BOOL, .def = "false",
	  .help = "whether the guest may only read" },
};

static const struct api_field vm_nic_fields[] = {
	{ .name = "portgroup", .type = API_TYPE_NAME, .ref = API_PORTGROUP,
	  .help = "port group that the interface is plugged into; its port is made by itself" },
	{ .name = "port", .type = API_TYPE_NAME, .ref = API_PORT,
	  .help = "or a port that there is: vhost-user, in mode server" },
	{ .name = "vf", .type = API_TYPE_TEXT, .max = 63,
	  .help = "or a VF: its PF (interface or PCI address), a slash, its index; or a PCI address" },
	{ .name = "mac", .type = API_TYPE_MAC, .def = "a stable one, made of the VM's name",
	  .help = "address" },
	{ .name = "queues", .type = API_TYPE_UINT, .min = 1, .max = 8, .def = "1",
	  .help = "queue pairs" },
	{ .name = "mtu", .type = API_TYPE_UINT, .min = 68, .max = 9000, .def = "the port's",
	  .help = "MTU that the guest is told, in bytes" },
};

static const struct api_field vm_pin_fields[] = {
	{ .name = "vcpu", .type = API_TYPE_UINT, .max = 63, .help = "virtual CPU, from 0" },
	{ .name = "cpus", .type = API_TYPE_UINTS, .max = 1023, .help = "CPUs of the host" },
};

#define TABLE(word, list, rows, text) \
	{ .noun = word, .key = list, .fields = rows, .n_fields = N(rows), .help = text }
#define SINGLE(word, rows, text) \
	{ .noun = word, .key = word, .fields = rows, .n_fields = N(rows), .help = text, .single = true }

const struct api_table api_tables[API_N_NOUNS] = {
	[API_WORKERS] = SINGLE("workers", workers_fields, "threads that forward frames"),
	[API_MEMORY] = SINGLE("memory", memory_fields, "memory that holds frames"),
	[API_LLDP] = SINGLE("lldp", lldp_fields,
		"how uplinks announce the host to their neighbours (IEEE 802.1AB)"),
	[API_BRIDGE] = TABLE("bridge", "bridges", bridge_fields, "learning bridges"),
	[API_PORTGROUP] = TABLE("portgroup", "portgroups", portgroup_fields,
		"VLAN and security policies that ports share"),
	[API_PORT] = TABLE("port", "ports", port_fields,
		"what is plugged into the switch: virtual machines, uplinks, host interfaces"),
	[API_FDB] = TABLE("fdb", "fdb", fdb_fields, "static entries of the forwarding database"),
	[API_MIRROR] = TABLE("mirror", "mirrors", mirror_fields,
		"copies of what ports send and get, to one more port or to a VLAN"),
	[API_SRIOV] = TABLE("sriov", "sriov", sriov_fields,
		"NICs with virtual functions, as shunt-sriov makes them; what is not given is left alone"),
	[API_VM] = TABLE("vm", "vms", vm_fields, "virtual machines"),
	[API_SRIOV_VF] = TABLE("vf", "vfs", sriov_vf_fields, "a VF, or a range of VFs"),
	[API_VM_MEMORY] = SINGLE("memory", vm_memory_fields, "the guest's memory"),
	[API_VM_DISK] = TABLE("disk", "disks", vm_disk_fields, "a disk"),
	[API_VM_NIC] = TABLE("nic", "nics", vm_nic_fields,
		"a network interface: give portgroup, port or vf"),
	[API_VM_PIN] = TABLE("pin", "pin", vm_pin_fields, "where a virtual CPU runs"),
};
/* clang-format on */

_Static_assert(N(port_fields) <= API_MAX_FIELDS, "API_MAX_FIELDS is too small");

int api_field_index(enum api_noun noun, const char *name)
{
	const struct api_table *table = &api_tables[noun];

	for (unsigned i = 0; i < table->n_fields; i++)
		if (strcmp(table->fields[i].name, name) == 0)
			return (int)i;
	return -1;
}

const struct api_field *api_field_find(enum api_noun noun, const char *name)
{
	int i = api_field_index(noun, name);

	return i < 0 ? NULL : &api_tables[noun].fields[i];
}

unsigned api_field_slot(enum api_noun noun, const struct api_field *field)
{
	unsigned slot = 0;

	for (const struct api_field *f = api_tables[noun].fields; f < field; f++)
		slot += api_field_is_nested(f);
	return slot;
}

unsigned api_field_list_slot(enum api_noun noun, const struct api_field *field)
{
	unsigned slot = 0;

	for (const struct api_field *f = api_tables[noun].fields; f < field; f++)
		slot += api_field_is_list(f);
	return slot;
}

const char *api_field_names(enum api_noun noun, char *text, unsigned size)
{
	const struct api_table *table = &api_tables[noun];
	unsigned n = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < table->n_fields && n < size; i++)
		n += (unsigned)snprintf(
			text + n, size - n, "%s%s", i ? ", " : "", table->fields[i].name);
	return text;
}

static const char *join_words(const char *const *words, char *text, unsigned size)
{
	unsigned n = 0;

	text[0] = '\0';
	for (unsigned i = 0; words[i] && n < size; i++) {
		const char *between = i == 0 ? "" : words[i + 1] ? ", " : " or ";

		n += (unsigned)snprintf(text + n, size - n, "%s%s", between, words[i]);
	}
	return text;
}

/* "512M": the greatest unit that divides it. */
static const char *size_text(uint64_t bytes, char ret[32])
{
	static const char units[] = "KMG";
	const char *unit = units;

	if (bytes % 1024 != 0) {
		snprintf(ret, 32, "%" PRIu64, bytes);
		return ret;
	}
	for (bytes /= 1024; bytes % 1024 == 0 && unit[1]; unit++)
		bytes /= 1024;
	snprintf(ret, 32, "%" PRIu64 "%c", bytes, *unit);
	return ret;
}

static void numbers_allowed(const struct api_field *field, char *text, unsigned size)
{
	bool is_list = field->type == API_TYPE_UINTS, is_range = field->type == API_TYPE_RANGE;

	snprintf(text, size, "a %s from %" PRIu64 " to %" PRIu64 "%s",
		is_list ? "list of numbers" : "number", field->min, field->max,
		is_range ? ", or two like 0-3" : "");
}

static void texts_allowed(const struct api_field *field, char *text, unsigned size)
{
	bool is_list = field->type == API_TYPE_TEXTS, is_word = field->type == API_TYPE_WORD;

	snprintf(text, size, "a %s of 1 to %" PRIu64 " %s",
		is_list   ? "list of texts without commas, each"
		: is_word ? "word"
			  : "text",
		field->max, is_word ? "characters A-Z a-z 0-9 _ . -" : "bytes");
}

static void fields_allowed(const struct api_field *field, char *text, unsigned size)
{
	int n = snprintf(text, size, "%s of ",
		field->type == API_TYPE_ITEM ? "a mapping" : "a list of mappings");

	api_field_names(field->ref, text + n, size - (unsigned)n);
}

const char *api_field_allowed(const struct api_field *field, char *text, unsigned size)
{
	static const char *const sentences[] = {
		[API_TYPE_NAME] =
			"a name of 1 to 63 characters A-Z a-z 0-9 _ . -, not . or - in front",
		[API_TYPE_BOOL] = "true or false",
		[API_TYPE_MAC] = "a MAC address like 02:00:00:00:00:01",
		[API_TYPE_RATE] = "bits a second like 100M, 1G or a plain number up to 1000G",
		[API_TYPE_VLANS] = "VLANs from 0 to 4094 like 10,20-29, or all",
		[API_TYPE_NAMES] = "a list of names of 1 to 63 characters A-Z a-z 0-9 _ . -",
		[API_TYPE_DPID] = "16 hexadecimal digits, not all 0",
	};
	char least[32], words[64];

	switch (field->type) {
	case API_TYPE_UINT:
	case API_TYPE_UINTS:
	case API_TYPE_RANGE:
		numbers_allowed(field, text, size);
		return text;
	case API_TYPE_TEXT:
	case API_TYPE_TEXTS:
	case API_TYPE_WORD:
		texts_allowed(field, text, size);
		return text;
	case API_TYPE_SIZE:
		snprintf(text, size, "a size of at least %s, like 512M or 1G",
			size_text(field->min, least));
		return text;
	case API_TYPE_ENUM:
		return join_words(field->words, text, size);
	case API_TYPE_ITEM:
	case API_TYPE_ITEMS:
		fields_allowed(field, text, size);
		return text;
	default:
		snprintf(text, size, "%s%s%s", sentences[field->type], field->words ? ", or " : "",
			field->words ? join_words(field->words, words, sizeof(words)) : "");
		return text;
	}
}
