/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Any bytes as a message of OpenFlow 1.3: it becomes a request that can be told about in a reply
 * and comes back the same from there, or there is an error to send. Tried as it is, and with a
 * header that fits.
 */
#include <errno.h>
#include <string.h>

#include "fuzz.h"
#include "ofproto/text.h"
#include "ofproto/version.h"

#define FLOW_MOD_LEN 48 /* without match and instructions */

static const struct of_version *const v = &of13_version;
static const struct of_action_limits limits = { .max_port = 0xfeff };

/* Whole messages, cut between entries. */
static void check_reply(struct of_buf *out)
{
	size_t at = 0;

	CHECK(!out->failed);
	while (at < out->len) {
		size_t n = of_get_u16(out->data + at + 2);

		CHECK(n >= OF_HEADER_LEN && n <= out->len - at);
		at += n;
	}
	of_buf_done(out);
}

/* The same flow-mod from its encoded match and instructions. */
static void check_again(const uint8_t *msg, const struct of_flow_mod *mod)
{
	struct of_request again;
	struct of_buf out = { 0 };
	struct of_err err;

	of_buf_put(&out, msg, FLOW_MOD_LEN);
	of_match_encode(&mod->match, &out);
	of_instructions_encode(&mod->instructions, &out);
	CHECK(!out.failed);
	if (out.len <= UINT16_MAX) {
		of_buf_set_u16(&out, 2, (uint16_t)out.len);
		CHECK(v->decode(out.data, out.len, &limits, &again, &err) == 0);
		CHECK(memcmp(&again.flow_mod.match, &mod->match, sizeof(mod->match)) == 0);
		CHECK(of_actions_equal(
			&again.flow_mod.instructions.apply, &mod->instructions.apply));
		CHECK(of_actions_equal(
			&again.flow_mod.instructions.write, &mod->instructions.write));
		of_request_done(&again);
	}
	of_buf_done(&out);
}

/* Text, as a string. */
static char *end_text(struct of_buf *out)
{
	of_buf_put_u8(out, '\0');
	CHECK(!out->failed);
	return (char *)out->data;
}

/* What is printed is read as what it was. */
static void check_text(const struct of_flow_mod *mod)
{
	struct of_buf match = { 0 }, done = { 0 }, again = { 0 };
	struct of_instructions in = { 0 };
	struct of_match read;

	of_match_format(&mod->match, &match);
	CHECK(of_match_parse(end_text(&match), NULL, &read, NULL) == 0);
	CHECK(memcmp(&read, &mod->match, sizeof(read)) == 0);
	of_instructions_format(&mod->instructions, &done);
	CHECK(of_instructions_parse(end_text(&done), NULL, &mod->match, mod->table, &in, NULL) ==
		0);
	of_instructions_format(&in, &again);
	CHECK(strcmp(end_text(&again), (char *)done.data) == 0);
	of_instructions_done(&in);
	of_buf_done(&match);
	of_buf_done(&done);
	of_buf_done(&again);
}

static void check_flow(const uint8_t *msg, const struct of_flow_mod *mod)
{
	struct of_flow_info info = {
		.table = mod->table, .match = mod->match, .instructions = &mod->instructions
	};
	struct of_multipart mp;
	struct of_buf out = { 0 };

	check_again(msg, mod);
	if (mod->command < OF_FC_DELETE)
		check_text(mod);
	v->begin(&mp, &out, 1, OF_REQ_FLOW_STATS);
	v->put_flow(&mp, &info);
	v->put_flow(&mp, &info);
	v->end(&mp);
	v->put_flow_removed(&out, &info, OF_RR_DELETE);
	check_reply(&out);
}

static void check_group(const struct of_group_mod *mod)
{
	struct of_group_info info = {
		.type = mod->type, .n_buckets = mod->n_buckets, .buckets = mod->buckets
	};
	struct of_multipart mp;
	struct of_buf out = { 0 };

	v->begin(&mp, &out, 1, OF_REQ_GROUP_DESC);
	v->put_group_desc(&mp, &info);
	v->put_group_desc(&mp, &info);
	v->end(&mp);
	check_reply(&out);
}

static void check_meter(const struct of_meter_mod *mod)
{
	struct of_meter_info info = { .n_bands = mod->n_bands, .bands = mod->bands };
	struct of_multipart mp;
	struct of_buf out = { 0 };

	v->begin(&mp, &out, 1, OF_REQ_METER_CONFIG);
	v->put_meter_config(&mp, &info);
	v->end(&mp);
	check_reply(&out);
}

static void check_request(const uint8_t *msg, const struct of_request *request)
{
	CHECK(request->kind < OF_N_REQUESTS);
	if (request->kind == OF_REQ_FLOW_MOD)
		check_flow(msg, &request->flow_mod);
	else if (request->kind == OF_REQ_GROUP_MOD)
		check_group(&request->group_mod);
	else if (request->kind == OF_REQ_METER_MOD)
		check_meter(&request->meter_mod);
}

static void check_error(const struct of_err *err, const uint8_t *msg, size_t n)
{
	struct of_buf out = { 0 };

	CHECK(err->type <= OF_ET_TABLE_FEATURES_FAILED || err->type == OF_ET_EXPERIMENTER);
	v->put_error(&out, 1, err, msg, n);
	check_reply(&out);
}

static void try(const uint8_t *msg, size_t n)
{
	struct of_err err = { .type = 0x7fff };
	struct of_request request;
	int r = v->decode(msg, n, &limits, &request, &err);

	if (r == 0)
		check_request(msg, &request);
	else if (r == -EINVAL)
		check_error(&err, msg, n);
	else
		CHECK(r == -ENOMEM);
	of_request_done(&request);
	of_request_done(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *msg;

	try(data, size);
	if (size < OF_HEADER_LEN || size > UINT16_MAX)
		return 0;
	/* In memory of its own, so that reading past it is found. */
	msg = malloc(size);
	CHECK(msg);
	memcpy(msg, data, size);
	msg[0] = OF13_VERSION;
	msg[2] = (uint8_t)(size >> 8);
	msg[3] = (uint8_t)size;
	try(msg, size);
	free(msg);
	return 0;
}
