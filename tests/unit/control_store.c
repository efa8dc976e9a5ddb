/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The store: what is saved is there again, whole, and a read-only one is left alone.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_by_hand.h"
#include "run_dir.h"
#include "store.h"

static char folder[] = "/tmp/shunt-store-XXXXXX";
static char path[64], tmp_path[64];
static struct conf_env env;

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/config.yaml", folder);
	snprintf(tmp_path, sizeof(tmp_path), "%s/config.yaml.tmp", folder);
	conf_env_init(&env, folder);
	return 0;
}

static int remove_folder(void **state)
{
	char lock[64];

	snprintf(lock, sizeof(lock), "%s/shuntd.lock", folder);
	unlink(path);
	unlink(tmp_path);
	unlink(lock);
	return rmdir(folder);
}

static void first_start_finds_an_empty_store(void **state)
{
	struct store store;
	struct conf conf;

	assert_int_equal(store_init(&store, NULL, folder, NULL), 0);
	assert_int_equal(store_load(&store, &env, &conf, NULL), 0);
	assert_int_equal(conf.of[API_BRIDGE].n, 0);
	conf_done(&conf);
}

static void what_is_saved_is_loaded(void **state)
{
	struct conf conf = conf_of("bridges: [ { name: br0 } ]\n"), back;
	struct sh_err err = { "" };
	struct store store;

	assert_int_equal(store_init(&store, NULL, folder, NULL), 0);
	if (store_save(&store, &conf, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(store_load(&store, &env, &back, NULL), 0);
	assert_non_null(conf_item(&back, API_BRIDGE, "br0"));
	assert_int_equal(access(tmp_path, F_OK), -1);
	conf_done(&conf);
	conf_done(&back);
}

static void half_a_temporary_file_does_no_harm(void **state)
{
	struct store store;
	struct conf conf;
	FILE *f = fopen(tmp_path, "we");

	assert_non_null(f);
	fputs("bridges:\n  - { na", f);
	fclose(f);
	assert_int_equal(store_init(&store, NULL, folder, NULL), 0);
	assert_int_equal(store_load(&store, &env, &conf, NULL), 0);
	assert_int_equal(store_save(&store, &conf, NULL), 0);
	assert_int_equal(access(tmp_path, F_OK), -1);
	conf_done(&conf);
}

static void save_that_fails_leaves_the_old_file(void **state)
{
	struct conf conf = conf_of("bridges: [ { name: other } ]\n"), back;
	struct sh_err err = { "" };
	struct store store;

	assert_int_equal(store_init(&store, NULL, folder, NULL), 0);
	/* A folder in the way of the temporary file stops root too. */
	assert_int_equal(mkdir(tmp_path, 0700), 0);
	assert_int_equal(store_save(&store, &conf, &err), -EISDIR);
	assert_non_null(strstr(err.text, "cannot save the configuration in"));
	assert_int_equal(rmdir(tmp_path), 0);
	assert_int_equal(store_load(&store, &env, &back, NULL), 0);
	assert_null(conf_item(&back, API_BRIDGE, "other"));
	conf_done(&conf);
	conf_done(&back);
}

static void read_only_store_is_never_written(void **state)
{
	struct conf conf = conf_of("bridges: [ { name: other } ]\n"), back;
	struct store store;

	assert_int_equal(store_init(&store, path, folder, NULL), 0);
	assert_int_equal(store_save(&store, &conf, NULL), 0);
	assert_int_equal(store_load(&store, &env, &back, NULL), 0);
	assert_null(conf_item(&back, API_BRIDGE, "other"));
	conf_done(&conf);
	conf_done(&back);
}

static void file_given_must_be_there(void **state)
{
	struct sh_err err = { "" };
	struct store store;
	struct conf conf;

	assert_int_equal(store_init(&store, "/nonexistent/x.yaml", folder, NULL), 0);
	assert_int_equal(store_load(&store, &env, &conf, &err), -ENOENT);
	assert_string_equal(err.text, "/nonexistent/x.yaml: No such file or directory");
}

static void second_shuntd_is_refused_by_the_lock(void **state)
{
	struct sh_err err = { "" };
	int first = run_dir_lock(folder, NULL), second;

	assert_true(first >= 0);
	second = run_dir_lock(folder, &err);
	assert_int_equal(second, -EBUSY);
	assert_non_null(strstr(err.text, "another shuntd (pid "));
	close(first);
	second = run_dir_lock(folder, NULL);
	assert_true(second >= 0);
	close(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_start_finds_an_empty_store),
		cmocka_unit_test(what_is_saved_is_loaded),
		cmocka_unit_test(half_a_temporary_file_does_no_harm),
		cmocka_unit_test(save_that_fails_leaves_the_old_file),
		cmocka_unit_test(read_only_store_is_never_written),
		cmocka_unit_test(file_given_must_be_there),
		cmocka_unit_test(second_shuntd_is_refused_by_the_lock),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
