/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any text as a list of VLANs: the dataplane's reader and the configuration's check agree on what
 * is one, and a set never holds 4095.
 */
#include <string.h>

#include "api/value.h"
#include "dataplane/vlan.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t set[DP_VLAN_WORDS], untouched[DP_VLAN_WORDS];
	char canonical[API_VALUE_LEN];
	char *text = fuzz_text(data, size);
	int r;

	memset(set, 0xa5, sizeof(set));
	memcpy(untouched, set, sizeof(set));
	r = dp_vlan_set_parse(text, set);
	if (r < 0)
		CHECK(memcmp(set, untouched, sizeof(set)) == 0);
	else
		CHECK(!dp_vlan_set_has(set, DP_VLAN_MAX + 1));
	if (strlen(text) < API_VALUE_LEN)
		CHECK((r == 0) == (api_value_check(api_field_find(API_PORT, "trunk"), text,
					   canonical, NULL) == 0));
	free(text);
	return 0;
}
