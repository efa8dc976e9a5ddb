/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Replies and asynchronous messages of OpenFlow 1.3, byte by byte as the standard lays them out,
 * and long replies over several messages.
 */
#include "unit.h"

#include <string.h>

#include "of_hex.h"
#include "ofproto/version.h"

static const struct of_version *const v = &of13_version;
static struct of_buf out;
static struct of_multipart mp;

/* A port, and how it looks (OpenFlow 1.3.5, 7.2.1). */
static const struct of_port_info web1 = {
	.no = 1,
	.mac = { 2, 0, 0, 0, 0, 0xa1 },
	.name = "a-name-beyond-its-room",
	.config = OF_PC_NO_FWD,
	.state = OF_PS_LIVE,
	.curr = 0x11,
	.advertised = 0x12,
	.supported = 0x13,
	.peer = 0x14,
	.curr_speed_kbps = 10000,
	.max_speed_kbps = 20000,
};
#define WEB1                                                                                       \
	"00000001 00000000 0200000000a1 0000 612d6e616d652d6265796f6e642d6900 00000020 00000004 "  \
	"00000011 00000012 00000013 00000014 00002710 00004e20 "

/* The buffer holds just these bytes; it is emptied. */
static void assert_out(const char *text)
{
	assert_bytes(&out, text);
	of_buf_done(&out);
}

static void hello_has_the_bit_map_element(void **state)
{
	v->put_hello(&out, 1, 0x10);
	assert_out("04000010 00000001 00010008 00000010");
}

static void error_brings_the_message_as_far_as_there_is_room(void **state)
{
	struct of_err err = { .type = OF_ET_BAD_REQUEST, .code = OF_BR_BAD_LEN };
	uint8_t data[UINT16_MAX] = { 1, 2, 3 };

	v->put_error(&out, 5, &err, data, 3);
	assert_out("0401000f 00000005 0001 0006 010203");
	v->put_error(&out, 5, &err, data, 60000);
	assert_int_equal(out.len, 12 + 60000);
	of_buf_done(&out);
	v->put_error(&out, 5, &err, data, sizeof(data));
	assert_in_range(out.len, 12 + 64, UINT16_MAX);
	assert_int_equal(of_get_u16(out.data + 2), out.len);
	of_buf_done(&out);
	err = (struct of_err){ .type = OF_ET_EXPERIMENTER, .code = 4, .experimenter = 0x2320 };
	v->put_error(&out, 5, &err, data, 1);
	assert_out("04010011 00000005 ffff 0004 00002320 01");
}

static void replies_of_one_message_are_the_standards(void **state)
{
	static const struct of_features features = { .datapath_id = 0x0102030405060708,
		.n_buffers = 256,
		.n_tables = 254,
		.auxiliary_id = 1,
		.capabilities = 0x4f };
	static const struct of_async async = { { 1, 2 }, { 3, 4 }, { 5, 6 } };

	v->put_echo_request(&out, 2);
	assert_out("04020008 00000002");
	v->put_echo_reply(&out, 3, (const uint8_t *)"ab", 2);
	assert_out("0403000a 00000003 6162");
	v->put_features(&out, 4, &features);
	assert_out("04060020 00000004 0102030405060708 00000100 fe 01 0000 0000004f 00000000");
	v->put_config(&out, 5, 1, 128);
	assert_out("0408000c 00000005 0001 0080");
	v->put_barrier(&out, 6);
	assert_out("04150008 00000006");
	v->put_role(&out, 7, OF_ROLE_SLAVE, 9);
	assert_out("04190018 00000007 00000003 00000000 0000000000000009");
	v->put_async(&out, 8, &async);
	assert_out("041b0020 00000008 00000001 00000002 00000003 00000004 00000005 "
		   "00000006");
	v->put_queue_config(&out, 9, 3);
	assert_out("04170010 00000009 00000003 00000000");
}

static const uint8_t frame[] = { 0xaa, 0xbb, 0xcc, 0xdd, 0xee };
static const struct of_packet_in sent_up = {
	.reason = OF_PI_ACTION,
	.table = 2,
	.cookie = 0x33,
	.key = { .in_port = { 0, 0, 0, 5 },
		.in_phy_port = { 0, 0, 0, 5 },
		.metadata = { 0, 0, 0, 0, 0, 0, 0, 0x77 },
		.eth_type = { 8, 0 } },
	.frame = frame,
	.n_frame = sizeof(frame),
	.total_len = 64,
};

static void packet_in_tells_what_the_frame_does_not(void **state)
{
	v->put_packet_in(&out, &sent_up, OF_NO_BUFFER, 4);
	assert_out("040a0036 00000000 ffffffff 0040 01 02 0000000000000033 "
		   "0001001880000004 0000000580000408 0000000000000077 0000 aabbccdd");
	/* No more of the frame than there is. */
	v->put_packet_in(&out, &sent_up, 7, 128);
	assert_int_equal(out.len, 0x37);
	of_buf_done(&out);
}

static void packet_in2_has_a_property_a_thing(void **state)
{
	v->put_nx_packet_in2(&out, &sent_up, OF_NO_BUFFER, 4);
	assert_out("04040058 00000000 00002320 0000001e 00000008 aabbccdd 00010008 00000040 "
		   "00030005 02000000 00040010 00000000 0000000000000033 00050005 01000000 "
		   "00060018 80000004 00000005 80000408 0000000000000077");
	v->put_nx_packet_in2(&out, &sent_up, 7, 5);
	assert_memory_equal(out.data + 16, "\0\0\0\x09\xaa\xbb\xcc\xdd\xee\0\0\0\0\0\0\0", 16);
	assert_memory_equal(out.data + 40, "\0\2\0\x08\0\0\0\7", 8);
	of_buf_done(&out);
}

static void frame_of_any_length_fits_in_a_packet_in(void **state)
{
	static const uint8_t jumbo[65535];
	struct of_packet_in in = sent_up;

	in.frame = jumbo;
	in.n_frame = sizeof(jumbo);
	in.total_len = 70000;
	v->put_packet_in(&out, &in, OF_NO_BUFFER, UINT16_MAX);
	assert_int_equal(out.len, 65535);
	assert_int_equal(of_get_u16(out.data + 2), 65535);
	assert_int_equal(of_get_u16(out.data + 12), 65535);
	of_buf_done(&out);
	v->put_nx_packet_in2(&out, &in, OF_NO_BUFFER, UINT16_MAX);
	assert_true(out.len <= 65535);
	assert_int_equal(of_get_u16(out.data + 2), out.len);
	of_buf_done(&out);
}

static void flow_removed_and_port_status_are_the_standards(void **state)
{
	static const struct of_flow_info flow = { .table = 3,
		.priority = 500,
		.idle_timeout_s = 10,
		.hard_timeout_s = 20,
		.cookie = 0x11,
		.n_packets = 7,
		.n_bytes = 8,
		.duration_ns = 5000000009 };

	v->put_flow_removed(&out, &flow, OF_RR_HARD_TIMEOUT);
	assert_out("040b0038 00000000 0000000000000011 01f4 01 03 00000005 00000009 000a "
		   "0014 0000000000000007 0000000000000008 0001000400000000");
	v->put_port_status(&out, &web1, OF_PR_MODIFY);
	assert_out("040c0050 00000000 02 00000000000000" WEB1);
}

static void begin(enum of_request_kind of)
{
	v->begin(&mp, &out, 2, of);
}

static void end(const char *hex)
{
	v->end(&mp);
	assert_out(hex);
}

static void reply_about_nothing_is_one_message(void **state)
{
	begin(OF_REQ_FLOW_STATS);
	end("04130010 00000002 0001 0000 00000000");
	begin(OF_REQ_NX_FLOW_MONITOR);
	end("04130018 00000002 ffff 0000 00000000 4f4e4600 0000074e");
}

static void desc_has_texts_of_fixed_length(void **state)
{
	static const struct of_desc desc = { .manufacturer = "m",
		.serial = "012345678901234567890123456789012345" };

	begin(OF_REQ_DESC);
	v->put_desc(&mp, &desc);
	v->end(&mp);
	assert_int_equal(out.len, 16 + 1056);
	assert_int_equal(of_get_u16(out.data + 2), out.len);
	assert_string_equal((char *)out.data + 16, "m");
	assert_string_equal((char *)out.data + 16 + 768, "0123456789012345678901234567890");
	of_buf_done(&out);
}

static void statistics_are_the_standards(void **state)
{
	static const struct of_table_info table = { 3, 4, 5, 6, 7 };
	static const struct of_port_stats port = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
		OF_COUNT_UNKNOWN, 1000000001 };
	static const struct of_queue_stats queue = { 1, 2, 3, 4, 5, 1000000001 };

	begin(OF_REQ_AGGREGATE);
	v->put_aggregate(&mp, 1, 2, 3);
	end("04130028 00000002 0002 0000 00000000 0000000000000001 0000000000000002 00000003 "
	    "00000000");
	begin(OF_REQ_TABLE_STATS);
	v->put_table_stats(&mp, &table);
	end("04130028 00000002 0003 0000 00000000 03000000 00000004 0000000000000006 "
	    "0000000000000007");
	begin(OF_REQ_PORT_STATS);
	v->put_port_stats(&mp, &port);
	end("04130080 00000002 0004 0000 00000000 00000001 00000000 0000000000000002 "
	    "0000000000000003 0000000000000004 0000000000000005 0000000000000006 "
	    "0000000000000007 0000000000000008 0000000000000009 000000000000000a "
	    "000000000000000b 000000000000000c ffffffffffffffff 00000001 00000001");
	begin(OF_REQ_QUEUE_STATS);
	v->put_queue_stats(&mp, &queue);
	end("04130038 00000002 0005 0000 00000000 00000001 00000002 0000000000000003 "
	    "0000000000000004 0000000000000005 00000001 00000001");
	begin(OF_REQ_PORT_DESC);
	v->put_port_desc(&mp, &web1);
	end("04130050 00000002 000d 0000 00000000" WEB1);
}

#define OUTPUT_2 "0000 0010 00000002 ffff 000000000000 "

static struct of_action to_2 = { .type = OF_ACTION_OUTPUT, .output = { 2, 0xffff } };

static void groups_are_told_with_their_buckets(void **state)
{
	struct of_bucket buckets[] = {
		{ .weight = 3,
			.watch_port = 1,
			.watch_group = OF_GROUP_ANY,
			.actions = { 1, &to_2 } },
		{ .weight = 1, .watch_port = OF_PORT_ANY, .watch_group = 5 },
	};
	struct of_group_info group = { .group = 9,
		.n_refs = 2,
		.type = OF_GT_SELECT,
		.n_packets = 3,
		.n_bytes = 4,
		.duration_ns = 1000000001,
		.n_buckets = 2,
		.buckets = buckets };
	uint64_t counts[] = { 1, 2, 3, 4 };

	group.bucket_stats = (void *)counts;
	begin(OF_REQ_GROUP_STATS);
	v->put_group_stats(&mp, &group);
	end("04130058 00000002 0006 0000 00000000 0048 0000 00000009 00000002 00000000 "
	    "0000000000000003 0000000000000004 00000001 00000001 0000000000000001 "
	    "0000000000000002 0000000000000003 0000000000000004");
	begin(OF_REQ_GROUP_DESC);
	v->put_group_desc(&mp, &group);
	end("04130048 00000002 0007 0000 00000000 0038 01 00 00000009 0020 0003 00000001 ffffffff "
	    "00000000" OUTPUT_2 "0010 0001 ffffffff 00000005 00000000");
	begin(OF_REQ_GROUP_FEATURES);
	v->put_group_features(&mp, 1000);
	end("04130038 00000002 0008 0000 00000000 0000000f 00000007 000003e8 000003e8 000003e8 "
	    "000003e8 0fff9801 0fff9801 0fff9801 0fff9801");
}

static void meters_are_told_with_their_bands(void **state)
{
	static const struct of_band bands[] = { { OF_MB_DROP, 0, 1000, 100 },
		{ OF_MB_DSCP_REMARK, 1, 500, 50 } };
	struct of_meter_info meter = { .meter = 7,
		.n_flows = 2,
		.flags = OF_MF_KBPS | OF_MF_STATS,
		.n_packets = 3,
		.n_bytes = 4,
		.duration_ns = 1000000001,
		.n_bands = 2,
		.bands = bands };
	uint64_t counts[] = { 1, 2, 3, 4 };

	meter.band_stats = (void *)counts;
	begin(OF_REQ_METER_STATS);
	v->put_meter_stats(&mp, &meter);
	end("04130058 00000002 0009 0000 00000000 00000007 0048 000000000000 00000002 "
	    "0000000000000003 0000000000000004 00000001 00000001 0000000000000001 "
	    "0000000000000002 0000000000000003 0000000000000004");
	begin(OF_REQ_METER_CONFIG);
	v->put_meter_config(&mp, &meter);
	end("04130038 00000002 000a 0000 00000000 0028 0009 00000007 0001 0010 000003e8 00000064 "
	    "00000000 0002 0010 000001f4 00000032 01000000");
	begin(OF_REQ_METER_FEATURES);
	v->put_meter_features(&mp, 1000);
	end("04130020 00000002 000b 0000 00000000 000003e8 00000006 0000000f 08 00 0000");
}

static void flows_are_told_with_match_and_instructions(void **state)
{
	struct of_instructions instructions = { .has_apply = true, .apply = { 1, &to_2 } };
	struct of_flow_info flow = { .table = 3,
		.priority = 500,
		.idle_timeout_s = 10,
		.hard_timeout_s = 20,
		.flags = OF_FF_SEND_FLOW_REM,
		.cookie = 0x11,
		.n_packets = 7,
		.n_bytes = 8,
		.duration_ns = 5000000009,
		.instructions = &instructions };

	of_match_set(&flow.match, OF_FIELD_IN_PORT, (const uint8_t[]){ 0, 0, 0, 1 }, NULL);
	begin(OF_REQ_FLOW_STATS);
	v->put_flow(&mp, &flow);
	end("04130068 00000002 0001 0000 00000000 0058 03 00 00000005 00000009 01f4 000a 0014 0001 "
	    "00000000 0000000000000011 0000000000000007 0000000000000008 0001000c80000004 "
	    "0000000100000000 0004001800000000" OUTPUT_2);
	begin(OF_REQ_NX_FLOW_MONITOR);
	v->put_flow_update(&mp, 0, 0, &flow);
	flow.instructions = NULL;
	v->put_flow_update(&mp, 1, OF_RR_DELETE, &flow);
	v->put_flow_update(&mp, 3, 0x01020304, NULL);
	end("04130088 00000002 ffff 0000 00000000 4f4e4600 0000074e 0040 0000 0000 01f4 000a 0014 "
	    "000c 03 00 0000000000000011 0001000c80000004 0000000100000000 "
	    "0004001800000000" OUTPUT_2 "0028 0001 0002 01f4 000a 0014 000c 03 00 "
	    "0000000000000011 0001000c80000004 0000000100000000 0008 0003 01020304");
}

/* Of each message of a reply: it is whole, says whether more come, and its entries are n bytes. */
static size_t count_entries(size_t header, size_t n)
{
	size_t n_entries = 0;

	for (size_t at = 0; at < out.len;) {
		const uint8_t *msg = out.data + at;
		size_t len = of_get_u16(msg + 2);

		assert_true(len >= header && at + len <= out.len);
		assert_int_equal(of_get_u16(msg), 0x0413);
		assert_int_equal(of_get_u32(msg + 4), 2);
		at += len;
		assert_int_equal(of_get_u16(msg + 10), at < out.len);
		assert_int_equal((len - header) % n, 0);
		for (size_t i = header; i < len; i += n)
			assert_int_equal(of_get_u32(msg + i + n % 64), n_entries++);
	}
	return n_entries;
}

static void long_reply_is_cut_between_entries(void **state)
{
	struct of_port_info port = web1;

	begin(OF_REQ_PORT_DESC);
	for (port.no = 0; port.no < 3000; port.no++)
		v->put_port_desc(&mp, &port);
	v->end(&mp);
	assert_int_equal(count_entries(16, 64), 3000);
	of_buf_done(&out);
}

static void last_message_of_a_reply_may_be_full(void **state)
{
	static const struct of_queue_stats queue;

	/* 1637 entries of 40 bytes are 65496 with the header, one more does not fit. */
	begin(OF_REQ_QUEUE_STATS);
	for (int i = 0; i < 1637; i++)
		v->put_queue_stats(&mp, &queue);
	v->end(&mp);
	assert_int_equal(out.len, 65496);
	assert_int_equal(of_get_u16(out.data + 10), 0);
	of_buf_done(&out);
	begin(OF_REQ_QUEUE_STATS);
	for (int i = 0; i < 1638; i++)
		v->put_queue_stats(&mp, &queue);
	v->end(&mp);
	assert_int_equal(out.len, 65496 + 16 + 40);
	assert_int_equal(of_get_u16(out.data + 10), 1);
	of_buf_done(&out);
}

static void experimenters_reply_is_cut_with_its_own_header(void **state)
{
	begin(OF_REQ_NX_FLOW_MONITOR);
	for (unsigned i = 0; i < 20000; i++)
		v->put_flow_update(&mp, 3, i, NULL);
	v->end(&mp);
	for (size_t at = 0; at < out.len; at += of_get_u16(out.data + at + 2))
		assert_memory_equal(out.data + at + 16, "ONF\0\0\0\7\x4e", 8);
	assert_true(out.len > 20000 * 8 + 2 * 24);
	of_buf_done(&out);
}

/* Bit map of the types of a table's properties, each of which must be there once. */
static uint32_t property_types(const uint8_t *entry, size_t *ret_next)
{
	size_t len = of_get_u16(entry), n;
	uint32_t types = 0;

	for (size_t at = 64; at < len; at += (n + 7) / 8 * 8) {
		unsigned type = of_get_u16(entry + at);

		n = of_get_u16(entry + at + 2);
		assert_true(n >= 4 && type < 32 && !(types >> type & 1));
		types |= UINT32_C(1) << type;
		if (type == 2)
			*ret_next = n - 4;
	}
	return types;
}

static void table_features_have_every_property_once(void **state)
{
	size_t n_next = 0;

	for (uint8_t i = 0; i < OF_N_TABLES; i++) {
		struct of_table_info table = { .table = i, .max_flows = 1000 };

		begin(OF_REQ_TABLE_FEATURES);
		v->put_table_features(&mp, &table);
		v->end(&mp);
		assert_int_equal(out.data[16 + 2], i);
		assert_int_equal(of_get_u16(out.data + 16), out.len - 16);
		assert_int_equal(of_get_u32(out.data + 16 + 60), 1000);
		assert_int_equal(property_types(out.data + 16, &n_next), 0xf5ff);
		assert_int_equal(n_next, OF_N_TABLES - 1 - i);
		of_buf_done(&out);
	}
}

static void last_table_cannot_go_on(void **state)
{
	static const struct of_table_info table = { .table = OF_N_TABLES - 1 };

	begin(OF_REQ_TABLE_FEATURES);
	v->put_table_features(&mp, &table);
	v->end(&mp);
	/* Instructions of the standard without goto, then no next table. */
	assert_memory_equal(out.data + 16 + 64,
		"\0\0\0\x18\0\2\0\4\0\3\0\4\0\4\0\4\0\5\0\4\0\6\0\4\0\2\0\4\0\0\0\0", 32);
	of_buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_has_the_bit_map_element),
		cmocka_unit_test(error_brings_the_message_as_far_as_there_is_room),
		cmocka_unit_test(replies_of_one_message_are_the_standards),
		cmocka_unit_test(packet_in_tells_what_the_frame_does_not),
		cmocka_unit_test(packet_in2_has_a_property_a_thing),
		cmocka_unit_test(frame_of_any_length_fits_in_a_packet_in),
		cmocka_unit_test(flow_removed_and_port_status_are_the_standards),
		cmocka_unit_test(reply_about_nothing_is_one_message),
		cmocka_unit_test(desc_has_texts_of_fixed_length),
		cmocka_unit_test(statistics_are_the_standards),
		cmocka_unit_test(groups_are_told_with_their_buckets),
		cmocka_unit_test(meters_are_told_with_their_bands),
		cmocka_unit_test(flows_are_told_with_match_and_instructions),
		cmocka_unit_test(long_reply_is_cut_between_entries),
		cmocka_unit_test(last_message_of_a_reply_may_be_full),
		cmocka_unit_test(experimenters_reply_is_cut_with_its_own_header),
		cmocka_unit_test(table_features_have_every_property_once),
		cmocka_unit_test(last_table_cannot_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
