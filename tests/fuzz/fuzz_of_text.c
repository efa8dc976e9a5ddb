/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any text as a flow: there is a sentence about what is wrong, or a flow whose print is read as the
 * same flow, and printed as the same text.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "ofproto/text.h"

static int port_by_name(void *ctx, const char *name, uint32_t *ret)
{
	*ret = 7;
	return strcmp(name, "web1") == 0 ? 0 : -ENOENT;
}

static const struct of_text_names names = { .port = port_by_name, .max_port = 0xfeff };

static char *text_of(const struct of_flow_mod *mod)
{
	struct of_buf out = { 0 };

	of_buf_printf(&out, "table=%u,priority=%u,cookie=%llu", mod->table, mod->priority,
		(unsigned long long)mod->cookie);
	of_buf_put_u8(&out, ',');
	of_match_format(&mod->match, &out);
	of_buf_puts(&out, " actions=");
	of_instructions_format(&mod->instructions, &out);
	of_buf_put_u8(&out, '\0');
	CHECK(!out.failed);
	return (char *)out.data;
}

static void check_again(const struct of_flow_mod *mod)
{
	struct of_flow_mod again;
	struct sh_err err = { "" };
	char *text = text_of(mod), *twice;
	int r = of_flow_parse(text, OF_FC_ADD, &names, &again, &err);

	if (r < 0)
		fprintf(stderr, "%s: %s\n", text, err.text);
	CHECK(r == 0);
	CHECK(memcmp(&again.match, &mod->match, sizeof(again.match)) == 0);
	twice = text_of(&again);
	CHECK(strcmp(text, twice) == 0);
	of_instructions_done(&again.instructions);
	free(text);
	free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct sh_err err = { "" };
	struct of_flow_mod mod;

	for (int command = OF_FC_ADD; command <= OF_FC_DELETE_STRICT; command++) {
		err.text[0] = '\0';
		if (of_flow_parse(text, (enum of_flow_command)command, &names, &mod, &err) == 0) {
			if (command == OF_FC_ADD)
				check_again(&mod);
			of_instructions_done(&mod.instructions);
		} else {
			CHECK(err.text[0]);
		}
	}
	free(text);
	return 0;
}
