/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A definition, read by tables: one row a field, one function a type of value. A field that no row
 * has is an error, so that a word misspelt is not a word ignored.
 */
#include <errno.h>
#include <string.h>

#include "api/value.h"
#include "definition.h"

#define MIB (UINT64_C(1) << 20)

struct row;
/* Takes a value for the field at `at`. where: the field's path, for messages. */
typedef int take_fn(const json_t *value, void *at, const struct row *row, const char *where,
	struct sh_err *err);

struct row {
	const char *name;
	take_fn *take;
	size_t offset;
	uint64_t min, max;      /* take_unsigned, take_size */
	const struct row *rows; /* take_object, take_list; NULL in the last row of a table */
	/* take_list: */
	size_t item_bytes, count_offset; /* count: unsigned, from the start of the definition */
	void (*item_init)(void *item);
};

static int take_rows(const json_t *object, void *at, const struct row *rows, const char *where,
	struct sh_err *err)
{
	const char *key;
	json_t *value;
	char path[128];

	if (!json_is_object(object))
		return sh_err_set(err, -EINVAL, "%s: an object is expected", where);
	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		const struct row *row = rows;
		int r;

		while (row->name && strcmp(row->name, key) != 0)
			row++;
		snprintf(path, sizeof(path), "%s%s%.32s", where, *where ? "." : "", key);
		if (!row->name)
			return sh_err_set(err, -EINVAL, "%s: there is no such field", path);
		r = row->take(value, (char *)at + row->offset, row, path, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_text(
	const json_t *value, void *at, const struct row *row, const char *where, struct sh_err *err)
{
	if (!json_is_string(value) || !json_string_length(value))
		return sh_err_set(err, -EINVAL, "%s: a text is expected", where);
	*(const char **)at = json_string_value(value);
	return 0;
}

static int take_ignored(
	const json_t *value, void *at, const struct row *row, const char *where, struct sh_err *err)
{
	return 0;
}

static int take_bool(
	const json_t *value, void *at, const struct row *row, const char *where, struct sh_err *err)
{
	if (!json_is_boolean(value))
		return sh_err_set(err, -EINVAL, "%s: true or false is expected", where);
	*(bool *)at = json_is_true(value);
	return 0;
}

static int take_unsigned(
	const json_t *value, void *at, const struct row *row, const char *where, struct sh_err *err)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < (json_int_t)row->min ||
		number > (json_int_t)row->max)
		return sh_err_set(err, -EINVAL, "%s: a number from %llu to %llu is expected", where,
			(unsigned long long)row->min, (unsigned long long)row->max);
	*(unsigned *)at = (unsigned)number;
	return 0;
}

static int take_node(
	const json_t *value, void *at, const struct row *row, const char *where, struct sh_err *err)
{
	unsigned node = 0;
	int r = take_unsigned(value, &node, row, where, err);

	if (r == 0)
		*(int *)at = (int)node;
	return r;
}

/* A number of bytes, or a text as 512M. */
static int take_size(
	const json_t *value, void *at, const struct row *row, const char *where, struct sh_err *err)
{
	uint64_t size = 0;

	if (json_is_integer(value) && json_integer_value(value) > 0)
		size = (uint64_t)json_integer_value(value);
	else if (json_is_string(value) && api_parse_size(json_string_value(value), &size) < 0)
		size = 0;
	if (size < row->min || size > row->max)
		return sh_err_set(err, -EINVAL,
			"%s: a size from %llu bytes to %llu GiB is expected, as 512M", where,
			(unsigned long long)row->min, (unsigned long long)row->max >> 30);
	*(uint64_t *)at = size;
	return 0;
}

static int take_huge(
	const json_t *value, void *at, const struct row *row, const char *where, struct sh_err *err)
{
	static const char *const words[] = {
		[VMM_HUGE_AUTO] = "auto",
		[VMM_HUGE_OFF] = "off",
		[VMM_HUGE_2M] = "2M",
		[VMM_HUGE_1G] = "1G",
	};
	const char *word = json_string_value(value);

	for (unsigned i = 0; word && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0) {
			*(enum vmm_huge *)at = (enum vmm_huge)i;
			return 0;
		}
	}
	return sh_err_set(err, -EINVAL, "%s: auto, off, 2M or 1G is expected", where);
}

static int take_mac(
	const json_t *value, void *at, const struct row *row, const char *where, struct sh_err *err)
{
	struct vmm_def_nic *nic = at;

	if (!json_is_string(value) || api_parse_mac(json_string_value(value), nic->mac) < 0 ||
		(nic->mac[0] & 1))
		return sh_err_set(err, -EINVAL,
			"%s: the MAC of one station is expected, as 02:00:00:00:00:01", where);
	nic->has_mac = true;
	return 0;
}

static int take_cpus(
	const json_t *value, void *at, const struct row *row, const char *where, struct sh_err *err)
{
	cpu_set_t *cpus = at;
	const json_t *item;
	size_t i;

	CPU_ZERO(cpus);
	json_array_foreach ((json_t *)(uintptr_t)value, i, item) {
		unsigned cpu = 0;
		int r = take_unsigned(item, &cpu, row, where, err);

		if (r < 0)
			return r;
		CPU_SET(cpu, cpus);
	}
	if (CPU_COUNT(cpus) == 0)
		return sh_err_set(err, -EINVAL, "%s: a list of CPUs is expected", where);
	return 0;
}

static int take_object(
	const json_t *value, void *at, const struct row *row, const char *where, struct sh_err *err)
{
	return take_rows(value, at, row->rows, where, err);
}

static int take_list(
	const json_t *value, void *at, const struct row *row, const char *where, struct sh_err *err)
{
	unsigned *count = (unsigned *)(void *)((char *)at - row->offset + row->count_offset);
	size_t n = json_array_size(value);

	if (!json_is_array(value) || n > row->max)
		return sh_err_set(err, -EINVAL, "%s: a list of at most %llu is expected", where,
			(unsigned long long)row->max);
	for (size_t i = 0; i < n; i++) {
		char *item = (char *)at + i * row->item_bytes;
		char path[128];
		int r;

		snprintf(path, sizeof(path), "%.64s[%zu]", where, i);
		memset(item, 0, row->item_bytes);
		if (row->item_init)
			row->item_init(item);
		r = take_rows(json_array_get(value, i), item, row->rows, path, err);
		if (r < 0)
			return r;
	}
	*count = (unsigned)n;
	return 0;
}

static void init_nic(void *item)
{
	struct vmm_def_nic *nic = item;

	nic->queues = 1;
}

#define AT(type, field) .offset = offsetof(struct type, field)

static const struct row memory_rows[] = {
	{ "size", take_size, AT(vmm_mem_conf, size), .min = MIB, .max = UINT64_C(1) << 40 },
	{ "hugepages", take_huge, AT(vmm_mem_conf, huge) },
	{ "mergeable", take_bool, AT(vmm_mem_conf, mergeable) },
	{ "numa_node", take_node, AT(vmm_mem_conf, node), .max = 1023 },
	{ 0 },
};

static const struct row disk_rows[] = {
	{ "file", take_text, AT(vmm_def_disk, file) },
	{ "size", take_size, AT(vmm_def_disk, size), .min = 512, .max = UINT64_C(1) << 44 },
	{ "discard", take_bool, AT(vmm_def_disk, discard) },
	{ "readonly", take_bool, AT(vmm_def_disk, readonly) },
	{ 0 },
};

/* Which port it is, is shuntd's business: here its socket counts. */
static const struct row nic_rows[] = {
	{ "portgroup", take_ignored, .offset = 0 },
	{ "port", take_ignored, .offset = 0 },
	{ "socket", take_text, AT(vmm_def_nic, socket) },
	{ "vf", take_text, AT(vmm_def_nic, vf) },
	{ "mac", take_mac, .offset = 0 },
	{ "queues", take_unsigned, AT(vmm_def_nic, queues), .min = 1, .max = 8 },
	{ "mtu", take_unsigned, AT(vmm_def_nic, mtu), .min = 68, .max = 9000 },
	{ 0 },
};

static const struct row pin_rows[] = {
	{ "vcpu", take_unsigned, AT(vmm_def_pin, vcpu), .max = VMM_PINS - 1 },
	{ "cpus", take_cpus, AT(vmm_def_pin, cpus), .max = CPU_SETSIZE - 1 },
	{ 0 },
};

#define LIST(field, count, type, list_rows, most)                                                  \
	.take = take_list, AT(vmm_definition, field), .max = most, .rows = list_rows,              \
	.item_bytes = sizeof(struct type), .count_offset = offsetof(struct vmm_definition, count)

static const struct row vm_rows[] = {
	{ "name", take_text, AT(vmm_definition, name) },
	{ "vcpus", take_unsigned, AT(vmm_definition, vcpus), .min = 1, .max = 64 },
	{ "memory", take_object, AT(vmm_definition, memory), .rows = memory_rows },
	{ "kernel", take_text, AT(vmm_definition, kernel) },
	{ "initrd", take_text, AT(vmm_definition, initrd) },
	{ "cmdline", take_text, AT(vmm_definition, cmdline) },
	{ "disks", LIST(disks, n_disks, vmm_def_disk, disk_rows, VMM_DISKS) },
	{ "nics", LIST(nics, n_nics, vmm_def_nic, nic_rows, VMM_NICS), .item_init = init_nic },
	{ "pin", LIST(pins, n_pins, vmm_def_pin, pin_rows, VMM_PINS) },
	{ "balloon", take_bool, AT(vmm_definition, balloon) },
	{ "rng", take_bool, AT(vmm_definition, rng) },
	{ "serial", take_text, AT(vmm_definition, serial[0]) },
	{ "console", take_text, AT(vmm_definition, console) },
	{ "user", take_text, AT(vmm_definition, user) },
	{ "chroot", take_text, AT(vmm_definition, chroot) },
	{ "autostart", take_ignored, .offset = 0 },
	{ 0 },
};

void vmm_definition_init(struct vmm_definition *ret)
{
	*ret = (struct vmm_definition){
		.name = "vm",
		.cmdline = "console=ttyS0",
		.serial = { "pty", "off" },
		.console = "off",
		.vcpus = 1,
		.memory = { .size = 256 * MIB, .node = -1 },
		.balloon = true,
		.rng = true,
	};
}

int vmm_definition_parse(const char *text, size_t n, struct vmm_definition *ret, struct sh_err *err)
{
	struct vmm_definition def;
	json_error_t error;
	int r;

	vmm_definition_init(&def);
	def.root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
	if (!def.root)
		return sh_err_set(err, -EINVAL, "definition: line %d: %s", error.line, error.text);
	r = take_rows(def.root, &def, vm_rows, "", err);
	if (r < 0) {
		vmm_definition_done(&def);
		return sh_err_prefix(err, r, "definition");
	}
	*ret = def;
	return 0;
}

void vmm_definition_done(struct vmm_definition *def)
{
	json_decref(def->root);
	def->root = NULL;
}

static int check_nic(const struct vmm_definition *def, unsigned i, struct sh_err *err)
{
	const struct vmm_def_nic *nic = &def->nics[i];

	if (!nic->socket == !nic->vf)
		return sh_err_set(
			err, -EINVAL, "nics[%u]: give its socket (vhost-user) or its vf", i);
	if (nic->vf && def->restore)
		return sh_err_set(err, -EINVAL, "nics[%u].vf: no snapshot has a VF", i);
	if (nic->vf && nic->has_mac)
		return sh_err_set(err, -EINVAL,
			"nics[%u].mac: a VF has its own: 'shunt sriov set' changes it", i);
	if (def->memory.mergeable)
		return sh_err_set(err, -EINVAL,
			"memory.mergeable: a %s cannot reach memory that is merged (nics[%u])",
			nic->vf ? "VF" : "switch", i);
	return 0;
}

int vmm_definition_check(const struct vmm_definition *def, struct sh_err *err)
{
	if (!def->kernel)
		return sh_err_set(err, -EINVAL, "kernel: give the kernel's file");
	if (def->memory.mergeable &&
		(def->memory.huge == VMM_HUGE_2M || def->memory.huge == VMM_HUGE_1G))
		return sh_err_set(err, -EINVAL, "memory.mergeable: huge pages are not merged");
	for (unsigned i = 0; i < def->n_disks; i++)
		if (!def->disks[i].file)
			return sh_err_set(err, -EINVAL, "disks[%u].file: give the image's file", i);
	for (unsigned i = 0; i < def->n_pins; i++)
		if (def->pins[i].vcpu >= def->vcpus || !CPU_COUNT(&def->pins[i].cpus))
			return sh_err_set(err, -EINVAL,
				"pin[%u]: give a vcpu below %u and its cpus", i, def->vcpus);
	for (unsigned i = 0; i < def->n_nics; i++) {
		int r = check_nic(def, i, err);

		if (r < 0)
			return r;
	}
	return 0;
}
