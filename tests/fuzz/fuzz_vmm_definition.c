/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any text as a machine's definition: what is accepted is within its bounds, what is not is told.
 */
#include "definition.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmm_definition def;
	struct sh_err err = { "" };

	if (vmm_definition_parse((const char *)data, size, &def, &err) < 0) {
		CHECK(err.text[0]);
		return 0;
	}
	CHECK(def.vcpus >= 1 && def.vcpus <= 64);
	CHECK(def.memory.size >= 1 << 20);
	CHECK(def.n_disks <= VMM_DISKS && def.n_nics <= VMM_NICS && def.n_pins <= VMM_PINS);
	if (vmm_definition_check(&def, &err) == 0) {
		CHECK(def.kernel && *def.kernel);
		for (unsigned i = 0; i < def.n_pins; i++)
			CHECK(def.pins[i].vcpu < def.vcpus);
	}
	vmm_definition_done(&def);
	return 0;
}
