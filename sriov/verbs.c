/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The table of verbs. A new verb is a row here and a file of its own; dispatch and help follow.
 */
#include "program.h"

static const struct program_option stats_options[] = {
	{ "watch", NULL, "print again every second what was counted since, until interrupted" },
	{ 0 },
};

/* clang-format off */
const struct program_verb program_verbs[] = {
	{ .name = "list", .help = "the physical functions that can have virtual ones",
	  .run = program_list },
	{ .name = "show", .operand = "PF", .help = "one, and each of its VFs", .run = program_show },
	{ .name = "stats", .operand = "[PF]", .options = stats_options,
	  .help = "what VFs sent and received", .run = program_stats },
};
/* clang-format on */

const unsigned program_n_verbs = sizeof(program_verbs) / sizeof(program_verbs[0]);
