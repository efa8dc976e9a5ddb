/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Definitions, whole and wrong; and what /proc/cpuinfo says of KVM.
 */
#include <errno.h>
#include <string.h>

#include "definition.h"
#include "kvm.h"
#include "unit.h"

static struct vmm_definition def;
static struct sh_err err;

static int parse(const char *text)
{
	err.text[0] = '\0';
	return vmm_definition_parse(text, strlen(text), &def, &err);
}

static void whole_definition_is_read(void **state)
{
	assert_int_equal(
		parse("{\"name\": \"web1\", \"vcpus\": 2,"
		      " \"memory\": {\"size\": \"512M\", \"hugepages\": \"2M\", \"numa_node\": 1},"
		      " \"kernel\": \"k\", \"initrd\": \"i\", \"cmdline\": \"c\","
		      " \"disks\": [{\"file\": \"d\", \"size\": 10240, \"discard\": true}],"
		      " \"nics\": [{\"portgroup\": \"p\", \"socket\": \"s\","
		      "   \"mac\": \"02:00:00:00:00:01\"}, {\"vf\": \"0000:01:10.0\"}],"
		      " \"pin\": [{\"vcpu\": 1, \"cpus\": [3, 5]}],"
		      " \"balloon\": false, \"serial\": \"off\", \"user\": \"u\", \"chroot\": "
		      "\"/r\","
		      " \"autostart\": true}"),
		0);
	assert_string_equal(def.name, "web1");
	assert_int_equal(def.vcpus, 2);
	assert_int_equal(def.memory.size, 512u << 20);
	assert_int_equal(def.memory.huge, VMM_HUGE_2M);
	assert_int_equal(def.memory.node, 1);
	assert_int_equal(def.n_disks, 1);
	assert_true(def.disks[0].discard);
	assert_int_equal(def.n_nics, 2);
	assert_int_equal(def.nics[0].mac[5], 1);
	assert_int_equal(def.nics[1].queues, 1);
	assert_int_equal(def.n_pins, 1);
	assert_true(CPU_ISSET(5, &def.pins[0].cpus));
	assert_int_equal(CPU_COUNT(&def.pins[0].cpus), 2);
	assert_false(def.balloon);
	assert_true(def.rng);
	assert_string_equal(def.user, "u");
	assert_string_equal(def.chroot, "/r");
	assert_int_equal(vmm_definition_check(&def, &err), 0);
	vmm_definition_done(&def);
}

static void empty_definition_has_the_defaults(void **state)
{
	assert_int_equal(parse("{}"), 0);
	assert_int_equal(def.vcpus, 1);
	assert_int_equal(def.memory.size, 256u << 20);
	assert_int_equal(def.memory.node, -1);
	assert_string_equal(def.serial[0], "pty");
	assert_int_equal(vmm_definition_check(&def, &err), -EINVAL); /* no kernel */
	vmm_definition_done(&def);
}

static const struct {
	const char *text, *words;
} wrong[] = {
	{ "", "line" },
	{ "[]", "an object is expected" },
	{ "{\"a\": 1}", "a: there is no such field" },
	{ "{\"vcpus\": 1, \"vcpus\": 2}", "duplicate" },
	{ "{\"vcpus\": 0}", "vcpus: a number from 1 to 64" },
	{ "{\"vcpus\": \"2\"}", "vcpus: a number from 1 to 64" },
	{ "{\"memory\": 1}", "memory: an object is expected" },
	{ "{\"memory\": {\"size\": -1}}", "memory.size: a size" },
	{ "{\"memory\": {\"size\": \"1X\"}}", "memory.size: a size" },
	{ "{\"memory\": {\"hugepages\": \"4K\"}}", "memory.hugepages: auto, off, 2M or 1G" },
	{ "{\"kernel\": \"\"}", "kernel: a text is expected" },
	{ "{\"disks\": {}}", "disks: a list" },
	{ "{\"disks\": [{\"readonly\": 1}]}", "disks[0].readonly: true or false" },
	{ "{\"nics\": [{}, {\"mac\": \"01:00:00:00:00:01\"}]}", "nics[1].mac: the MAC of one" },
	{ "{\"nics\": [{},{},{},{},{},{},{},{},{}]}", "nics: a list of at most 8" },
	{ "{\"pin\": [{\"cpus\": [1, 2000]}]}", "pin[0].cpus: a number from 0 to 1023" },
	{ "{\"pin\": [{\"cpus\": 1}]}", "pin[0].cpus: a list of CPUs" },
};

static void wrong_definition_names_the_field_and_what_is_allowed(void **state)
{
	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(parse(wrong[i].text), -EINVAL);
		assert_non_null(strstr(err.text, wrong[i].words));
	}
}

static const struct {
	const char *text, *words;
} unfit[] = {
	{ "{\"kernel\": \"k\", \"pin\": [{\"vcpu\": 1, \"cpus\": [0]}]}", "pin[0]" },
	{ "{\"kernel\": \"k\", \"disks\": [{}]}", "disks[0].file" },
	{ "{\"kernel\": \"k\", \"nics\": [{}]}", "nics[0]: give its socket" },
	{ "{\"kernel\": \"k\", \"nics\": [{\"socket\": \"s\", \"vf\": \"d/0\"}]}",
		"nics[0]: give" },
	{ "{\"kernel\": \"k\", \"nics\": [{\"socket\": \"s\"}], \"memory\": {\"mergeable\": true}}",
		"memory.mergeable: a switch" },
	{ "{\"kernel\": \"k\", \"nics\": [{\"vf\": \"e/0\"}], \"memory\": {\"mergeable\": true}}",
		"memory.mergeable: a VF" },
	{ "{\"kernel\": \"k\", \"nics\": [{\"vf\": \"e/0\", \"mac\": \"02:00:00:00:00:01\"}]}",
		"nics[0].mac" },
	{ "{\"kernel\": \"k\", \"memory\": {\"mergeable\": true, \"hugepages\": \"1G\"}}",
		"huge pages are not merged" },
};

static void definition_that_does_not_fit_together_is_refused(void **state)
{
	for (unsigned i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++) {
		assert_int_equal(parse(unfit[i].text), 0);
		assert_int_equal(vmm_definition_check(&def, &err), -EINVAL);
		assert_non_null(strstr(err.text, unfit[i].words));
		vmm_definition_done(&def);
	}
}

static void cpu_with_vmx_or_svm_can_run_guests(void **state)
{
	assert_true(vmm_kvm_cpu_can("processor : 0\nflags\t\t: fpu vmx ssse3\n"));
	assert_true(vmm_kvm_cpu_can("flags : fpu svm"));
	assert_true(vmm_kvm_cpu_can("flags : fpu svm_lock svm\n"));
	assert_false(vmm_kvm_cpu_can("flags : fpu ssse3\n"));
	assert_false(vmm_kvm_cpu_can("flags : fpu svm_lock\n"));
	assert_false(vmm_kvm_cpu_can("model name : vmx svm\nflags : fpu\n"));
	assert_false(vmm_kvm_cpu_can(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_definition_is_read),
		cmocka_unit_test(empty_definition_has_the_defaults),
		cmocka_unit_test(wrong_definition_names_the_field_and_what_is_allowed),
		cmocka_unit_test(definition_that_does_not_fit_together_is_refused),
		cmocka_unit_test(cpu_with_vmx_or_svm_can_run_guests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
