/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The table of drop reasons, made from the one list in dataplane/drop.h. Constant; any thread.
 */
#include "dataplane/drop.h"

const struct dp_drop_info dp_drop_infos[DP_N_DROPS] = {
#define DP_DROP_INFO(id, name, side, text) [DP_DROP_##id] = { name, DP_DROP_##side, text },
	DP_DROP_LIST(DP_DROP_INFO)
#undef DP_DROP_INFO
};
