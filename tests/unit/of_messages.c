/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Messages of OpenFlow 1.3 as a controller sends them become requests; those that are wrong get
 * the standard's error. The whole messages are what ovs-ofctl sends.
 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "of_hex.h"
#include "ofproto/version.h"

#define MAX_PORT 0xfeff

static uint8_t message[65536];
static struct of_request request;
static struct of_err refused;

static const struct of_action_limits limits = { .max_port = MAX_PORT };

/* The bytes of a text into the message. */
static size_t put_hex(uint8_t *at, const char *text)
{
	struct hex h = hex(text);

	memcpy(at, h.bytes, h.n);
	return h.n;
}

static int decode_bytes(size_t n)
{
	refused = (struct of_err){ 0 };
	return of13_version.decode(message, n, &limits, &request, &refused);
}

static const struct of_request *decode(const char *text)
{
	of_request_done(&request);
	assert_int_equal(decode_bytes(put_hex(message, text)), 0);
	return &request;
}

/* A body with the header in front of it that it needs. */
static int decode_body(uint8_t type, const char *body)
{
	size_t n = OF_HEADER_LEN + put_hex(message + OF_HEADER_LEN, body);
	const uint8_t header[] = { OF13_VERSION, type, (uint8_t)(n >> 8), (uint8_t)n, 0, 0, 0, 9 };

	memcpy(message, header, sizeof(header));
	of_request_done(&request);
	return decode_bytes(n);
}

static int tear_down(void **state)
{
	of_request_done(&request);
	request = (struct of_request){ 0 };
	return 0;
}

static void hello_with_a_bit_map_says_its_versions(void **state)
{
	assert_int_equal(decode("04000010 00000001 00010008 00000012")->kind, OF_REQ_HELLO);
	assert_int_equal(request.xid, 1);
	assert_int_equal(request.version, OF13_VERSION);
	assert_int_equal(request.hello.versions, 0x12);
	/* Unknown elements are passed over, also one that needs padding; version 0 is none. */
	decode("06000020 00000001 00070009 0102030405000000 00000000 0001000c 00000013");
	assert_int_equal(request.hello.versions, 0x7e);
	decode("06000020 00000001 00070009 0102030405000000 00000000 0001000800000013");
	assert_int_equal(request.hello.versions, 0x12);
}

static void hello_without_a_bit_map_speaks_all_versions_up_to_its_own(void **state)
{
	assert_int_equal(decode("01000008 00000001")->hello.versions, 0x02);
	assert_int_equal(decode("04000008 00000001")->hello.versions, 0x1e);
	assert_int_equal(decode("ff000008 00000001")->hello.versions, 0xfffffffe);
	/* Elements that are cut, or too short to be any, or hold no version, are ignored. */
	assert_int_equal(decode("0400000e 00000001 00010008 0000")->hello.versions, 0x1e);
	assert_int_equal(decode("0400000c 00000001 00010000")->hello.versions, 0x1e);
	assert_int_equal(decode("04000010 00000001 00010008 00000000")->hello.versions, 0x1e);
}

static void echo_and_error_bring_their_data(void **state)
{
	assert_int_equal(decode("0402000b 00000007 616263")->kind, OF_REQ_ECHO);
	assert_int_equal(request.echo.n, 3);
	assert_memory_equal(request.echo.data, "abc", 3);
	assert_int_equal(decode("04030008 00000007")->kind, OF_REQ_ECHO_REPLY);
	assert_int_equal(request.echo.n, 0);
	assert_int_equal(decode("0401000c 00000007 00010002")->kind, OF_REQ_ERROR);
	assert_int_equal(request.echo.n, 4);
}

static void requests_without_a_body_are_known(void **state)
{
	static const struct {
		uint8_t type, kind;
		const char *body;
	} empty[] = {
		{ 5, OF_REQ_FEATURES, "" },
		{ 7, OF_REQ_GET_CONFIG, "" },
		{ 20, OF_REQ_BARRIER, "" },
		{ 26, OF_REQ_GET_ASYNC, "" },
		{ 18, OF_REQ_DESC, "0000 0000 00000000" },
		{ 18, OF_REQ_TABLE_STATS, "0003 0000 00000000" },
		{ 18, OF_REQ_GROUP_DESC, "0007 0000 00000000" },
		{ 18, OF_REQ_GROUP_FEATURES, "0008 0000 00000000" },
		{ 18, OF_REQ_METER_FEATURES, "000b 0000 00000000" },
		{ 18, OF_REQ_TABLE_FEATURES, "000c 0000 00000000" },
		{ 18, OF_REQ_PORT_DESC, "000d 0000 00000000" },
	};

	for (unsigned i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		assert_int_equal(decode_body(empty[i].type, empty[i].body), 0);
		assert_int_equal(request.kind, empty[i].kind);
		assert_int_equal(request.xid, 9);
	}
}

static void small_requests_are_read_whole(void **state)
{
	assert_int_equal(decode("0409000c 00000003 00010000")->kind, OF_REQ_SET_CONFIG);
	assert_int_equal(request.config.flags, 1);
	decode("0409000c 00000003 00000040");
	assert_int_equal(request.config.miss_send_len, 0x40);
	decode("04110010 00000001 ff000000 00000003");
	assert_int_equal(request.table_mod.table, 255);
	assert_int_equal(request.table_mod.config, 3);
	decode("04160010 00000002 00000001 00000000");
	assert_int_equal(request.kind, OF_REQ_QUEUE_GET_CONFIG);
	assert_int_equal(request.queue.port, 1);
	decode("04180018 00000002 00000002 00000000 0102030405060708");
	assert_int_equal(request.role.role, OF_ROLE_MASTER);
	assert_true(request.role.generation_id == 0x0102030405060708);
}

static void port_mod_changes_what_its_mask_says(void **state)
{
	decode("04100028 00000004 00000001 00000000 0200000000a1 0000 00000060 00000020 00000001 "
	       "00000000");
	assert_int_equal(request.kind, OF_REQ_PORT_MOD);
	assert_int_equal(request.port_mod.port, 1);
	assert_memory_equal(request.port_mod.mac, "\2\0\0\0\0\xa1", 6);
	assert_int_equal(request.port_mod.config, OF_PC_NO_FWD);
	assert_int_equal(request.port_mod.mask, OF_PC_NO_FWD);
	assert_int_equal(request.port_mod.advertise, 1);
}

static void async_masks_come_in_the_standards_and_in_niciras_message(void **state)
{
	static const char masks[] = "00000001 00000002 00000003 00000004 00000005 00000006";
	char nx[200];

	snprintf(nx, sizeof(nx), "00002320 00000013 %s", masks);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(i ? decode_body(4, nx) : decode_body(28, masks), 0);
		assert_int_equal(request.kind, OF_REQ_SET_ASYNC);
		assert_int_equal(request.async.packet_in[0], 1);
		assert_int_equal(request.async.packet_in[1], 2);
		assert_int_equal(request.async.port_status[1], 4);
		assert_int_equal(request.async.flow_removed[0], 5);
		assert_int_equal(request.async.flow_removed[1], 6);
	}
}

static void flow_mod_is_read_whole(void **state)
{
	const struct of_flow_mod *mod = &request.flow_mod;

	decode("040e0098 00000002 0000000000001122 0000000000000000 0300000a 001401f4 ffffffff "
	       "ffffffff ffffffff 0003 0000 0001002980000004 0000000180000a02 080080001908 "
	       "0a000000 "
	       "ff000000 80001401 06 80001c02 0050 00000000000000 0006000800000007 "
	       "0004002800000000 0019001080000606 0200000000010000 0000001000000002 "
	       "0000000000000000 0001000804000000");
	assert_int_equal(request.kind, OF_REQ_FLOW_MOD);
	assert_true(mod->cookie == 0x1122 && mod->cookie_mask == 0);
	assert_int_equal(mod->table, 3);
	assert_int_equal(mod->command, OF_FC_ADD);
	assert_int_equal(mod->idle_timeout_s, 10);
	assert_int_equal(mod->hard_timeout_s, 20);
	assert_int_equal(mod->priority, 500);
	assert_int_equal(mod->buffer_id, OF_NO_BUFFER);
	assert_int_equal(mod->flags, OF_FF_SEND_FLOW_REM | OF_FF_CHECK_OVERLAP);
	assert_int_equal(of_get_u32(mod->match.value.in_port), 1);
	assert_int_equal(of_get_u16(mod->match.value.l4_dst), 80);
	assert_int_equal(of_get_u32(mod->match.mask.ipv4_dst), 0xff000000);
	assert_true(mod->instructions.has_meter && mod->instructions.has_apply);
	assert_int_equal(mod->instructions.meter, 7);
	assert_int_equal(mod->instructions.apply.n, 2);
	assert_int_equal(mod->instructions.goto_table, 4);
}

static void only_deletion_looks_at_where_flows_send(void **state)
{
	decode("040e0040 00000002 0000000000000011 00000000000000ff 0304000000000001 ffffffff "
	       "00000002 00000009 00000000 0001000f80000a02 0800800014011100");
	assert_int_equal(request.flow_mod.command, OF_FC_DELETE_STRICT);
	assert_true(request.flow_mod.cookie == 0x11 && request.flow_mod.cookie_mask == 0xff);
	assert_int_equal(request.flow_mod.out_port, 2);
	assert_int_equal(request.flow_mod.out_group, 9);
	decode("040e0038 00000002 0000000000000000 0000000000000000 0301000000000001 ffffffff "
	       "00000002 00000009 00000000 0001000400000000");
	assert_int_equal(request.flow_mod.command, OF_FC_MODIFY);
	assert_int_equal(request.flow_mod.out_port, OF_PORT_ANY);
	assert_int_equal(request.flow_mod.out_group, OF_GROUP_ANY);
}

static void packet_out_brings_actions_and_the_frame(void **state)
{
	decode("040d0037 00000002 ffffffff 00000001 0010 000000000000 0000001000000002 "
	       "0000000000000000 020000000001020000000002080045");
	assert_int_equal(request.kind, OF_REQ_PACKET_OUT);
	assert_int_equal(request.packet_out.in_port, 1);
	assert_int_equal(request.packet_out.actions.n, 1);
	assert_int_equal(request.packet_out.actions.list[0].output.port, 2);
	assert_int_equal(request.packet_out.n_data, 15);
	assert_ptr_equal(request.packet_out.data, message + 40);
	/* Of a frame that the switch keeps none is sent. */
	decode("040d001a 00000002 00000005 fffffffd 0000 000000000000 0102");
	assert_int_equal(request.packet_out.buffer_id, 5);
	assert_int_equal(request.packet_out.n_data, 0);
}

static void group_mod_brings_its_buckets(void **state)
{
	const struct of_group_mod *mod = &request.group_mod;

	decode("040f0050 00000002 0000 01 00 00000001 0020 0003 00000002 ffffffff 00000000 "
	       "0000001000000002 0000000000000000 0020 0001 ffffffff ffffffff 00000000 "
	       "0000001000000003 0000000000000000");
	assert_int_equal(request.kind, OF_REQ_GROUP_MOD);
	assert_int_equal(mod->type, OF_GT_SELECT);
	assert_int_equal(mod->group, 1);
	assert_int_equal(mod->n_buckets, 2);
	assert_int_equal(mod->buckets[0].weight, 3);
	assert_int_equal(mod->buckets[0].watch_port, 2);
	assert_int_equal(mod->buckets[1].watch_group, OF_GROUP_ANY);
	assert_int_equal(mod->buckets[1].actions.list[0].output.port, 3);
	decode("040f0010 00000002 0002 00 00 fffffffc");
	assert_int_equal(mod->command, OF_GC_DELETE);
	assert_int_equal(mod->group, OF_GROUP_ALL);
}

static void meter_mod_brings_its_bands(void **state)
{
	const struct of_meter_mod *mod = &request.meter_mod;

	decode("041d0030 00000002 0000 000d 00000001 0001 0010 000003e8 00000064 00000000 0002 "
	       "0010 000001f4 00000032 01000000");
	assert_int_equal(request.kind, OF_REQ_METER_MOD);
	assert_int_equal(mod->flags, OF_MF_KBPS | OF_MF_BURST | OF_MF_STATS);
	assert_int_equal(mod->n_bands, 2);
	assert_int_equal(mod->bands[0].type, OF_MB_DROP);
	assert_int_equal(mod->bands[0].rate, 1000);
	assert_int_equal(mod->bands[0].burst, 100);
	assert_int_equal(mod->bands[1].prec_level, 1);
	decode("041d0010 00000002 0002 0000 ffffffff");
	assert_int_equal(mod->command, OF_MC_DELETE);
	assert_int_equal(mod->meter, OF_METER_ALL);
}

static void statistics_name_their_flows(void **state)
{
	decode("04120040 00000002 0001 0000 00000000 01000000 00000003 ffffffff 00000000 "
	       "0000000000000001 ffffffffffffffff 0001000a80000a02 0800000000000000");
	assert_int_equal(request.kind, OF_REQ_FLOW_STATS);
	assert_int_equal(request.flows.table, 1);
	assert_int_equal(request.flows.out_port, 3);
	assert_int_equal(request.flows.out_group, OF_GROUP_ANY);
	assert_true(request.flows.cookie == 1 && request.flows.cookie_mask == UINT64_MAX);
	assert_int_equal(of_get_u16(request.flows.match.value.eth_type), 0x0800);
	decode("04120040 00000002 0002 0000 00000000 ff000000 ffffffff ffffffff 00000000 "
	       "0000000000000000 0000000000000000 0001000a80000a02 0806000000000000");
	assert_int_equal(request.kind, OF_REQ_AGGREGATE);
	assert_int_equal(request.flows.table, OF_TABLE_ALL);
}

static void statistics_name_their_subject(void **state)
{
	decode("04120018 00000002 0004 0000 00000000 ffffffff 00000000");
	assert_int_equal(request.kind, OF_REQ_PORT_STATS);
	assert_int_equal(request.port, OF_PORT_ANY);
	decode("04120018 00000002 0005 0000 00000000 00000004 ffffffff");
	assert_int_equal(request.kind, OF_REQ_QUEUE_STATS);
	assert_int_equal(request.queue.port, 4);
	assert_int_equal(request.queue.queue, OF_QUEUE_ALL);
	decode("04120018 00000002 0006 0000 00000000 fffffffc 00000000");
	assert_int_equal(request.kind, OF_REQ_GROUP_STATS);
	assert_int_equal(request.group, OF_GROUP_ALL);
	decode("04120018 00000002 0009 0000 00000000 00000007 00000000");
	assert_int_equal(request.kind, OF_REQ_METER_STATS);
	assert_int_equal(request.meter, 7);
	decode("04120018 00000002 000a 0000 00000000 ffffffff 00000000");
	assert_int_equal(request.kind, OF_REQ_METER_CONFIG);
	assert_int_equal(request.meter, OF_METER_ALL);
}

static void change_of_tables_is_told_from_the_question(void **state)
{
	assert_int_equal(decode_body(18, "000c 0000 00000000"), 0);
	assert_false(request.table_features.has_body);
	assert_int_equal(decode_body(18, "000c 0001 00000000 0040000000000000"), 0);
	assert_int_equal(request.kind, OF_REQ_TABLE_FEATURES);
	assert_true(request.table_features.has_body);
}

static void niciras_messages_are_read(void **state)
{
	decode("04040014 00000005 00002320 00000010 00000002");
	assert_int_equal(request.kind, OF_REQ_NX_SET_PACKET_IN_FORMAT);
	assert_int_equal(request.packet_in_format.format, 2);
	decode("04040018 00000005 00002320 00000014 000000000000 0102");
	assert_int_equal(request.kind, OF_REQ_NX_SET_CONTROLLER_ID);
	assert_int_equal(request.controller_id, 0x102);
}

static void flow_monitor_is_onfs(void **state)
{
	decode("04120038 00000005 ffff 0000 00000000 4f4e4600 0000074e 00000003 001f 000f ffffffff "
	       "02 000000 0001000f80000a02 0800800014010600");
	assert_int_equal(request.kind, OF_REQ_NX_FLOW_MONITOR);
	assert_int_equal(request.monitor.id, 3);
	assert_int_equal(request.monitor.flags, 0x1f);
	assert_int_equal(request.monitor.flows.table, 2);
	assert_int_equal(request.monitor.flows.out_port, OF_PORT_ANY);
	assert_int_equal(request.monitor.flows.match.value.ip_proto, 6);
	decode("04040014 00000005 4f4e4600 0000074e 00000003");
	assert_int_equal(request.kind, OF_REQ_NX_FLOW_MONITOR_CANCEL);
	assert_int_equal(request.monitor_id, 3);
}

struct wrong {
	uint8_t type;
	const char *body;
	uint16_t err_type, err_code;
};

static void assert_refused(const struct wrong *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(decode_body(list[i].type, list[i].body), -EINVAL);
		if (refused.type != list[i].err_type || refused.code != list[i].err_code)
			print_error(
				"%u %s: %s\n", list[i].type, list[i].body, of_err_name(&refused));
		assert_int_equal(refused.type, list[i].err_type);
		assert_int_equal(refused.code, list[i].err_code);
		assert_int_equal(request.xid, 9);
	}
}

#define ASSERT_REFUSED(list) assert_refused(list, sizeof(list) / sizeof((list)[0]))

static void header_that_lies_is_refused(void **state)
{
	static const struct {
		const char *hex;
		uint16_t code;
	} wrong[] = {
		{ "040500080000", OF_BR_BAD_LEN },
		{ "04050009 00000001", OF_BR_BAD_LEN },
		{ "04050007 00000001", OF_BR_BAD_LEN },
		{ "04050008 00000001 00", OF_BR_BAD_LEN },
		{ "01050008 00000001", OF_BR_BAD_VERSION },
		{ "05050008 00000001", OF_BR_BAD_VERSION },
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		size_t n = put_hex(message, wrong[i].hex);

		assert_int_equal(decode_bytes(n), -EINVAL);
		assert_int_equal(request.kind, OF_N_REQUESTS);
		assert_int_equal(refused.type, OF_ET_BAD_REQUEST);
		assert_int_equal(refused.code, wrong[i].code);
	}
}

static void what_a_switch_sends_itself_is_no_request(void **state)
{
	static const uint8_t types[] = { 6, 8, 10, 11, 12, 19, 21, 23, 25, 27, 30, 255 };

	for (unsigned i = 0; i < sizeof(types); i++) {
		assert_int_equal(decode_body(types[i], "00000000 00000000"), -EINVAL);
		assert_int_equal(refused.type, OF_ET_BAD_REQUEST);
		assert_int_equal(refused.code, OF_BR_BAD_TYPE);
	}
}

static void body_of_a_wrong_length_is_refused(void **state)
{
	static const struct {
		uint8_t type, kind;
		const char *body;
	} wrong[] = {
		{ 1, OF_REQ_ERROR, "0000" },
		{ 4, OF_N_REQUESTS, "00002320" },
		{ 5, OF_REQ_FEATURES, "00000000" },
		{ 9, OF_REQ_SET_CONFIG, "0000 0000 00" },
		{ 14, OF_REQ_FLOW_MOD, "0000000000000000" },
		{ 15, OF_REQ_GROUP_MOD, "0000 00 00 00000001 00000000" },
		{ 16, OF_REQ_PORT_MOD, "00000001" },
		{ 17, OF_REQ_TABLE_MOD, "00000000" },
		{ 18, OF_N_REQUESTS, "0000 0000" },
		{ 18, OF_REQ_DESC, "0000 0000 00000000 00" },
		{ 18, OF_REQ_FLOW_STATS, "0001 0000 00000000 ff000000" },
		{ 18, OF_REQ_PORT_STATS, "0004 0000 00000000 ffffffff" },
		{ 18, OF_N_REQUESTS, "ffff 0000 00000000 4f4e4600" },
		{ 20, OF_REQ_BARRIER, "00" },
		{ 24, OF_REQ_ROLE, "00000000 00000000" },
		{ 28, OF_REQ_SET_ASYNC, "00000000" },
		{ 29, OF_REQ_METER_MOD, "0000 0001" },
		{ 4, OF_REQ_NX_SET_CONTROLLER_ID, "00002320 00000014 0000" },
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(decode_body(wrong[i].type, wrong[i].body), -EINVAL);
		assert_int_equal(request.kind, wrong[i].kind);
		assert_int_equal(refused.type, OF_ET_BAD_REQUEST);
		assert_int_equal(refused.code, OF_BR_BAD_LEN);
	}
}

static void unknown_kinds_of_requests_are_refused(void **state)
{
	static const struct wrong wrong[] = {
		{ 18, "000e 0000 00000000", OF_ET_BAD_REQUEST, OF_BR_BAD_MULTIPART },
		{ 18, "ffff 0000 00000000 00000001 00000001", OF_ET_BAD_REQUEST,
			OF_BR_BAD_EXPERIMENTER },
		{ 18, "ffff 0000 00000000 00002320 00000001", OF_ET_BAD_REQUEST,
			OF_BR_BAD_EXP_TYPE },
		{ 18, "ffff 0000 00000000 4f4e4600 00000001", OF_ET_BAD_REQUEST,
			OF_BR_BAD_EXP_TYPE },
		{ 4, "00000001 00000001", OF_ET_BAD_REQUEST, OF_BR_BAD_EXPERIMENTER },
		{ 4, "00002320 000000ff", OF_ET_BAD_REQUEST, OF_BR_BAD_EXP_TYPE },
		{ 4, "4f4e4600 000000ff", OF_ET_BAD_REQUEST, OF_BR_BAD_EXP_TYPE },
		{ 4, "00002320 00000010 00000003", OF_ET_BAD_REQUEST, OF_BR_EPERM },
		{ 4, "00002320 00000014 000000010000 0001", OF_ET_EXPERIMENTER, 4 },
	};

	ASSERT_REFUSED(wrong);
	assert_int_equal(refused.experimenter, 0x2320);
}

static void request_in_several_messages_is_refused(void **state)
{
	static const struct wrong wrong[] = {
		{ 18, "0000 0001 00000000", OF_ET_BAD_REQUEST, OF_BR_MULTIPART_BUFFER_OVERFLOW },
		{ 18, "0004 0001 00000000 ffffffff 00000000", OF_ET_BAD_REQUEST,
			OF_BR_MULTIPART_BUFFER_OVERFLOW },
	};

	ASSERT_REFUSED(wrong);
}

static void values_out_of_range_are_refused(void **state)
{
	static const struct wrong wrong[] = {
		{ 9, "0004 0000", OF_ET_SWITCH_CONFIG_FAILED, OF_SC_BAD_FLAGS },
		{ 17, "fe000000 00000000", OF_ET_TABLE_MOD_FAILED, OF_TM_BAD_TABLE },
		{ 17, "00000000 00000004", OF_ET_TABLE_MOD_FAILED, OF_TM_BAD_CONFIG },
		{ 24, "00000004 00000000 0000000000000000", OF_ET_ROLE_REQUEST_FAILED,
			OF_RR_BAD_ROLE },
		{ 13, "ffffffff 0000ff00 0000 000000000000", OF_ET_BAD_REQUEST, OF_BR_BAD_PORT },
		{ 13, "ffffffff fffffffb 0000 000000000000", OF_ET_BAD_REQUEST, OF_BR_BAD_PORT },
		{ 13, "ffffffff 00000001 0010 000000000000 0000001000000002", OF_ET_BAD_REQUEST,
			OF_BR_BAD_LEN },
		{ 13, "ffffffff 00000001 0004 000000000000 00000010", OF_ET_BAD_REQUEST,
			OF_BR_BAD_LEN },
	};

	ASSERT_REFUSED(wrong);
}

#define COOKIES  "0000000000000000 0000000000000000 "
#define NO_OUT   "ffffffff ffffffff ffffffff "
#define NO_MATCH "0001000400000000 "

static void wrong_flow_mod_is_refused(void **state)
{
	static const struct wrong wrong[] = {
		{ 14, COOKIES "ff00000000000001 " NO_OUT "00000000 " NO_MATCH,
			OF_ET_FLOW_MOD_FAILED, OF_FM_BAD_TABLE_ID },
		{ 14, COOKIES "fe03000000000001 " NO_OUT "00000000 " NO_MATCH,
			OF_ET_FLOW_MOD_FAILED, OF_FM_BAD_TABLE_ID },
		{ 14, COOKIES "0005000000000001 " NO_OUT "00000000 " NO_MATCH,
			OF_ET_FLOW_MOD_FAILED, OF_FM_BAD_COMMAND },
		{ 14, COOKIES "0000000000000001 " NO_OUT "00200000 " NO_MATCH,
			OF_ET_FLOW_MOD_FAILED, OF_FM_BAD_FLAGS },
		{ 14, COOKIES "0003000000000001 ffffffff 0000ff00 ffffffff 00000000 " NO_MATCH,
			OF_ET_BAD_ACTION, OF_BA_BAD_OUT_PORT },
		{ 14, COOKIES "0000000000000001 " NO_OUT "00000000 0000005800000000",
			OF_ET_BAD_MATCH, OF_BM_BAD_TYPE },
		{ 14, COOKIES "0000000000000001 " NO_OUT "00000000 0001001400000000",
			OF_ET_BAD_MATCH, OF_BM_BAD_LEN },
		{ 14, COOKIES "0000000000000001 " NO_OUT "00000000 " NO_MATCH "00090008 00000000",
			OF_ET_BAD_INSTRUCTION, OF_BI_UNKNOWN_INST },
		/* goto must lead on */
		{ 14, COOKIES "0100000000000001 " NO_OUT "00000000 " NO_MATCH "0001000801000000",
			OF_ET_BAD_INSTRUCTION, OF_BI_BAD_TABLE_ID },
	};

	ASSERT_REFUSED(wrong);
}

static void wrong_group_mod_is_refused(void **state)
{
#define BUCKET(weight, port) "0010 " weight port "ffffffff 00000000 "
#define PLAIN                BUCKET("0000 ", "ffffffff ")
	static const struct wrong wrong[] = {
		{ 15, "0000 04 00 00000001" PLAIN, OF_ET_GROUP_MOD_FAILED, OF_GM_BAD_TYPE },
		{ 15, "0003 00 00 00000001" PLAIN, OF_ET_GROUP_MOD_FAILED, OF_GM_BAD_COMMAND },
		{ 15, "0000 00 00 ffffff01" PLAIN, OF_ET_GROUP_MOD_FAILED, OF_GM_INVALID_GROUP },
		{ 15, "0002 00 00 00000001" PLAIN, OF_ET_GROUP_MOD_FAILED, OF_GM_INVALID_GROUP },
		{ 15, "0000 02 00 00000001" PLAIN PLAIN, OF_ET_GROUP_MOD_FAILED,
			OF_GM_INVALID_GROUP },
		{ 15, "0000 02 00 00000001", OF_ET_GROUP_MOD_FAILED, OF_GM_INVALID_GROUP },
		{ 15, "0000 00 00 00000001" BUCKET("0001 ", "ffffffff "), OF_ET_GROUP_MOD_FAILED,
			OF_GM_INVALID_GROUP },
		{ 15, "0000 00 00 00000001" BUCKET("0000 ", "00000001 "), OF_ET_GROUP_MOD_FAILED,
			OF_GM_WATCH_UNSUPPORTED },
		{ 15, "0000 03 00 00000001" PLAIN, OF_ET_GROUP_MOD_FAILED, OF_GM_INVALID_GROUP },
		{ 15, "0000 03 00 00000001" BUCKET("0000 ", "0000ff00 "), OF_ET_GROUP_MOD_FAILED,
			OF_GM_BAD_WATCH },
		{ 15, "0000 00 00 00000001 0008 0000 ffffffff", OF_ET_GROUP_MOD_FAILED,
			OF_GM_BAD_BUCKET },
		{ 15, "0000 00 00 00000001 0018 0000 ffffffff ffffffff 00000000",
			OF_ET_GROUP_MOD_FAILED, OF_GM_BAD_BUCKET },
		{ 15, "0000 00 00 00000001 0014 0000 ffffffff ffffffff 00000000 0000000800000000",
			OF_ET_GROUP_MOD_FAILED, OF_GM_BAD_BUCKET },
		{ 15,
			"0000 00 00 00000001 0014 0000 ffffffff ffffffff 00000000 00000000 "
			"0014 0000 ffffffff ffffffff 00000000 00000000",
			OF_ET_BAD_REQUEST, OF_BR_BAD_LEN },
	};

	ASSERT_REFUSED(wrong);
}

static void wrong_meter_mod_is_refused(void **state)
{
#define BAND(type, rate) type " 0010 " rate " 00000000 00000000 "
#define DROP             BAND("0001", "00000001")
	static const struct wrong wrong[] = {
		{ 29, "0003 0001 00000001" DROP, OF_ET_METER_MOD_FAILED, OF_MM_BAD_COMMAND },
		{ 29, "0000 0003 00000001" DROP, OF_ET_METER_MOD_FAILED, OF_MM_BAD_FLAGS },
		{ 29, "0000 0010 00000001" DROP, OF_ET_METER_MOD_FAILED, OF_MM_BAD_FLAGS },
		{ 29, "0000 0001 00000000" DROP, OF_ET_METER_MOD_FAILED, OF_MM_INVALID_METER },
		{ 29, "0001 0001 ffffffff" DROP, OF_ET_METER_MOD_FAILED, OF_MM_INVALID_METER },
		{ 29, "0000 0001 00000001" BAND("0003", "00000001"), OF_ET_METER_MOD_FAILED,
			OF_MM_BAD_BAND },
		{ 29, "0000 0001 00000001" BAND("ffff", "00000001"), OF_ET_METER_MOD_FAILED,
			OF_MM_BAD_BAND },
		{ 29, "0000 0001 00000001" BAND("0001", "00000000"), OF_ET_METER_MOD_FAILED,
			OF_MM_BAD_RATE },
		{ 29, "0000 0001 00000001 0001 0018 00000001 00000000 00000000", OF_ET_BAD_REQUEST,
			OF_BR_BAD_LEN },
		{ 29, "0000 0001 00000001 0001 0010 00000001", OF_ET_BAD_REQUEST, OF_BR_BAD_LEN },
	};

	ASSERT_REFUSED(wrong);
}

static void wrong_question_about_flows_is_refused(void **state)
{
#define FILTER(table, port) table "000000 " port "ffffffff 00000000 " COOKIES
#define MONITOR             "ffff 0000 00000000 4f4e4600 0000074e 00000001 "
	static const struct wrong wrong[] = {
		{ 18, "0001 0000 00000000 " FILTER("fe", "ffffffff ") NO_MATCH, OF_ET_BAD_REQUEST,
			OF_BR_BAD_TABLE_ID },
		{ 18, "0002 0000 00000000 " FILTER("ff", "0000ff00 ") NO_MATCH, OF_ET_BAD_ACTION,
			OF_BA_BAD_OUT_PORT },
		{ 18, "0001 0000 00000000 " FILTER("ff", "ffffffff ") NO_MATCH "0000000000000000",
			OF_ET_BAD_REQUEST, OF_BR_BAD_LEN },
		{ 18, MONITOR "0000 0004 ffffffff ff000000 " NO_MATCH, OF_ET_EXPERIMENTER, 7 },
		{ 18, MONITOR "0042 0004 ffffffff ff000000 " NO_MATCH, OF_ET_EXPERIMENTER, 7 },
		{ 18, MONITOR "0002 0004 ffffffff ff000001 " NO_MATCH, OF_ET_EXPERIMENTER, 4 },
		{ 18, MONITOR "0002 0004 ffffffff fe000000 " NO_MATCH, OF_ET_BAD_REQUEST,
			OF_BR_BAD_TABLE_ID },
		{ 18, MONITOR "0002 0004 ffffffff ff000000 " NO_MATCH "0000000000000000",
			OF_ET_BAD_REQUEST, OF_BR_BAD_LEN },
	};

	ASSERT_REFUSED(wrong);
}

/* A body that goes on with the same n times. */
static int decode_long(uint8_t type, const char *begin, const char *again, size_t n)
{
	size_t len = OF_HEADER_LEN + put_hex(message + OF_HEADER_LEN, begin);

	for (size_t i = 0; i < n; i++)
		len += put_hex(message + len, again);
	memcpy(message, (uint8_t[]){ OF13_VERSION, type, (uint8_t)(len >> 8), (uint8_t)len }, 4);
	of_request_done(&request);
	return decode_bytes(len);
}

static void what_no_reply_could_tell_is_refused(void **state)
{
	assert_int_equal(decode_long(15, "0000 00 00 00000001", PLAIN, 4092), 0);
	assert_int_equal(request.group_mod.n_buckets, 4092);
	assert_int_equal(decode_long(15, "0000 00 00 00000001", PLAIN, 4093), -EINVAL);
	assert_int_equal(refused.type, OF_ET_GROUP_MOD_FAILED);
	assert_int_equal(refused.code, OF_GM_OUT_OF_BUCKETS);
	assert_int_equal(decode_long(29, "0000 0001 00000001", DROP, 255), 0);
	assert_int_equal(decode_long(29, "0000 0001 00000001", DROP, 256), -EINVAL);
	assert_int_equal(refused.type, OF_ET_METER_MOD_FAILED);
	assert_int_equal(refused.code, OF_MM_OUT_OF_BANDS);
}

static void only_known_versions_are_spoken(void **state)
{
	assert_ptr_equal(of_version_by_wire(4), &of13_version);
	assert_null(of_version_by_wire(0));
	assert_null(of_version_by_wire(7));
	for (uint8_t i = 0; i < 32; i++)
		assert_true((of_version_by_wire(i) != NULL) == (of_versions_spoken() >> i & 1));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hello_with_a_bit_map_says_its_versions),
		TEST(hello_without_a_bit_map_speaks_all_versions_up_to_its_own),
		TEST(echo_and_error_bring_their_data),
		TEST(requests_without_a_body_are_known),
		TEST(small_requests_are_read_whole),
		TEST(port_mod_changes_what_its_mask_says),
		TEST(async_masks_come_in_the_standards_and_in_niciras_message),
		TEST(flow_mod_is_read_whole),
		TEST(only_deletion_looks_at_where_flows_send),
		TEST(packet_out_brings_actions_and_the_frame),
		TEST(group_mod_brings_its_buckets),
		TEST(meter_mod_brings_its_bands),
		TEST(statistics_name_their_flows),
		TEST(statistics_name_their_subject),
		TEST(change_of_tables_is_told_from_the_question),
		TEST(niciras_messages_are_read),
		TEST(flow_monitor_is_onfs),
		TEST(header_that_lies_is_refused),
		TEST(what_a_switch_sends_itself_is_no_request),
		TEST(body_of_a_wrong_length_is_refused),
		TEST(unknown_kinds_of_requests_are_refused),
		TEST(request_in_several_messages_is_refused),
		TEST(values_out_of_range_are_refused),
		TEST(wrong_flow_mod_is_refused),
		TEST(wrong_group_mod_is_refused),
		TEST(wrong_meter_mod_is_refused),
		TEST(wrong_question_about_flows_is_refused),
		TEST(what_no_reply_could_tell_is_refused),
		TEST(only_known_versions_are_spoken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
