/* SPDX-License-Identifier: BSD-3-Clause
 *
 * OpenFlow's own errors: type and code as they stand in an error message (OpenFlow 1.3.5, 7.4.4).
 * Functions that judge what a controller asked for return -EINVAL (or another -errno) and fill in
 * reterr_of beside it, never one in place of the other.
 */
#pragma once

#include <stdint.h>

struct of_err {
	uint16_t type, code;
	uint32_t experimenter; /* of type 0xffff alone: the code is the experimenter's type */
};

/* clang-format off */
enum of_err_type {
	OF_ET_HELLO_FAILED = 0, OF_ET_BAD_REQUEST = 1, OF_ET_BAD_ACTION = 2,
	OF_ET_BAD_INSTRUCTION = 3, OF_ET_BAD_MATCH = 4, OF_ET_FLOW_MOD_FAILED = 5,
	OF_ET_GROUP_MOD_FAILED = 6, OF_ET_PORT_MOD_FAILED = 7, OF_ET_TABLE_MOD_FAILED = 8,
	OF_ET_QUEUE_OP_FAILED = 9, OF_ET_SWITCH_CONFIG_FAILED = 10, OF_ET_ROLE_REQUEST_FAILED = 11,
	OF_ET_METER_MOD_FAILED = 12, OF_ET_TABLE_FEATURES_FAILED = 13, OF_ET_EXPERIMENTER = 0xffff,
};
enum of_hello_failed { OF_HF_INCOMPATIBLE, OF_HF_EPERM };
enum of_bad_request {
	OF_BR_BAD_VERSION, OF_BR_BAD_TYPE, OF_BR_BAD_MULTIPART, OF_BR_BAD_EXPERIMENTER,
	OF_BR_BAD_EXP_TYPE, OF_BR_EPERM, OF_BR_BAD_LEN, OF_BR_BUFFER_EMPTY, OF_BR_BUFFER_UNKNOWN,
	OF_BR_BAD_TABLE_ID, OF_BR_IS_SLAVE, OF_BR_BAD_PORT, OF_BR_BAD_PACKET,
	OF_BR_MULTIPART_BUFFER_OVERFLOW,
};
enum of_bad_action {
	OF_BA_BAD_TYPE, OF_BA_BAD_LEN, OF_BA_BAD_EXPERIMENTER, OF_BA_BAD_EXP_TYPE, OF_BA_BAD_OUT_PORT,
	OF_BA_BAD_ARGUMENT, OF_BA_EPERM, OF_BA_TOO_MANY, OF_BA_BAD_QUEUE, OF_BA_BAD_OUT_GROUP,
	OF_BA_MATCH_INCONSISTENT, OF_BA_UNSUPPORTED_ORDER, OF_BA_BAD_TAG, OF_BA_BAD_SET_TYPE,
	OF_BA_BAD_SET_LEN, OF_BA_BAD_SET_ARGUMENT,
};
enum of_bad_instruction {
	OF_BI_UNKNOWN_INST, OF_BI_UNSUP_INST, OF_BI_BAD_TABLE_ID, OF_BI_UNSUP_METADATA,
	OF_BI_UNSUP_METADATA_MASK, OF_BI_BAD_EXPERIMENTER, OF_BI_BAD_EXP_TYPE, OF_BI_BAD_LEN,
	OF_BI_EPERM, OF_BI_DUP_INST,
};
enum of_bad_match {
	OF_BM_BAD_TYPE, OF_BM_BAD_LEN, OF_BM_BAD_TAG, OF_BM_BAD_DL_ADDR_MASK, OF_BM_BAD_NW_ADDR_MASK,
	OF_BM_BAD_WILDCARDS, OF_BM_BAD_FIELD, OF_BM_BAD_VALUE, OF_BM_BAD_MASK, OF_BM_BAD_PREREQ,
	OF_BM_DUP_FIELD, OF_BM_EPERM,
};
enum of_flow_mod_failed {
	OF_FM_UNKNOWN, OF_FM_TABLE_FULL, OF_FM_BAD_TABLE_ID, OF_FM_OVERLAP, OF_FM_EPERM,
	OF_FM_BAD_TIMEOUT, OF_FM_BAD_COMMAND, OF_FM_BAD_FLAGS,
};
enum of_group_mod_failed {
	OF_GM_GROUP_EXISTS, OF_GM_INVALID_GROUP, OF_GM_WEIGHT_UNSUPPORTED, OF_GM_OUT_OF_GROUPS,
	OF_GM_OUT_OF_BUCKETS, OF_GM_CHAINING_UNSUPPORTED, OF_GM_WATCH_UNSUPPORTED, OF_GM_LOOP,
	OF_GM_UNKNOWN_GROUP, OF_GM_CHAINED_GROUP, OF_GM_BAD_TYPE, OF_GM_BAD_COMMAND, OF_GM_BAD_BUCKET,
	OF_GM_BAD_WATCH, OF_GM_EPERM,
};
enum of_port_mod_failed {
	OF_PM_BAD_PORT, OF_PM_BAD_HW_ADDR, OF_PM_BAD_CONFIG, OF_PM_BAD_ADVERTISE, OF_PM_EPERM,
};
enum of_table_mod_failed { OF_TM_BAD_TABLE, OF_TM_BAD_CONFIG, OF_TM_EPERM };
enum of_queue_op_failed { OF_QO_BAD_PORT, OF_QO_BAD_QUEUE, OF_QO_EPERM };
enum of_switch_config_failed { OF_SC_BAD_FLAGS, OF_SC_BAD_LEN, OF_SC_EPERM };
enum of_role_request_failed { OF_RR_STALE, OF_RR_UNSUP, OF_RR_BAD_ROLE };
enum of_meter_mod_failed {
	OF_MM_UNKNOWN, OF_MM_METER_EXISTS, OF_MM_INVALID_METER, OF_MM_UNKNOWN_METER, OF_MM_BAD_COMMAND,
	OF_MM_BAD_FLAGS, OF_MM_BAD_RATE, OF_MM_BAD_BURST, OF_MM_BAD_BAND, OF_MM_BAD_BAND_VALUE,
	OF_MM_OUT_OF_METERS, OF_MM_OUT_OF_BANDS,
};
enum of_table_features_failed {
	OF_TF_BAD_TABLE, OF_TF_BAD_METADATA, OF_TF_BAD_TYPE, OF_TF_BAD_LEN, OF_TF_BAD_ARGUMENT,
	OF_TF_EPERM,
};
enum of_bundle_failed {
	OF_BF_UNKNOWN, OF_BF_EPERM, OF_BF_BAD_ID, OF_BF_BUNDLE_EXIST, OF_BF_BUNDLE_CLOSED,
	OF_BF_OUT_OF_BUNDLES, OF_BF_BAD_TYPE, OF_BF_BAD_FLAGS, OF_BF_MSG_BAD_LEN, OF_BF_MSG_BAD_XID,
	OF_BF_MSG_UNSUP, OF_BF_MSG_CONFLICT, OF_BF_MSG_TOO_MANY, OF_BF_MSG_FAILED, OF_BF_TIMEOUT,
	OF_BF_BUNDLE_IN_PROGRESS,
};
/* clang-format on */

/** Fill in and return -EINVAL, so that a refusal is one line. reterr_of may be NULL. */
int of_err_set(struct of_err *reterr_of, enum of_err_type type, unsigned code);

/** An error of bundles, which in OpenFlow 1.3 is an experimenter's: ONF's 2300 and more. */
#define OF_ERR_ONF    0x4f4e4600u
#define OF_ERR_BUNDLE 2300
int of_err_set_bundle(struct of_err *reterr_of, enum of_bundle_failed code);

/** The standard's words, like "BAD_MATCH BAD_PREREQ", for logs and tests. */
const char *of_err_name(const struct of_err *err);
