/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The tables of fields. Constant data and look-ups in it; any thread.
 */
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
static const char *const words_host[] = { "own", "none", "all-but-vms", NULL };
static const char *const words_accept[] = { "accept", "reject", NULL };

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
	{ .name = "mtu", .type = API_TYPE_UINT, .flags = API_INHERITED, .min = 68, .max = 9000, \
	  .def = "1500", .help = "longest frame without its Ethernet header and VLAN tag, in bytes" }

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
	{ .name = "host", .type = API_TYPE_ENUM, .words = words_host, .def = "own",
	  .help = "uplink by xdp: which frames the host's kernel goes on getting" },
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
	  .help = "VLAN of the entry, 0 for untagged frames" },
	{ .name = "mac", .type = API_TYPE_MAC, .help = "address" },
	{ .name = "port", .type = API_TYPE_NAME, .ref = API_PORT,
	  .help = "port where the address is" },
};

#define TABLE(word, list, rows, text) \
	{ .noun = word, .key = list, .fields = rows, .n_fields = N(rows), .help = text }
#define SINGLE(word, rows, text) \
	{ .noun = word, .key = word, .fields = rows, .n_fields = N(rows), .help = text, .single = true }

const struct api_table api_tables[API_N_NOUNS] = {
	[API_WORKERS] = SINGLE("workers", workers_fields, "threads that forward frames"),
	[API_MEMORY] = SINGLE("memory", memory_fields, "memory that holds frames"),
	[API_BRIDGE] = TABLE("bridge", "bridges", bridge_fields, "learning bridges"),
	[API_PORTGROUP] = TABLE("portgroup", "portgroups", portgroup_fields,
		"VLAN and security policies that ports share"),
	[API_PORT] = TABLE("port", "ports", port_fields,
		"what is plugged into the switch: virtual machines, uplinks, host interfaces"),
	[API_FDB] = TABLE("fdb", "fdb", fdb_fields, "static entries of the forwarding database"),
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

bool api_noun_find(const char *word, enum api_noun *ret)
{
	for (int noun = 0; noun < API_N_NOUNS; noun++) {
		if (strcmp(api_tables[noun].noun, word) == 0) {
			*ret = (enum api_noun)noun;
			return true;
		}
	}
	return false;
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

const char *api_field_allowed(const struct api_field *field, char *text, unsigned size)
{
	static const char *const sentences[] = {
		[API_TYPE_NAME] = "a name of 1 to 63 characters A-Z a-z 0-9 _ . -",
		[API_TYPE_BOOL] = "true or false",
		[API_TYPE_MAC] = "a MAC address like 02:00:00:00:00:01",
		[API_TYPE_SIZE] = "a size of at least 1M, like 512M or 1G",
		[API_TYPE_RATE] = "bits a second like 100M, 1G or a plain number up to 1000G",
		[API_TYPE_VLANS] = "VLANs from 0 to 4094 like 10,20-29, or all",
		[API_TYPE_DPID] = "16 hexadecimal digits, not all 0",
	};

	switch (field->type) {
	case API_TYPE_UINT:
		snprintf(text, size, "a number from %llu to %llu", (unsigned long long)field->min,
			(unsigned long long)field->max);
		return text;
	case API_TYPE_UINTS:
		snprintf(text, size, "a list of numbers from %llu to %llu",
			(unsigned long long)field->min, (unsigned long long)field->max);
		return text;
	case API_TYPE_TEXT:
		snprintf(text, size, "a text of 1 to %llu bytes", (unsigned long long)field->max);
		return text;
	case API_TYPE_TEXTS:
		snprintf(text, size, "a list of texts without commas, each of 1 to %llu bytes",
			(unsigned long long)field->max);
		return text;
	case API_TYPE_ENUM:
		return join_words(field->words, text, size);
	default:
		snprintf(text, size, "%s", sentences[field->type]);
		return text;
	}
}
