/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Values and the field tables.
 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "api/value.h"

static void numbers_are_read_to_the_last_digit(void **state)
{
	uint64_t value;

	assert_int_equal(api_parse_uint("18446744073709551615", &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(api_parse_uint("18446744073709551616", &value), -ERANGE);
	assert_int_equal(api_parse_uint("", &value), -EINVAL);
	assert_int_equal(api_parse_uint("+1", &value), -EINVAL);
	assert_int_equal(api_parse_uint(" 1", &value), -EINVAL);
	assert_int_equal(api_parse_uint("1x", &value), -EINVAL);
}

static void sizes_count_by_1024_and_rates_by_1000(void **state)
{
	uint64_t value;

	assert_int_equal(api_parse_size("2K", &value), 0);
	assert_int_equal(value, 2048);
	assert_int_equal(api_parse_size("512M", &value), 0);
	assert_int_equal(value, 512u << 20);
	assert_int_equal(api_parse_rate("10G", &value), 0);
	assert_true(value == 10000000000u);
	assert_int_equal(api_parse_rate("7", &value), 0);
	assert_int_equal(value, 7);
	assert_int_equal(api_parse_size("17179869184T", &value), -ERANGE);
	assert_int_equal(api_parse_rate("1Mbit", &value), -EINVAL);
	assert_int_equal(api_parse_rate("M", &value), -EINVAL);
}

static void addresses_are_six_bytes_with_colons(void **state)
{
	static const char *const bad[] = { "", "02:00:00:00:00", "02:00:00:00:00:0",
		"02:00:00:00:00:01:", "02-00-00-00-00-01", "0200:00:00:00:01", "2:0:0:0:0:1" };
	uint8_t mac[6];
	char text[18];

	assert_int_equal(api_parse_mac("02:00:00:Aa:0b:01", mac), 0);
	api_format_mac(mac, text);
	assert_string_equal(text, "02:00:00:aa:0b:01");
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(api_parse_mac(bad[i], mac), -EINVAL);
}

static void check_value(const char *name, const char *text, const char *expected)
{
	char value[API_VALUE_LEN] = "untouched";
	int r = api_value_check(api_field_find(API_PORT, name), text, value, NULL);

	assert_int_equal(r, expected ? 0 : -EINVAL);
	assert_string_equal(value, expected ? expected : "untouched");
}

static void checked_values_are_canonical(void **state)
{
	check_value("vlan", "0042", "42");
	check_value("rate_limit_in", "0100M", "100M");
	check_value("mac", "02:00:00:00:00:FF", "02:00:00:00:00:ff");
	check_value("trunk", "10,20-29", "10,20-29");
	check_value("trunk", "all", "all");
	check_value("trunk", "10,", NULL);
	check_value("trunk", "", NULL);
	check_value("trunk", "4095", NULL);
	check_value("name", "web_1.a-b", "web_1.a-b");
	check_value("name", "web 1", NULL);
	check_value("name", "-web1", NULL);
	check_value("name", "..", NULL);
	check_value("enabled", "yes", NULL);
	check_value("socket", "a\x7f", NULL);
}

static void error_says_field_value_and_what_is_allowed(void **state)
{
	char value[API_VALUE_LEN];
	struct sh_err err;

	assert_int_equal(
		api_value_check(api_field_find(API_PORT, "vlan"), "4095", value, &err), -EINVAL);
	assert_string_equal(err.text, "vlan: '4095' is not allowed: a number from 0 to 4094");
	assert_int_equal(
		api_value_check(api_field_find(API_PORT, "mtu"), "1", value, &err), -EINVAL);
	assert_string_equal(err.text, "mtu: '1' is not allowed: a number from 68 to 9000");
	assert_int_equal(
		api_value_check(api_field_find(API_PORT, "mode"), "x", value, &err), -EINVAL);
	assert_string_equal(err.text, "mode: 'x' is not allowed: server or client");
}

static void lists_are_texts_with_commas(void **state)
{
	const struct api_field *cpus = api_field_find(API_WORKERS, "cpus");
	json_t *array = json_pack("[i, s]", 1, "02");
	char value[API_VALUE_LEN];
	json_t *back;

	assert_int_equal(api_value_from_json(cpus, array, value, NULL), 0);
	assert_string_equal(value, "1,2");
	back = api_value_to_json(cpus, value);
	assert_int_equal(json_array_size(back), 2);
	assert_int_equal(json_integer_value(json_array_get(back, 1)), 2);
	json_decref(array);
	json_decref(back);
}

static void each_table_is_complete(void **state)
{
	for (int noun = 0; noun < API_N_NOUNS; noun++) {
		const struct api_table *table = &api_tables[noun];
		unsigned n_lists = 0, n_nested = 0;
		char allowed[384];

		assert_true(table->n_fields > 0 && table->n_fields <= API_MAX_FIELDS);
		for (unsigned i = 0; i < table->n_fields; i++) {
			const struct api_field *field = &table->fields[i];

			assert_true(strlen(field->help) > 3);
			assert_true(strlen(api_field_allowed(field, allowed, sizeof(allowed))) > 3);
			assert_int_equal(api_field_index(noun, field->name), i);
			assert_true(field->type != API_TYPE_ENUM || field->words);
			if (api_field_is_list(field))
				assert_int_equal(api_field_list_slot(noun, field), n_lists++);
			if (!api_field_is_nested(field))
				continue;
			assert_int_equal(api_field_slot(noun, field), n_nested++);
			assert_string_equal(api_tables[field->ref].key, field->name);
			assert_int_equal(
				api_tables[field->ref].single, field->type == API_TYPE_ITEM);
			assert_true(field->ref >= API_N_KEYS);
		}
		/* The model has room for so many. */
		assert_true(n_lists <= API_MAX_LISTS && n_nested <= API_MAX_NESTED);
	}
}

static void each_default_in_a_word_or_number_is_allowed(void **state)
{
	for (int noun = 0; noun < API_N_NOUNS; noun++) {
		for (unsigned i = 0; i < api_tables[noun].n_fields; i++) {
			const struct api_field *field = &api_tables[noun].fields[i];
			char value[API_VALUE_LEN];

			if (!field->def || strchr(field->def, ' '))
				continue;
			assert_int_equal(api_value_check(field, field->def, value, NULL), 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_to_the_last_digit),
		cmocka_unit_test(sizes_count_by_1024_and_rates_by_1000),
		cmocka_unit_test(addresses_are_six_bytes_with_colons),
		cmocka_unit_test(checked_values_are_canonical),
		cmocka_unit_test(error_says_field_value_and_what_is_allowed),
		cmocka_unit_test(lists_are_texts_with_commas),
		cmocka_unit_test(each_table_is_complete),
		cmocka_unit_test(each_default_in_a_word_or_number_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
