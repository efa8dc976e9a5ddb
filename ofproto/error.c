/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The names of OpenFlow's errors, one list a type in the order of its codes. Any thread.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "ofproto/error.h"

struct names {
	const char *const *of_code;
	unsigned n;
};

/* clang-format off */
static const char *const hello_failed[] = {
	"HELLO_FAILED INCOMPATIBLE", "HELLO_FAILED EPERM",
};
static const char *const bad_request[] = {
	"BAD_REQUEST BAD_VERSION", "BAD_REQUEST BAD_TYPE", "BAD_REQUEST BAD_MULTIPART",
	"BAD_REQUEST BAD_EXPERIMENTER", "BAD_REQUEST BAD_EXP_TYPE", "BAD_REQUEST EPERM",
	"BAD_REQUEST BAD_LEN", "BAD_REQUEST BUFFER_EMPTY", "BAD_REQUEST BUFFER_UNKNOWN",
	"BAD_REQUEST BAD_TABLE_ID", "BAD_REQUEST IS_SLAVE", "BAD_REQUEST BAD_PORT",
	"BAD_REQUEST BAD_PACKET", "BAD_REQUEST MULTIPART_BUFFER_OVERFLOW",
};
static const char *const bad_action[] = {
	"BAD_ACTION BAD_TYPE", "BAD_ACTION BAD_LEN", "BAD_ACTION BAD_EXPERIMENTER",
	"BAD_ACTION BAD_EXP_TYPE", "BAD_ACTION BAD_OUT_PORT", "BAD_ACTION BAD_ARGUMENT",
	"BAD_ACTION EPERM", "BAD_ACTION TOO_MANY", "BAD_ACTION BAD_QUEUE",
	"BAD_ACTION BAD_OUT_GROUP", "BAD_ACTION MATCH_INCONSISTENT",
	"BAD_ACTION UNSUPPORTED_ORDER", "BAD_ACTION BAD_TAG", "BAD_ACTION BAD_SET_TYPE",
	"BAD_ACTION BAD_SET_LEN", "BAD_ACTION BAD_SET_ARGUMENT",
};
static const char *const bad_instruction[] = {
	"BAD_INSTRUCTION UNKNOWN_INST", "BAD_INSTRUCTION UNSUP_INST",
	"BAD_INSTRUCTION BAD_TABLE_ID", "BAD_INSTRUCTION UNSUP_METADATA",
	"BAD_INSTRUCTION UNSUP_METADATA_MASK", "BAD_INSTRUCTION BAD_EXPERIMENTER",
	"BAD_INSTRUCTION BAD_EXP_TYPE", "BAD_INSTRUCTION BAD_LEN", "BAD_INSTRUCTION EPERM",
	"BAD_INSTRUCTION DUP_INST",
};
static const char *const bad_match[] = {
	"BAD_MATCH BAD_TYPE", "BAD_MATCH BAD_LEN", "BAD_MATCH BAD_TAG",
	"BAD_MATCH BAD_DL_ADDR_MASK", "BAD_MATCH BAD_NW_ADDR_MASK", "BAD_MATCH BAD_WILDCARDS",
	"BAD_MATCH BAD_FIELD", "BAD_MATCH BAD_VALUE", "BAD_MATCH BAD_MASK",
	"BAD_MATCH BAD_PREREQ", "BAD_MATCH DUP_FIELD", "BAD_MATCH EPERM",
};
static const char *const flow_mod_failed[] = {
	"FLOW_MOD_FAILED UNKNOWN", "FLOW_MOD_FAILED TABLE_FULL", "FLOW_MOD_FAILED BAD_TABLE_ID",
	"FLOW_MOD_FAILED OVERLAP", "FLOW_MOD_FAILED EPERM", "FLOW_MOD_FAILED BAD_TIMEOUT",
	"FLOW_MOD_FAILED BAD_COMMAND", "FLOW_MOD_FAILED BAD_FLAGS",
};
static const char *const group_mod_failed[] = {
	"GROUP_MOD_FAILED GROUP_EXISTS", "GROUP_MOD_FAILED INVALID_GROUP",
	"GROUP_MOD_FAILED WEIGHT_UNSUPPORTED", "GROUP_MOD_FAILED OUT_OF_GROUPS",
	"GROUP_MOD_FAILED OUT_OF_BUCKETS", "GROUP_MOD_FAILED CHAINING_UNSUPPORTED",
	"GROUP_MOD_FAILED WATCH_UNSUPPORTED", "GROUP_MOD_FAILED LOOP",
	"GROUP_MOD_FAILED UNKNOWN_GROUP", "GROUP_MOD_FAILED CHAINED_GROUP",
	"GROUP_MOD_FAILED BAD_TYPE", "GROUP_MOD_FAILED BAD_COMMAND",
	"GROUP_MOD_FAILED BAD_BUCKET", "GROUP_MOD_FAILED BAD_WATCH", "GROUP_MOD_FAILED EPERM",
};
static const char *const port_mod_failed[] = {
	"PORT_MOD_FAILED BAD_PORT", "PORT_MOD_FAILED BAD_HW_ADDR", "PORT_MOD_FAILED BAD_CONFIG",
	"PORT_MOD_FAILED BAD_ADVERTISE", "PORT_MOD_FAILED EPERM",
};
static const char *const table_mod_failed[] = {
	"TABLE_MOD_FAILED BAD_TABLE", "TABLE_MOD_FAILED BAD_CONFIG", "TABLE_MOD_FAILED EPERM",
};
static const char *const queue_op_failed[] = {
	"QUEUE_OP_FAILED BAD_PORT", "QUEUE_OP_FAILED BAD_QUEUE", "QUEUE_OP_FAILED EPERM",
};
static const char *const switch_config_failed[] = {
	"SWITCH_CONFIG_FAILED BAD_FLAGS", "SWITCH_CONFIG_FAILED BAD_LEN",
	"SWITCH_CONFIG_FAILED EPERM",
};
static const char *const role_request_failed[] = {
	"ROLE_REQUEST_FAILED STALE", "ROLE_REQUEST_FAILED UNSUP", "ROLE_REQUEST_FAILED BAD_ROLE",
};
static const char *const meter_mod_failed[] = {
	"METER_MOD_FAILED UNKNOWN", "METER_MOD_FAILED METER_EXISTS",
	"METER_MOD_FAILED INVALID_METER", "METER_MOD_FAILED UNKNOWN_METER",
	"METER_MOD_FAILED BAD_COMMAND", "METER_MOD_FAILED BAD_FLAGS", "METER_MOD_FAILED BAD_RATE",
	"METER_MOD_FAILED BAD_BURST", "METER_MOD_FAILED BAD_BAND",
	"METER_MOD_FAILED BAD_BAND_VALUE", "METER_MOD_FAILED OUT_OF_METERS",
	"METER_MOD_FAILED OUT_OF_BANDS",
};
static const char *const table_features_failed[] = {
	"TABLE_FEATURES_FAILED BAD_TABLE", "TABLE_FEATURES_FAILED BAD_METADATA",
	"TABLE_FEATURES_FAILED BAD_TYPE", "TABLE_FEATURES_FAILED BAD_LEN",
	"TABLE_FEATURES_FAILED BAD_ARGUMENT", "TABLE_FEATURES_FAILED EPERM",
};
/* clang-format on */

#define NAMES(list)                                                                                \
	{                                                                                          \
		list, sizeof(list) / sizeof(*(list))                                               \
	}
static const struct names types[] = {
	[OF_ET_HELLO_FAILED] = NAMES(hello_failed),
	[OF_ET_BAD_REQUEST] = NAMES(bad_request),
	[OF_ET_BAD_ACTION] = NAMES(bad_action),
	[OF_ET_BAD_INSTRUCTION] = NAMES(bad_instruction),
	[OF_ET_BAD_MATCH] = NAMES(bad_match),
	[OF_ET_FLOW_MOD_FAILED] = NAMES(flow_mod_failed),
	[OF_ET_GROUP_MOD_FAILED] = NAMES(group_mod_failed),
	[OF_ET_PORT_MOD_FAILED] = NAMES(port_mod_failed),
	[OF_ET_TABLE_MOD_FAILED] = NAMES(table_mod_failed),
	[OF_ET_QUEUE_OP_FAILED] = NAMES(queue_op_failed),
	[OF_ET_SWITCH_CONFIG_FAILED] = NAMES(switch_config_failed),
	[OF_ET_ROLE_REQUEST_FAILED] = NAMES(role_request_failed),
	[OF_ET_METER_MOD_FAILED] = NAMES(meter_mod_failed),
	[OF_ET_TABLE_FEATURES_FAILED] = NAMES(table_features_failed),
};

int of_err_set(struct of_err *reterr_of, enum of_err_type type, unsigned code)
{
	if (reterr_of)
		*reterr_of = (struct of_err){ .type = (uint16_t)type, .code = (uint16_t)code };
	return -EINVAL;
}

int of_err_set_bundle(struct of_err *reterr_of, enum of_bundle_failed code)
{
	int r = of_err_set(reterr_of, OF_ET_EXPERIMENTER, OF_ERR_BUNDLE + (unsigned)code);

	if (reterr_of)
		reterr_of->experimenter = OF_ERR_ONF;
	return r;
}

const char *of_err_name(const struct of_err *err)
{
	if (err->type == OF_ET_EXPERIMENTER)
		return "EXPERIMENTER";
	if (err->type >= sizeof(types) / sizeof(*types) || err->code >= types[err->type].n)
		return "unknown error";
	return types[err->type].of_code[err->code];
}
